#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# timed
#
# kube_submit.sh: `chaos run --kubeconfig` against an API server and agents that only say what real ones do
# (tests/tools/fake_api.py, fake_agent.py): created, followed, stopped, brought back, deleted; and all that goes wrong with it.
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

# What is followed is replaced while it is looked at: sanitized. 1 is a verdict.
CHAOS=$O/tests/netns/chaos-sanitized
export ASAN_OPTIONS=exitcode=86
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

# Whatever became of the run: they end with the object.
agents_end()
{
	curl -s -X DELETE "$url$experiments/cut" >/dev/null
	wait_gone 20 "$agent" || kill "$agent"
	wait "$agent"
}

# run NAME ARGUMENTS...: the status in $status, what it says in $out
run()
{
	local name=$1

	shift
	out=$("$CHAOS" run --kubeconfig "$tmp/config" -o "$tmp/$name" "$@" "$tmp/cut.yaml" 2>&1)
	status=$?
}

# start NAME ARGUMENTS...: the same in the background, $pid; what it says is in $tmp/NAME.out
start()
{
	local name=$1

	shift
	mark
	"$CHAOS" run --kubeconfig "$tmp/config" -o "$tmp/$name" "$@" "$tmp/cut.yaml" >"$tmp/$name.out" 2>&1 &
	pid=$!
}

# ends SECONDS: of what start began; its $status
ends()
{
	wait_gone "$1" "$pid" || kill -KILL "$pid"
	wait "$pid"
	status=$?
}

rules() { curl -s -X POST -d "$1" "$url/fake/rules" >/dev/null; }

mark() { marked=$(wc -l <"$tmp/requests"); }

