#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# timed
#
# capture.pcapng: tshark reads it; what the faults did stands in the comments of the packets, as often as the
# counters have it; it keeps to its size, and what it leaves out is said.
. "$(dirname "$0")/../lib/tap.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
command -v tshark >/dev/null || skip_all "needs tshark"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# experiment OBSERVE: on stdout.
experiment()
{
	cat <<END
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: captured}
spec:
  duration: 4s
  lab:
    nodes:
      a: {run: ["ping -q -n -i 0.02 \${b.ip}"], needs: {ping: iputils-ping}}
      b: {run: ["sleep 100"]}
  faults:
    - {name: cut, at: 500ms, for: 500ms, partition: {halves: [[a], [b]]}}
    - {name: slow, at: 1500ms, for: 500ms, from: a, to: b, delay: 30ms}
    - {name: spoil, at: 2500ms, for: 500ms, from: a, to: b, corrupt: 100%, duplicate: 100%}
  observe: {$1}
END
}

# hits RUN FAULT WHAT
hits()
{
	jq --arg f "$2" --arg w "$3" '.faults[] | select(.name == $f) | .hits[$w]' "$tmp/$1/summary.json"
}

# commented RUN PATTERN: packets with such a comment.
commented()
{
	tshark -r "$tmp/$1/capture.pcapng" -T fields -e frame.comment 2>"$tmp/err" | grep -c -E -- "$2"
}

experiment "" >"$tmp/plain.yaml"
"$CHAOS" run --out "$tmp/flag" --capture "$tmp/plain.yaml" >"$tmp/log" 2>&1
check "run --capture writes it" test -s "$tmp/flag/capture.pcapng"
check "tshark reads it to its end" tshark -q -r "$tmp/flag/capture.pcapng"
for what in "cut dropped" "slow delayed" "spoil duplicated"; do
	read -r fault word <<<"$what"
	n=$(hits flag "$fault" "$word")
	check "something was $word by $fault" test "$n" -gt 0
	is "each that $fault $word has a comment" "$n" "$(commented flag "^fault $fault: (.*, )?$word")"
done
is "corrupted ones, and duplicates" "$(hits flag spoil corrupted)" "$(commented flag 'fault spoil: .*corrupted$')"
check "by how much it was delayed" test "$(commented flag 'delayed by (29|30)\.[0-9]{3} ms$')" -gt 0
check "packets that no fault touched are there without a comment" test "$(commented flag '^$')" -gt 50
is "an interface for each device" "a/eth0 b/eth0" \
	"$(tshark -r "$tmp/flag/capture.pcapng" -T fields -e frame.interface_name 2>/dev/null | sort -u | paste -sd ' ')"
ordered()
{
	tshark -r "$tmp/flag/capture.pcapng" -T fields -e frame.time_epoch 2>/dev/null |
		awk -v now="$(date +%s)" '$1 < now - 600 || $1 > now { exit 1 }'
}
check "its times are of this run" ordered

experiment "capture: {max: 64kb, snaplen: 64, endpoints: [b]}" >"$tmp/small.yaml"
"$CHAOS" run --out "$tmp/small" "$tmp/small.yaml" >"$tmp/log" 2>&1
check "it keeps to its size" test "$(stat -c %s "$tmp/small/capture.pcapng")" -le 65536
is "of one endpoint" "b/eth0" \
	"$(tshark -r "$tmp/small/capture.pcapng" -T fields -e frame.interface_name 2>/dev/null | sort -u)"
is "of each packet what was asked for" "64" \
	"$(tshark -r "$tmp/small/capture.pcapng" -T fields -e frame.cap_len 2>/dev/null | sort -n | tail -n 1)"
"$CHAOS" run --out "$tmp/none" "$tmp/plain.yaml" >"$tmp/log" 2>&1
check "none without being asked" test ! -e "$tmp/none/capture.pcapng"
out=$("$CHAOS" check <(experiment "capture: {snaplen: 9999}") 2>&1)
is "a snaplen beyond its bounds is refused" 2 $?
like "with its place" ':14:32: ' "$out"
finish
