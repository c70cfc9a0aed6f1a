#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 150
#
# As test_redis_sentinel.sh, with min-replicas-to-write 1 and min-replicas-max-lag 10, isolated from 10 to 30 s: the last lost
# acknowledgement comes 11 s after the cut (measured before), then the old master refuses writes.
. "$(dirname "$0")/lib.sh"

run_experiment redis-min-replicas
is "its expectations fail" 1 "$status"
sound
holds "acknowledged writes are lost" '.writes.lost > 100' .writes
holds "the last lost one 10-12.5 s after the cut" '.writes.lost_window_s[1] - 10 | . >= 10 and . <= 12.5' .writes.lost_window_s
is "after that the old master acknowledges nothing during the cut" 0 "$(jq -s '
	map(select(.type == "op" and .op == "add" and .outcome == "ok" and .node == "n1" and
		   .invoke_ns > 22.5e9 and .t_ns < 30e9)) | length' "$run/events.jsonl")"
holds "in the end all replicas hold the same" '.writes.diverged == false' .writes

finish
