#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# timed
# owner_cut.sh: processes cut from each other by their sockets: on lo, between namespaces, from the outside; and
# nobody else feels it.
# shellcheck source=tests/netns/tools/dp.sh
. "$(dirname "$0")/tools/dp.sh"
# shellcheck source=tests/netns/tools/peers.sh
. "$(dirname "$0")/tools/peers.sh"
trap 'peers_end; dp_cleanup' EXIT

three_nodes || { fail "three nodes"; finish; }
before=$(state "$A" "$B" "$C")
# Three processes in one namespace, two in others.
if ! { peer x "$A" 7001 && peer y "$A" 7002 && peer z "$A" 7003 && peer far "$B" 7001 && peer other "$C" 7001; }; then
	fail "five processes" "$(cat "$dp_dir"/*.err)"
	finish
fi
pid() { echo "${peer_pid[$1]}"; }

# A connection from before.
is "before: x holds a connection to y" ok "$(tell x hold 127.0.0.1 7002)"
is "before: z one to y" ok "$(tell z hold 127.0.0.1 7002)"

# shellcheck disable=SC2086
for mode in tcx clsact; do
	if ! dp_start --mode $mode -m "x=sock:$A:$(pid x)" -m "y=sock:$A:$(pid y)" --cut x,y; then
		fail "$mode: x and y are cut"
		continue
	fi
	for to in "127.0.0.1 tcp" "::1 tcp" "10.77.0.1 tcp" "127.0.0.1 udp" "::1 udp"; do
		read -r addr proto <<<"$to"
		is "$mode: x does not reach y ($to)" timeout "$(tell x "$proto" "$addr" 7002)"
		is "$mode: nor y x ($to)" timeout "$(tell y "$proto" "$addr" 7001)"
		is "$mode: x reaches z ($to)" ok "$(tell x "$proto" "$addr" 7003)"
		is "$mode: z reaches y ($to)" ok "$(tell z "$proto" "$addr" 7002)"
	done
	is "$mode: the connection from before is cut too" timeout "$(tell x use)"
	is "$mode: another's is not" ok "$(tell z use)"
	is "$mode: what x forks is x" timeout "$(tell x fork tcp 127.0.0.1 7002)"
	is "$mode: x reaches far" ok "$(tell x tcp 10.77.0.2 7001)"
	is "$mode: far reaches y" ok "$(tell far tcp 10.77.0.1 7002)"
	check "$mode: ping on lo has no process" reach "$A" 127.0.0.1
	dp disarm
	is "$mode: disarmed, x reaches y" ok "$(tell x tcp 127.0.0.1 7002)"
	dp arm
	# Who is y changes: z is it now.
	dp "processes y $(pid z)" >/dev/null
	is "$mode: x reaches who is y no more" ok "$(tell x tcp 127.0.0.1 7002)"
	is "$mode: not who is it now" timeout "$(tell x tcp 127.0.0.1 7003)"
	dp "processes y" >/dev/null
	is "$mode: nobody is y" ok "$(tell x tcp 127.0.0.1 7003)"
	dp_stop
	is "$mode: it ends well" 0 $?
	is "$mode: x reaches y after" ok "$(tell x tcp 127.0.0.1 7002)"
	as_before "$mode: all is as before" "$before" "$A" "$B" "$C"
	# What was held went through the cut; new ones for the next round.
	is "$mode: a new connection" ok "$(tell x hold 127.0.0.1 7002)"
done

# Between namespaces: x of A and far of B, by their sockets on both sides; y and z share A with x.
dp_start -m "x=sock:$A:$(pid x)" -m "far=sock:$B:$(pid far)" --cut x,far || fail "between namespaces"
is "between: x does not reach far" timeout "$(tell x tcp 10.77.0.2 7001)"
is "between: nor by UDP and IPv6" timeout "$(tell x udp fd77::2 7001)"
is "between: far does not reach x" timeout "$(tell far tcp 10.77.0.1 7001)"
is "between: z reaches far" ok "$(tell z tcp 10.77.0.2 7001)"
is "between: far reaches y" ok "$(tell far udp 10.77.0.1 7002)"
is "between: x reaches other" ok "$(tell x tcp 10.77.0.3 7001)"
dp_stop

