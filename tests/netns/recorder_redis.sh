#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 90
# alone
# timed
#
# Probes and a workload on real Redis servers and a real Sentinel.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
rec_needs redis-server redis-sentinel redis-cli

# redis N [OPTION...]: on 127.0.0.N; its pid is in $server.
redis()
{
	local n=$1

	shift
	mkdir -p "$tmp/r$n"
	server "r$n" redis-server --bind "127.0.0.$n" --port 6379 --dir "$tmp/r$n" --save '' \
		--repl-diskless-sync-delay 0 --protected-mode no "$@"
}

cli()
{
	local n=$1

	shift
	inside redis-cli -h "127.0.0.$n" "$@"
}

replica_up()
{
	cli "$1" info replication | grep -q master_link_status:up
}

redis 1
one=$server
redis 2 --replicaof 127.0.0.1 6379
check "servers are up" wait_until 10 replica_up 2
cat >"$tmp/sentinel.conf" <<END
bind 127.0.0.3
port 26379
protected-mode no
dir $tmp
sentinel monitor mymaster 127.0.0.1 6379 1
sentinel down-after-milliseconds mymaster 60000
END
server sentinel redis-sentinel "$tmp/sentinel.conf"
sentinel=$server
check "a Sentinel is up" wait_until 10 cli 3 -p 26379 sentinel ckquorum mymaster

# ---- roles ----

every=50
rec_up -e $every -p redis,n1,127.0.0.1,0 -p redis,n2,127.0.0.2,0 -p sentinel,n3,127.0.0.3,0,mymaster \
	-p sentinel,n4,127.0.0.3,0,nosuch
is "probes start" 0 $?
check "the master leads" wait_until 5 role_is n1 leader
check "and says so" role_is n1 true claim
check "it has no epoch" role_is n1 null epoch
check "its replication id is kept" role_is n1 "$(cli 1 info replication |
	sed -n 's/^master_replid:\([0-9a-f]*\).*/\1/p')" detail
check "the replica follows" wait_until 5 role_is n2 follower
check "and names its master" role_is n2 127.0.0.1:6379 leader
check "the Sentinel names the master" wait_until 5 role_is n3 127.0.0.1:6379 leader
is "with its configuration epoch, and no claim of its own" "none false 0" \
	"$(role n3) $(role n3 claim) $(role n3 epoch)"
check "a name that it does not know is an error" wait_until 5 role_is n4 error
like "in its words" 'No such master' "$(role n4 error)"

# It would undo what is done to its servers now, after some seconds.
end_server "$sentinel"
cli 2 replicaof no one >/dev/null
check "promotion is seen" wait_until 5 role_is n2 leader
now_ns
before=$now
cli 1 replicaof 127.0.0.2 6379 >/dev/null
now_ns
after=$now
check "demotion is seen" wait_until 5 role_is n1 follower
at=$(rec '[.[] | select(.type == "role_change" and .node == "n1" and .from == "leader" and .to == "follower").t_ns][0]')
check "within two intervals ($(((at - after) / 1000000)) ms after it was done)" \
	test "$at" -gt "$before" -a "$at" -le $((after + 2 * every * 1000000))
is "it closed the connection: that is no error" 0 \
	"$(rec '[.[] | select(.type == "role" and .node == "n1" and .role == "error")] | length')"

# ---- a server that dies, hangs, comes back ----

end_server "$one"
check "a dead server is an error" wait_until 5 role_is n1 error
# A request that was just under way finds its connection closed, a later one is refused.
like "that says why" 'refused|Broken pipe|reset by peer' "$(role n1 error)"
is "and claims nothing" "false null null" "$(role n1 claim) $(role n1 epoch) $(role n1 leader)"
n=$(samples n1)
more_samples()
{
	[ "$(samples n1)" -ge $((n + 5)) ]
}
check "it is asked all the same" wait_until 5 more_samples
redis 1
one=$server
check "back, it leads again" wait_until 10 role_is n1 leader
kill -STOP "$one"
check "a server that hangs is an error" wait_until 5 role_is n1 error
like "of time" 'time limit' "$(role n1 error)"
kill -CONT "$one"
check "and it recovers" wait_until 5 role_is n1 leader
is "no errors of the other" 0 "$(rec '[.[] | select(.type == "role" and .node == "n2" and .role == "error")] | length')"
rec_down
is "orderly end" 0 $?
check "every event has what the schema says" jq -s -e 'all(.[];
	(.type == "role" and .t_ns == .recv_ns and .send_ns <= .recv_ns and (.claim | type) == "boolean" and
		(.role == "error") == (.error | type == "string") and (.claim == (.role == "leader"))) or
	(.type == "role_change" and .from != .to) or .type == "probe_gap")' "$events"
