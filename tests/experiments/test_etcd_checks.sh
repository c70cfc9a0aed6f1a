#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# timed
#
# etcd's registers, transactions, versions and leased keys are linearizable, its leader isolated or not (Jepsen).
. "$(dirname "$0")/lib.sh"

run_experiment etcd-linearizable
is "its expectations hold" 0 "$status"
sound
holds "verdict pass" '.verdict == "pass"' .expectations
holds "all checks pass" '.checks | length == 7 and all(.verdict == "pass" and .violations == 0)' .checks
holds "enough was done to say so" '.writes.acked > 500 and .reads.ok > 500' '[.writes, .reads]'
check "operations of unknown outcome were among it" \
	jq -es 'map(select(.type == "op" and .outcome == "unknown")) | length > 0' "$run/events.jsonl"

finish
