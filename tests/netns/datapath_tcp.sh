#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# alone
#
# datapath_tcp.sh: TCP behind a cut behaves as behind an unplugged cable: SYNs and data are sent
# again at the same times, within 10 %, as with the receiver's interface down. Dropped at the
# receiver's ingress, and at the sender's egress when the receiver is not ours; by tcx and by
# clsact. Times are from TCP_INFO, looked at every millisecond.
# shellcheck source=tests/netns/tools/dp.sh
. "$(dirname "$0")/tools/dp.sh"

WATCH_MS=5500

three_nodes || { fail "three nodes"; finish; }
# Who is where is known: a silent peer is not to become an unreachable one, which is another error.
for pair in "$A 10.77.0.2 $B" "$B 10.77.0.1 $A"; do
	# shellcheck disable=SC2086
	set -- $pair
	ip -n "$1" neigh replace "$2" lladdr "$(ip -n "$3" -o link show eth0 | sed 's/.*link.ether \([^ ]*\).*/\1/')" \
		dev eth0 nud permanent
done

# measure NAME: connect, have `cut_now` called, watch; into $dp_dir/NAME
measure()
{
	local line

	talk other "$NETIO" retrans "$A" 10.77.0.1 "$B" 10.77.0.2 $WATCH_MS
	if ! read -r -t 10 line <&"$other_out" || [ "$line" != connected ]; then
		diag "$(cat "$dp_dir/other.err")"
		return 1
	fi
	cut_now
	echo >&"$other_in"
	while read -r -t 15 line <&"$other_out"; do
		echo "$line"
	done >"$dp_dir/$1"
	other_stop
	diag "$1: $(tr '\n' ';' <"$dp_dir/$1")"
}

# same NAME WHAT: the times of WHAT (data, syn) under NAME are those of the cable
same()
{
	local words

	words=$(paste -d ' ' <(grep "^$2" "$dp_dir/cable" | tr ' ' '\n') <(grep "^$2" "$dp_dir/$1" | tr ' ' '\n') | awk '
		NR == 1 { next }
		NF != 2 { print "not the same number of them"; bad = 1; next }
		{ d = ($2 - $1) / $1; if (d < 0) d = -d; if (d > worst) worst = d; n++ }
		END { printf "%d times, the worst differs by %.1f%%\n", n, 100 * worst; exit bad || n < 4 || worst > 0.1 }')
	# shellcheck disable=SC2181
	if [ $? -eq 0 ]; then pass "$1: $2"; else fail "$1: $2"; fi
	diag "$words"
}

cut_now()
{
	ip -n "$B" link set eth0 down
}

measure cable || fail "cable"
ip -n "$B" link set eth0 up
ip -n "$B" addr add fd77::2/64 dev eth0 nodad 2>/dev/null
wait_until 10 reach "$A" 10.77.0.2 || fail "the cable is back"
ip -n "$B" neigh replace 10.77.0.1 lladdr "$(ip -n "$A" -o link show eth0 | sed 's/.*link.ether \([^ ]*\).*/\1/')" \
	dev eth0 nud permanent

cut_now()
{
	dp arm
}

for mode in tcx clsact; do
	dp_start --mode $mode -m "a=netns:$A" -m "b=netns:$B" --cut a,b || fail "$mode: starts"
	dp disarm
	measure "$mode-at-the-receiver" || fail "$mode: measured"
	dp_stop
	dp_start --mode $mode -m "a=netns:$A" -m far=cidr:10.77.0.2 --cut a,far || fail "$mode: starts"
	dp disarm
	measure "$mode-at-the-sender" || fail "$mode: measured"
	dp_stop
	for where in receiver sender; do
		same "$mode-at-the-$where" data
		same "$mode-at-the-$where" syn
	done
done
finish
