#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# timed
#
# agent_fake.sh: `chaos agent` as one node of a cluster whose API server is tests/tools/fake_api.py, and whose only pod is a
# process in a network namespace and a cgroup with the names that kubelet gives: a NetworkChaos acts on it, is told of
# in the status, paused, resumed and lifted; an agent that is killed takes its faults along, and the next one goes on.
# What is evaluated later stands in single quotes.
# shellcheck disable=SC2016 source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

command -v python3 >/dev/null || skip_all "no python3"
command -v curl >/dev/null || skip_all "no curl"

tmp=$(mktemp -d)
ns=chaosag$$
pod=$(cat /proc/sys/kernel/random/uuid)
api='' agent='' sleeper=''
cgroups=()
clean()
{
	[ -z "$agent" ] || kill "$agent" 2>/dev/null
	wait "$agent" 2>/dev/null
	[ -z "$api" ] || kill "$api" 2>/dev/null
	[ -z "$sleeper" ] || kill -9 "$sleeper" 2>/dev/null
	wait 2>/dev/null
	ip netns del "$ns" 2>/dev/null
	for c in "${cgroups[@]}"; do
		rmdir -p --ignore-fail-on-non-empty "$c" 2>/dev/null
	done
	rm -rf "$tmp"
}
trap clean EXIT

# ---- the node: one pod, that answers pings from here

