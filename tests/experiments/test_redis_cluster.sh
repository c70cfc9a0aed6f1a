#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# timed
#
# Redis Cluster, a master and a client in the minority from 5 to 7 s and from 15 to 27 s, node timeout 4 s. Its
# specification: nothing is lost if it is healed before the timeout; after it the minority's writes up to then may be.
. "$(dirname "$0")/lib.sh"

run_experiment redis-cluster-minority
is "its expectations fail: that is the finding" 1 "$status"
sound
holds "acknowledged writes are lost, 1-20 % of them" '.writes.lost / .writes.acked | . > 0.01 and . < 0.2' .writes
holds "all by the minority" \
	'.writes.lost_by_side | to_entries | map(select(.value > 0)) | length == 1 and (.[0].key | test("n1"))' .writes
holds "none in the short cut; in the long one until at most twice the timeout" \
	'.writes.lost_window_s | .[0] > 14.5 and .[1] - 15 > 2 and .[1] - 15 < 8.5' .writes.lost_window_s
r='.split_brain.resources[0]'
holds "the replica serves the slot 4-11 s after the long cut" \
	"$r.claims | map(select(.node == \"n4\"))[0].from_s - 15 | . > 4 and . < 11" "$r.claims"
holds "the old master has refused it from at most 9 s after the cut on" \
	"$r.claims | map(select(.node == \"n1\"))[-1].to_s - 15 | . > 3 and . < 9" "$r.claims"
holds "in the end master and replicas hold the same" '.writes.diverged != true' .writes

finish
