#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# timed
#
# select_hosts.sh: a host name is asked for again while a fault is on: the fault goes where the name goes, of both
# families, with its ports; a name that is gone is nobody's.
# shellcheck source=tests/safety/lib.sh disable=SC2015,SC2016
. "$(dirname "$0")/../safety/lib.sh"
private_host "$@"
need_chaos

{
	ip netns add a && ip netns add b && ip link add eth0 netns a type veth peer name eth0 netns b &&
		ip -n a addr add 192.0.2.1/24 dev eth0 && ip -n a addr add 2001:db8::1/64 dev eth0 nodad &&
		ip -n b addr add 192.0.2.2/24 dev eth0 && ip -n b addr add 192.0.2.3/24 dev eth0 &&
		ip -n b addr add 2001:db8::3/64 dev eth0 nodad && ip -n a link set eth0 up && ip -n b link set eth0 up &&
		wait_until 10 answers a 192.0.2.2 && wait_until 10 answers a 2001:db8::3
} || { fail "two namespaces and a cable"; finish; }

# A resolver of our own: only this mount namespace sees it.
: >"$work/hosts"
echo 'hosts: files' >"$work/nsswitch"
mount --bind "$work/hosts" /etc/hosts && mount --bind "$work/nsswitch" /etc/nsswitch.conf ||
	{ fail "a file of hosts"; finish; }
trap 'umount /etc/hosts /etc/nsswitch.conf; umount -l "$work/proc"; rm -rf --one-file-system "$work"' EXIT

# named ADDRESS...: what db.test is from now on
named()
{
	printf '%s db.test\n' "$@" >"$work/names"
	# In place: the mount is of this file.
	cat "$work/names" >"$work/hosts"
}

named 192.0.2.2
start "$CHAOS" inject partition --from netns:a --to host:db.test --for 100s
check "the name's address is cut" wait_until 20 silent a 192.0.2.2
check "another of that host is not" answers a 192.0.2.3
# Looked up every 5 s.
named 192.0.2.3
check "the name has another address: the cut goes along" wait_until 20 silent a 192.0.2.3
check "the one before is open again" wait_until 5 answers a 192.0.2.2
named 192.0.2.3 2001:db8::3
check "it has one more, of IPv6" wait_until 20 silent a 2001:db8::3
check "beside the other" silent a 192.0.2.3
: >"$work/hosts"
check "it is gone: nothing is cut" wait_until 20 eval 'answers a 192.0.2.3 && answers a 2001:db8::3'
check "the run goes on" eval '! gone "$pid"'
named 192.0.2.2
check "it is back: cut" wait_until 20 silent a 192.0.2.2
kill -INT "$pid"
ends "it ends" 20
check "open" wait_until 5 answers a 192.0.2.2
[ "$tap_bad" -eq 0 ] || diag "$(cat "$work/out")"
finish
