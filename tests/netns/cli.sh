#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# timed
#
# cli.sh: the command line on two named namespaces: what people type, right and wrong. On a host of its own, for
# `chaos clear` ends every run that it finds.
# shellcheck source=../safety/lib.sh disable=SC2016
. "$(dirname "$0")/../safety/lib.sh"
private_host "$@"

a=cli$$a b=cli$$b
tmp=$work

ip netns add $a
ip netns add $b
ip -n "$a" link add eth0 type veth peer name eth0 netns $b
for ns in $a $b; do
	ip -n "$ns" link set lo up
	ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	ip -n "$ns" link set eth0 up
done
ip -n "$a" addr add 192.0.2.1/24 dev eth0
ip -n "$b" addr add 192.0.2.2/24 dev eth0
ip -n "$a" addr add 2001:db8::1/64 dev eth0 nodad
ip -n "$b" addr add 2001:db8::2/64 dev eth0 nodad

ping_b()
{
	ip netns exec "$a" ping -q -n -c 3 -i 0.02 -W 0.3 "${1:-192.0.2.2}"
}

# Folders of state.
states()
{
	find /run/chaos -mindepth 1 -maxdepth 1 -name 'inject-*' -o -name 'same-*' 2>/dev/null
}

cut_off()
{
	! ping_b "$@"
}

# usage_error NAME ERE ARGUMENT...: exit status 2, the message, and nothing else happens.
usage_error()
{
	local name=$1 ere=$2 out

	shift 2
	out=$("$CHAOS" "$@" 2>&1 </dev/null)
	is "$name: exit status 2" 2 $?
	like "$name: the message" "$ere" "$out"
}

experiment()
{
	cat >"$tmp/x.yaml"
	echo "$tmp/x.yaml"
}

check "packets pass before" ping_b

# --- inject ---------------------------------------------------------------------------------------

start_inject()
{
	"$CHAOS" inject "$@" >"$tmp/out" 2>"$tmp/err" &
	inject=$!
}

start_inject partition --from netns:"$a" --to netns:"$b" --for 20s
check "a partition cuts IPv4" wait_until 5 cut_off
check "and IPv6" cut_off 2001:db8::2
like "status shows it" "inject-partition.*fault|ACTIVE" "$("$CHAOS" status)"
check "status --json is JSON" jq -e 'any(.[]; .status.faults[0].active)' <("$CHAOS" status --json)
check "stop ends it" "$CHAOS" stop "$(basename "$(states)")"
wait $inject
is "an ended inject with --for says that it was interrupted" 130 $?
check "and the network is back" ping_b
is "no state is left" "" "$(states)"

# What crashed runs leave behind: the folder with its info.json.
for run in b:3 c:1 a:2; do
	(umask 077 && mkdir -p "/run/chaos/${run%:*}")
	echo "{\"started_realtime_ns\": ${run#*:}}" >"/run/chaos/${run%:*}/info.json"
done
is "status lists runs in the order of their starts" "c a b" "$("$CHAOS" status | awk '{ printf "%s%s", sep, $1; sep = " " }')"
check "and clear takes what is left of them" "$CHAOS" clear
is "all of it" "" "$(states)"

start_inject partition --isolate netns:"$a"
check "isolate cuts" wait_until 5 cut_off
kill -INT $inject
wait $inject
is "Ctrl-C is the end of an inject without --for" 0 $?
check "and the network is back" ping_b

start_inject partition --from netns:"$a" --to netns:"$b" --direction to --proto icmp --for 20s
check "one way, one protocol: cuts ping" wait_until 5 cut_off
kill -INT $inject
wait $inject
like "what was hit is said" "[0-9]+ matched, [0-9]+ dropped" "$(cat "$tmp/out")"

out=$("$CHAOS" inject loss 100% --from netns:"$a" --to netns:"$b" --for 300ms --json)
is "loss for 300 ms ends by itself with 0" 0 $?
check "--json is JSON" jq -e '.[0].name == "loss"' <<<"$out"
check "and the network is back" ping_b

