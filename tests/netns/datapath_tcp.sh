#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# alone
# timed
#
# datapath_tcp.sh: TCP behind a cut behaves as behind an unplugged cable: SYNs and data are sent
# again at the same times, within 10 %, as with the receiver's interface down. Dropped at the
# receiver's ingress, and at the sender's egress when the receiver is not ours; by tcx and by
# clsact. Times are from TCP_INFO, looked at every millisecond. A machine that stands still makes a time later and none
# earlier: where a comparison fails, both sides are measured again, at most twice, and the earliest of each time counts.
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

# measure NAME: connect, have `cut_now` called, watch; the earliest times so far into $dp_dir/NAME
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
	done >"$dp_dir/now"
	other_stop
	diag "$1: $(tr '\n' ';' <"$dp_dir/now")"
	cat "$dp_dir/now" >>"$dp_dir/$1"
	awk '{
		kinds[$1]
		for (i = 2; i <= NF; i++)
			if (!(($1, i) in t) || $i < t[$1, i])
				t[$1, i] = $i
	} END {
		for (k in kinds) {
			printf "%s", k
			for (i = 2; (k, i) in t; i++)
				printf " %s", t[k, i]
			print ""
		}
	}' "$dp_dir/$1" >"$dp_dir/now" && mv "$dp_dir/now" "$dp_dir/$1"
}

# alike NAME WHAT: the times of WHAT (data, syn) under NAME are those of the cable
alike()
{
	paste -d ' ' <(grep "^$2" "$dp_dir/cable" | tr ' ' '\n') <(grep "^$2" "$dp_dir/$1" | tr ' ' '\n') | awk '
		NR == 1 { next }
		NF != 2 { print "not the same number of them"; bad = 1; next }
		{ d = ($2 - $1) / $1; if (d < 0) d = -d; if (d > worst) worst = d; n++ }
		END { printf "%d times, the worst differs by %.1f%%\n", n, 100 * worst; exit bad || n < 4 || worst > 0.1 }'
}

# cable: the receiver's interface is down
cable()
{
	cut_now() { ip -n "$B" link set eth0 down; }
	measure cable || fail "cable"
	ip -n "$B" link set eth0 up
	ip -n "$B" addr add fd77::2/64 dev eth0 nodad 2>/dev/null
	wait_until 10 reach "$A" 10.77.0.2 || fail "the cable is back"
	ip -n "$B" neigh replace 10.77.0.1 lladdr "$(ip -n "$A" -o link show eth0 | sed 's/.*link.ether \([^ ]*\).*/\1/')" \
		dev eth0 nud permanent
}

# cut MODE WHERE: ours, attached by MODE at WHERE (receiver, sender)
cut()
{
	local far="-m b=netns:$B --cut a,b"

	[ "$2" = receiver ] || far="-m far=cidr:10.77.0.2 --cut a,far"
	cut_now() { dp arm; }
	# shellcheck disable=SC2086
	dp_start --mode "$1" -m "a=netns:$A" $far || fail "$1: starts"
	dp disarm
	measure "$1-at-the-$2" || fail "$1: measured"
	dp_stop
}

cable
for mode in tcx clsact; do
	for where in receiver sender; do
		name=$mode-at-the-$where
		cut $mode $where
		for _ in 1 2; do
			! { alike $name data && alike $name syn; } >/dev/null || break
			diag "$name: once more"
			cable
			cut $mode $where
		done
		for what in data syn; do
			if words=$(alike $name $what); then pass "$name: $what"; else fail "$name: $what"; fi
			diag "$words"
		done
	done
done
finish
