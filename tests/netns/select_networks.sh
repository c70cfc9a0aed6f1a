#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 400
# timed
#
# select_networks.sh: containers behind each kind of network: a bridge, macvlan, and the host's own, where they are
# told apart by their sockets. What the fault does not name does not feel it. The host is a network namespace of the
# test's own.
# shellcheck source=../lib/tap.sh disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
need_root
[ "${CHAOS_OWN_NET-}" ] || CHAOS_OWN_NET=1 exec unshare --net "$0" "$@"
ip link set lo up
# On lo what comes back from the line has a source address that is local.
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
# shellcheck source=tests/netns/tools/podman.sh
. "$(dirname "$0")/tools/podman.sh"

bg=() names=()

podman_cleanup()
{
	local pid name

	for pid in "${bg[@]}"; do
		kill -9 "$pid" 2>/dev/null
	done
	[ -z "$holder" ] || inside 'podman_ rm -fa -t 0' >/dev/null 2>&1
	for name in "${names[@]}"; do
		inside "podman_ network rm -f $name" >/dev/null 2>&1
	done
}

# What network plugins keep is the test's, as podman's own storage is.
inside 'for d in /var/lib/cni /run/netns; do [ ! -d $d ] || mount -t tmpfs none $d; done'

# network NAME ARGUMENT...: made, and known as one of ours
network()
{
	local name=$1

	shift
	names+=("$name")
	out=$(inside "podman_ --network-config-dir '$tmp/networks' network create --disable-dns $* $name" 2>&1)
}

# container NAME NETWORK PORT: an echo server
container()
{
	out=$(inside "podman_ --network-config-dir '$tmp/networks' run -d --network $2 --cap-add NET_RAW \
		--cgroup-parent /$parent --name $1 localhost/bb nc -ll -p $3 -e cat" 2>&1)
}

address_of()
{
	local pid

	pid=$(inside "podman_ inspect -f '{{.State.Pid}}' $1")
	nsenter --net="/proc/$pid/ns/net" ip -4 -j addr show scope global | jq -r '.[0].addr_info[0].local'
}

# reach CONTAINER|- ADDRESS PORT: from in the container, or from the host
reach()
{
	if [ "$1" = - ]; then
		timeout 1 bash -c 'exec 3<>"/dev/tcp/$0/$1" && echo hello >&3 && read -r line <&3' "$2" "$3" 2>/dev/null
	else
		[ "$(inside "podman_ exec $1 sh -c 'echo hello | nc -w 1 $2 $3'" 2>/dev/null)" = hello ]
	fi
}
cut_off()
{
	! reach "$@"
}

# rtt CONTAINER ADDRESS: the least of three, in whole ms
rtt()
{
	inside "podman_ exec $1 /bin/busybox ping -c 3 -W 5 $2" >"$tmp/ping" 2>&1
	sed -nE 's/.*min\/avg\/max = ([0-9]+).*/\1/p' "$tmp/ping"
}

inject()
{
	: >"$tmp/out"
	"$CHAOS" inject "$@" --for 120s >"$tmp/out" 2>&1 &
	run=$!
	bg+=("$run")
	wait_until 15 grep -q "armed" "$tmp/out" || fail "$*: it starts" "$(cat "$tmp/out")"
}
lift()
{
	kill -INT "$run"
	wait "$run"
}

