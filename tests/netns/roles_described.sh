#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 60
# timed
#
# Systems that the file describes: the man page's example for Pacemaker (a stand-in for crm_mon), and Redis by a TCP
# exchange, with all roles.
. "$(dirname "$0")/../lib/tap.sh"
need_root
for program in redis-server jq; do
	command -v "$program" >/dev/null || skip_all "$program is not installed"
done

tmp=$(mktemp -d "${TMPDIR:-/tmp}/roles-test-XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# What crm_mon 2.1 prints, as far as it matters; n1 is the one with the quorum.
cat >"$tmp/crm_mon" <<'XML'
#!/bin/sh
echo '<pacemaker-result api-version="2.25"><summary><stack type="corosync"/>'
echo '<current_dc present="true" version="2.1.5-a3f44794f94" name="n1" id="1" with_quorum="true" mixed_version="false"/>'
echo '</summary></pacemaker-result>'
XML
chmod +x "$tmp/crm_mon"
# The example as it stands in the manual.
example=$(sed -n '/^systems:$/,/^\.Ed$/p' "$tap_root/man/chaos.1" | sed '/^\.Ed$/d; s/^/  /')
like "the manual has the example" 'crm_mon -1' "$example"
cat >"$tmp/x.yaml" <<YAML
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
spec:
  duration: 4s
  lab:
    nodes:
      n1: {run: ["redis-server --protected-mode no --repl-diskless-sync-delay 0 --bind \${ip} --save ''"], ready: {tcp: 6379, within: 10s}}
      n2: {run: ["redis-server --protected-mode no --repl-diskless-sync-delay 0 --bind \${ip} --save '' --replicaof \${n1.ip} 6379"], ready: {tcp: 6379, within: 10s}}
$example
    - name: by-hand
      tcp: {port: 6379, send: "INFO replication\\\\r\\\\n"}
      leader: "^role:master"
      candidate: "^master_link_status:down"
      follower: "^role:slave"
      epoch: "^master_repl_offset:([0-9]+)"
  observe:
    roles:
      - {resource: dc, system: pacemaker, endpoints: [n1, n2], every: 200ms}
      - {resource: redis, system: by-hand, endpoints: [n1, n2], every: 50ms}
YAML
PATH=$tmp:$PATH "$CHAOS" run --out "$tmp/run" "$tmp/x.yaml" >"$tmp/out" 2>&1 </dev/null
is "the run succeeds" 0 $? || diag "$(cat "$tmp/out")"
[ -s "$tmp/run/events.jsonl" ] || diag "$(cat "$tmp/out")"

roles()
{
	jq -s -r --arg r "$1" --arg n "$2" '[.[] | select(.type == "role" and .resource == $r and .node == $n and .t_ns > 2e9).role] |
		unique | join(" ")' "$tmp/run/events.jsonl"
}
is "the node that crm_mon names leads" leader "$(roles dc n1)"
is "another follows" follower "$(roles dc n2)"
is "Redis' master leads" leader "$(roles redis n1)"
is "its replica follows" follower "$(roles redis n2)"
is "with a number as epoch" number "$(jq -s -r '[.[] | select(.type == "role" and .resource == "redis" and .node == "n1" and .t_ns > 2e9).epoch | type] |
	unique | join(" ")' "$tmp/run/events.jsonl")"
finish
