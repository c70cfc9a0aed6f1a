# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lib.sh: for the scripts of this folder: a cluster (KUBE_DIR, see `cluster`) with the agents in it, a namespace of the
# script's own, pods and packets between them. Source it; it waits for the agents and removes the namespace at the end.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"

kube_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -n "${KUBE_DIR:-}" ] || skip_all "no cluster: make check-kube, or KUBE_DIR=DIR of tests/kube/suite.sh --keep"
cluster=$kube_here/cluster
netio=$O/tests/netns/netio
ns=t-$(basename "$0" .sh | tr -dc a-z0-9)-$$
work=$(mktemp -d)
base_image=docker.io/chaos-test/base:1

k()
{
	"$cluster" sh "$KUBE_DIR" kubectl "$@"
}

kn()
{
	k -n "$ns" "$@"
}

kube_end()
{
	local status=$?

	! declare -F cleanup >/dev/null || cleanup
	if [ "$tap_bad" -ne 0 ]; then
		kn get experiments,networkchaos,pods -o wide 2>&1 | sed 's/^/# /'
		kn get experiments,networkchaos -o json 2>/dev/null | jq -c '.items[] | [.metadata.name, .status]' | sed 's/^/# /'
	fi
	k delete namespace "$ns" --wait=false >/dev/null 2>&1
	rm -rf "$work"
	exit "$status"
}
trap kube_end EXIT
trap 'exit 130' INT TERM

k create namespace "$ns" >/dev/null || skip_all "the cluster of $KUBE_DIR does not answer"

# --- pods -----------------------------------------------------------------------------------------------------------

# pod NAME NODE [LABEL=VALUE...]: one that serves HTTP on 8080 and else sleeps.
pod()
{
	local name=$1 node=$2 l

	shift 2
	cat <<-END
	---
	apiVersion: v1
	kind: Pod
	metadata:
	  name: $name
	  labels:
	    name: $name
	$(for l; do echo "    ${l%%=*}: \"${l#*=}\""; done)
	spec:
	  nodeSelector: {kubernetes.io/hostname: $node}
	  terminationGracePeriodSeconds: 0
	  containers:
	    - name: c
	      image: "$base_image"
	      imagePullPolicy: Never
	      command: [/bin/httpd, -f, -p, "8080"]
	END
}

# ready_pods NAME...: Running, with addresses.
ready_pods()
{
	local p

	for p; do
		kn wait pod "$p" --for=condition=Ready --timeout=60s >/dev/null || return
	done
}

# procs_of UID: the processes of a pod, by its cgroups, which have no size to go by.
procs_of()
{
	cat /sys/fs/cgroup/pids/ck-*/kubepods{,/*}/pod"$1"/*/cgroup.procs /sys/fs/cgroup/ck-*/kubepods{,/*}/pod"$1"/*/cgroup.procs \
		2>/dev/null
}

pid_of()
{
	procs_of "$(kn get pod "$1" -o jsonpath='{.metadata.uid}')" | head -n 1 | grep .
}

# ip_of POD [6]
ip_of()
{
	kn get pod "$1" -o json | jq -r --arg six "${2:-}" '[.status.podIPs[].ip | select((. | contains(":")) == ($six == "6"))][0]'
}

# know POD...: pid, ip and ip6 of each, for what is called often. Again after a pod was made anew.
declare -A pid=() ip=() ip6=()
know()
{
	local p

	for p; do
		# shellcheck disable=SC2034 # for the scripts
		pid[$p]=$(pid_of "$p") && ip[$p]=$(ip_of "$p") && ip6[$p]=$(ip_of "$p" 6) || return
	done
}

# pods_run POD...: or there is nothing to test. Then they are known.
pods_run()
{
	if ready_pods "$@" && know "$@"; then
		pass "the pods run"
		return
	fi
	fail "the pods run" "$(kn get pods -o wide)"
	finish
}

# start_pods POD:NODE...: pods that run, and are known.
start_pods()
{
	local p

	for p; do
		pod "${p%:*}" "${p#*:}"
	done | kn apply -f - >/dev/null
	pods_run "${@%:*}"
}

# --- packets --------------------------------------------------------------------------------------------------------

# arrive FROM TO [N]: how many of N datagrams arrive, one way; N is 20 where nothing is said.
arrive()
{
	local n=${3:-20}

	"$netio" udp "${pid[$1]}" "${ip[$1]}" "${pid[$2]}" "${ip[$2]}" "$n" 2>/dev/null | awk '{ print $2 }'
}
arrive6()
{
	local n=${3:-20}

	"$netio" udp "${pid[$1]}" "${ip6[$1]}" "${pid[$2]}" "${ip6[$2]}" "$n" 2>/dev/null | awk '{ print $2 }'
}

# open_way FROM TO, cut_way FROM TO: all arrive, none does.
open_way()
{
	[ "$(arrive "$1" "$2" 5)" = 5 ]
}
cut_way()
{
	[ "$(arrive "$1" "$2" 5)" = 0 ]
}

# rtt FROM TO [COUNT]: the least of them, in whole ms.
rtt()
{
	nsenter --net="/proc/${pid[$1]}/ns/net" ping -n -c "${3:-3}" -i 0.2 -W 5 "${ip[$2]}" 2>/dev/null |
		sed -nE 's/.* = ([0-9]+)[.0-9]*\/.*/\1/p'
}
# slow FROM TO MS: at least so long, there and back.
slow()
{
	local t

	t=$(rtt "$1" "$2" 1)
	[ -n "$t" ] && [ "$t" -ge "$3" ]
}

# http FROM ADDRESS[:PORT]: whether an HTTP request from a pod is answered (404 is an answer).
http()
{
	nsenter --net="/proc/${pid[$1]}/ns/net" curl -s -o /dev/null -m 2 "http://$2/"
}

# --- runs -----------------------------------------------------------------------------------------------------------

# experiment NAME DURATION: the head of one; `endpoints:` and `faults:` follow, indented by two.
experiment()
{
	cat <<-END
	apiVersion: netchaos.dev/v1alpha1
	kind: Experiment
	metadata: {name: $1}
	spec:
	  duration: $2
	END
}

# between NAME DURATION FAULT: one whose endpoints are the pods a and b, with a fault of these keys.
between()
{
	experiment "$1" "$2"
	echo "  endpoints: {a: {pods: {name: a}}, b: {pods: {name: b}}}"
	echo "  faults: [{$3}]"
}

# status KIND/NAME JQ: of its status.
status()
{
	kn get "$1" -o json | jq -r ".status | $2"
}
phase_is()
{
	[ "$(status "$1" .phase)" = "$2" ]
}
wait_phase()
{
	wait_until "${3:-60}" phase_is "$1" "$2"
}
# hits KIND/NAME: packets that any node dropped, delayed or else met.
hits()
{
	status "$1" '[.nodes[]?.pods[]?.hits // {} | .[]] | add // 0'
}
verdict_is()
{
	[ "$(status "$1" .verdict)" = "$2" ]
}
# now_ns, start_ns KIND/NAME: real time, and that of run time 0.
start_ns()
{
	date -d "$(status "$1" .startAt)" +%s%N
}
agent_on()
{
	k -n netchaos get pods -l app.kubernetes.io/name=chaos-agent --field-selector "spec.nodeName=$1" \
		-o jsonpath='{.items[0].metadata.name}'
}
agents_ready()
{
	[ "$(k -n netchaos get daemonset chaos-agent -o jsonpath='{.status.numberReady}')" = 2 ]
}
