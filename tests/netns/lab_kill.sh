#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 200
# alone
# timed
#
# kill -9 at random instants while a lab is made, started, waited for and up: within a second nothing
# of it remains, and nobody had to help. KILLS: how often.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/lab.sh"
lab_needs ip redis-server

: "${KILLS:=20}"
: "${SEED:=$RANDOM}"
RANDOM=$SEED
diag "$KILLS kills, SEED=$SEED"
links_before=$(host_links)

# Daemons that left their session, and a real server, on each of three nodes.
launch()
{
	# shellcheck disable=SC2016 # for labctl
	lab_launch -n n -s -r 'setsid sh -c "trap \"\" TERM HUP; sleep 1000 & exec sleep 1000" & exit 0' \
		-r 'exec redis-server --port 6379 --save "" --dir ${dir}' -t 6379 -k 3
}

# The time of an undisturbed start, so that the instants cover all of it.
launch
t0=${EPOCHREALTIME/./}
wait_until 20 lab_said '^up '
whole=$((${EPOCHREALTIME/./} - t0))
is "undisturbed, it comes up" 3 "$(grep -c '^ready ' "$tmp/out")"
lab_down
is "and ends in order" 0 $?

slowest=0 stage=() bad=
for ((i = 0; i < KILLS; i++)); do
	launch
	us=$((RANDOM * 32768 + RANDOM))
	us=$((us % (whole + whole / 4)))
	sleep "$(printf '0.%06d' "$us")"
	mapfile -t held < <(lab_namespaces)
	said=$(tail -n 1 "$tmp/out")
	t0=${EPOCHREALTIME/./}
	kill -KILL "$lab_pid"
	wait_until 1 no_lab_processes || bad+=" processes after $us us ($said): $(lab_processes | tr '\n' ' ')"
	took=$((${EPOCHREALTIME/./} - t0))
	[ "$took" -le "$slowest" ] || slowest=$took
	{ wait "$lab_pid"; } 2>/dev/null
	lab_pid=
	exec 7>&-
	none_visible "${held[@]}" || bad+=" namespaces after $us us ($said): $(visible "${held[@]}" | tr '\n' ' ')"
	stage+=("${said%% *}")
done
diag "killed after it had said: $(printf '%s\n' "${stage[@]}" | sort | uniq -c | awk '{ printf "%s %s, ", $1, $2 }')"
is "$KILLS kills leave no process and no namespace" "" "$bad"
is "the host has no link of it" "$links_before" "$(host_links)"
check "all was gone within a second (slowest: $((slowest / 1000)) ms)" test "$slowest" -lt 1000000

# The namespaces themselves, not only what can be seen of them: the bridge's is kept open here, and a
# node's port goes when the node's namespace does.
launch
wait_until 20 lab_said '^up '
exec 8<"$(lab_get bridge)"
no_ports()
{
	[ -z "$(nsenter --net=/proc/self/fd/8 ip -o link show type veth)" ]
}
is "three ports while it is up" 3 "$(nsenter --net=/proc/self/fd/8 ip -o link show type veth | wc -l)"
t0=${EPOCHREALTIME/./}
kill -KILL "$lab_pid"
check "no node's namespace lives on" wait_until 1 no_ports
diag "gone after $(((${EPOCHREALTIME/./} - t0) / 1000)) ms"
{ wait "$lab_pid"; } 2>/dev/null
lab_pid=
finish
