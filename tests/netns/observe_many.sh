#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# timed
#
# observe_many.sh: an endpoint that is two network namespaces: each has a probe and a client. One of them ends and comes
# again with its name, in a new namespace and at another address: probe and client go there.
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
need_root
need_command redis-server jq

a=oma$$ b=omb$$ tmp=$(mktemp -d) servers=() run=''

cleanup()
{
	[ -z "$run" ] || kill -9 "$run" 2>/dev/null
	[ ${#servers[@]} = 0 ] || kill -9 "${servers[@]}" 2>/dev/null
	ip netns del "$a" 2>/dev/null
	ip netns del "$b" 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT

# server NAMESPACE ADDRESS: a namespace with one address and a server; its pid in $server
server()
{
	ip netns add "$1"
	ip -n "$1" link set lo up
	ip -n "$1" link add eth0 type veth peer name eth1
	ip -n "$1" addr add "$2/24" dev eth0
	ip -n "$1" link set eth0 up
	ip netns exec "$1" redis-server --bind "$2" --port 6379 --protected-mode no --save '' --dir "$tmp" >/dev/null 2>&1 &
	server=$!
	servers+=("$server")
	wait_until 10 ip netns exec "$1" redis-cli -h "$2" ping
}

events=$tmp/run/events.jsonl

# seen JQ: some event so far is such; the last line may be half written
seen()
{
	head -c -1 "$events" | jq -Rce "fromjson? | select($1)" | head -1 | grep -q .
}
t_of()
{
	jq -Rr "fromjson? | select($1) | .t_ns" "$events" | tail -1
}

server "$a" 10.201.0.1
server "$b" 10.201.0.2

cat >"$tmp/x.yaml" <<END
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: many}
spec:
  seed: 1
  duration: 90s
  endpoints: {db: [{netns: $a}, {netns: $b}]}
  faults: [{name: cut, at: 80s, for: 1s, partition: {isolate: db}}]
  observe:
    roles: [{resource: redis, system: redis, endpoints: [db], port: 6379, every: 50ms}]
    workloads:
      - {name: set, system: redis, check: set, endpoints: [db], clients: 2, rate: 50/s, timeout: 300ms}
END
"$CHAOS" run --out "$tmp/run" "$tmp/x.yaml" >"$tmp/out" 2>&1 &
run=$!

check "the first has a probe of its own" wait_until 20 seen ".type == \"role\" and .node == \"db/$a\" and .claim"
check "so has the second" wait_until 20 seen ".type == \"role\" and .node == \"db/$b\" and .claim"
check "and a client" wait_until 20 seen ".type == \"op\" and .node == \"db/$b\" and .outcome == \"ok\""

# --- one goes ---
kill -9 "$server"
ip netns del "$b"
check "that it has gone is recorded" wait_until 20 seen ".type == \"place\" and .place == \"db/$b\" and .event == \"left\""
left=$(t_of '.type == "place" and .event == "left"')
# what was in flight then has ended, and the other goes on
check "the other one goes on" wait_until 20 seen ".type == \"role\" and .node == \"db/$a\" and .send_ns > $left + 1500000000"
is "nothing asks what has gone" 0 "$(jq -Rc "fromjson? | select((.type == \"role\" or .type == \"op\") and .node == \"db/$b\"
	and (.send_ns // .invoke_ns // 0) > $left + 500000000)" "$events" | wc -l)"

# --- and comes again ---
server "$b" 10.201.0.3
check "that it is there again is recorded" wait_until 20 seen ".type == \"place\" and .place == \"db/$b\" and .event == \"joined\""
joined=$(t_of '.type == "place" and .event == "joined"')
check "with its new address" wait_until 20 seen '.type == "place" and .event == "joined" and .ip == "10.201.0.3"'
check "its probe is there too" wait_until 20 seen ".type == \"role\" and .node == \"db/$b\" and .claim and .send_ns > $joined"
check "and its client" wait_until 20 seen ".type == \"op\" and .node == \"db/$b\" and .outcome == \"ok\" and (.invoke_ns // 0) > $joined"
diag "the first sample came $((($(jq -Rr "fromjson? | select(.type == \"role\" and .node == \"db/$b\" and .send_ns > $joined) |
	.send_ns" "$events" | head -1) - joined) / 1000000)) ms after it joined"
check "what was due meanwhile was not sent, and this is said" seen ".type == \"op\" and .invoke_ns == null and
	(.error | test(\"was gone\"))"

kill -INT "$run"
wait "$run"
is "the run ends as asked" 130 $?
run=''

# --- as it is reported ---
is "both are places of the endpoint" "db/$a db/$b" "$(jq -Rr 'fromjson? | select(.type == "run") | .places | map(.place) | sort |
	join(" ")' "$events")"
"$CHAOS" report "$tmp/run" >"$tmp/out" 2>&1
check "the record can be rendered" grep -q "both claimed redis" "$tmp/out"
is "claims of two nodes" "db/$a db/$b" "$(jq -r '[.split_brain.resources[0].claims[].node] | unique | join(" ")' "$tmp/run/summary.json")"
gone=$(jq -Rr 'fromjson? | select(.type == "place") | .t_ns' "$events" | head -2 | paste -sd' ' | awk '{print ($2 - $1) / 1e9}')
is "it could not claim while it was gone" true "$(jq "(.duration_s - .split_brain.resources[0].may_overlap_s) > $gone - 0.2" "$tmp/run/summary.json")"
is "no number of an operation is used twice" 0 "$(jq -Rr 'fromjson? | select(.type == "op" and .attempt == null) | .intent' "$events" |
	sort | uniq -d | wc -l)"

finish
