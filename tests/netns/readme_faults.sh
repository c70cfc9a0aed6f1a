#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# timed
#
# readme_faults.sh: each `chaos inject` line of README.md about the namespaces a and b runs as it stands, and hits what it
# names; and what was run can be run again.
# shellcheck source=tests/safety/lib.sh
. "$(dirname "$0")/../safety/lib.sh"
private_host "$@"
need_chaos

# The namespaces to try it on, as README has them.
while IFS= read -r line; do
	check "$line" bash -c "$line"
done < <(grep '^ip ' "$tap_root/README.md")
wait_until 5 answers a 192.0.2.2

# hits COMMAND: with packets both ways while it is on; its JSON.
hits()
{
	local words=() pinger

	read -ra words <<<"$1"
	ip netns exec a ping -n -q -i 0.01 192.0.2.2 >/dev/null 2>&1 &
	pinger=$!
	"$CHAOS" "${words[@]:1}" --for 400ms --json
	status=$?
	kill "$pinger"
	wait "$pinger" 2>/dev/null
	return $status
}

n=0
# shellcheck disable=SC2016
while IFS= read -r line; do
	n=$((n + 1))
	# Tables of netem's are in another folder on other architectures and releases.
	table=${line#*--table }
	if [ "$table" != "$line" ] && [ ! -e "${table%% *}" ]; then
		skip "$line" "no such table here"
		continue
	fi
	if ! out=$(hits "$line" 2>&1); then
		fail "$line" "$out"
	# TCP's own faults, and ports, find none here.
	elif [[ $line =~ reset|--port ]] || jq -e 'map(.matched) | add > 0' <<<"$out" >/dev/null; then
		pass "$line"
	else
		fail "$line" "it matched no packet: $out"
	fi
done < <(grep -oE '`chaos inject [^`]*`|^chaos inject .*' "$tap_root/README.md" | tr -d '`' | grep -E 'netns:[ab]')
check "README has such lines" test $n -ge 24

# A run folder is all that a replay needs, also where the delay's distribution is in a file.
mkdir -p "$work/x/tables"
seq -8192 512 8192 >"$work/x/tables/flat.dist"
cat >"$work/x/e.yaml" <<'EOF'
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: table}
spec:
  duration: 300ms
  endpoints: {a: {netns: a}, b: {netns: b}}
  faults: [{at: 0s, from: a, to: b, delay: {latency: 5ms, jitter: 1ms, table: tables/flat.dist}}]
EOF
ip netns exec a ping -n -q -i 0.01 192.0.2.2 >/dev/null 2>&1 &
pinger=$!
check "a run with a distribution file" "$CHAOS" run "$work/x/e.yaml" --out "$work/run1"
mv "$work/x" "$work/moved"
check "its folder runs again by itself" "$CHAOS" run "$work/run1/experiment.yaml" --out "$work/run2"
kill $pinger
wait $pinger 2>/dev/null
finish
