#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 60
# timed
#
# Clients of a Redis Cluster at a node that has none of its slots.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
. "$(dirname "$0")/tools/stores.sh"
rec_needs redis-server redis-cli

node()
{
	mkdir -p "$tmp/$1"
	server "$1" redis-server --bind 127.0.0.1 --port "$1" --dir "$tmp/$1" --save '' --cluster-enabled yes \
		--cluster-node-timeout 2000 --protected-mode no --appendonly yes
}
cli()
{
	inside redis-cli -p "$@"
}
is_whole()
{
	cli 7001 cluster info | grep -q cluster_state:ok && cli 7002 cluster info | grep -q cluster_state:ok
}
node 7001
node 7002
check "servers are up" wait_until 10 cli 7001 ping
check "both" wait_until 10 cli 7002 ping
cli 7002 cluster addslotsrange 0 16383 >/dev/null
cli 7001 cluster meet 127.0.0.1 7002 >/dev/null
check "they are a cluster" wait_until 20 is_whole
up()
{
	[ -n "$first" ] || node 7002
	first=
	wait_until 20 is_whole
}
first=1
killed_and_back redis-cluster 7001 up -R 0.1
check "attempted = ok + fail + unknown; what was acknowledged is there" accounts
check "what failed is not" fails_are_absent
is "all of it is at the other node" 0 "$(cli 7001 dbsize)"
finish
