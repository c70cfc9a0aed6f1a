#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 1800
#
# test_kills.sh: KILLS times (25), a run or an injected fault is ended by SIGKILL, SIGTERM or SIGINT at a random
# instant, from before it has attached anything to while it cleans up. Nothing may be left and traffic must pass.
# SEED=N repeats the same signals and instants.
. "$(dirname "$0")/lib.sh"
private_host "$@"
need_chaos
: "${KILLS:=25}"
diag "SEED=$SEED KILLS=$KILLS"

make_pair
light_experiment >"$work/light.yaml"
snapshot a b >"$work/before"

passes()
{
	answers a 192.0.2.2 && answers b 2001:db8::1
}

# Without this the kills would prove nothing: there is a fault to be lifted.
start "$CHAOS" inject partition --isolate netns:a
check "a fault cuts" wait_until 10 silent a 192.0.2.2
kill -INT "$pid"
ends "Ctrl-C ends it" 10
check "traffic passes again" passes
as_before "nothing is left" "$work/before" a b

# And what is left by the one mechanism that leaves something ends by itself long before it was to, is seen, and cleared.
start "$CHAOS" inject partition --isolate netns:a --attach clsact --for 60s
check "a fault by clsact cuts" wait_until 10 silent a 192.0.2.2
kill -KILL "$pid"
ends "SIGKILL ends it" 10
check "its lease runs out" wait_until 6 passes
same_as "$work/before" a b
like "its filters are left behind" '\+a: filter eth0' "$(cat "$work/difference")"
check "chaos clear" "$CHAOS" clear
check "then traffic passes" passes
as_before "then nothing is left" "$work/before" a b

signals=(KILL TERM INT)
modes=(tcx clsact auto)

# start_something KIND: sets what, mode, and span, the milliseconds within which to end it.
start_something()
{
	local limit=()

	mode=auto
	if [ "$1" = lab ]; then
		what="a run with a lab"
		span=6000
		rm -rf "$work/run"
		start "$CHAOS" run --out "$work/run" "$work/light.yaml"
		return
	fi
	random 3
	mode=${modes[$random_is]}
	random 2
	[ "$random_is" -eq 0 ] || limit=(--for 60s)
	what="a fault (${mode}${limit[*]:+ ${limit[*]}})"
	span=1200
	random 2
	if [ "$random_is" -eq 0 ]; then
		start "$CHAOS" inject partition --isolate netns:a --attach "$mode" "${limit[@]}"
	else
		start "$CHAOS" inject loss 100% --from netns:a --to netns:b --direction both --attach "$mode" \
			"${limit[@]}"
	fi
}

while_faulted=0

kill_once()
{
	local n=$1 signal at name

	random 3
	signal=${signals[$random_is]}
	start_something "$([ $((n % 3)) -eq 0 ] && echo lab || echo inject)"
	random "$span"
	at=$random_is
	pause "$at"
	name="$n: SIG$signal of $what after $at ms"
	[ ! -d /run/chaos ] || while_faulted=$((while_faulted + 1))
	kill "-$signal" "$pid" 2>/dev/null
	if ! ended 20; then
		kill -KILL "$pid"
		wait "$pid"
		"$CHAOS" clear >/dev/null 2>&1
		fail "$name" "not ended within 20 s: $(tail -n 3 "$work/out")"
		return
	fi
	if [ "$signal" = KILL ]; then
		# tcx links end with their process. What clsact leaves is leased: it ends within 5 s.
		if ! wait_until 6 passes; then
			fail "$name" "traffic does not pass 6 s later"
			return
		fi
		if ! "$CHAOS" clear >"$work/clear" 2>&1; then
			fail "$name" "chaos clear: $(cat "$work/clear")"
			return
		fi
	else
		case $status in
		0 | 1 | 130 | 143) ;;
		*)
			fail "$name" "exit status $status: $(tail -n 3 "$work/out")"
			return
			;;
		esac
	fi
	if ! passes >/dev/null; then
		fail "$name" "traffic does not pass"
		return
	fi
	as_before "$name" "$work/before" a b
}

for ((n = 1; n <= KILLS; n++)); do
	kill_once "$n"
done
diag "$while_faulted of $KILLS came while the run was registered"

finish
