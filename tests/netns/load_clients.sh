#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 90
# alone
# timed
#
# HTTP clients of an experiment against a real server that stalls: what was offered and when, whatever the answers;
# what latencies say of the stall; policies, budget and thinking by what was recorded.
# shellcheck disable=SC2016 # $l and the like are for jq
. "$(dirname "$0")/../lib/tap.sh"
need_root
for program in ip jq python3; do
	command -v "$program" >/dev/null || skip_all "$program is not installed"
done
tmp=$(mktemp -d "${TMPDIR:-/tmp}/load-test-XXXXXX") || exit 1
run=$tmp/run
events=$run/events.jsonl
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

cat >"$tmp/load.yaml" <<'END'
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: load-clients}
spec:
  seed: 7
  duration: 6s
  lab:
    nodes:
      server:
        files:
          # Answers at once, but for a second, two seconds after the first request: then all wait for its end.
          server.py: |
            import asyncio, time
            first = None
            async def serve(reader, writer):
                global first
                try:
                    while True:
                        head = await reader.readuntil(b"\r\n\r\n")
                        now = time.monotonic()
                        first = first or now
                        if head.startswith(b"GET /stall") and 2 <= now - first < 3:
                            await asyncio.sleep(first + 3 - now)
                        status = b"503 No" if head.startswith(b"GET /no") else b"200 OK"
                        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")
                        await writer.drain()
                except (asyncio.IncompleteReadError, ConnectionError):
                    writer.close()
            async def main():
                async with await asyncio.start_server(serve, "0.0.0.0", 8080, backlog=1024) as s:
                    await s.serve_forever()
            asyncio.run(main())
        run: python3 ${dir}/server.py
        ready: {tcp: 8080}
      a: {run: sleep 1000}
      b: {run: sleep 1000}
  observe:
    workloads:
      - {name: open, system: http, url: 'http://${server.ip}:8080/stall/${key}', endpoints: [a, b], clients: 20,
         rate: 100/s, timeout: 5s, keys: 100}
      - {name: closed, system: http, url: 'http://${server.ip}:8080/', endpoints: a, clients: 20, mode: closed,
         think: 100ms}
      - {name: fixed, system: http, url: 'http://${server.ip}:9/', endpoints: b, clients: 3, mode: closed,
         retry: {policy: fixed, delay: 200ms, attempts: 5}}
      - {name: exponential, system: http, url: 'http://${ip}:8080/no', target: server, endpoints: b, clients: 3, mode: closed,
         think: 0, retry: {policy: exponential, base: 50ms, cap: 300ms, attempts: 6}}
      - {name: jitter, system: http, url: 'http://${server.ip}:8080/no', endpoints: a, clients: 10, mode: closed,
         think: 10ms, retry: {policy: full-jitter, base: 100ms, cap: 400ms, attempts: 5}}
      - {name: budget, system: http, url: 'http://${server.ip}:8080/no', endpoints: a, clients: 10, mode: closed,
         think: 50ms, retry: {policy: immediate, budget: 10%}}
END

# ops WORKLOAD FILTER: over the array of its attempts.
ops()
{
	jq -s -c --arg w "$1" "[.[] | select(.type == \"op\" and .workload == \$w)] | $2" "$events"
}

# says NAME TEST-OF-JQ WORKLOAD FILTER
says()
{
	local found

	found=$(ops "$3" "$4")
	check "$1 ($found)" jq -n -e --argjson x "$found" "\$x | $2"
}

"$CHAOS" run --out "$run" "$tmp/load.yaml" >"$tmp/out" 2>&1
check "it runs to its end" jq -s -e 'last | .type == "end" and .status == "complete"' "$events" || diag "$(cat "$tmp/out")"

# ---- open loop and a stall ----

# Intent i is due 10 ms after intent i - 1, by definition; to the ns.
says "all that was due was offered, each once, at its time" '. == [true, true]' open \
	'sort_by(.intent) | [([.[].intent] == [range(length)]),
		(.[0].intended_ns as $t | all(.[]; .intended_ns - $t - .intent * 10000000 | . >= -1 and . <= 1))]'
