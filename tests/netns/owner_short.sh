#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# alone
# timed
#
# owner_short.sh: short connections on lo between processes that fork all the while, as many as go: each packet of
# each of them is its process's, and no SYN escapes a cut.
# shellcheck source=tests/netns/tools/dp.sh
. "$(dirname "$0")/tools/dp.sh"
SHORTCONN=$O/tests/netns/shortconn
[ -x "$SHORTCONN" ] || skip_all "no $SHORTCONN: make check-netns builds it"

# Before all others where that may be, so that the rate is what this machine can do.
first=''
if chrt -r 1 true 2>/dev/null; then first='chrt -r 1'; fi

# start NAME ARGUMENT...: the tool in $A; NAME_pid, NAME_in, NAME_out
start()
{
	local line

	# shellcheck disable=SC2086
	talk "$1" $first ip netns exec "$A" "$SHORTCONN" "${@:2}"
	line=${1}_out
	read -r -t 10 line <&"${!line}" && [ "$line" = ready ]
}

# packets: that lo of $A has carried
packets()
{
	ip -n "$A" -s -j link show lo | jq '.[0].stats64.tx.packets'
}

if ! ip netns add "$A" || ! ip -n "$A" link set lo up; then
	fail "a namespace"
	finish
fi

# shellcheck disable=SC2154
for mode in tcx clsact; do
	if ! start serve serve 700 701 || ! start call call 127.0.0.1 700 701 3000; then
		fail "$mode: processes"
		break
	fi
	if ! dp_start --mode $mode -m "x=sock:$A:$call_pid" -m "y=sock:$A:$serve_pid" --fault x,y:700,loss=0 \
		--fault y:700,x,loss=0 --oneway x,y:701; then
		fail "$mode: armed"
		continue
	fi
	before=$(packets)
	echo go >&"$serve_in"
	echo go >&"$call_in"
	if ! read -r -t 60 made tried opened ms <&"$call_out"; then
		fail "$mode: they call" "$(cat "$dp_dir/call.err")"
		break
	fi
	after=$(packets)
	read -r there _ <<<"$(hits fault1 x y)"
	read -r back _ <<<"$(hits fault2 y x)"
	read -r matched dropped <<<"$(hits oneway3 x y)"
	echo end >&"$serve_in"
	read -r -t 10 took vain <&"$serve_out"
	exec {call_in}>&- {call_out}<&- {serve_in}>&- {serve_out}<&-
	wait "$call_pid" "$serve_pid"
	diag "$mode: $(((made + tried) * 1000 / ms)) connections a second, of them $((made * 1000 / ms)) whole ones;" \
		"$(((after - before) * 1000 / ms)) packets a second; a process for each 256 on both sides"
	check "$mode: there were some" [ "$made" -gt 1000 ]
	is "$mode: all were taken" "$made" "$took"
	is "$mode: each SYN to the cut port was dropped" "$tried $tried" "$matched $dropped"
	is "$mode: none was answered, none arrived" "0 0" "$opened $vain"
	is "$mode: each packet on lo was x's to y or y's to x" $((after - before)) $((there + back + matched))
	dp_stop
	is "$mode: it ends well" 0 $?
done
finish
