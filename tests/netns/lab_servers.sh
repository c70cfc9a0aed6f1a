#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 90
# timed
#
# Real servers that form clusters in a lab, as the shipped experiments run them.
# shellcheck disable=SC2016 # ${ip} is for labctl
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/lab.sh"
lab_needs ip redis-server redis-cli

# ---- Redis, two replicas ----

conf='bind ${ip} 127.0.0.1
port 6379
dir ${dir}
protected-mode no'
nodes=()
for i in 1 2 3; do
	replica=
	[ $i -eq 1 ] || replica='
replicaof ${n1.ip} 6379'
	nodes+=(-n "n$i" -f "redis.conf=$conf$replica" -r 'redis-server ${dir}/redis.conf' -t 6379
		-p redis-server=redis-server)
done
lab_up "${nodes[@]}"
is "three Redis servers come up" 0 $?
replicates()
{
	in_node n1 redis-cli -h 10.99.0.1 set key "$1" >/dev/null
	for i in 2 3; do
		wait_until 10 in_node_says "n$i" "$1" redis-cli get key || return 1
	done
}
in_node_says()
{
	[ "$(in_node "$1" "${@:3}" 2>&1)" = "$2" ]
}
check "a write reaches both replicas" replicates "value $$"
lab_down
is "they end in order" 0 $?
like "each by itself, on SIGTERM" 'Redis is now ready to exit' "$(tail -n 1 "$run/nodes/n3/redis-server.log")"
is "their data is gone" "redis-server.log redis.conf" \
	"$(cd "$run/nodes/n1" && find . -mindepth 1 -printf '%P\n' | sort | paste -sd ' ')"

# ---- etcd ----

etcd_cluster()
{
	local cluster='n1=http://${n1.ip}:2380,n2=http://${n2.ip}:2380,n3=http://${n3.ip}:2380'
	local run_etcd="etcd --name \${node} --data-dir \${dir}/data --initial-cluster $cluster
		--initial-advertise-peer-urls http://\${ip}:2380 --listen-peer-urls http://\${ip}:2380
		--advertise-client-urls http://\${ip}:2379
		--listen-client-urls http://\${ip}:2379,http://127.0.0.1:2379"

	nodes=()
	for i in 1 2 3; do
		nodes+=(-n "n$i" -r "$run_etcd" -u 'http://${ip}:2379/health' -w 20000 -p etcd=etcd-server)
	done
	lab_up "${nodes[@]}"
}
if command -v etcd >/dev/null && command -v etcdctl >/dev/null; then
	etcd_cluster
	is "three etcd servers form a cluster" 0 $?
	all=http://10.99.0.1:2379,http://10.99.0.2:2379,http://10.99.0.3:2379
	is "one of them leads" "1" "$(in_node n3 env ETCDCTL_API=3 etcdctl --endpoints=$all endpoint status \
		--write-out=json | grep -o '"member_id":[0-9]*\|"leader":[0-9]*' | sed 's/.*://' | sort |
		uniq -c | awk '$1 == 4' | wc -l)"
	is "a write through one is read through another" "value $$" \
		"$(in_node n1 env ETCDCTL_API=3 etcdctl --endpoints=http://10.99.0.1:2379 put key "value $$" >/dev/null &&
			in_node n2 env ETCDCTL_API=3 etcdctl --endpoints=http://10.99.0.2:2379 get key --print-value-only)"
	lab_down
	is "they end in order" 0 $?
else
	skip "etcd" "etcd-server or etcd-client is not installed"
fi

# ---- keepalived: several on one host, each with its own pid files ----

if command -v keepalived >/dev/null; then
	nodes=()
	for i in 1 2; do
		nodes+=(-n "n$i" -f "keepalived.conf=global_defs {
	router_id \${node}
}
vrrp_instance vip {
	state BACKUP
	interface eth0
	virtual_router_id 51
	priority $((120 - 10 * i))
	advert_int 1
	virtual_ipaddress {
		10.99.0.200/24
	}
}" -r 'keepalived --dont-fork --log-console --no-syslog --vrrp --use-file=${dir}/keepalived.conf
			--pid=${dir}/keepalived.pid --vrrp_pid=${dir}/vrrp.pid'
			-c 'test -s ${dir}/vrrp.pid' -p keepalived=keepalived)
	done
	before=$(ls -d /run/*keepalived* 2>/dev/null)
	lab_up "${nodes[@]}"
	is "two keepalived come up" 0 $?
	holds_vip()
	{
		in_node "$1" ip -4 -o addr show dev eth0 | grep -qF 10.99.0.200/24
	}
	check "the first takes the address" wait_until 10 holds_vip n1
	is "the other has none: it hears the first" "1" "$(holds_vip n2; echo $?)"
	lab_say "kill n1 9" '^killed n1 0$'
	check "and takes it when the first dies" wait_until 10 holds_vip n2
	lab_down
	is "they end in order" 0 $?
	is "and leave nothing in /run" "$before" "$(ls -d /run/*keepalived* 2>/dev/null)"
else
	skip "keepalived" "keepalived is not installed"
fi
check "no process remains" no_lab_processes
finish
