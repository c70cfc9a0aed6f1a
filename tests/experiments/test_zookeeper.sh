#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# alone
# timed
#
# ZooKeeper 3.8, one follower 0.3 s late from 5 to 10 s, the leader isolated from 15 to 27 s: its documentation says that
# writes are linearizable, and that reads may be stale.
. "$(dirname "$0")/lib.sh"

run_experiment zookeeper-leader-isolated
is "its expectations hold" 0 "$status"
holds "the run came to its end" '.status == "complete"' .status
r='.split_brain.resources[0]'
holds "n1 led before the cut" "$r.claims | any(.node == \"n1\" and .from_s < 15)" "$r.claims"
holds "a new leader 1.5-9 s after the cut, in a later epoch" \
	"$r.claims | map(select(.node != \"n1\" and .from_s > 15)) | .[0] | .epoch > 1 and (.from_s - 15 | . > 1.5 and . < 9)" "$r.claims"
holds "the old one has stepped down 1.5-9 s after it" \
	"$r.claims | map(select(.node == \"n1\")) | .[-1].to_s - 15 | . > 1.5 and . < 9" "$r.claims"
holds "never two leaders in one epoch" "$r.same_epoch == false" "$r.same_epoch"
holds "at most L2: no dual accept" '.split_brain.level | . == "L0" or . == "L1" or . == "L2"' .split_brain.level
holds "no acknowledged write is lost" '.writes.lost == 0 and .writes.acked > 500' .writes
is "the minority acknowledges no write, once its last messages are through" 0 "$(jq -s '
	map(select(.type == "op" and .op == "add" and .outcome == "ok" and .node == "n1" and
		   .invoke_ns > 15.2e9 and .t_ns < 27e9)) | length' "$run/events.jsonl")"
holds "reads at followers were stale" '.reads.stale > 5' .reads
holds "by about the delay or more" '.reads.max_staleness_s | . > 0.1 and . < 10' .reads
holds "the servers agree in the end" '.writes.diverged == false' .writes

finish