ip netns add "$ns" || skip_all "no network namespaces"
ip link add "cag$$" type veth peer name eth0 netns "$ns"
ip addr add 10.177.9.1/24 dev "cag$$"
ip link set "cag$$" up
ip -n "$ns" addr add 10.177.9.2/24 dev eth0
ip -n "$ns" link set eth0 up
ip -n "$ns" link set lo up
ip netns exec "$ns" sleep 1000 &
sleeper=$!
for root in /sys/fs/cgroup /sys/fs/cgroup/*; do
	[ -w "$root/cgroup.procs" ] || continue
	c=$root/kubepods/pod$pod/$(printf '%064d' 7)
	mkdir -p "$c" 2>/dev/null || continue
	cgroups+=("$c")
	echo $sleeper >"$c/cgroup.procs" 2>/dev/null
done

# ---- the cluster

serve()
{
	python3 "$tap_root/tests/tools/fake_api.py" --ready "$tmp/url" 2>>"$tmp/server.log" &
	api=$!
	wait_until 60 test -s "$tmp/url"
	url=$(<"$tmp/url")
	printf 'current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n' >"$tmp/config"
	printf 'clusters: [{name: c, cluster: {server: "%s"}}]\nusers: [{name: u, user: {}}]\n' "$url" >>"$tmp/config"
}

objects=/apis/chaos-mesh.org/v1alpha1/namespaces/shop/networkchaos

api()
{
	curl -s -o "$tmp/answer" -X "$1" -H "Content-Type: ${4-application/json}" -d "${3-}" "$url$2"
}

status()
{
	curl -s "$url$objects/$1" | jq -r ".status | $2"
}

status_is()
{
	[ "$(status "$1" "$2")" = "$3" ]
}

# status_not NAME PATH VALUE
status_not()
{
	! status_is "$@"
}

is_made()
{
	curl -s "$url$objects" | grep -q '"often-[0-9]'
}

refused_by_path()
{
	status odd .message | grep -q '^spec\.action: '
}

annotate()
{
	api PATCH "$objects/$1" "{\"metadata\":{\"annotations\":{\"$2\":$3}}}" application/merge-patch+json
}

pings()
{
	ip netns exec "$ns" ping -q -c 1 -W 1 10.177.9.1 >/dev/null
}

no_ping()
{
	! pings
}

chaos_agent()
{
	"$CHAOS" -v agent --node n1 --kubeconfig "$tmp/config" --dir "$tmp/runs" --listen 127.0.0.1:0 --lead 500ms \
		>>"$tmp/agent.log" 2>&1 &
	agent=$!
}

net_chaos()
{
	jq -n --arg name "$1" --arg for "$2" '{metadata: {name: $name, namespace: "shop",
		annotations: {"netchaos.dev/node-traffic": "fault"}}, spec: {action: "partition",
		mode: "all", direction: "both", duration: $for, selector: {namespaces: ["shop"], labelSelectors: {app: "web"}}}}'
}

serve
api POST /api/v1/namespaces/shop/pods "$(jq -n --arg uid "$pod" '{metadata: {name: "web-0", namespace: "shop", uid: $uid,
	labels: {app: "web"}}, spec: {nodeName: "n1"}, status: {phase: "Running", podIP: "10.177.9.2",
	podIPs: [{ip: "10.177.9.2"}]}}')"
check "the pod answers before" pings
chaos_agent
api POST "$objects" "$(net_chaos cut 600s)"
check "Running" wait_until 60 status_is cut .phase Running
check "and cut" wait_until 30 no_ping
check "the pod is told as injected" wait_until 30 status_is cut '.nodes.n1.pods["shop/web-0"].phase' Injected
check "with its hits" wait_until 30 status_is cut '.nodes.n1.pods["shop/web-0"].hits | length > 0' true
check "conditions as kubectl waits for" wait_until 30 \
	status_is cut '.conditions[] | select(.type == "AllInjected").status' True

annotate cut experiment.chaos-mesh.org/pause '"true"'
check "a pause lifts it" wait_until 60 pings
check "and is told" wait_until 30 status_is cut .phase Paused
annotate cut experiment.chaos-mesh.org/pause null
check "a resume cuts again" wait_until 60 no_ping
check "in a second segment" wait_until 30 status_is cut .nodes.n1.segments 2

kill -9 "$agent"
wait "$agent" 2>/dev/null
check "an agent that is killed takes its faults along" wait_until 60 pings
start=$(status cut .startAt)
chaos_agent
check "the next one goes on" wait_until 60 no_ping
is "with the same start" "$(status cut .startAt)" "$start"

annotate cut netchaos.dev/stop '"true"'
check "a stop lifts it" wait_until 60 pings
check "the record is with the API server" wait_until 60 status_is cut .nodes.n1.record.chunks 1
check "Done" wait_until 30 status_is cut .nodes.n1.phase Done
check "Stopped" wait_until 30 status_is cut .phase Stopped
check "and there is a report" wait_until 120 status_not cut .verdict null
curl -s "$url/api/v1/namespaces/shop/configmaps/cut-chaos" >"$tmp/report.json"
is "in a ConfigMap that goes with the object" "$(jq -r '.metadata.ownerReferences[0].uid' "$tmp/report.json")" \
	"$(curl -s "$url$objects/cut" | jq -r .metadata.uid)"
is "of this node's three segments" \
	"$(jq -r '.data["summary.json"] | fromjson | .cluster.collector' "$tmp/report.json")" n1
check "with the hits" eval '[ "$(jq ".data[\"summary.json\"] | fromjson | .faults[0].hits.dropped" "$tmp/report.json")" -gt 0 ]'
check "and the page" eval 'jq -r ".binaryData[\"report.html.gz\"]" "$tmp/report.json" | base64 -d | gunzip | grep -q "<html"'

pages=http://127.0.0.1:$(sed -n 's/.*metrics and health: port //p' "$tmp/agent.log" | tail -1)
check "the agent is ready" eval 'curl -sf "$pages/readyz" >/dev/null'
curl -s "$pages/metrics" >"$tmp/metrics"
check "it counts the hits" \
	grep -qE '^chaos_fault_hits_total\{kind="NetworkChaos",namespace="shop",run="cut",.*effect="dropped",.*\} [1-9]' "$tmp/metrics"
check "and the run" grep -qx 'chaos_runs{phase="Stopped"} 1' "$tmp/metrics"
curl -s "$url/api/v1/namespaces/shop/events" >"$tmp/events.json"
check "Events on the object" eval 'jq -e "[.items[] | select(.involvedObject.kind == \"NetworkChaos\")] | length > 1" "$tmp/events.json" >/dev/null'

# pod_told REASON: an Event on the pod, with its name and the run's
pod_told()
{
	jq -e --arg reason "$1" '[.items[] | select(.involvedObject.kind == "Pod" and .involvedObject.name == "web-0" and
		.involvedObject.namespace == "shop" and .reason == $reason and (.message | test("shop/cut")))] | length > 0' \
		"$tmp/events.json"
}
check "and on the pod: when it began" pod_told ChaosInjected
check "and when it ended" pod_told ChaosRecovered

api POST "$objects" "$(net_chaos gone 600s)"
check "another one cuts" wait_until 60 no_ping
api DELETE "$objects/gone"
check "deleting it lifts it" wait_until 60 pings

# ---- the API server is away: what is begun ends by itself, and is told when it is back

api POST "$objects" "$(net_chaos away 20s)"
check "a third one cuts" wait_until 60 no_ping
curl -s -X POST -d '["any:/apis=reset", "any:/api/=reset"]' "$url/fake/rules" >/dev/null
curl -s -X POST -d '' "$url/fake/drop" >/dev/null
check "it ends without the API server" wait_until 90 pings
curl -s -X POST -d '[]' "$url/fake/rules" >/dev/null
check "and is told when it is back" wait_until 90 status_is away .phase Finished
check "with its record" wait_until 60 status_is away .nodes.n1.record.chunks 1

# ---- a Schedule

api POST "${objects/networkchaos/schedules}" "$(net_chaos x 1s | jq '{metadata: {name: "often", namespace: "shop"}, spec:
	{schedule: "@every 3s", type: "NetworkChaos", concurrencyPolicy: "Forbid", historyLimit: 1, networkChaos: .spec}}')"
check "a Schedule makes objects" wait_until 60 is_made
api DELETE "${objects/networkchaos/schedules}/often"

# ---- what is refused

api POST "$objects" "$(net_chaos odd 600s | jq '.spec.action = "explode"')"
check "what is not known is refused" wait_until 30 status_is odd .phase Refused
check "with its path" refused_by_path

kill "$agent"
wait "$agent"
is "the agent ends when it is told to" $? 0
agent=''
[ "$tap_bad" -eq 0 ] || diag "$(tail -50 "$tmp/agent.log")"
finish
