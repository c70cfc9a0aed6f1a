#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
#
# test_ends.sh: ends of a run that nobody planned: stopped past its deadline, a full disk, a server that dies, a
# namespace that vanishes, the terminal gone.
. "$(dirname "$0")/lib.sh"
private_host "$@"
need_chaos

make_pair
light_experiment >"$work/light.yaml"
snapshot a b >"$work/before"

# Not one of 30 in 6 s: ping ends with 1 only if nothing came back.
stays_silent() { ! ip netns exec a ping -q -n -c 30 -i 0.2 -W 0.3 192.0.2.2; }

# --- SIGSTOP: user space does nothing any more, the programs see the deadline by themselves ---

for mode in tcx clsact; do
	start "$CHAOS" inject partition --isolate netns:a --for 3s --attach $mode
	check "$mode: a fault cuts" wait_until 10 silent a 192.0.2.2
	kill -STOP "$pid"
	check "$mode: stopped past its end, it ends all the same" wait_until 4 answers a 192.0.2.2
	kill -CONT "$pid"
	ends "$mode: it ends when it goes on" 10
	is "$mode: as if nothing had been" 0 "$status"
	as_before "$mode: nothing is left" "$work/before" a b

	start "$CHAOS" inject partition --isolate netns:a --for 25s --attach $mode
	check "$mode: a fault with a distant end cuts" wait_until 10 silent a 192.0.2.2
	kill -STOP "$pid"
	if [ $mode = clsact ]; then
		check "$mode: filters outlive their process, so it is leased" wait_until 7 answers a 192.0.2.2
		kill -CONT "$pid"
		check "$mode: it goes on with the process" wait_until 5 silent a 192.0.2.2
		like "$mode: and the lapse is said" "faults were off" "$(cat "$work/out")"
	else
		check "$mode: links do not, it stays" stays_silent
		kill -CONT "$pid"
	fi
	kill -INT "$pid"
	ends "$mode: interrupted" 10
	as_before "$mode: nothing is left of that" "$work/before" a b

	start "$CHAOS" inject partition --isolate netns:a --attach $mode
	check "$mode: a leased fault cuts" wait_until 10 silent a 192.0.2.2
	kill -STOP "$pid"
	check "$mode: stopped, its lease runs out" wait_until 7 answers a 192.0.2.2
	like "$mode: status says that it does not answer" "does not answer" "$("$CHAOS" status)"
	check "$mode: clear ends it" "$CHAOS" clear
	ends "$mode: the process is gone" 5
	as_before "$mode: nothing is left of it" "$work/before" a b
done

# --- the run folder's disk is full ---

mkdir "$work/small"
mount -t tmpfs -o size=1m chaos-small "$work/small"
snapshot a b >"$work/with-disk"
head -c 900k /dev/zero >"$work/small/ballast"
sed 's|50/s|2000/s|' "$work/light.yaml" >"$work/busy.yaml"
start "$CHAOS" run --out "$work/small/run" "$work/busy.yaml"
ends "a full disk ends the run" 30
is "a full disk: failed at run time" 3 "$status"
like "a full disk: it is said" "No space left" "$(cat "$work/out")"
as_before "a full disk: nothing is left" "$work/with-disk" a b
umount "$work/small"

# --- a server dies in the middle ---

sed 's|"redis-server.*"|&, "sleep 2"|; s|run: \["redis|run: ["redis|' "$work/light.yaml" >"$work/dies.yaml"
start "$CHAOS" run --out "$work/dies" "$work/dies.yaml"
ends "a command that ends does not end the run" 30
like "it ends by its own verdict" '^[01]$' "$status"
is "its end is recorded" 2 "$(grep -c '"event": *"exited"' "$work/dies/events.jsonl")"
is "the run is recorded to its end" complete \
	"$(tail -n 1 "$work/dies/events.jsonl" | jq -r 'select(.type == "end") | .status')"
as_before "nothing is left" "$work/before" a b

# --- a namespace vanishes in the middle ---

ip netns add c
ip link add eth1 netns c type veth peer name eth1 netns b
ip -n c addr add 198.51.100.1/24 dev eth1
ip -n b addr add 198.51.100.2/24 dev eth1
ip -n c link set eth1 up
ip -n b link set eth1 up
wait_until 5 answers b 198.51.100.1
start "$CHAOS" inject partition --isolate netns:c --for 4s
check "a fault cuts the namespace" wait_until 10 silent b 198.51.100.1
ip -n b link del eth1
ip netns del c
ends "the namespace goes, the run ends in time" 10
is "the namespace goes: no error" 0 "$status"
as_before "nothing is left, not even the namespace" "$work/before" a b

# --- others end it ---

start "$CHAOS" run --out "$work/hup" "$work/light.yaml"
check "a run is active" wait_until 10 active
kill -HUP "$pid"
ends "a terminal that closes ends it" 20
is "a terminal that closes: interrupted" 130 "$status"
like "what was recorded until then has a report" "html" "$(head -c 200 "$work/hup/report.html")"
as_before "a terminal that closes: nothing is left" "$work/before" a b

start "$CHAOS" run --out "$work/stop" "$work/light.yaml"
check "another run is active" wait_until 10 active
check "chaos stop ends it" "$CHAOS" stop
ends "chaos stop: the process is gone" 5
is "chaos stop: interrupted" 130 "$status"
as_before "chaos stop: nothing is left" "$work/before" a b

# --- two at once ---

start "$CHAOS" inject partition --isolate netns:a
first=$pid
check "the first fault cuts" wait_until 10 silent a 192.0.2.2
start "$CHAOS" inject loss 100% --from netns:b --to netns:a --attach clsact
wait_until 10 test "$("$CHAOS" status --json | jq length)" = 2
kill -INT "$first"
wait "$first"
check "the first one's end leaves the second in place" wait_until 5 silent b 192.0.2.1
kill -INT "$pid"
ends "the second ends" 10
check "traffic passes" answers a 192.0.2.2
as_before "two at once: nothing is left" "$work/before" a b

finish
