#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# timed
#
# line_hold.sh: the delay line in user space, on a real TAP: order and times, headers, limits, and its ends.
. "$(dirname "$0")/../lib/tap.sh"

need_root
HOLDCTL=$O/tests/netns/holdctl
HOLD_PATH=$O/tests/netns/hold_path.bpf.o
for tool in "$HOLDCTL" "$HOLD_PATH"; do
	[ -e "$tool" ] || skip_all "no $tool: make check-netns builds it"
done
[ -c /dev/net/tun ] || skip_all "no /dev/net/tun"

dir=$(mktemp -d)
A=hold$$-a B=hold$$-b
ctl_pid=''

cleanup()
{
	[ -z "$ctl_pid" ] || kill "$ctl_pid" 2>/dev/null
	for ns in "$A" "$B"; do
		ip netns pids "$ns" 2>/dev/null | xargs -r kill 2>/dev/null
		ip netns del "$ns" 2>/dev/null
	done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

in_a()
{
	ip netns exec "$A" "$@"
}

hold()
{
	in_a "$HOLDCTL" "$@" 2>&1
}

# ctl_start VERB...: holdctl in the background; $line_pid is its line.
ctl_start()
{
	rm -f "$dir/in" "$dir/out"
	mkfifo "$dir/in" "$dir/out"
	# exec: $! is holdctl itself.
	(exec ip netns exec "$A" "$HOLDCTL" "$@" <"$dir/in" >"$dir/out") &
	ctl_pid=$!
	exec {ctl_in}>"$dir/in" {ctl_out}<"$dir/out"
	read -r -t 10 line_pid _ <&"$ctl_out"
}

ctl()
{
	local answer

	echo "$1" >&"$ctl_in"
	read -r -t 10 answer <&"$ctl_out"
	echo "$answer"
}

# Its input ends; so does it.
ctl_stop()
{
	exec {ctl_in}>&- {ctl_out}<&-
	wait "$ctl_pid" 2>/dev/null
	ctl_pid=''
}

# field NAME LINE: the word after NAME.
field()
{
	awk -v name="$1" '{ for (i = 1; i < NF; i++) if ($i == name) print $(i + 1) }' <<<"$2"
}

no_device()
{
	! ip -n "$A" link show hold0
}

for ns in "$A" "$B"; do
	ip netns add "$ns" || { fail "namespaces"; finish; }
done
ip -n "$A" link set lo up

# --- frames by hand ---

out=$(hold order 5000 200 50)
like "5000 frames, many of equal due time, come back in order, none early" "^back 5000 disorder 0 early 0 " "$out"
diag "in a burst: $out"
out=$(hold order 3000 200 0)
like "3000 frames of one due time come back in the order of their coming" "^back 3000 disorder 0 early 0 " "$out"
out=$(hold steady 300 2000 10)
like "a frame every 2 ms, delayed by 10 ms" "^back 300 disorder 0 early 0 " "$out"
diag "one by one: $out"
p50=$(field p50 "$out")
check "half of them at most 50 ms late" test "${p50:-99999}" -lt 50000

is "a tag of the frame's own goes behind ours" "tci 2abc proto 8100 tci 2064 payload same" "$(hold tag 8100 2064)"
is "so does a provider's" "tci 2abc proto 88a8 tci fff payload same" "$(hold tag 88a8 fff)"
is "a flush lets go of all, in order, and the line goes on" "before 0 after 500 took ok again 1" "$(hold flush 500)"
is "what is beyond the packets it may hold is counted" "held ok overflowed 200 back 200 bytes ok" "$(hold limit packets)"
is "and beyond the bytes" "held ok overflowed 200 back 200 bytes ok" "$(hold limit bytes)"
out=$(hold hostile 5000)
like "noise is counted and dropped, and the line goes on" "malformed [1-9][0-9]* lost 0 again 1" "$out"
is "all of it was looked at" "$(field sent "$out")" "$(field taken "$out")"

# --- ends ---

is "without its process: seen, said, and no device stays" "exit_fd 0 1 flush ESRCH device gone" "$(hold lose)"
ctl_start stay
check "the TAP is there" ip -n "$A" link show hold0
is "it has no address" "" "$(ip -n "$A" -br addr show hold0 | awk '{ print $3 }')"
is "the line keeps three descriptors of its own" "0 1 2 3 4 5" "$(find "/proc/$line_pid/fd" -type l -printf '%f\n' | sort -n | xargs)"
kill -INT "$line_pid" && kill -TERM "$line_pid" && kill -HUP "$line_pid"
is "a terminal's signals do not end it" alive "$(gone "$line_pid" && echo gone || echo alive)"
kill -9 "$ctl_pid"
wait "$ctl_pid" 2>/dev/null
check "kill -9 of the controller ends it" wait_gone 5 "$line_pid"
check "and the TAP" wait_until 5 no_device
ctl_stop
ctl_start stay
ctl_stop
check "a controller that stops ends it" wait_gone 1 "$line_pid"
check "and the TAP at once" wait_until 5 no_device

# --- real traffic: what leaves a is delayed by 20 ms ---

ip -n "$A" link add eth0 type veth peer name eth0 netns "$B"
i=0
for ns in "$A" "$B"; do
	i=$((i + 1))
	ip -n "$ns" link set lo up
	ip -n "$ns" addr add "10.79.0.$i/24" dev eth0
	ip -n "$ns" addr add "fd79::$i/64" dev eth0 nodad
	ip -n "$ns" link set eth0 up
	# Not every kernel has VLAN devices.
	ip -n "$ns" link add link eth0 name eth0.7 type vlan id 7 2>/dev/null || continue
	ip -n "$ns" addr add "10.79.7.$i/24" dev eth0.7
	ip -n "$ns" link set eth0.7 up
done
head -c 40000000 /dev/urandom >"$dir/sent"
sum=$(sha256sum <"$dir/sent")

# transfer ADDRESS FAMILY: the sum of what b gets from a.
transfer()
{
	local server

	ip netns exec "$B" timeout 30 socat -u "TCP$2-LISTEN:7000,reuseaddr" "OPEN:$dir/got,creat,trunc" &
	server=$!
	wait_until 5 listening || return
	in_a timeout 30 socat -u "OPEN:$dir/sent" "TCP$2:$1:7000"
	wait "$server"
	sha256sum <"$dir/got"
}

listening()
{
	[ -n "$(ip netns exec "$B" ss -Hltn 'sport = 7000')" ]
}

ctl_start path "$HOLD_PATH" eth0 20
in_a ping -c 1 -W 5 10.79.0.2 >/dev/null
rtt=$(in_a ping -c 20 -i 0.02 -q 10.79.0.2 | sed -n 's|^rtt.* = \([0-9.]*\)/\([0-9.]*\)/.*|\1 \2|p')
diag "rtt min avg: $rtt ms"
check "a ping takes 20 ms, or more" awk -v r="$rtt" 'BEGIN { split(r, v, " "); exit !(v[1] >= 20 && v[2] < 70) }'
is "TCP by IPv4 arrives whole" "$sum" "$(transfer 10.79.0.2 4)"
out=$(ctl stats)
diag "$out"
frames=$(field released "$out")
check "segments stayed together: $frames frames for 40 MB" test "${frames:-99999}" -lt 20000
is "TCP by IPv6 too" "$sum" "$(transfer '[fd79::2]' 6)"
if ip -n "$A" link show eth0.7 >/dev/null 2>&1; then
	is "and in a VLAN" "$sum" "$(transfer 10.79.7.2 4)"
else
	skip "and in a VLAN" "this kernel has no VLAN devices"
fi
out=$(ctl stats)
diag "$out"
is "nothing was lost" 0 "$(field lost "$out")"
taken=$(field taken "$out")
is "all that came went back, but for what is still held" "$taken" \
	"$(($(field released "$out") + $(field held "$out")))"
kill -9 "$line_pid"
check "kill -9 of the line: its TAP goes" wait_until 5 no_device
exec {ctl_in}>&-
wait "$ctl_pid" 2>/dev/null
ctl_pid=''
exec {ctl_out}<&-

finish
