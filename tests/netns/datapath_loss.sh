#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# datapath_loss.sh: the lost share is what was asked for, on every way a packet can take, and
# drawn once.
# shellcheck source=tests/netns/tools/dp.sh
. "$(dirname "$0")/tools/dp.sh"

N=4000

# within NAME P SENT LOST: 4 sigma of a binomial; a right program fails this once in 16,000 times,
# and with its fixed seed always or never.
within()
{
	local words

	words=$(awk -v p="$2" -v n="$3" -v k="$4" 'BEGIN {
		s = sqrt(n * p * (1 - p)); d = k - n * p
		printf "lost %d of %d, %.2f%% for %.2f%%: %+.2f sigma", k, n, 100 * k / n, 100 * p, d / s
		exit !(d <= 4 * s && d >= -4 * s) }')
	# shellcheck disable=SC2181
	if [ $? -eq 0 ]; then pass "$1"; else fail "$1"; fi
	diag "$words"
}

# lost P UDP-ARGUMENT...: what netio says and what the counters say agree, and fit P.
lost()
{
	local name=$1 p=$2 fault=$3 from=$4 to=$5 sent received matched dropped

	shift 5
	read -r sent received <<<"$("$NETIO" udp "$@")"
	read -r matched dropped <<<"$(hits "$fault" "$from" "$to")"
	within "$name" "$p" "$sent" $((sent - received))
	# Of the end marks some are lost too.
	check "$name: each packet met the fault once" test $((matched - sent)) -ge 1 -a $((matched - sent)) -le 40
	check "$name: what did not arrive was dropped by it" \
		test $((dropped - sent + received)) -ge 0 -a $((dropped - sent + received)) -le 40
}

three_nodes || { fail "three nodes"; finish; }
# A VLAN on the same wires.
vlan=
if have_vlan; then
	vlan=yes
	for i in 1 2; do
		ns=$A
		[ $i = 1 ] || ns=$B
		ip -n "$ns" link add link eth0 name eth0.5 type vlan id 5
		ip -n "$ns" link set eth0.5 addrgenmode none up
		ip -n "$ns" addr add 10.75.0.$i/24 dev eth0.5
	done
	wait_until 5 reach "$A" 10.75.0.2 || fail "the VLAN carries"
fi

for mode in tcx clsact; do
	dp_start --mode $mode -m "a=netns:$A" -m "b=netns:$B" --loss a,b,0.2 || fail "$mode: starts"
	lost "$mode: UDP" 0.2 loss1 a b "$A" 10.77.0.1 "$B" 10.77.0.2 $N
	is "$mode: not on the way back" "$N $N" "$("$NETIO" udp "$B" 10.77.0.2 "$A" 10.77.0.1 $N)"
	dp_stop

	dp_start --mode $mode -m "a=netns:$A" -m "b=netns:$B" --loss a,b,0.02 || fail "$mode: starts"
	lost "$mode: UDP over IPv6" 0.02 loss1 a b "$A" fd77::1 "$B" fd77::2 $N
	dp_stop

	if [ $vlan ]; then
		dp_start --mode $mode -m "a=netns:$A" -m "b=netns:$B" --loss a,b,0.5 || fail "$mode: starts"
		is "$mode: it is on the device and on its VLAN" "a eth0 a eth0.5 b eth0 b eth0.5" \
			"$(dp attached | sort | xargs)"
		lost "$mode: UDP in a VLAN" 0.5 loss1 a b "$A" 10.75.0.1 "$B" 10.75.0.2 $N
		dp_stop
	else
		skip "$mode: UDP in a VLAN" "this kernel has no VLAN devices (CONFIG_VLAN_8021Q)"
	fi

	# Dropped where it leaves.
	dp_start --mode $mode -m "a=netns:$A" -m far=cidr:10.77.0.2 --loss a,far,0.3 || fail "$mode: starts"
	lost "$mode: UDP to who is known by address" 0.3 loss1 a far "$A" 10.77.0.1 "$B" 10.77.0.2 $N
	dp_stop

	# Dropped where it arrives, from who is known by address.
	dp_start --mode $mode -m "b=netns:$B" -m far=cidr:10.77.0.1 --loss far,b,0.3 || fail "$mode: starts"
	lost "$mode: UDP from who is known by address" 0.3 loss1 far b "$A" 10.77.0.1 "$B" 10.77.0.2 $N
	dp_stop
done

dp_start -m "a=netns:$A" -m "b=netns:$B" --loss a,b,0.25 || fail "ICMP"
received=$(ip netns exec "$A" ping -q -c 1500 -i 0.001 -W 1 10.77.0.2 | awk '/received/ { print $4 }')
within "ICMP" 0.25 1500 $((1500 - received))
dp_stop

# By way of a router that is a target itself: a and b leave their common wire, c forwards between
# them.
for i in 1 2; do
	ns=$A
	[ $i = 1 ] || ns=$B
	ip -n "$ns" addr add 10.7$i.0.1/32 dev lo
	ip -n "$ns" route add 10.7$((3 - i)).0.1/32 via 10.77.0.3 src 10.7$i.0.1
	ip -n "$C" route add 10.7$i.0.1/32 via 10.77.0.$i
	# The router must not tell them of the shorter way.
	ip netns exec "$ns" sysctl -qw net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.eth0.accept_redirects=0
done
ip netns exec "$C" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 \
	net.ipv4.conf.eth0.send_redirects=0
# shellcheck disable=SC2086
dp_start $members --loss a,b,0.3 --loss a+b,c,0.3 --loss c,a+b,0.3 || fail "a router"
lost "by way of a router that is a target too" 0.3 loss1 a b "$A" 10.71.0.1 "$B" 10.72.0.1 $N
is "the router's own faults have nothing to do with it" "0 0" "$(hits loss2 a c)"
dp_stop

# The same seed, the same losses.
for i in 1 2; do
	dp_start -m "a=netns:$A" -m "b=netns:$B" --loss a,b,0.2 || fail "again"
	"$NETIO" udp "$A" 10.77.0.1 "$B" 10.77.0.2 2000 >"$dp_dir/seed$i"
	dp_stop
done
is "the same seed loses the same number" "$(cat "$dp_dir/seed1")" "$(cat "$dp_dir/seed2")"
finish
