#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
#
# test_caps.sh: chaos as a user who is not root and has just the capabilities that it says it needs: what works, what is
# refused without one of them, what every thread and process still has while faults are on; and what such a user cannot
# do to root through the folder where runs are listed.
. "$(dirname "$0")/lib.sh"
private_host "$@"
need_chaos
for tool in setpriv jq /usr/bin/python3; do
	type -P "$tool" >/dev/null || skip_all "needs $tool"
done

# The folder of a user's runs is in /tmp, where other users' runs would be seen too. What is built may be there.
private_tmp()
{
	local real=$work dir

	mkdir /run/tmp && mount --rbind /tmp /run/tmp && mount -t tmpfs -o mode=1777 chaos-tmp /tmp
	for dir in "$tap_root" "$O"; do
		case $dir in /tmp/*) mkdir -p "$dir" && mount --rbind "/run$dir" "$dir" ;; esac
	done
	HOST_PROC=/run$real/proc
	work=/tmp/work
	mkdir -m 755 "$work"
	# shellcheck disable=SC2064
	trap "umount -R -l /tmp /run/tmp; umount -l '$real/proc'; rm -rf --one-file-system '$real'" EXIT
}

private_tmp
make_pair
light_experiment >"$work/light.yaml"

# Number of each, as in linux/capability.h.
declare -A number=([dac_override]=1 [kill]=5 [net_admin]=12 [sys_ptrace]=19 [sys_admin]=21 [perfmon]=38 [bpf]=39)
uid=65534
mine=/tmp/chaos-$uid
tool=/run/chaos-for-all
install -m 755 "$CHAOS" $tool
mkdir "$work/user"
chown $uid "$work/user"

# mask CAP,...: as /proc/PID/status has it.
mask()
{
	local sum=0 cap

	for cap in ${1//,/ }; do
		sum=$((sum | 1 << number[$cap]))
	done
	printf %016x $sum
}

# as CAP,... COMMAND...: as the user with these capabilities, and no others to be had.
as()
{
	local set=-all${1:+,+${1//,/,+}}

	shift
	(cd "$work/user" && exec setpriv --reuid=$uid --regid=$uid --clear-groups --inh-caps="$set" \
		--ambient-caps="$set" --bounding-set="$set" "$@")
}

# The controller of the one run there is.
controller()
{
	"$CHAOS" status --json | jq -r '.[0].info.pid'
}

# sets PID [NAME]: permitted, effective, inheritable and ambient set and no_new_privs of its threads (of that name), each
# combination once.
sets()
{
	local task

	for task in /proc/"$1"/task/*; do
		[ $# -lt 2 ] || [ "$(cat "$task/comm")" = "$2" ] || continue
		awk '/^Cap(Prm|Eff|Inh|Amb)|^NoNewPrivs/ { printf "%s ", $2 }' "$task/status"
		echo
	done 2>/dev/null | sort -u
}

bounding()
{
	cat /proc/"$1"/task/*/status | awk '/^CapBnd/ { print $2 }' | sort -u
}

# has NAME PID SET [NO_NEW_PRIVS]: a test: all of its threads have this set, permitted and effective, and no other.
has()
{
	local m

	m=$(mask "$3")
	is "$1" "0000000000000000 $m $m 0000000000000000 ${4-1} " "$(sets "$2" | awk '{ print $1, $2, $3, $4, $5 " " }')"
}

# second_run: that of the second of two files, with its fault on.
second_run()
{
	"$CHAOS" status --json | jq -e '.[0] | (.info.file | test("again/")) and any(.status.faults[]; .active)'
}

child_named()
{
	pgrep -x "$1" | head -n 1
}

none=''
others=net_admin,sys_admin
own=bpf,net_admin,perfmon
# What a packet is held by must be open to the user.
if [ -e /dev/net/tun ]; then
	mknod -m 666 /run/tun c 10 200
	mount --bind /run/tun /dev/net/tun
fi
snapshot a b >"$work/before"

# --- faults, by users with exactly what they take ---

