#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_compare.sh: report --compare as people and CI use it, and folders that are no run.
. "$(dirname "$0")/../../lib/tap.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2

for i in 1 2 3 4; do
	"$tap_root/tests/lib/make_events.py" redis "a$i" --duration 40 --seed "$i" >/dev/null
	"$tap_root/tests/lib/make_events.py" redis "b$i" --duration 40 --seed "1$i" >/dev/null
	# the same, but every answer 20 ms later
	mkdir "c$i" && jq -c 'if .type == "op" then .t_ns += 20000000 | del(.return_ns) else . end' \
		"b$i/events.jsonl" >"c$i/events.jsonl"
done

NO_COLOR=1 "$CHAOS" report --compare a1 b1 >out
is "two runs of one thing: no regression" 0 $?
check "one run each is said to be that" grep -q 'one run each' out
"$CHAOS" report --compare a1,a2,a3,a4 c1,c2,c3,c4 >out
is "slower answers in all of four: exit status 1" 1 $?
check "by name" grep -q 'latency.intended_ms.p99 .*REGRESSION' out
"$CHAOS" report --compare --json c1,c2,c3,c4 a1,a2,a3,a4 >out.json
check "the other way round it is an improvement" jq -e '[.numbers[] | select(.path == "latency.service_ms.p50")][0] | .call == "improvement" and .better == "lower"' out.json
is "no report is written by it" "events.jsonl" "$(cd a1 && echo *)"

# refused TEXT WORDS...: exit status 2 and the message.
refused()
{
	local text=$1 out

	shift
	out=$("$CHAOS" report "$@" 2>&1)
	is "refused with 2: $*" 2 $?
	like "and says: $text" "$text" "$out"
}

mkdir empty other
touch other/README plain
echo '{"verdict":"pass"}' >other/summary.json
mkdir garbage newer nothing cut
printf '\177ELF\1\2\3\n' >garbage/events.jsonl
head -n 1 a1/events.jsonl | jq -c '.version = 2' >newer/events.jsonl
: >nothing/events.jsonl
head -c 100000 a1/events.jsonl >cut/events.jsonl
for w in "" "--compare a1"; do
	# shellcheck disable=SC2086
	{
		refused 'empty/events.jsonl: no such file; expected the folder of a run$' $w empty
		refused 'summary.json alone cannot be analysed again' $w other
		refused 'plain: a file; expected the folder of a run' $w plain
		refused 'gone: No such file or directory; expected the folder of a run' $w gone
		refused 'garbage/events.jsonl:1: column 1: not JSON' $w garbage
		refused 'newer/events.jsonl:1: event .run.: the record is of version 2, written by a newer chaos' $w newer
		refused 'nothing/events.jsonl: no event was recorded' $w nothing
	}
done
"$CHAOS" report --compare a1 cut >out
check "a record that was cut short is read to where it goes, and said to be that" grep -q 'did not complete: crashed' out
refused 'BEFORE AFTER' --compare a1
refused '--compare takes two' a1 b1
refused 'two sides' --compare a1 b1 c1
refused 'more than 10 runs' --compare "$(printf 'a1,%.0s' 1 2 3 4 5 6 7 8 9 10)a1" b1
finish
