#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 60
# timed
#
# A lab that cannot be: what is said, and that nothing of it remains.
# shellcheck disable=SC2016 # ${ip} is for labctl
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/lab.sh"
lab_needs redis-server python3 setpriv mount unshare

# The disks of this test are mounted where only it sees them.
if [ -z "${LAB_FAIL_INSIDE:-}" ]; then
	rm -rf "$tmp"
	LAB_FAIL_INSIDE=1 exec unshare --mount --propagation private "$0" "$@"
fi

# fails NAME ERE ARGS...: labctl says an error that matches, and leaves nothing.
fails()
{
	local name=$1 re=$2 said

	shift 2
	if lab_up "$@"; then
		lab_down
		fail "$name" "it came up"
		return
	fi
	said=$(sed -n '/^error /,/^destroyed /p' "$tmp/out")$(cat "$tmp/err")
	if ! tr '\n' '|' <<<"$said" | grep -qE -- "$re"; then
		fail "$name" "expected to match: $re
            found: $said"
	elif ! no_lab_processes; then
		fail "$name" "processes remain: $(lab_processes)"
	else
		pass "$name"
	fi
}

nothing_made()
{
	[ -z "$(ls -A "$run")" ]
}

fails "all missing programs at once, with their packages" \
	'^error -2 n1, n2: no-such-a is not installed: apt-get install pkg-a\|n1: no-such-b is not in PATH\|n2: no-such-c is not in PATH\|' \
	-n n1 -p no-such-a=pkg-a -r no-such-b -n n2 -p no-such-a=pkg-a -c 'no-such-c x'
check "and nothing was touched" nothing_made
fails "an unknown name" '^error -22 n1: run: unknown `\$\{n2\.ip\}`: expected .*did you mean `\$\{n1\.ip\}`\?' \
	-n n1 -r 'sleep ${n2.ip}'
check "and nothing was touched" nothing_made
fails "a program that is not in the node's folder" \
	"^error -2 n1: $run/nodes/n1/prog: cannot execute: No such file or directory" -n n1 -r '${dir}/prog'
fails "a program that is none" "^error -13 n1: $run/nodes/n1/prog: cannot execute: Permission denied" \
	-n n1 -f prog=hello -r '${dir}/prog'
fails "a readiness command that cannot be executed" '^error -2 n1: ready: .*/prog: cannot execute: No such file' \
	-n n1 -r 'sleep 1000' -c '${dir}/prog'
fails "a file outside of its folder" '^error -22 n1: file \.\./x would be outside' -n n1 -f ../x=y -r 'sleep 1000'
check "and nothing was left" nothing_made

fails "a server that exits at once, with the end of its log" \
	'^error -10 n1: `.*` ended with exit status 5 before the node was ready; see .*/sh.log:\|  two\|  three\|  four\|  five\|  six\|destroyed' \
	-n n1 -s -r 'printf "%s\n" one two three four five six; exit 5' -t 6379
fails "a server that ends well but is gone" \
	'^error -10 n1: `.*` ended with exit status 0 before .*; nothing in .*/sh.log\|' -n n1 -s -r 'exit 0' -t 6379
fails "a server that is killed" '^error -10 n1: `.*` was killed by signal 6 \(Aborted\) before' \
	-n n1 -s -r 'kill -ABRT $$$$' -t 6379
fails "a configuration that the server rejects" \
	'^error -10 n1: `redis-server .*` ended with exit status 1 before.*no-such-option' \
	-n n1 -f 'redis.conf=no-such-option 1' -r 'redis-server ${dir}/redis.conf' -t 6379
# Whoever is first has the port; the other fails, and with it the lab.
fails "a port that is taken" \
	'^error -10 n1: `redis-server --port 6379 --bind .*` ended with exit status 1.*Address already in use' \
	-n n1 -r 'redis-server --port 6379 --bind ${ip}' -r 'redis-server --port 6379 --bind ${ip}' -c false
fails "a port that nobody opens, within its time" \
	'^error -110 n1: not ready within 300ms: TCP port 6379: Connection refused; see .*/sh.log:\|  hello\|' \
	-n n1 -s -r 'echo hello; exec sleep 1000' -t 6379 -w 300
