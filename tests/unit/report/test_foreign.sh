#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_foreign.sh: `chaos report` of what is no record, or half of one: refused with the file's name and line, and nothing is
# written there; or read as far as it goes, which is said.
. "$(dirname "$0")/../../lib/tap.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# refused NAME ERE: the folder of this name
refused()
{
	local before out status

	before=$(ls -A "$dir/$1" 2>&1)
	out=$("$CHAOS" report "$dir/$1" 2>&1)
	status=$?
	is "$1: refused" 2 $status
	like "$1: with words" "$2" "$out"
	is "$1: nothing is written" "$before" "$(ls -A "$dir/$1" 2>&1)"
}

# file NAME: its events.jsonl is stdin
file()
{
	mkdir "$dir/$1"
	cat >"$dir/$1/events.jsonl"
}

mkdir "$dir/empty"
refused empty 'empty/events.jsonl: no such file; expected the folder of a run'
refused missing 'missing: No such file or directory; expected the folder of a run'
mkdir -p "$dir/folder/events.jsonl"
refused folder 'folder/events.jsonl: '
file nothing </dev/null
refused nothing 'no event was recorded'
printf '\177ELF\0\1\n\377\376 \0\n' | file binary
refused binary 'binary/events.jsonl:1: '
printf '%s\n' '{"level":"info","msg":"started"}' '{"level":"info","msg":"ended"}' | file log
refused log 'log/events.jsonl:1: '
printf '%s\n' '[]' '7' | file json
refused json 'json/events.jsonl:1: '
echo '{"t_ns":0,"type":"run","version":99}' | file newer
refused newer 'newer/events.jsonl:1: .*version 99, written by a newer chaos'

"$tap_root/tests/lib/make_events.py" redis "$dir/whole" --duration 40 >/dev/null
sed '2s/.*/{"t_ns":1,"type":"role"}/' "$dir/whole/events.jsonl" | file wrong
refused wrong 'wrong/events.jsonl:2: '
head -c $(($(stat -c %s "$dir/whole/events.jsonl") / 2)) "$dir/whole/events.jsonl" | file half
out=$("$CHAOS" report "$dir/half" 2>&1)
is "half of a record: nothing passes that is not known" 1 $?
like "and it is said how far it goes" 'The run crashed: the record ends at \+20\.[0-9] s' "$out"
is "in the summary too" crashed "$(jq -r .status "$dir/half/summary.json")"
check "with its page" test -s "$dir/half/report.html"
finish