start as $others $tool inject partition --isolate netns:a
check "a user's partition cuts" wait_until 10 silent b 192.0.2.1
has "its controller keeps two capabilities" "$(controller)" $others
is "and its folder is its own" "$uid 700" "$(stat -c '%u %a' $mine)"
like "root sees the run" "^inject-partition.*user $uid" "$("$CHAOS" status)"
like "the user too" "^inject-partition" "$(as "$none" $tool status)"
check "the user stops it without any capability" as "$none" $tool stop
ends "it ends" 10
is "well" 0 "$status"
as_before "nothing is left" "$work/before" a b
check "not even its folder" test ! -e $mine

start as $others $tool inject partition --isolate netns:a
wait_until 10 active
check "root stops a user's run" "$CHAOS" stop
ends "that one ends" 10
as_before "nothing is left of it" "$work/before" a b

start as $others $tool inject loss 100% --from netns:a --to netns:b
check "a user's loss on the line" wait_until 10 silent a 192.0.2.2
kill -KILL "$(controller)"
ends "kill -9 ends it" 5
check "and the loss with it" wait_until 5 answers a 192.0.2.2
like "root sees that it crashed" "user $uid.*crashed" "$("$CHAOS" status)"
check "and clears it" "$CHAOS" clear
as_before "nothing is left of what was killed" "$work/before" a b

for hold in fq tap; do
	start as $others $tool inject delay 60ms --hold $hold --from netns:a --to netns:b
	if ! wait_until 10 active; then
		ended 5
		skip "a user's delay by $hold" "$(head -n 1 "$work/out")"
		continue
	fi
	like "a user's delay by $hold" 'time=(6[0-9]|[7-9][0-9]|[0-9]{3,})' "$(ip netns exec a ping -n -c 1 192.0.2.2)"
	if [ $hold = tap ]; then
		has "the process behind the TAP has none" "$(child_named chaos-hold)" "$none"
		is "may be traced by none of the user's" 0 "$(stat -c %u "/proc/$(child_named chaos-hold)/environ")"
	fi
	kill -INT "$(controller)"
	ends "the delay ends" 10
	as_before "nothing is left of the delay" "$work/before" a b
done

