#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
# timed
#
# coexist_runs.sh: two runs at one device add up, in whichever order they come and by whatever they are attached, and
# each lifts only its own, whatever becomes of the other.
# shellcheck source=tools/coexist.sh
. "$(dirname "$0")/tools/coexist.sh"
private_host "$@"
need_meter
make_cable || { fail "two namespaces and a cable"; finish; }
traces >"$work/before"

# Where the rules stand: both ends ours, at b's ingress; only the sender is, at a's egress.
declare -A edge=([ingress]="--from netns:a --to netns:b" [egress]="--from netns:a --to cidr:192.0.2.2/32")

# losses MODE MODE PLACE: the later comes first at the device by tcx.
losses()
{
	local e=()

	read -ra e <<<"${edge[$3]}"
	how="$1 then $2 at $3"
	run one loss 20% "${e[@]}" --attach "$1" || return
	lost "20 % alone" 0.2
	run two loss 30% "${e[@]}" --attach "$2" || return
	# 1 - 0.8 * 0.7
	lost "20 % and 30 %" 0.44
	if [ "$3" = ingress ]; then
		end one
		lost "the first has ended" 0.3
		end two
	else
		end two
		lost "the second has ended" 0.2
		end one
	fi
	lost "both have ended" 0
}

delays()
{
	local e=()

	read -ra e <<<"${edge[$3]}"
	how="$1 then $2 at $3"
	run one delay 20ms "${e[@]}" --attach "$1" || return
	delayed "alone" 20
	run two delay 30ms "${e[@]}" --attach "$2" || return
	delayed "together" 50
	end one
	delayed "the first has ended" 30
	# The other order, the same two.
	run one delay 20ms "${e[@]}" --attach "$1" || return
	delayed "together again" 50
	end two
	delayed "the second has ended" 20
	end one
}

# A cut and a delay, in both orders; each takes TCP along, whose packets stay whole.
partitions()
{
	local e=()

	read -ra e <<<"${edge[$3]}"
	how="$1 then $2 at $3"
	run one delay 20ms "${e[@]}" --attach "$1" || return
	run two partition "${e[@]}" --direction to --attach "$2" || return
	check "$how: cut behind or before a delay" silent a 192.0.2.2
	end two
	delayed "the cut has ended, the delay goes on" 20
	run two partition "${e[@]}" --direction to --attach "$2" || return
	end one
	check "$how: the delay has ended, the cut goes on" silent a 192.0.2.2
	run one delay 20ms "${e[@]}" --attach "$1" || return
	check "$how: a delay that comes later does not lead around the cut" silent a 192.0.2.2
	end two
	out=$(meter_tcp --seconds 1)
	check "$how: TCP has its window under what is left" test "$(jq '.bytes // 0' <<<"$out")" -gt 5000000
	end one
}

# Both ways at once: one run on what a sends, the other on what b sends.
opposite()
{
	how="$1 against $2"
	run one delay 20ms --from netns:a --to netns:b --attach "$1" || return
	run two delay 30ms --from netns:b --to netns:a --attach "$2" || return
	delayed "there" 20
	out=$("$METER" udp --send-netns b --recv-netns a --to 192.0.2.1 --port 5202 --count 200 --interval 2ms --linger 1s)
	judged "back: 30 ms" ".lost.packets == 0 and .delay_us.min >= 30000 and .delay_us.min < 55000" "$out"
	end_all
}

# On loopback, where IPv4 does not come back by itself.
loopback()
{
	local to

	how="$1 on loopback"
	local_run one --mode "$1" --loss a,a,0.2 && local_run two --mode "$1" --loss a,a,0.3 || return
	for to in 127.0.0.1 192.0.2.1 2001:db8::1; do
		local_lost "together" 0.44 $to
	done
	out=$("$METER" tcp --send-netns a --recv-netns a --to 127.0.0.1 --port 5203 --seconds 1)
	check "$how: TCP gets on" test "$(jq '.bytes // 0' <<<"$out")" -gt 0
	local_end one
	if [ -n "${CHAOS_VM-}" ]; then
		local_end two
		return
	fi
	local_lost "the first has ended" 0.3 127.0.0.1
	local_run one --mode "$1" --oneway a,a || return
	local_lost "a cut before a loss" 1 127.0.0.1
	local_end two
	local_run two --mode "$1" --loss a,a,0.3 || return
	local_lost "a loss does not lead around the cut" 1 127.0.0.1
	local_end one
	# What a killed run leaves by clsact is not in the way of the other.
	local_run one --mode "$1" --loss a,a,0.2 || return
	local_end two KILL
	check "$how: clear --crashed" "$CHAOS" clear --crashed
	local_lost "one killed, the other goes on" 0.2 127.0.0.1
	local_end one
	local_lost "all ended" 0 127.0.0.1
	settled "nothing is left"
}

