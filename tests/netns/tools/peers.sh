# SPDX-License-Identifier: GPL-2.0-only
# peers.sh: processes with sockets (peer.py) that do what they are told; source it after dp.sh.
# shellcheck shell=bash
: "${dp_dir:?dp.sh comes first}" "${tap_root:?}"

declare -A peer_pid=() peer_in=() peer_out=()

# peer NAME NETNS PORT OPTION...: a process of that name; by what is behind PORT, else by env
peer()
{
	local name=$1 ns=$2 port=$3 in out line

	shift 3
	mkfifo "$dp_dir/$name.in" "$dp_dir/$name.out"

	ip netns exec "$ns" "${@:-env}" "$tap_root/tests/netns/tools/peer.py" "$port" \
		<"$dp_dir/$name.in" >"$dp_dir/$name.out" 2>"$dp_dir/$name.err" &
	peer_pid[$name]=$!
	exec {in}>"$dp_dir/$name.in" {out}<"$dp_dir/$name.out"
	peer_in[$name]=$in peer_out[$name]=$out
	read -r -t 10 -u "$out" line && [ "$line" = ready ]
}

# tell NAME WORD...: and what it answers.
tell()
{
	local name=$1 line=

	shift
	echo "$*" >&"${peer_in[$name]}"
	read -r -t 15 -u "${peer_out[$name]}" line
	echo "$line"
}

# peer_end NAME
peer_end()
{
	local in=${peer_in[$1]} out=${peer_out[$1]}

	kill "${peer_pid[$1]}" 2>/dev/null
	exec {in}>&- {out}<&-
	wait "${peer_pid[$1]}" 2>/dev/null
	rm -f "$dp_dir/$1".in "$dp_dir/$1".out
	unset "peer_pid[$1]" "peer_in[$1]" "peer_out[$1]"
}

peers_end()
{
	local name

	for name in "${!peer_pid[@]}"; do peer_end "$name"; done
}
