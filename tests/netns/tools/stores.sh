# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# stores.sh: a workload on a real server that is killed and comes back. Source it after rec.sh.
# shellcheck disable=SC2154 # of rec.sh

# as_user USER: sets as to the words that run a command as that user.
as_user()
{
	# shellcheck disable=SC2034 # for the caller
	as=(setpriv --reuid="$1" --regid="$(id -g "$1")" --clear-groups)
}

# Of a finished set: what failed is nowhere, so it certainly was not done.
fails_are_absent()
{
	jq -s -e '
	map(select(.type == "op" and .op == "add" and .outcome == "fail").value) as $failed |
	map(select(.type == "final")) | (map(.attempt) | max) as $last |
	all(.[] | select(.attempt == $last); [.values[] | range(.[0]; .[1] + 1)] as $there |
		($failed - ($failed - $there)) == [])' "$events"
}

# queue_accounts [KILLED [WINDOW]]: of a queue: what was pushed and acknowledged was popped or is in it; what failed is
# neither; nothing came twice or from nowhere. Of a server that was gone at this run time: what each client did last
# before that may have been to pop what comes again, and all that was popped in the WINDOW (ns) before it. Acknowledgements
# of messages are not confirmed, and have an effect for certain only when a later operation has: RabbitMQ answers other
# questions before it has one in its log.
queue_accounts()
{
	jq -s -e --argjson killed "${1:-0}" --argjson window "${2:-0}" '
	def popped: map(select(.op == "pop" and .value != null).value);
	def unique_all: (unique | length) == length;
	map(select(.type == "op" and .outcome == "ok")) as $ok |
	($ok | map(select(.return_ns < $killed))) as $before |
	(($before | group_by(.client) | map(max_by(.return_ns))) +
		($before | map(select(.return_ns > $killed - $window))) | popped) as $last |
	map(select(.type == "op" and .op == "push")) as $pushes |
	(map(select(.type == "final")) | sort_by(.attempt) | last) as $final |
	([$final.values[] | range(.[0]; .[1] + 1)] + ($ok - $before | popped)) as $after |
	(($before | popped) + $after) as $seen |
	($pushes | map(select(.outcome == "ok").value)) as $acked |
	($pushes | map(select(.outcome == "fail").value)) as $failed |
	(map(select(.type == "op" and .op == "pop" and .outcome == "unknown")) | length) as $doubtful |
	($acked | length) > 0 and ($ok | popped | length) > 0 and $final.ok and
	($before | popped | unique_all) and ($after | unique_all) and
	(($before | popped) - (($before | popped) - $after)) - $last == [] and
	($seen - ($pushes | map(.value))) == [] and
	($failed - ($failed - $seen)) == [] and
	(($acked - $seen) | length) <= $doubtful' "$events"
}

# may_be_killed: true once the server has on disk what its clients count on. For a caller whose server answers before
# that: define it after this file is sourced.
may_be_killed()
{
	true
}

# killed_and_back SYSTEM PORT UP [RECCTL OPTION...]: UP starts the server, with its pid in $server, and returns when
# it answers. The run time when it was killed is in $killed. The checks after it are the caller's.
killed_and_back()
{
	local system=$1 port=$2 up=$3 n

	shift 3
	$up # not by `check`, which is a shell of its own
	is "$system is up" 0 $?
	rec_up -w "$system,$port,127.0.0.1" -c 4 -r 100 -t 500 "$@"
	is "clients of $system start" 0 $?
	check "operations succeed" wait_until 10 more_ok_than 100
	wait_until 20 may_be_killed || fail "$system has on disk what it needs to come back"
	end_server "$server"
	now_ns
	# shellcheck disable=SC2034 # for the caller
	killed=$now
	n=$(failures)
	check "a server that is not there fails them" wait_until 10 more_failures_than $((n + 20))
	n=$(ops_ok)
	$up
	is "$system is back" 0 $?
	check "operations succeed again" wait_until 20 more_ok_than $((n + 100))
	check "final reads agree" rec_say final '^final 0$' 15
	rec_down
	is "orderly end" 0 $?
	check "refused connections are failures, never unknown" no_unknown_refusal
}

failures()
{
	grep -c '"type":"op".*"outcome":"fail"' "$events"
}

more_failures_than()
{
	[ "$(failures)" -gt "$1" ]
}

no_unknown_refusal()
{
	jq -s -e 'map(select(.type == "op" and .outcome == "unknown" and ((.error // "") | test("refused")))) == []' \
		"$events"
}
