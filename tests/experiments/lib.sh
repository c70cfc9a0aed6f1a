# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lib.sh: runs a shipped experiment and asks its summary. The outcomes are published ones, or measured before with
# other tools (iptables, interface down), so they test the tool, not the other way round. Timing bounds
# leave room for a busy machine of two cores.
# shellcheck source=../lib/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
need_root
[ -x "$CHAOS" ] || { echo "Bail out! $CHAOS is not built"; exit 1; }

# run_experiment NAME [BEFORE]: sets run (its folder, kept until the next time) and status. BEFORE, in jq, is what holds
# before the fault on a machine that keeps up: where it does not, the outcome would say nothing, and all is run once
# more. So it is where the verdict is unknown because probes stood still: the tool says itself that it has not seen enough.
# shellcheck disable=SC2034
run_experiment()
{
	local try sampled='(.verdict != "unknown" or (.verdict_reasons | any(test("was not sampled")) | not))'

	run=$O/test-runs/$1
	mkdir -p "$O/test-runs"
	for try in 1 2; do
		rm -rf "$run"
		"$CHAOS" run --out "$run" "$tap_root/chaos/experiments/$1.yaml" >"$run.out" 2>&1
		status=$?
		sed 's/^/# /' "$run.out"
		[ -s "$run/summary.json" ] || { echo "Bail out! no summary"; exit 1; }
		if jq -e "(${2:-true}) and $sampled" "$run/summary.json" >/dev/null 2>&1; then
			break
		fi
		[ "$try" -eq 2 ] || echo "# the machine did not keep up: once more"
	done
}

# holds NAME EXPRESSION [SHOWN]: of summary.json, in jq. SHOWN is what to show if it does not hold.
holds()
{
	if jq -e "$2" "$run/summary.json" >/dev/null 2>"$run.jq"; then
		pass "$1"
	else
		fail "$1" "not so: $2
$(cat "$run.jq")
found: $(jq -c "${3:-.}" "$run/summary.json" 2>&1)"
	fi
}

# What holds for every complete run on a machine that keeps up.
sound()
{
	holds "the run came to its end" '.status == "complete"' .status
	holds "no event was lost" '.recorder.lost_events == 0' .recorder
	holds "the fault hit packets on its edges, and was lifted" \
		'.faults | all(([.hits[]] | add) > 0 and .first_hit_at_s >= .armed_at_s and .cleared_at_s != null)' .faults
	check "the report is one file without references to others" sh -c \
		"grep -qi '<html' '$run/report.html' && ! grep -qE '(src|href)=.?(https?:)?//' '$run/report.html'"
	check "there is junit.xml" grep -q '<testsuite' "$run/junit.xml"
}