start_inject partition --isolate netns:"$a"
check "isolate again" wait_until 5 cut_off
kill -STOP $inject
check "a stopped controller's lease ends" wait_until 8 ping_b
kill -KILL $inject
wait $inject 2>/dev/null
check "clear removes the rest of a killed one" "$CHAOS" clear
is "nothing is left of it" "" "$(states)"

start_inject partition --isolate netns:"$a" --for 60s --attach clsact
check "by clsact a killed one" wait_until 5 cut_off
kill -KILL $inject
wait $inject 2>/dev/null
like "may have faults for a little, as status says" "crashed; .*by clsact within five seconds" \
	"$("$CHAOS" status)"
check "clear --crashed ends them" "$CHAOS" clear --crashed
check "at once" ping_b

mkdir -p /run/chaos
chmod 777 /run/chaos
for verb in status stop clear; do
	out=$("$CHAOS" $verb 2>&1)
	is "$verb where runs cannot be listed: exit status 3" 3 $?
	like "$verb says so" "cannot read /run/chaos" "$out"
done
chmod 700 /run/chaos

# --- the SSH session stays ------------------------------------------------------------------------

# The caller sits in $b and came from $a, port 40000 to 22.
ip netns exec "$b" socat TCP-LISTEN:2222,fork,reuseaddr EXEC:cat >/dev/null 2>&1 &
mkfifo "$tmp/in"
exec {in}<>"$tmp/in" # so that neither end waits for the other
ip netns exec "$a" socat -u -T 20 "PIPE:$tmp/in" TCP:192.0.2.2:2222,sourceport=40000,retry=20,interval=0.05 >/dev/null 2>&1 &
wait_until 5 sh -c "ip netns exec $b ss -Htn state established sport = :2222 | grep -q 40000"
SSH_CONNECTION="192.0.2.1 40000 192.0.2.2 2222" ip netns exec "$b" "$CHAOS" inject partition --isolate netns:"$b" --allow-host --for 20s >"$tmp/out" 2>&1 &
inject=$!
check "the caller's own namespace can be cut when asked for" wait_until 5 cut_off
echo hello >&"$in"
received()
{
	ip netns exec "$b" ss -Htin state established sport = :2222 | grep -q "bytes_received:6"
}
check "but its SSH session goes on" wait_until 5 received
kill -INT $inject
wait $inject

# --- wrong usage ------------------------------------------------------------------------------------