start ip netns exec a setpriv --reuid=$uid --regid=$uid --clear-groups --inh-caps=-all,+${own//,/,+} \
	--ambient-caps=-all,+${own//,/,+} --bounding-set=-all,+${own//,/,+} $tool inject partition \
	--isolate interface:eth0 --allow-host
check "a partition of the user's own namespace needs no CAP_SYS_ADMIN" wait_until 10 silent b 192.0.2.1
has "its controller keeps what loads and attaches" "$(controller)" $own
kill -INT "$(controller)"
ends "it ends as the others" 10
as_before "nothing is left in the namespace" "$work/before" a b

# --- a whole run, with servers, probes and clients ---

if type -P redis-server >/dev/null; then
	cp "$work/light.yaml" "$work/user/"
	start as $others $tool run --out run light.yaml
	check "a user's run has its fault on" wait_until 20 active
	pid_run=$(controller)
	is "its threads: the controller's two capabilities, and none" \
		"0000000000000000 0000000000000000 0000000000000000 0000000000000000 1
0000000000000000 $(mask $others) $(mask $others) 0000000000000000 1" "$(sets "$pid_run" | sed 's/ $//')"
	has "the lab's init: to enter namespaces" "$(child_named chaos-lab)" sys_admin
	has "the servers: none" "$(child_named redis-server)" "$none"
	ends "the run ends" 60
	like "by its own verdict" '^[01]$' "$status"
	is "with a complete record" complete \
		"$(tail -n 1 "$work/user/run/events.jsonl" | jq -r 'select(.type == "end") | .status')"
	is "that is the user's" $uid "$(stat -c %u "$work/user/run/report.html")"
	as_before "nothing is left of the run" "$work/before" a b
else
	skip "a whole run" "no redis-server"
fi

# --- without one of them ---

# refused NAME WORDS COMMAND...: with status 2 and these words, and nothing touched.
refused()
{
	local name=$1 words=$2 status

	shift 2
	"$@" >"$work/out" 2>&1 </dev/null
	status=$?
	is "$name: status" 2 "$status"
	like "$name: words" "$words" "$(cat "$work/out")"
	as_before "$name: nothing touched" "$work/before" a b
}

refused "without CAP_NET_ADMIN" 'missing privileges: CAP_NET_ADMIN$' as sys_admin $tool inject partition --isolate netns:a
refused "without CAP_SYS_ADMIN" 'missing privileges: CAP_SYS_ADMIN$' as $own $tool inject partition --isolate netns:a
refused "without CAP_BPF" 'missing privileges: CAP_BPF$' as net_admin,perfmon $tool inject partition --isolate interface:eth0
refused "without CAP_PERFMON" 'missing privileges: CAP_PERFMON$' as bpf,net_admin $tool inject partition --isolate interface:eth0
refused "a loss without CAP_SYS_ADMIN" 'missing privileges: CAP_SYS_ADMIN$' as $own $tool inject loss 1% --from interface:eth0 --to cidr:192.0.2.2
refused "a run without CAP_SYS_ADMIN" 'missing privileges: CAP_SYS_ADMIN$' as $own $tool run --out x "$work/light.yaml"
refused "without any" 'CAP_NET_ADMIN, CAP_SYS_ADMIN$' as "$none" $tool inject partition --isolate netns:a
refused "clear without CAP_SYS_PTRACE" 'missing privileges: CAP_SYS_PTRACE$' as $others $tool clear

ip netns exec a sleep 1000 &
sleeper=$!
wait_until 5 sh -c "ip netns identify $sleeper | grep -q ."
snapshot a b >"$work/with-sleeper"
mv "$work/before" "$work/without-sleeper"
mv "$work/with-sleeper" "$work/before"
refused "another user's process without CAP_SYS_PTRACE" 'CAP_SYS_PTRACE' as $others $tool inject partition --isolate "netns:$sleeper"
start as $others,sys_ptrace $tool inject partition --isolate "netns:$sleeper"
check "with it, its namespace is cut" wait_until 10 silent b 192.0.2.1
has "and it is given up, being used no more" "$(controller)" $others
kill -INT "$(controller)"
ends "the cut ends" 10
kill "$sleeper"
wait "$sleeper" 2>/dev/null
mv "$work/without-sleeper" "$work/before"
as_before "nothing is left of the cut" "$work/before" a b

check "check needs none" as "$none" $tool check "$work/light.yaml"
check "targets needs none" as "$none" $tool targets
like "check names what an interface elsewhere takes" CAP_SYS_ADMIN \
	"$(as "$none" $tool inject loss 1% --from interface:a/eth0 --to cidr:192.0.2.2 2>&1)"
check "clear takes three" as $others,sys_ptrace $tool clear

as $own $tool doctor --json >"$work/doctor"
is "doctor: what is missing" "CAP_DAC_READ_SEARCH CAP_SYS_ADMIN CAP_SYS_NICE CAP_SYS_PTRACE CAP_SYS_RESOURCE" \
	"$(jq -r '[.privileges.capabilities[] | select(.held | not) | .name] | sort | join(" ")' "$work/doctor")"
is "doctor: what a run lacks" CAP_SYS_ADMIN \
	"$(jq -r '.privileges.commands[] | select(.command == "run, inject") | .missing | join(" ")' "$work/doctor")"
is "doctor: what works" '[]' \
	"$(jq -c '.privileges.commands[] | select(.command | test("interface")) | .missing' "$work/doctor")"
check "doctor as root lacks nothing that a command needs" \
	sh -c "'$CHAOS' doctor --json | jq -e 'all(.privileges.commands[]; .missing == [])'"
check "doctor: faults are possible with two" as $others $tool doctor

# --- each capability that is kept is used: without it, what changes while faults are on is not followed ---

dpctl=$O/tests/netns/dpctl
# follows SET MODE NUMBER MEMBER: whether a new device comes under the programs of a data plane that has lost this one: 0,
# or 1 if it says why not. That the namespace forwards now makes it load another instance of the programs.
follows()
{
	local set=-all,+${1//,/,+} found

	rm -f "$work/in" "$work/err"
	mkfifo -m 666 "$work/in"
	ip netns exec a setpriv --reuid=$uid --regid=$uid --clear-groups --inh-caps="$set" --ambient-caps="$set" \
		--bounding-set="$set" /run/dpctl --mode "$2" -m a=netns:/proc/self/ns/net -m b="$4" \
		--cut a,b <"$work/in" >"$work/dp" 2>"$work/err" &
	exec 7>"$work/in"
	if wait_until 10 grep -q ready "$work/dp"; then
		[ "$3" = 0 ] || echo "without $3" >&7
		[ "$3" = 0 ] || wait_until 5 grep -q '^\.' "$work/dp"
		ip netns exec a sysctl -qw net.ipv4.ip_forward=1
		ip -n a link add br9 type bridge
		ip -n a link set br9 up
		wait_until 5 sees_change
		found=$?
	else
		found=2
	fi
	exec 7>&-
	wait
	ip -n a link del br9
	ip netns exec a sysctl -qw net.ipv4.ip_forward=0
	# What it had no right to take away any more.
	"$CHAOS" clear >/dev/null
	[ "$found" = 0 ] || return 2
	grep -q '^a br9' "$work/dp"
}

# The answer of either side: it stands there, or an error was said.
sees_change()
{
	echo attached >&7
	grep -q '^a br9' "$work/dp" || [ -s "$work/err" ]
}

if [ -x "$dpctl" ]; then
	install -m 755 "$dpctl" /run/dpctl
	check "own namespace: a new device is followed" follows $own tcx 0 cidr:192.0.2.2
	for cap in bpf net_admin perfmon; do
		follows $own tcx "${number[$cap]}" cidr:192.0.2.2
		is "own namespace: not without CAP_${cap^^}" 1 $?
	done
	check "other namespaces: a new device is followed" follows $others clsact 0 netns:b
	for cap in net_admin sys_admin; do
		follows $others clsact "${number[$cap]}" netns:b
		is "other namespaces: not without CAP_${cap^^}" 1 $?
	done
	as_before "nothing is left of those" "$work/before" a b
else
	skip "what is kept is used" "no $dpctl: make check-netns builds it"
fi

# --- root gives up too, and its servers and commands are root's ---

full=$(awk '/^CapEff/ { print $2 }' /proc/self/status)
# One command says which capabilities it has. The other hangs as another user: it takes CAP_KILL to end it.
sed 's|^  observe:|  systems:\n    - {name: hangs, command: "exec setpriv --reuid='$uid' sleep 1000", leader: leader}\n    - {name: asks, command: "grep Cap /proc/self/status >'"$work"'/asked; echo leader", leader: leader}\n  observe:|; s|roles: \[|roles: [{resource: hung, system: hangs, endpoints: [n1], every: 500ms}, {resource: asked, system: asks, endpoints: [n1], every: 500ms}, |' \
	"$work/light.yaml" >"$work/asks.yaml"
if type -P redis-server >/dev/null && [ "$(id -u)" = 0 ]; then
	# Where only CAP_DAC_OVERRIDE lets root write.
	install -d -o $uid -m 700 "$work/user/private"
	# Two files: after the first nothing may be gone for good.
	mkdir "$work/again"
	cp "$work/asks.yaml" "$work/again/asks.yaml"
	cd "$work/user/private" || exit
	start "$CHAOS" run "$work/asks.yaml" "$work/again/asks.yaml"
	check "root's first run has its fault on" wait_until 20 active
	root_set=$(mask $others,dac_override)
	is "of two runs, the first only puts aside" "$root_set" \
		"$(sets "$(controller)" chaos | awk '{ print $3 }' | grep -v '^0*$' | grep -v "^$(mask kill)$")"
	check "the second has its fault on" wait_until 30 second_run
	pid_run=$(controller)
	is "the controller: what is left" "0000000000000000 $root_set $root_set 0000000000000000 1 " \
		"$(sets "$pid_run" chaos | grep " $root_set ")"
	check "its bounding set is that too" grep -q "CapBnd:.$root_set" "/proc/$pid_run/status"
	check "probes and clients: none" grep -q "0000000000000000 0000000000000000 0000000000000000 0000000000000000 1" \
		<(sets "$pid_run")
	check "no other set" test "$(sets "$pid_run" | wc -l)" -eq 3
	is "servers: as any program of root's" "0000000000000000 $full $full 0000000000000000 0 " \
		"$(sets "$(child_named redis-server)")"
	like "commands too" "CapEff:.$full" "$(cat "$work/asked")"
	ends "both end" 60
	is "the record of both is complete" "complete complete" \
		"$(tail -qn 1 chaos-runs/*/events.jsonl | jq -r 'select(.type == "end") | .status' | xargs)"
	is "and so are the reports, written last" 2 "$(find chaos-runs -name report.html -size +0 | wc -l)"
	cd / || exit
	as_before "nothing is left of root's" "$work/before" a b
else
	skip "a run of root's" "no redis-server"
fi

# --- capabilities of the file ---

if setcap cap_net_admin,cap_sys_admin+ep $tool 2>/dev/null; then
	start setpriv --reuid=$uid --regid=$uid --clear-groups $tool inject loss 100% --from netns:a --to netns:b
	check "capabilities of the file do" wait_until 10 silent a 192.0.2.2
	has "and are given up as well" "$(controller)" $others
	kill -INT "$(controller)"
	ends "it ends too" 10
	as_before "nothing is left of it either" "$work/before" a b
	setcap -r $tool
else
	skip "capabilities of the file" "setcap does not do it here"
fi

# --- a user who means ill by root ---

sleep 1000 &
victim=$!
# hostile ID: a live run to all appearance, that never answers, of a process that is root's.
hostile()
{
	setpriv --reuid=$uid --regid=$uid --clear-groups /usr/bin/python3 -c '
import fcntl, json, os, socket, sys, time
where, run, victim = sys.argv[1:]
os.makedirs(where + "/" + run, 0o700)
os.chdir(where + "/" + run)
json.dump({"pid": int(victim), "name": "x\033]0;owned\007"}, open("info.json", "w"))
s = socket.socket(socket.AF_UNIX)
s.bind("control")
s.listen(0)
lock = open("lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
time.sleep(1000)' $mine "$1" "$victim" &
	wait_until 10 test -e "$mine/$1/lock"
}

hostile evil
evil=$!
wait_until 5 sh -c "'$CHAOS' status | grep -q evil"
mkfifo "$mine/fifo-run" 2>/dev/null
setpriv --reuid=$uid --regid=$uid --clear-groups sh -c "cd $mine && mkdir -m 700 crashed \$(printf 'esc\\033[31m') &&
	mkfifo crashed/info.json crashed/lock && ln -s /run/netns linked && ln -s /etc/passwd crashed/control"
timeout 20 "$CHAOS" status >"$work/out" 2>&1
is "status of what is hostile comes to its end" 0 $?
is "and shows no control characters" 0 "$(grep -c '[[:cntrl:]]' "$work/out")"
timeout 60 "$CHAOS" clear >"$work/out" 2>&1
is "clear says that it cannot end that run" 3 $?
check "and kills no process of root's" kill -0 $victim
check "/run/netns is as it was" test -e /run/netns/a
kill $evil
wait $evil 2>/dev/null
"$CHAOS" clear >"$work/out" 2>&1
check "once it is dead its folder goes" test ! -e $mine/evil
kill $victim
wait $victim 2>/dev/null
rm -rf $mine

mkdir -m 755 /run/trap
ln -s /run/trap $mine
refused3()
{
	"$@" >"$work/out" 2>&1
	is "a folder that is someone else's link: refused" 3 $?
	like "a folder that is someone else's link: words" "$mine" "$(cat "$work/out")"
}
refused3 as $others $tool inject partition --isolate netns:a --for 1s
is "nothing was made behind the link" "" "$(ls -A /run/trap)"
rm $mine
mkdir -m 777 $mine
chmod 777 $mine
chown $uid $mine
refused3 as $others $tool inject partition --isolate netns:a --for 1s
rm -r $mine
as_before "nothing is left in the end" "$work/before" a b

finish