# Three, the middle one of which goes.
three()
{
	how="three by $1"
	for ms in 10 20 40; do
		run d$ms delay ${ms}ms --from netns:a --to netns:b --attach "$1" || return
	done
	delayed "together" 70
	end d20
	delayed "without the middle one" 50
	end_all
	settled "nothing is left"
}

# lines_are N: so many lines' ends in either namespace.
lines_are()
{
	local ns

	for ns in a b; do
		[ "$(ip -n $ns -o link show | grep -c ' chaos-')" -eq "$1" ] || return
	done
}

# One is killed: the other goes on, and `chaos clear --crashed` is about the dead one.
killed()
{
	how="$1 killed beside $2"
	run one delay 20ms --from netns:a --to netns:b --for 60s --attach "$1" || return
	run two loss 30% --from netns:a --to netns:b --attach "$2" || return
	end one KILL
	# Its line goes with its namespace, which the kernel takes away in its own time; a clsact filter that
	# is left sends packets onto it till then.
	wait_until 10 lines_are 1
	lost "the other goes on" 0.3
	out=$("$CHAOS" clear --crashed)
	like "$how: clear --crashed takes the dead one" 'ended 0 runs; removed the rest of 1 crashed one' "$out"
	lost "and leaves the other" 0.3
	out=$("$CHAOS" status --json)
	is "$how: one is left" 1 "$(jq '[.[] | select(.alive)] | length' <<<"$out")"
	end two
	settled "nothing is left"

	# The other way round: the one that came first goes on.
	run one loss 30% --from netns:a --to netns:b --attach "$1" || return
	run two partition --from netns:a --to netns:b --for 60s --attach "$2" || return
	end two KILL
	check "$how: clear --crashed" "$CHAOS" clear --crashed
	lost "the first goes on" 0.3
	end one
	settled "and then nothing is left"
}

# By name.
named()
{
	how=names
	run one delay 20ms --from netns:a --to netns:b || return
	run two delay 30ms --from netns:a --to netns:b || return
	out=$("$CHAOS" status --json)
	is "two runs have two names" 2 "$(jq -r '.[].id' <<<"$out" | sort -u | wc -l)"
	id=$(jq -r --argjson pid "${run_pid[one]}" '.[] | select(.info.pid == $pid) | .id' <<<"$out")
	check "the first is known by its pid" test -n "$id"
	if "$CHAOS" stop >"$work/stop" 2>&1; then
		fail "stop without a name ends neither" "$(cat "$work/stop")"
	else
		like "stop without a name ends neither" "2 runs are active; name one" "$(cat "$work/stop")"
	fi
	check "stop by name" "$CHAOS" stop "$id"
	check "ends that one" wait_gone 10 "${run_pid[one]}"
	check "and no other" gone_not "${run_pid[two]}"
	delayed "what is left" 30
	end_all
	settled "nothing is left"
}

gone_not()
{
	! gone "$1"
}

modes=(clsact)
pairs=("clsact clsact")
if can tcx; then
	modes=(tcx clsact)
	pairs=("tcx tcx" "clsact clsact" "tcx clsact" "clsact tcx")
else
	skip "tcx" "not on $(uname -r)"
fi
how=bare
lost "before" 0
# An emulated machine is slow: there, what depends on the kernel.
if [ -n "${CHAOS_VM-}" ]; then
	read -r a b <<<"${pairs[0]}"
	delays "$a" "$b" egress
	end_all
	loopback "$a"
	end_all
	finish
fi
for pair in "${pairs[@]}"; do
	read -r a b <<<"$pair"
	losses "$a" "$b" ingress
	end_all
	delays "$a" "$b" egress
	end_all
	partitions "$a" "$b" ingress
	end_all
	opposite "$a" "$b"
	killed "$a" "$b"
	end_all
done
losses "$a" "$b" egress
end_all
delays "$a" "$b" ingress
end_all
partitions "$a" "$b" egress
end_all
for mode in "${modes[@]}"; do
	three "$mode"
	end_all
	loopback "$mode"
	end_all
done
named
end_all
finish
