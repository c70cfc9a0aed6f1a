#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
#
# test_submit.sh: `chaos run --kubeconfig`: a file from here, its run there, and the run folder back here.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

submit()
{
	"$cluster" sh "$KUBE_DIR" "$CHAOS" run --kubeconfig "$KUBE_DIR/kubeconfig" --namespace "$ns" "$@"
}
folder_has()
{
	local f

	for f in experiment.yaml events.jsonl summary.json report.html junit.xml; do
		[ -s "$work/$1/$f" ] || { echo "no $f"; return 1; }
	done
}
told()
{
	jq -r "$2" "$work/$1/summary.json"
}
nothing_left()
{
	[ -z "$(kn get "$1" -o name)" ]
}

start_pods a:n1 b:n2

# --- an Experiment, with a description, which the API server does not know
{
	experiment cut 8s | sed 's/{name: cut}/{name: cut, description: "What a cut does."}/'
	cat <<-END
	  endpoints:
	    a: {pods: {name: a}}
	    b: {pods: {name: b}}
	  faults:
	    - {name: cut, at: 2s, for: 4s, partition: {halves: [a, b]}}
	  expect: ["faults[cut].hits.dropped > 0"]
	END
} >"$work/cut.yaml"
nsenter --net="/proc/${pid[a]}/ns/net" ping -n -i 0.1 -w 200 "${ip[b]}" >/dev/null 2>&1 &
ping=$!
cleanup()
{
	kill "$ping" 2>/dev/null
}
submit --out "$work/cut" "$work/cut.yaml" >"$work/cut.out" 2>&1
is "its expectations hold: exit status 0" 0 $?
sed 's/^/# /' "$work/cut.out"
check "the run folder" folder_has cut
is "complete" complete "$(told cut .status)"
check "packets were dropped ($(told cut .faults[0].hits.dropped))" test "$(told cut .faults[0].hits.dropped)" -gt 0
is "both nodes" "n1 n2" "$(told cut '[.cluster.nodes[].node] | join(" ")')"
is "the verdict of the agents' collector is that of the report here" pass "$(told cut .verdict)"
check "the object is gone" nothing_left experiments
check "chaos report renders it again" "$CHAOS" report "$work/cut"

# --- ended, as by Ctrl-C
sed 's/cut, desc/long, desc/; s/8s/100s/; s/for: 4s/for: 90s/' "$work/cut.yaml" >"$work/long.yaml"
# not by the function: its pid would be that of a shell around it
"$cluster" sh "$KUBE_DIR" "$CHAOS" run --kubeconfig "$KUBE_DIR/kubeconfig" --namespace "$ns" \
	--out "$work/long" "$work/long.yaml" >"$work/long.out" 2>&1 &
run=$!
check "cut" wait_until 30 cut_way a b
kill -TERM "$run" # what is in the background of a script does not hear SIGINT
wait "$run"
is "ended: exit status 130" 130 $?
check "open" wait_until 10 open_way a b
check "its record came back" folder_has long
is "interrupted" interrupted "$(told long .status)"

# --- NetworkChaos
cat >"$work/loss.yaml" <<END
apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata: {name: lossy}
spec:
  action: loss
  mode: all
  selector: {labelSelectors: {name: a}}
  loss: {loss: "100"}
  duration: 4s
END
submit --out "$work/loss" "$work/loss.yaml" >"$work/loss.out" 2>&1
is "a NetworkChaos: exit status 0" 0 $?
check "packets were dropped ($(told loss .faults[0].hits.dropped))" test "$(told loss .faults[0].hits.dropped)" -gt 0

# --- refused before anybody is asked
sed 's/partition: .*}}/loss: {probability: 130%}}/' "$work/cut.yaml" >"$work/bad.yaml"
submit --out "$work/bad" "$work/bad.yaml" >"$work/bad.out" 2>&1
is "130 %: exit status 2" 2 $?
like "with its place" 'bad\.yaml:[0-9]+:[0-9]+: ' "$(<"$work/bad.out")"
check "and no folder" test ! -e "$work/bad"
check "nor an object" nothing_left experiments,networkchaos
finish
