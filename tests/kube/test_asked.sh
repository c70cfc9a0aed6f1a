#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
#
# test_asked.sh: the kubelet's probes are cut where its address is asked for, and then the pod is restarted, as by any
# other partition of node and pod.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

{
	pod a n1
	echo "      livenessProbe: {httpGet: {path: /etc/passwd, port: 8080}, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 1}"
} | kn apply -f - >/dev/null
pods_run a
restarts()
{
	kn get pod a -o jsonpath='{.status.containerStatuses[0].restartCount}'
}
is "not restarted so far" 0 "$(restarts)"
{
	experiment asked 60s
	echo "  endpoints: {a: {pods: {name: a}}, kubelet: {cidr: 10.66.1.1/32}}"
	echo "  faults: [{at: 1s, for: 50s, partition: {halves: [a, kubelet]}}]"
} | kn apply -f - >/dev/null
check "its kubelet hears nothing of it and restarts it" wait_until 50 eval '[ "$(restarts)" -gt 0 ]'
check "packets were dropped" eval '[ "$(hits experiment/asked)" -gt 0 ]'
kn annotate experiment asked netchaos.dev/stop=true >/dev/null
check "Stopped" wait_phase experiment/asked Stopped 30
finish
