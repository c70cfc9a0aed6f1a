# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# pods.sh: what `chaos run --members` needs of a cluster: namespaces with a process in a cgroup that is called like a
# kubelet's pod, on one network. Source it behind tap.sh; it cleans up on exit.
need_root
command -v jq >/dev/null || skip_all "no jq"
v2=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
[ -n "$v2" ] || skip_all "no v2 cgroup hierarchy"

tmp=$(mktemp -d)
wire=chw$$
bg=() pods=()
# the pids of the nodes' runs
export child_n1='' child_n2=''

cleanup()
{
	local pid ns

	for pid in "${bg[@]}"; do
		kill -9 "$pid" 2>/dev/null
	done
	wait_gone 10 "${bg[@]}"
	for ns in "${pods[@]}" $wire; do
		ip netns del "$ns" 2>/dev/null
	done
	for ns in n1 n2; do
		find "$v2/ck$$-$ns" -depth -type d -exec rmdir {} \; 2>/dev/null
	done
	rm -rf "$tmp"
}
trap cleanup EXIT

ip netns add $wire
ip -n $wire link add br0 type bridge forward_delay 0
ip -n $wire link set br0 up

# uid_of N: of this test's own, since pods are looked for in all of the machine
uid_of()
{
	printf '%08x-2222-3333-4444-%012d' $$ "$1"
}

# host N: a namespace 10.77.0.N on the wire, that is no pod
host()
{
	ip netns add "chp$1-$$" || return
	pods+=("chp$1-$$")
	ip -n "chp$1-$$" link set lo up
	ip -n "chp$1-$$" link add eth0 type veth peer name "p$1" netns $wire
	ip -n $wire link set "p$1" master br0 up
	ip -n "chp$1-$$" addr add "10.77.0.$1/24" dev eth0
	ip -n "chp$1-$$" link set eth0 up
}

# pod N NODE: the same, and its process in NODE's tree of cgroups, as containerd or, for even numbers, systemd has it
pod()
{
	local dir=$v2/ck$$-$2 uid id

	uid=$(uid_of "$1")
	printf -v id %064x "$1"
	if [ $(($1 % 2)) -eq 1 ]; then
		dir+=/kubepods/besteffort/pod$uid/$id
	else
		dir+=/kubepods.slice/kubepods-pod${uid//-/_}.slice/cri-containerd-$id.scope
	fi
	host "$1" && mkdir -p "$dir" || return
	ip netns exec "chp$1-$$" sleep 600 </dev/null >/dev/null 2>&1 &
	bg+=($!)
	disown
	echo $! >"$dir/cgroup.procs"
}

# in_pod N COMMAND...
in_pod()
{
	ip netns exec "chp$1-$$" "${@:2}"
}

# reach N M: one ping from N to M is answered
reach()
{
	in_pod "$1" ping -n -q -c 1 -W 0.3 "10.77.0.$2"
}
no_reach()
{
	! reach "$@"
}

# entry N NODE: of pod N in a list of members, as NODE's agent writes it; pods 1 to 9 are on n1, the others on n2
entry()
{
	local node=n1 here=false

	[ "$1" -lt 10 ] || node=n2
	[ "$node" != "$2" ] || here=true
	printf '{"place":"%s/p%d","namespace":"shop","name":"p%d","uid":"%s","node":"%s","ips":["10.77.0.%d"],"here":%s}' \
		"$3" "$1" "$1" "$(uid_of "$1")" $node "$1" $here
}

# members NODE "WEB..." "DB..." [EXEMPT]: put NODE's file in place
members()
{
	local n list ep=web all=''

	for list in "$2" "$3"; do
		all+="${all:+,}{\"endpoint\":\"$ep\",\"selector\":0,\"pods\":["
		for n in $list; do
			all+="$(entry "$n" "$1" $ep),"
		done
		all="${all%,}]}"
		ep=db
	done
	printf '{"node":"%s","exempt":[%s],"endpoints":[%s]}' "$1" "${4:+\"$4\"}" "$all" >"$tmp/$1.new"
	mv "$tmp/$1.new" "$tmp/$1.json"
}

# child NODE RUN START_NS: the run of $tmp/RUN.yaml on NODE
child()
{
	"$CHAOS" run --out "$tmp/$2-$1" --start-at "$3" --members "$tmp/$1.json" --live "$tmp/live-$1.json" \
		--node "$1" --no-report "$tmp/$2.yaml" >"$tmp/$2-$1.log" 2>&1 &
	bg+=($!)
	printf -v "child_$1" %d $!
}

# live NODE FILTER: of its live.json, as jq has it
live()
{
	jq -r "$2" "$tmp/live-$1.json" 2>/dev/null
}

# phase PHASE: both nodes' is that
phase()
{
	[ "$(live n1 .phase) $(live n2 .phase)" = "$1 $1" ]
}

# dropped NODE FROM TO: packets of the first fault, by name of place
dropped()
{
	live "$1" "[.faults[0].edges[] | select(.from == \"$2\" and .to == \"$3\").dropped] | add // 0"
}

# attached NODE PLACE...: exactly these are
attached()
{
	[ "$(live "$1" '[.places[] | select(.attached).place] | sort | join(" ")')" = "${*:2}" ]
}

# follows NAME COMMAND...: it succeeds soon; says how long that took
follows()
{
	local name=$1 began=${EPOCHREALTIME/./}

	shift
	check "$name" wait_until 10 "$@"
	diag "after $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
}

now_ns()
{
	echo "${EPOCHREALTIME/./}000"
}

# experiment NAME DURATION FAULT: between web and db, which are pods
experiment()
{
	cat >"$tmp/$1.yaml" <<-END
		apiVersion: netchaos.dev/v1alpha1
		kind: Experiment
		metadata: {name: $1}
		spec:
		  seed: 1
		  duration: $2
		  endpoints:
		    web: {pods: {namespace: shop, labels: {app: web}}}
		    db: {pods: {namespace: shop, labels: {app: db}}}
		    gate: {cidr: 10.77.0.200/32}
		  faults:
		    - $3
	END
}
