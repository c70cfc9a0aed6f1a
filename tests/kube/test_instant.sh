#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
#
# test_instant.sh: both nodes' hooks flip at the one instant that the status names, by the datagrams that pass them: one that was
# sent before it arrives, one that was sent after it does not.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

# c sends to a, whose node is n1, d to b on n2: each way has one guard, another's.
start_pods a:n1 b:n2 c:n2 d:n1
check "before: c to a" wait_until 10 open_way c a
check "before: d to b" wait_until 10 open_way d b
{
	experiment instant 14s
	cat <<-END
	  endpoints:
	    ab: {pods: {expressions: [{key: name, operator: In, values: [a, b]}]}}
	  faults:
	    - {name: cut, at: 4s, for: 6s, partition: {isolate: ab}}
	END
} | kn apply -f - >/dev/null
started()
{
	[ "$(status experiment/instant '.startAt // ""')" != "" ]
}
check "a start is agreed on" wait_until 20 started
"$kube_here/stream" 14 "${pid[c]}" "${ip[c]}" "${pid[a]}" "${ip[a]}" "${pid[d]}" "${ip[d]}" "${pid[b]}" "${ip[b]}" >"$work/lines"
begin=$(($(start_ns experiment/instant) + 4000000000))
for n in 1 2; do
	read -r before first last after sent lost <<<"$(sed -n "${n}p" "$work/lines")"
	diag "n$n: cut $(((first - begin) / 1000)) us after the instant, open $(((after - begin) / 1000 - 6000000)) us after the end; $lost of $sent lost"
	# A datagram is some microseconds on its way, more where the machine is busy: then it meets the hook after the instant.
	check "n$n: what was sent before the instant arrived" test "$first" -gt $((begin - 20000000))
	check "n$n: what was sent after it did not" test "$before" -lt $((begin + 1000000))
	check "n$n: nothing after it arrived until the end" test "$last" -gt $((begin + 5990000000 - 20000000)) -a "$first" -gt 0
	check "n$n: what was sent after the end did" test "$after" -gt 0 -a "$last" -lt $((begin + 6001000000))
done
check "finished" wait_phase experiment/instant Finished
finish
