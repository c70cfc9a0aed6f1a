#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 60
# alone
# timed
#
# A lab's network, its processes, its logs, its end.
# shellcheck disable=SC2016 # ${ip} is for labctl
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/lab.sh"
lab_needs ip ping nsenter

links_before=$(host_links)

# ---- network ----

lab_up -n n -r 'sleep 1000' -k 3
is "three nodes come up" 0 $?
namespaces=$(lab_namespaces)
reach()
{
	local a b bad=

	for a in 1 2 3; do
		for b in 1 2 3; do
			in_node "n$a" ping -q -n -c 1 -W 1 "10.99.0.$b" >/dev/null || bad+=" $a->$b"
			in_node "n$a" ping -q -n -c 1 -W 1 "fd99::$b" >/dev/null || bad+=" $a->$b(IPv6)"
		done
	done
	echo "$bad"
	[ -z "$bad" ]
}
check "each reaches each, over IPv4 and IPv6, with its first packet" reach
is "addresses" "10.99.0.2/24 fd99::2/64" \
	"$(in_node n2 ip -br addr show dev eth0 scope global | awk '{ print $3, $4 }')"
is "no address waits for duplicate detection" "" \
	"$(for n in n1 n2 n3; do in_node $n ip -o -6 addr show tentative; done)"
is "no default route" "" "$(in_node n1 ip route show default)$(in_node n1 ip -6 route show default)"
is "no forwarding, MTU of an Ethernet" "0 0 1500" \
	"$(in_node n1 sh -c 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding' |
		tr '\n' ' ')$(in_node n1 ip link show eth0 | sed -n 's/.* mtu \([0-9]*\) .*/\1/p')"
bridge_is()
{
	nsenter --net="$(lab_get bridge)" ip -d link show br0 |
		grep -o 'forward_delay 0 \|stp_state 0 \|mcast_snooping 0 ' | sort | tr -d '\n'
}
is "the bridge forwards at once and floods multicast" "forward_delay 0 mcast_snooping 0 stp_state 0 " \
	"$(bridge_is)"
is "the host has no link of it" "$links_before" "$(host_links)"
exec 8<"$(lab_get bridge)"
lab_down
is "orderly end" 0 $?
check "no process of it remains" no_lab_processes
# A node's end of a pair takes the other end with it when its namespace dies.
no_ports()
{
	[ -z "$(nsenter --net=/proc/self/fd/8 ip -o link show type veth)" ]
}
check "the nodes' namespaces have died, not only lost their names" wait_until 5 no_ports
exec 8<&-
# shellcheck disable=SC2086
check "no namespace of it remains" none_visible $namespaces

# ---- processes ----

cat >"$tmp/look" <<'END'
#!/bin/bash
echo "cwd $PWD"
echo "fds $(cd /proc/self/fd && echo *)"
echo "in $(readlink /proc/$$/fd/0)"
echo "session $(awk '{ print ($6 == $1) }' /proc/$$/stat)"
echo "init $(cat /proc/1/comm)"
echo "args $# <$1> <$2>"
trap 'echo "term"; exit 7' TERM
for i in {1..500}; do sleep 0.02; done
END
chmod +x "$tmp/look"
lab_up -n n1 -f 'conf/a.conf=ip ${ip} of ${node} in $${HOME}' \
	-r "$tmp/look 'one word' \"\${n2.ip6}\"\\ x" -r "$tmp/look a b" \
	-r 'cat /proc/self/status' -c 'grep -q args look.log' \
	-n n2 -r 'sleep 1000'
check "a node that is ready by a command" lab_said '^ready n1 '
log=$run/nodes/n1/look.log
is "working directory" "cwd $run/nodes/n1" "$(grep ^cwd "$log")"
like "no open file but 0, 1, 2 (and the one that lists them)" '^fds 0 1 2( [0-9])?$' "$(grep ^fds "$log")"
is "stdin" "in /dev/null" "$(grep ^in "$log" | head -n 1)"
is "a session of its own" "session 1" "$(grep ^session "$log")"
is "no signal blocked, none ignored" "0000000000000000 0000000000000000" \
	"$(sed -n 's/^Sig\(Blk\|Ign\):[[:space:]]*//p' "$run/nodes/n1/cat.log" | paste -sd ' ')"
is "/proc is the lab's" "init chaos-lab" "$(grep ^init "$log" | tail -n 1)"
is "words and names" "args 2 <one word> <fd99::2 x>" "$(grep ^args "$log")"
is "a second log for the second command of that program" "args 2 <a> <b>" \
	"$(grep ^args "$run/nodes/n1/look-2.log")"
is "a rendered file, in a folder" 'ip 10.99.0.1 of n1 in ${HOME}' "$(cat "$run/nodes/n1/conf/a.conf")"
ln -s "$tmp/look" "$run/nodes/n1/link"
mkdir -p "$run/nodes/n1/data/deep" && echo x >"$run/nodes/n1/data/deep/file"
ln -s "$tmp" "$run/nodes/n1/data/out"
lab_down
is "orderly end" 0 $?
is "SIGTERM arrived, and the exit was its own" "term" "$(tail -n 1 "$log")"
is "only logs and rendered files stay" "cat.log conf conf/a.conf look-2.log look.log ready.log" \
	"$(cd "$run/nodes/n1" && find . -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ' | sed 's/ $//')"
