#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 60
# timed
#
# Role probes of Vault, Consul, Kafka (KRaft) and a Kubernetes Lease see who leads, changes of leaders, and epochs. The
# servers are tests/tools/documented.py: their documentation says what they answer.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
rec_needs python3

# state SYSTEM JSON: replaced as a whole, it is read at any time.
state()
{
	echo "$2" >"$tmp/$1.new" && mv "$tmp/$1.new" "$tmp/$1.json"
}

documented=$tap_root/tests/tools/documented.py
state vault '{"leader": 1}'
state consul '{"leader": 1, "term": 5, "denied": [3]}'
state kafka '{"leader": 1, "epoch": 7}'
state lease '{"holder": "l1_5e1f", "transitions": 3}'
server vault python3 "$documented" vault "$tmp/vault.json" 127.0.0.{1,2,3}
server consul python3 "$documented" consul "$tmp/consul.json" 127.0.0.{11,12,13}
server kafka python3 "$documented" kafka "$tmp/kafka.json" 127.0.0.{21,22,23}
server lease python3 "$documented" lease "$tmp/lease.json" 127.0.0.31

probes=(-e 50)
for n in 1 2 3; do
	probes+=(-p "vault,v$n,127.0.0.$n,0" -p "consul,c$n,127.0.0.1$n,0" -p "kafka,k$n,127.0.0.2$n,0"
		-p "kafka,b$n,127.0.0.2$n,9092,identity=$n")
done
for n in 1 2; do probes+=(-p "lease,l$n,127.0.0.31,0,lease=kube-system/controller"); done
probes+=(-p "lease,none,127.0.0.31,0,lease=kube-system/other")
rec_up "${probes[@]}"
is "probes start" 0 $?

# only NODE...: the first of the nodes claims, the others do not, once it settles.
alone()
{
	[ "$(claims "$@")" = "$1" ]
}

only()
{
	check "$1 leads, alone" wait_until 15 alone "$@"
}

# sees NODE ROLE LEADER EPOCH: in its latest sample.
sees()
{
	[ "$(role "$1") $(role "$1" leader) $(role "$1" epoch)" = "$2 $3 $4" ]
}

# ---- Vault ----

only v1 v2 v3
check "a standby follows, and names the active node" wait_until 5 sees v2 follower http://127.0.0.1:8200 null
is "Vault has no epoch" null "$(role v1 epoch)"
state vault '{"leader": 2}'
only v2 v1 v3
state vault '{"leader": 2, "acting": [1]}'
check "200 of health alone is no claim" wait_until 5 role_is v1 none
is "which is recorded as such" false "$(role v1 claim)"
state vault '{"leader": 2, "sealed": [3]}'
check "a sealed server is an error" wait_until 5 role_is v3 error
state vault '{"leader": 0}'
check "without an active node all wait" wait_until 5 role_is v2 follower
is "and none claims" "" "$(claims v1 v2 v3)"

# ---- Consul ----

only c1 c2 c3
is "in its term" 5 "$(role c1 epoch)"
check "a follower names it" wait_until 5 sees c2 follower 127.0.0.11:8300 5
check "so does one whose access control says less" wait_until 5 sees c3 follower 127.0.0.11:8300 null
state consul '{"leader": 0, "term": 6, "denied": [3]}'
check "during an election there are candidates" wait_until 5 role_is c2 candidate
check "there too" wait_until 5 role_is c3 candidate
state consul '{"leader": 3, "term": 6, "denied": [3]}'
only c3 c1 c2
state consul '{"leader": 3, "term": 6}'
check "with permission its term is seen" wait_until 5 role_is c3 6 epoch

# ---- Kafka ----

only k1 k2 k3
is "in its epoch" 7 "$(role k1 epoch)"
check "the others say that they are none" wait_until 5 role_is k2 follower
check "in either way" wait_until 5 role_is k3 follower
only b1 b2 b3
check "a broker passes the question on: it knows the leader" wait_until 5 sees b2 follower 1 7
state kafka '{"leader": 3, "epoch": 8}'
only k3 k1 k2
is "in the next epoch" 8 "$(role k3 epoch)"
only b3 b1 b2
state kafka '{"leader": 0, "epoch": 9}'
check "without a leader none claims" wait_until 5 role_is k3 follower
check "no request was refused" test ! -s "$tmp/kafka.log"

# ---- Lease ----

only l1 l2
is "the epoch is leaseTransitions" 3 "$(role l1 epoch)"
check "the other follows" wait_until 5 sees l2 follower l1_5e1f 3
check "no such Lease is an error" wait_until 5 role_is none error
state lease '{"holder": "l2", "transitions": 4}'
only l2 l1
is "in the next epoch" 4 "$(role l2 epoch)"
state lease '{"holder": "l2", "transitions": 4, "renew": false}'
check "a lease that nobody renews ends" wait_until 10 role_is l2 none
is "and with it the claim" "false false" "$(role l1 claim) $(role l2 claim)"
state lease '{"holder": "", "transitions": 4}'
check "one that was given back is nobody's" wait_until 5 role_is l1 none

rec_down
is "orderly end" 0 $?
is "no two nodes claim one epoch" true "$(rec '[.[] | select(.type == "role" and .claim and .epoch != null)] |
	group_by([.node[0:1], .epoch]) | all(map(.node) | unique | length == 1)')"
finish
