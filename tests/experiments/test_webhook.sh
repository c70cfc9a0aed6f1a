#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# alone
# timed
#
# Events whose answers are lost are delivered again; with a key for each they take effect once.
. "$(dirname "$0")/lib.sh"

run_experiment webhook-duplicates
is "its expectations fail: that is the finding" 1 "$status"
sound
# sent WORKLOAD, counted WORKLOAD: events that the sender began, and what the receiver says at the end
sent()
{
	jq -s "map(select(.type == \"op\" and .workload == \"$1\" and .op == \"inc\" and .invoke_ns != null)) | length" "$run/events.jsonl"
}
counted()
{
	jq -s "map(select(.type == \"final\" and .workload == \"$1\")) | last | .values[0][1]" "$run/events.jsonl"
}
diag "naive: $(sent naive) sent, $(counted naive) counted; keyed: $(sent keyed) sent, $(counted keyed) counted"
check "without keys the receiver counts more than there were" test "$(counted naive)" -ge $(($(sent naive) + 10))
is "with keys it counts each once" "$(sent keyed)" "$(counted keyed)"
holds "the checker finds it" '.checks[] | select(.name == "naive") | .verdict == "fail" and .violations > 0' .checks
holds "and says it in words" \
	'.checks[] | select(.name == "naive") | .words | test("returned [0-9]+, but only [0-9]+ adds had begun when it ended")' .checks
holds "with keys all is well" '.checks[] | select(.name == "keyed") | .verdict == "pass"' .checks
holds "the sender retries: a storm, if a small one" '.herd.kind == "retry storm"' .herd

finish
