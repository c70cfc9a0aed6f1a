#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# alone
# timed
#
# watch.sh: `chaos watch` on real traffic between two namespaces: who, how fast, under which fault; and it
# leaves the terminal as it was.
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
need_root
command -v python3 >/dev/null || skip_all "needs python3"

a=wat$$a b=wat$$b c=wat$$c
tmp=$(mktemp -d)
bg=()

cleanup()
{
	local pid ns

	for pid in "${bg[@]}"; do
		kill -CONT "$pid" 2>/dev/null
		kill -9 "$pid" 2>/dev/null
	done
	for ns in $a $b $c; do
		ip netns pids "$ns" 2>/dev/null | xargs -r kill -9 2>/dev/null
	done
	wait_gone 5 "${bg[@]}"
	for ns in $a $b $c; do
		ip netns del "$ns" 2>/dev/null
	done
	rm -rf "$tmp"
}
trap cleanup EXIT

for ns in $a $b $c; do
	ip netns add "$ns"
	ip -n "$ns" link set lo up
done
ip -n "$a" link add eth0 type veth peer name eth0 netns "$b"
ip -n "$a" addr add 198.51.100.1/24 dev eth0
ip -n "$b" addr add 198.51.100.2/24 dev eth0
ip -n "$a" link set eth0 up
ip -n "$b" link set eth0 up

cat >"$tmp/server.py" <<'EOF'
import socket
import threading

def serve(k):
    while k.recv(65536):
        pass

s = socket.create_server(("198.51.100.2", 7001))
open("/proc/self/comm", "w").write("sink")
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
EOF
cat >"$tmp/client.py" <<'EOF'
import socket
import time

open("/proc/self/comm", "w").write("esc\033[2Jape")
k = socket.create_connection(("198.51.100.2", 7001))
while True:
    k.sendall(b"x" * 1000)
    time.sleep(0.01)
EOF

in_ns()
{
	ip netns exec "$@" </dev/null >/dev/null 2>&1 &
	bg+=($!)
	disown
}

# now EXPRESSION [ARGUMENT...]: of the first interval that is seen
now()
{
	local expression=$1

	shift
	"$CHAOS" watch --json --every 300ms "$@" 2>/dev/null | head -n 1 | jq -r "$expression"
}

# The one connection of this test.
flow=".flows[] | select(.port == 7001 and .from.netns_name == \"$a\")"

in_ns "$b" python3 "$tmp/server.py"
listening()
{
	[ -n "$(ip netns exec "$b" ss -Hltn 'sport = 7001')" ]
}
check "the server listens" wait_until 20 listening
in_ns "$a" python3 "$tmp/client.py"
flowing()
{
	[ "$(now "$flow | .out_bytes_per_s > 0")" = true ]
}
check "the client is seen to send" wait_until 30 flowing

# --- who, and how fast ----------------------------------------------------------------------------

