#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# timed
#
# The experiment of README.md whose systems are described in the file: by a program, by TCP, by commands.
. "$(dirname "$0")/../lib/tap.sh"
need_root
for program in redis-server redis-cli jq; do
	command -v $program >/dev/null || skip_all "$program is not installed"
done
tmp=$(mktemp -d "${TMPDIR:-/tmp}/described-XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# The code block of README.md that has this name in it.
awk '/^```yaml$/ { block = ""; on = 1; next }
	/^```$/ { if (on && block ~ /name: described-system/) printf "%s", block; on = 0 }
	on { block = block $0 "\n" }' "$tap_root/README.md" >"$tmp/e.yaml"
check "README.md has the experiment" test -s "$tmp/e.yaml"
check "it is checked" "$CHAOS" check "$tmp/e.yaml"
"$CHAOS" run "$tmp/e.yaml" --out "$tmp/run" >"$tmp/out" 2>&1
is "it runs, and its expectations hold" 0 $? || diag "$(cat "$tmp/out")"
events=$tmp/run/events.jsonl
ops()
{
	jq -s "map(select(.type == \"op\" and .workload == \"$1\" and $2)) | length" "$events"
}
for w in set register counter; do
	check "operations of $w succeed" test "$(ops "$w" '.outcome == "ok"')" -gt 10
	check "those in the cut are unknown: they may have left" test "$(ops "$w" '.outcome == "unknown"')" -gt 0
	is "nothing is refused" 0 "$(ops "$w" '.outcome == "fail" and .invoke_ns != null and (.error | test("time limit") | not)')"
done
check "and again after it" test "$(ops set '.outcome == "ok" and .t_ns > 6000000000')" -gt 10
finish
