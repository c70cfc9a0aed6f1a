#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 2400
#
# matrix.sh: the BPF programs and every fault on each kernel of the matrix: those of four Debian releases under
# qemu, two at a time, and this one.
#
# Without KVM a kernel is emulated, and its clock runs on while others have the processor: a check of times or
# of order may fail by that alone. So what failed is run once more, alone, and has to fail again; both runs are
# shown.
#
#   KERNELS="6.1 host" tests/vm/matrix.sh
. "$(dirname "$0")/../lib/tap.sh"
here=$tap_root/tests/vm
need_root

# Those that take longest first.
: "${KERNELS:=7.2 6.12 6.1 5.10 host}"
# Two at once took 340 s (5.10) to 607 s (7.2) on two cores that had other work too.
limit=1100

work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# start KERNEL: in the background, its output in $work/KERNEL, its own words in $work/KERNEL.err.
start()
{
	if [ "$1" = host ]; then
		# check-bpf has run the crafted packets here.
		"$here/suite.sh" "$here/inside.sh" "$here/faults.sh" >"$work/$1" 2>"$work/$1.err" &
	else
		# Beside others once, on a kernel with tcx, fq and fq_codel: it takes two minutes.
		[ "$1" != 6.12 ] || set -- "$1" env WITH_COEXIST=1
		"$here/run" -t $limit -l "$O/vm/$1.log" "$@" tests/vm/suite.sh >"$work/$1" 2>"$work/$1.err" &
	fi
	kernel_of[$!]=$1
}

# result LINE: one line of TAP, under the kernel's and the program's name.
result()
{
	local text=${1#*ok } name

	text=${text#* - }
	name="$kernel: $program: ${text%%# SKIP*}"
	case $1 in
	*"# SKIP"*)
		# cmocka has the name behind the word, TAP the reason.
		text=${text##*# SKIP }
		if [[ $1 == not* ]]; then
			skip "$kernel: $program: $text" "as it says"
		else
			skip "${name% }" "$text"
		fi
		;;
	ok*) pass "$name" ;;
	*) fail "$name" && return 1 ;;
	esac
}

# program_ends STATUS: with what it had promised, or that is a failure too.
program_ends()
{
	if [ "$planned" != "$n" ] || { [ "$1" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
		bad=1
		fail "$kernel: $program" "$n results where $planned were planned, exit status $1"
	fi
	[ "$bad" -eq 0 ] || diag "$(tail -n 60 "$work/lines")"
}

# complains KERNEL STATUS: is there anything in what it said that group() would call a failure?
complains()
{
	[ "$2" -ne 0 ] || grep '^not ok' "$work/$1" | grep -qv '# SKIP' || ! grep -q '^== kernel' "$work/$1"
}

# group KERNEL STATUS: what one kernel's suite has said.
group()
{
	local kernel=$1 program='' n=0 bad=0 planned=0 took='' line complaints

	if [ "$2" -eq 3 ]; then
		skip "$kernel" "$(tail -n 1 "$work/$kernel.err")"
		return
	fi
	while IFS= read -r line; do
		case $line in
		"== status "*) [ "$program" = kernel ] || program_ends "${line#== status }"; program= ;;
		"== took "*) took+="${line#== took }; " ;;
		"== "*) program=${line#== } n=0 bad=0 planned=none; : >"$work/lines" ;;
		1..[0-9]*) planned=${line#1..} ;;
		"ok "* | "not ok "*) n=$((n + 1)); result "$line" || bad=1 ;;
		"# "*) [[ $program != *.sh ]] || echo "$line" ;;
		esac
		echo "$line" >>"$work/lines"
	done <"$work/$kernel"
	complaints=$(sed '1,/^== kernel/d; /^== /d' "$work/$kernel")
	diag "$kernel: ${took%; }"
	# The host's are not ours alone.
	[ "$kernel" = host ] || is "$kernel: the kernel complains of nothing" "" "$complaints"
	if [ "$2" -ne 0 ] || [ -n "$program" ] || ! grep -q '^== kernel' "$work/$kernel"; then
		fail "$kernel: to the end" "exit status $2: $(cat "$work/$kernel.err")"
	fi
}

declare -A kernel_of=()
again=()
read -ra waiting <<<"$KERNELS"
while [ ${#waiting[@]} -gt 0 ] || [ ${#kernel_of[@]} -gt 0 ]; do
	while [ ${#waiting[@]} -gt 0 ] && [ ${#kernel_of[@]} -lt "${VM_AT_ONCE:-2}" ]; do
		start "${waiting[0]}"
		waiting=("${waiting[@]:1}")
	done
	wait -n -p ended "${!kernel_of[@]}"
	status=$?
	kernel=${kernel_of[$ended]}
	unset "kernel_of[$ended]"
	if complains "$kernel" $status && [ $status -ne 3 ]; then
		again+=("$kernel")
		grep -A 12 '^not ok' "$work/$kernel" | sed "s/^/# first try, $kernel: /"
		diag "$kernel: exit status $status $(cat "$work/$kernel.err")"
	else
		group "$kernel" $status
	fi
done
for kernel in "${again[@]}"; do
	start "$kernel"
	wait -n -p ended "${!kernel_of[@]}"
	status=$?
	unset "kernel_of[$ended]"
	group "$kernel" $status
done
finish
