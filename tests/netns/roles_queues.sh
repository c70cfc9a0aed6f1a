#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# timed
#
# Role probes on real servers: a JetStream cluster of three, ZooKeeper of three, a Redis Cluster of three masters and
# a replica.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
rec_needs nats-server redis-server redis-cli

pids=()

# ---- the servers ----

for n in 1 2 3; do
	server "nats$n" nats-server -n "s$n" -a "127.0.0.$n" -p 4222 -m 8222 --cluster_name c --cluster "nats://127.0.0.$n:6222" \
		--routes nats://127.0.0.1:6222,nats://127.0.0.2:6222,nats://127.0.0.3:6222 -js -sd "$tmp/js$n"
	pids[n]=$server
done
for n in 1 2 3 4; do
	mkdir "$tmp/rc$n"
	server "rc$n" redis-server --bind "127.0.0.1$n" --port 7000 --cluster-enabled yes --cluster-node-timeout 1000 \
		--cluster-config-file nodes.conf --dir "$tmp/rc$n" --save '' --cluster-announce-ip "127.0.0.1$n"
	pids[10 + n]=$server
done
zoo=
if [ -f /usr/share/java/zookeeper.jar ] && command -v java >/dev/null; then
	zoo=1
	for n in 1 2 3; do
		mkdir "$tmp/zk$n"
		echo "$n" >"$tmp/zk$n/myid"
		printf '%s\n' tickTime=500 initLimit=10 syncLimit=4 "dataDir=$tmp/zk$n" clientPort=2181 "clientPortAddress=127.0.0.2$n" \
			admin.enableServer=false \
			server.1=127.0.0.21:2888:3888 server.2=127.0.0.22:2888:3888 server.3=127.0.0.23:2888:3888 >"$tmp/zk$n.cfg"
		server "zk$n" java -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData \
			-cp /usr/share/java/zookeeper.jar:/etc/zookeeper/conf org.apache.zookeeper.server.quorum.QuorumPeerMain "$tmp/zk$n.cfg"
		pids[20 + n]=$server
	done
fi

probes=(-e 50)
for n in 1 2 3; do probes+=(-p "nats,s$n,127.0.0.$n,0"); done
for n in 1 2 3 4; do probes+=(-p "redis-cluster,r$n,127.0.0.1$n,7000,slot=100"); done
for n in 1 2 3; do probes+=(-p "zookeeper,z$n,127.0.0.2$n,0"); done
rec_up "${probes[@]}"
is "probes start" 0 $?

# ---- NATS ----

check "one server leads JetStream" wait_until 20 one_claim s1 s2 s3
leader=$(claims s1 s2 s3)
leader=${leader#s}
follower=s$((leader % 3 + 1))
is "it is the one that the server names" "s$leader" "$(inside curl -s "http://127.0.0.$leader:8222/jsz" | jq -r .meta_cluster.leader)"
check "another follows" wait_until 5 role_is "$follower" follower
is "and names it" "s$leader" "$(role "$follower" leader)"
end_server "${pids[leader]}"
check "it dies: an error" wait_until 5 role_is "s$leader" error
check "another leads" wait_until 20 another_claims "s$leader" s1 s2 s3

# ---- Redis Cluster ----

check "the cluster's nodes answer" wait_until 10 inside redis-cli -h 127.0.0.14 -p 7000 ping
check "before there is a cluster nobody serves the slot" wait_until 5 role_is r1 none
inside redis-cli --cluster create 127.0.0.11:7000 127.0.0.12:7000 127.0.0.13:7000 --cluster-yes >/dev/null
check "who has the slot leads" wait_until 10 role_is r1 leader
check "alone" wait_until 5 one_claim r1 r2 r3 r4
check "another master does not" wait_until 5 role_is r2 follower
is "and names it" 127.0.0.11:7000 "$(role r2 leader)"
id=$(inside redis-cli -h 127.0.0.11 -p 7000 cluster myid)
wait_until 10 inside redis-cli --cluster add-node 127.0.0.14:7000 127.0.0.11:7000 --cluster-slave --cluster-master-id "$id" >/dev/null
replicates()
{
	inside redis-cli -h 127.0.0.14 -p 7000 role | head -n 4 | tr '\n' ' ' | grep -q 'slave 127.0.0.11 7000 connected'
}
check "a replica joins" wait_until 10 replicates
epoch=$(role r1 epoch)
end_server "${pids[11]}"
check "its master dies: the replica takes over" wait_until 15 role_is r4 leader
check "in a higher epoch" test "$(role r4 epoch)" -gt "$epoch"
end_server "${pids[12]}"
end_server "${pids[13]}"
check "without a majority it refuses: no claim" wait_until 15 role_is r4 candidate
is "though the slot is its own" "false 127.0.0.14:7000" "$(role r4 claim) $(role r4 leader)"

# ---- ZooKeeper ----

if [ "$zoo" ]; then
	check "one ZooKeeper server leads" wait_until 40 one_claim z1 z2 z3
	leader=$(claims z1 z2 z3)
	leader=${leader#z}
	follower=$((leader % 3 + 1)) third=$(((leader + 1) % 3 + 1))
	check "another follows" wait_until 10 role_is "z$follower" follower
	epoch=$(role "z$leader" epoch)
	check "the epoch is there ($epoch)" test "$epoch" -ge 1
	end_server "${pids[20 + leader]}"
	check "it dies: another leads" wait_until 20 another_claims "z$leader" z1 z2 z3
	next=$(claims z1 z2 z3)
	check "in a higher epoch" test "$(role "$next" epoch)" -gt "$epoch"
	end_server "${pids[20 + third]}"
	check "without a majority nobody does: it looks for one" wait_until 20 role_is "z$follower" candidate
	is "without a claim" false "$(role "z$follower" claim)"
else
	skip "ZooKeeper" "zookeeper is not installed"
fi

rec_down
is "orderly end" 0 $?
is "no two nodes lead in one epoch" true "$(rec '[.[] | select(.type == "role" and .claim and .epoch != null)] |
	group_by([.node[0:1], .epoch]) | all(map(.node) | unique | length == 1)')"
finish
