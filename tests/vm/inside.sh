#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
#
# inside.sh: every fault on the kernel that this runs on, by each way of attaching that it has, measured and held
# against its definition; and nothing is left behind. matrix.sh runs it on each kernel.
#
# A fault is a line `measure` below.
. "$(dirname "$0")/lib.sh"
private_host "$@"
need_meter
make_cable || { fail "two namespaces and a cable"; finish; }

# measure METER NAME EXPECTATION OPTION... -- FAULT...: meter's options, inject's arguments. The expectation is jq's,
# of meter's output; its words are in lib.sh.
measure()
{
	local meter=$1 name=$2 expectation=$3 options=() found words

	shift 3
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	for mode in "${modes[@]}"; do
		if ! set_chaos "$@" --attach "$mode"; then
			fail "$mode: $name" "chaos inject $*: $(cat "$work/out")"
			continue
		fi
		# shellcheck disable=SC2154
		found=$("$meter" "${options[@]}" 2>&1)
		end_chaos
		# One look at it: whether it holds, and the figures to show.
		words=$(jq -c "$judge ($expectation), (if .lost then {lost: .lost.ratio, bursts: .lost.burst_mean,
			duplicates, corrupted, reordered: .reordered.ratio, delay_us: [.delay_us | .p1, .p50, .p99]}
			else . end)" <<<"$found" 2>&1)
		if [ "${words%%$'\n'*}" = true ]; then
			pass "$mode: $name"
		else
			fail "$mode: $name" "expected $expectation
of $found"
		fi
		diag "${words#*$'\n'}"
	done
}

measure_udp() { measure meter_udp "$@"; }
measure_udp6() { measure meter_udp6 "$@"; }
measure_tcp() { measure meter_tcp "$@"; }

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

measure_udp "nothing asked, nothing lost" '.lost.packets == 0 and .duplicates == 0 and .reordered.packets == 0
	and .corrupted == 0' --count 500 --interval 1ms -- loss 100% --port 9
measure_udp "loss 20 %" '(.lost.ratio | ratio(0.2; 2000)) and .duplicates == 0' --count 2000 --interval 500us -- loss 20%
measure_udp6 "loss 20 % of IPv6" '.lost.ratio | ratio(0.2; 2000)' --count 2000 --interval 500us -- loss 20%
measure_tcp "TCP goes on under a loss of 1 %" '.bytes > 100000 and .retransmits > 0' --seconds 1 -- loss 1%

clean "nothing is left"
for mode in "${modes[@]}"; do
	killed
done
finish
