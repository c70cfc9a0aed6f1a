#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# timed
#
# child_start.sh: runs whose start is given as an instant: two begin together, one is joined in the middle, one is over.
# shellcheck source=../lib/tap.sh disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
need_root
command -v jq >/dev/null || skip_all "no jq"

a=sta$$ b=stb$$ peer=stp$$ bg=()
tmp=$(mktemp -d)

cleanup()
{
	local pid ns

	for pid in "${bg[@]}"; do
		kill -9 "$pid" 2>/dev/null
	done
	wait_gone 10 "${bg[@]}"
	for ns in $a $b $peer; do
		ip netns del "$ns" 2>/dev/null
	done
	rm -rf "$tmp"
}
trap cleanup EXIT

for ns in $a $b $peer; do
	ip netns add "$ns"
	ip -n "$ns" link set lo up
done
n=1
for ns in $a $b; do
	ip -n "$ns" link add eth0 type veth peer name "e$n" netns $peer
	ip -n "$ns" addr add "10.77.$n.1/24" dev eth0
	ip -n $peer addr add "10.77.$n.2/24" dev "e$n"
	ip -n "$ns" link set eth0 up
	ip -n $peer link set "e$n" up
	n=$((n + 1))
done

# reach NETNS
reach()
{
	local net=1

	[ "$1" = $a ] || net=2
	ip netns exec "$1" ping -n -q -c 1 -W 0.3 10.77.$net.2
}
cut_off()
{
	! reach "$1"
}

# experiment NETNS DURATION FAULT
experiment()
{
	cat >"$tmp/$1.yaml" <<-END
		apiVersion: netchaos.dev/v1alpha1
		kind: Experiment
		metadata: {name: start}
		spec:
		  seed: 7
		  duration: $2
		  endpoints:
		    it: {netns: $1}
		  faults:
		    - $3
	END
}

# child NETNS OUT START_NS [OPTION...]
child()
{
	"$CHAOS" run --out "$tmp/$2" --start-at "$3" --live "$tmp/$2.json" --no-report "${@:4}" "$tmp/$1.yaml" \
		>"$tmp/$2.log" 2>&1 &
	child=$!
	bg+=("$child")
}

live()
{
	jq -r "$2" "$tmp/$1.json" 2>/dev/null
}
phase()
{
	[ "$(live "$1" .phase)" = "$2" ]
}
now_ns()
{
	echo "${EPOCHREALTIME/./}000"
}
# recorded OUT FILTER: of its events
recorded()
{
	jq -r "$2" "$tmp/$1/events.jsonl"
}

# --- two begin together -------------------------------------------------------------------------------

# One packet each 2 ms, until told to end: then the longest time between two of them, in s.
cat >"$tmp/send.py" <<-'END'
	import signal, socket, sys, time
	gap = last = 0
	def end(*_):
	    print(gap)
	    sys.exit()
	signal.signal(signal.SIGTERM, end)
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	while True:
	    s.sendto(b"x", (sys.argv[1], 9))
	    now = time.monotonic()
	    gap, last = max(gap, now - last if last else 0), now
	    time.sleep(0.002)
END

for ns in $a $b; do
	experiment "$ns" 300s '{name: cut, at: 0s, for: 300s, partition: {isolate: [it]}}'
	reach "$ns" >/dev/null || fail "$ns reaches the other end"
done
ip netns exec $a python3 "$tmp/send.py" 10.77.1.2 >"$tmp/gap-a" &
send_a=$!
ip netns exec $b python3 "$tmp/send.py" 10.77.2.2 >"$tmp/gap-b" &
send_b=$!
bg+=("$send_a" "$send_b")
sent()
{
	[ "$(ip -n "$1" -s -j link show eth0 | jq '.[].stats64.tx.packets')" -gt 50 ]
}
check "both send" wait_until 20 eval "sent $a && sent $b"
t0=$(($(now_ns) + 8000000000))
child $a a $t0
child_a=$child
child $b b $t0
child_b=$child
check "both are armed" wait_until 7 eval 'phase a armed && phase b armed'
check "before the start a is reached" reach $a
check "and b" reach $b
check "and nothing is recorded" test ! -s "$tmp/a/events.jsonl" -a ! -s "$tmp/b/events.jsonl"
hit()
{
	[ "$(live "$1" '.faults[0].first_hit_at_s != null')" = true ]
}
check "both drop" wait_until 20 eval 'hit a && hit b'
kill -TERM $send_a $send_b
wait $send_a $send_b
# A sender's first packet after the start comes one gap later at most; 1 ms for the two ways to read two clocks.
for x in a b; do
	at=$(live $x '.faults[0].first_hit_at_s')
	gap=$(cat "$tmp/gap-$x")
	diag "$x: the first drop at $at s, packets at most $gap s apart"
	check "$x: its first drop is of the first packet after the start" \
		jq -en --argjson at "$at" --argjson gap "$gap" '$at >= 0 and $at <= $gap + 0.001'
