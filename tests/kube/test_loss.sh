#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
#
# test_loss.sh: half of the packets from one pod to another are lost, once each, not at both nodes.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

start_pods a:n1 b:n2
{
	between loss 16s "name: loss, at: 1s, for: 13s, from: a, to: b, loss: 50%"
	echo "  seed: 7"
} | kn apply -f - >/dev/null
some_lost()
{
	[ "$(arrive a b 20)" -lt 20 ]
}
check "some are lost" wait_until 30 some_lost
n=$(arrive a b 400)
# 200, with a standard deviation of 10; 100 if it were met at both nodes.
check "half of 400 arrive ($n)" test "$n" -ge 150 -a "$n" -le 250
is "the way back is whole" 20 "$(arrive b a)"
check "finished" wait_phase experiment/loss Finished
is "all arrive" 20 "$(arrive a b)"
finish
