#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# netem.sh: what netem and chaos make of the same request, by the same meter, one behind the other on one kernel:
# `tests/vm/run 6.12 tests/vm/netem.sh`. A line of JSON per measurement on stdout:
#
#   {"fault": "loss 10 %", "by": "netem", "kernel": "6.12...", "args": [...], "udp": {...} or "tcp": {...}}
#
# and of a delay that both have {"fault": ..., "ks": {"n": ..., "d": ..., "p": ...}} between them. COUNT: packets
# of a measurement (5000). A fault that one of them does not have has no line of it.
. "$(dirname "$0")/lib.sh"
private_host "$@"
need_meter
make_cable || exit 1
: "${COUNT:=5000}"

release=$(uname -r)

# say BY FAULT KEY JSON ARGUMENT...
say()
{
	local by=$1 fault=$2 key=$3 found=$4

	shift 4
	if ! jq -M -c --arg by "$by" --arg fault "$fault" --arg key "$key" --arg kernel "$release" \
		'{fault: $fault, by: $by, kernel: $kernel, args: $ARGS.positional, ($key): .}' \
		--args -- "$@" <<<"$found" 2>/dev/null; then
		echo "$fault by $by: $found" >&2
		bad=1
	fi
}

# compare FAULT KIND METER-OPTION... -- NETEM-ARGUMENT... [-- CHAOS-ARGUMENT...]: KIND is udp or tcp.
compare()
{
	local fault=$1 kind=$2 options=() netem=() dump=() by found dumped=0

	shift 2
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do netem+=("$1"); shift; done
	[ $# -eq 0 ] || shift
	rm -f "$work"/dump.*
	for by in netem chaos; do
		local args=("${netem[@]}")
		[ $by = netem ] || args=("$@")
		[ ${#args[@]} -gt 0 ] || continue
		if ! "set_$by" "${args[@]}"; then
			echo "$fault by $by: ${args[*]}: $(cat "$work/out")" >&2
			bad=1
			continue
		fi
		[ "$kind" != udp ] || dump=(--dump "$work/dump.$by")
		found=$("meter_$kind" "${options[@]}" "${dump[@]}" 2>&1)
		"end_$by"
		say $by "$fault" "$kind" "$found" "${args[@]}"
		[ ! -s "$work/dump.$by" ] || dumped=$((dumped + 1))
	done
	if [ $dumped -eq 2 ] && [[ $fault == delay* ]]; then
		"$METER" ks "$work/dump.netem" "$work/dump.chaos" |
			jq -M -c --arg fault "$fault" '{fault: $fault, ks: .}'
	fi
}

# The same words for both, where both have them.
udp=(--count "$COUNT" --interval 500us --linger 1s)
base=$(meter_udp "${udp[@]}")
say nothing "nothing" udp "$base"
say nothing "nothing" tcp "$(meter_tcp --seconds 3)"

compare "loss 10 %"		udp "${udp[@]}" -- loss 10% -- loss 10%
compare "loss 10 %, correlation 25 %" udp "${udp[@]}" -- loss random 10% 25% -- loss 10% 25%
compare "loss gemodel 1 % 10 %"	udp "${udp[@]}" -- loss gemodel 1% 10% -- loss gemodel 1% 10%
compare "delay 20 ms"		udp "${udp[@]}" -- limit 100000 delay 20ms -- delay 20ms
compare "delay 20 ms, TCP"	tcp --seconds 5 -- limit 100000 delay 20ms -- delay 20ms
compare "delay 20 ms 5 ms normal" udp "${udp[@]}" -- limit 100000 delay 20ms 5ms distribution normal -- \
	delay 20ms 5ms --distribution normal
compare "reorder 25 % gap 5"	udp "${udp[@]}" -- limit 100000 delay 20ms reorder 25% gap 5 -- \
	delay 20ms reorder 25% --gap 5
compare "duplicate 5 %"		udp "${udp[@]}" -- duplicate 5% -- duplicate 5%
compare "corrupt 5 %"		udp "${udp[@]}" -- corrupt 5% -- corrupt 5%
compare "rate 10 Mbit/s"	udp --count 2000 --interval 500us --size 1200 --linger 2s -- limit 100000 rate 10mbit -- \
	rate 10mbit --queue 10s
compare "rate 10 Mbit/s, TCP"	tcp --seconds 5 -- limit 1000 rate 10mbit -- rate 10mbit --queue 1500kb
exit "${bad:-0}"
