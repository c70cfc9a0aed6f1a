#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# alone
# timed
#
# Retries through haproxy, with and without a budget (EFFECTS.md 4, 11; Bronson et al., HotOS'21): without one the load
# settles at twice what is offered and nobody is served, after a cut of 10 s; with 10 % it recovers.
. "$(dirname "$0")/lib.sh"

# shop EXPRESSION: of the attempts of the clients
shop()
{
	echo ".herd.metrics[] | select(.workload == \"shop\" and .metric == \"attempts\") | $1"
}

lab()
{
	sed -n '/^spec:/,/^ *retry:/p' "$tap_root/chaos/experiments/$1.yaml" | sed 's/, budget: 10%//'
}
is "the two differ in the budget only" "$(lab retry-storm-haproxy)" "$(lab retry-storm-budget)"

run_experiment retry-storm-haproxy "$(shop '.goodput_baseline_per_s > 27')"
is "without a budget: its expectations fail" 1 "$status"
sound
holds "before the fault everybody is served" "$(shop '.goodput_baseline_per_s > 27')" "$(shop .)"
holds "it is metastable" '.herd.metastable == true' .herd.metrics
holds "the load settles at twice what is offered" \
	"$(shop '.attempts_end_per_s > 1.8 * .offered_baseline_per_s and .attempts_end_per_s < 2.2 * .offered_baseline_per_s')" "$(shop .)"
holds "next to nothing is served long after the heal" "$(shop '.goodput_end_per_s < 0.05 * .goodput_baseline_per_s')" "$(shop .)"
holds "a retry storm" '.herd.kind == "retry storm"' .herd
holds "a finding says so, first" '.findings[0] | test("^Retry storm.*(1\\.9|2\\.0) attempts for each operation")' .findings
holds "another says that it stays" '.findings | any(test("^Metastable: .* 2\\.[01] times|^Metastable: .* 1\\.9 times"))' .findings

run_experiment retry-storm-budget "$(shop '.goodput_baseline_per_s > 27')"
is "with a budget of 10 %: its expectations hold" 0 "$status"
sound
holds "it recovers" '.herd.metastable == false and .recovery.time_s < 15' .recovery
holds "the load is what is offered again" "$(shop '.attempts_end_per_s < 1.1 * .offered_baseline_per_s')" "$(shop .)"
holds "and all of it is served" "$(shop '.goodput_end_per_s > 0.8 * .goodput_baseline_per_s')" "$(shop .)"
# on a machine that stalls, those who were held up come at once
holds "no retry storm" '[.herd.evidence[].kind] | index("retry storm") == null' .herd.evidence

finish
