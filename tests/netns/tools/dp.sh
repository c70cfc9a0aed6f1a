# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dp.sh: for datapath_*.sh: three nodes on a bridge, and a data plane by hand (dpctl). Everything
# is named after this run and removed when the script ends.
#
#   a, b, c        namespaces $A $B $C with eth0 10.77.0.1-3/24 and fd77::1-3/64; $BR holds the bridge
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/tap.sh"

need_root
DPCTL=$O/tests/netns/dpctl
NETIO=$O/tests/netns/netio
OTHER=$O/tests/netns/other
OTHER_OBJ=$O/tests/netns/other.bpf.o
for dp_tool in "$DPCTL" "$NETIO" "$OTHER" "$OTHER_OBJ"; do
	[ -e "$dp_tool" ] || skip_all "no $dp_tool: make check-netns builds it"
done

dp_dir=$(mktemp -d)
A=dp$$-a B=dp$$-b C=dp$$-c BR=dp$$-br
dp_pid='' dp_in='' dp_out=''
other_pid='' other_in='' other_out=''

dp_cleanup()
{
	local pid

	for pid in $dp_pid $other_pid; do
		kill -CONT "$pid" 2>/dev/null
		kill "$pid" 2>/dev/null
	done
	for ns in "$A" "$B" "$C" "$BR"; do
		ip netns del "$ns" 2>/dev/null
	done
	rm -rf "$dp_dir"
}
trap dp_cleanup EXIT
trap 'exit 1' INT TERM HUP

# wire NS IFNAME: a veth pair from the bridge to NS. Without link-local addresses, so that nothing
# is sent that the test does not send (multicast listener reports).
wire()
{
	local port=p-${1##*-}-$2

	ip -n "$BR" link add "$port" type veth peer name "$2" netns "$1" &&
		ip -n "$BR" link set "$port" master br0 up &&
		ip -n "$1" link set "$2" addrgenmode none up
}

three_nodes()
{
	local i=0 ns

	ip netns add "$BR" && ip netns exec "$BR" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1 && ip -n "$BR" link add br0 type bridge forward_delay 0 mcast_snooping 0 &&
		ip -n "$BR" link set br0 up || return
	for ns in "$A" "$B" "$C"; do
		i=$((i + 1))
		ip netns add "$ns" && ip -n "$ns" link set lo up && wire "$ns" eth0 || return
		ip -n "$ns" addr add 10.77.0.$i/24 dev eth0
		ip -n "$ns" addr add fd77::$i/64 dev eth0 nodad
	done
	# The path is there when a packet has gone along it.
	for ns in "$A" "$B" "$C"; do
		wait_until 5 reach "$ns" 10.77.0.2 && wait_until 5 reach "$ns" fd77::1 || return
	done
}

# reach NS ADDRESS [PING OPTION...]
reach()
{
	local ns=$1 to=$2

	shift 2
	ip netns exec "$ns" ping -q -c 1 -W 0.3 "$@" "$to" >/dev/null 2>&1
}

have_vlan()
{
	ip -n "$A" link add link eth0 name vlantest type vlan id 4000 2>/dev/null &&
		ip -n "$A" link del vlantest
}

# no_reach NS ADDRESS [PING OPTION...]: none of three gets an answer.
no_reach()
{
	local ns=$1 to=$2

	shift 2
	! ip netns exec "$ns" ping -q -c 3 -i 0.05 -W 0.2 "$@" "$to" >/dev/null 2>&1
}

# talk NAME COMMAND...: run it with pipes to and from; NAME_pid, NAME_in and NAME_out. (A coproc's
# are closed in subshells, where most questions are asked.)
talk()
{
	local name=$1 from=$dp_dir/$1.from to=$dp_dir/$1.to

	shift
	rm -f "$from" "$to"
	mkfifo "$from" "$to"
	# Without the other's pipe: held open by a third, it would never end.
	(
		[ -z "$dp_in" ] || exec {dp_in}>&-
		[ -z "$other_in" ] || exec {other_in}>&-
		exec "$@"
	) <"$to" >"$from" 2>"$dp_dir/$name.err" &
	printf -v "${name}_pid" %s $!
	exec {talk_in}>"$to" {talk_out}<"$from"
	printf -v "${name}_in" %s "$talk_in"
	printf -v "${name}_out" %s "$talk_out"
}

# dp_start DPCTL OPTION...: $dp_mech says by what it is attached.
dp_start()
{
	local line

	talk dp "$DPCTL" "$@"
	if ! read -r -t 20 line <&"$dp_out"; then
		diag "$(cat "$dp_dir/dp.err")"
		dp_stop
		return 1
	fi
	# shellcheck disable=SC2034
	dp_mech=${line#ready }
}

# dp COMMAND: what it answers
dp()
{
	local line

	echo "$1" >&"$dp_in" || return
	while read -r -t 10 line <&"$dp_out"; do
		[ "$line" != . ] || return 0
		echo "$line"
	done
	return 1
}

# dp_stop: it ends with its input; the status is its own. Not in a subshell, whose child it is not.
dp_stop()
{
	local pid=$dp_pid

	exec {dp_in}>&- {dp_out}<&-
	dp_pid='' dp_in=''
	wait "$pid"
}

# hits FAULT FROM TO: "MATCHED DROPPED", 0 0 if there were none
hits()
{
	dp hits | awk -v f="$1" -v s="$2" -v d="$3" \
		'$1 == f && $2 == s && $3 == d { m = $4; n = $5 } END { print m + 0, n + 0 }'
}

# other_start NS IFNAME HOW
other_start()
{
	local line

	talk other "$OTHER" "$1" "$2" "$3" "$OTHER_OBJ"
	read -r -t 20 line <&"$other_out" && return
	diag "$(cat "$dp_dir/other.err")"
	other_stop
	return 1
}

# other_seen: "INGRESS EGRESS"
other_seen()
{
	local line

	echo >&"$other_in" && read -r -t 10 line <&"$other_out" && echo "$line"
}

other_stop()
{
	local pid=$other_pid

	exec {other_in}>&- {other_out}<&-
	other_pid='' other_in=''
	wait "$pid"
}

# state NS...: links, qdiscs, filters and addresses
state()
{
	local ns

	for ns; do
		echo "namespace $ns"
		state_of "$ns"
	done
}

state_of()
{
	local ns=$1 dev

	ip -n "$ns" -d link show | sed 's/ promiscuity [0-9]*//'
	ip -n "$ns" addr show | grep inet | sed 's/ tentative//'
	tc -n "$ns" qdisc show
	for dev in $(ip -n "$ns" -o link show | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }'); do
		tc -n "$ns" filter show dev "$dev" ingress 2>/dev/null
		tc -n "$ns" filter show dev "$dev" egress 2>/dev/null
	done
}

# as_before NAME BEFORE NS...
as_before()
{
	local name=$1 before=$2 now

	shift 2
	now=$(state "$@")
	if [ "$before" = "$now" ]; then
		pass "$name"
	else
		fail "$name" "$(diff <(echo "$before") <(echo "$now"))"
	fi
}

# shellcheck disable=SC2034
members="-m a=netns:$A -m b=netns:$B -m c=netns:$C"
