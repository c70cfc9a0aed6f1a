#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
#
# clock.sh: somebody sets the clock while a run is on, an hour ahead and two back: windows, delays, probes, clients and the record
# keep to the clock that nobody can set. Only in a machine of its own, since the clock is everybody's. Bounds are wide, for an
# emulated machine beside others: a step that mattered would be thousands of seconds.
# shellcheck disable=SC2016 # what bash -c expands
. "$(dirname "$0")/lib.sh"
[ "${CHAOS_VM-}" = 1 ] || skip_all "sets the clock; tests/vm/run 6.1 tests/vm/clock.sh"
private_host "$@"
need_meter
make_cable || { fail "two namespaces and a cable"; finish; }

cat >"$work/clock.yaml" <<END
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: clock}
spec:
  seed: 7
  duration: 16s
  endpoints: {a: {netns: a}, b: {netns: b}}
  systems:
    - {name: mine, command: echo leads in 7, leader: leads, epoch: '([0-9]+)'}
    - name: file
      workload:
        session: bash
        counter:
          inc: {send: 'echo x >>$work/counted; echo ok\n', ok: '^ok$'}
          read: {send: 'wc -l <$work/counted\n', ok: '^([0-9]+)$'}
  faults:
    - {name: cut, at: 5s, for: 5s, match: {proto: udp, ports: [9001]}, partition: {simplex: {from: a, to: b}}}
    - {name: slow, at: 1s, for: 15s, from: a, to: b, match: {proto: udp, ports: [9002]}, delay: 300ms}
  observe:
    roles: [{resource: r, system: mine, endpoints: [a], every: 250ms}]
    workloads: [{name: w, system: file, check: counter, endpoints: [b], clients: 1, rate: 20/s}]
  expect: ["checks[w].violations == 0", "split_brain.level == L0", "latency.intended.p99 <= 10s", "availability.gap <= 10s"]
END

# until_event TEXT: by a clock that is not set; `wait_until` looks at the other one.
until_event()
{
	timeout 60 bash -c 'until grep -q "$0" "$1" 2>/dev/null; do sleep 0.05; done' "$1" "$work/run/events.jsonl"
}

# step SECONDS
step()
{
	date -s "@$(($(date +%s) + $1))" >/dev/null || fail "the clock is set by $1 s"
}

# send NAME PORT: for 13 s
send()
{
	"$METER" udp --send-netns a --recv-netns b --to 192.0.2.2 --port "$2" --count 1300 --interval 10ms --size 100 \
		--linger 1s >"$work/m.$1" 2>&1 &
	sending+=($!)
}

# up: microseconds since the machine's start
up()
{
	local s

	read -r s _ </proc/uptime
	echo "${s/./}0000"
}

# holds NAME JQ FILE: and what it is of, if not
holds()
{
	check "$1" jq -e "$2" "$3" || :
}

sending=()
start "$CHAOS" run "$work/clock.yaml" --out "$work/run"
check "the run begins" until_event '"phase":"baseline"'
began=$(up)
send cut 9001
send slow 9002
# Times of the run from here on, not waits: 2 s are before the cut and 6.5 s in it.
sleep 2
step 3600
check "the cut begins" until_event '"fault":"cut","occurrence":0,"event":"armed"'
sleep 1.5
step -7200
# `slow` is on for ten seconds more, in which even an emulated machine answers.
check "chaos status: it is on" timeout 10 bash -c "until \"\$0\" status --json | jq -e '[.[].status.faults[]? |
	select(.name == \"slow\" and .active)] | length > 0'; do sleep 0.1; done" "$CHAOS"
wait "${sending[@]}"
step 3600
timeout 60 bash -c 'while kill -0 "$0" 2>/dev/null; do sleep 0.1; done' "$pid" || kill -KILL "$pid"
wait "$pid"
status=$?
took=$((($(up) - began) / 1000))
diag "$(cat "$work/out")"
is "its expectations hold" 0 "$status"
check "it took its 16 s ($took ms)" test "$took" -gt 15500 -a "$took" -lt 26000
holds "the summary says so" '.duration_s | . > 15.9 and . < 20' "$work/run/summary.json"
holds "the cut was on for its 5 s" '.faults[] | select(.name == "cut") |
	.armed_at_s == 5 and .cleared_at_s == 10 and .hits.dropped > 0' "$work/run/summary.json"
holds "as the packets say" '.lost.packets | . > 400 and . < 600' "$work/m.cut"
holds "what is held is held for as long as it should be" \
	'.lost.packets == 0 and .delay_us.p50 >= 300000 and .delay_us.p50 < 400000 and .delay_us.max < 1500000' "$work/m.slow"
# The clock is set back at 6.5 s. An emulated machine may be late with single samples.
holds "probes go on from beginning to end" \
	'.split_brain.resources[0].claims | .[0].from_s < 5 and .[-1].to_s > 12' "$work/run/summary.json"
holds "so do clients, at their rate" '.writes | .acked > 100 and .attempted < 330' "$work/run/summary.json"
check "no event is of another time" jq -s -e 'all(.[]; (.t_ns // 0) >= -5e9 and (.t_ns // 0) < 30e9 and
	(.recv_ns // 0) >= (.send_ns // 0))' "$work/run/events.jsonl"
check "the record is rendered again" "$CHAOS" report "$work/run"
finish
