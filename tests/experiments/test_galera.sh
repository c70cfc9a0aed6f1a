#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 360
# alone
# timed
#
# Galera 26.4 in MariaDB 10.11. Two to one, from 8 to 23 s: the minority leaves Primary after 5 to 15 s. Two nodes with
# pc.ignore_sb=true: two Primary components, for good.
. "$(dirname "$0")/lib.sh"

r='.split_brain.resources[0]'

run_experiment galera-split
is "its expectations hold" 0 "$status"
sound
holds "n1's component was Primary" "$r.claims | any(.node == \"n1\" and .from_s < 8)" "$r.claims"
holds "n1 leaves Primary 4-16 s after the cut" "$r.claims | map(select(.node == \"n1\"))[0].to_s - 8 | . > 4 and . < 16" "$r.claims"
holds "the others are Primary 4-17 s after the cut" \
	"$r.claims | map(select(.node != \"n1\"))[0].from_s - 8 | . > 4 and . < 17" "$r.claims"
holds "never two Primary components for certain" "$r.must_overlap_s == 0" "$r.must_overlap_s"
holds "no acknowledged write is lost" '.writes.lost == 0 and .writes.acked > 500' .writes
is "the minority acknowledges nothing" 0 "$(jq -s '
	map(select(.type == "op" and .op == "add" and .outcome == "ok" and .node == "n1" and
		   .invoke_ns > 8.2e9 and .t_ns < 23e9)) | length' "$run/events.jsonl")"
holds "the nodes agree in the end" '.writes.diverged == false' .writes

run_experiment galera-ignore-sb
is "with ignore_sb its expectations fail: that is the finding" 1 "$status"
sound
holds "L5: the split outlives the heal" '.split_brain.level == "L5"' .split_brain.level
holds "two Primary components for more than 10 s" "$r.must_overlap_s > 10" "$r.must_overlap_s"
holds "each side loses what the other was told" \
	'.writes.lost / .writes.acked > 0.2 and (.writes.lost_by_side | to_entries | map(select(.value > 50)) | length == 2)' .writes
holds "the nodes differ in the end" '.writes.diverged == true' .writes
holds "it is said so" '.findings | any(test("Split brain \\(L5\\)")) and any(test("still differed"))' .findings

finish