usage_error "no address to listen at" '--listen: `foo`: expected ADDRESS:PORT' agent --node n --kubeconfig /dev/null --listen foo
usage_error "no command" "Usage" 
usage_error "unknown command" 'no command `rnu`; did you mean `run`' rnu
usage_error "unknown option" 'no option `--jsn`' --jsn status
usage_error "unknown fault" 'no fault `partion`; did you mean `partition`' inject partion --from netns:"$a"
usage_error "nobody" "whose packets" inject partition
usage_error "unknown selector" 'netns' inject partition --from netnss:$a --to netns:"$b"
usage_error "no such namespace" "no.*namespace" inject partition --from netns:nosuch$$ --to netns:"$b"
usage_error "probability above 100 %" "chaos: loss: .101%. is out of range" inject loss 101% --from netns:"$a" --to netns:"$b"
usage_error "an error names its flag" "chaos: --jitter: .20. is no duration" inject delay 100ms --jitter 20 --from netns:"$a"
usage_error "several errors" "chaos: --queue: .fast. is no queue" inject delay 1 rate 1mbit --queue fast --from netns:"$a"
usage_error "an error of the resolver names its flag" "chaos: --to: no network namespace" inject delay 1s --from netns:"$a" --to netns:nosuch$$
usage_error "no such device" "chaos: --from: no interface .nosuch. in $a" inject mtu 1400 --from interface:"$a"/nosuch
usage_error "a flag of another fault" "jitter goes with delay" inject loss 1% --jitter 5ms --from netns:"$a"
usage_error "a reordering of nothing delayed" "overtake the delayed" inject reorder 25% --from netns:"$a"
usage_error "jitter above its latency, in order" "cannot leave before it came" inject delay 1ms 2ms --order keep --from netns:"$a"
usage_error "a delay beyond the horizon" "more than 1m" inject delay 1s 20s --from netns:"$a"
usage_error "a rate of 0" "out of range" inject rate 0bit --from netns:"$a"
usage_error "reset and reject" "answered once" inject reset reject --from netns:"$a"
usage_error "a ramp of nothing" "chaos: --ramp: .*moves" inject loss 1% --ramp 5s --from netns:"$a"
usage_error "time without a unit" "unit" inject partition --isolate netns:"$a" --for 30
usage_error "a cut of the caller" "allow-host" inject partition --isolate netns:$$ --for 1s
usage_error "neither side is here" "here|on this machine" inject partition --from cidr:198.51.100.0/24 --to cidr:203.0.113.0/24 --for 1s
usage_error "no such file" "nosuch.yaml" run "$tmp/nosuch.yaml"
usage_error "check of no such file" "nosuch.yaml" check "$tmp/nosuch.yaml"
usage_error "not a run folder" "events.jsonl" report "$tmp"
usage_error "a seed that no record can hold" "0 to 2.63-1" inject loss 1% --from netns:"$a" --seed 9223372036854775808
usage_error "stop of an unknown run" "no active run" stop nosuch

file=$(experiment <<EOF
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: wrong}
spec:
  duration: 5s
  endpoints:
    a: {netns: $a}
    b: {netns: $b}
  faults:
    - {name: cut, att: 1s, for: 1s, partition: {halves: [[a], [b]]}}
EOF
)
usage_error "unknown key" 'x.yaml:10:19: .*`att`.*`at`' run "$file" --out "$tmp/run"
is "and no run folder is made" "" "$(ls -d "$tmp/run" 2>/dev/null)"

file=$(experiment <<EOF
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: same}
spec:
  duration: 5s
  endpoints:
    a: {netns: $a}
    b: [{netns: $b}, {cidr: 192.0.2.1/32}]
  faults:
    - {name: cut, at: 1s, for: 1s, partition: {halves: [[a], [b]]}}
EOF
)
usage_error "an address in two endpoints" '192.0.2.1' run "$file" --out "$tmp/run"
is "and no run folder is left" "" "$(ls -d "$tmp/run" 2>/dev/null)"
is "nor state" "" "$(states)"

# --- a run without a lab, on namespaces there are ---------------------------------------------------

file=$(experiment <<EOF
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: short}
spec:
  seed: 7
  duration: 2s
  endpoints:
    a: {netns: $a}
    b: {netns: $b}
  faults:
    - {name: cut, at: 500ms, for: 1s, partition: {halves: [[a], [b]]}}
  expect: ["faults[cut].hits.dropped > 0"]
EOF
)
check "check touches nothing and says what would be" "$CHAOS" check "$file"
check "check tells long times without an exponent" grep -q 'when: 10001.5-10002.5 s' \
	<("$CHAOS" check <(sed 's/duration: 2s/duration: 3h/; s/at: 500ms/at: 10001500ms/' "$file"))
check "and no end of a run that has none" grep -q 'when: until stopped' \
	<("$CHAOS" check <(sed 's/duration: 2s/duration: until-stopped/; s/at: 500ms, for: 1s/at: 0s/' "$file"))
