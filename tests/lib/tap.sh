# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tap.sh: for test scripts (bash): results in TAP, and waiting for events. Source it, call check/is/skip, end
# with `finish`.
#
#   . "$(dirname "$0")/../lib/tap.sh"
set -u
export LC_ALL=C

tap_n=0 tap_bad=0

# tap_root: the project's top folder; CHAOS: the program under test.
tap_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${O:=$tap_root/.output}"
case $O in /*) ;; *) O=$tap_root/$O ;; esac
: "${CHAOS:=$O/chaos}"
export O CHAOS

diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

pass()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1"
}

# fail NAME [WHY]
fail()
{
	tap_n=$((tap_n + 1))
	tap_bad=$((tap_bad + 1))
	echo "not ok $tap_n - $1"
	[ $# -lt 2 ] || diag "$2"
}

# skip NAME WHY
skip()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

# skip_all WHY: end the script here, nothing can be tested.
skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

# check NAME COMMAND...: passes if the command succeeds; its output is shown if it does not.
check()
{
	local name=$1 out

	shift
	if out=$("$@" 2>&1); then
		pass "$name"
	else
		fail "$name" "exit status $? of: $*
$out"
	fi
}

# is NAME EXPECTED FOUND
is()
{
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "expected: $2
   found: $3"
	fi
}

# like NAME ERE TEXT
like()
{
	if grep -qE -- "$2" <<<"$3"; then
		pass "$1"
	else
		fail "$1" "expected to match: $2
            found: $3"
	fi
}

# finish: the plan; the exit status says whether all passed. Must be the last thing a script does.
finish()
{
	echo "1..$tap_n"
	[ "$tap_bad" -eq 0 ]
	exit
}

# wait_until SECONDS COMMAND...: until the command succeeds; 1 if it never did. The command is the event; the pause
# between two looks only keeps a small machine free for what is waited for.
wait_until()
{
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# gone PID: the process has ended (a zombie has).
gone()
{
	local state

	state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) || return 0
	case $state in Z* | X* | '') return 0 ;; esac
	return 1
}

# wait_gone SECONDS PID...
wait_gone()
{
	local limit=$1 pid

	shift
	for pid; do
		wait_until "$limit" gone "$pid" || return 1
	done
}

need_root()
{
	[ "$(id -u)" -eq 0 ] || skip_all "needs root"
}
