#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 400
# timed
#
# select_podman.sh: faults on containers: all of a namespace that a container has to itself, only its sockets where a
# pod's containers share one; and on what takes the container's place.
# shellcheck source=../lib/tap.sh disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
need_root
# shellcheck source=tests/netns/tools/podman.sh
. "$(dirname "$0")/tools/podman.sh"

peer=selc$$ bg=()

podman_cleanup()
{
	local pid

	for pid in "${bg[@]}"; do
		kill -9 "$pid" 2>/dev/null
	done
	ip netns del "$peer" 2>/dev/null
}

# pid_of CONTAINER
pid_of()
{
	inside "podman_ inspect -f '{{.State.Pid}}' $1"
}

# reach PID|NAME ADDRESS PORT: from a namespace
reach()
{
	case $1 in
	*[!0-9]*) set -- "/run/netns/$1" "$2" "$3" ;;
	*) set -- "/proc/$1/ns/net" "$2" "$3" ;;
	esac
	nsenter --net="$1" timeout 0.5 bash -c 'exec 3<>"/dev/tcp/$0/$1" && echo hello >&3 && read -r line <&3' "$2" "$3" 2>/dev/null
}
cut_off()
{
	! reach "$@"
}

inject()
{
	: >"$tmp/out"
	"$CHAOS" inject partition "$@" --for 120s >"$tmp/out" 2>&1 &
	run=$!
	bg+=("$run")
	wait_until 10 grep -q "armed" "$tmp/out"
}
lift()
{
	kill -INT "$run"
	wait "$run"
}

ms_since()
{
	echo $(((${EPOCHREALTIME/./} - $1) / 1000))
}

# under NAME START PLACE ADDRESS PORT: what begins more than 1 s after START does not get through
under()
{
	local name=$1 start=$2 last=''

	shift 2
	while [ "$(ms_since "$start")" -lt 1000 ]; do
		reach "$@" && last=$(ms_since "$start")
	done
	diag "$name: the last connection that got through ended ${last:-(none)}${last:+ ms} after"
	check "$name" cut_off "$@"
}

serve='nc -ll -p'

# --- two containers of one pod -------------------------------------------------------------------------

check "a pod" inside "podman_ pod create --name pod$$ --cgroup-parent /$parent --network none \
	--infra-image localhost/bb --infra-command '/bin/sleep 300'"
check "its first container" inside "podman_ run -d --pod pod$$ --name one$$ localhost/bb $serve 7001 -e cat"
check "its second" inside "podman_ run -d --pod pod$$ --name two$$ localhost/bb $serve 7002 -e cat"
two=$(pid_of two$$)
check "both are reached" wait_until 10 eval "reach $two 127.0.0.1 7001 && reach $two 127.0.0.1 7002"

inject --isolate "container:one$$" || fail "it starts" "$(cat "$tmp/out")"
check "the one is cut" wait_until 10 cut_off "$two" 127.0.0.1 7001
check "the other is not" reach "$two" 127.0.0.1 7002

check "the one goes" inside "podman_ rm -f -t 0 one$$"
check "another container of that name comes" \
	inside "podman_ run -d --pod pod$$ --name one$$ localhost/bb $serve 7001 -e cat"
under "it is under the fault" "${EPOCHREALTIME/./}" "$two" 127.0.0.1 7001
check "the other still is not" reach "$two" 127.0.0.1 7002

check "a process in it" inside "podman_ exec -d one$$ $serve 7003 -e cat"
under "what is run in it later is under the fault" "${EPOCHREALTIME/./}" "$two" 127.0.0.1 7003
check "a process in the other" inside "podman_ exec -d two$$ $serve 7004 -e cat"
check "is not" wait_until 10 reach "$two" 127.0.0.1 7004
lift
check "lifted" wait_until 5 reach "$two" 127.0.0.1 7001

# --- all of a namespace ----------------------------------------------------------------------------------

ip netns add "$peer"

# wire PID: a link between the container's namespace and ours, as a network plugin would make it
wire()
{
	ip -n "$peer" link del eth0 2>/dev/null
	ip -n "$peer" link add eth0 type veth peer name eth0 netns "$1" || return
	ip -n "$peer" addr add 192.0.2.1/24 dev eth0
	ip -n "$peer" link set eth0 up
	nsenter --net="/proc/$1/ns/net" sh -c 'ip addr add 192.0.2.2/24 dev eth0; ip link set eth0 up'
}

run="run -d --network none --cgroup-parent /$parent --name alone$$ localhost/bb $serve 7001 -e cat"
check "a container of its own" inside "podman_ $run"
start=$run
check "its network" wire "$(pid_of alone$$)"
check "it is reached" wait_until 10 reach "$peer" 192.0.2.2 7001
cat >"$tmp/x.yaml" <<EOF
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: alone}
spec:
  duration: 60s
  endpoints:
    alone: {container: alone$$}
  faults:
    - {partition: {isolate: alone}, at: 0s}
EOF
check "it is all of its namespace" jq -e '.[0].endpoints[0].members[0] | .namespaces[0].whole and .containers[0].name == "alone'$$'"' \
	<<<"$("$CHAOS" check --json "$tmp/x.yaml")"
inject --isolate "container:alone$$" || fail "it starts" "$(cat "$tmp/out")"
check "it is cut" wait_until 10 cut_off "$peer" 192.0.2.2 7001

check "it is made anew" inside "podman_ rm -f -t 0 alone$$; podman_ $start"
check "with a network" wire "$(pid_of alone$$)"
under "its new namespace is under the fault" "${EPOCHREALTIME/./}" "$peer" 192.0.2.2 7001
check "it is said what joined" grep -q "network namespace .*joined" "$tmp/out"
lift
check "lifted" wait_until 5 reach "$peer" 192.0.2.2 7001
finish