fails "a service that does not answer 2xx" \
	'^error -110 n1: not ready within 3s: http://10.99.0.1:8000/none: HTTP status 404; see' \
	-n n1 -r 'python3 -m http.server --bind ${ip} 8000' -u 'http://${ip}:8000/none' -w 3000
fails "a readiness command that never agrees" \
	'^error -110 n1: not ready within 300ms: `ls /none`: exit status 2; see .*/ready.log:\|  ls: .*/none' \
	-n n1 -r 'sleep 1000' -c 'ls /none' -w 300
fails "a readiness command that hangs" '^error -110 n1: not ready within 300ms: `sleep 999`: no answer yet' \
	-n n1 -r 'sleep 1000' -c 'sleep 999' -w 300

lab_up -n n1 -r 'python3 -m http.server --bind ${ip} 8000' -u 'http://${ip}:8000/' -w 10000 \
	-n n2 -s -r 'python3 -m http.server --bind ${ip6} 8000 & exit 0' -t 8000 -w 10000 \
	-n n3 -r 'python3 -m http.server --bind 127.0.0.1 8000' -t 8000 -w 10000
is "ready by HTTP, by TCP over IPv6 of a daemon, by TCP on loopback" 0 $?
lab_down
is "orderly end" 0 $?

lab_launch -n n1 -r 'sleep 1000' -t 6379 -w 30000
wait_until 10 lab_said '^started'
kill -TERM "$lab_pid"
check "a wait is interrupted" wait_until 2 lab_said '^error -4 interrupted'
wait "$lab_pid"
lab_pid=
check "and nothing remains" no_lab_processes

# ---- folders ----

lab_up -n x -r true
is "a command that has done its work, where nothing is waited for" 0 $?
check "its exit is an event" wait_until 5 lab_said '^exit x 0 '
lab_down
rm -rf "$run/nodes"
mkdir -p "$run/nodes/n1" && echo precious >"$run/nodes/n1/file"
is "a node's folder that exists is not ours" "error -17 $run/nodes/n1: File exists" \
	"$("$LABCTL" -d "$run" -n n0 -r 'sleep 1' -n n1 -r 'sleep 1' 2>&1 </dev/null | grep ^error)"
is "and is left alone" "precious nodes nodes/n1 nodes/n1/file" \
	"$(cat "$run/nodes/n1/file") $(cd "$run" && find . -mindepth 1 -printf '%P\n' | sort | paste -sd ' ')"
chmod 755 "$tmp" && chmod 777 "$run" && rm -rf "$run/nodes"
like "not root" '^error -1 cannot make a network namespace: Operation not permitted \(root is needed\)' \
	"$(setpriv --reuid 65534 --regid 65534 --clear-groups "$LABCTL" -d "$run" -n n1 -r 'sleep 1' 2>&1 </dev/null | grep ^error)"
check "and nothing was left" nothing_made

# ---- a full disk ----

mkdir "$tmp/small" && mount -t tmpfs -o size=64k,nr_inodes=64 lab-test "$tmp/small" || exit 1
head -c 65536 /dev/zero >"$tmp/small/full" 2>/dev/null
on_small()
{
	"$LABCTL" -d "$tmp/small" "$@" 2>&1 </dev/null
}
like "a disk that is full from the start" '^error -28 .*No space left on device' \
	"$(on_small -n n1 -f "big=$(seq 2000)" -r 'sleep 1000')"
is "nothing is left" "full" "$(ls -A "$tmp/small")"
rm "$tmp/small/full"
rm -rf "$run" && ln -s "$tmp/small" "$tmp/link"
lab_launch -d "$tmp/small" -n n1 -f 'conf=x' -s -r 'yes >$${PWD}/fill; echo full; exec sleep 1000' \
	-r 'while :; do mkdir -p d/e && echo x >d/e/f; sleep 0.05; done'
disk_full()
{
	[ "$(df --output=avail "$tmp/small" | tail -n 1)" -eq 0 ]
}
wait_until 10 lab_said '^up'
check "a disk that fills up" wait_until 5 disk_full
lab_down
is "the lab ends in order on a full disk" 0 $?
is "nothing but logs and rendered files is left" "nodes nodes/n1 nodes/n1/conf nodes/n1/sh-2.log nodes/n1/sh.log" \
	"$(cd "$tmp/small" && find . -mindepth 1 -printf '%P\n' | sort | paste -sd ' ')"
check "no process either" no_lab_processes
umount "$tmp/small"
finish