one()
{
	jq -c "$1" "$tmp/one.json"
}
# 1000 bytes each 10 ms at most. Of a busy machine one interval may have none.
plausible()
{
	now . >"$tmp/one.json"
	[ "$(one "$flow | .out_bytes_per_s > 500 and .out_bytes_per_s < 300000 and
		.out_segments_per_s > 0.5 and .in_segments_per_s > 0.5")" = true ] &&
		[ "$(one ".devices[] | select(.netns == \"$a\" and .name == \"eth0\") |
			.out_bytes_per_s > 500")" = true ]
}
check "plausible rates, of its device too" wait_until 60 plausible
is "both ends by name, in one row" "[\"$a/esc\\u001b[2Jape\",\"$b/sink\",\"tcp\",1]" \
	"$(one "$flow | [.from.name, .to.name, .proto, .connections]")"
is "of bytes one way only" true "$(one "$flow | .in_bytes_per_s == 0")"
is "a round-trip time" true "$(one "$flow | .rtt_ms > 0")"
is "no fault" "[]" "$(one "$flow | .faults")"
is "by namespace" 1 "$(now '.flows | length' "netns:$b")"
is "by process" 1 "$(now '.flows | length' --netns "$a")"
is "by address" 1 "$(now '.flows | length' cidr:198.51.100.0/24)"
is "nothing elsewhere" 0 "$(now '.flows | length' "netns:$c")"

out=$("$CHAOS" watch --once --every 300ms "netns:$a")
is "--once: exit status" 0 $?
like "--once: the row" "^$a/esc\\\\x1b\[2Jape +$b/sink +tcp:7001 +1 " "$out"
is "--once: no escape codes" "" "$(tr -d '\n[:print:]' <<<"$out")"
like "--devices" "^$a +eth0 " "$("$CHAOS" watch --once --devices --every 300ms)"

refused()
{
	local name=$1 ere=$2 out

	shift 2
	out=$("$CHAOS" watch "$@" 2>&1 </dev/null)
	is "$name: exit status 2" 2 $?
	like "$name: the message" "$ere" "$out"
}
refused "no such namespace" "did you mean .$a." --once "netns:${a}x"
refused "no such order" "did you mean .rate." --sort rat
refused "too often" "100ms or more" --every 1ms
refused "two selectors" "one SELECTOR" "netns:$a" "netns:$b"

# --- short connections ----------------------------------------------------------------------------

brief()
{
	while :; do
		ip netns exec "$a" python3 -c '
import socket
for i in range(50):
    socket.create_connection(("198.51.100.2", 7001)).close()'
	done
}
brief >/dev/null 2>&1 &
brief=$!
bg+=("$brief")
disown
many()
{
	[ "$(now "[.flows[] | select(.port == 7001) | .new_per_s] | add > 5")" = true ]
}
check "connections that are over before they are seen are counted" wait_until 30 many
kill -9 "$brief"

# --- a fault --------------------------------------------------------------------------------------

"$CHAOS" inject delay 20ms loss 5% --from "netns:$a" --to "netns:$b" --for 120s >"$tmp/inject" 2>&1 &
inject=$!
bg+=("$inject")
under()
{
	now . >"$tmp/one.json"
	[ "$(one "$flow | .faults | length")" = 1 ]
}
check "the fault is marked" wait_until 30 under
is "with the way that its packets go" '["delay-loss","to"]' "$(one "$flow | .faults[0] | [.name, .direction]")"
run=$(one "$flow | .faults[0].run" | jq -r .)
fault=".runs[] | select(.id == \"$run\") | .faults[0]"
# Rates of hits want two looks of one watch: the run publishes once a second.
hit()
{
	"$CHAOS" watch --json --every 1200ms | head -n 3 | tail -n 1 >"$tmp/one.json"
	[ "$(one "$fault | .hits.delayed > 10 and .hits_per_s.delayed > 0 and .hits.dropped > 0")" = true ]
}
check "hits, in all and a second" wait_until 60 hit
is "and is active" true "$(one "$fault | .active")"
out=$("$CHAOS" watch --once --every 300ms "netns:$a")
like "text: the fault" "delay-loss ACTIVE .*delayed [0-9]" "$out"
like "text: the row under it, in the locale's characters" "^>delay-loss +$a/" "$out"

kill -STOP "$inject"
old()
{
	[ "$(now ".runs[] | select(.id == \"$run\") | .age_s > 5")" = true ]
}
check "a run that is stopped holds nobody up" wait_until 60 old
like "and is said to be" "$run  does not answer" "$("$CHAOS" watch --once --every 300ms)"
kill -CONT "$inject"

"$CHAOS" stop "$run" >/dev/null
wait "$inject"
is "after the fault: no mark" "[]" "$(now . >"$tmp/one.json"; one "$flow | .faults")"
is "and no run" 0 "$(one "[.runs[] | select(.id == \"$run\")] | length")"
is "nor its files" 0 "$(find /run/chaos -path "*$run*" 2>/dev/null | wc -l)"

# --- the terminal ---------------------------------------------------------------------------------

terminal()
{
	python3 "$tap_root/tests/netns/tools/on_a_terminal.py" "$1" "$CHAOS" watch "${@:2}" 2>&1 | paste -sd ' '
}
is "q" "first 24 resized 10 exit 0 restored left" "$(terminal q)"
is "Ctrl-C" "first 24 resized 10 exit 0 restored left" "$(terminal $'\003' --every 20s)"
for signal in SIGTERM SIGHUP; do
	is $signal "first 24 resized 10 exit 0 restored left" "$(terminal $signal --every 20s)"
done
is "a crash" "first 24 resized 10 exit -6 restored left" "$(terminal SIGABRT)"
"$CHAOS" watch >"$tmp/out" &
watcher=$!
bg+=("$watcher")
check "no terminal: one table after another" wait_until 30 grep -q "tcp:7001" "$tmp/out"
is "without escape codes" "" "$(tr -d '\n[:print:]' <"$tmp/out")"
kill "$watcher"
wait "$watcher"
is "SIGTERM is no failure" 0 $?
finish
