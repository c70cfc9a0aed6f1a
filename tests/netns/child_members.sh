#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# timed
#
# child_members.sh: two nodes' runs of one experiment, each with its own pods and the other's as addresses: a fault
# between the nodes acts once, counts by pod, and follows the members' file.
# shellcheck source=../lib/tap.sh disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/netns/tools/pods.sh
. "$(dirname "$0")/tools/pods.sh"

# 1, 2 and 3 on n1; 11 and 12 on n2; 254 is a node's own address, 200 an address that the experiment names.
for n in 1 2; do
	pod $n n1 || fail "pod $n"
done
pod 11 n2 || fail "pod 11"
host 254
host 200
check "they reach each other" wait_until 20 eval 'reach 1 11 && reach 2 11 && reach 1 254'

# start RUN: on both nodes, at one instant; p1 and p11 are in place
start()
{
	local t0=$(($(now_ns) + 3000000000))

	rm -f "$tmp"/live-*.json
	child n1 "$1" $t0
	child n2 "$1" $t0
	wait_until 30 eval 'phase fault && attached n1 web/p1 && attached n2 db/p11' ||
		diag "$(cat "$tmp/$1"-n?.log)"
}

stop()
{
	kill -TERM "$child_n1" "$child_n2"
	wait "$child_n1"
	is "$1: n1 ends in order" 130 $?
	wait "$child_n2"
	is "$1: n2 ends in order" 130 $?
	is "$1: the last word" "end interrupted" "$(live n1 '[.phase, .status] | join(" ")')"
	is "$1: nothing was wrong but what was made so" "${2:-0} 0" \
		"$(live n1 '.warnings | length') $(live n2 '.warnings | length')"
}

# --- a delay ------------------------------------------------------------------------------------------

members n1 1 11
members n2 1 11
experiment slow 300s '{name: slow, at: 0s, for: 300s, from: web, to: db, direction: both, delay: {latency: 200ms}}'
start slow
# 200 ms each way, once; twice would be 800 ms of round trip. Of several pings the fastest is nearest to what was asked.
rtt=$(in_pod 1 ping -n -q -c 6 -i 0.3 -W 5 10.77.0.11 | sed -n 's|^rtt [^=]*= \([0-9]*\)\..*|\1|p')
diag "the least round trip of six: $rtt ms"
check "a delay of 200 ms each way is there once" test "${rtt:-0}" -ge 400 -a "${rtt:-0}" -lt 600
stop slow

# --- a loss -------------------------------------------------------------------------------------------

members n1 1 11 10.77.0.254
members n2 1 11
experiment cut 300s '{name: cut, at: 0s, for: 300s, from: web, to: db, direction: both, loss: 100%}'
start cut
in_pod 1 ping -n -q -c 10 -i 0.05 -W 1 10.77.0.11 >/dev/null
in_pod 11 ping -n -q -c 5 -i 0.05 -W 1 10.77.0.1 >/dev/null
check "what p1 sent is dropped at p11's node, all of it" wait_until 10 \
	eval '[ "$(dropped n2 web/p1 db/p11)" = 10 ]'
check "what p11 sent is dropped at p1's" wait_until 10 eval '[ "$(dropped n1 db/p11 web/p1)" = 5 ]'
is "neither at both" "0 0" "$(dropped n1 web/p1 db/p11) $(dropped n2 db/p11 web/p1)"

# --- a pod comes, goes, moves ---------------------------------------------------------------------------

check "before it is one of them, p2 is not" reach 2 11
members n1 "1 2" 11 10.77.0.254
members n2 "1 2" 11
follows "p2 is under the fault" no_reach 2 11
no_reach 2 11 >/dev/null
check "and counted by its name" wait_until 10 eval '[ "$(dropped n2 web/p2 db/p11)" -gt 0 ]'
check "n1 has both" wait_until 10 attached n1 web/p1 web/p2

printf '{"node":"n1","endpoints":[{"endp' >"$tmp/n1.json"
check "a half-written file is a warning" wait_until 10 eval 'live n1 ".warnings[]" | grep -q "members before it stand"'
check "and those before it stand" attached n1 web/p1 web/p2
check "still" no_reach 2 11

members n1 2 11 10.77.0.254
members n2 2 11
follows "p1 is taken out, and free" reach 1 11
check "n1 has p2 alone" wait_until 10 attached n1 web/p2
check "p2 is not free" no_reach 2 11

