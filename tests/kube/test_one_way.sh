#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
#
# test_one_way.sh: what one pod sends another is cut, the way back is open.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

start_pods a:n1 b:n2 c:n2
between one-way 14s "name: cut, at: 1s, for: 10s, partition: {simplex: {from: a, to: b}}" | kn apply -f - >/dev/null
check "a to b is cut" wait_until 30 cut_way a b
is "b to a is open" 20 "$(arrive b a)"
is "a to c is open" 20 "$(arrive a c)"
check "lifted" wait_until 30 open_way a b
check "finished" wait_phase experiment/one-way Finished
finish