like "check names the device" "eth0" "$("$CHAOS" check "$file")"
like "check says what the fault does" "cut: partition: parts a . b" "$("$CHAOS" check "$file")"
check "check --json is JSON" jq -e '.[0].faults[0].edges | length == 2' <("$CHAOS" check --json "$file")
ip netns exec "$a" ping -q -n -i 0.05 -w 4 192.0.2.2 >/dev/null 2>&1 &
pinger=$!
out=$("$CHAOS" run "$file" --out "$tmp/run" 2>&1)
is "the run holds its expectation" 0 $?
like "plain lines tell when" "cut: armed" "$out"
for f in experiment.yaml events.jsonl series.csv summary.json report.html junit.xml chaos.log; do
	check "run folder has $f" test -s "$tmp/run/$f"
done
check "hits are in the summary" jq -e '.faults[0].hits.dropped > 0 and .verdict == "pass"' "$tmp/run/summary.json"
check "armed within 50 ms of its time" jq -e '.faults[0].armed_at_s | . >= 0.5 and . < 0.55' "$tmp/run/summary.json"
usage_error "a run folder that exists" "exists" run "$file" --out "$tmp/run"
is "numbers are as short as they can be told" "" "$(grep -E '\.[0-9]*(0{7}|9{7})[0-9]+,?$' "$tmp/run/summary.json")"
cp "$tmp/run/summary.json" "$tmp/before.json"
check "report renders it again" "$CHAOS" report "$tmp/run"
check "to the same summary" cmp "$tmp/before.json" "$tmp/run/summary.json"
check "the recorded experiment parses again" "$CHAOS" check "$tmp/run/experiment.yaml"

wait_gone 5 $pinger
out=$("$CHAOS" run "$file" --out "$tmp/run2" 2>&1)
is "no packet, no verdict: exit status 1" 1 $?
check "the expectation is unknown, or failed on 0 drops" jq -e '.verdict != "pass"' "$tmp/run2/summary.json"

mkdir "$tmp/beside"
both()
{
	local p q

	(cd "$tmp/beside" && exec "$CHAOS" -q run "$file") &
	p=$!
	(cd "$tmp/beside" && exec "$CHAOS" -q run "$file") &
	q=$!
	wait $p
	is "one of two runs of a name at once: exit status of its verdict" 1 $?
	wait $q
	is "the other too" 1 $?
	is "each has a folder and an id of its own" 2 \
		"$(jq -r .run_id "$tmp"/beside/chaos-runs/short-*/summary.json | sort -u | wc -l)"
}
both

file2=$tmp/guard.yaml
sed 's/duration: 2s/duration: 20s/; s/for: 1s/for: 19s/; /expect/d' "$file" >"$file2"
echo '  guard: [{when: "faults[cut].hits.dropped > 2", then: abort}]' >>"$file2"
ip netns exec "$a" ping -q -n -i 0.05 -w 15 192.0.2.2 >/dev/null 2>&1 &
pinger=$!
"$CHAOS" run "$file2" --out "$tmp/guard" >/dev/null 2>&1
is "a guard ends a run: exit status 3" 3 $?
check "while the fault is in force, by what it has done so far" jq -e \
	'.status == "aborted" and .duration_s < 10 and .faults[0].hits.dropped > 2' "$tmp/guard/summary.json"
check "and the network is back" ping_b
kill $pinger
wait_gone 5 $pinger

# --- what cannot be written -------------------------------------------------------------------------

mkdir "$tmp/small"
mount -t tmpfs -o size=64k chaos-small "$tmp/small"
out=$("$CHAOS" run "$file" --out "$tmp/small/run" 2>"$tmp/err")
is "a disk with room for the record and not for the report: exit status 3" 3 $?
like "what is missing is said" "report.html: cannot be written: No space left" "$(cat "$tmp/err")"
like "the verdict all the same" "Verdict: " "$out"
mount -o remount,ro chaos-small "$tmp/small"
out=$("$CHAOS" report --json "$tmp/small/run" 2>"$tmp/err")
is "report in a folder that takes no files: exit status 3" 3 $?
check "it prints what it read" jq -e '.name == "short"' <<<"$out"
umount "$tmp/small"
"$CHAOS" check "$file" >/dev/full 2>"$tmp/err"
is "output that is lost is no success" 3 $?
like "which is said" "standard output: No space left" "$(cat "$tmp/err")"
"$CHAOS" inject loss 1% --from netns:"$a" --to netns:"$b" --for 20s >&- 2>&- &
inject=$!
check "with its streams closed it runs" wait_until 5 sh -c "'$CHAOS' status | grep -q ACTIVE"
is "and nothing of its own gets into their place" "/dev/null /dev/null" \
	"$(readlink /proc/$inject/fd/1 /proc/$inject/fd/2 | paste -sd' ')"
