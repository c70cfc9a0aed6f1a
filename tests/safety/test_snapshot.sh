#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_snapshot.sh: the snapshot that the other tests rely on sees what could be left behind.
. "$(dirname "$0")/lib.sh"
private_host "$@"
make_pair

snapshot a b >"$work/before"
snapshot a b >"$work/again"
check "nothing changes by itself" diff "$work/before" "$work/again"
answers a 192.0.2.2 >/dev/null
check "traffic is no change" same_as "$work/before" a b

# seen NAME PLANT REMOVE: what PLANT leaves is found, and after REMOVE all is as before.
seen()
{
	local planted

	if ! eval "$2" >"$work/out" 2>&1; then
		skip "$1" "cannot be made here: $(head -n 1 "$work/out")"
		return
	fi
	same_as "$work/before" a b
	planted=$?
	eval "$3" >"$work/out" 2>&1
	if [ "$planted" -eq 0 ]; then
		fail "$1" "a leftover that was not found: $2"
	elif ! wait_until 5 same_as "$work/before" a b; then
		fail "$1" "still different: $(cat "$work/difference" "$work/out")"
	else
		pass "$1"
	fi
}

seen "a device on the host" "ip link add v0 type veth peer name v1" "ip link del v0"
seen "a device in a namespace" "ip -n a link add v0 type veth peer name v1" "ip -n a link del v0"
seen "an address" "ip -n b addr add 198.51.100.1/32 dev eth0" "ip -n b addr del 198.51.100.1/32 dev eth0"
seen "a route" "ip -n a route add 198.51.100.0/24 via 192.0.2.2" "ip -n a route del 198.51.100.0/24"
seen "a rule" "ip -n a rule add from 198.51.100.1 lookup 100" "ip -n a rule del from 198.51.100.1 lookup 100"
seen "a clsact qdisc" "tc -n b qdisc add dev eth0 clsact" "tc -n b qdisc del dev eth0 clsact"
seen "a filter" \
	"tc -n a filter add dev eth0 ingress prio 9 u32 match u32 0 0 flowid 1:1" \
	"tc -n a filter del dev eth0 ingress prio 9"
seen "another root qdisc" "tc -n b qdisc add dev eth0 root pfifo limit 10" "tc -n b qdisc del dev eth0 root"
seen "a device that is down" "ip -n b link set lo down" "ip -n b link set lo up"
seen "an MTU" "ip -n b link set eth0 mtu 1400" "ip -n b link set eth0 mtu 1500"
seen "a sysctl" "ip netns exec b sysctl -w net.ipv4.ip_forward=1" \
	"ip netns exec b sysctl -w net.ipv4.ip_forward=0"
seen "a named namespace" "ip netns add c" "ip netns del c"
# A process in a network namespace of its own; its pid is in $child.
unnamed_netns()
{
	unshare --net sleep 60 &
	child=$!
	wait_until 5 other_netns
}

other_netns()
{
	[ "$(readlink "/proc/$child/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

end_child()
{
	kill -9 "$child"
	wait "$child"
	true
}

seen "a process in a namespace without a name" unnamed_netns end_child
seen "a namespace that only a file descriptor holds" \
	"unnamed_netns && exec 9<\"/proc/\$child/ns/net\" && end_child" "exec 9<&-"
seen "a mount" "mkdir -p $work/m && mount -t tmpfs x $work/m" "umount $work/m"
seen "a pin" "bpftool map create /sys/fs/bpf/chaos_x type array key 4 value 4 entries 1 name chaos_x" \
	"rm /sys/fs/bpf/chaos_x"
seen "a firewall rule" "ip netns exec a nft add table inet x" "ip netns exec a nft delete table inet x"
seen "a crashed run's folder" "mkdir -p /run/chaos/x" "rm -r /run/chaos"
# By name: another namespace's qdisc that was removed is a difference too.
seen "a qdisc of another tool that is gone" "tc -n a qdisc del dev eth0 root" \
	"tc -n a qdisc add dev eth0 root handle 7: tbf rate 1gbit burst 1mb latency 50ms"

finish
