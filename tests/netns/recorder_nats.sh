#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# timed
#
# Workloads on a real JetStream: one server that is killed and comes back, then three, of which the stream's leader is.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
. "$(dirname "$0")/tools/stores.sh"
rec_needs nats-server curl

# jsz SERVER FILTER: of what a server says of its JetStream.
jsz()
{
	inside curl -s "http://127.0.0.$1:8222/jsz?streams=1" | jq -r "$2"
}
healthy()
{
	local n

	for n; do
		[ "$(inside curl -s "http://127.0.0.$n:8222/healthz" | jq -r .status)" = ok ] || return 1
	done
}
# runs CHECK [RECCTL OPTION...]: a workload that nothing disturbs.
runs()
{
	local check=$1

	shift
	rec_up -w "nats,4222,127.0.0.1" -k "$check" -c 4 -r 200 "$@"
	is "clients of a $check start" 0 $?
	check "operations succeed" wait_until 10 more_ok_than 200
	check "final reads agree" rec_say final '^final 0$' 15
	rec_down
	is "orderly end" 0 $?
	is "nothing failed that was not refused" "" "$(rec '.[] | select(.type == "op" and .outcome != "ok" and .invoke_ns != null
		and .error != "the value was another one") | "\(.op) \(.outcome): \(.error)"')"
}

# The server confirms an acknowledgement, and has on disk later that the message is gone: a stream whose only server was
# killed has such messages again (2.9.10: nearly all of a second), though its consumer gave only the last ones once more.
# How long it may take is not known: all that was popped is let pass. Of three servers the others know.
alone_ns=120000000000
among_three_ns=500000000

# ---- one server ----

up()
{
	server nats nats-server -a 127.0.0.1 -p 4222 -m 8222 -js -sd "$tmp/js"
	wait_until 30 healthy 1
}
killed_and_back nats 4222 up -R 0.1
check "attempted = ok + fail + unknown; what was acknowledged is there" accounts
check "what failed is not" fails_are_absent
is "a stream of one replica" 1 "$(jsz 1 '.account_details[0].stream_detail[0].cluster.replicas // [] | length + 1')"
end_server "$server"
killed_and_back nats 4222 up -k queue
check "the accounts of a queue are right" queue_accounts "$killed" "$alone_ns"
runs register -R 0.5
runs cas -R 0.5
runs counter -R 0.3
runs queue
end_server "$server"

# ---- three, the stream's leader is killed ----

pids=()
node()
{
	server "nats$1" nats-server -n "s$1" -a "127.0.0.$1" -p 4222 -m 8222 --cluster_name c \
		--cluster "nats://127.0.0.$1:6222" -js -sd "$tmp/js$1" \
		--routes nats://127.0.0.1:6222,nats://127.0.0.2:6222,nats://127.0.0.3:6222
	pids[$1]=$server
}
# leader_of_stream SERVER: of the latest one, as this server knows it.
leader_of_stream()
{
	jsz "$1" '.account_details[0].stream_detail | max_by(.created) | .cluster.leader // "" | ltrimstr("s")'
}
another_leads()
{
	local l

	l=$(leader_of_stream "$2")
	[ -n "$l" ] && [ "$l" != "$1" ]
}
has_meta_leader()
{
	[ -n "$(jsz 1 '.meta_cluster.leader // ""')" ]
}
# leader_killed RECCTL OPTION...: while clients of all three work.
leader_killed()
{
	local leader other n

	rec_up -w nats,4222,127.0.0.1,127.0.0.2,127.0.0.3 -c 6 -r 150 -t 500 "$@"
	is "clients of three start" 0 $?
	check "operations succeed" wait_until 20 more_ok_than 150
	leader=$(leader_of_stream 1)
	other=$((leader % 3 + 1))
	is "the stream has three replicas" 2 "$(jsz "$leader" '.account_details[0].stream_detail | max_by(.created) | .cluster.replicas | length')"
	end_server "${pids[leader]}"
	now_ns
	killed=$now
	check "another leads it" wait_until 20 another_leads "$leader" "$other"
	n=$(ops_ok)
	check "operations succeed" wait_until 20 more_ok_than $((n + 200))
	node "$leader"
	check "the killed one is back" wait_until 30 healthy 1 2 3
	n=$(ops_ok)
	check "operations succeed at all three" wait_until 20 more_ok_than $((n + 200))
	check "final reads agree" rec_say final '^final 0$' 30
	rec_down
	is "orderly end" 0 $?
	check "refused connections are failures, never unknown" no_unknown_refusal
}
for n in 1 2 3; do node $n; done
check "a cluster of three" wait_until 30 healthy 1 2 3
check "with a leader" wait_until 20 has_meta_leader
leader_killed -R 0.1
check "what was acknowledged is there" accounts
check "what failed is not" fails_are_absent
leader_killed -k queue
check "the accounts of a queue are right" queue_accounts "$killed" "$among_three_ns"
leader_killed -k cas -R 0.5
finish
