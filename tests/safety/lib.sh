# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lib.sh: for the tests in this folder: a host of their own, what must be as it was, and runs to disturb.
#
#   . "$(dirname "$0")/lib.sh"
#   private_host "$@"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/tap.sh
. "$here/../lib/tap.sh"

# Run the script again in network, mount, pid and ipc namespaces of its own, with an empty /run: it sees
# only what it makes, nothing else on the machine sees it, and all of it ends with it.
private_host()
{
	need_root
	if [ "${CHAOS_PRIVATE_HOST-}" != 1 ]; then
		CHAOS_PRIVATE_HOST=1 exec unshare --net --mount --pid --ipc --fork --kill-child "$0" "$@"
	fi
	work=$(mktemp -d)
	trap 'umount -l "$work/proc"; rm -rf --one-file-system "$work"' EXIT
	export HOST_PROC=$work/proc
	mkdir "$HOST_PROC"
	mount --bind /proc "$HOST_PROC"
	mount -t proc proc /proc
	umount -R -l /run/netns 2>/dev/null
	mount -t tmpfs -o mode=755 chaos-test /run
	# Its own bpffs, or none would be there to leave pins in.
	mount -t bpf chaos-test /sys/fs/bpf 2>/dev/null
	mkdir /run/netns
	mount --bind /run/netns /run/netns
	mount --make-shared /run/netns
	ip link set lo up
}

need_chaos()
{
	[ -x "$CHAOS" ] || { echo "Bail out! $CHAOS is not built"; exit 1; }
}

snapshot()
{
	"$here/snapshot" "$@"
}

# same_as FILE [NETNS...]: everything is as in this snapshot, and no BPF program is left.
same_as()
{
	local before=$1

	shift
	snapshot "$@" >"$work/now"
	diff -U 0 <(grep -v '^bpf program' "$before") "$work/now" >"$work/difference"
}

# as_before NAME FILE [NETNS...]: a test: all is as in this snapshot, at once or after what the kernel takes down in
# the background (namespaces, BPF programs) is gone.
as_before()
{
	local name=$1

	shift
	if wait_until 10 same_as "$@"; then
		pass "$name"
	else
		fail "$name" "what changed:
$(grep '^[-+][^-+]' "$work/difference" | head -n 40)"
	fi
}

# Two namespaces, a and b, with a cable between them and another tool's things in a: a qdisc, a filter on
# a clsact of its own, a firewall rule.
make_pair()
{
	ip netns add a
	ip netns add b
	ip link add eth0 netns a type veth peer name eth0 netns b
	ip -n a addr add 192.0.2.1/24 dev eth0
	ip -n b addr add 192.0.2.2/24 dev eth0
	ip -n a addr add 2001:db8::1/64 dev eth0 nodad
	ip -n b addr add 2001:db8::2/64 dev eth0 nodad
	for ns in a b; do
		ip -n $ns link set lo up
		ip -n $ns link set eth0 up
	done
	tc -n a qdisc add dev eth0 root handle 7: tbf rate 1gbit burst 1mb latency 50ms
	tc -n a qdisc add dev eth0 clsact
	tc -n a filter add dev eth0 egress protocol ip prio 5 u32 match ip dst 203.0.113.1/32 flowid 7:1
	ip netns exec a nft 'add table inet theirs; add chain inet theirs in { type filter hook input priority 0; }' \
		2>/dev/null || true
	wait_until 5 answers a 192.0.2.2
	wait_until 5 answers a 2001:db8::2
	# Link-local addresses and their routes come a second after the device.
	wait_until 5 settled a && wait_until 5 settled b
}

settled()
{
	! ip -n "$1" -6 addr show tentative | grep -q . &&
		[ "$(ip -n "$1" -6 route show table local | grep -c '^local fe80::')" -ge 1 ]
}

# answers NETNS ADDRESS
answers()
{
	ip netns exec "$1" ping -n -c 1 -W 1 "$2"
}

silent()
{
	! ip netns exec "$1" ping -n -c 1 -W 0.3 "$2"
}

# random N: sets random_is to 0 ... N-1 from the seed in SEED, so that a failure can be repeated.
: "${SEED:=$(($(date +%s) % 100000))}"
RANDOM=$SEED
# shellcheck disable=SC2034
random()
{
	random_is=$(((RANDOM * 32768 + RANDOM) % $1))
}

# pause MS
pause()
{
	sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
}

# start COMMAND...: in the background, output in $work/out; sets pid. As from an interactive shell: SIGINT is not
# ignored.
start()
{
	set -m
	"$@" >"$work/out" 2>&1 </dev/null &
	pid=$!
	set +m
}

# ended SECONDS: wait for $pid; sets status. 1 if it goes on.
# shellcheck disable=SC2034
ended()
{
	wait_gone "$1" "$pid" || return 1
	wait "$pid"
	status=$?
}

# ends NAME SECONDS: a test: the process ends; sets status. (Under `check` it would be a subshell's.)
# shellcheck disable=SC2034
ends()
{
	status=none
	if ended "$2"; then
		pass "$1"
	else
		fail "$1" "process $pid goes on after $2 s"
	fi
}

# active: a run that answers, and has a fault on.
active()
{
	"$CHAOS" status --json | jq -e '[.[] | select(.alive) | .status.faults[]? | select(.active)] | length > 0'
}

# A run of two Redis servers of a few seconds, for tests that end it early.
light_experiment()
{
	cat <<'EOF'
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: light}
spec:
  seed: 7
  duration: 4s
  lab:
    nodes:
      n1:
        run: ["redis-server --bind ${ip} 127.0.0.1 --port 6379 --protected-mode no --dir ${dir} --save ''"]
        ready: {tcp: 6379}
        needs: {redis-server: redis-server}
      n2:
        run: ["redis-server --bind ${ip} 127.0.0.1 --port 6379 --protected-mode no --dir ${dir} --save '' --replicaof ${n1.ip} 6379"]
        ready: {tcp: 6379}
  faults:
    - {name: cut, at: 1s, for: 2s, partition: {isolate: n1}}
  observe:
    roles: [{resource: redis, system: redis, endpoints: [n1, n2]}]
    workloads: [{name: set, system: redis, check: set, endpoints: [n1, n2], clients: 2, rate: 50/s}]
EOF
}
