#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# timed
#
# What Redis' clients are told in a partition fits no register, no compare-and-set, no lock, no counter: a replica that
# is cut off goes on answering (its documentation says so), and two masters accept what one of them will lose
# (Jepsen). The checkers must find it, and show it in a few operations that were in the cut or after it.
. "$(dirname "$0")/lib.sh"

c='.checks[] | select(.name == '

run_experiment redis-stale-register
is "its expectation fails" 1 "$status"
sound
holds "the register is violated" "$c\"register\") | .verdict == \"fail\" and .violations > 5" .checks
holds "a few operations show it, the last a read at the cut-off replica" \
	"$c\"register\") | .witness | length <= 4 and (.[-1] | .op == \"read\" and .node == \"n2\")" .checks
holds "it is said in words" "$c\"register\") | .words | test(\"read of register/[0-4] by client 1 on n2 at .* returned\")" .checks
holds "and stands among the findings" '.findings | any(test("Check register fails"))' .findings
holds "after the heal all is the same again" "$c\"register-final\") | .verdict == \"pass\"" .checks
check "the report has it" grep -q 'these operations show it' "$run/report.html"

run_experiment redis-lost-update
is "its expectations fail" 1 "$status"
sound
for name in cas lock lock-tokens queue counter; do
	holds "$name is violated, and shown in at most 8 operations" \
		"$c\"$name\") | .verdict == \"fail\" and (.witness | length >= 1 and length <= 8)" .checks
done
holds "the lock was held by two" \
	"$c\"lock\") | .words | test(\"two held lock at one time\")" .checks

finish
