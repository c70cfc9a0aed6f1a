#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
#
# smoke.sh: every parser on the inputs that are kept and on what a few seconds make of them.
. "$(dirname "$0")/../lib/tap.sh"

# A folder of its own: what was found before is begun with by make fuzz, not here.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/fuzz"
for f in "$O"/fuzz/fuzz_*; do
	[ -x "$f" ] && [ ! -d "$f" ] && ln -s "$f" "$tmp/fuzz/"
done
O=$tmp "$tap_root/tests/fuzz/run" -s 3 -j 2 >"$tmp/lines" 2>"$tmp/errors"
while read -r target line; do
	case $line in
	*' ok') pass "$target: $line" ;;
	*) fail "$target: $line" "$(tail -n 60 "$tmp/fuzz/log/$target")" ;;
	esac
done <"$tmp/lines"
is "every target has run" "$(find "$tap_root/tests/fuzz" -name 'fuzz_*.c' | wc -l)" "$tap_n"
[ ! -s "$tmp/errors" ] || diag "$(cat "$tmp/errors")"
finish
