#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
#
# test_partition.sh: halves between two pods on two nodes, both families and by way of a service; others, and the kubelet's
# probes, pass; it lifts itself, and the status says what it met.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

# probed NAME NODE: a pod whose kubelet restarts it as soon as one probe a second is not answered.
probed()
{
	pod "$1" "$2" "app=$1"
	echo "      livenessProbe: {httpGet: {path: /etc/passwd, port: 8080}, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 1}"
}

{
	probed a n1
	pod b n2 app=b
	pod c n1
	pod d n2
} | kn apply -f - >/dev/null
kn create service clusterip b --tcp=80:8080 >/dev/null
pods_run a b c d
service=$(kn get service b -o jsonpath='{.spec.clusterIP}')
check "before: a to b" wait_until 10 open_way a b
check "before: a to the service" wait_until 20 http a "$service"

{
	experiment cut 44s
	cat <<-END
	  endpoints:
	    a: {pods: {name: a}}
	    b: {pods: {labels: {app: b}}}
	  faults:
	    - {name: cut, at: 2s, for: 36s, partition: {halves: [a, b]}}
	END
} | kn apply -f - >/dev/null
check "a to b is cut" wait_until 30 cut_way a b
is "b to a" 0 "$(arrive b a)"
is "a to b, IPv6" 0 "$(arrive6 a b)"
is "b to a, IPv6" 0 "$(arrive6 b a)"
is "a to c" 20 "$(arrive a c)"
is "a to d" 20 "$(arrive a d)"
is "c to b" 20 "$(arrive c b)"
check "a to the service, whose pod is b: cut" eval '! http a "$service"'
check "c to the service" http c "$service"
is "the phase" Running "$(status experiment/cut .phase)"
check "lifted by itself" wait_until 60 open_way a b
is "lifted, the way back" 20 "$(arrive b a)"
check "kubectl wait --for=condition=Finished" kn wait experiment/cut --for=condition=Finished --timeout=60s
is "the phase at the end" Finished "$(status experiment/cut .phase)"
check "packets were dropped ($(hits experiment/cut))" test "$(hits experiment/cut)" -gt 0
is "two nodes took part" "n1 n2" "$(status experiment/cut '.nodes | keys | join(" ")')"
collected()
{
	kn get configmap cut-chaos -o json | jq -e '.data["summary.json"] and .binaryData["report.html.gz"]'
}
check "both nodes' records became one report" wait_until 60 collected
is "no probe of the kubelet was cut: a was not restarted" 0 "$(kn get pod a -o jsonpath='{.status.containerStatuses[0].restartCount}')"
finish
