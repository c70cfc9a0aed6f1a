# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lab.sh: for lab_*.sh: a lab by labctl in a scratch folder, and what is left of it. Source it after tap.sh.

: "${LABCTL:=$O/tests/netns/labctl}"
lab_pid=
# In the environment of labctl and all its processes, of nobody else's.
lab_tag=LAB_TAG=$$-$RANDOM$RANDOM
tmp=$(mktemp -d "${TMPDIR:-/tmp}/lab-test-XXXXXX") || exit 1
run=$tmp/run

lab_cleanup()
{
	[ -z "$lab_pid" ] || kill -KILL "$lab_pid" 2>/dev/null
	rm -rf "$tmp"
}
trap lab_cleanup EXIT
trap 'exit 1' HUP INT TERM

lab_needs()
{
	local program

	need_root
	[ -x "$LABCTL" ] || skip_all "$LABCTL is not built"
	for program; do
		command -v "$program" >/dev/null || skip_all "$program is not installed"
	done
}

# lab_launch ARGS...: labctl in a new run folder, in the background. What it says is in $tmp/out.
lab_launch()
{
	rm -rf "$run" "$tmp/in"
	mkdir "$run" && mkfifo "$tmp/in" || exit 1
	: >"$tmp/out"
	exec 7<>"$tmp/in"
	# The commands must not inherit what we ignore or block.
	env --ignore-signal=USR1,PIPE --block-signal=USR2 "$lab_tag" "$LABCTL" -d "$run" "$@" <"$tmp/in" >"$tmp/out" 2>"$tmp/err" 7>&- &
	lab_pid=$!
}

lab_said()
{
	grep -qE -- "$1" "$tmp/out"
}

# lab_up ARGS...: until it is up or has failed; 0 if it is up. Not inside of $(...) or `check`.
lab_up()
{
	lab_launch "$@"
	wait_until 30 lab_said '^(up|error) ' || diag "$(cat "$tmp/out" "$tmp/err")"
	lab_said '^up ' && return
	exec 7>&-
	wait "$lab_pid"
	lab_pid=
	return 1
}

# lab_say LINE [ANSWER]: tell labctl, and wait for a line that matches.
lab_say()
{
	echo "$1" >&7
	[ $# -lt 2 ] || wait_until 5 lab_said "$2"
}

# lab_down: an orderly end; labctl's exit status, 1 if it has said anything to stderr. As lab_up.
lab_down()
{
	local status

	echo quit >&7
	exec 7>&-
	wait "$lab_pid"
	status=$?
	lab_pid=
	[ -s "$tmp/err" ] || return "$status"
	diag "$(head -n 40 "$tmp/err")"
	return 1
}

# lab_get WORD [NAME]: what follows it on its line.
lab_get()
{
	sed -n "s|^$1 ||p" "$tmp/out" | sed -n "s|^${2:+$2 }||p" | head -n 1
}

in_node()
{
	nsenter --net="$(lab_get netns "$1")" "${@:2}"
}

# Living processes of any lab of this test; zombies have no environment any more.
lab_processes()
{
	grep -lzxF "$lab_tag" /proc/[0-9]*/environ 2>/dev/null | sed 's|/proc/\([0-9]*\)/.*|\1|'
}

no_lab_processes()
{
	[ -z "$(lab_processes)" ]
}

# The namespaces that the processes of the lab have and hold: "net:[4026532001]", one a line.
lab_namespaces()
{
	local pid

	for pid in $(lab_processes); do
		readlink "/proc/$pid/ns/net" "/proc/$pid/ns/pid" "/proc/$pid/ns/mnt" "/proc/$pid"/fd/* 2>/dev/null
	done | grep -E '^(net|pid|mnt):\[' | sort -u | grep -vxF "$(readlink /proc/self/ns/net /proc/self/ns/pid /proc/self/ns/mnt)"
}

# visible NAMESPACES...: those of them that a living process is in or holds open.
visible()
{
	[ $# -gt 0 ] || return 1
	for d in /proc/[0-9]*; do
		gone "${d#/proc/}" || readlink "$d"/ns/* "$d"/fd/* 2>/dev/null
	done | grep -xF "$(printf '%s\n' "$@")"
}

none_visible()
{
	! visible "$@" >/dev/null
}

host_links()
{
	ip -o link show | sed -n 's/^[0-9]*: \(br0\|port[0-9]*\|eth0\)[:@].*/\1/p'
}
