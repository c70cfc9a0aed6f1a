#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# timed
#
# netchaos.sh: manifests of Chaos Mesh on podman's pods: what they choose, between whom, which way, and what they refuse.
# shellcheck source=../lib/tap.sh disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
need_root
# shellcheck source=tests/netns/tools/podman.sh
. "$(dirname "$0")/tools/podman.sh"

hub=nchub$$ bg=()

podman_cleanup()
{
	local pid

	for pid in "${bg[@]}"; do
		kill -9 "$pid" 2>/dev/null
	done
	ip netns del "$hub" 2>/dev/null
}

# Three pods on one bridge: web, db, log at 192.0.2.1 to .3.
ip netns add "$hub" && ip -n "$hub" link add br0 type bridge && ip -n "$hub" link set br0 up
declare -A pid
pod() # NAME
{
	inside "podman_ pod create --name $1$$ --label run=r$$ --label app=$1 --cgroup-parent /$parent --network none \
		--infra-image localhost/bb --infra-command '/bin/sleep 300'" &&
		inside "podman_ run -d --cap-add NET_RAW --pod $1$$ --name $1$$-app localhost/bb sleep 300"
}
wire() # NAME N
{
	ip -n "$hub" link add "v$2" type veth peer name eth0 netns "${pid[$1]}" &&
		ip -n "$hub" link set "v$2" master br0 up &&
		nsenter --net="/proc/${pid[$1]}/ns/net" sh -c "ip addr add 192.0.2.$2/24 dev eth0; ip link set eth0 up"
}
n=0
for name in web db log; do
	n=$((n + 1))
	check "pod $name" pod "$name"
	pid[$name]=$(inside "podman_ inspect -f '{{.State.Pid}}' $name$$-app")
	check "its network" wire "$name" "$n"
done

# By podman exec: another's process in its namespace would make it a shared one.
pings() # FROM N COUNT [OPTION...]
{
	inside "podman_ exec $1$$-app /bin/busybox ping -c $3 ${*:4} 192.0.2.$2" 2>&1
}
# rtt FROM N [COUNT]: the least of COUNT (3) pings, in whole ms
rtt()
{
	pings "$1" "$2" "${3:-3}" -W 5 | sed -nE 's/.*min\/avg\/max = ([0-9]+).*/\1/p'
}
answers()
{
	[ -n "$(pings "$1" "$2" 1 -W 1 | sed -n '/min\/avg/p')" ]
}
# echoes NAME: requests that it has heard
echoes()
{
	awk '/^Icmp: [0-9]/ { print $10 }' "/proc/${pid[$1]}/net/snmp"
}
check "they see each other" wait_until 10 eval 'answers web 2 && answers web 3 && answers db 3'

# manifest SPEC-LINES: of our pods
manifest()
{
	cat <<END
apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata: {name: x$$, namespace: default, annotations: {netchaos.dev/seed: "$seed"}}
spec:
  selector: {labelSelectors: {run: r$$, app: web}}
$1
END
}
seed=1

start() # FILE
{
	rm -rf "$tmp/folder"
	"$CHAOS" run -o "$tmp/folder" "$1" >"$tmp/out" 2>&1 &
	run=$!
	bg+=("$run")
	wait_until 20 on
	kill -0 "$run" 2>/dev/null || fail "it runs" "$(cat "$tmp/out")"
}
on()
{
	grep -q '"type":"armed"\|"type":"fault"' "$tmp/folder/events.jsonl" 2>/dev/null || ! kill -0 "$run" 2>/dev/null
}
stop()
{
	kill -INT "$run"
	wait "$run"
	status=$?
}

target="  target: {mode: all, selector: {expressionSelectors: [{key: app, operator: In, values: [db, none]}, {key: run, operator: In, values: [r$$]}]}}"

