#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
#
# discover.sh: `chaos targets` on real namespaces, cgroups, sockets and processes with odd names.
# shellcheck source=../lib/tap.sh disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
need_root

a=disca$$ b=discb$$ empty=disce$$ left=/run/netns/discl$$
tmp=$(mktemp -d)
bg=()
v2=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
group=$v2/disc$$.service

cleanup()
{
	local pid ns

	# also what those started
	for ns in $a $b $empty; do
		ip netns pids "$ns" 2>/dev/null | xargs -r kill -9 2>/dev/null
	done
	for pid in "${bg[@]}"; do
		kill -9 "$pid" 2>/dev/null
	done
	wait_gone 5 "${bg[@]}"
	[ -z "$v2" ] || rmdir "$group/in side" "$group" 2>/dev/null
	for ns in $a $b $empty; do
		ip netns del "$ns" 2>/dev/null
	done
	rm -f "$left"
	rm -rf "$tmp"
}
trap cleanup EXIT

for ns in $a $b $empty; do
	ip netns add "$ns"
	ip -n "$ns" link set lo up
done
ip -n "$a" link add eth0 type veth peer name eth0 netns "$b"
ip -n "$a" addr add 198.51.100.1/24 dev eth0
ip -n "$b" addr add 198.51.100.2/24 dev eth0
ip -n "$a" link set eth0 up
ip -n "$b" link set eth0 up

# in NETNS COMMAND...: in the background; its pid in $!
in_ns()
{
	ip netns exec "$@" </dev/null >/dev/null 2>&1 &
	bg+=($!)
	disown # bash need not say how it ended
}

json()
{
	"$CHAOS" targets --json "$@"
}

# process PID: its object, of all that is listed
process()
{
	json "pid:$1" | jq -c ".namespaces[].groups[].processes[] | select(.pid == $1)"
}

# found SELECTOR: the pids, ascending
found()
{
	json "$1" | jq -r '[.namespaces[].groups[].processes[].pid] | sort | join(" ")'
}

refused()
{
	local name=$1 ere=$2 out

	shift 2
	out=$("$CHAOS" targets "$@" 2>&1)
	is "$name: exit status 2" 2 $?
	like "$name: the message" "$ere" "$out"
}

# --- sockets, and who has them --------------------------------------------------------------------

in_ns "$a" socat TCP4-LISTEN:7001,reuseaddr,fork SYSTEM:'sleep 100'
server=$!
in_ns "$a" socat -u UDP4-RECV:7002,bind=198.51.100.1 OPEN:/dev/null
udp=$!
wait_until 10 ip netns exec "$b" socat -u OPEN:/dev/null TCP4:198.51.100.1:7001
in_ns "$b" socat TCP4:198.51.100.1:7001 EXEC:'sleep 100'
client=$!
connected()
{
	process "$client" | jq -e '.peers | length == 1'
}
check "the client connects" wait_until 10 connected

is "who listens" '["tcp:7001"]' "$(process "$server" | jq -c .listens)"
is "who receives datagrams on one address" '["udp:198.51.100.1:7002"]' "$(process "$udp" | jq -c .listens)"
is "who is connected, with whom" '[["198.51.100.1:7001",false,1]]' \
	"$(process "$client" | jq -c '[.peers[] | [.remote, .accepted, .connections]]')"
is "an accepted connection is its child's" true \
	"$(json "tree:$server" | jq -c '[.namespaces[].groups[].processes[].peers[]?] | any(.remote == "198.51.100.2")')"
is "a namespace's devices and addresses" '["198.51.100.1/24"]' \
	"$(json "netns:$a" | jq -c '.namespaces[0].devices[] | select(.name == "eth0") | .addresses | map(select(contains(".")))')"
is "by address" "netns:$b" "$(json cidr:198.51.100.2/32 | jq -r '.namespaces[].selector')"
is "by device" "netns:$b" "$(json interface:"$b"/eth0 | jq -r '.namespaces[].selector')"
is "a namespace without a process" 0 "$(json "netns:$empty" | jq '.namespaces[0].n_processes')"
like "it is in the tree" "netns:$empty \(no process\)" "$("$CHAOS" targets)"
like "the tree has the listener" "socat .* tcp:7001" "$("$CHAOS" targets "netns:$a")"
like "the tree has the peer" "socat .*-> 198.51.100.1:7001" "$("$CHAOS" targets "netns:$b")"

# --- odd names ------------------------------------------------------------------------------------

