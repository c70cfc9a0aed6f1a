#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
#
# kube_submit.sh: `chaos run --kubeconfig` against an API server and agents that only say what real ones do
# (tests/tools/fake_api.py, fake_agent.py): created, followed, stopped, brought back, deleted; and all that goes wrong with it.
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

tmp=$(mktemp -d)
server='' agent=''
trap 'kill $server $agent $(jobs -p) 2>/dev/null; wait; rm -rf "$tmp"' EXIT
command -v python3 >/dev/null || skip_all "no python3"
command -v curl >/dev/null || skip_all "no curl"

python3 "$tap_root/tests/tools/fake_api.py" --ready "$tmp/url" --log "$tmp/requests" 2>"$tmp/server.log" &
server=$!
wait_until 30 test -s "$tmp/url" || { fail "the server comes up" "$(cat "$tmp/server.log")"; finish; }
url=$(<"$tmp/url")
experiments=/apis/netchaos.dev/v1alpha1/namespaces/shop/experiments

cat >"$tmp/config" <<END
current-context: a
contexts: [{name: a, context: {cluster: c, user: u, namespace: shop}}]
clusters: [{name: c, cluster: {server: "$url"}}]
users: [{name: u, user: {}}]
END
cat >"$tmp/cut.yaml" <<'END'
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: cut}
spec:
  duration: 60s
  endpoints:
    web: {pods: {namespace: shop, labels: {app: web}}}
  faults:
    - {name: cut, at: 10s, for: 15s, partition: {isolate: web}}
END
python3 "$tap_root/tests/lib/make_events.py" redis "$tmp/events" >/dev/null
events=$tmp/events/events.jsonl

# agents ARGUMENTS...: in the background
agents()
{
	python3 "$tap_root/tests/tools/fake_agent.py" "$url" "$experiments" "$events" "$@" 2>>"$tmp/agent.log" &
	agent=$!
}

# run NAME ARGUMENTS...: the status in $status, what it says in $out
run()
{
	local name=$1

	shift
	out=$("$CHAOS" run --kubeconfig "$tmp/config" -o "$tmp/$name" "$@" "$tmp/cut.yaml" 2>&1)
	status=$?
}

there() { curl -s "$url$experiments/$1" | jq -r '.metadata.name // empty'; }

# --- a run

agents --chunk 20000
run one
is "the record's verdict is the exit status" 1 "$status"
like "it is created" '^Experiment shop/cut created$' "$out"
like "it is followed" '^ +n1: pod shop/web-n1 Injected' "$out"
like "what was found is said" 'split brain' "$out"
for f in events.jsonl summary.json report.html junit.xml series.csv; do
	check "the run folder has $f" test -s "$tmp/one/$f"
done
is "and the file as it was" "$(cat "$tmp/cut.yaml")" "$(cat "$tmp/one/experiment.yaml")"
is "the record is of all nodes" "n1 n2" "$(jq -r '.cluster.nodes | map(.node) | join(" ")' "$tmp/one/summary.json")"
is "nothing is missing in it" 0 "$(jq '.cluster.missing | length' "$tmp/one/summary.json")"
# shellcheck disable=SC2016
check "it is rendered again from the record alone" bash -c '"$0" report "$1"; [ $? -le 1 ]' "$CHAOS" "$tmp/one"
wait "$agent"
is "the object is deleted at the end" '' "$(there cut)"
is "with its record" 0 "$(curl -s "$url/api/v1/namespaces/shop/configmaps" | jq '.items | length')"

# --- the pipeline's lines

if python3 -c 'import yaml' 2>/dev/null; then
	mkdir "$tmp/ci" && cp "$tmp/cut.yaml" "$tmp/ci/chaos.yaml"
	python3 - "$tap_root/chaos/ci/github-actions-kubernetes.yml" >"$tmp/ci/step" <<'END'