check "what a link points to stays" test -s "$tmp/look"

# ---- another user's ----

chmod 755 "$tmp"
lab_up -n n1 -U nobody -f 'conf/a.conf=x' -c 'test -O .' -r 'cat /proc/self/status' -r 'sh -c "echo $$HOME; touch x; sleep 1000"' \
	-n n2 -r 'sleep 1000'
check "a node of user nobody comes up, its readiness command being nobody's too" lab_said '^ready n1 '
status=$run/nodes/n1/cat.log
is "uid, gid, groups" "$(printf "$(id -u nobody) %.0s" 1 2 3 4)$(printf "$(id -g nobody) %.0s" 1 2 3 4)$(id -g nobody)" \
	"$(sed -n 's/^\(Uid\|Gid\|Groups\):[[:space:]]*//p' "$status" | xargs)"
is "no capability" "0000000000000000 0000000000000000" "$(sed -n 's/^Cap\(Prm\|Eff\):[[:space:]]*//p' "$status" | xargs)"
check "HOME is its folder" wait_until 5 grep -qx "$run/nodes/n1" "$run/nodes/n1/sh.log"
check "where it can write" wait_until 5 test -e "$run/nodes/n1/x"
is "folder and files are its own" "nobody nobody nobody" \
	"$(cd "$run/nodes/n1" && stat -c %U . conf conf/a.conf | xargs)"
is "the other's are not" root "$(stat -c %U "$run/nodes/n2")"
lab_down
is "orderly end" 0 $?
check "no process of it remains" no_lab_processes
check "nothing that it wrote remains" test ! -e "$run/nodes/n1/x"
chmod 700 "$tmp"
lab_up -n n1 -U nobody -r 'sleep 1000'
like "a folder that it cannot reach" "^error -13 n1: sleep: cannot enter its folder: Permission denied" \
	"$(grep '^error' "$tmp/out")"
lab_up -n n1 -U no-such-user-1 -r 'sleep 1000'
like "no such user" "^error -2 n1: no user .no-such-user-1. on this machine" "$(grep '^error' "$tmp/out")"

# ---- exits, signals, daemons ----

daemon='setsid sh -c "trap \"\" TERM; exec sleep 1000" & '
lab_up -n n1 -s -r "$daemon $daemon exit 0" -r 'exec sleep 1000' -n n2 -s -r 'exec sleep 1000' \
	-n n3 -s -r 'exit 3' -t 1
is "a command that fails before all is ready fails the start" "error -10 n3: \`exit 3\` ended with exit status 3" \
	"$(grep '^error' "$tmp/out" | sed 's/ before.*//')"
check "and nothing of it remains" no_lab_processes

lab_up -n n1 -s -r "$daemon $daemon exit 0" -r 'exec sleep 1000' -n n2 -s -r 'sleep 0.3; exit 3'
check "an exit is an event" wait_until 5 lab_said '^exit n2 768 [0-9]+ sleep 0\.3; exit 3$'
check "so is that of a command that left a daemon" wait_until 5 lab_said '^exit n1 0 '
sleepers()
{
	[ "$(for p in $(lab_processes); do cat "/proc/$p/comm"; done | grep -c '^sleep$')" -eq "$1" ]
}
check "daemons run on" wait_until 5 sleepers 3
check "SIGSTOP to a node" lab_say "kill n1 19" '^killed n1 0'
stopped()
{
	[ "$(for p in $(lab_processes); do sed 's/.*) //' "/proc/$p/stat"; done | grep -c '^T')" -eq 3 ]
}
check "stops its daemons too" wait_until 5 stopped
check "SIGKILL to a node" lab_say "kill n1 9" '^killed n1 0$'
check "kills its daemons too" wait_until 5 sleepers 0
check "and is an event" wait_until 5 lab_said '^exit n1 9 [0-9]+ exec sleep 1000$'
check "no such node" lab_say "kill n9 9" '^killed n9 -2$'
lab_down
is "orderly end" 0 $?

lab_up -n n1 -s -r 'exec sleep 1000'
nsenter --net="$(lab_get netns n1)" sleep 1000 &
outsider=$!
in_its_place()
{
	[ "$(readlink "/proc/$outsider/ns/net")" = "$(readlink "$(lab_get netns n1)")" ]
}
wait_until 5 in_its_place
lab_say "kill n1 9" '^killed n1 0$'
check "the server dies" wait_until 5 lab_said '^exit n1 9 '
check "somebody else's process in the node does not" kill -0 $outsider
kill $outsider
lab_down
is "orderly end" 0 $?

lab_up -n n1 -s -r "trap '' TERM; $daemon while :; do sleep 0.05; done"
start=${EPOCHREALTIME/./}
lab_down
took=$(((${EPOCHREALTIME/./} - start) / 1000))
check "what ignores SIGTERM is killed after a second ($took ms)" test "$took" -ge 900 -a "$took" -lt 2500
check "daemons too" no_lab_processes

is "the host has no link of it" "$links_before" "$(host_links)"
finish
