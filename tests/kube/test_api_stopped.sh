#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
#
# test_api_stopped.sh: the API server stops in the middle of a fault: the agents keep to the end that they know, and tell when it is back.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

cleanup()
{
	[ -z "${down:-}" ] || "$cluster" again "$KUBE_DIR" apiserver
	wait_until 60 k get --raw /readyz
}
start_pods a:n1 b:n2
between alone 24s "name: cut, at: 1s, for: 15s, partition: {halves: [a, b]}" | kn apply -f - >/dev/null
check "cut" wait_until 30 cut_way a b
api=$("$cluster" pids "$KUBE_DIR" apiserver)
down=1
kill -KILL "$api"
check "the API server is gone" wait_gone 10 "$api"
is "still cut" 0 "$(arrive a b)"
check "lifted without it" wait_until 40 open_way a b
check "still without it" eval '! k get --raw /readyz'
"$cluster" again "$KUBE_DIR" apiserver
down=
check "the API server is back" wait_until 60 k get --raw /readyz
check "the run is told as finished" wait_phase experiment/alone Finished 90
check "both agents are ready" wait_until 60 agents_ready
check "packets were dropped ($(hits experiment/alone))" test "$(hits experiment/alone)" -gt 0
finish
