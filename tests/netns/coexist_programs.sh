#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
# timed
#
# coexist_programs.sh: somebody else's tcx, clsact and XDP programs at the device of a fault, before and behind ours,
# there first or later: they see what they should before, during and after, and so does the fault.
# shellcheck source=tools/coexist.sh
. "$(dirname "$0")/tools/coexist.sh"
private_host "$@"
need_meter
need_other
make_cable || { fail "two namespaces and a cable"; finish; }

# What they see of a flow of which a fault lets $received pass:
#   left    theirs stand behind ours: what ours have left
#   twice   theirs stand before ours: all, and once more what comes back from the line, which enters the device anew
#   all     theirs are before the place to which the line returns, too
declare -A faults=([partition]="partition --direction to" [loss]="loss 30%" [delay]="delay 20ms")

# expected WHAT FAULT
expected()
{
	case $1-$2 in
	*-none) echo "$sent" ;;
	left-*) echo "$received" ;;
	twice-partition | all-*) echo "$sent" ;;
	twice-*) echo $((sent + received)) ;;
	esac
}

# flow NAME WHAT FAULT: tests: N packets; the fault's part of them arrives and theirs see what is expected.
flow()
{
	local name=$1 seen=$theirs

	out=$(meter_udp --count $N --interval 300us --size 200 --linger 500ms 2>&1)
	sent=$(jq .sent <<<"$out")
	received=$(jq .received <<<"$out")
	case $3 in
	none) judged "$name: all arrive" ".lost.packets == 0" "$out" ;;
	partition) judged "$name: none arrives" ".received == 0" "$out" ;;
	loss) judged "$name: 30 % are lost" ".lost.ratio | ratio(0.3; $N)" "$out" ;;
	delay) judged "$name: all are late" ".lost.packets == 0 and .delay_us.min >= 20000" "$out" ;;
	esac
	look
	is "$how: $name: theirs see what they should" "$(expected "$2" "$3")" "$((theirs - seen))"
}

# look: sets theirs, the packets to the meter's port that their program at $side has seen.
look()
{
	read -r -a theirs_seen <<<"$(other_seen)"
	theirs=${theirs_seen[$side]-0}
}

# there_first WHAT HOW OPTION...: theirs are there, ours come and go.
there_first()
{
	local what=$1 fault

	shift
	other_start "$at" eth0 "$@" || { fail "$how: theirs"; return; }
	traces >"$work/before"
	look
	flow before left none
	for fault in partition loss delay; do
		read -ra words <<<"${faults[$fault]}"
		run "$fault" "${words[@]}" "${edge[@]}" --attach "$mode" || continue
		flow "$fault" "$what" "$fault"
		end "$fault"
	done
	flow after left none
	settled "theirs stay as they were"
	other_end
}

# there_later WHAT HOW OPTION...: ours are on, theirs come, ours go.
there_later()
{
	local what=$1

	shift
	run loss loss 30% "${edge[@]}" --attach "$mode" || return
	if other_start "$at" eth0 "$@"; then
		look
		flow loss "$what" loss
		end loss
		flow after left none
		other_end
	else
		fail "$how: theirs"
		end loss
	fi
}

# XDP does not see what comes from the line: packets that were redirected are none of generic XDP's
# (skb_is_redirected()).
xdp()
{
	how="xdp, there first, ours by $mode"
	there_first all xdp
	how="xdp, there later, ours by $mode"
	there_later all xdp
	how="xdp that drops, ours by $mode"
	run loss loss 30% "${edge[@]}" --attach "$mode" || return
	other_start b eth0 xdp drop=5201 || { fail "$how: theirs"; return; }
	look
	out=$(meter_udp --count 200 --interval 300us --linger 200ms)
	judged "none arrives" ".received == 0" "$out"
	is "$how: theirs have seen all" 200 "$((-theirs + $(look; echo "$theirs")))"
	other_end
	lost "they have gone, ours go on" 0.3
	end loss
	like "$how: XDP dropped before ours saw it, so ours counted $N and no more" "(^|[^0-9])$N matched" \
		"$(cat "$work/run.loss")"
}

# loopback: theirs behind ours, which pass packets for good: what comes from the line must not end there.
loopback()
{
	how="$1 on loopback, ours by $mode"
	other_start a lo "$@" || { fail "$how: theirs"; return; }
	local_run loss --mode "$mode" --loss a,a,0.3 || return
	local_lost during 0.3 127.0.0.1
	local_end loss
	local_lost after 0 127.0.0.1
	other_end
}

modes=(clsact)
kinds=(clsact)
if can tcx; then
	modes=(tcx clsact)
	kinds=(tcx clsact)
else
	skip "tcx" "not on $(uname -r)"
fi
N=1000
for place in ingress egress; do
	if [ $place = ingress ]; then
		side=0 at=b edge=(--from netns:a --to netns:b)
	else
		side=1 at=a edge=(--from netns:a --to cidr:192.0.2.2/32)
	fi
	for mode in "${modes[@]}"; do
		for kind in "${kinds[@]}"; do
			# tcx comes before clsact. Where theirs come before ours, they must leave the verdict to
			# those behind them, as ours do.
			case "$kind-$mode" in
			tcx-tcx | clsact-clsact) first=left last=left before=twice ;;
			clsact-tcx) first=left last=left before=left ;;
			tcx-clsact) first=twice last=twice before=twice ;;
			esac
			next=()
			[ "$kind-$mode" != tcx-clsact ] || next=(next)
			how="$kind at $place, there first, ours by $mode"
			there_first "$first" "$kind" "${next[@]}"
			how="$kind at $place, added behind, ours by $mode"
			there_later "$last" "$kind" pref=100 "${next[@]}"
			how="$kind at $place, added in front, ours by $mode"
			there_later "$before" "$kind" first pref=1 next
		done
	done
done
side=0 at=b edge=(--from netns:a --to netns:b)
for mode in "${modes[@]}"; do
	xdp
	loopback clsact
done
if can tcx; then
	mode=tcx
	loopback tcx
fi
finish
