#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# timed
#
# A workload on librdkafka's mock of a Kafka cluster, which refuses, is late and goes away as it is told. It keeps
# nothing when it is killed, so that acknowledged writes survive is not tested here. It makes no topics either: that is
# tested on a server that answers as Kafka's documentation says.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
. "$(dirname "$0")/tools/stores.sh"
mock=$O/tests/netns/kafkamock
[ -x "$mock" ] || skip_all "$mock is not built: librdkafka-dev is not installed"
rec_needs python3

mock_said()
{
	grep -qE -- "$1" "$tmp/mock.log"
}

# tell COMMAND: obeyed when this returns.
tell()
{
	local n

	n=$(wc -l <"$tmp/mock.log")
	echo "$1" >"$tmp/mock"
	wait_until 5 mock_has_lines $((n + 1))
}

mock_has_lines()
{
	[ "$(wc -l <"$tmp/mock.log")" -ge "$1" ]
}

# with WORDS: the outcomes of the operations with that error, each once.
outcomes_of()
{
	jq -s -r --arg words "$1" '[.[] | select(.type == "op" and ((.error // "") | test($words))).outcome] |
		unique | join(" ")' "$events"
}

count_of()
{
	grep -c "\"type\":\"op\".*$1" "$events"
}

has_more_than()
{
	[ "$(count_of "$1")" -gt "$2" ]
}

