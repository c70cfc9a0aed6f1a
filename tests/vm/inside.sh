#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
#
# inside.sh: a partition on the kernel that this runs on, by each way of attaching that it has: it cuts, it heals, and
# nothing is left behind, not even after SIGKILL. faults.sh has the other faults. matrix.sh runs both on each kernel.
. "$(dirname "$0")/lib.sh"
private_host "$@"
need_meter
make_cable || { fail "two namespaces and a cable"; finish; }

# cuts NAME OPTION...: and heals.
cuts()
{
	local name=$1

	shift
	if ! set_chaos "$@" --attach "$mode"; then
		fail "$mode: $name cuts" "$(cat "$work/out")"
		return
	fi
	check "$mode: $name cuts" wait_until 10 silent a 192.0.2.2
	check "$mode: $name cuts IPv6" silent a 2001:db8::2
	end_chaos
	check "$mode: then traffic passes" wait_until 10 answers a 192.0.2.2
	check "$mode: and IPv6" wait_until 10 answers a 2001:db8::2
}

# killed: and taken away by `chaos clear`.
killed()
{
	set_chaos partition --attach "$mode" || { fail "$mode: SIGKILL" "$(cat "$work/out")"; return; }
	kill -KILL "$fault_pid"
	ended 10 2>/dev/null
	check "$mode: chaos clear after SIGKILL" "$CHAOS" clear
	check "$mode: then traffic passes" wait_until 10 answers a 192.0.2.2
	clean "$mode: and nothing is left"
}

traces >"$work/before"
doctor=$("$CHAOS" doctor --json) || diag "chaos doctor: exit status $?"
# can FEATURE
can()
{
	jq -e --arg name "$1" '.features[] | select(.name == $name) | .ok' <<<"$doctor" >/dev/null
}

diag "$(jq -r '[.features[] | "\(.name): \(if .ok then "yes" else "no" end)"] | join(", ")' <<<"$doctor")"
check "the programs load" can bpf
check "clsact" can clsact
modes=(clsact)
if can tcx; then
	modes=(tcx clsact)
else
	skip "tcx" "$(uname -r) has none"
fi
for mode in "${modes[@]}"; do
	cuts "a partition" partition
done

clean "nothing is left"
for mode in "${modes[@]}"; do
	killed
done
finish
