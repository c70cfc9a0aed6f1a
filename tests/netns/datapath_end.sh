#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# alone
#
# datapath_end.sh: however the owner of the faults ends, the network is free again.
# shellcheck source=tests/netns/tools/dp.sh
. "$(dirname "$0")/tools/dp.sh"

three_nodes || { fail "three nodes"; finish; }
before=$(state "$A" "$B" "$C")

# programs PID: numbers of the BPF programs that it has open
programs()
{
	awk '$1 == "prog_id:" { print $2 }' /proc/"$1"/fdinfo/* 2>/dev/null | sort -un
}

loaded()
{
	bpftool prog show id "$1" >/dev/null 2>&1
}

# reap SIGNAL: end dpctl by it, without a word of the shell
reap()
{
	kill -"$1" "$dp_pid"
	wait "$dp_pid" 2>/dev/null
	exec {dp_in}>&- {dp_out}<&-
	dp_pid='' dp_in=''
}

# shellcheck disable=SC2086
dp_start --mode tcx $members --cut a,b || fail "starts"
ids=$(programs "$dp_pid")
check "tcx: programs are loaded" loaded "${ids%%$'\n'*}"
check "tcx: cut" no_reach "$A" 10.77.0.2
reap KILL
check "tcx, killed: a reaches b" reach "$A" 10.77.0.2
for id in $ids; do
	wait_until 5 eval "! loaded $id" || fail "tcx, killed: program $id is gone"
done
as_before "tcx, killed: nothing is left" "$before" "$A" "$B" "$C"

for mode in tcx clsact; do
	# shellcheck disable=SC2086
	dp_start --mode $mode $members --cut a,b --end 1.5 || fail "starts"
	kill -STOP "$dp_pid"
	check "$mode, stopped: cut" no_reach "$A" 10.77.0.2
	check "$mode, stopped: a reaches b when the window is over" wait_until 3 reach "$A" 10.77.0.2
	like "$mode, stopped: it is still stopped" "^T" "$(sed 's/.*) //' /proc/"$dp_pid"/stat)"
	kill -CONT "$dp_pid"
	dp_stop
	as_before "$mode, stopped and gone on: all is as before" "$before" "$A" "$B" "$C"
done

# shellcheck disable=SC2086
dp_start --mode clsact $members --cut a,b --end 1.5 || fail "starts"
check "clsact: cut" no_reach "$A" 10.77.0.2
reap KILL
check "clsact, killed: filters are left" test "$before" != "$(state "$A" "$B" "$C")"
check "clsact, killed: a reaches b when the window is over" wait_until 3 reach "$A" 10.77.0.2
# One that lives, beside it: clearing leaves it alone.
dp_start --mode clsact -m "b=netns:$B" -m "c=netns:$C" --cut b,c || fail "starts"
n=$("$DPCTL" clear)
check "clear: took at least the six that were left ($n)" test "$n" -ge 6
check "clear: who lives goes on" no_reach "$C" 10.77.0.2
like "clear: its filters are there" "chaos_ingress" "$(tc -n "$B" filter show dev eth0 ingress)"
dp_stop
as_before "clear: all is as before" "$before" "$A" "$B" "$C"
is "clear: nothing more to do here" "" "$("$DPCTL" clear >/dev/null; state "$A" "$B" "$C" | grep chaos_)"

# Killed while another's filters stand there: only ours go, and its qdisc stays.
other_start "$B" eth0 clsact || fail "somebody else"
with_other=$(state "$B")
dp_start --mode clsact -m "b=netns:$B" -m "a=netns:$A" --cut a,b || fail "starts"
reap KILL
"$DPCTL" clear >/dev/null
as_before "clear: somebody else's filters and qdisc stay" "$with_other" "$B"
other_stop
tc -n "$B" qdisc del dev eth0 clsact

# What it asks for it says.
as_nobody()
{
	setpriv --reuid 65534 --clear-groups --bounding-set -all --inh-caps -all "$@" 2>&1 </dev/null
}

chmod 755 "$dp_dir"
cp "$DPCTL" "$dp_dir/dpctl" && chmod 755 "$dp_dir/dpctl"
out=$(as_nobody "$dp_dir/dpctl" -m "a=netns:$A" -m far=cidr:10.0.0.0/8 --cut a,far)
like "not root: says what to do" "run as root" "$out"
out=$(as_nobody "$dp_dir/dpctl" features)
like "not root: so do the features" "missing privileges: .*CAP_NET_ADMIN" "$out"
as_before "and nothing has changed" "$before" "$A" "$B" "$C"
finish
