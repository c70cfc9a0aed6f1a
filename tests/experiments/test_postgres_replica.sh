#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# timed
#
# PostgreSQL 15, a streaming replica that hears everything 0.6 s late from 8 to 16 s: reads there are as old.
. "$(dirname "$0")/lib.sh"

run_experiment postgres-stale-replica
is "its expectations fail: that is the finding" 1 "$status"
holds "the run came to its end" '.status == "complete"' .status
holds "the fault held packets, and was lifted" '.faults | all(.hits.delayed > 10 and .cleared_at_s != null)' .faults
holds "reads were stale" '.reads.stale > 20' .reads
holds "by about the delay" '.reads.max_staleness_s | . > 0.4 and . < 4' .reads
is "all of them at the replica" '["n2"]' "$(jq -c '[.checks[] | select(.name == "register") | .witness[-1].node]' "$run/summary.json")"
c='.checks[] | select(.name == '
holds "the register is violated, which a few operations show" \
	"$c\"register\") | .verdict == \"fail\" and (.witness | length <= 4)" .checks
holds "nothing is lost, and in the end both hold the same" \
	".writes.lost == 0 and .writes.diverged == false and ($c\"register-final\") | .verdict == \"pass\")" .checks

finish
