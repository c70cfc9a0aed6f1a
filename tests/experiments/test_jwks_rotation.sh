#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# alone
# timed
#
# A service asks a slow issuer for each token of a key that it does not know, or once for all of them.
. "$(dirname "$0")/lib.sh"

run_experiment jwks-rotation
is "its expectation fails: that is the finding" 1 "$status"
sound
# fetches PORT: at the issuer, in the whole run: in 28 s there are at most seven keys
fetches()
{
	jq ".traffic.services[] | select(.service == \"issuer:$1\") | .syn" "$run/summary.json"
}
each=$(fetches 8081) single=$(fetches 8082)
diag "$each fetches by each request, $single in single flight"
# the key may turn while a fetch is on its way: then that of the next is fetched too
check "single flight: about one fetch for a key" test "$single" -ge 4 -a "$single" -le 14
check "without: a storm" test "$each" -ge $((5 * single))
holds "a cache stampede" '.herd.kind == "cache stampede"' .herd
holds "of the service that asks each time" \
	'.herd.evidence[0].words | test("^service had [0-9]+ connections to issuer:8081 open at once")' .herd.evidence
holds "a finding says so, first" '.findings[0] | test("^Cache stampede")' .findings
check "no token was refused, so it was the fetches alone" jq -se 'map(select(.type == "op" and .status == 401)) | length <= 5' \
	"$run/events.jsonl"

finish
