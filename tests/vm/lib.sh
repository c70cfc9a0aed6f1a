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

	ip netns add a && ip netns add b && ip link add eth0 netns a type veth peer name eth0 netns b || return
	for ns in a b; do
		# Nothing is sent that nobody asked for.
		ip -n $ns link set lo up && ip -n $ns link set eth0 addrgenmode none up || return
	done
	ip -n a addr add 192.0.2.1/24 dev eth0 && ip -n b addr add 192.0.2.2/24 dev eth0 &&
		ip -n a addr add 2001:db8::1/64 dev eth0 nodad && ip -n b addr add 2001:db8::2/64 dev eth0 nodad &&
		wait_until 10 answers a 192.0.2.2 && wait_until 10 answers a 2001:db8::2
}

# set_chaos FAULT [VALUE] [OPTION...]: on what a sends to b, until end_chaos; 1 if it does not come on.
set_chaos()
{
	start "$CHAOS" inject "$@" --from netns:a --to netns:b --seed "$SEED"
	fault_pid=$pid
	wait_until 20 is_on && return
	end_chaos
	return 1
}

# is_on: or it has ended, and waiting is of no use: then its words are in $work/out.
is_on()
{
	gone "$fault_pid" || active
}

end_chaos()
{
	kill -INT "$fault_pid" 2>/dev/null
	wait_gone 20 "$fault_pid" && wait "$fault_pid"
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
judge='
def near(v; tolerance): . as $x | ($x - v) | fabs <= tolerance;
def ratio(p; n): near(p; 4 * ((p * (1 - p) / n) | sqrt));
'

# holds EXPRESSION JSON
holds()
{
	jq -e "$judge $1" <<<"$2" >/dev/null
}
