#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# suite.sh [PROGRAM...]: what matrix.sh runs in one machine: the BPF programs on crafted packets, inside.sh, faults.sh
# and clock.sh; with WITH_COEXIST set, also coexist_*.sh, as far as they depend on the kernel.
# Around the output of each stand `== NAME` and `== status N`, behind it `== took N s: NAME`.
cd "$(dirname "$0")/../.." || exit
export CMOCKA_MESSAGE_OUTPUT=TAP

# Statistics of what the verifier has proved once are the same on every kernel; what it proves, and what helpers do to
# packets, is not.
kernel_dependent=(abi complexity devices parse answers effects delay window owner record)
[ $# -gt 0 ] || set -- "${kernel_dependent[@]/#/$O/tests/bpf/test_}" tests/vm/inside.sh tests/vm/faults.sh tests/vm/clock.sh \
	${WITH_COEXIST:+tests/netns/coexist_qdiscs.sh tests/netns/coexist_runs.sh}
for program; do
	echo "== $(basename "$program")"
	began=$SECONDS
	timeout --kill-after=5 400 "$program" 2>&1 </dev/null
	echo "== status $?"
	echo "== took $((SECONDS - began)) s: $(basename "$program")"
done
echo "== kernel"
# What the kernel complained about while it ran them.
dmesg | grep -E 'BUG:|WARNING:|Oops|Call Trace|general protection|refcount_t|leaked|stall'
echo "== status 0"
