#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 900
# timed
#
# RabbitMQ 3.10, one of three nodes isolated from 8 to 23 s. ignore: a leader of the queue on each side, and the split
# stays. pause_minority, and a quorum queue: only the majority goes on.
. "$(dirname "$0")/lib.sh"

# acked OP FROM TO: how many by clients on n1 that began and ended in this time, seconds.
acked()
{
	jq -s --arg op "$1" "map(select(.type == \"op\" and .op == \$op and .outcome == \"ok\" and .node == \"n1\" and
		.value != null and .invoke_ns > $2 * 1e9 and .t_ns < $3 * 1e9)) | length" "$run/events.jsonl"
}

r='.split_brain.resources[0]'
c='.checks[] | select(.name == "queue")'

run_experiment rabbitmq-ignore
is "ignore: its expectations fail: that is the finding" 1 "$status"
sound
holds "ignore: L5, the split outlives the heal" '.split_brain.level == "L5"' .split_brain.level
holds "ignore: to the end" "$r.outlived_heal_s > 10" "$r"
holds "ignore: two at once for more than 10 s" "$r.must_overlap_s > 10" "$r.must_overlap_s"
holds "ignore: messages come out twice" "$c | .violations > 50 and (.words | test(\"twice\"))" .checks
check "ignore: the minority takes messages" test "$(acked push 15 23)" -gt 20
ignored=$(jq "[$c][0].violations" "$run/summary.json")

run_experiment rabbitmq-pause-minority
holds "pause_minority: the run came to its end" '.status == "complete"' .status
is "pause_minority: nothing is taken by the minority, once it has noticed" 0 "$(acked push 17 23)"
is "pause_minority: and nothing given out" 0 "$(acked pop 17 23)"
holds "pause_minority: no split after the heal" "$r.claims | map(select(.to_s > 40)) | length <= 1" "$r.claims"
holds "pause_minority: far less goes wrong than with ignore ($ignored)" "$c | .violations < $ignored / 2" .checks

run_experiment rabbitmq-quorum-queue
holds "quorum queue: the run came to its end" '.status == "complete"' .status
is "quorum queue: nothing is taken by the minority" 0 "$(acked push 8.2 23)"
is "quorum queue: nothing is given out by it, once it has noticed" 0 "$(acked pop 17 23)"
check "quorum queue: the majority goes on" test "$(jq -s 'map(select(.type == "op" and .op == "push" and
	.outcome == "ok" and .node == "n2" and .invoke_ns > 17e9 and .t_ns < 23e9)) | length' "$run/events.jsonl")" -gt 20
holds "quorum queue: far less goes wrong than with ignore ($ignored)" "$c | .violations < $ignored / 2" .checks

finish
