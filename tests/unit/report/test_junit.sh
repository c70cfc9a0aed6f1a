#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_junit.sh: junit.xml by the schema that its readers agree on, and the counts that they show.
. "$(dirname "$0")/../../lib/tap.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# record NAME EXPECT [ARG...]: a folder with a run that expects this (JSON).
record()
{
	local name=$1 expect=$2

	shift 2
	"$tap_root/tests/lib/make_events.py" redis "$dir/$name" --duration 40 "$@" >/dev/null || return
	jq -c --argjson expect "$expect" 'if .type == "run" then .expect = $expect else . end' \
		"$dir/$name/events.jsonl" >"$dir/$name/new" && mv "$dir/$name/new" "$dir/$name/events.jsonl"
	"$CHAOS" report "$dir/$name" >/dev/null
	xml=$dir/$name/junit.xml
}

count()
{
	xmllint --xpath "string($1)" "$xml"
}

valid()
{
	xmllint --noout --schema "$tap_root/tests/lib/junit.xsd" "$xml"
}

record three '["writes.lost == 0", "writes.acked in fault >= 1", "recovery.time in fault < 1s"]'
check "valid with a failure, a pass and an unknown" valid
is "as counted" "3 1 1 0" \
	"$(count //testsuite/@tests) $(count //testsuite/@failures) $(count //testsuite/@errors) $(count //testsuite/@skipped)"
is "what fails says what was found" "found $(jq .writes.lost "$dir/three/summary.json")" \
	"$(count "//testcase[@name='writes.lost == 0']/failure/@message")"
check "and carries the findings" grep -q 'acknowledged writes .* were lost' <(count "//failure")
check "what is unknown says why" grep -q 'has no value' <(count "//error/@message")
check "findings and faults in system-out" grep -q '^fault cut, armed at +' <(count "//testsuite/system-out")
is "the seed among the properties" "$(jq .seed "$dir/three/summary.json")" \
	"$(count "//property[@name='seed']/@value")"
record none '[]'
check "valid without expectations" valid
is "which is one test case" "1" "$(count //testsuite/@tests)"
record hostile '["writes.lost == 0", "x\u0001]]>&<\"\u0027"]' --hostile
check "valid with names that try to break out" valid
finish
