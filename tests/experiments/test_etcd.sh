#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 150
# timed
#
# etcd 3.4, the leader isolated from 10 to 22 s: linearizable (Jepsen). Measured before: the new term after 1.4 s, the
# old claim's end after 1.9 s, no acknowledgement from the minority, a re-election at the heal.
. "$(dirname "$0")/lib.sh"

run_experiment etcd-leader-isolated
is "its expectations hold" 0 "$status"
sound
holds "verdict pass" '.verdict == "pass"' .expectations
r='.split_brain.resources[0]'
holds "n1 led before the cut" "$r.claims | any(.node == \"n1\" and .from_s < 10)" "$r.claims"
holds "a new term after 0.9-5 s, on the other side" \
	"$r.claims | map(select(.node != \"n1\" and .from_s > 10 and .from_s < 22)) |
	 length >= 1 and (.[0].from_s - 10 | . >= 0.9 and . <= 5)" "$r.claims"
holds "the old claim ends 0.9-3.5 s after the cut" \
	"$r.claims | map(select(.node == \"n1\" and .from_s < 10)) | .[-1].to_s - 10 | . >= 0.9 and . <= 3.5" "$r.claims"
holds "never two leaders in one term" "$r.same_epoch == false" "$r.same_epoch"
holds "terms grow" "$r.claims | sort_by(.from_s) | map(.epoch) | . == sort" "$r.claims"
holds "at most L1" '.split_brain.level | . == "L0" or . == "L1"' .split_brain.level
holds "no acknowledged write is lost" '.writes.lost == 0 and .writes.acked > 1500' .writes
holds "no stale read" '.reads.stale == 0' .reads
holds "the replicas agree" '.writes.diverged == false' .writes
is "the minority acknowledges nothing, once the old leader's last messages are through" 0 "$(jq -s '
	map(select(.type == "op" and .op == "add" and .outcome == "ok" and .node == "n1" and
		   .invoke_ns > 10.1e9 and .t_ns < 22e9)) | length' "$run/events.jsonl")"
holds "the heal brings another election" "$r.claims | any(.from_s > 22)" "$r.claims"

finish
