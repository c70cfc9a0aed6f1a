#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 2700
# alone
#
# suite.sh [SCRIPT...]: a cluster, the agents in it as a user would deploy them, and the scripts test_*.sh of this folder
# against it, one after the other; each result begins with the script's name. All of it is gone at the end.
#
#   suite.sh --keep DIR          only the cluster with the agents, in DIR, for `KUBE_DIR=DIR tests/kube/test_x.sh`;
#                                `tests/kube/cluster stop DIR` ends it
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
need_root

here=$(cd "$(dirname "$0")" && pwd)
keep=
if [ "${1:-}" = --keep ]; then
	keep=1
	KUBE_DIR=$2
	shift 2
else
	KUBE_DIR=$(mktemp -d)/kube
fi
export KUBE_DIR
scripts=("$@")
[ $# -gt 0 ] || scripts=("$here"/test_*.sh)

end()
{
	local status=$?

	[ -z "$keep" ] || exit "$status"
	[ ! -e "$KUBE_DIR/id" ] || "$here/cluster" stop "$KUBE_DIR"
	rm -rf "$(dirname "$KUBE_DIR")"
	exit "$status"
}
trap end EXIT
trap 'exit 130' INT TERM

for p in containerd runc kubectl etcd etcdctl dnsmasq iptables jq busybox openssl conntrack; do
	command -v "$p" >/dev/null || skip_all "no $p; make deps-test"
done
"$here/build" >/dev/null
case $? in
0) ;;
3) skip_all "Kubernetes cannot be built here, see above" ;;
*) fail "Kubernetes is built"; finish ;;
esac

k()
{
	"$here/cluster" sh "$KUBE_DIR" kubectl "$@"
}

# What quickstart/etcd.yaml names: Debian's etcd under that name, without a shell, as newer images of it.
etcd_image()
{
	local root=$KUBE_DIR/etcd-image name p

	name=$(sed -n 's/.*image: *\(.*etcd:.*\)/\1/p' "$tap_root/chaos/k8s/quickstart/etcd.yaml" | head -n 1)
	mkdir -p "$root"/{etc,tmp,usr/local/bin} || return
	for p in etcd etcdctl; do
		cp "$(command -v "$p")" "$root/usr/local/bin/" || return
		ldd "$(command -v "$p")" | grep -oE '/[^ ]+' | while read -r lib; do
			mkdir -p "$root$(dirname "$lib")"
			cp -Ln "$lib" "$root$lib"
		done
	done
	"$here/image" "$KUBE_DIR/etcd.tar" "$name" "$root" etcd && "$here/cluster" load "$KUBE_DIR" "$KUBE_DIR/etcd.tar"
	rm -rf "$root"
}

agents_ready()
{
	[ "$(k -n netchaos get daemonset chaos-agent -o jsonpath='{.status.numberReady}')" = 2 ]
}

"$here/cluster" start "$KUBE_DIR" || { fail "a cluster of two nodes"; finish; }
pass "a cluster of two nodes"
check "the image is built" "$here/agent_image" "$CHAOS" "$KUBE_DIR/agent.tar"
check "it is loaded into both nodes" "$here/cluster" load "$KUBE_DIR" "$KUBE_DIR/agent.tar"
check "etcd's too" etcd_image
check "kubectl apply -k chaos/k8s" k apply -k "$tap_root/chaos/k8s"
check "kubectl apply -k chaos/k8s/chaosmesh" k apply -k "$tap_root/chaos/k8s/chaosmesh"
if wait_until 90 agents_ready; then
	pass "an agent is ready on each node"
else
	fail "an agent is ready on each node" "$(k -n netchaos describe pods 2>&1 | tail -n 25
		k -n netchaos logs -l app.kubernetes.io/name=chaos-agent --tail 20 2>&1)"
	scripts=()
fi
[ -z "$keep" ] || scripts=()
for s in "${scripts[@]}"; do
	name=$(basename "$s" .sh)
	log=$KUBE_DIR/$name.tap
	began=$SECONDS
	timeout --kill-after 30 "$(sed -n 's/^# timeout: //p' "$s" | head -n 1)" "$s" >"$log" 2>&1
	code=$?
	diag "$name: exit status $code, $((SECONDS - began)) s"
	while IFS= read -r line; do
		case $line in
		"ok "* | "not ok "*)
			[[ $line =~ ^(not )?ok\ [0-9]+\ -\ (.*)$ ]] || continue
			tap_n=$((tap_n + 1))
			[ -z "${BASH_REMATCH[1]}" ] || tap_bad=$((tap_bad + 1))
			echo "${BASH_REMATCH[1]}ok $tap_n - ${name#test_}: ${BASH_REMATCH[2]}"
			;;
		1..*) ;;
		"# "*) echo "$line" ;;
		*) diag "$line" ;;
		esac
	done <"$log"
	grep -qE '^1\.\.[0-9]' "$log" || fail "${name#test_}: to its end" "exit status $code"
done
finish
