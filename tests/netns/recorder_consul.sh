#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 150
# timed
#
# Workloads on Consul: a server that answers as its documentation says (tests/tools/documented_consul.py) is killed and
# comes back, has no leader, loses its leadership or the connection in the middle of a write, and forgets.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
. "$(dirname "$0")/tools/stores.sh"
rec_needs python3

documented=$tap_root/tests/tools/documented_consul.py
# state JSON: replaced as a whole, it is read at any time.
state()
{
	echo "$1" >"$tmp/new.json" && mv "$tmp/new.json" "$tmp/state.json"
}
up()
{
	server consul python3 "$documented" "$tmp/consul.data" "$tmp/state.json" 127.0.0.1
	wait_until 10 answers
}
answers()
{
	inside bash -c 'exec 2>/dev/null 3<>/dev/tcp/127.0.0.1/8500'
}
# some OUTCOME ERROR N: operations with this outcome and an error that matches, so many.
some()
{
	[ "$(grep "\"outcome\":\"$1\"" "$events" | grep -cE "\"error\":\"[^\"]*($2)")" -ge "$3" ]
}
none()
{
	! some "$@" 1
}

# ---- it is killed ----

state '{}'
killed_and_back consul 8500 up -R 0.1
check "attempted = ok + fail + unknown; what was acknowledged is there" accounts
check "what failed is not" fails_are_absent

# ---- what it cannot do, and what nobody knows ----

rec_up -w consul,8500,127.0.0.1 -c 4 -r 100 -R 0.1 -t 500
is "clients start" 0 $?
check "operations succeed" wait_until 10 more_ok_than 50
state '{"leader": false}'
check "without a leader nothing was done" wait_until 5 some fail 'No cluster leader' 20
check "and that is certain" none unknown 'No cluster leader'
state '{"error": "rpc error making call: leadership lost while committing log"}'
check "a leader that is deposed in the middle leaves it open" wait_until 5 some unknown 'leadership lost' 20
state '{"silent": true}'
check "so does an answer that does not come" wait_until 5 some unknown 'closed the connection' 20
state '{}'
n=$(ops_ok)
check "operations succeed again" wait_until 10 more_ok_than $((n + 100))
check "final reads agree" rec_say final '^final 0$' 15
rec_down
is "orderly end" 0 $?
check "the accounts are right" accounts
check "what failed is not there" fails_are_absent
# shellcheck disable=SC2016
check "what is unknown may be: these are" jq -s -e '
	map(select(.type == "op" and .op == "add" and .outcome == "unknown" and (.error | test("leadership|closed"))).value) as $open |
	map(select(.type == "final")) | last | [.values[] | range(.[0]; .[1] + 1)] as $there |
	($open | length) > 0 and $open - $there == []' "$events"
is "no request was sent twice" "" "$(jq -r 'select(.key).key' "$tmp/consul.data" | sort | uniq -d)"

# ---- registers, compare-and-set, a counter and a lock; killed in the middle ----

cat >"$tmp/e.yaml" <<END
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: consul}
spec:
  duration: 21s
  lab:
    nodes:
      s:
        files:
          state.json: "{}"
          run.sh: |
            python3 $documented \${dir}/data \${dir}/state.json \${ip} &
            sleep 5
            kill -KILL \$!
            sleep 0.5
            exec python3 $documented \${dir}/data \${dir}/state.json \${ip}
        run: sh \${dir}/run.sh
        ready: {tcp: 8500}
      c1: {}
      c2: {}
  faults:
    - {name: cut, at: 2s, for: 1500ms, from: s, to: c1, loss: 100%}
  observe:
    workloads:
      - {name: register, system: consul, check: register, endpoints: [c1, c2], target: s, clients: 4, rate: 60/s}
      - {name: cas, system: consul, check: cas, endpoints: [c1, c2], target: s, clients: 4, rate: 60/s}
      - {name: counter, system: consul, check: counter, endpoints: [c1, c2], target: s, clients: 2, rate: 40/s}
      - {name: lock, system: consul, check: lock, endpoints: [c1, c2], target: s, clients: 3, rate: 40/s}
  expect: ["checks[register].violations == 0", "checks[cas].violations == 0", "checks[counter].violations == 0",
           "checks[lock].violations == 0", "checks[lock-tokens].violations == 0"]
END
"$CHAOS" run "$tmp/e.yaml" --out "$tmp/e" >"$tmp/e.out" 2>&1
is "registers, compare-and-set, a counter and a lock are right" 0 $? || diag "$(cat "$tmp/e.out")"
# ops WORKLOAD FILTER: how many.
ops()
{
	jq -s "map(select(.type == \"op\" and .workload == \"$1\" and ($2))) | length" "$tmp/e/events.jsonl"
}
for w in register cas counter lock; do
	is "$w passes" pass "$(jq -r ".checks[] | select(.name == \"$w\").verdict" "$tmp/e/summary.json")"
	check "operations of $w fail while there is no server" test "$(ops $w '.error // "" | test("refused")')" -gt 0
	check "they succeed after that" test "$(ops $w '.outcome == "ok" and .t_ns > 6000000000')" -gt 20
done
check "writes whose answer got lost are unknown" test "$(ops register '.op == "write" and .outcome == "unknown"')" -gt 0
check "one was refused because of another" test "$(ops cas '.error // "" | test("another one|in between")')" -gt 0
check "the lock was had by turns" test "$(ops lock '.op == "acquire" and .outcome == "ok"')" -gt 20
is "nothing was asked for that is less than linearizable, no session longer than it must be" "" \
	"$(cat "$tmp/consul.log" "$tmp"/e/nodes/s/*.log)"

# ---- a server that acknowledges what it does not keep ----

end_server "$server"
state '{"forgets": true}'
killed_and_back consul 8500 up -R 0
check "what is lost is seen" eval '! accounts'
finish
