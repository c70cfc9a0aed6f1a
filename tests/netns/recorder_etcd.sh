#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 90
# timed
#
# Probes and a workload on a real etcd cluster of three.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
rec_needs etcd etcdctl

cluster=n1=http://127.0.0.1:2380,n2=http://127.0.0.2:2380,n3=http://127.0.0.3:2380
pids=()

# etcd N: on 127.0.0.N; its pid is in ${pids[N]}.
etcd()
{
	server "e$1" etcd --name "n$1" --data-dir "$tmp/e$1" --heartbeat-interval 50 --election-timeout 500 \
		--listen-peer-urls "http://127.0.0.$1:2380" --initial-advertise-peer-urls "http://127.0.0.$1:2380" \
		--listen-client-urls "http://127.0.0.$1:2379" --advertise-client-urls "http://127.0.0.$1:2379" \
		--initial-cluster "$cluster"
	pids[$1]=$server
}

ctl()
{
	inside env ETCDCTL_API=3 etcdctl --endpoints 127.0.0.1:2379,127.0.0.2:2379,127.0.0.3:2379 "$@"
}

# status N FIELD: what etcdctl says of member N: its id in hex, its term, whether it leads.
status()
{
	inside env ETCDCTL_API=3 etcdctl --endpoints "127.0.0.$1:2379" endpoint status | tr -d ' ' | cut -d, -f "$2"
}

probes=(-e 50)
for n in 1 2 3; do probes+=(-p "etcd,n$n,127.0.0.$n,0"); done

# ---- before there is a server ----

rec_up "${probes[@]}"
is "probes start" 0 $?
check "what is not there yet is an error" wait_until 5 role_is n1 error
like "that says why" 'refused' "$(role n1 error)"
for n in 1 2 3; do etcd $n; done
check "the cluster is up" wait_until 20 ctl endpoint health

# claims: the nodes whose latest sample is a claim.
claims()
{
	local n

	for n in 1 2 3; do role_is n$n true claim && echo n$n; done
}

one_claim()
{
	[ "$(claims | wc -l)" -eq 1 ]
}

check "one member leads" wait_until 10 one_claim
leader=$(claims)
leader=${leader#n}
follower=$((leader % 3 + 1))
is "it is the one that etcdctl names" true "$(status "$leader" 5)"
check "the others follow" wait_until 5 role_is n$follower follower
is "and name it" "$(status "$leader" 2)" "$(role n$follower leader)"
is "its epoch is the term" "$(status "$leader" 7)" "$(role n"$leader" epoch)"
term=$(role n"$leader" epoch)

# ---- the leader dies ----

end_server "${pids[$leader]}"
check "a dead leader is an error" wait_until 5 role_is n"$leader" error
is "and claims nothing" "false null" "$(role n"$leader" claim) $(role n"$leader" epoch)"
check "another member leads" wait_until 10 one_claim
next=$(claims)
check "in a higher term" test "$(role "$next" epoch)" -gt "$term"
etcd "$leader"
check "the old one comes back as a follower" wait_until 20 role_is n"$leader" follower
check "in that term" test "$(role n"$leader" epoch)" -ge "$(role "$next" epoch)"
rec_down
is "orderly end" 0 $?
is "no two members lead in one term" true "$(rec '[.[] | select(.type == "role" and .claim)] | group_by(.epoch) |
	all(map(.node) | unique | length == 1)')"
check "every event has what the schema says" jq -s -e 'all(.[];
	(.type == "role" and .t_ns == .recv_ns and .send_ns <= .recv_ns and (.claim | type) == "boolean" and
		(.role == "error") == (.error | type == "string") and (.claim == (.role == "leader"))) or
	(.type == "role_change" and .from != .to) or .type == "probe_gap")' "$events"

# ---- a workload ----

rec_up -w etcd,2379,127.0.0.1,127.0.0.2,127.0.0.3 -c 6 -r 200 -R 0.1
is "clients start" 0 $?
sleep 5 # the load's own duration
check "final reads agree" rec_say final '^final 0$' 20
rec_down
is "orderly end" 0 $?
check "attempted = ok + fail + unknown; what was acknowledged is there" accounts
# In between; when it is told to stop, its clients do so one after the other.
# shellcheck disable=SC2016
is "200 a second were offered" 5000000 "$(rec '[.[] | select(.type == "op").intended_ns] | sort |
	[range(1; length) as $i | .[$i] - .[$i - 1]] | sort | .[length / 2 | floor]')"
is "all succeed" ok "$(rec '[.[] | select(.type == "op").outcome] | unique | join(" ")')"
is "every read finds what was acknowledged: they are linearizable" true \
	"$(rec '[.[] | select(.type == "op" and .op == "read").found] | length > 20 and all')"

# More keys than a page holds, and what an earlier run left is not this one's.
n=$(rec '[.[] | select(.type == "op").value] | max')
rec_up -w etcd,2379,127.0.0.1 -c 8 -r 700 -R 0
is "clients start" 0 $?
check "a thousand more values and some" wait_until 20 more_ok_than 1100
check "final reads agree" rec_say final '^final 0$' 20
rec_down
is "orderly end" 0 $?
check "the accounts are right over several pages" accounts
is "the first value is above those of an earlier run" $((n + 1)) "$(rec '[.[] | select(.type == "op").value] | min')"

# ---- one member hangs for two seconds, and a minority cannot acknowledge ----

leader=$(for n in 1 2 3; do [ "$(status $n 5)" = true ] && echo $n; done)
follower=$((leader % 3 + 1)) third=$((6 - leader - (leader % 3 + 1)))
rec_up -w "etcd,2379,127.0.0.$leader" -c 4 -r 100 -t 400
is "clients start" 0 $?
check "operations succeed" wait_until 5 more_ok_than 30
kill -STOP "${pids[$follower]}" "${pids[$third]}"
unknown()
{
	[ "$(grep -c '"outcome":"unknown"' "$events")" -ge "$1" ]
}
check "without a majority, what was sent is unknown" wait_until 5 unknown 4
kill -CONT "${pids[$follower]}" "${pids[$third]}"
n=$(ops_ok)
check "they succeed again with one" wait_until 10 more_ok_than $((n + 30))
check "final reads agree" rec_say final '^final 0$' 20
rec_down
is "orderly end" 0 $?
check "the accounts are right" accounts
finish
