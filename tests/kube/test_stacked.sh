#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 150
#
# test_stacked.sh: two NetworkChaos on one pod add up, and are lifted one by one; without a duration they stay until deleted.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

start_pods a:n1 b:n2

# chaos NAME LATENCY
chaos()
{
	cat <<-END
	---
	apiVersion: chaos-mesh.org/v1alpha1
	kind: NetworkChaos
	metadata: {name: $1}
	spec:
	  action: delay
	  mode: all
	  selector: {namespaces: [$ns], labelSelectors: {name: a}}
	  delay: {latency: $2}
	END
}

chaos first 150ms | kn apply -f - >/dev/null
check "the first: 150 ms" wait_until 30 slow a b 150
check "AllInjected" kn wait networkchaos/first --for=condition=AllInjected --timeout=30s
t=$(rtt a b)
check "and no more ($t ms)" test "${t:-999}" -lt 300
chaos second 300ms | kn apply -f - >/dev/null
check "both: 450 ms" wait_until 30 slow a b 450
kn delete networkchaos first --wait=false >/dev/null
check "the first is lifted: less than 450 ms" wait_until 20 eval '! slow a b 450'
check "the second is still there" slow a b 300
kn delete networkchaos second --wait=false >/dev/null
check "both are lifted" wait_until 20 eval '! slow a b 150'
check "no finalizer keeps them" wait_until 20 eval '[ -z "$(kn get networkchaos -o name)" ]'
finish