sleep=$(command -v sleep)
odd=("a) S (b" $'new\nline' $'esc\e[2Jape' "unicode-é" $'no\xffutf8' "-rf" "%s%n")
for name in "${odd[@]}"; do
	cp "$sleep" "$tmp/$name"
	in_ns "$empty" "$tmp/$name" 100
	wait_until 5 test "/proc/$!/exe" -ef "$tmp/$name" # no more what enters the namespace for it
	is "found by its name: $(printf %q "$name")" "$!" "$(found "comm:$name")"
done
out=$("$CHAOS" targets "netns:$empty")
is "each process has one line" ${#odd[@]} "$(grep -c root <<<"$out")"
is "nothing moves the cursor" "" "$(tr -d '\n[:print:]\200-\377' <<<"$out")"
like "newline" 'new\\nline' "$out"
like "bytes that are no UTF-8" 'no\\xffutf8' "$out"
is "the JSON has the name whole" $'new\nline' \
	"$(json "netns:$empty" | jq -r '.namespaces[].groups[].processes[].comm | select(contains("line"))')"
json >"$tmp/all.json"
check "JSON of all is JSON" jq -e '.namespaces | length >= 4' "$tmp/all.json"

# --- other selectors ------------------------------------------------------------------------------

in_ns "$empty" setpriv --reuid=65534 --clear-groups "$sleep" 101.5
user=$!
wait_until 5 grep -qz 101.5 "/proc/$user/cmdline"
wait_until 5 grep -q "^Uid:.65534" "/proc/$user/status"
like "by user" "(^| )$user( |$)" "$(found user:nobody)"
is "by arguments" "$user" "$(found 'args:*sleep 101.5')"
is "by program" "${#odd[@]}" "$(for n in "${odd[@]}"; do found "exe:$tmp/$n"; done | wc -l)"

if [ -n "$v2" ] && mkdir "$group" "$group/in side" 2>/dev/null; then
	echo "$user" >"$group/in side/cgroup.procs"
	echo "$server" >"$group/cgroup.procs"
	both=$(printf '%s\n' "$user" "$server" | sort -n | xargs)
	is "by cgroup, with all below" "$both" "$(found "cgroup:/disc$$.service")"
	is "by the cgroup's folder" "$user" "$(found "cgroup:$group/in side")"
	is "by unit" "$both" "$(found "unit:disc$$")"
	is "the cgroup's id is its inode's number" "$(stat -c %i "$group/in side")" \
		"$(process "$user" | jq .cgroup_id)"
	like "the tree groups by unit" "unit:disc$$.service" "$("$CHAOS" targets "netns:$a")"
else
	skip "by cgroup and unit" "no v2 cgroup hierarchy that can be written to"
fi

# --- what is wrong --------------------------------------------------------------------------------

in_ns "$empty" python3 -c 'import threading, time
t = threading.Thread(target=time.sleep, args=(100,), daemon=True)
t.start()
open("'"$tmp"'/tid", "w").write(str(t.native_id) + "\n")
t.join()'
threads=$!
wait_until 10 grep -q . "$tmp/tid"
refused "a thread" "is a thread of process $threads \(python3" "pid:$(cat "$tmp/tid")"
true &
gone=$!
wait "$gone"
refused "no such process" "no process $gone" "pid:$gone"
refused "no such pid" "4194304. is no process id" pid:4194304
refused "no such name" "did you mean .socat." comm:socta
refused "no such namespace" "did you mean .$a." "netns:${a}x"
refused "no such kind" "did you mean .comm:" com:socat
out=$(sh -c 'exec "$CHAOS" targets pid:$$' 2>&1)
is "chaos itself: exit status 2" 2 $?
like "chaos itself: the message" "is chaos itself" "$out"

touch "$left"
"$CHAOS" targets >/dev/null
is "a namespace that is not mounted disturbs nothing" 0 $?
is "and is counted" true "$(json | jq '.skipped.malformed >= 1')"
if setpriv --reuid=65534 --clear-groups test -x "$CHAOS"; then
	setpriv --reuid=65534 --clear-groups "$CHAOS" targets >"$tmp/out" 2>&1
	is "without root: what may be read" 0 $?
	like "without root: what may not is said" "may not be read" "$(cat "$tmp/out")"
else
	skip "without root" "another user may not run $CHAOS"
fi

# Processes that end while they are read.
churn()
{
	local i

	for ((i = 0; i < 400; i++)); do
		/bin/true
	done
}
churn &
churner=$!
bad=0 runs=0
while ! gone "$churner"; do
	"$CHAOS" targets --json >"$tmp/churn.json" && jq -e . "$tmp/churn.json" >/dev/null || bad=$((bad + 1))
	runs=$((runs + 1))
done
is "while processes come and go ($runs times)" 0 $bad
finish