is "changes of n1, in order" \
	"leader follower, follower error, error leader, leader error, error leader" \
	"$(rec '[.[] | select(.type == "role_change" and .node == "n1") | .from + " " + .to] | join(", ")')"

# ---- a workload: one client at a master, one at its replica ----

cli 1 replicaof no one >/dev/null
cli 2 replicaof 127.0.0.1 6379 >/dev/null
check "a replica again" wait_until 10 replica_up 2
# What an earlier run left must not count as this one's.
cli 1 sadd chaos:set 0 1 2 41 >/dev/null
check "it has the old values" wait_until 5 sh -c "ip netns exec $netns redis-cli -h 127.0.0.2 scard chaos:set | grep -qx 4"
rec_up -w redis,6379,127.0.0.1,127.0.0.2 -c 2 -r 200 -R 0.1
is "clients start" 0 $?
sleep 5 # the load's own duration
check "final reads agree" rec_say final '^final 0$'
rec_down
is "orderly end" 0 $?
check "attempted = ok + fail + unknown; what was acknowledged is there" accounts
n=$(rec '[.[] | select(.type == "op")] | length')
# It offers until it is told to stop, which a busy machine does late: by the times of the operations themselves.
per_s=$(rec '[.[] | select(.type == "op") | .intended_ns] | (length - 1) * 1e9 / (max - min) | round')
check "200 a second were offered ($n, $per_s/s)" test "$n" -ge 980 -a "$per_s" -ge 198 -a "$per_s" -le 202
is "the master took all of its own, the replica refused" "ok/n1 fail/n2" \
	"$(rec '[.[] | select(.type == "op" and .op == "add") | .outcome + "/" + .node] | unique | reverse | join(" ")')"
like "in its words" '^READONLY' "$(rec '[.[] | select(.type == "op" and .outcome == "fail").error][0]')"
is "the first value is above those of an earlier run" 42 "$(rec '[.[] | select(.type == "op").value] | min')"
is "reads find what was acknowledged at the master" true \
	"$(rec '[.[] | select(.type == "op" and .op == "read" and .node == "n1").found] | all')"

# ---- it hangs for two seconds ----

rec_up -w redis,6379,127.0.0.1 -c 4 -r 200 -t 300 -e 20 -p redis,n1,127.0.0.1,0
is "clients start" 0 $?
check "operations succeed" wait_until 5 more_ok_than 50
kill -STOP "$one"
sleep 2 # how long it hangs
kill -CONT "$one"
n=$(ops_ok)
check "and again when it goes on" wait_until 5 more_ok_than $((n + 50))
check "final reads agree" rec_say final '^final 0$'
rec_down
is "orderly end" 0 $?
check "the accounts are right" accounts
n=$(rec '[.[] | select(.type == "op" and .outcome == "unknown")] | length')
check "what was in flight is unknown ($n)" test "$n" -ge 8
is "for want of an answer" "no answer within the time limit" \
	"$(rec '[.[] | select(.type == "op" and .outcome == "unknown").error] | unique | join(", ")')"
n=$(rec '[.[] | select(.type == "op" and .invoke_ns == null)] | length')
check "what could not be sent in time is recorded ($n)" test "$n" -ge 100
# Up to the first client that was told to stop.
# shellcheck disable=SC2016 # $stop is jq's
is "the rate did not change: each operation is there, once" true \
	"$(rec '[.[] | select(.type == "op")] | (group_by(.client) | map(map(.intended_ns) | max) | min) as $stop |
		map(.intended_ns | select(. <= $stop)) | sort | [.[1:], .[:-1]] | transpose |
		map(.[0] - .[1]) | max < 20000000')"
finish
