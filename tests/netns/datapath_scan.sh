#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# datapath_scan.sh: what netns.h finds in a namespace is what `ip` finds.
# shellcheck source=tests/netns/tools/dp.sh
. "$(dirname "$0")/tools/dp.sh"

if ! ip netns add "$A" || ! ip netns add "$B"; then
	fail "two namespaces"
	finish
fi
ip -n "$A" link set lo up
ip -n "$A" link add br0 type bridge
ip -n "$A" link add v0 type veth peer name v1
ip -n "$A" link add v2 type veth peer name v3 netns "$B"
ip -n "$A" link set v0 master br0 up
ip -n "$A" link set v1 up
ip -n "$A" link add link v2 name mv0 type macvlan
ip -n "$A" addr add 10.9.0.1/24 dev br0
ip -n "$A" addr add 10.9.0.1/32 peer 10.9.9.9/32 dev v1
ip -n "$A" addr add fd09::1/64 dev v2 nodad

scan=$("$DPCTL" scan "$A")
is "all devices and their numbers" \
	"$(ip -n "$A" -o link | awk -F': ' '{ sub(/@.*/, "", $2); print $1, $2 }')" \
	"$(awk '$1 == "link" { print $2, $3 }' <<<"$scan")"
is "all addresses, of ours and not of the peer's" \
	"$(ip -n "$A" -o addr | awk '{ sub(/\/.*/, "", $4); print $4 }' | sort)" \
	"$(awk '$1 == "addr" { sub(/\/.*/, "", $3); print $3 }' <<<"$scan" | sort)"
br=$(ip netns exec "$A" cat /sys/class/net/br0/ifindex 2>/dev/null || ip -n "$A" -o link show br0 | cut -d: -f1)
like "a port and its bridge" "v0 kind=veth up=1 lo=0 master=$br lower=0" "$scan"
like "a pair in one namespace is not one above the other" "v1 kind=veth up=1 lo=0 master=0 lower=0" "$scan"
like "a peer elsewhere is nobody's lower device" "v2 kind=veth up=0 lo=0 master=0 lower=0" "$scan"
like "a macvlan is above its device" "mv0 kind=macvlan up=0 lo=0 master=0 lower=[1-9]" "$scan"
like "loopback" "link 1 lo kind= up=1 lo=1" "$scan"
like "it does not forward" "forwards 0" "$scan"
ip netns exec "$A" sysctl -qw net.ipv6.conf.all.forwarding=1
like "it forwards" "forwards 1" "$("$DPCTL" scan "$A")"

# More than one message of netlink.
for i in $(seq 300); do
	echo "addr add 10.10.$((i / 200)).$((i % 200 + 1))/32 dev br0"
done | ip -n "$A" -b -
is "300 addresses more" 300 "$("$DPCTL" scan "$A" | grep -c '^addr .* 10\.10\.')"

# By name, path and pid.
ip netns exec "$A" sleep 60 &
sleeper=$!
# shellcheck disable=SC2016
wait_until 5 eval '[ "$(ip netns identify $sleeper)" = "$A" ]'
is "by path" "$("$DPCTL" scan "$A")" "$("$DPCTL" scan "/run/netns/$A")"
is "by pid" "$("$DPCTL" scan "$A")" "$("$DPCTL" scan $sleeper)"
kill $sleeper
wait $sleeper 2>/dev/null
like "a name that is nearly one" "did you mean .$A." "$("$DPCTL" scan "${A}x" 2>&1)"
finish
