#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 200
# timed
#
# readme_pods.sh: README.md's line for pods, on podman's: the one is slow to the other, and to nobody else.
# shellcheck source=../lib/tap.sh disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
need_root
# shellcheck source=tests/netns/tools/podman.sh
. "$(dirname "$0")/tools/podman.sh"
# shellcheck source=tests/netns/tools/readme.sh
. "$(dirname "$0")/tools/readme.sh"

bg=()

podman_cleanup()
{
	local pid

	for pid in "${bg[@]}"; do
		kill -9 "$pid" 2>/dev/null
	done
}

# The names are README's: what else has them on this machine would be under the fault too.
for name in shop-web shop-db; do
	! "$CHAOS" targets "pod:$name" >/dev/null 2>&1 || skip_all "a pod $name is there already"
done

pid_of()
{
	inside "podman_ inspect -f '{{.State.Pid}}' $1"
}

# cable A B N: between two pods, as a network plugin would make it: 10.79.N.1 and .2
cable()
{
	local a b

	a=$(pid_of "$1-app") && b=$(pid_of "$2-app") || return
	ip link add name "c$3p$$" type veth peer name "d$3p$$" || return
	ip link set "c$3p$$" netns "$a" name "net$3" && ip link set "d$3p$$" netns "$b" name "net$3" &&
		nsenter --net="/proc/$a/ns/net" sh -c "ip addr add 10.79.$3.1/24 dev net$3; ip link set net$3 up" &&
		nsenter --net="/proc/$b/ns/net" sh -c "ip addr add 10.79.$3.2/24 dev net$3; ip link set net$3 up"
}

# rtt ADDRESS: from shop-web, the least of three, in whole ms
rtt()
{
	inside "podman_ exec shop-web-app /bin/busybox ping -c 3 -W 5 $1" 2>&1 | sed -nE 's/.*min\/avg\/max = ([0-9]+).*/\1/p'
}
answers()
{
	[ -n "$(rtt "$1")" ]
}

for name in shop-web shop-db shop-log; do
	check "the pod $name" inside "podman_ pod create --name $name --cgroup-parent /$parent --network none \
		--infra-image localhost/bb --infra-command '/bin/sleep 300'"
	check "a container in it" inside "podman_ run -d --pod $name --cap-add NET_RAW --name $name-app localhost/bb sleep 300"
done
check "a cable from shop-web to shop-db" cable shop-web shop-db 1
check "and one to shop-log" cable shop-web shop-log 2
check "they answer" wait_until 10 eval 'answers 10.79.1.2 && answers 10.79.2.2'

before=$(rtt 10.79.1.2)
if readme_line 'pod:shop-web .*pod:shop-db' && readme_run; then
	t=$(rtt 10.79.1.2)
	check "shop-db is 100 ms away, there and back (from $before to ${t:-?} ms)" test "${t:-0}" -ge 200
	t=$(rtt 10.79.2.2)
	check "shop-log is not (${t:-?} ms)" test "${t:-999}" -lt 100
	readme_end
	t=$(rtt 10.79.1.2)
	check "lifted (${t:-?} ms)" test "${t:-999}" -lt 100
fi
finish