import sys, yaml
steps = yaml.safe_load(open(sys.argv[1]))['jobs']['chaos']['steps']
print(next(s['run'] for s in steps if s.get('name') == 'Run'))
END
	agents
	(cd "$tmp/ci" && RUNNER_TEMP=$tmp/ci KUBECONFIG_TEXT=$(<"$tmp/config") EXPERIMENT=chaos.yaml bash -e step >log 2>&1)
	is "the pipeline's step runs it" 1 $?
	check "and hands over the report" test -s "$tmp/ci/chaos-run/report.html"
	wait "$agent"
else
	skip "the pipeline's step" "no python3-yaml"
fi

# --- what is missing makes no verdict

agents --broken n2
run two --keep --json
is "without a node's record nothing passes" 1 "$status"
is "--json prints the summary" n2 "$(sed -n '/^{/,$p' <<<"$out" | jq -r '.cluster.missing[].node')"
like "what is broken is said" 'chaos: .*n2' "$out"
is "--keep leaves the object" cut "$(there cut)"
run three
is "a name that is taken is the user's to free" 2 "$status"
like "and it says how" 'Experiment shop/cut is there already \(Finished\); .*--replace' "$out"
kill "$agent" 2>/dev/null
wait "$agent" 2>/dev/null
# The agents take up the one that they see: the old one must be gone before they look.
old=$(curl -s "$url$experiments/cut" | jq -r .metadata.uid)
(
	until [ "$(curl -s "$url$experiments/cut" | jq -r '.metadata.uid // "none"')" != "$old" ]; do sleep 0.02; done
	exec python3 "$tap_root/tests/tools/fake_agent.py" "$url" "$experiments" "$events"
) &
agent=$!
run four --replace
is "--replace does it" 1 "$status"
wait "$agent"

# --- a Workflow

cat >"$tmp/flow.yaml" <<'END'
apiVersion: chaos-mesh.org/v1alpha1
kind: Workflow
metadata: {name: flow}
spec:
  entry: all
  templates:
    - {name: all, templateType: Serial, deadline: 60s, children: [slow, pause, cut]}
    - name: slow
      templateType: NetworkChaos
      deadline: 10s
      networkChaos: {action: delay, mode: all, selector: {labelSelectors: {app: web}}, delay: {latency: 200ms}}
    - {name: pause, templateType: Suspend, deadline: 3s}
    - name: cut
      templateType: NetworkChaos
      deadline: 10s
      networkChaos: {action: partition, mode: all, selector: {labelSelectors: {app: web}}}
END
experiments=/apis/chaos-mesh.org/v1alpha1/namespaces/shop/workflows agents
out=$("$CHAOS" run --kubeconfig "$tmp/config" -o "$tmp/flow" "$tmp/flow.yaml" 2>&1)
is "a Workflow is run, too" 1 $?
like "as what it is" '^Workflow shop/flow created$' "$out"
check "and brought back" test -s "$tmp/flow/report.html"
wait "$agent"
sed -i -e 's/^kind: Workflow/kind: Schedule/' "$tmp/flow.yaml"
out=$("$CHAOS" run --kubeconfig "$tmp/config" "$tmp/flow.yaml" 2>&1)
is "a Schedule is not" 2 $?
like "as it has no end" 'a Schedule has no end .*kubectl apply' "$out"

# --- Ctrl-C

agents --hold
"$CHAOS" run --kubeconfig "$tmp/config" -o "$tmp/five" "$tmp/cut.yaml" >"$tmp/five.out" 2>&1 &
pid=$!
check "it runs" wait_until 30 grep -q 'n1 Running' "$tmp/five.out"
kill -INT "$pid"
wait "$pid"
is "Ctrl-C ends it" 130 "$?"
like "by the annotation" 'PATCH .*/experiments/cut$' "$(cat "$tmp/requests")"
check "which the agents saw" wait_gone 20 "$agent"
check "its record came back" test -s "$tmp/five/report.html"
is "and it is deleted" '' "$(there cut)"

