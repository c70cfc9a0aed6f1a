#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# alone
# timed
#
# The shipped reconnect flood with three retry policies: what the kernel counted of the service must tell them apart. Measured
# before, of 600 such clients and a cut of 10 s (as tests/unit/analysis/test_herd_calibration.c):
#
#              amplification  PBR at the heal  Fano   R(3 s)
#   immediate       5.4            10.2        49      0.01
#   fixed 2 s       1.8             7.2        31      0.76
#   full jitter     2.7             1.8         0.84   0.10
#
# The bounds here lie between those, where also a busy machine, which spreads the clients, does not come.
. "$(dirname "$0")/lib.sh"

# of_syn MEMBER: of the connections to the server
of_syn()
{
	jq ".herd.metrics[] | select(.metric == \"syn\" and .service == \"server:80\") | .$1" "$run/summary.json"
}

# policy NAME RETRY: runs it; sets amplification_NAME pbr_NAME fano_NAME
policy()
{
	local file=$O/test-runs/reconnect-flood-$1.yaml

	mkdir -p "$O/test-runs"
	sed "s/retry: {policy: fixed.*/retry: $2/" "$tap_root/chaos/experiments/reconnect-flood.yaml" >"$file"
	run=$O/test-runs/reconnect-flood-$1
	rm -rf "$run"
	"$CHAOS" run --out "$run" "$file" >"$run.out" 2>&1
	status=$?
	sed 's/^/# /' "$run.out"
	[ -s "$run/summary.json" ] || { echo "Bail out! no summary"; exit 1; }
	sound
	diag "$1: $(jq -c '.herd.metrics[] | select(.service == "server:80" and .metric == "syn")' "$run/summary.json")"
	declare -g "amplification_$1=$(of_syn amplification)" "pbr_$1=$(of_syn recovery_pbr)" "fano_$1=$(of_syn fano)"
}

# more NAME A B: A > B, numbers
more()
{
	check "$1 ($2 > $3)" jq -en "$2 > $3"
}

policy fixed '{policy: fixed, delay: 2s, attempts: 1000}'
is "fixed: its expectation fails" 1 "$status"
holds "fixed: a reconnect flood" '.herd.kind == "reconnect flood"' .herd.kind
holds "fixed: in step every 3 s" '.herd.metrics | any(.service == "server:80" and .metric == "syn" and
	.synchrony_period_s > 2.8 and .synchrony_period_s < 3.5 and .synchrony_r > 0.4)' .herd.metrics
holds "fixed: a finding says so" '.findings | any(test("^Reconnect flood")) and any(test("in step"))' .findings

policy immediate '{policy: immediate, attempts: 1000}'
holds "immediate: a reconnect flood" '.herd.kind == "reconnect flood"' .herd.kind
holds "immediate: not in step every 3 s" '.herd.metrics | all(.service != "server:80" or .metric != "syn" or
	.synchrony_period_s == null or .synchrony_period_s < 2)' .herd.metrics

policy jitter '{policy: full-jitter, base: 600ms, cap: 6500ms, attempts: 1000}'
is "full jitter: the expectations hold" 0 "$status"
holds "full jitter: no flood" '.herd.kind != "reconnect flood"' .herd.kind
holds "full jitter: no period" '.herd.metrics | all(.service != "server:80" or .synchrony_period_s == null)' .herd.metrics

# shellcheck disable=SC2154 # set by policy
{
	more "amplification: immediate above full jitter" "$amplification_immediate" "1.4 * $amplification_jitter"
	more "amplification: full jitter above fixed" "$amplification_jitter" "1.05 * $amplification_fixed"
	more "peak at the heal: immediate is a flood" "$pbr_immediate" 3.5
	more "peak at the heal: fixed is a flood" "$pbr_fixed" 3.5
	more "peak at the heal: full jitter's is less than half of immediate's" "$pbr_immediate" "2 * $pbr_jitter"
	more "peak at the heal: full jitter's is less than half of fixed's" "$pbr_fixed" "2 * $pbr_jitter"
	more "Fano factor: immediate is far from Poisson" "$fano_immediate" 8
	more "Fano factor: fixed is far from Poisson" "$fano_fixed" 8
	more "Fano factor: full jitter is near Poisson" 4 "$fano_jitter"
}

finish
