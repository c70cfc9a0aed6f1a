#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# alone
# timed
#
# owner_outside.sh: what is not selected feels nothing: neither on lo, which it shares with two processes that
# are delayed and lose packets and two that are cut, nor over veth. The fault is on and off in turn.
# shellcheck source=tests/netns/tools/dp.sh
. "$(dirname "$0")/tools/dp.sh"
# shellcheck source=tests/netns/tools/peers.sh
. "$(dirname "$0")/tools/peers.sh"
METER=$O/tools/meter
[ -x "$METER" ] || skip_all "no $METER: make check-netns builds it"
noise_pid=''
trap 'noise_end; peers_end; dp_cleanup' EXIT

delay_ms=60 rounds=5 packets=4000

# noise: the selected talk to each other until noise_end
noise()
{
	(
		while [ ! -e "$dp_dir/quiet" ]; do
			tell x flood 127.0.0.1 7002 500
			tell x tcp 127.0.0.1 7002
			tell p flood 127.0.0.1 7004 500
			tell p tcp 127.0.0.1 7004
		done
	) >/dev/null &
	noise_pid=$!
}

noise_end()
{
	[ -n "$noise_pid" ] || return
	: >"$dp_dir/quiet"
	wait "$noise_pid"
	noise_pid=''
}

# datagrams PATH on|off ADDRESS NETNS: a line of FOUR COUNTS P50 P99 into $dp_dir/udp-PATH-on
datagrams()
{
	"$METER" udp --send-netns "$A" --recv-netns "$4" --to "$3" --port 7900 --count "$packets" --interval 250us |
		jq -r '[.lost.packets, .duplicates, .reordered.packets, .corrupted + .unsent, .delay_us.p50, .delay_us.p99] | @tsv' \
			>>"$dp_dir/udp-$1-$2"
}

# columns FILE N: sums of the first N columns, medians of the two behind them
columns()
{
	awk -v n="$2" 'function median(c,    i, j, x, v) {
			for (i = 1; i <= NR; i++) {
				x = at[i, c]
				for (j = i; j > 1 && v[j - 1] > x; j--) v[j] = v[j - 1]
				v[j] = x
			}
			return v[int((NR + 1) / 2)]
		}
		{ for (c = 1; c <= NF; c++) { at[NR, c] = $c; sum[c] += $c } }
		END { for (c = 1; c <= n; c++) printf "%d ", sum[c]; printf "%d %d\n", median(n + 1), median(n + 2) }' "$1"
}

one_round()
{
	local state

	for state in off on; do
		if [ $state = on ]; then dp arm; else dp disarm; fi
		datagrams lo $state 127.0.0.1 "$A"
		datagrams veth $state 10.77.0.2 "$B"
		for kind in udp tcp; do
			# LOST P50 P99 RETRANSMITTED, and what is to be added up first
			tell u trips $kind 127.0.0.1 7006 1000 | awk '{ print $1, $4, $2, $3 }' >>"$dp_dir/$kind-trips-lo-$state"
			tell u trips $kind 10.77.0.2 7006 1000 | awk '{ print $1, $4, $2, $3 }' >>"$dp_dir/$kind-trips-veth-$state"
		done
	done
}

three_nodes || { fail "three nodes"; finish; }
for name in x y p q u v; do
	ports=$((${ports:-7000} + 1))
	peer $name "$A" $ports || { fail "process $name"; finish; }
done
peer far "$B" 7006 || { fail "process far"; finish; }
selected=''
for name in x y p q; do selected="$selected -m $name=sock:$A:${peer_pid[$name]}"; done
# shellcheck disable=SC2086
if ! dp_start $selected --fault x,y,delay=${delay_ms}000,loss=0.3 --fault y,x,delay=${delay_ms}000,loss=0.3 --cut p,q \
	--end 3600; then
	fail "armed"
	finish
fi
noise
for ((round = 0; round < rounds; round++)); do one_round; done
noise_end

read -r matched dropped <<<"$(hits fault1 x y)"
check "x and y were under their fault meanwhile ($matched packets, $dropped lost)" [ "$dropped" -gt 0 ]
read -r matched dropped <<<"$(hits cut3 p q)"
check "p and q were cut ($dropped packets)" [ "$dropped" -gt 0 ]
# Milliseconds of the delay into half of it in microseconds.
half=$((delay_ms * 500))
for path in lo veth; do
	read -r lost twice order other p50 p99 <<<"$(columns "$dp_dir/udp-$path-on" 4)"
	read -r _ _ _ _ off50 off99 <<<"$(columns "$dp_dir/udp-$path-off" 4)"
	is "$path: $((rounds * packets)) datagrams: lost, twice, out of order, otherwise hurt" "0 0 0 0" "$lost $twice $order $other"
	diag "$path: one way: median $p50 µs on, $off50 off; 99 %: $p99 on, $off99 off (medians of $rounds rounds)"
	check "$path: the delay is in none of them" [ "$p99" -lt "$half" ]
	for kind in udp tcp; do
		read -r lost again p50 p99 <<<"$(columns "$dp_dir/$kind-trips-$path-on" 2)"
		read -r _ _ off50 off99 <<<"$(columns "$dp_dir/$kind-trips-$path-off" 2)"
		is "$path: $((rounds * 1000)) $kind round trips: lost, retransmitted" "0 0" "$lost $again"
		diag "$path: $kind round trip: median $p50 µs on, $off50 off; 99 %: $p99 on, $off99 off"
		check "$path: nor in a $kind round trip" [ "$p99" -lt "$half" ]
	done
done
dp_stop
is "it ends well" 0 $?
finish
