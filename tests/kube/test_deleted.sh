#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
#
# test_deleted.sh: an object that is deleted in the middle: its faults end at once, and nothing is kept; pause and resume.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

start_pods a:n1 b:n2
between gone 100s "name: cut, at: 1s, for: 90s, partition: {halves: [a, b]}" | kn apply -f - >/dev/null
check "cut" wait_until 30 cut_way a b
kn annotate experiment gone netchaos.dev/pause=true >/dev/null
check "paused: open" wait_until 20 open_way a b
check "Paused" wait_phase experiment/gone Paused 20
kn annotate experiment gone netchaos.dev/pause- >/dev/null
check "resumed: cut" wait_until 20 cut_way a b
check "deleted without waiting for anyone" kn delete experiment gone --timeout=10s
check "open" wait_until 20 open_way a b
is "the way back" 20 "$(arrive b a)"
children()
{
	local uid

	for uid in $(k -n netchaos get pods -o jsonpath='{.items[*].metadata.uid}'); do
		procs_of "$uid"
	done | while read -r p; do
		tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -o -- ' --members .*'
	done
}
check "no child is left" wait_until 20 eval '[ -z "$(children)" ]'
no_records()
{
	[ "$(kn get configmaps -l netchaos.dev/run -o name | wc -l)" = 0 ]
}
check "nor a record" wait_until 20 no_records
finish
