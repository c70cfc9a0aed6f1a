#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# timed
#
# etcd 3.4 with --pre-vote, the leader isolated from 10 to 22 s: as without it, but no election at the heal.
. "$(dirname "$0")/lib.sh"

run_experiment etcd-pre-vote
is "its expectations hold" 0 "$status"
sound
r='.split_brain.resources[0]'
holds "n1 led before the cut" "$r.claims | any(.node == \"n1\" and .from_s < 10)" "$r.claims"
holds "a new leader 0.9-5 s after the cut" \
	"$r.claims | map(select(.from_s > 10)) | (map(.node) | unique | length) == 1 and (.[0].from_s - 10 | . >= 0.9 and . <= 5)" "$r.claims"
holds "who leads to the end: no election at the heal" "$r.claims | (map(.epoch) | unique | length) == 2 and (.[-1] | .node != \"n1\" and .to_s > 38)" "$r.claims"
holds "never two leaders in one term" "$r.same_epoch == false" "$r.same_epoch"
holds "no acknowledged write is lost" '.writes.lost == 0 and .writes.acked > 1500' .writes
holds "no stale read" '.reads.stale == 0' .reads

finish
