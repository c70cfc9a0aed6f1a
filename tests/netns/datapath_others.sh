#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timed
# datapath_others.sh: somebody else's programs and qdiscs on the same device run on, do not hide
# ours, and are there after.
# shellcheck source=tests/netns/tools/dp.sh
. "$(dirname "$0")/tools/dp.sh"

three_nodes || { fail "three nodes"; finish; }

# counted NS: what the others have seen grows by pings from c to NS's address
counted()
{
	local a b c d

	read -r a b <<<"$(other_seen)"
	reach "$C" "$1"
	read -r c d <<<"$(other_seen)"
	[ "$c" -gt "$a" ] && { [ "$d" -gt "$b" ] || [ "$how" = xdp ]; }
}

ip -n "$A" link show eth0 >/dev/null
tc -n "$B" qdisc add dev eth0 root handle 77: pfifo limit 123
for how in tcx clsact xdp; do
	other_start "$B" eth0 $how || { fail "$how program of somebody else"; continue; }
	before=$(state "$B")
	for mode in tcx clsact; do
		name="$mode beside $how"
		dp_start --mode $mode -m "a=netns:$A" -m "b=netns:$B" --cut a,b || { fail "$name"; continue; }
		check "$name: the rest reaches their programs" counted 10.77.0.2
		# Ours come first and theirs do not see what ours drop, but for XDP, which is
		# before all. A tcx program that lets packets pass for good hides all of clsact:
		# there tcx must be used, and is by default.
		read -r in1 _ <<<"$(other_seen)"
		ip netns exec "$A" ping -q -c 40 -i 0.005 -W 0.2 10.77.0.2 >/dev/null
		read -r in2 _ <<<"$(other_seen)"
		seen=$((in2 - in1))
		case $mode-$how in
		*-xdp) check "$name: XDP sees what is cut behind it ($seen)" test $seen -ge 40 ;;
		clsact-tcx) check "$name: clsact is hidden ($seen)" test $seen -ge 40 ;;
		*) check "$name: they do not see what was cut before them ($seen)" test $seen -lt 20 ;;
		esac
		if [ $mode-$how != clsact-tcx ]; then
			is "$name: what ours cut is cut" 40 "$(hits cut1 a b | cut -d ' ' -f 2)"
			check "$name: the other way too" no_reach "$B" 10.77.0.1
		fi
		dp_stop
		is "$name: it ends well" 0 $?
		as_before "$name: all is as before" "$before" "$B"
		check "$name: they run on after" counted 10.77.0.2
	done
	other_stop
	case $how in
	clsact) tc -n "$B" qdisc del dev eth0 clsact ;;
	xdp) ip -n "$B" link set dev eth0 xdpgeneric off ;;
	esac
done
like "the root qdisc has stayed all the time" "pfifo 77: root .*limit 123p" \
	"$(tc -n "$B" qdisc show dev eth0)"

# A clsact qdisc that stands empty is somebody's, too.
tc -n "$B" qdisc add dev eth0 clsact
before=$(state "$B")
dp_start --mode clsact -m "b=netns:$B" -m "a=netns:$A" --cut a,b || fail "empty clsact"
dp_stop
as_before "a clsact qdisc that was there before stays" "$before" "$B"
tc -n "$B" qdisc del dev eth0 clsact

# An ingress qdisc leaves no room for egress: clsact says so, tcx does not care.
tc -n "$B" qdisc add dev eth0 ingress
before=$(state "$B")
if out=$("$DPCTL" --mode clsact -m "b=netns:$B" -m "a=netns:$A" --cut a,b 2>&1 </dev/null); then
	fail "an ingress qdisc: clsact refuses" "$out"
else
	like "an ingress qdisc: clsact refuses in words" 'ingress. qdisc of somebody else' "$out"
fi
as_before "and nothing has changed" "$before" "$B"
dp_start --mode tcx -m "b=netns:$B" -m "a=netns:$A" --cut a,b || fail "tcx beside ingress"
check "an ingress qdisc: tcx works beside it" no_reach "$A" 10.77.0.2
dp_stop
tc -n "$B" qdisc del dev eth0 ingress

# A filter of another kind at priority 1 cannot be undercut; ours goes behind it.
tc -n "$B" qdisc add dev eth0 clsact
tc -n "$B" filter add dev eth0 ingress pref 1 protocol ip u32 match ip dport 9 0xffff flowid 1:1
before=$(state "$B")
dp_start --mode clsact -m "b=netns:$B" -m "a=netns:$A" --cut a,b || fail "u32"
check "a u32 filter at priority 1: ours still cuts what it leaves" no_reach "$A" 10.77.0.2
dp_stop
as_before "and it stays" "$before" "$B"
tc -n "$B" qdisc del dev eth0 clsact

# Two of us, by clsact: the qdisc goes with the last.
before=$(state "$B")
dp_start --mode clsact -m "b=netns:$B" -m "a=netns:$A" --cut a,b || fail "two: the first"
mkfifo "$dp_dir/second"
(
	exec {dp_in}>&-
	exec "$DPCTL" --mode clsact -m "b=netns:$B" -m "c=netns:$C" --cut c,b
) <"$dp_dir/second" >"$dp_dir/second.out" &
second=$!
exec {second_in}>"$dp_dir/second"
check "two at once: the second is ready" wait_until 10 grep -q ready "$dp_dir/second.out"
check "two at once: the first cuts a" no_reach "$A" 10.77.0.2
check "two at once: the second cuts c" no_reach "$C" 10.77.0.2
dp_stop
check "the first has left: c is still cut" no_reach "$C" 10.77.0.2
check "the first has left: a is not" reach "$A" 10.77.0.2
exec {second_in}>&-
wait $second
as_before "both have left: all is as before" "$before" "$B"
finish
