#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 150
# timed
#
# Redis 7 and Sentinel, the master isolated from 10 to 25 s: acknowledged writes are lost (Jepsen: 56 %; measured before:
# 32-40 %), a dual master from some 2.5 s after the cut until some 10 s after the heal.
. "$(dirname "$0")/lib.sh"

run_experiment redis-sentinel-split-brain
is "its expectations fail: that is the finding" 1 "$status"
sound
holds "verdict fail" '.verdict == "fail"' .expectations
r='.split_brain.resources[] | select(.resource == "redis")'
holds "L5" '.split_brain.level == "L5"' .split_brain.level
holds "a second master 2-6 s after the cut" \
	"[$r | .claims[] | select(.node != \"n1\")] | .[0].from_s - 10 | . >= 2 and . <= 6" "[$r | .claims]"
holds "the old one is demoted 5-14 s after the heal" "$r | .outlived_heal_s | . >= 5 and . <= 14" "[$r | .outlived_heal_s]"
holds "two masters for certain for more than 15 s" "$r | .must_overlap_s > 15" "[$r | .must_overlap_s]"
holds "acknowledged writes are lost, 15-60 % of them" '.writes.lost / .writes.acked | . > 0.15 and . < 0.6' .writes
holds "all of them on the old master's side" \
	'.writes.lost_by_side | to_entries | map(select(.value > 0)) | length == 1 and (.[0].key | test("n1"))' .writes
holds "they are lost from the cut on, until the demotion" \
	'.writes.lost_window_s | .[0] >= 9.5 and .[0] < 11 and .[1] > 25' .writes.lost_window_s
holds "in the end all replicas hold the same" '.writes.diverged == false' .writes
check "the experiment as it was run has its seed" \
	grep -q "seed: $(jq .seed "$run/summary.json")" "$run/experiment.yaml"
cp "$run/summary.json" "$run.summary"
"$CHAOS" report "$run" >/dev/null 2>&1
check "rendered again from the events alone, the summary is the same" cmp "$run.summary" "$run/summary.json"

finish
