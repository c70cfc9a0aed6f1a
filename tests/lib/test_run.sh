#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_run.sh: tests/run reports what goes wrong. Each case is a test program, the last line that
# tests/run has to print about it, and its exit status. Judged here, not by tests/run.
set -u
run=$(cd "$(dirname "$0")/.." && pwd)/run
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
n=0 bad=0

check()
{
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		echo "# expected: $2"
		echo "#    found: $3"
		bad=1
	fi
}

# expect NAME LAST_LINE STATUS BODY: a script with BODY gives this last line and exit status.
expect()
{
	local out status

	printf '#!/bin/bash\n%s\n' "$4" >"$dir/t"
	chmod +x "$dir/t"
	out=$("$run" -l "$dir/logs" "$dir/t" 2>&1)
	status=$?
	check "$1" "$2 [$3]" "$(tail -n 1 <<<"$out") [$status]"
}

expect "passes are counted" "2 passed, 0 failed" 0 \
	'echo "ok 1 - a"; echo "ok 2 - b"; echo 1..2'
expect "a plan may come first" "2 passed, 0 failed" 0 \
	'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"'
expect "a failure is counted" "1 passed, 1 failed" 1 \
	'echo 1..2; echo "ok 1 - a"; echo "not ok 2 - b"'
expect "a failure counts once, with its exit status too" "0 passed, 1 failed" 1 \
	'echo 1..1; echo "not ok 1 - b"; exit 1'
expect "a skip is counted" "1 passed, 0 failed, 1 skipped" 0 \
	'echo 1..2; echo "ok 1 - a # SKIP no fq"; echo "ok 2 - b"'
expect "cmocka writes a skip as not ok" "1 passed, 0 failed, 1 skipped" 0 \
	'echo 1..2; echo "not ok 1 # SKIP a"; echo "ok 2 - b"'
expect "a skipped file is a skip, and no pass" "0 passed, 0 failed, 1 skipped" 1 \
	'echo "1..0 # SKIP not root"'
expect "cmocka's groups are several plans" "2 passed, 0 failed" 0 \
	'echo 1..1; echo "ok 1 - a"; echo "# ok - g"; echo 1..1; echo "ok 1 - b"'
expect "no plan" "1 passed, 1 failed" 1 'echo "ok 1 - a"'
expect "no output" "0 passed, 1 failed" 1 'true'
expect "an end before all tests ran" "1 passed, 1 failed" 1 'echo 1..2; echo "ok 1 - a"'
expect "more results than planned" "2 passed, 1 failed" 1 \
	'echo 1..1; echo "ok 1 - a"; echo "ok 2 - b"'
expect "a status other than 0 after passes (a leak that ASan found)" "1 passed, 1 failed" 1 \
	'echo 1..1; echo "ok 1 - a"; exit 23'
expect "a crash" "1 passed, 1 failed" 1 'echo 1..1; echo "ok 1 - a"; kill -SEGV $$'
expect "bail out" "1 passed, 1 failed" 1 \
	'echo 1..1; echo "ok 1 - a"; echo "Bail out! no root"; exit 0'
expect "the time limit" "1 passed, 1 failed" 1 \
	'# timeout: 1
echo 1..1; echo "ok 1 - a"; exec sleep 60'
expect "a limit ends children that ignore SIGTERM's parent" "0 passed, 1 failed" 1 \
	'# timeout: 1
sleep 60 & wait'

# The helpers of shell tests must not be able to pass what failed.
cat >"$dir/t" <<EOF
#!/bin/bash
. "$(dirname "$run")/lib/tap.sh"
check "true holds" true
check "false does not" false
is "equal" a a
is "different" a b
skip "something" "not here"
finish
EOF
chmod +x "$dir/t"
out=$("$run" -l "$dir/logs" "$dir/t" 2>&1)
check "tap.sh counts" "2 passed, 2 failed, 1 skipped" "$(tail -n 1 <<<"$out")"
check "a failing file's output is shown" 1 "$(grep -c '| not ok 4 - different' <<<"$out")"