done
kill -TERM $child_a $child_b
wait $child_a
is "a ends in order" 130 $?
wait $child_b
is "b too" 130 $?
is "both records are of one start" "$t0 $t0" \
	"$(for x in a b; do recorded $x 'select(.type == "run").start_realtime_ns'; done | xargs)"
check "lifted" eval "reach $a && reach $b"

# --- joined in the middle ------------------------------------------------------------------------------

experiment $a 20s '{name: cut, at: 1s, for: 2s, every: 4s, times: 5, partition: {isolate: [it]}}'
child $a late $(($(now_ns) - 16000000000))
wait $child
is "joined after most of it, it ends well" 0 $?
is "its windows are where they were" 17000000000,19000000000 \
	"$(recorded late 'select(.type == "run").faults[0].windows[4] | map(tostring) | join(",")')"
joined=$(recorded late 'select(.type == "run").joined_ns')
diag "joined at $joined ns"
check "what was over is not told of" test "$(recorded late 'select(.type == "fault" and .event == "armed").occurrence')" = 4
check "the last one is in effect from when it was joined" test \
	"$(recorded late 'select(.type == "fault" and .event == "armed").t_ns')" -ge "$joined"
check "and ended when it would have" test "$(recorded late 'select(.type == "fault" and .event == "cleared").t_ns')" = 19000000000

# Longer ago than this machine is up: its clock has no such instant.
up=$(cut -d. -f1 /proc/uptime)
experiment $a $((up + 7200))s "{name: cut, at: 10s, for: $((up + 7100))s, partition: {isolate: [it]}}"
child $a old $(($(now_ns) - (up + 3600) * 1000000000))
check "one that began before this machine is on, too" wait_until 20 phase old fault
check "it cuts" cut_off $a
kill -TERM $child
wait $child
is "and ends in order" 130 $?
"$CHAOS" report "$tmp/old" >/dev/null 2>"$tmp/old.err"
is "its record can be read" "" "$(cat "$tmp/old.err")"

experiment $a 300s '{name: cut, at: 10s, for: 280s, partition: {isolate: [it]}}'
child $a in $(($(now_ns) - 60000000000))
check "one that contains now is on at once" wait_until 20 phase in fault
check "it cuts" cut_off $a
kill -TERM $child
wait $child
is "and ends in order" 130 $?
check "a is free" reach $a

# --- over ---------------------------------------------------------------------------------------------

child $a over $(($(now_ns) - 301000000000))
wait $child
is "past its end nothing is to be done" 0 $?
like "and that is said" "over .* ago" "$(cat "$tmp/over.log")"
check "no folder" test ! -e "$tmp/over"
is "the last word" "end complete" "$(live over '[.phase, .status] | join(" ")')"

# --- without an end -------------------------------------------------------------------------------------

experiment $a until-stopped '{name: cut, at: 0s, partition: {isolate: [it]}}'
child $a lease $(($(now_ns) + 5000000000))
check "leases: armed" wait_until 5 phase lease armed
check "before the start a is reached" reach $a
check "then it is not" wait_until 20 phase lease fault
check "it cuts" cut_off $a
kill -TERM $child
wait $child
is "stopped, as it is meant to be" 0 $?
check "a is free" reach $a

# --- before the start ------------------------------------------------------------------------------------

child $a early $(($(now_ns) + 300000000000))
check "one that begins much later" wait_until 20 phase early armed
kill -TERM $child
wait $child
is "ends before it begins" 0 $?
is "and says so" "end interrupted" "$(live early '[.phase, .status] | join(" ")')"

# --- with its parent ---------------------------------------------------------------------------------------

experiment $a 300s '{name: cut, at: 0s, for: 300s, partition: {isolate: [it]}}'
bash -c '"$0" run --out "$1/orphan" --live "$1/orphan.json" --no-report --with-parent $$ "$2" >"$1/orphan.log" 2>&1 &
	echo $! >"$1/orphan.pid"; wait' "$CHAOS" "$tmp" "$tmp/$a.yaml" &
parent=$!
bg+=("$parent")
disown
check "a child of another" wait_until 20 phase orphan fault
bg+=("$(cat "$tmp/orphan.pid")")
check "cuts" cut_off $a
kill -9 $parent
check "it ends when that is killed" wait_gone 20 "$(cat "$tmp/orphan.pid")"
check "a is free" reach $a
is "in order" "end interrupted" "$(live orphan '[.phase, .status] | join(" ")')"
"$CHAOS" run --out "$tmp/none" --with-parent 1 "$tmp/$a.yaml" >/dev/null 2>&1
is "whose parent has ended before does nothing" 130 $?
check "no folder" test ! -e "$tmp/none"
finish
