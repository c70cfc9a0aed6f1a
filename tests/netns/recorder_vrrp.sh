#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 30
# alone
# timed
#
# Who holds a virtual address, seen from inside a namespace; and that a probe is inside it.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
rec_needs stat

vip=192.0.2.100 vip6=2001:db8::100
threads_inside()
{
	local id n=0 t

	id=$(stat -Lc %i "/run/netns/$netns")
	for t in /proc/"$rec_pid"/task/*; do
		[ "$(stat -Lc %i "$t/ns/net" 2>/dev/null)" = "$id" ] && n=$((n + 1))
	done
	[ "$n" -eq "$1" ]
}
rec_up -e 10 -p vrrp,n1,,0,$vip -p vrrp,n2,,0,$vip6/64
is "probes start" 0 $?
# One that asks, one that watches the wire.
check "each has its threads in the namespace" threads_inside 4
check "nobody holds the address" wait_until 5 role_is n1 none
is "and nobody claims it" "false null" "$(role n1 claim) $(role n1 epoch)"
now_ns
inside ip addr add $vip/32 dev lo
now_ns
after=$now
check "it is added: a claim" wait_until 5 role_is n1 leader
at=$(rec '[.[] | select(.type == "role_change" and .node == "n1").t_ns][0]')
check "within two intervals ($(((at - after) / 1000)) us after it was there)" test "$at" -le $((after + 20000000))
is "claimed" "true null" "$(role n1 claim) $(role n1 epoch)"
is "an address of another family is another" none "$(role n2)"
inside ip addr del $vip/32 dev lo
check "it is removed: none" wait_until 5 role_is n1 none
inside ip addr add $vip6/128 dev lo nodad
check "IPv6 too" wait_until 5 role_is n2 leader
inside ip addr add 192.0.2.1 peer $vip dev lo
n=$(samples n1)
more_samples()
{
	[ "$(samples n1)" -ge $((n + 5)) ]
}
check "sampling goes on" wait_until 5 more_samples
is "a peer's address is not held" none "$(role n1)"
ip netns del "$netns"
n=$(samples n2)
check "the namespace loses its name: the probe stays inside" wait_until 5 more_samples
is "and sees what it saw" leader "$(role n2)"
rec_down
is "orderly end" 0 $?
is "no errors" 0 "$(rec '[.[] | select(.role == "error")] | length')"
# How many there are is the machine's load.
diag "$(rec '[.[] | select(.type == "probe_gap")] | length') probe gaps"
finish