# p3 is named before it is there.
members n1 "2 3" 11 10.77.0.254
members n2 "2 3" 11
check "n1 has p2 alone until p3 comes" attached n1 web/p2
pod 3 n1 || fail "pod 3"
follows "it is under the fault" no_reach 3 11
check "n1 has it" wait_until 10 attached n1 web/p2 web/p3

# p2 moves to n2 under its name: as a cluster does it, with another UID and address, and back.
pod 12 n2 || fail "pod 12"
moved='{"place":"web/p2","namespace":"shop","name":"p2","uid":"'$(uid_of 12)'","node":"n2","ips":["10.77.0.12"],"here":'
db=$(entry 11 n1 db)
put()
{
	printf '{"node":"%s","endpoints":[{"endpoint":"web","selector":0,"pods":[%s]},{"endpoint":"db","selector":0,"pods":[%s]}]}' \
		"$1" "$2" "$3" >"$tmp/$1.new"
	mv "$tmp/$1.new" "$tmp/$1.json"
}
put n1 "${moved}false}" "$db"
put n2 "${moved}true}" "$(entry 11 n2 db)"
follows "moved to n2, it is under the fault there" no_reach 12 11
check "n2 has both" wait_until 10 attached n2 db/p11 web/p2
check "n1 has nobody" wait_until 10 attached n1
follows "who was left behind is free" reach 2 11
members n1 2 11
members n2 2 11
follows "and back" no_reach 2 11
check "n2 has its own alone" wait_until 10 attached n2 db/p11
follows "the other is free" reach 12 11
# As a deployment's pods do, each under a new name. Programs go with it.
programs()
{
	find "/proc/$child_n1/fd" -lname 'anon_inode:bpf-prog' | wc -l
}
had=$(programs)
for n in {1..12}; do
	put n1 "$(entry 2 n1 web | sed "s|web/p2|web/x$n|")" "$db"
	wait_until 10 attached n1 "web/x$n" || fail "web/x$n"
done
members n1 2 11
check "back under its name" wait_until 10 attached n1 web/p2
is "as many programs as before" "$had" "$(programs)"

# A pod of both endpoints is a place of each, whichever of them its devices serve by name.
members n1 2 "2 11"
check "it is attached as either" wait_until 10 attached n1 db/p2 web/p2
members n1 "" "2 11"
check "and as the one that is left" wait_until 10 attached n1 db/p2
members n1 2 11
check "and as the other again" wait_until 10 attached n1 web/p2
stop cut 1
check "lifted, all reach each other" eval 'reach 1 11 && reach 2 11'
is "no device of ours is left" "2 2 2 2 2 2 2" \
	"$(for ns in "${pods[@]}"; do ip -n "$ns" -o link show | wc -l; done | xargs)"

# --- the node's own address -------------------------------------------------------------------------------

members n1 1 11 10.77.0.254
members n2 1 11
experiment alone 300s '{name: alone, at: 0s, for: 300s, partition: {isolate: [web]}}'
start alone
check "isolated, it reaches nobody" no_reach 1 11
check "but its node" reach 1 254
check "which reaches it" reach 254 1
check "and not who is no node" no_reach 1 200
members n1 1 11 10.77.0.200
follows "what the file says no more is no exception" no_reach 1 254
check "nor is what the experiment names" no_reach 1 200
members n1 1 11 10.77.0.254
follows "exempt again" reach 1 254
stop alone

# --- clients whose server has no pod yet ---------------------------------------------------------------

members n1 1 ''
experiment early 4s '{name: cut, at: 1s, for: 1s, from: web, to: db, loss: 100%}'
cat >>"$tmp/early.yaml" <<-END
	  observe:
	    workloads: [{name: ask, system: http, url: "http://\${ip}:1/", target: db, endpoints: web, rate: 10/s}]
END
rm -f "$tmp"/live-*.json
child n1 early "$(now_ns)"
wait "$child_n1"
[ "$(live n1 .status)" = complete ] || diag "$(cat "$tmp/early-n1.log")"
is "a server that has no pod yet fails nobody's run" complete "$(live n1 .status)"
like "and it is said" "workload ask: there is no pod for its clients to ask" "$(live n1 '.warnings[]')"
finish
