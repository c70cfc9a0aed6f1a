#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
# timed
#
# select_process.sh: processes of one namespace, chosen by what they are, on lo: a fault on one is none on its neighbour.
# What restarts, forks, or moves into a chosen cgroup is under the fault; what stops matching leaves it.
# shellcheck source=../lib/tap.sh disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
need_root
command -v socat >/dev/null || skip_all "no socat"

ns=selp$$ tmp=$(mktemp -d) v2='' group=chaos-selp$$
# comm is the file's name: two servers that nobody else on the machine has.
a=sa$$ b=sb$$
bg=()
in_ns=(nsenter "--net=/run/netns/$ns") # ip-netns-exec hides the cgroup mounts

cleanup()
{
	local pid

	for pid in "${bg[@]}" $(ip netns pids "$ns" 2>/dev/null); do
		kill -9 "$pid" 2>/dev/null
	done
	ip netns del "$ns" 2>/dev/null
	[ -z "$v2" ] || wait_until 5 rmdir "$v2/$group"
	rm -rf "$tmp"
}
trap cleanup EXIT

ip netns add $ns
ip -n $ns link set lo up
for name in $a $b; do
	cp "$(command -v socat)" "$tmp/$name"
done

# serve NAME PORT: sets pid
serve()
{
	"${in_ns[@]}" "$tmp/$1" "TCP-LISTEN:$2,fork,reuseaddr" EXEC:cat >/dev/null 2>&1 &
	pid=$!
	bg+=("$pid")
}

# reach PORT [SECONDS]: a connection is made, and what is sent comes back
reach()
{
	"${in_ns[@]}" timeout "${2:-0.5}" bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && echo hello >&3 && read -r line <&3' \
		"$1" 2>/dev/null
}
cut_off()
{
	! reach "$@"
}

# inject ARGUMENT...: sets run; returns when it is armed
inject()
{
	: >"$tmp/out"
	"$CHAOS" inject partition "$@" --for 60s >"$tmp/out" 2>&1 &
	run=$!
	bg+=("$run")
	wait_until 10 grep -q "armed" "$tmp/out"
}
lift()
{
	kill -INT "$run"
	wait "$run"
}

ms_since()
{
	echo $(((${EPOCHREALTIME/./} - $1) / 1000))
}

# under NAME START PORT: within 1 s of START nothing gets through any more, and it stays so. While the machine is slow
# a connection may take its time to fail, so it is what begins after that second that counts.
under()
{
	local name=$1 start=$2 port=$3 last=''

	while [ "$(ms_since "$start")" -lt 1000 ]; do
		reach "$port" 0.1 && last=$(ms_since "$start")
	done
	diag "$name: the last connection that got through ended ${last:-(none)}${last:+ ms} after it began to match"
	check "$name" cut_off "$port"
}

serve $a 7001
a_pid=$pid
serve $b 7002
check "both are reached" wait_until 10 eval 'reach 7001 && reach 7002'

# --- it restarts -----------------------------------------------------------------------------------

inject --isolate comm:$a || { fail "it starts" "$(cat "$tmp/out")"; finish; }
check "the one is cut" wait_until 5 cut_off 7001
check "the other is not" reach 7002
kill "$a_pid"
check "it is said who left" wait_until 5 grep -q "$a .*left" "$tmp/out"
start=${EPOCHREALTIME/./}
serve $a 7001
a_pid=$pid
under "restarted, it is under the fault" "$start" 7001
check "it is said who joined" wait_until 5 grep -q "$a .*joined" "$tmp/out"
check "the other still is not" reach 7002

# It runs another program now, which nobody asked for.
kill "$a_pid"
wait_until 5 gone "$a_pid"
"${in_ns[@]}" bash -c 'exec -a x "$0" TCP-LISTEN:7001,fork,reuseaddr EXEC:cat' "$tmp/$b" >/dev/null 2>&1 &
bg+=($!)
a_pid=$!
check "what does not match is left alone" wait_until 5 reach 7001
lift
check "lifted" wait_until 5 reach 7002
kill "$a_pid"

# --- it forks ----------------------------------------------------------------------------------------

cp "$(command -v bash)" "$tmp/shell"
mkfifo "$tmp/do"
exec {ctl}<>"$tmp/do"
"${in_ns[@]}" "$tmp/shell" -c 'while read -r line; do eval "$line"; done' <"$tmp/do" >/dev/null 2>&1 &
shell=$!
bg+=("$shell")
inject --isolate "tree:$shell" || fail "tree: it starts" "$(cat "$tmp/out")"
# Its child listens from the beginning under the fault: nobody ever gets through.
echo "'$tmp/$b' TCP-LISTEN:7003,fork,reuseaddr EXEC:cat & child=\$!" >&"$ctl"
listens()
{
	[ -n "$("${in_ns[@]}" ss -Htnl "sport = :$1")" ]
}
check "what it forks listens" wait_until 5 listens 7003
check "and is cut from the first packet on" cut_off 7003
check "and stays so" cut_off 7003
check "its neighbour is not" reach 7002
lift
check "tree: lifted" wait_until 5 reach 7003
echo 'kill $child' >&"$ctl"

# --- it moves to another cgroup ----------------------------------------------------------------------