"$CHAOS" run --kubeconfig "$tmp/config" -o "$tmp/six" "$tmp/cut.yaml" >"$tmp/six.out" 2>&1 &
pid=$!
wait_until 30 grep -q created "$tmp/six.out"
kill -INT "$pid"
wait "$pid"
is "without agents, too" 130 "$?"
is "nothing stays" '' "$(there cut)"

agents --hold
"$CHAOS" run --kubeconfig "$tmp/config" -o "$tmp/seven" "$tmp/cut.yaml" >"$tmp/seven.out" 2>&1 &
pid=$!
wait_until 30 grep -q 'n1 Running' "$tmp/seven.out"
curl -s -X DELETE "$url$experiments/cut" >/dev/null
wait "$pid"
is "deleted in the middle" 3 "$?"
like "is said" 'was deleted before its end' "$(cat "$tmp/seven.out")"
wait "$agent"

# --- what is wrong

agents --refuse "spec.duration: too long"
run eight
is "refused by the agents" 2 "$status"
like "with their words" 'refused by the agents: spec.duration: too long' "$out"
wait "$agent"
is "it does not stay" '' "$(there cut)"

# rules JSON: how the server is wrong from now on
rules() { curl -s -X POST -d "$1" "$url/fake/rules" >/dev/null; }

rules '["POST=status:403"]'
run create
is "who may not create one" 2 "$status"
like "is told so" 'Experiment cannot be created in namespace shop: HTTP 403' "$out"
rules "[\"GET:$experiments?=status:403\"]"
run follow
is "who may not list them, but create one" 2 "$status"
like "is told so, too" 'Experiment cannot be followed in namespace shop: HTTP 403' "$out"
rules '[]'
is "and none is created" '' "$(there cut)"
rules '["GET:/configmaps/=status:403"]'
agents
run fetch
rules '[]'
is "who may not get its record" 3 "$status"
like "is told so, of each node" 'node n1, .*HTTP 403' "$out"
is "and it stays" cut "$(there cut)"
curl -s -X DELETE "$url$experiments/cut" >/dev/null
wait "$agent"

# wrong NAME ERE FILE-EDIT: refused before the server is asked for anything
wrong()
{
	local before

	before=$(wc -l <"$tmp/requests")
	sed -i.good -E "$3" "$tmp/cut.yaml"
	run nine
	mv "$tmp/cut.yaml.good" "$tmp/cut.yaml"
	like "$1" "$2" "$status $out"
	is "$1: the server is not asked" "$before" "$(wc -l <"$tmp/requests")"
}
wrong "a wrong field has its path" "^2 .*cut.yaml:9:59: unknown endpoint .wbe.; did you mean .web." 's/isolate: web/isolate: wbe/'
wrong "a wrong kind" "^2 .*expected an Experiment .*did you mean .Experiment" 's/kind: Experiment/kind: Experimnt/'
wrong "no name" "^2 .*metadata.name is missing" 's/\{name: cut\}/{}/'
wrong "another namespace" "^2 .*metadata.namespace" 's/\{name: cut\}/{name: cut, namespace: "A\/b"}/'
wrong "no YAML" "^2 .*cut.yaml:[0-9]+:[0-9]+: " 's/duration: 60s/duration: [/'
wrong "a lab is no pod" "^2 .*cut.yaml:6:8: a lab is made on one machine" 's/^  endpoints:/  lab: {nodes: {a: {}}}\n  endpoints:/'
run one
is "a folder that is there" 2 "$status"
sed -i 's/current-context: a/current-context: b/' "$tmp/config"
run ten
like "a wrong context" '^2 .*config:1:18: no context .b.; did you mean|^2 .*config:1:18: no context .b.' "$status $out"
diag "$(cat "$tmp/agent.log" "$tmp/server.log")"
finish
