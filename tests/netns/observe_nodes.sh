#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 150
# timed
#
# observe_nodes.sh: two nodes' runs of one experiment, whose probes and clients each has in its own pods only: no client is
# two nodes' and no value is written twice, and a pod that moves to the other node takes its probe and clients along.
# shellcheck source=../lib/tap.sh disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/netns/tools/pods.sh
. "$(dirname "$0")/tools/pods.sh"
command -v redis-server >/dev/null || skip_all "no redis-server"

# serve N: redis in pod N; by no function, for then the pid would be a shell's
serve()
{
	ip netns exec "chp$1-$$" redis-server --bind "10.77.0.$1" --protected-mode no --save '' --dir "$tmp" </dev/null >/dev/null 2>&1 &
	bg+=($!)
	disown
	wait_until 20 in_pod "$1" redis-cli -h "10.77.0.$1" ping
}

# of NODE: its events; seen NODE JQ: some event is such
of()
{
	cat "$tmp/many-$1/events.jsonl"
}
seen()
{
	of "$1" | jq -Rce "fromjson? | select($2)" | head -1 | grep -q .
}

pod 1 n1 || fail "pod 1"
pod 11 n2 || fail "pod 11"
serve 1
serve 11
members n1 1 11
members n2 1 11
cat >"$tmp/many.yaml" <<'END'
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: many}
spec:
  seed: 5
  duration: 120s
  endpoints:
    web: {pods: {namespace: shop, labels: {app: web}}}
    db: {pods: {namespace: shop, labels: {app: db}}}
  faults: [{name: cut, at: 110s, for: 1s, partition: {isolate: web}}]
  observe:
    roles: [{resource: redis, system: redis, endpoints: [web, db], port: 6379, every: 50ms}]
    workloads:
      - {name: set, system: redis, check: set, endpoints: [web, db], clients: 4, rate: 40/s, timeout: 300ms}
END
t0=$(($(now_ns) + 3000000000))
child n1 many $t0
child n2 many $t0
check "n1 asks its own pod" wait_until 30 seen n1 '.type == "role" and .node == "web/p1" and .claim'
check "n2 asks its own" wait_until 30 seen n2 '.type == "role" and .node == "db/p11" and .claim'
check "n1 writes from its own" wait_until 30 seen n1 '.type == "op" and .node == "web/p1" and .outcome == "ok" and .op == "add"'
check "n2 writes from its own" wait_until 30 seen n2 '.type == "op" and .node == "db/p11" and .outcome == "ok" and .op == "add"'

# --- a pod comes ---
pod 12 n2 || fail "pod 12"
serve 12
members n1 1 "11 12"
members n2 1 "11 12"
check "what comes has a probe" wait_until 20 seen n2 '.type == "role" and .node == "db/p12" and .claim'
check "the other node knows of it" wait_until 20 seen n1 '.type == "place" and .place == "db/p12" and (.here | not)'

kill -TERM "$child_n1" "$child_n2"
wait "$child_n1" "$child_n2"

ops()
{
	of "$1" | jq -Rr "fromjson? | select(.type == \"op\" and .attempt == null) | $2" | sort -u
}
diag "operations a second that n1 sent, of 20: $(of n1 | jq -Rr 'fromjson? | select(.type == "op" and .attempt == null) | .intended_ns' |
	sort -n | awk 'NR == 1 { a = $1 } { b = $1 } END { print (NR - 1) / ((b - a) / 1e9) }')"
clients="$(ops n1 .client | paste -sd' ') | $(ops n2 .client | paste -sd' ')"
# db comes after web, and client i is at place i of 2
is "clients are numbered alike at both" "0 2 | 1 3" "$clients"
is "n1 speaks of its pods alone" "web/p1" "$(of n1 | jq -Rr 'fromjson? | select(.type == "role" or .type == "op") | .node' | sort -u | paste -sd' ')"
is "so does n2" "db/p11 db/p12" "$(of n2 | jq -Rr 'fromjson? | select(.type == "role" or .type == "op") | .node' | sort -u | paste -sd' ')"
is "no value is both's" "" "$(comm -12 <(ops n1 'select(.op == "add") | .value') <(ops n2 'select(.op == "add") | .value'))"
is "no number of an operation is" "" "$(comm -12 <(ops n1 .intent) <(ops n2 .intent))"
for n in n1 n2; do
	is "$n: every place is named before it is spoken of" "" "$(of $n | jq -Rr 'fromjson? |
		if .type == "run" then .places[].place | "known \(.)" elif .type == "place" then "known \(.place)"
		elif .type == "role" or .type == "op" or .type == "traffic" then "said \(.node)" else empty end' |
		awk '$1 == "known" { known[$2] = 1 } $1 == "said" && $2 != "web" && $2 != "db" && !($2 in known) { print $2 }' | sort -u)"
	check "$n: its record can be read alone" eval '"$CHAOS" report "$tmp/many-$n" 2>&1 | grep -q Report:'
done

finish
