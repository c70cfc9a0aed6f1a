#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# datapath_cut.sh: who is cut is cut, who is not is not, by tcx and by clsact.
# shellcheck source=tests/netns/tools/dp.sh
. "$(dirname "$0")/tools/dp.sh"

three_nodes || { fail "three nodes"; finish; }
before=$(state "$A" "$B" "$C")

# shellcheck disable=SC2086
for mode in tcx clsact; do
	if ! dp_start --mode $mode $members --cut a,b --traffic; then
		fail "$mode: a and b are cut"
		continue
	fi
	is "$mode: it is attached by what was asked for" "$mode" "$dp_mech"
	is "$mode: at one device of each node" "a eth0 b eth0 c eth0" "$(dp attached | sort | xargs)"
	check "$mode: a does not reach b" no_reach "$A" 10.77.0.2
	check "$mode: nor b a, by IPv6" no_reach "$B" fd77::1
	check "$mode: a reaches c" reach "$A" 10.77.0.3
	check "$mode: c reaches a, by IPv6" reach "$C" fd77::1
	check "$mode: c reaches b" reach "$C" 10.77.0.2
	is "$mode: requests were counted where they were dropped" "3 3" "$(hits cut1 a b)"
	is "$mode: and the other way" "3 3" "$(hits cut1 b a)"
	read -r rx _ tx _ _ _ dropped <<<"$(dp "traffic a")"
	check "$mode: a's traffic is counted ($rx in, $tx out)" test "$rx" -ge 4 -a "$tx" -ge 5
	is "$mode: what was dropped at its hooks too" 3 "$dropped"
	like "$mode: nothing is counted for who is no node" "^error" "$(dp "traffic nobody")"
	dp disarm
	check "$mode: disarmed, a reaches b" reach "$A" 10.77.0.2
	dp arm
	check "$mode: armed again, it does not" no_reach "$A" 10.77.0.2
	dp_stop
	is "$mode: it ends well" 0 $?
	check "$mode: a reaches b after" reach "$A" 10.77.0.2
	as_before "$mode: all is as before" "$before" "$A" "$B" "$C"
done

# shellcheck disable=SC2086
dp_start $members --oneway a,b || fail "one way"
# b's packets to a arrive, a's answers do not.
no_reach "$A" 10.77.0.2
no_reach "$B" 10.77.0.1
is "one way: six packets to b were dropped, requests and answers" "6 6" "$(hits oneway1 a b)"
is "one way: none to a" "0 0" "$(hits oneway1 b a)"
is "one way: none of a packet's two hooks counts it twice" "0 0" "$(hits oneway1 a a)"
dp_stop

# shellcheck disable=SC2086
dp_start $members --cut b,any || fail "isolated"
check "isolated: from a" no_reach "$A" 10.77.0.2
check "isolated: from c, by IPv6" no_reach "$C" fd77::2
check "isolated: to c" no_reach "$B" 10.77.0.3
check "isolated: itself it reaches" reach "$B" 10.77.0.2
check "isolated: itself it reaches by loopback" reach "$B" 127.0.0.1
check "isolated: the others reach each other" reach "$A" 10.77.0.3
dp_stop

# Who is not a node of ours: known by address, dropped where it leaves.
dp_start -m "a=netns:$A" -m far=cidr:10.77.0.0/30 -m six=cidr:fd77::2 --oneway a,six --loss a,far,1.0 ||
	fail "by address"
check "by address: a does not reach fd77::2" no_reach "$A" fd77::2
check "by address: nor what is in 10.77.0.0/30" no_reach "$A" 10.77.0.2
check "by address: it does reach fd77::3" reach "$A" fd77::3
is "by address: dropped where it left" "3 3" "$(hits oneway1 a six)"
dp_stop

# A device as a member: what passes it, and nothing else of its namespace.
dp_start -m "a=netns:$A" -m "up=dev:$C:eth0" --oneway a,up || fail "a device"
is "a device: programs are there and at the other side" "a eth0 up eth0" "$(dp attached | sort | xargs)"
check "a device: what arrives by it is cut" no_reach "$A" 10.77.0.3
check "a device: others are not" reach "$B" 10.77.0.3
is "a device: it has the name in the counters" "3 3" "$(hits oneway1 a up)"
dp_stop

# Ports: of the side that they are of.
dp_start -m "a=netns:$A" -m "b=netns:$B" --oneway a,b:7001 || fail "ports"
is "ports: to 7001 nothing arrives" "50 0" "$("$NETIO" udp "$A" 10.77.0.1 "$B" 10.77.0.2 50 7001)"
is "ports: to 7002 all" "50 50" "$("$NETIO" udp "$A" 10.77.0.1 "$B" 10.77.0.2 50 7002)"
is "ports: nor is the way back touched" "50 50" "$("$NETIO" udp "$B" 10.77.0.2 "$A" 10.77.0.1 50 7001)"
check "ports: ICMP has none" reach "$A" 10.77.0.2
dp_stop

# A namespace with itself, over loopback.
dp_start -m "a=netns:$A" --oneway a,a:7001 || fail "loopback"
is "loopback: is attached to" "a eth0 a lo" "$(dp attached | sort | xargs)"
is "loopback: to 127.0.0.1:7001 nothing arrives" "50 0" \
	"$("$NETIO" udp "$A" 127.0.0.1 "$A" 127.0.0.1 50 7001)"
is "loopback: to ::1 port 7002 all" "50 50" "$("$NETIO" udp "$A" ::1 "$A" ::1 50 7002)"
is "loopback: once each" "1" "$(dp hits | awk '$1 == "oneway1" { print $4 == $5 }')"
dp_stop

# Neighbour discovery goes on under a cut, unless all is meant.
dp_start -m "a=netns:$A" -m "b=netns:$B" --cut a,b || fail "neighbours"
ip -n "$A" neigh flush dev eth0
no_reach "$A" 10.77.0.2
like "a cut of what IP carries leaves ARP alone" "10.77.0.2 .*lladdr" "$(ip -n "$A" neigh)"
dp_stop
dp_start -m "a=netns:$A" -m "b=netns:$B" --cut a,b --neighbour || fail "neighbours"
ip -n "$A" neigh flush dev eth0
no_reach "$A" 10.77.0.2
no_reach "$A" fd77::2
is "a cut of everything cuts it too" "" "$(ip -n "$A" neigh | grep -E '^(10.77.0.2|fd77::2) .*lladdr')"
dp_stop

as_before "all is as before" "$before" "$A" "$B" "$C"
finish