threads_are_inside()
{
	local ns task n=0

	ns=$(inside readlink /proc/self/ns/net)
	for task in /proc/"$rec_pid"/task/*; do
		grep -q '^rdk:' "$task/comm" || continue
		n=$((n + 1))
		[ "$(readlink "$task/ns/net")" = "$ns" ] || return 1
	done
	[ "$n" -gt 8 ] && [ "$(readlink "/proc/$rec_pid/ns/net")" != "$ns" ]
}

mkfifo "$tmp/mock" || exit 1
server mock "$mock" "$tmp/mock" 3 chaos-set
check "a mock cluster of three is up" wait_until 10 mock_said '^up '
port=$(sed -n 's/^up //p' "$tmp/mock.log")

rec_up -w "kafka,$port,127.0.0.1" -c 4 -r 100 -t 500
is "clients of kafka start" 0 $?
check "operations succeed" wait_until 10 more_ok_than 100
check "librdkafka's threads are in the client's namespace" threads_are_inside

# ---- what the leader answers ----
tell "errors 19 10"
check "refused before it is appended: failed" wait_until 10 has_more_than 'Not enough in-sync replicas' 9
tell "errors 10 5"
check "too large: failed" wait_until 10 has_more_than 'Message size too large' 4
tell "errors 20 10"
check "not enough replicas, but appended" wait_until 10 has_more_than 'written to insufficient number' 9
tell "errors 7 10"
check "the leader's time for the others is over" wait_until 10 has_more_than 'Broker: Request timed out' 9
tell "errors -1 10"
check "an error that says nothing" wait_until 10 has_more_than 'Unknown broker error' 9

# ---- another leader ----
now_ns
moved=$now
n=$(ops_ok)
tell "leader 2"
check "the next leader is found" wait_until 10 more_ok_than $((n + 100))
n=$(count_of '"outcome":"unknown"')
tell "errors 6 10000"
check "that the leader is none says nothing: it may have appended" \
	wait_until 10 has_more_than '"outcome":"unknown"' $((n + 8))
tell clear
n=$(ops_ok)
check "operations succeed again" wait_until 10 more_ok_than $((n + 50))
now_ns
settled=$now

# ---- late answers, and none ----
n=$(count_of '"outcome":"unknown"')
tell "rtt 1500"
check "an answer that is late is unknown" wait_until 10 has_more_than '"outcome":"unknown"' $((n + 8))
tell "rtt 0"
n=$(ops_ok)
check "operations succeed again" wait_until 20 more_ok_than $((n + 50))
tell down
now_ns
down=$now
n=$(count_of 'refused')
check "brokers that are not there fail them" wait_until 10 has_more_than 'refused' $((n + 8))
now_ns
before_back=$now
tell back
n=$(ops_ok)
check "operations succeed again" wait_until 20 more_ok_than $((n + 100))
check "final reads agree" rec_say final '^final 0$' 15
rec_down
is "orderly end, and nothing on stderr" 0 $?

is "not enough replicas" fail "$(outcomes_of 'Not enough in-sync replicas')"
is "too large" fail "$(outcomes_of 'Message size too large')"
is "not enough after it has appended" unknown "$(outcomes_of 'written to insufficient number')"
is "the broker's time limit" unknown "$(outcomes_of 'Broker: Request timed out')"
is "an unknown error" unknown "$(outcomes_of 'Unknown broker error')"
is "what was sent while leaders moved never failed" 0 \
	"$(rec "[.[] | select(.type == \"op\" and .outcome == \"fail\" and .invoke_ns != null and
		(.error | test(\"^not sent\") | not) and .invoke_ns > $moved and .invoke_ns < $settled)] | length")"
is "nothing that began while no broker was there is ok" 0 \
	"$(rec "[.[] | select(.type == \"op\" and .outcome == \"ok\" and .invoke_ns > $down and
		.return_ns < $before_back)] | length")"
is "each is over in its time" 0 \
	"$(rec '[.[] | select(.type == "op" and .invoke_ns != null and .return_ns - .invoke_ns > 560000000)] | length')"
check "refused connections are failures, never unknown" no_unknown_refusal
check "attempted = ok + fail + unknown; what was acknowledged is there" accounts
check "what failed is not" fails_are_absent

# ---- another run ----
rec_up -w "kafka,$port,127.0.0.1" -c 1 -r 50 -t 1000
is "another run starts" 0 $?
check "operations succeed" wait_until 10 more_ok_than 20
check "final reads agree" rec_say final '^final 0$' 15
rec_down
is "orderly end" 0 $?
check "it begins above the values that are there" accounts

# ---- a topic that is not there, which the mock cannot make ----
# made NAME BROKERS ERROR CREATE: one more server, whose first answer to the making is ERROR; CREATE is what it is asked.
made()
{
	local log=$tmp/like$2-$3.log port=$((9090 + $2 + $3))

	server "like$2-$3" python3 "${0%/*}/tools/kafkalike.py" "$port" "$2" "$3"
	wait_until 10 grep -q '^up' "$log"
	rec_up -w "kafka,$port,127.0.0.1" -c 3 -r 100 -t 500 -f 100
	is "$1: clients start" 0 $?
	check "$1: operations succeed" wait_until 10 more_ok_than 20
	rec_down
	is "$1: orderly end" 0 $?
	is "$1: what was asked for" "$4 produce chaos-set acks -1" "$(grep -v '^up' "$log" | tr '\n' ' ' | sed 's/ $//')"
}

made "one broker" 1 0 "create chaos-set partitions 1 replicas 1"
made "five brokers" 5 0 "create chaos-set partitions 1 replicas 3 min.insync.replicas=2"
made "made by somebody else" 2 36 "create chaos-set partitions 1 replicas 2"
is "nothing failed" 0 "$(rec '[.[] | select(.type == "op" and .outcome == "fail")] | length')"
made "refused once" 3 44 "create chaos-set partitions 1 replicas 3 min.insync.replicas=2"
is "which failed what asked for it" fail "$(outcomes_of 'Policy violation')"

server forgetful python3 "${0%/*}/tools/kafkalike.py" 9089 1
wait_until 10 grep -q '^up' "$tmp/forgetful.log"
rec_up -w "kafka,9089,127.0.0.1" -c 3 -r 100 -t 500 -f 100
check "operations succeed" wait_until 10 more_ok_than 20
end_server "$server"
n=$(ops_ok)
server forgetful python3 "${0%/*}/tools/kafkalike.py" 9089 1
check "a topic that is gone is made again" wait_until 20 more_ok_than $((n + 50))
rec_down
is "orderly end" 0 $?
is "twice in all" 2 "$(grep -c '^create' "$tmp/forgetful.log")"
finish