# From everybody: also from those of its own namespace.
dp_start -m "x=sock:$A:$(pid x)" --cut x,any || fail "isolated"
is "isolated: x does not reach z" timeout "$(tell x tcp 127.0.0.1 7003)"
is "isolated: nor far" timeout "$(tell x tcp 10.77.0.2 7001)"
is "isolated: far does not reach x" timeout "$(tell far tcp 10.77.0.1 7001)"
is "isolated: y reaches z" ok "$(tell y tcp 127.0.0.1 7003)"
dp "processes x $(pid x) $(pid y)" >/dev/null
is "isolated together: x reaches y" ok "$(tell x tcp 127.0.0.1 7002)"
is "isolated together: y does not reach z" timeout "$(tell y tcp 127.0.0.1 7003)"
is "isolated: z reaches far" ok "$(tell z tcp 10.77.0.2 7001)"
dp_stop

# To a whole namespace, and to a port of it by address: with what else its addresses are.
dp_start -m "x=sock:$A:$(pid x)" -m "b=netns:$B" -m far=cidr:10.77.0.3/32 --cut x,b --oneway x,far:7001 ||
	fail "to a namespace"
is "to a namespace: x does not" timeout "$(tell x tcp 10.77.0.2 7001)"
is "to a namespace: y does" ok "$(tell y tcp 10.77.0.2 7001)"
is "to an address: x does not" timeout "$(tell x tcp 10.77.0.3 7001)"
is "to an address: y does" ok "$(tell y tcp 10.77.0.3 7001)"
dp_stop

# On the line: a delay, per process; nobody else's time changes.
dp_start -m "x=sock:$A:$(pid x)" -m "y=sock:$A:$(pid y)" -m "far=sock:$B:$(pid far)" --fault x,y,delay=60000 --fault x,far,delay=60000 ||
	fail "a delay"
slow() { awk -v t="$1" 'BEGIN { exit !(t >= 60) }'; }
quick() { awk -v t="$1" 'BEGIN { exit !(t < 50) }'; }
t=$(tell x ms 127.0.0.1 7002)
check "a delay: x to y on lo ($t ms)" slow "$t"
t=$(tell x ms ::1 7002)
check "a delay: by IPv6 ($t ms)" slow "$t"
t=$(tell x ms 10.77.0.2 7001)
check "a delay: x to far ($t ms)" slow "$t"
t=$(tell z ms 127.0.0.1 7002)
check "a delay: not z to y ($t ms)" quick "$t"
t=$(tell z ms 10.77.0.2 7001)
check "a delay: not z to far ($t ms)" quick "$t"
dp_stop

# What a killed process's sockets still send: its end must not be heard.
is "killed: z holds a connection to y" ok "$(tell z hold 127.0.0.1 7002)"
dp_start -m "z=sock:$A:$(pid z)" -m "y=sock:$A:$(pid y)" --cut z,y || fail "killed"
is "killed: it is cut" timeout "$(tell z use)"
heard=$(tell y eofs)
kill -KILL "$(pid z)"
wait_gone 5 "$(pid z)"
# Whatever it sent has been sent, and y has had a turn.
is "killed: x reaches y" ok "$(tell x tcp 127.0.0.1 7002)"
is "killed: y has heard of x's end alone" $((heard + 1)) "$(tell y eofs)"
# The tables of the run change: it is still z's.
dp "processes z $(pid other)" >/dev/null
is "killed: x reaches y again" ok "$(tell x tcp 127.0.0.1 7002)"
is "killed: nothing of z is heard then" $((heard + 2)) "$(tell y eofs)"
dp_stop
peer_end z
peer z "$A" 7003 || fail "z again"

# A connection that one process makes and another uses.
tell y take "$dp_dir/u" >"$dp_dir/took" &
wait_until 5 test -S "$dp_dir/u"
is "passed on: z makes a connection to far and gives it away" ok "$(tell z pass "$dp_dir/u" 10.77.0.2 7001)"
wait $!
is "passed on: y has it" ok "$(cat "$dp_dir/took")"
is "passed on: it works" ok "$(tell y use)"
dp_start -m "y=sock:$A:$(pid y)" -m "b=netns:$B" --cut y,b || fail "passed on"
is "passed on: it is y's" timeout "$(tell y use)"
dp_stop
finish
