#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
#
# test_rbac.sh: what the agents' account may do, and what it may not; and what they say when it is taken away.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

cleanup()
{
	k apply -k "$tap_root/chaos/k8s" >/dev/null
	wait_until 60 agents_ready
}
may()
{
	k auth can-i "$@" --as=system:serviceaccount:netchaos:chaos-agent -A >/dev/null 2>&1
}
for what in "list pods" "watch nodes" "watch experiments.netchaos.dev" "patch experiments.netchaos.dev --subresource=status" \
	"create events" "create configmaps" "get configmaps" "update configmaps" "create networkchaos.chaos-mesh.org" \
	"delete workflows.chaos-mesh.org"; do
	# shellcheck disable=SC2086
	check "may $what" may $what
done
for what in "get secrets" "list configmaps" "delete pods" "patch pods" "create pods" "create pods --subresource=exec" "patch nodes" \
	"patch experiments.netchaos.dev" "delete experiments.netchaos.dev" "delete configmaps" "create deployments.apps" \
	"get pods --subresource=log" "escalate clusterroles.rbac.authorization.k8s.io"; do
	# shellcheck disable=SC2086
	check "may not $what" eval '! may $what'
done

# --- a run goes on without permission, and none begins ---
start_pods a:n1 b:n2
between held 60s "at: 1s, for: 55s, partition: {halves: [a, b]}" | kn apply -f - >/dev/null
check "cut" wait_until 30 cut_way a b
k delete clusterrolebinding chaos-agent >/dev/null
logs()
{
	local n

	for n in n1 n2; do
		k -n netchaos logs "$(agent_on "$n")" --tail 50
	done | grep -qE '403|forbidden'
}
check "without its role the agent says so" wait_until 60 logs
is "what is on stays on" 0 "$(arrive a b)"
check "the role is back" k apply -k "$tap_root/chaos/k8s"
check "both agents are ready" wait_until 60 agents_ready
kn delete experiment held --wait=false >/dev/null
check "and hear of a deletion again: open" wait_until 90 open_way a b
finish