# asked SECONDS ERE [TIMES]: the server, since `mark`
asked()
{
	# shellcheck disable=SC2016
	wait_until "$1" bash -c '[ "$(tail -n "+$0" "$1" | grep -cE -- "$2")" -ge "$3" ]' "$((marked + 1))" "$tmp/requests" "$2" "${3-1}"
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
start five
check "it runs" wait_until 30 grep -q 'n1 Running' "$tmp/five.out"
# The request to stop fails, twice.
rules '["PATCH:experiments/cut#1-2=status:503"]'
kill -INT "$pid"
ends 30
rules '[]'
is "Ctrl-C ends it" 130 "$status"
is "that it was not easy is said once" 1 "$(grep -c 'cannot be stopped: .*; it is tried again$' "$tmp/five.out")"
like "by the annotation" 'PATCH .*/experiments/cut$' "$(cat "$tmp/requests")"
check "which the agents saw" wait_gone 20 "$agent"
check "its record came back" test -s "$tmp/five/report.html"
is "and it is deleted" '' "$(there cut)"

start six
wait_until 30 grep -q created "$tmp/six.out"
kill -INT "$pid"
ends 20
is "without agents, too" 130 "$status"
is "nothing stays" '' "$(there cut)"

# The record is on its way and does not come.
agents
rules '["GET:configmaps=silent"]'
start slow
check "the record is fetched" asked 30 'GET .*/configmaps/'
kill -INT "$pid"
ends 10
rules '[]'
is "Ctrl-C ends that, too" 130 "$status"
like "which is said" 'interrupted while its record was fetched' "$(cat "$tmp/slow.out")"
is "the record stays in the cluster" cut "$(there cut)"
agents_end

# A command makes credentials, and does not care for Ctrl-C.
sed 's|user: {}|user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login}}|' "$tmp/config" >"$tmp/config.exec"
cat >"$tmp/login" <<'END'
#!/bin/bash
trap '' INT
touch "$0.began"
until [ -e "$0.end" ]; do sleep 0.02; done
echo '{"kind": "ExecCredential", "status": {"token": "x"}}'
END
chmod +x "$tmp/login"
mark
"$CHAOS" run --kubeconfig "$tmp/config.exec" -o "$tmp/login-run" "$tmp/cut.yaml" >"$tmp/login.out" 2>&1 &
pid=$!
wait_until 20 test -e "$tmp/login.began"
kill -INT "$pid"
touch "$tmp/login.end"
ends 20
is "Ctrl-C while a command makes credentials" 130 "$status"
is "nothing was asked for" "$marked" "$(wc -l <"$tmp/requests")"

agents --hold
start seven
wait_until 30 grep -q 'n1 Running' "$tmp/seven.out"
curl -s -X DELETE "$url$experiments/cut" >/dev/null
ends 20
is "deleted in the middle" 3 "$status"
like "is said" 'was deleted before its end' "$(cat "$tmp/seven.out")"
wait "$agent"

# Before the first look at it: nobody tells of it. (limit=1 is the question whether it may look at all.)
rules '["list:experiments=latency:2"]'
start unseen
check "its list is asked for" asked 20 'GET .*/experiments\?limit=[0-9]{2,}.*fieldSelector'
curl -s -X DELETE "$url$experiments/cut" >/dev/null
ends 20
rules '[]'
is "deleted before it was seen" 3 "$status"
like "is said, too" 'was deleted before its end' "$(cat "$tmp/unseen.out")"

# --- the object changes while its record is fetched: what was read of the old one is no more

# newer NAME AGENT-ARGUMENTS...
newer()
{
	local name=$1

	shift
	rules '["GET:configmaps=latency:1"]'
	mark
	agents "$@"
	(asked 30 'GET .*/configmaps/' && curl -s -X PATCH -H 'Content-Type: application/merge-patch+json' \
		-d '{"status":{"message":"newer"}}' "$url$experiments/cut/status" >/dev/null) &
	run "$name"
	rules '[]'
	like "$name: the change came meanwhile" 'Finished: newer' "$out"
}
newer changed
is "a change while the record is fetched changes nothing" 1 "$status"
is "all of it came" "n1 n2" "$(jq -r '.cluster.nodes | map(.node) | join(" ")' "$tmp/changed/summary.json")"
agents_end
newer changed-none --broken n1,n2
is "a change while nothing of it can be read" 3 "$status"
is "leaves it there" cut "$(there cut)"
agents_end

# --- a server that falters while the record is fetched

agents
rules '["GET:configmaps#1=reset","GET:configmaps#1=status:500"]'
run faltering
rules '[]'
is "what was not answered is asked for again" "n1 n2" "$(jq -r '.cluster.nodes | map(.node) | join(" ")' "$tmp/faltering/summary.json")"
wait "$agent"
agents
rules '["GET:-n2-=status:500"]'
run without
rules '[]'
is "without one that is there but cannot be had nothing passes" "1 n2" "$status $(jq -r '.cluster.missing[].node' "$tmp/without/summary.json")"
like "and the object stays" 'chaos: Experiment shop/cut stays in the cluster' "$out"
agents_end

# --- on a terminal of eight lines

agents --hold --nodes n1,n2,n3,n4,n5,n6,n7,n8,n9
mark
python3 - "$tmp/screen" "$CHAOS" run --kubeconfig "$tmp/config" -o "$tmp/screen-run" "$tmp/cut.yaml" <<'END' &
import fcntl, os, pty, struct, sys, termios
os.environ["TERM"] = "xterm"
pid, fd = pty.fork()
if not pid:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 8, 80, 0, 0))
    os.execv(sys.argv[2], sys.argv[2:])
with open(sys.argv[1], "wb", 0) as f:
    try:
        while data := os.read(fd, 65536):
            f.write(data)
    except OSError:
        pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
pid=$!
check "what finds no room is counted" wait_until 30 grep -q 'and 4 more nodes' "$tmp/screen"
rules '["watch=status:500"]'
curl -s -X POST "$url/fake/drop" >/dev/null
check "lost contact is said" wait_until 30 grep -q 'no contact' "$tmp/screen"
rules '[]'
check "and when it is back" wait_until 60 grep -q 'contact is back' "$tmp/screen"
curl -s -X DELETE "$url$experiments/cut" >/dev/null
ends 20
agents_end
is "never more lines than there are" 7 "$(grep -oP '\x1b\[\K[0-9]+(?=A)' "$tmp/screen" | sort -n | tail -1)"
is "and messages never in the middle of what is drawn" "" \
	"$(grep 'chaos: ' "$tmp/screen" | grep -vP '\x1b\[Jchaos: ')"

# --- what is wrong

agents --refuse "spec.duration: too long"
run eight
is "refused by the agents" 2 "$status"
like "with their words" 'refused by the agents: spec.duration: too long' "$out"
wait "$agent"
is "it does not stay" '' "$(there cut)"

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
