# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# coexist.sh: for coexist_*.sh: several runs at once on a host of their own, and what packets between a and b then
# feel. The cable, meter and the bounds are those of tests/vm/lib.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../../vm/lib.sh"

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

# delayed NAME MS [OPTION...]: a test: packets take MS, at most 25 ms more (a busy or emulated machine), and none is
# lost.
delayed()
{
	local name=$1 us=$(($2 * 1000)) out

	out=$(meter_udp --count 200 --interval 2ms --size 200 --linger 1s "${@:3}" 2>&1)
	judged "$name: $2 ms" \
		".lost.packets == 0 and .delay_us.min >= $us and .delay_us.p50 <= $us + 25000" "$out"
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

doctor=$("$CHAOS" doctor --json 2>/dev/null)
# can FEATURE
can()
{
	jq -e --arg name "$1" '.features[] | select(.name == $name) | .ok' <<<"$doctor" >/dev/null
}
