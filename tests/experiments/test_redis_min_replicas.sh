#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 150
# timed
#
# As test_redis_sentinel.sh, with min-replicas-to-write 1 and min-replicas-max-lag 10, isolated from 10 to 30 s. Replicas
# report each second; the master counts the lag in whole seconds of a cached clock and looks at it each second. So it
# stops when its cron first finds 11: more than 10 s and at most 12 s after the last report, which was up to 1 s before
# the cut. The last lost acknowledgement comes 9 to 12 s after the cut (11 s measured before); a second more for a
# busy machine. Then the old master refuses writes.
. "$(dirname "$0")/lib.sh"

run_experiment redis-min-replicas
is "its expectations fail" 1 "$status"
sound
holds "acknowledged writes are lost" '.writes.lost > 100' .writes
holds "the last lost one 9-13 s after the cut" '.writes.lost_window_s[1] - 10 | . >= 9 and . <= 13' .writes.lost_window_s
is "after that the old master acknowledges nothing during the cut" 0 "$(jq -s '
	map(select(.type == "op" and .op == "add" and .outcome == "ok" and .node == "n1" and
		   .invoke_ns > 23e9 and .t_ns < 30e9)) | length' "$run/events.jsonl")"
holds "in the end all replicas hold the same" '.writes.diverged == false' .writes

finish
