# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# rec.sh: for recorder_*.sh: servers in a namespace of the test's own, recctl beside them, and what it recorded.
# Source it after tap.sh.

: "${RECCTL:=$O/tests/netns/recctl}"
netns=rec-$$
rec_pid=
servers=()
tmp=$(mktemp -d "${TMPDIR:-/tmp}/rec-test-XXXXXX") || exit 1
run=$tmp/run
events=$run/events.jsonl

rec_cleanup()
{
	# SIGKILL ends what is stopped, too.
	[ -z "$rec_pid" ] || kill -KILL "$rec_pid" 2>/dev/null
	[ ${#servers[@]} -eq 0 ] || kill -KILL "${servers[@]}" 2>/dev/null
	wait 2>/dev/null
	# What a server left running beside it, as Erlang does its port mapper.
	ip netns pids "$netns" 2>/dev/null | xargs -r kill -KILL 2>/dev/null
	ip netns del "$netns" 2>/dev/null
	rm -rf "$tmp"
}
trap rec_cleanup EXIT
trap 'exit 1' HUP INT TERM

rec_needs()
{
	local program

	need_root
	[ -x "$RECCTL" ] || skip_all "$RECCTL is not built"
	for program in ip jq "$@"; do
		command -v "$program" >/dev/null || skip_all "$program is not installed"
	done
	ip netns add "$netns" && inside ip link set lo up || exit 1
}

inside()
{
	ip netns exec "$netns" "$@"
}

# server NAME COMMAND...: in the background, inside; its pid is in $server.
server()
{
	local name=$1

	shift
	ip netns exec "$netns" "$@" >>"$tmp/$name.log" 2>&1 &
	server=$!
	servers+=("$server")
}

# end_server PID: gone when this returns.
end_server()
{
	kill -KILL "$1"
	wait "$1" 2>/dev/null
}

# rec_up ARGS...: recctl in a new run folder; not inside of $(...) or `check`.
rec_up()
{
	rm -rf "$run" "$tmp/in"
	mkdir "$run" && mkfifo "$tmp/in" || exit 1
	: >"$tmp/out"
	exec 7<>"$tmp/in"
	"$RECCTL" -d "$run" -n "/run/netns/$netns" "$@" <"$tmp/in" >"$tmp/out" 2>"$tmp/err" 7>&- &
	rec_pid=$!
	wait_until 10 said '^(up|error)' || diag "$(cat "$tmp/out" "$tmp/err")"
	said '^up'
}

said()
{
	grep -qE -- "$1" "$tmp/out"
}

# rec_say COMMAND ANSWER [SECONDS]
rec_say()
{
	echo "$1" >&7
	wait_until "${3:-10}" said "$2"
}

# now_ns: run time, in $now.
now_ns()
{
	local n

	n=$(grep -c '^now ' "$tmp/out")
	echo now >&7
	wait_until 10 answers_now $((n + 1))
	# shellcheck disable=SC2034 # for the caller
	now=$(sed -n 's/^now //p' "$tmp/out" | tail -n 1)
}

answers_now()
{
	[ "$(grep -c '^now ' "$tmp/out")" -eq "$1" ]
}

# rec_down: its exit status; 1 if it said anything to stderr.
rec_down()
{
	local status

	echo quit >&7
	exec 7>&-
	wait "$rec_pid"
	status=$?
	rec_pid=
	[ -s "$tmp/err" ] || return "$status"
	diag "$(head -n 40 "$tmp/err")"
	return 1
}

# rec FILTER: over the array of all events.
rec()
{
	jq -s -r "$1" "$events"
}

# role NODE [FIELD]: of the latest sample.
role()
{
	grep '"type":"role"' "$events" | grep "\"node\":\"$1\"" | tail -n 1 | jq -r ".${2:-role}"
}

# role_is NODE VALUE [FIELD]
role_is()
{
	[ "$(role "$1" "${3:-role}")" = "$2" ]
}

# claims NODE...: those that claim.
claims()
{
	local n

	for n; do role_is "$n" true claim && echo "$n"; done
}

one_claim()
{
	[ "$(claims "$@" | wc -l)" -eq 1 ]
}

# another_claims OLD NODE...: one of the nodes claims, and it is not OLD.
another_claims()
{
	local old=$1

	shift
	one_claim "$@" && ! role_is "$old" true claim
}

# samples NODE: how many.
samples()
{
	grep -c "\"type\":\"role\".*\"node\":\"$1\"" "$events"
}

# An operation like the one before it may still be in flight: wait for one more that is ok.
ops_ok()
{
	grep -c '"type":"op".*"outcome":"ok"' "$events"
}

more_ok_than()
{
	[ "$(ops_ok)" -gt "$1" ]
}

# accounts: the sums of a finished workload are right, every acknowledged value is at every place at the end,
# none is there that was not tried, none was tried twice.
accounts()
{
	jq -s -e '
	map(select(.type == "op" and .op == "add")) as $adds |
	map(select(.type == "final")) as $finals |
	($finals | map(.attempt) | max) as $last |
	($adds | map(.outcome) | group_by(.) | map({key: .[0], value: length}) | from_entries) as $by |
	($adds | map(.value)) as $tried |
	($adds | map(select(.outcome == "ok").value)) as $acked |
	($finals | map(select(.attempt == $last))) as $read |
	($adds | length) > 0 and
	($adds | length) == (($by.ok // 0) + ($by.fail // 0) + ($by.unknown // 0)) and
	($tried | unique | length) == ($tried | length) and
	($read | length) > 0 and
	all($read[]; .ok and
		([.values[] | range(.[0]; .[1] + 1)] as $there |
		($acked - $there) == [] and ($there - $tried) == [])) and
	all(.[] | select(.type == "op"); .t_ns == .return_ns and .intended_ns <= .return_ns and
		(if .invoke_ns == null then .outcome == "fail" else
			.invoke_ns >= .intended_ns and .invoke_ns <= .return_ns end))
	' "$events"
}
