# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# readme.sh: commands of README.md's, run as they stand there. Source it behind tap.sh, with a folder in tmp and in bg
# the processes to end.
# shellcheck disable=SC2154

# readme_line PATTERN: sets line to the one `chaos inject` line of its code blocks that is like it, without its comment
readme_line()
{
	line=$(grep -E '^chaos inject ' "$tap_root/README.md" | grep -E -- "$1" | sed 's/ \+# .*//')
	[ "$(grep -c . <<<"$line")" = 1 ] && return
	fail "README has one such line: $1" "$line"
	return 1
}

# readme_run: in the background, bounded, until it is armed; sets run, and its output is in $tmp/out
readme_run()
{
	local words

	read -ra words <<<"$line"
	: >"$tmp/out"
	"$CHAOS" "${words[@]:1}" --for 120s >"$tmp/out" 2>&1 &
	run=$!
	bg+=("$run")
	wait_until 15 grep -q "armed" "$tmp/out" && return
	fail "$line" "$(cat "$tmp/out")"
	return 1
}

# readme_end: lifted by Ctrl-C
readme_end()
{
	kill -INT "$run"
	wait "$run"
	is "$line" 130 $?
}
