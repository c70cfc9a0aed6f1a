#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_completion.sh: what bash offers for a command line.
. "$(dirname "$0")/../../lib/tap.sh"
. "$tap_root/completion/chaos.bash"
compopt() { :; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
mkdir sub
touch one.yaml two.json three.txt

# What lives here, as the program prints it.
chaos()
{
	cat <<'EOF'
      "selector": "unit:nginx.service",
          "selector": "pod:shop/web-0",
          "selector": "cgroup:/a\\x2db",
          "selector": null,
              "pid": 12,
              "comm": "nginx",
              "pid": 17,
              "comm": "my \"app\"",
              "pid": 200,
              "comm": "nginx",
EOF
}

# offers NAME EXPECTED LINE: words offered at the end of LINE, sorted. Words break at blanks and colons, as in bash.
offers()
{
	local rest

	COMP_WORDBREAKS=$' \t\n:'
	COMP_LINE=$3
	COMP_POINT=${#3}
	rest=${3//:/ : }
	read -ra COMP_WORDS <<<"$rest"
	[[ $3 != *' ' ]] || COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_chaos
	is "$1" "$2" "$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ')"
}

offers "commands" "check clear" "chaos c"
offers "a command" "doctor" "chaos -v d"
offers "experiments and folders" "one.yaml sub two.json" "chaos run "
offers "options of run" "--out" "chaos run --o"
offers "run folders" "sub" "chaos report "
offers "faults" "corrupt delay duplicate ecn loss mtu partition rate reject reorder reset" "chaos inject "
offers "a fault beside others" "ecn" "chaos inject delay 100ms loss 1% e"
offers "faults that are not there yet" "distribution reject reorder reset" "chaos inject delay 10ms rate 1mbit --jitter 1ms ecn 1% mtu 1400 duplicate 1% corrupt 1% partition loss 1% "
offers "models of loss" "gemodel" "chaos inject loss g"
offers "no words for a value" "" "chaos inject delay "
offers "flags of the fault" "--jitter" "chaos inject delay 10ms --ji"
offers "none of other faults" "" "chaos inject loss 1% --ji"
offers "distributions" "pareto paretonormal" "chaos inject delay 10ms 1ms --distribution p"
offers "states" "new" "chaos inject reset --state n"
offers "options of inject" "--from" "chaos inject partition --fr"
offers "kinds of selectors" "args: cgroup: cidr: comm: container: exe: host: interface: netns: pid: pod: pods: tree: unit: user:" "chaos inject loss 1% --from "
offers "kinds behind --not" "pid: pod: pods:" "chaos inject loss 1% --from unit:a --not p"
offers "units that run" "nginx.service" "chaos inject loss 1% --from unit:"
offers "names of processes, with blanks" "my\\ \\\"app\\\" nginx" "chaos inject loss 1% --from comm:"
offers "processes" "12 17" "chaos inject loss 1% --to pid:1"
offers "pods" "shop/web-0" "chaos targets pod:shop/w"
offers "a cgroup that systemd has escaped" "/a\\\\x2db" "chaos targets cgroup:/"
offers "users" "root" "chaos targets user:roo"
offers "programs" "sub" "chaos targets exe:s"
offers "no names for a network" "" "chaos targets cidr:"
offers "a device, behind the colon" "lo" "chaos inject loss 1% --from interface:lo"
offers "modes" "auto" "chaos inject partition --attach a"
offers "no names for a time" "" "chaos inject partition --for "
offers "targets" "netns:" "chaos targets n"
offers "watch" "--once" "chaos watch --o"
offers "what is watched" "netns:" "chaos watch n"
offers "orders" "rate retransmits rtt" "chaos watch --sort r"

# completed LINE: the options offered at its end, one a line, sorted.
completed()
{
	COMP_LINE="$1 --"
	COMP_POINT=${#COMP_LINE}
	read -ra COMP_WORDS <<<"$COMP_LINE"
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_chaos
	printf '%s\n' "${COMPREPLY[@]}" | sort -u
}

# Each option that a command has, its --help says, bash offers, and chaos(1) explains.
manual=$(grep -oE -- 'Fl -[a-z][a-z0-9-]+' "$tap_root/man/chaos.1" | sed 's/^Fl /-/' | sort -u)
for verb in run inject check targets watch status stop clear report doctor agent; do
	if [ ! -x "${CHAOS:-}" ]; then
		skip "options of $verb" "no \$CHAOS"
		continue
	fi
	words=$verb
	[ "$verb" != inject ] || words="inject loss 1% delay 1ms reorder 1% duplicate 1% corrupt 1% rate 1mbit reset reject mtu 1400"
	helped=$("$CHAOS" "$verb" --help | grep -oE -- '--[a-z][a-z0-9-]*' | grep -vx -- --usage | sort -u)
	is "options of $verb" "$helped" "$(completed "chaos $words" | grep '^--')"
	is "all of them in chaos(1)" "" "$(grep -vxE -- '--help' <<<"$helped" | grep -vxFf <(echo "$manual"))"
done
finish
