#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
#
# test_agent_killed.sh: an agent that is killed by -9 in the middle of a fault: the one that comes after it takes the run up, to the same
# end, neither longer nor twice.
# shellcheck source=tests/kube/lib.sh disable=SC2016,SC2034
. "$(dirname "$0")/lib.sh"

start_pods a:n1 b:n2
between killed 40s "name: cut, at: 1s, for: 35s, partition: {halves: [a, b]}" | kn apply -f - >/dev/null
check "cut" wait_until 30 cut_way a b
agent=$(agent_on n1)
restarts()
{
	k -n netchaos get pod "$agent" -o jsonpath='{.status.containerStatuses[0].restartCount}'
}
before=$(restarts)
uid=$(k -n netchaos get pod "$agent" -o jsonpath='{.metadata.uid}')
# The agent is the oldest of its container: its children are younger.
main=$(procs_of "$uid" | while read -r p; do
	tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -q ' agent ' && echo "$p"
done | head -n 1)
check "the agent of n1 is killed" kill -KILL "$main"
check "its kubelet starts it again" wait_until 60 eval '[ "$(restarts)" -gt "$before" ]'
check "ready" wait_until 60 agents_ready
segments()
{
	[ "$(status experiment/killed '.nodes.n1.segments')" = 2 ]
}
check "cut again, or still" wait_until 20 cut_way b a
check "a second segment of the run" wait_until 20 segments
check "lifted" wait_until 60 open_way a b
end=$(date +%s%N)
late=$(((end - $(start_ns experiment/killed)) / 1000000 - 36000))
check "not before the fault's end ($late ms after it)" test "$late" -ge 0
check "finished" wait_phase experiment/killed Finished
is "open" 20 "$(arrive b a)"
finish