# The clients begin after the run has, and are stopped when its end is noticed.
says "about 600" '. >= 550 and . <= 650' open length
says "none was lost" '. == ["ok"]' open '[.[].outcome] | unique'
# A second of stall is a hundred requests, half of which were due more than half a second before its end; but
# only twenty clients saw it.
stall='[.[] | select(.return_ns - .intended_ns > 0.4e9)] | length'
says "latency from the intended time shows the stall" '. >= 45' open "$stall"
says "service time hides most of it" '. >= 5 and . <= 30' open "${stall/intended/invoke}"
says "half of the clients are on each side" '. == ["a", "b"]' open '[.[].node] | unique'
says "keys are drawn from all" '. >= 90' open '[.[].key] | unique | length'
says "each client keeps its connection" '. == 20' open '[.[] | select(.conn)] | length'

# ---- closed loop ----

# Thinking is from an answer to when the next request is due. The last thought of a client is cut off, which is
# one of some 60 of each.
says "thinking takes 100 ms on average (ms)" '. > 88 and . < 112' closed 'group_by(.client) | map(sort_by(.intent) |
	[.[1:], .[:-1]] | transpose | .[] | (.[0].intended_ns - .[1].return_ns) / 1e6) | add / length * 10 | round / 10'

# ---- retries: when each attempt came after the one before ----

waits='sort_by(.intent, .attempt) | [.[1:], .[:-1]] | transpose |
	map(select(.[0].intent == .[1].intent) | {k: (.[1].attempt // 0), w: (.[0].invoke_ns - .[1].return_ns)})'
# How late, in ms: never early; the median of a busy machine is bounded.
late='[length, (map(.l) | min), (map(.l) | sort | .[length / 2 | floor])] | map(. * 1000 | round / 1000)'
bound='.[0] >= 10 and .[1] >= 0 and .[2] <= 100'
says "fixed: 200 ms (waits, least and median lateness in ms)" "$bound" fixed "$waits | map({l: (.w / 1e6 - 200)}) | $late"
says "exponential: 50 ms, doubled, at most 300 ms" "$bound" exponential \
	"$waits | map({l: (.w / 1e6 - ([300, 50 * pow(2; .k)] | min))}) | $late"
says "full jitter: uniform up to that (waits, least, mean, most, as shares)" \
	'.[0] > 100 and .[1] >= 0 and .[1] < 0.1 and .[2] > 0.4 and .[2] < 0.75 and .[3] > 0.85' jitter \
	"$waits | map(.w / 1e6 / ([400, 100 * pow(2; .k)] | min)) | [length, min, add / length, max]"
says "attempts are bounded" '. == 4' fixed '[.[].attempt // 0] | max'
says "nobody listens there: certainly nothing happened" '. == ["fail"]' fixed '[.[].outcome] | unique'
says "an answer of 503 is a failure, with its status" '. == [["fail", 503]]' exponential '[.[] | [.outcome, .status]] | unique'
# An operation under way has paid for a tenth of a retry and is not recorded yet: ten clients.
says "at most 10 % are retries (operations, retries)" '.[1] > 0 and .[1] * 10 <= .[0] + 10 and .[1] * 10 >= .[0] - 120' budget \
	'[(map(select((.attempt // 0) == 0)) | length), (map(select(.attempt)) | length)]'

# ---- what the workload says of itself ----

check "sums agree with the events" jq -s -e '. as $all | [.[] | select(.type == "load")] | length == 6 and all(.[];
	. as $l | [$all[] | select(.type == "op" and .workload == $l.workload)] |
	([.[] | select(.attempt == null)] | length) == $l.intents and
	([.[] | select(.invoke_ns != null)] | length) == $l.attempts and $l.lateness_ns.n == $l.attempts)' "$events"
finish