# --- a delay with a target --------------------------------------------------------------------------------
manifest "  action: delay
  mode: all
  direction: to
  delay: {latency: 1s, correlation: \"100\", jitter: 0ms}
$target" >"$tmp/delay.yaml"
check "chaos check takes it" "$CHAOS" check "$tmp/delay.yaml"
start "$tmp/delay.yaml"
t=$(rtt web 2 1)
check "the target is slow (${t:-?} ms)" test "${t:-0}" -ge 1000
t=$(rtt web 3 8)
check "a third pod is not (${t:-?} ms)" test "${t:-9999}" -lt 500
stop
is "it lasts until it is stopped, which is its end" 0 "$status"
diag "$(tail -n 3 "$tmp/out")"
check "the run folder has an experiment" grep -q 'kind: Experiment' "$tmp/folder/experiment.yaml"
check "that runs again" "$CHAOS" check "$tmp/folder/experiment.yaml"

# --- partitions -------------------------------------------------------------------------------------------
packets() # of web's ICMP that db receives: NAME DIRECTION EXPECTED-AT-DB EXPECTED-AT-WEB
{
	local heard

	manifest "  action: partition
  mode: all
  direction: $1
$target" >"$tmp/cut.yaml"
	start "$tmp/cut.yaml"
	check "$1: cut" wait_until 10 eval '! answers web 2 1'
	check "$1: not from a third pod" answers web 3 1
	heard=$(echoes db)
	pings web 2 2 -W 1 >/dev/null
	heard=$(($(echoes db) - heard))
	is "$1: what db hears of web" "$2" "$((heard > 0))"
	stop
	check "$1: lifted" wait_until 10 answers web 2 1
}
packets to 0
packets from 1
packets both 0

# --- loss in percent -----------------------------------------------------------------------------------------
manifest "  action: loss
  mode: all
  loss: {loss: \"50\"}
$target" >"$tmp/loss.yaml"
start "$tmp/loss.yaml"
got=$(pings web 2 400 -i 0.01 -W 1 | sed -nE 's/.* ([0-9]+) packets received.*/\1/p')
# 400 trials of 1/2: standard deviation 10; six of them either way
check "half of 400 are lost, within six standard deviations (${got:-?} came)" \
	test "${got:-0}" -ge 140 -a "${got:-0}" -le 260
[ "${got:-0}" -le 260 ] || diag "$(cat "$tmp/out")"
stop

# --- how many --------------------------------------------------------------------------------------------------
chosen() # FILE: the pods of the first endpoint
{
	"$CHAOS" check --json "$1" | jq -c '[.[0].endpoints[] | select(.endpoint == "selected") | .members[].containers[]?.name] | sort'
}
mode() # MODE VALUE
{
	manifest "  action: delay
  mode: $1
  value: \"$2\"
  delay: {latency: 10ms}" | sed 's/, app: web//' >"$tmp/mode.yaml"
	chosen "$tmp/mode.yaml"
}
for seed in 1 2 3 4 5 6; do
	[ "$(mode one '' | jq 'map(select(endswith("-app"))) | length')" = 1 ] || fail "seed $seed: one" "$(mode one '')"
	mode one ''
done >"$tmp/ones"
check "mode one picks one, and not always the same: $(sort -u "$tmp/ones" | tr '\n' ' ')" \
	test "$(sort -u "$tmp/ones" | wc -l)" -gt 1
is "the same for the same seed" "$(mode one '')" "$(mode one '')"
apps()
{
	mode "$@" | jq 'map(select(endswith("-app"))) | length'
}
is "fixed 2" 2 "$(apps fixed 2)"
is "34 percent of three, rounded up" 2 "$(apps fixed-percent 34)"
is "all" 3 "$(apps all '')"

# --- refused -------------------------------------------------------------------------------------------------------
check "a pod in the machine's network" inside "podman_ pod create --name host$$ --label run=r$$ --label app=host \
	--cgroup-parent /$parent --network host --infra-image localhost/bb --infra-command '/bin/sleep 300'"
check "a container in it" inside "podman_ run -d --pod host$$ --name host$$-app localhost/bb sleep 300"
manifest "  action: partition
  mode: all
  direction: both" | sed 's/app: web/app: host/' >"$tmp/host.yaml"
out=$("$CHAOS" check "$tmp/host.yaml" 2>&1)
is "is refused" 2 $?
like "with the reason" "default/host$$.*hostNetwork.*--allow-host" "$out"
out=$("$CHAOS" run -o "$tmp/never" "$tmp/host.yaml" 2>&1)
is "also by chaos run" 2 $?
sed 's/app: host/app: nobody/' "$tmp/host.yaml" >"$tmp/nobody.yaml"
out=$("$CHAOS" run -o "$tmp/never" "$tmp/nobody.yaml" 2>&1)
is "a selector that matches nothing is refused" 2 $?
like "in words" "nobody.yaml:5:.*(no such pod|no pod here is known to have these labels)" "$out"
check "and leaves no folder" test ! -e "$tmp/never"
sed 's/mode: all/mdoe: all/' "$tmp/host.yaml" >"$tmp/typo.yaml"
out=$("$CHAOS" check "$tmp/typo.yaml" 2>&1)
like "an unknown field, its path and the nearest" "typo.yaml:7:3: spec: unknown key .mdoe.; did you mean .mode." "$out"
finish
