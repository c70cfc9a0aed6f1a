#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# alone
# timed
#
# readme_processes.sh: README.md's lines for processes and units do what README says: two processes cut from each other
# on lo, what a unit sends lost in part, and nothing of others. The host is a network namespace of the test's own.
# shellcheck source=../lib/tap.sh disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
need_root
for program in socat python3; do
	command -v $program >/dev/null || skip_all "no $program"
done
[ "${CHAOS_OWN_NET-}" ] || CHAOS_OWN_NET=1 exec unshare --net "$0" "$@"
# shellcheck source=tests/netns/tools/readme.sh
. "$(dirname "$0")/tools/readme.sh"
ip link set lo up
# On lo what comes back from the line has a source address that is local.
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter

tmp=$(mktemp -d) bg=() unit='' slice=''

cleanup()
{
	local pid

	for pid in "${bg[@]}"; do
		kill -9 "$pid" && wait "$pid"
	done 2>/dev/null
	[ -z "$unit" ] || wait_until 5 rmdir "$unit"
	[ -z "$slice" ] || rmdir "$slice" 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT

# The names are README's: what else has them on this machine would be under the faults too.
for name in shop-web shop-db; do
	! pgrep -x $name >/dev/null || skip_all "a process $name is there already"
	cp "$(command -v socat)" "$tmp/$name"
done

# echoes PORT: a connection is made, and what is sent comes back
echoes()
{
	timeout 1 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && echo hello >&3 && read -r line <&3' "$1" 2>/dev/null
}
accepts()
{
	timeout 1 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$1" 2>/dev/null
}
silent()
{
	! echoes "$@"
}

# --- a process from a process --------------------------------------------------------------------------

# shop-web passes on to shop-db what it gets; beside them a server that nobody names.
"$tmp/shop-db" TCP-LISTEN:7002,fork,reuseaddr EXEC:cat >/dev/null 2>&1 &
bg+=($!)
"$tmp/shop-web" TCP-LISTEN:7001,fork,reuseaddr TCP:127.0.0.1:7002 >/dev/null 2>&1 &
bg+=($!)
socat TCP-LISTEN:7003,fork,reuseaddr EXEC:cat >/dev/null 2>&1 &
bg+=($!)
check "all are reached" wait_until 10 eval 'echoes 7001 && echoes 7002 && echoes 7003'
if readme_line 'comm:shop-web .*comm:shop-db' && readme_run; then
	check "processes: shop-web does not get through to shop-db" silent 7001
	check "processes: others reach shop-web" accepts 7001
	check "processes: others reach shop-db" echoes 7002
	check "processes: others reach others" echoes 7003
	check "processes: ping on lo" ping -n -q -c 1 -W 1 127.0.0.1
	readme_end
	check "processes: lifted" wait_until 5 echoes 7001
fi

# --- a unit ----------------------------------------------------------------------------------------------

v2=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
! mkdir "${v2:-/none}/system.slice" 2>/dev/null || slice=$v2/system.slice
if ! mkdir "${v2:-/none}/system.slice/shop-app.service" 2>/dev/null; then
	skip "a unit" "no v2 cgroup of that name can be made"
	finish
fi
unit=$v2/system.slice/shop-app.service

# Counts datagrams until one says end and no more come; its buffer holds all there are.
cat >"$tmp/count" <<'EOT'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
s.bind(("127.0.0.1", 7010))
print("ready", flush=True)
n = 0
try:
    while True:
        if s.recv(100) == b"end":
            s.settimeout(0.5)
        else:
            n += 1
except socket.timeout:
    print(n, flush=True)
EOT
# Sends 4000 when it is told to, at a pace that no queue on the way minds.
cat >"$tmp/send" <<'EOT'
import socket
import sys
import time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for line in sys.stdin:
    for i in range(4000):
        s.sendto(b"x", ("127.0.0.1", 7010))
        if i % 20 == 0:
            time.sleep(0.001)
    print("sent", flush=True)
EOT
mkfifo "$tmp/app" "$tmp/other"
exec {app}<>"$tmp/app" {other}<>"$tmp/other"
bash -c 'echo $$ >"$1/cgroup.procs" && exec python3 "$2/send"' _ "$unit" "$tmp" <"$tmp/app" >"$tmp/app.out" 2>&1 &
bg+=($!)
python3 "$tmp/send" <"$tmp/other" >"$tmp/other.out" 2>&1 &
bg+=($!)

# arrived NAME FD: how many of what it sends
arrived()
{
	local counter

	: >"$tmp/count.out"
	python3 "$tmp/count" >"$tmp/count.out" 2>&1 &
	counter=$!
	: >"$tmp/$1.out"
	wait_until 10 grep -q ready "$tmp/count.out" && echo go >&"$2" && wait_until 30 grep -q sent "$tmp/$1.out"
	python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"end", ("127.0.0.1", 7010))'
	wait $counter
	sed -n 2p "$tmp/count.out"
}
in_unit()
{
	grep -q . "$unit/cgroup.procs"
}
check "a process is in the unit" wait_until 10 in_unit
if readme_line 'unit:shop-app' && readme_run; then
	n=$(arrived app $app)
	# 10 % of 4000, by 5 standard deviations.
	check "unit: of 4000 that it sends, 400 do not arrive ($((4000 - n)))" test "$n" -ge 3505 -a "$n" -le 3695
	is "unit: of its neighbour's all arrive" 4000 "$(arrived other $other)"
	readme_end
	is "unit: lifted" 4000 "$(arrived app $app)"
fi
finish
