# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lib.sh: for inside.sh and netem.sh: two namespaces with a cable, a fault between them by chaos or by netem,
# and what meter says of it. On a host of its own: see ../safety/lib.sh, which this builds on.
#
#   a 192.0.2.1 2001:db8::1  ----  192.0.2.2 2001:db8::2 b        eth0 both, no other qdisc, filter or rule
. "$(dirname "${BASH_SOURCE[0]}")/../safety/lib.sh"

METER=$O/tools/meter
SEED=1
fault_pid=

need_meter()
{
	need_chaos
	[ -x "$METER" ] || { echo "Bail out! $METER is not built"; exit 1; }
}

make_cable()
{
	local ns

	mkfifo "$work/pause" || return
	ip netns add a && ip netns add b && ip link add eth0 netns a type veth peer name eth0 netns b || return
	for ns in a b; do
		# Nothing is sent that nobody asked for.
		ip -n $ns link set lo up && ip -n $ns link set eth0 addrgenmode none up || return
	done
	ip -n a addr add 192.0.2.1/24 dev eth0 && ip -n b addr add 192.0.2.2/24 dev eth0 &&
		ip -n a addr add 2001:db8::1/64 dev eth0 nodad && ip -n b addr add 2001:db8::2/64 dev eth0 nodad &&
		wait_until 10 answers a 192.0.2.2 && wait_until 10 answers a 2001:db8::2
}

# set_chaos FAULT [VALUE] [OPTION...]: on what a sends to b, until end_chaos; 1 if it does not come on. (Its own words
# are looked at instead of `chaos status`: a new process takes long in an emulated machine.)
set_chaos()
{
	local end=$((SECONDS + 60)) words

	# Not the words of the one before.
	: >"$work/out"
	start "$CHAOS" inject "$@" --from netns:a --to netns:b --seed "$SEED"
	fault_pid=$pid
	until words=$(<"$work/out"); [[ $words == *": armed"* ]]; do
		if gone "$fault_pid" || [ $SECONDS -ge $end ]; then
			end_chaos
			return 1
		fi
		# A pause without a process.
		read -rt 0.05 <>"$work/pause"
	done
	return 0
}

end_chaos()
{
	kill -INT "$fault_pid" 2>/dev/null
	wait_gone 60 "$fault_pid" && wait "$fault_pid"
}

# set_netem ARGUMENT...: the same way.
set_netem()
{
	tc -n a qdisc add dev eth0 root netem "$@" seed "$SEED" 2>/dev/null || tc -n a qdisc add dev eth0 root netem "$@"
}

end_netem()
{
	tc -n a qdisc del dev eth0 root
}

# meter_udp OPTION...: from a to b.
meter_udp()
{
	"$METER" udp --send-netns a --recv-netns b --to 192.0.2.2 --port 5201 "$@"
}

meter_udp6()
{
	"$METER" udp --send-netns a --recv-netns b --to 2001:db8::2 --port 5201 "$@"
}

meter_tcp()
{
	"$METER" tcp --send-netns a --recv-netns b --to 192.0.2.2 --port 5201 "$@"
}

# What expectations are written in. ratio(p; n): four sigma of a binomial: by chance a right fault misses it once in
# 16,000 times, and with a fixed seed always or never.
# shellcheck disable=SC2016,SC2034
judge='
def near(v; tolerance): . as $x | ($x - v) | fabs <= tolerance;
def ratio(p; n): near(p; 4 * ((p * (1 - p) / n) | sqrt));
'

# traces: what a fault could leave behind, sorted. What ../safety/snapshot shows of a machine is more, and takes an
# emulated one half a minute.
traces()
{
	local ns

	for ns in a b; do
		ip -n $ns -o -d link | sed -E 's/ state [A-Z]+//'
		tc -n $ns qdisc
		tc -n $ns filter show dev eth0
		tc -n $ns filter show dev eth0 ingress
		tc -n $ns filter show dev eth0 egress
	done 2>/dev/null | sort
	ip -o -d link
	ls /run/netns /run/chaos /sys/fs/bpf 2>/dev/null
	# By name: those of others may come and go on the host.
	bpftool prog show 2>/dev/null | grep -o 'name chaos.*' | sed 's/  tag.*//'
}

no_traces()
{
	traces >"$work/now"
	diff "$work/before" "$work/now" >"$work/difference"
}

# clean NAME: a test: all is as in $work/before, or is soon: the kernel frees programs in the background.
clean()
{
	if wait_until 30 no_traces; then
		pass "$1"
	else
		fail "$1" "$(cat "$work/difference")"
	fi
}
