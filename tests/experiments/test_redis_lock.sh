#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# timed
#
# A lock with a lease of 3 s, and a write of its holder that takes 4 s from 8 to 20 s: accepted after the next holder's
# (Kleppmann 2016), unless the storage looks at the fencing token.
. "$(dirname "$0")/lib.sh"

run_experiment redis-lock-unfenced
is "its expectations fail: that is the finding" 1 "$status"
holds "the run came to its end" '.status == "complete"' .status
c='.checks[] | select(.name == '
holds "the lock itself does what it promises" \
	"([$c\"lock\")] + [$c\"lock-tokens\")] + [$c\"fenced\")]) | map(.verdict) == [\"pass\", \"pass\", \"pass\"]" .checks
holds "an old holder's write was accepted after a newer one's" \
	"$c\"lock-fence\") | .verdict == \"fail\" and .violations >= 1 and (.witness | length == 2)" .checks
holds "it was the one under way for long" \
	"$c\"lock-fence\") | .witness | min_by(.value) | .op == \"use\" and .node == \"c1\" and .return_s - .invoke_s > 3.5" .checks
holds "it is said in words" "$c\"lock-fence\") | .words | test(\"token [0-9]+ was accepted from client 0 on c1\")" .checks
holds "a storage that looks at the token accepts none" "$c\"fenced-fence\") | .verdict == \"pass\"" .checks
check "but refuses some" jq -se 'any(.type == "op" and .op == "use" and .workload == "fenced" and .outcome == "fail")' \
	"$run/events.jsonl"

finish
