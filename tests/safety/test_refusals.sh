#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
#
# test_refusals.sh: what is refused, in words that help, with nothing touched; and the way in that stays open.
. "$(dirname "$0")/lib.sh"
private_host "$@"
need_chaos

make_pair
light_experiment >"$work/light.yaml"
snapshot a b >"$work/before"

# refused NAME STATUS ERE COMMAND...
refused()
{
	local name=$1 expected=$2 words=$3 status

	shift 3
	"$@" >"$work/out" 2>&1 </dev/null
	status=$?
	is "$name: status" "$expected" "$status"
	like "$name: words" "$words" "$(cat "$work/out")"
	as_before "$name: nothing touched" "$work/before" a b
}

# edited SED: the light experiment with a change.
edited()
{
	sed "$1" "$work/light.yaml" >"$work/edited.yaml"
}

mkdir "$work/exists"
refused "a run folder that exists" 2 "exists" "$CHAOS" run --out "$work/exists" "$work/light.yaml"
is "it is still empty" "" "$(ls -A "$work/exists")"

install -m 755 "$CHAOS" /run/chaos-for-all
refused "not root" 2 "root" setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
	/run/chaos-for-all inject partition --isolate netns:a
rm /run/chaos-for-all

edited 's|redis-server --bind|no-such-server --bind|; s|{redis-server: redis-server}|{no-such-server: its-package}|'
refused "a server that is not installed" 2 "no-such-server.*its-package" "$CHAOS" run --out "$work/x" "$work/edited.yaml"

# The second one ends while the node is not ready yet.
edited 's|run: \[\("redis-server.*"\)\]|run: [\1, \1]|; s|ready: {tcp: 6379}|ready: {command: "sleep 3"}|'
refused "a port that is taken" 3 "in use" "$CHAOS" run --out "$work/taken" "$work/edited.yaml"

edited 's|isolate: n1|isolat: n1|'
refused "an unknown key" 2 'edited.yaml:[0-9]+:[0-9]+.*isolate' "$CHAOS" run --out "$work/x" "$work/edited.yaml"

edited 's|at: 1s|at: 1|'
refused "a time without a unit" 2 'edited.yaml:[0-9]+:[0-9]+' "$CHAOS" run --out "$work/x" "$work/edited.yaml"

edited 's|isolate: n1|isolate: n11|'
refused "a name that is no endpoint" 2 'n11.*n1' "$CHAOS" check "$work/edited.yaml"

refused "a namespace that is not there" 2 "nosuch" "$CHAOS" inject partition --isolate netns:nosuch
refused "the caller's own namespace" 2 "cut you off|allow-host" "$CHAOS" inject partition --isolate "netns:$$"
refused "a file that is not there" 2 "nosuch.yaml" "$CHAOS" run "$work/nosuch.yaml"
refused "a fault that does not exist" 2 "partition" "$CHAOS" inject partitoin --isolate netns:a
check "no run folder was made by any of them" test ! -e "$work/x"

# --- the way in: a fault on the namespace that the caller came into by SSH ---

cat >"$work/talk.py" <<'EOF'
# Echo server on port 22 of one namespace; or a client from port 5000 that reports each answer in a file.
import socket, sys
if sys.argv[1] == "serve":
    s = socket.create_server(("192.0.2.1", 22))
    while True:
        c, _ = s.accept()
        while True:
            data = c.recv(100)
            if not data:
                break
            c.sendall(data)
else:
    c = socket.create_connection(("192.0.2.1", 22), source_address=("192.0.2.2", 5000))
    c.settimeout(2)
    for line in sys.stdin:
        c.sendall(line.encode())
        with open(sys.argv[2], "a") as f:
            f.write(c.recv(100).decode())
EOF
ip netns exec a python3 "$work/talk.py" serve &
server=$!
wait_until 5 sh -c 'ip netns exec a ss -ltn | grep -q :22'
mkfifo "$work/lines"
ip netns exec b python3 "$work/talk.py" talk "$work/answers" <"$work/lines" &
client=$!
exec 8>"$work/lines"
echo before >&8
check "the session works" wait_until 5 grep -q before "$work/answers"

start env SSH_CONNECTION="192.0.2.2 5000 192.0.2.1 22" ip netns exec a "$CHAOS" inject partition --isolate interface:eth0 \
	--allow-host
check "the fault cuts everything else" wait_until 10 silent b 192.0.2.1
echo during >&8
check "the session of the caller stays open" wait_until 3 grep -q during "$work/answers"
check "and nothing else" silent b 192.0.2.1
kill -INT "$pid"
ends "it ends" 10
exec 8>&-
wait "$client"
kill "$server"
wait "$server" 2>/dev/null
as_before "nothing is left" "$work/before" a b

finish
