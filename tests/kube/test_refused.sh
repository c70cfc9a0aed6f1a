#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 150
#
# test_refused.sh: what is wrong is refused at once by the API server, or by the agents in status and as an Event, with the field's path
# and why; nothing is cut meanwhile.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

start_pods a:n1 b:n2

# --- the schema ---
refused()
{
	if kn apply -f - >"$work/out" 2>&1; then
		echo accepted
	else
		cat "$work/out"
	fi
}
# fault WORDS: an Experiment with one fault of these.
fault()
{
	between "${2:-bad}" 20s "at: 1s, $1"
}
like "an unknown field" 'unknown field.*form' "$(fault 'form: 12s, partition: {halves: [a, b]}' | refused)"
like "a loss of 130 %" 'spec.faults.loss' "$(fault 'from: a, loss: 130' | refused)"
like "a delay in no unit" 'spec.faults.delay' "$(fault 'from: a, delay: 10q' | refused)"
like "a direction that is none" 'spec.faults.direction' "$(fault 'from: a, direction: out, loss: 5%' | refused)"

# --- the agents ---
# says KIND/NAME PATTERN: Refused, and why in status or in a node's message.
says()
{
	wait_phase "$1" Refused 30 && kn get "$1" -o json | jq -r '.status | .. | .message? // empty' | grep -qE -- "$2"
}
told()
{
	kn get events -o json | jq -r --arg n "$1" '.items[] | select(.involvedObject.name == $n) | .message' | grep -qE -- "$2"
}
fault 'from: c, loss: 5%' unknown-endpoint | kn apply -f - >/dev/null
check "an endpoint that is not there: Refused" says experiment/unknown-endpoint 'spec\.faults.*`?c`?'
check "as an Event too" wait_until 10 told unknown-endpoint 'spec\.faults'
{
	experiment lab 20s
	echo "  lab: {nodes: {n1: {run: sleep 10}}}"
	echo "  faults: [{at: 1s, partition: {isolate: n1}}]"
} | kn apply -f - >/dev/null
check "a lab: Refused" says experiment/lab 'spec\.lab'
{
	experiment process 20s
	echo "  endpoints: {p: {process: etcd}}"
	echo "  faults: [{at: 1s, from: p, loss: 5%}]"
} | kn apply -f - >/dev/null
check "a process: Refused" says experiment/process 'spec\.endpoints\.p'
{
	experiment nobody 20s
	echo "  endpoints: {x: {pods: {labels: {app: nobody}}}}"
	echo "  faults: [{at: 1s, from: x, loss: 5%}]"
} | kn apply -f - >/dev/null
nobody()
{
	kn get experiment nobody -o json | jq -r '.status | .. | .message? // empty' | grep -qiE 'no pod|nothing|x'
}
check "a selector that matches nothing is said" wait_until 30 nobody
{
	experiment too-many 20s
	echo "  maxEndpoints: 1"
	echo "  endpoints: {x: {pods: {expressions: [{key: name, operator: Exists}]}}}"
	echo "  faults: [{at: 1s, from: x, loss: 5%}]"
} | kn apply -f - >/dev/null
check "more pods than maxEndpoints: Refused" says experiment/too-many '[Ee]ndpoints'

# --- Chaos Mesh's ---
# chaos NAME SPEC-LINES
chaos()
{
	cat <<-END
	apiVersion: chaos-mesh.org/v1alpha1
	kind: NetworkChaos
	metadata: {name: $1}
	spec:
	$2
	END
}
chaos unknown-field '  action: loss
  mode: all
  selector: {labelSelectors: {name: a}}
  loss: {loss: "5"}
  colour: red' | kn apply -f - >/dev/null
check "a field that nobody knows: Refused" says networkchaos/unknown-field 'spec\.colour'
chaos unknown-action '  action: explode
  mode: all
  selector: {labelSelectors: {name: a}}' | kn apply -f - >/dev/null
check "an action that is none: Refused" says networkchaos/unknown-action 'spec\.action'
chaos percent '  action: loss
  mode: all
  selector: {labelSelectors: {name: a}}
  loss: {loss: "150"}' | kn apply -f - >/dev/null
check "150 percent: Refused" says networkchaos/percent 'spec\.loss'
kn run host --image="$base_image" --image-pull-policy=Never --overrides='{"spec": {"hostNetwork": true}}' -l name=host \
	-- /bin/sleep 100000 >/dev/null
check "a pod of the host's network" kn wait pod/host --for=condition=Ready --timeout=60s
chaos host '  action: loss
  mode: all
  selector: {labelSelectors: {name: host}}
  loss: {loss: "50"}' | kn apply -f - >/dev/null
check "hostNetwork: Refused" says networkchaos/host 'host'
is "nothing was lost meanwhile" 20 "$(arrive a b)"
finish
