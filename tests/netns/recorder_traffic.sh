#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# alone
# timed
#
# What is recorded of traffic (bins, listen), against what two processes know that they did.
. "$(dirname "$0")/../lib/tap.sh"
need_root

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/server.py" <<'END'
# Ports: 7000 answers after what it is told to wait, 7002 never accepts, 7003 resets, 7004 only listens.
import json, socket, struct, sys, threading, time

tmp = sys.argv[1]
said = {}

def listen(port, backlog):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", port))
    s.listen(backlog)
    return s

def answer(c):
    time.sleep(float(c.recv(100)))
    c.sendall(b"x" * 1000)
    c.recv(100)
    c.close()

def reset(c):
    c.recv(100)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()

def serve(s, port, fn):
    while True:
        c, _ = s.accept()
        said[port] = said.get(port, 0) + 1
        threading.Thread(target=fn, args=(c,), daemon=True).start()

full, quiet = listen(7002, 1), listen(7004, 16)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", 7005))
for port, fn in ((7000, answer), (7003, reset)):
    threading.Thread(target=serve, args=(listen(port, 64), port, fn), daemon=True).start()
while True:
    time.sleep(0.1)
    names, values = [l.split() for l in open("/proc/net/netstat") if l.startswith("TcpExt")]
    said["overflows"] = int(values[names.index("ListenOverflows")])
    with open(tmp + "/server.new", "w") as f:
        json.dump(said, f)
    import os
    os.rename(tmp + "/server.new", tmp + "/server.json")
END

cat >"$tmp/client.py" <<'END'
import json, os, socket, struct, sys, time

tmp, ip = sys.argv[1:]
said = {"slow_us": 0}

def wait_for(text):
    while True:
        try:
            if text in open(tmp + "/run/events.jsonl").read():
                return
        except FileNotFoundError:
            pass
        time.sleep(0.02)

def total_retrans(s):
    return struct.unpack_from("I", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100)[0]

wait_for('"phase":"baseline"')
for i in range(12):
    slow = i < 5
    before = time.monotonic()
    c = socket.create_connection((ip, 7000))
    c.sendall(b"0.2" if slow else b"0")
    c.recv(1, socket.MSG_WAITALL)
    if slow:
        said["slow_us"] += int((time.monotonic() - before) * 1e6)
    c.recv(999, socket.MSG_WAITALL)
    if i >= 9:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
for i in range(4):
    try:
        socket.create_connection((ip, 7001))
    except ConnectionRefusedError:
        pass
for i in range(6):
    c = socket.create_connection((ip, 7003))
    c.sendall(b"x")
    try:
        c.recv(1)
    except ConnectionResetError:
        pass
    c.close()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(100):
    udp.sendto(b"x" * 100, (ip, 7005))
wait = []
for i in range(5):
    c = socket.socket()
    c.setblocking(False)
    c.connect_ex((ip, 7002))
    wait.append(c)
wait_for('"event":"armed"')
tries = []
for i in range(3):
    c = socket.socket()
    c.setblocking(False)
    c.connect_ex((ip, 7004))
    tries.append(c)
    time.sleep(0.1)
time.sleep(2.6)
said["syn_again"] = sum(total_retrans(c) for c in tries)
for c in tries:
    c.close()
with open(tmp + "/client.new", "w") as f:
    json.dump(said, f)
os.rename(tmp + "/client.new", tmp + "/client.json")
time.sleep(600)
END

cat >"$tmp/e.yaml" <<END
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: traffic-$$}
spec:
  duration: 11s
  lab:
    nodes:
      srv: {run: ["python3 $tmp/server.py $tmp"], ready: {tcp: 7000}}
      cli: {run: ["python3 $tmp/client.py $tmp \${srv.ip}"]}
  faults:
    - {name: cut, at: 6s, for: 4s, partition: {isolate: srv}}
  observe:
    traffic: {bin: 10ms}
END

"$CHAOS" run --out "$tmp/run" "$tmp/e.yaml" >"$tmp/out" 2>&1
status=$?
[ -s "$tmp/client.json" ] || diag "$(cat "$tmp/out")"
check "the client came to its end" test -s "$tmp/client.json"
check "the run came to its end" test $status -le 1

# of PROTO PORT NAME: the sum over all bins from cli to srv.
of()
{
	python3 - "$tmp/run/events.jsonl" "$@" <<'END'
import json, sys

path, proto, port, name = sys.argv[1:]
n = 0
for line in open(path):
    e = json.loads(line)
    if e["type"] == "bins" and (e["client"], e["server"], e["proto"], e["port"]) == ("cli", "srv", proto, int(port)):
        assert e["bin_ns"] == 10000000 and all(len(v) == e["n"] for v in e.values() if isinstance(v, list))
        n += sum(e.get(name, []))
print(n)
END
}

said()
{
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], 0))' "$tmp/$1.json" "$2"
}

