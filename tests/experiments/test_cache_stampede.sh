#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# alone
# timed
#
# nginx and cold keys (EFFECTS.md 4, 12): as many fetches as readers miss, or one for each key with proxy_cache_lock. There
# are three keys, and new ones each 5 s: in a run of 28 s at most seven times.
. "$(dirname "$0")/lib.sh"

run_experiment cache-stampede
is "its expectation fails: that is the finding" 1 "$status"
sound
# fetches PORT: at the origin, in the whole run
fetches()
{
	jq ".traffic.services[] | select(.service == \"origin:$1\") | .syn" "$run/summary.json"
}
plain=$(fetches 8081) locked=$(fetches 8082)
diag "$plain fetches without the lock, $locked with it"
check "with the lock one fetch for a key" test "$locked" -ge 6 -a "$locked" -le 21
check "without it many times that" test "$plain" -ge $((3 * locked))
holds "a cache stampede" '.herd.kind == "cache stampede"' .herd
holds "of the cache without the lock" '.herd.evidence[0].words | test("^cache had [0-9]+ connections to origin:8081 open at once")' .herd.evidence
holds "for three keys" '.herd.evidence[0].words | test("asked for [1-3] (different keys|key)")' .herd.evidence
holds "no retry storm: nobody retried" '[.herd.evidence[].kind] | index("retry storm") == null' .herd.evidence
holds "a finding says so, first" '.findings[0] | test("^Cache stampede")' .findings
holds "that the editions are 5 s apart is no retry period" '.findings | any(test("random waits")) | not' .findings

finish
