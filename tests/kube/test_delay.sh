#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
#
# test_delay.sh: with a target only what goes there is late; without one, all that the pod sends. Neither is late twice, though
# two nodes have agents.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

start_pods a:n1 b:n2 c:n2
before=$(rtt a b)
between targeted 20s "name: slow, at: 1s, for: 16s, from: a, to: b, delay: 200ms" | kn apply -f - >/dev/null
check "a to b is slow" wait_until 30 slow a b 200
t=$(rtt a b)
check "once, not at both nodes ($before, now $t ms)" test "${t:-999}" -lt 400
t=$(rtt a c)
check "a to c is as before ($t ms)" test "${t:-999}" -lt 200
check "lifted" wait_until 30 eval '! slow a b 200'
check "finished" wait_phase experiment/targeted Finished
{
	experiment all 20s
	cat <<-END
	  endpoints:
	    a: {pods: {name: a}}
	  faults:
	    - {name: slow, at: 1s, for: 16s, from: a, delay: 200ms}
	END
} | kn apply -f - >/dev/null
check "without a target: a to b is slow" wait_until 30 slow a b 200
check "and to c" slow a c 200
t=$(rtt b c)
check "b to c is not ($t ms)" test "${t:-999}" -lt 200
check "finished again" wait_phase experiment/all Finished
check "packets were met ($(hits experiment/all))" test "$(hits experiment/all)" -gt 0
finish