is "12 connections, 12 new SYNs" 12 "$(of tcp 7000 syn)"
is "none of them again" 0 "$(of tcp 7000 syn_again)"
is "all answered" 12 "$(of tcp 7000 synack)"
is "3 resets of the client" 3 "$(of tcp 7000 rst)"
is "none of the server" 0 "$(of tcp 7000 back_rst)"
is "9 FINs of the client" 9 "$(of tcp 7000 fin)"
is "12 connects were timed" 12 "$(of tcp 7000 connect_n)"
is "12 first bytes were timed" 12 "$(of tcp 7000 first_byte_n)"
us=$(of tcp 7000 first_byte_us)
check "5 of them took 0.2 s and what the client saw ($us us)" \
	test "$us" -ge 1000000 -a "$us" -le $(($(said client slow_us) + 7 * 200000))
check "RTTs were sampled" test "$(of tcp 7000 rtt_n)" -ge 12
is "closed port: 4 SYNs" 4 "$(of tcp 7001 syn)"
is "closed port: 4 resets of the server" 4 "$(of tcp 7001 back_rst)"
is "6 resets of a server that accepts" 6 "$(of tcp 7003 back_rst)"
is "100 datagrams" 100 "$(of udp 7005 packets)"
is "of 142 bytes on the wire" 14200 "$(of udp 7005 bytes)"
is "cut: 3 new SYNs" 3 "$(of tcp 7004 syn)"
again=$(said client syn_again)
check "cut: they were sent again ($again)" test "$again" -ge 3
is "cut: each time counted" "$again" "$(of tcp 7004 syn_again)"
is "cut: all of them dropped" $((3 + again)) "$(of tcp 7004 dropped)"
is "cut: none answered" 0 "$(of tcp 7004 synack)"

if ! "$CHAOS" doctor --json | jq -e '.features[] | select(.name == "tracing").ok' >/dev/null; then
	skip "connections opened and closed" "this kernel does not let TCP be traced"
else
	is "12 connections opened" 12 "$(of tcp 7000 opened)"
	is "12 connections closed" 12 "$(of tcp 7000 closed)"
	is "as many as the server accepted" "$(said server 7003)" "$(of tcp 7003 opened)"
	is "cut: the client's TCP sent as many again" "$again" "$(of tcp 7004 retransmits)"
fi

# resets NODE: what its "resets" events come to, NAME=N in the order of the names
resets()
{
	jq -rs --arg node "$1" 'map(select(.type == "resets" and .node == $node).reasons | to_entries[]) |
		group_by(.key) | map("\(.[0].key)=\(map(.value) | add)") | join(" ")' "$tmp/run/events.jsonl"
}

# The first Linux whose tracepoint has the reason.
if [ "$(printf '%s\n' 6.10 "$(uname -r)" | sort -V | head -n 1)" != 6.10 ]; then
	skip "reasons of resets" "$(uname -r) gives none"
else
	is "the server: 4 for a closed port, 6 by closing at once" "NO_SOCKET=4 TCP_STATE=6" "$(resets srv)"
	is "the client: 3 by closing at once" "TCP_STATE=3" "$(resets cli)"
	is "in the summary" 4 "$(jq '.traffic.resets[] | select(.node == "srv" and .reason == "NO_SOCKET").packets' "$tmp/run/summary.json")"
fi

last_listen()
{
	grep '"type":"listen"' "$tmp/run/events.jsonl" | grep "\"port\":$1," | tail -1
}
like "the full queue is seen" '"queue":2,"backlog":1,' "$(grep '"type":"listen"' "$tmp/run/events.jsonl" | grep '"port":7002,')"
overflows=$(said server overflows)
check "it overflowed ($overflows)" test "$overflows" -gt 0
like "as often as the kernel says" "\"overflows\":$overflows," "$(last_listen 7002)"

recorder=$(tail -1 "$tmp/run/events.jsonl")
like "nothing was lost" '"lost_events":0' "$recorder"
like "nothing was late" '"late_bins":0,"unnamed_flows":0' "$recorder"

# ---- the table of it ----

columns=$(awk -F, '{ print NF }' "$tmp/run/series.csv" | sort -u)
is "series.csv: all rows have the same columns" 42 "$columns"
is "series.csv: the SYNs of a service" 12 "$(awk -F, '
	NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
	$at["client"] == "cli" && $at["server"] == "srv" && $at["port"] == 7000 { n += $at["syn"] }
	END { print n }' "$tmp/run/series.csv")"

# ---- a record that ends anywhere, as after kill -9 ----

mkdir "$tmp/cut"
cp "$tmp/run/experiment.yaml" "$tmp/cut"
size=$(stat -c %s "$tmp/run/events.jsonl")
RANDOM=$$ bad=
for _ in $(seq 12); do
	# Behind the first line, which says what the run is.
	first=$(head -n 1 "$tmp/run/events.jsonl" | wc -c)
	at=$((first + (RANDOM * 32768 + RANDOM) % (size - first)))
	head -c $at "$tmp/run/events.jsonl" >"$tmp/cut/events.jsonl"
	"$CHAOS" report "$tmp/cut" >"$tmp/out" 2>&1 || [ $? -eq 1 ] || bad+=" $at: $(tail -1 "$tmp/out")"
done
is "a record that was cut at 12 places can be read" "" "$bad"

finish
