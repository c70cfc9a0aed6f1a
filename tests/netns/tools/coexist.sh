# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# coexist.sh: for coexist_*.sh: several runs at once on a host of their own, and what packets between a and b then
# feel. The cable, meter and the bounds are those of tests/vm/lib.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../../vm/lib.sh"

# What is tested just now, the beginning of the tests' names.
how=

# Packets of one measurement: 4 standard errors are 4.4 % of a loss of 44 %, 3.6 % of one of 20 %.
N=2000
declare -A run_pid=()

# run NAME FAULT [VALUE] [OPTION...]: a run beside the others, once it is armed; its words in $work/run.NAME.
run()
{
	local name=$1 end=$((SECONDS + 60)) words

	shift
	# Not the words of the one before.
	: >"$work/run.$name"
	set -m
	"$CHAOS" inject "$@" --seed "$SEED" >"$work/run.$name" 2>&1 </dev/null &
	run_pid[$name]=$!
	set +m
	until words=$(<"$work/run.$name"); [[ $words == *": armed"* ]]; do
		if gone "${run_pid[$name]}" || [ $SECONDS -ge $end ]; then
			fail "$how: the run $name comes on" "$words"
			return 1
		fi
		read -rt 0.05 <>"$work/pause"
	done
	return 0
}

# end NAME [SIGNAL]
end()
{
	local pid=${run_pid[$1]-}

	[ -n "$pid" ] || return
	unset "run_pid[$1]"
	kill "-${2:-INT}" "$pid" 2>/dev/null
	wait_gone 60 "$pid" && wait "$pid" 2>/dev/null
}

end_all()
{
	local name

	for name in "${!run_pid[@]}"; do
		end "$name"
	done
}

# lost NAME P [OPTION...]: a test: of N packets from a to b a share of P is lost, within four standard errors.
lost()
{
	local name=$1 p=$2 out

	shift 2
	out=$(meter_udp --count $N --interval 500us --size 200 --linger 500ms "$@" 2>&1)
	judged "$name: $p lost" ".lost.ratio | ratio($p; $N)" "$out"
}

# delayed NAME MS [OPTION...]: a test: packets take MS, and the fastest of 200 not 25 ms more (a busy or emulated
# machine holds up some of them, never all); none is lost.
delayed()
{
	local name=$1 us=$(($2 * 1000)) out

	out=$(meter_udp --count 200 --interval 2ms --size 200 --linger 1s "${@:3}" 2>&1)
	judged "$name: $2 ms" \
		".lost.packets == 0 and .delay_us.min >= $us and .delay_us.min < $us + 25000" "$out"
}

# judged NAME EXPRESSION JSON: a test
judged()
{
	if jq -e "$judge $2" <<<"$3" >/dev/null 2>&1; then
		pass "$how: $1"
	else
		fail "$how: $1" "expected $2
of $3"
	fi
	diag "$(jq -c '{lost: .lost.ratio, delay_us: [.delay_us | .min, .p50, .p90]}' <<<"$3" 2>&1)"
}

# settled NAME: a test: links, qdiscs and filters are as in $work/before. Programs are left out: the kernel frees those
# of the run before in the background, and others may run chaos on this machine.
settled()
{
	if wait_until 30 no_traces_here; then
		pass "$how: $1"
	else
		fail "$how: $1" "$(cat "$work/difference")"
	fi
}

no_traces_here()
{
	traces >"$work/now"
	diff <(grep -v '^name chaos' "$work/before") <(grep -v '^name chaos' "$work/now") >"$work/difference"
}

doctor=$("$CHAOS" doctor --json 2>/dev/null)
# can FEATURE
can()
{
	jq -e --arg name "$1" '.features[] | select(.name == $name) | .ok' <<<"$doctor" >/dev/null
}

OTHER=$O/tests/netns/other
other_pid='' other_in='' other_out=''

need_other()
{
	[ -x "$OTHER" ] || { echo "Bail out! $OTHER is not built"; exit 1; }
}

# other_start NS IFNAME HOW [OPTION...]: somebody else's programs, which count what goes to the meter's port.
other_start()
{
	local ns=$1 dev=$2 kind=$3 line

	shift 3
	rm -f "$work/to" "$work/from"
	mkfifo "$work/to" "$work/from"
	"$OTHER" "$ns" "$dev" "$kind" "$O/tests/netns/other.bpf.o" only=5201 "$@" <"$work/to" >"$work/from" 2>"$work/other" &
	other_pid=$! other_what=("$ns" "$dev" "$kind")
	exec {other_in}>"$work/to" {other_out}<"$work/from"
	read -r -t 30 line <&"$other_out" && return
	diag "$(cat "$work/other")"
	other_end
	return 1
}

# other_seen: "INGRESS EGRESS"
other_seen()
{
	local line

	echo >&"$other_in" && read -r -t 10 line <&"$other_out" && echo "$line"
}

# other_end: they go, and with them their qdisc, if that stayed.
other_end()
{
	[ -n "$other_in" ] || return
	exec {other_in}>&- {other_out}<&-
	wait "$other_pid"
	other_in=''
	case ${other_what[2]} in
	clsact) check "$how: their qdisc has stayed" tc -n "${other_what[0]}" qdisc del dev "${other_what[1]}" clsact ;;
	xdp) ip -n "${other_what[0]}" link set dev "${other_what[1]}" xdpgeneric off ;;
	esac
}

DPCTL=$O/tests/netns/dpctl
declare -A local_in=() local_pid=()

# local_run NAME OPTION...: a data plane by hand on what a sends to itself, which no selector of chaos's asks for by
# address; once it is armed.
local_run()
{
	local name=$1 in out line

	shift
	rm -f "$work/in" "$work/ready"
	mkfifo "$work/in" "$work/ready"
	(
		for in in "${local_in[@]}"; do
			exec {in}>&-
		done
		exec "$DPCTL" -m a=netns:a "$@"
	) <"$work/in" >"$work/ready" 2>"$work/run.$name" &
	local_pid[$name]=$!
	exec {in}>"$work/in" {out}<"$work/ready"
	local_in[$name]=$in
	read -r -t 60 line <&"$out"
	exec {out}<&-
	[[ $line != ready* ]] || return 0
	fail "$how: the run $name comes on" "$(cat "$work/run.$name")"
	return 1
}

# local_end NAME [SIGNAL]: it ends with its input.
local_end()
{
	local in=${local_in[$1]}

	[ $# -lt 2 ] || kill "-$2" "${local_pid[$1]}"
	exec {in}>&-
	wait "${local_pid[$1]}" 2>/dev/null
	unset "local_in[$1]" "local_pid[$1]"
}

# local_lost NAME P ADDRESS: a test: what a sends to itself.
local_lost()
{
	out=$("$METER" udp --send-netns a --recv-netns a --to "$3" --port 5201 --count $N --interval 300us \
		--linger 500ms 2>&1)
	judged "$1: $2 lost of what goes to $3" ".lost.ratio | ratio($2; $N)" "$out"
}
