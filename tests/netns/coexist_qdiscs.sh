#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# timed
#
# coexist_qdiscs.sh: root qdiscs and an nftables ruleset of somebody else at the device of a fault: they do their work
# before, during and after, and have the same parameters all the time.
# shellcheck source=tools/coexist.sh
. "$(dirname "$0")/tools/coexist.sh"
private_host "$@"
need_meter
make_cable || { fail "two namespaces and a cable"; finish; }
N=1000
declare -A faults=([partition]="partition --direction to" [loss]="loss 30%" [delay]="delay 20ms")

# qdiscs NS: as configured, without what they count, and without the clsact of ours.
qdiscs()
{
	tc -n "$1" qdisc show dev eth0 | grep -v '^qdisc clsact'
	tc -n "$1" class show dev eth0
	tc -n "$1" filter show dev eth0
}

# counted NS: packets that the root qdisc has sent.
counted()
{
	tc -n "$1" -s qdisc show dev eth0 | awk '/Sent/ { print $4; exit }'
}

# through NAME FAULT: tests: N packets meet the fault, and those that it lets pass go through the qdisc in a.
through()
{
	local name=$1 before left

	before=$(counted a)
	out=$(meter_udp --count $N --interval 500us --size 200 --linger 500ms 2>&1)
	left=$(jq .received <<<"$out")
	case $2 in
	none) judged "$name: all arrive" ".lost.packets == 0" "$out" ;;
	partition) judged "$name: none arrives" ".received == 0" "$out" ;;
	loss) judged "$name: 30 % are lost" ".lost.ratio | ratio(0.3; $N)" "$out" ;;
	delay) judged "$name: all are late" ".lost.packets == 0 and .delay_us.min >= 20000" "$out" ;;
	esac
	before=$(($(counted a) - before))
	# Neighbours are asked now and then.
	check "$how: $name: what ours left, and no more, went through it ($before)" \
		test "$before" -ge "$left" -a "$before" -le $((left + 20))
}

# stays FAULT: with the fault on.
stays()
{
	is "$how: $1: it stands as it did" "$configured" "$(qdiscs a)"
}

# beside: what stands at a's eth0 while faults at a's egress come and go.
beside()
{
	local fault mode words

	configured=$(qdiscs a)
	traces >"$work/before"
	through before none
	for mode in "${modes[@]}"; do
		for fault in "${!faults[@]}"; do
			read -ra words <<<"${faults[$fault]}"
			run "$fault" "${words[@]}" --from netns:a --to cidr:192.0.2.2/32 --attach "$mode" || continue
			through "$fault by $mode" "$fault"
			stays "$fault by $mode"
			end "$fault"
		done
	done
	through after none
	settled "all is as it was"
}

# add KIND ARGUMENT...: as the root; 1 if this kernel has none.
add()
{
	how=$1
	tc -n a qdisc add dev eth0 root handle 7: "$@" 2>"$work/err" && return
	skip "$how" "not on $(uname -r): $(tail -n 1 "$work/err")"
	return 1
}

remove()
{
	tc -n a qdisc del dev eth0 root
}

modes=(clsact)
! can tcx || modes=(tcx clsact)
# An emulated machine is slow: there, what may not be here.
if [ -n "${CHAOS_VM-}" ]; then
	modes=("${modes[0]}")
	unset "faults[loss]"
	if add fq limit 4321 flow_limit 234 quantum 4000; then beside; remove; fi
	if add fq_codel limit 4321 target 7ms interval 70ms; then beside; remove; fi
	finish
fi

if add htb default 10; then
	tc -n a class add dev eth0 parent 7: classid 7:1 htb rate 1gbit
	tc -n a class add dev eth0 parent 7:1 classid 7:10 htb rate 500mbit ceil 1gbit
	tc -n a class add dev eth0 parent 7:1 classid 7:20 htb rate 100mbit
	tc -n a filter add dev eth0 parent 7: protocol ip prio 3 u32 match ip dport 5201 0xffff flowid 7:20
	class_before=$(tc -n a -s class show dev eth0 classid 7:20 | awk '/Sent/ { print $4 }')
	beside
	class_after=$(tc -n a -s class show dev eth0 classid 7:20 | awk '/Sent/ { print $4 }')
	check "htb: the class has had its packets, its filter took them" test $((class_after - class_before)) -gt $((2 * N))
	remove
fi
if add tbf rate 200mbit burst 256kb latency 100ms; then beside; remove; fi
if add pfifo limit 777; then beside; remove; fi
if add bfifo limit 400000; then beside; remove; fi
if add fq limit 4321 flow_limit 234 quantum 4000; then beside; remove; fi
if add fq_codel limit 4321 target 7ms interval 70ms; then beside; remove; fi

# A token bucket that holds up still holds up what comes from the line.
if add tbf rate 4mbit burst 3000 latency 400ms; then
	how="tbf of 4 Mbit/s and a loss"
	# 250 bytes of payload in a frame of 292: 3.42 Mbit/s of it, and the burst. A slow machine gets less.
	fast=$(meter_udp --count 2000 --interval 200us --size 250 --linger 1s | jq .received_payload_bps)
	run loss loss 10% --from netns:a --to cidr:192.0.2.2/32 || fail "$how"
	slow=$(meter_udp --count 2000 --interval 200us --size 250 --linger 1s | jq .received_payload_bps)
	end loss
	check "$how: alone it is kept ($fast)" jq -ne "$fast < 3600000"
	check "$how: with the loss too ($slow)" jq -ne "$slow < 3600000"
	remove
fi

# --- a ruleset ---

how=nftables
if ! type -P nft >/dev/null || ! ip netns exec b nft -f - 2>"$work/err" <<'EOF'
table inet theirs {
	counter seen { }
	chain in {
		type filter hook input priority filter; policy accept;
		udp dport 5201 counter name seen
		udp dport 5202 drop
	}
}
EOF
then
	skip "$how" "not on $(uname -r): $(tail -n 1 "$work/err" 2>/dev/null)"
	finish
fi

# ruled: how many packets the rule has seen.
ruled()
{
	ip netns exec b nft -j list counter inet theirs seen | jq '.nftables[] | select(.counter) | .counter.packets'
}

rules=$(ip netns exec b nft -s list ruleset)
for mode in "${modes[@]}"; do
	for fault in partition loss delay none; do
		read -ra words <<<"${faults[$fault]-}"
		if [ $fault != none ]; then
			run $fault "${words[@]}" --from netns:a --to netns:b --attach "$mode" || continue
		fi
		seen=$(ruled)
		out=$(meter_udp --count $N --interval 500us --size 200 --linger 500ms)
		is "$how: $fault by $mode: the ruleset counts what ours leave" "$(jq .received <<<"$out")" $(($(ruled) - seen))
		out=$("$METER" udp --send-netns a --recv-netns b --to 192.0.2.2 --port 5202 --count 100 --interval 500us)
		is "$how: $fault by $mode: and drops what it drops" 0 "$(jq .received <<<"$out")"
		is "$how: $fault by $mode: it is as it was" "$rules" "$(ip netns exec b nft -s list ruleset)"
		[ $fault = none ] || end $fault
	done
done
finish