# between KIND A B C: three containers of one network: a delay and a cut of two of them
between()
{
	local kind=$1 a=$2 b=$3 c=$4 to_b to_c before t

	to_b=$(address_of "$b") to_c=$(address_of "$c")
	check "$kind: they reach each other" wait_until 10 eval "reach $a $to_b 7001 && reach $a $to_c 7001"
	before=$(rtt "$a" "$to_b")
	inject delay 200ms --from "container:$a" --to "container:$b"
	t=$(rtt "$a" "$to_b")
	is_far()
	{
		[ "${t:-0}" -ge 200 ] || ! cat "$tmp/ping" "$tmp/out"
	}
	check "$kind: delayed by 200 ms (from ${before:-?} to ${t:-?} ms)" is_far
	t=$(rtt "$a" "$to_c")
	check "$kind: the third is not (${t:-?} ms)" test "${t:-999}" -lt 200
	lift
	inject partition --from "container:$a" --to "container:$b"
	check "$kind: cut" cut_off "$a" "$to_b" 7001
	check "$kind: the third is not" reach "$a" "$to_c" 7001
	check "$kind: nor the other from the third" reach "$c" "$to_b" 7001
	lift
	check "$kind: lifted" wait_until 5 reach "$a" "$to_b" 7001
	inject partition --isolate "container:$b"
	check "$kind: isolated" eval "cut_off $a $to_b 7001 && cut_off $c $to_b 7001"
	check "$kind: others are not" reach "$a" "$to_c" 7001
	lift
}

# three KIND NETWORK: containers on it
three()
{
	local name

	for name in a b c; do
		container "$1$name$$" "$2" 7001 || return
	done
}

# --- a bridge ------------------------------------------------------------------------------------------

if network chaosb$$ --subnet 10.79.1.0/24 && three br chaosb$$; then
	check "bridge: the host has one" test -n "$(ip -br link show type bridge)"
	between bridge bra$$ brb$$ brc$$
else
	skip "bridge" "podman makes no network here: ${out##*$'\n'}"
fi

# --- macvlan -------------------------------------------------------------------------------------------

# Its parent is a cable with nothing at the other end.
if ! ip link add mvp$$ type veth peer name mvq$$ || ! ip link set mvp$$ up || ! ip link set mvq$$ up; then
	skip "macvlan" "no veth"
elif network chaosm$$ -d macvlan -o parent=mvp$$ --subnet 10.79.2.0/24 && three mv chaosm$$; then
	pid=$(inside "podman_ inspect -f '{{.State.Pid}}' mva$$")
	check "macvlan: the container has one" test -n "$(nsenter --net="/proc/$pid/ns/net" ip -br link show type macvlan)"
	between macvlan mva$$ mvb$$ mvc$$
else
	skip "macvlan" "podman makes no network here: ${out##*$'\n'}"
fi

# --- the host's ------------------------------------------------------------------------------------------

if container hosta$$ host 7001 && container hostb$$ host 7002; then
	nc -l -k 127.0.0.1 7003 >/dev/null 2>&1 &
	bg+=($!)
	host_serves()
	{
		timeout 1 bash -c 'exec 3<>/dev/tcp/127.0.0.1/7003' 2>/dev/null
	}
	check "host: both are reached" wait_until 10 eval 'reach - 127.0.0.1 7001 && reach - 127.0.0.1 7002 && host_serves'
	check "host: and each other" reach hosta$$ 127.0.0.1 7002
	inject partition --from container:hosta$$ --to container:hostb$$
	check "host: cut from each other" cut_off hosta$$ 127.0.0.1 7002
	check "host: the other way too" cut_off hostb$$ 127.0.0.1 7001
	check "host: the first is reached" reach - 127.0.0.1 7001
	check "host: the second is reached" reach - 127.0.0.1 7002
	check "host: nobody else is cut" host_serves
	lift
	check "host: lifted" wait_until 5 reach hosta$$ 127.0.0.1 7002
	inject partition --isolate container:hosta$$
	check "host: the one is isolated" cut_off - 127.0.0.1 7001
	check "host: the other is not" reach - 127.0.0.1 7002
	check "host: nor what is no container" host_serves
	check "host: nor ping" ping -n -c 1 -W 1 127.0.0.1
	lift
	t=$("$CHAOS" check --json <(cat <<END
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: host}
spec:
  duration: 1s
  endpoints: {one: {container: hosta$$}}
  faults: [{partition: {isolate: one}, at: 0s}]
END
	))
	check "host: it is its sockets" jq -e '.[0].endpoints[0].members[0].namespaces[0].whole | not' <<<"$t"
else
	skip "host" "no container with the host's network: ${out##*$'\n'}"
fi
finish
