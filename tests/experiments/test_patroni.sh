#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# timed
#
# Patroni 3.0 with PostgreSQL 15, asynchronous; the primary isolated from 8 to 28 s: it demotes itself before the
# leader lock (8 s) runs out, what it acknowledged in between is lost, and the new primary is on another timeline.
. "$(dirname "$0")/lib.sh"

run_experiment patroni-primary-isolated
is "its expectations fail: that is the finding" 1 "$status"
sound
r='.split_brain.resources[] | select(.resource == "patroni")'
holds "n1 had the lock" "$r | .claims | any(.node == \"n1\" and .from_s < 8)" "[$r.claims]"
holds "it gives it up within 12 s of the cut" "$r | [.claims[] | select(.node == \"n1\" and .from_s < 8)] | .[-1].to_s | . > 9 and . < 20" "[$r.claims]"
holds "another takes over 3-18 s after the cut" \
	"$r | [.claims[] | select(.node != \"n1\")] | .[0].from_s - 8 | . > 3 and . < 18" "[$r.claims]"
holds "never two at once for certain" "$r | .must_overlap_s == 0" "[$r.must_overlap_s]"
holds "a timeline of its own" "$r | [.claims[].epoch] | max >= 2" "[$r.claims]"
holds "acknowledged writes are lost, less than 35 % of them" \
	'.writes.lost > 20 and .writes.lost / .writes.acked < 0.35' .writes
# How long it goes on after it has begun to demote itself is a matter of the machine.
holds "all by the old primary, after the cut" \
	'(.writes.lost_by_side | to_entries | map(select(.value > 0)) | length == 1 and (.[0].key | test("n1"))) and
	 .writes.lost_window_s[0] > 7.5' .writes
holds "it was primary no more before the other was" \
	".writes.lost_window_s[1] as \$last | $r | [.claims[] | select(.node != \"n1\")] | .[0].from_s > \$last - 1" .writes
holds "in the end all hold the same" '.writes.diverged == false' .writes
check "the report says what was lost" grep -q 'acknowledged writes' "$run/report.html"

finish