v2=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
if [ -n "$v2" ] && mkdir "$v2/$group" 2>/dev/null; then
	sleep 200 &
	bg+=($!)
	echo $! >"$v2/$group/cgroup.procs"
	b_pid=$("${in_ns[@]}" ss -Htnlp 'sport = :7002' | grep -o 'pid=[0-9]*' | cut -d= -f2)
	inject --isolate "cgroup:/$group" || fail "cgroup: it starts" "$(cat "$tmp/out")"
	check "not yet in it, it is reached" reach 7002
	start=${EPOCHREALTIME/./}
	echo "$b_pid" >"$v2/$group/cgroup.procs"
	under "moved into the cgroup, it is under the fault" "$start" 7002
	echo "$b_pid" >"$v2/cgroup.procs"
	check "moved out of it, it is reached" wait_until 5 reach 7002
	lift
	kill "${bg[-2]}" 2>/dev/null
else
	v2=''
	skip "moved into the cgroup, it is under the fault" "no v2 cgroup can be made"
fi

# --- the record, and the bound -----------------------------------------------------------------------

serve $a 7001
a_pid=$pid
wait_until 5 reach 7001
cat >"$tmp/x.yaml" <<EOF
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: bound}
spec:
  duration: 60s
  maxEndpoints: 1
  endpoints:
    web: {process: {comm: $a}}
  faults:
    - {partition: {isolate: web}, at: 0s}
EOF
"$CHAOS" run "$tmp/x.yaml" --out "$tmp/run" >"$tmp/out" 2>&1 &
run=$!
bg+=("$run")
check "within maxEndpoints it is cut" wait_until 10 cut_off 7001
"${in_ns[@]}" "$tmp/$a" TCP-LISTEN:7005,fork,reuseaddr EXEC:cat >/dev/null 2>&1 &
bg+=($!)
wait_gone 10 "$run"
wait "$run"
is "a second one is more than maxEndpoints allows: the run ends" 3 $?
like "it is said why" "match 2 things and maxEndpoints allows 1" "$(cat "$tmp/out")"
check "and the network is back" reach 7001

sed -i '/maxEndpoints/d; s/60s/4s/' "$tmp/x.yaml"
"$CHAOS" run "$tmp/x.yaml" --out "$tmp/run2" >"$tmp/out" 2>&1 &
run=$!
bg+=("$run")
wait_until 10 cut_off 7001
kill "$a_pid"
wait_gone 20 "$run"
wait "$run"
is "a run without the bound ends well" 0 $?
check "who left is in the record" grep -q '"type":"member".*"event":"left".*"what":"'$a'"' "$tmp/run2/events.jsonl"
check "which can be read again" "$CHAOS" report "$tmp/run2"

# --- what chaos itself asks ------------------------------------------------------------------------------

serve $a 7001
wait_until 5 reach 7001
cat >"$tmp/x.yaml" <<EOF
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: probed}
spec:
  duration: 3s
  endpoints:
    web: {process: {comm: $a}}
    place: {netns: $ns}
  systems:
    - {name: echo, tcp: {port: 7001, send: 'I lead\n'}, leader: 'I lead'}
  faults:
    - {partition: {isolate: web}, at: 0s}
  observe:
    roles: [{resource: echo, system: echo, endpoints: [place], every: 100ms}]
EOF
"$CHAOS" run "$tmp/x.yaml" --out "$tmp/run3" >"$tmp/out" 2>&1 &
run=$!
bg+=("$run")
check "with a probe on it, it is cut for others" wait_until 10 cut_off 7001
wait "$run"
is "a run with a probe ends well" 0 $?
# What was asked before the first answer could come may have been on its way when the fault began.
like "the probe is answered" "^[1-9][0-9]* 0$" "$(jq -rs '[.[] | select(.type == "role")] |
	"\([.[] | select(.claim)] | length) \([.[1:][] | select(.role == "error")] | length)"' "$tmp/run3/events.jsonl")"
check "others were cut" jq -es 'any(.[]; .type == "fault" and .event == "cleared" and .hits.dropped > 0)' "$tmp/run3/events.jsonl"

# --- what it would be --------------------------------------------------------------------------------

out=$("$CHAOS" check "$tmp/x.yaml")
like "check: the processes" "processes: [0-9]+ $a" "$out"
like "check: lo" "devices: lo" "$out"
check "check --json" jq -e '.[0].endpoints[0].members[0] | .processes[0].comm == "'$a'" and (.namespaces[0].whole | not)' \
	<<<"$("$CHAOS" check --json "$tmp/x.yaml")"

# --- the way in --------------------------------------------------------------------------------------

# What the caller came by is chosen itself, and stays open: from 127.0.0.1, port 40000.
serve $b 2222
mkfifo "$tmp/in"
exec {in}<>"$tmp/in"
"${in_ns[@]}" socat -u -T 20 "PIPE:$tmp/in" TCP:127.0.0.1:2222,sourceport=40000,retry=20,interval=0.05 >/dev/null 2>&1 &
bg+=($!)
wait_until 5 eval '"${in_ns[@]}" ss -Htn state established sport = :2222 | grep -q 40000'
export SSH_CONNECTION="127.0.0.1 40000 127.0.0.1 2222"
: >"$tmp/out"
"${in_ns[@]}" "$CHAOS" inject partition --isolate comm:$b --for 20s >"$tmp/out" 2>&1 &
run=$!
bg+=("$run")
check "in the caller's own namespace, by socket, without being asked for" wait_until 10 cut_off 7002
echo hello >&"$in"
received()
{
	"${in_ns[@]}" ss -Htin state established sport = :2222 | grep -q "bytes_received:6"
}
check "the caller's SSH session goes on" wait_until 5 received
check "others of the same server are cut" cut_off 2222
lift
finish
