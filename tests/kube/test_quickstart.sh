#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
#
# test_quickstart.sh: README's quick start, as it stands there: three etcd servers, and what the isolation of their leader does.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

quick=$tap_root/chaos/k8s/quickstart
check "kubectl apply -f chaos/k8s/quickstart" kn apply -f "$quick"
check "three etcd servers are ready" kn rollout status statefulset/etcd --timeout=120s
check "etcd-0 leads" kn wait job/etcd-0-leads --for=condition=complete --timeout=90s
check "Finished" kn wait experiment/etcd-leader-isolated --for=condition=Finished --timeout=200s
has_verdict()
{
	[ "$(status experiment/etcd-leader-isolated '.verdict // ""')" != "" ]
}
check "a verdict" wait_until 60 has_verdict
diag "$(status experiment/etcd-leader-isolated '{verdict, summary, nodes: (.nodes | map_values(.phase))}')"
# On a machine that was too busy for probes the verdict may be that it is not known.
like "it did not fail" '^(pass|unknown)$' "$(status experiment/etcd-leader-isolated .verdict)"
is "two servers said that they lead" L1 "$(status experiment/etcd-leader-isolated .summary.split_brain.level)"
is "no acknowledged write is lost" 0 "$(status experiment/etcd-leader-isolated .summary.writes.lost)"
check "writes were acknowledged" test "$(status experiment/etcd-leader-isolated .summary.writes.acked)" -gt 0
check "the report" eval 'kn get configmap etcd-leader-isolated-chaos -o json | jq -e ".binaryData[\"report.html.gz\"]" >/dev/null'
finish