kill -INT $inject
wait $inject

# --- a lab: isolated together, a device of a node ---------------------------------------------------

file=$(experiment <<'EOF'
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: together}
spec:
  duration: 3s
  lab:
    nodes:
      n1: {run: ["ping -q -i 0.1 ${n2.ip}"]}
      n2: {run: ["ping -q -i 0.1 ${n3.ip}"]}
      n3: {run: ["ping -q -i 0.1 ${n1.ip}"]}
  endpoints:
    e3: {interface: eth0, netns: n3}
  faults:
    - {name: cut, at: 500ms, for: 1s, partition: {isolate: [n1, n2]}}
    - {name: lossy, at: 2s, for: 500ms, from: e3, loss: {probability: 100%}}
  guard: [{when: "faults[cut].hits.dropped > 1000000", then: abort}]
EOF
)
sed 's/faults\[cut\]/faults[cuts]/' "$file" >"$tmp/nosuch.yaml"
sed 's/when: "[^"]*"/when: "writes.lost > 1000"/' "$tmp/nosuch.yaml" >"$tmp/late.yaml"
like "a guard on what only the final reads tell" ':16:19: warning: the final reads .* it ends nothing' \
	"$("$CHAOS" check "$tmp/late.yaml" 2>&1)"
usage_error "a guard on a fault that is not" ':16:26: no fault `cuts`; did you mean `cut`?' check "$tmp/nosuch.yaml"
check "a run with a lab" "$CHAOS" run "$file" --out "$tmp/together"
edge()
{
	jq -e --arg f "$1" --arg a "$2" --arg b "$3" 'any(.faults[] | select(.name == $f) | .edges[];
		.from == $a and .to == $b and .dropped > 0)' "$tmp/together/summary.json"
}
check "isolated together: cut from others" edge cut n2 n3
check "both ways" edge cut n3 n1
is "but not from each other" false "$(edge cut n1 n2)"
check "a device of a node of the lab" edge lossy n3 n1

sed 's/{run: \["ping -q -i 0.1 ${n2.ip}"\]}/{sh: true, run: ["echo one; echo two; sleep 9"], ready: {tcp: 1, within: 300ms}}/' "$file" >"$tmp/late.yaml"
out=$("$CHAOS" run "$tmp/late.yaml" --out "$tmp/late" 2>&1)
is "a node that is not ready: exit status 3" 3 $?
like "with what it said last" "see .*/late/nodes/n1/sh.log:.*chaos:   one.*chaos:   two" "$(tr '\n' ' ' <<<"$out")"
check "in one line as the reason" jq -es '.[-1] | .type == "end" and (.reason | test("^n1: not ready within 300ms: .*sh.log$"))' "$tmp/late/events.jsonl"

# --- the rest -------------------------------------------------------------------------------------

like "targets lists the namespace" "netns:$a" "$("$CHAOS" targets)"
like "targets of one" "192.0.2.2" "$("$CHAOS" targets netns:"$b")"
check "targets --json is JSON" jq -e ".namespaces | length > 1" <("$CHAOS" targets --json)
check "doctor finds a mechanism here" "$CHAOS" doctor
check "doctor --json is JSON" jq -e '.features | length > 2' <("$CHAOS" doctor --json)
for verb in run inject check targets status stop clear report doctor; do
	like "$verb --help" "Usage: chaos $verb" "$("$CHAOS" $verb --help)"
done
finish