out=$("$run" -l "$dir/logs" "$dir/missing" 2>&1; echo "status $?")
check "a missing program" "0 passed, 1 failed;status 1" "$(tail -n 2 <<<"$out" | paste -sd ';')"
out=$("$run" 2>&1; echo "status $?")
check "nothing to run is no success" "0 passed, 0 failed;status 1" \
	"$(tail -n 2 <<<"$out" | paste -sd ';')"
printf '#!/bin/bash\necho 1..1; echo "not ok 1 - x"\n' >"$dir/a"
printf '#!/bin/bash\necho 1..1; echo "ok 1 - x"\n' >"$dir/b"
chmod +x "$dir/a" "$dir/b"
out=$("$run" -l "$dir/logs" "$dir/a" "$dir/b" 2>&1)
check "a failure stays, whatever comes after it" "1 passed, 1 failed" "$(tail -n 1 <<<"$out")"

# Two that need each other to be there at one time, and one that must not meet them.
for i in 1 2; do
	printf '#!/bin/bash\n# timeout: 10\necho here >"%s/%s"\nread -r _ <"%s/%s" && echo "ok 1 - met"; echo 1..1\n' \
		"$dir" "p$i" "$dir" "p$((3 - i))" >"$dir/j$i"
	chmod +x "$dir/j$i"
	mkfifo "$dir/p$i"
done
sed -i 's/^echo here >\(.*\)$/echo here >\1 \&/' "$dir/j1" "$dir/j2"
out=$("$run" -l "$dir/logs" "$dir/b" -j 2 "$dir/j1" "$dir/j2" -j 1 "$dir/b" 2>&1)
check "-j 2 runs two at a time" "4 passed, 0 failed" "$(tail -n 1 <<<"$out")"
check "and what stands behind it alone, after them" "$dir/b" \
	"$(grep -E '^  (ok|FAIL)' <<<"$out" | tail -n 1 | awk '{ print $2 }')"
check "each has its own time" 4 "$(grep -cE '^  ok .* [0-9]?[0-9]\.[0-9] s$' <<<"$out")"
# This one fails beside another.
printf '#!/bin/bash\n# alone\necho 1..1; mkdir "%s/only" && sleep 0.3 && rmdir "%s/only" && echo "ok 1 - x"\n' "$dir" "$dir" >"$dir/o1"
cp "$dir/o1" "$dir/o2"
chmod +x "$dir/o1" "$dir/o2"
out=$("$run" -l "$dir/logs" -j 2 "$dir/o1" "$dir/o2" 2>&1)
check "# alone" "2 passed, 0 failed" "$(tail -n 1 <<<"$out")"
out=$("$run" -l "$dir/logs" -j 2 "$dir/a" "$dir/missing" "$dir/b" 2>&1; echo "status $?")
check "failures among several" "1 passed, 2 failed;status 1" "$(tail -n 2 <<<"$out" | paste -sd ';')"

# One that fails the first time only.
printf '#!/bin/bash\n# timed\necho 1..1; mkdir "%s/been" 2>/dev/null && echo "not ok 1 - late" || echo "ok 1 - x"\n' "$dir" >"$dir/f1"
sed '/^# timed/d; s/been/been2/' "$dir/f1" >"$dir/f2"
printf '#!/bin/bash\n# timed\necho 1..1; echo "not ok 1 - x"\n' >"$dir/f3"
chmod +x "$dir"/f[123]
out=$("$run" -l "$dir/logs" "$dir/f1" "$dir/b" 2>&1; echo "status $?")
check "what keeps times is run once more" "2 passed, 0 failed;status 0" "$(tail -n 2 <<<"$out" | paste -sd ';')"
check "its first run is shown, and named" "1 1" \
	"$(grep -c '| not ok 1 - late' <<<"$out") $(sed -n '/^Run twice:/,$p' <<<"$out" | grep -cx "  $dir/f1")"
out=$("$run" -l "$dir/logs" "$dir/f2" "$dir/b" 2>&1; echo "status $?")
check "what keeps none is not" "1 passed, 1 failed;status 1" "$(tail -n 2 <<<"$out" | paste -sd ';')"
out=$("$run" -l "$dir/logs" "$dir/f3" "$dir/b" 2>&1; echo "status $?")
check "what fails twice has failed, once" "1 passed, 1 failed;status 1" "$(tail -n 2 <<<"$out" | paste -sd ';')"

echo "1..$n"
exit $bad
