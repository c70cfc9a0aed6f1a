#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# alone
# timed
#
# memcached is cut off: each request goes to the origin, or three fetches a second from behind a second cache.
. "$(dirname "$0")/lib.sh"

run_experiment cache-lost
is "its expectation fails: that is the finding" 1 "$status"
sound
# fetches PORT: at the origin, in the whole run
fetches()
{
	jq "[.traffic.services[] | select(.service == \"origin:$1\") | .syn] | add // 0" "$run/summary.json"
}
plain=$(fetches 8081) guarded=$(fetches 8082)
diag "$plain fetches without a second cache, $guarded with it"
# three pages, each a second and 0.3 s to fetch, for 8 s; a request that waits for memcached when it is lifted may be one more
check "behind a second cache a few" test "$guarded" -ge 3 -a "$guarded" -le 36
check "without it many times that" test "$plain" -ge $((5 * guarded))
holds "a cache stampede" '.herd.kind == "cache stampede"' .herd
holds "at the origin; connections to memcached are no fetches" \
	'.herd.evidence[0].words | test("^web had [0-9]+ connections to origin:8081 open at once")' .herd.evidence
holds "nothing failed: only the origin feels it" '.writes.failed == null or .writes.failed == 0' .writes

finish
