#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# alone
# timed
#
# datapath_churn.sh: devices and addresses that come during the fault are under it within 1 s;
# those that go do not matter.
# shellcheck source=tests/netns/tools/dp.sh
. "$(dirname "$0")/tools/dp.sh"

three_nodes || { fail "three nodes"; finish; }

ms_since()
{
	echo $(((${EPOCHREALTIME/./} - $1) / 1000))
}

# under NAME NS ADDRESS [PING OPTION...]: within 1 s of now no packet passes any more
under()
{
	local name=$1 start=${EPOCHREALTIME/./} took

	shift
	until ! reach "$@"; do
		[ "$(ms_since "$start")" -lt 2000 ] || break
	done
	# The ping that found it out waited for 0.3 s itself.
	took=$(($(ms_since "$start") - 300))
	check "$name" test "$took" -lt 1000
	diag "$name: after at most $took ms"
	check "$name, and stays" no_reach "$@"
}

# attached_to IFNAME NODE
attached_to()
{
	dp attached | grep -qx "$2 $1"
}

no_longer()
{
	! attached_to "$@"
}

for mode in tcx clsact; do
	# shellcheck disable=SC2086
	dp_start --mode $mode $members --cut a,b || fail "$mode: starts"

	ip -n "$A" addr add 10.77.0.11/24 dev eth0
	under "$mode: a new address of a" "$A" 10.77.0.2 -I 10.77.0.11
	ip -n "$B" addr add fd77::22/64 dev eth0 nodad
	under "$mode: a new address of b" "$A" fd77::22
	check "$mode: c reaches it" reach "$C" fd77::22

	wire "$B" eth1
	ip -n "$B" addr add 10.77.0.12/24 dev eth1
	under "$mode: a new device of b" "$A" 10.77.0.12
	check "$mode: it is attached to" attached_to eth1 b
	ip -n "$C" neigh flush dev eth0
	check "$mode: c reaches it" reach "$C" 10.77.0.12

	if have_vlan; then
		ip -n "$A" link add link eth0 name eth0.9 type vlan id 9
		check "$mode: a VLAN that comes is attached to" wait_until 1 attached_to eth0.9 a
		ip -n "$A" link del eth0.9
	else
		skip "$mode: a VLAN that comes is attached to" "this kernel has no VLAN devices (CONFIG_VLAN_8021Q)"
	fi

	# The address moves, as a virtual one does: who got it last has it.
	ip -n "$B" addr del 10.77.0.12/24 dev eth1
	ip -n "$C" addr add 10.77.0.12/24 dev eth0
	ip -n "$A" neigh flush dev eth0
	check "$mode: an address that moved to c is free" wait_until 2 reach "$A" 10.77.0.12
	ip -n "$C" addr del 10.77.0.12/24 dev eth0

	ip -n "$B" link del eth1
	check "$mode: a device that goes is forgotten" wait_until 2 no_longer eth1 b
	check "$mode: and reported" wait_until 2 grep -q 'eth1 of .b. is gone' "$dp_dir/dp.err"
	check "$mode: the rest is cut as before" no_reach "$A" 10.77.0.2
	ip -n "$A" addr del 10.77.0.11/24 dev eth0
	ip -n "$B" addr del fd77::22/64 dev eth0
	dp_stop
	is "$mode: it ends well" 0 $?
done

# A namespace that ends in the middle is no error.
# shellcheck disable=SC2086
dp_start $members --cut a,b --cut a,c || fail "starts"
ip netns del "$C"
check "a namespace that goes: the rest is cut as before" no_reach "$A" 10.77.0.2
dp_stop
is "a namespace that goes: it ends well" 0 $?

# All of its devices at once, and back.
dp_start -m "a=netns:$A" -m "b=netns:$B" --cut a,b || fail "starts"
ip -n "$B" link del eth0
check "the only device goes" wait_until 2 no_longer eth0 b
wire "$B" eth0
ip -n "$B" addr add 10.77.0.2/24 dev eth0
ip -n "$A" neigh flush dev eth0
under "it comes back" "$A" 10.77.0.2
dp disarm
check "disarmed, a reaches it" wait_until 3 reach "$A" 10.77.0.2
dp_stop
finish
