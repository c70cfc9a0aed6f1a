# bash completion for chaos(1)                                 -*- shell-script -*-
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2207

# _chaos_words WORDS: complete from these words.
_chaos_words()
{
	COMPREPLY+=($(compgen -W "$1" -- "$cur"))
}

# Files with these endings, and folders.
_chaos_files()
{
	local f

	while IFS= read -r f; do
		if [[ -d $f || $f =~ \.($1)$ ]]; then
			COMPREPLY+=("$f")
		fi
	done < <(compgen -f -- "$cur")
	compopt -o filenames
}

# KIND:NAME of what lives here, one a line, with the quotes and backslashes of JSON taken off.
_chaos_targets()
{
	"${COMP_WORDS[0]}" targets --json 2>/dev/null |
		sed -nE 's/^ *"selector": "(.*)",?$/\1/p; s/^ *"comm": "(.*)",?$/comm:\1/p; s/^ *"pid": ([0-9]+),?$/pid:\1\ntree:\1/p' |
		sed -E 's/\\(["\\])/\1/g' | grep -F -- "${1%%:*}:" | sort -u
}

# netns:NAME and so on: names where they can be listed.
_chaos_selector()
{
	local word=$1

	case $word in
	netns:*)
		_chaos_after "$word" "$(find /run/netns -mindepth 1 -printf 'netns:%f\n' 2>/dev/null)"
		;;
	interface:*)
		_chaos_after "$word" "$(find /sys/class/net -mindepth 1 -printf 'interface:%f\n' 2>/dev/null)"
		;;
	user:*)
		_chaos_after "$word" "$(compgen -P user: -u)"
		;;
	exe:*)
		_chaos_after "$word" "$(compgen -P exe: -f -- "${word#exe:}")"
		compopt -o filenames
		;;
	pid:* | tree:* | comm:* | cgroup:* | unit:* | container:* | pod:*)
		_chaos_after "$word" "$(_chaos_targets "$word")"
		;;
	*:*) ;;
	*)
		_chaos_words "pid: tree: comm: exe: args: user: cgroup: unit: container: pod: pods: netns: interface: cidr: host:"
		compopt -o nospace
		;;
	esac
}

# _chaos_after WORD CHOICES: complete WORD from lines; hand back only what is behind its last colon when colons break words.
_chaos_after()
{
	local choice prefix=

	if [[ $COMP_WORDBREAKS == *:* ]]; then
		prefix=${1%"${1##*:}"}
	fi
	while IFS= read -r choice; do
		if [[ -n $choice && $choice == "$1"* ]]; then
			choice=${choice#"$prefix"}
			COMPREPLY+=("$(printf %q "$choice")")
		fi
	done <<<"$2"
}

# Flags of the faults that the line names. Uses line.
_chaos_fault_flags()
{
	local w

	for w in $line; do
		case $w in
		loss) echo "--correlation --burst --every --first-n" ;;
		delay) echo "--latency --jitter --correlation --distribution --table --order" ;;
		reorder) echo "--correlation --gap --latency" ;;
		duplicate) echo "--correlation" ;;
		corrupt) echo "--correlation --silent" ;;
		rate) echo "--burst --queue" ;;
		reset) echo "--ends" ;;
		reject) echo "--with" ;;
		mtu) echo "--icmp" ;;
		esac
	done
}

# What may follow on the line of inject: faults that it does not name yet, or what only the last one takes.
_chaos_fault_words()
{
	local w left=

	case $prev in
	loss)
		_chaos_words "random gemodel state"
		return
		;;
	delay | reorder | duplicate | corrupt | rate | mtu | gemodel | state | random)
		return
		;;
	esac
	for w in $faults; do
		[[ " $line " == *" $w "* ]] || left+=" $w"
	done
	if [[ " $line " == *" delay "* ]]; then
		left+=" distribution"
	fi
	_chaos_words "$left"
}

_chaos()
{
	local cur prev word line verb='' i commands="run inject check targets watch status stop clear report doctor agent"
	local scope="--from --to --isolate --not --direction --l2 --for --ramp"
	local match="--proto --port --sport --dport --tcp-flags --state --length --dscp --nth --first"
	local faults="partition loss delay reorder duplicate corrupt rate reset reject mtu ecn"

	COMPREPLY=()
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	# The word up to the cursor with its colons, and the one before it.
	line=${COMP_LINE:0:COMP_POINT}
	word=${line##*[[:space:]]}
	line=${line%"$word"}
	line=${line%"${line##*[![:space:]]}"}
	prev=${line##*[[:space:]]}

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) ;;
		*)
			verb=${COMP_WORDS[i]}
			break
			;;
		esac
	done

	case $prev in
	--from | --to | --isolate | --not)
		_chaos_selector "$word"
		return
		;;
	--direction)
		_chaos_words "to from both"
		return
		;;
	--hold)
		_chaos_words "auto fq tap"
		return
		;;
	--attach)
		_chaos_words "auto tcx clsact"
		return
		;;
	--distribution | distribution)
		_chaos_words "uniform normal pareto paretonormal table"
		return
		;;
	--order)
		_chaos_words "keep free"
		return
		;;
	--ends)
		_chaos_words "both sender receiver"
		return
		;;
	--with)
		_chaos_words "port host net prohibited"
		return
		;;
	--state)
		_chaos_words "new established"
		return
		;;
	--tcp-flags)
		_chaos_words "fin syn rst psh ack urg"
		return
		;;
	--dscp)
		_chaos_words "ef af11 af12 af13 af21 af22 af23 af31 af32 af33 af41 af42 af43 cs0 cs1 cs2 cs3 cs4 cs5 cs6 cs7"
		return
		;;
	--table)
		_chaos_files dist
		return
		;;
	--proto)
		_chaos_words "tcp udp icmp icmpv6 sctp vrrp"
		return
		;;
	--sort)
		_chaos_words "fault rate packets retransmits rtt connections new name"
		return
		;;
	--netns)
		_chaos_words "$(find /run/netns -mindepth 1 -printf '%f\n' 2>/dev/null)"
		return
		;;
	--kubeconfig)
		_chaos_files "yaml|yml|conf|config"
		return
		;;
	--dir | --out | -o)
		compopt -o filenames
		COMPREPLY=($(compgen -d -- "$cur"))
		return
		;;
	--node | --lead | --listen | --namespace | --context | --for | --ramp | --port | --sport | --dport | --seed | --length | --nth | --first | --correlation | --burst | \
		--every | --first-n | --latency | --jitter | --gap | --queue)
		return
		;;
	esac

	case $verb in
	'')
		_chaos_words "$commands --verbose --quiet --version --help"
		;;
	run)
		if [[ $cur == -* ]]; then
			_chaos_words "--out --seed --attach --hold --allow-host --capture --json --kubeconfig --context --namespace --replace --keep --help"
		else
			_chaos_files "yaml|yml|json"
		fi
		;;
	check)
		if [[ $cur == -* ]]; then
			_chaos_words "--allow-host --json --help"
		else
			_chaos_files "yaml|yml|json"
		fi
		;;
	inject)
		if [[ $cur == -* ]]; then
			_chaos_words "$scope $match $(_chaos_fault_flags) --seed --attach --hold --allow-host --out --json --help"
		else
			_chaos_fault_words
		fi
		;;
	targets)
		if [[ $cur == -* ]]; then
			_chaos_words "--all --json --help"
		else
			_chaos_selector "$word"
		fi
		;;
	watch)
		if [[ $cur == -* ]]; then
			_chaos_words "--every --once --json --sort --devices --netns --help"
		else
			_chaos_selector "$word"
		fi
		;;
	stop)
		_chaos_words "$(ls /run/chaos 2>/dev/null) --all --help"
		;;
	report)
		if [[ $cur == -* ]]; then
			_chaos_words "--compare --json --help"
		else
			compopt -o filenames
			COMPREPLY=($(compgen -d -- "$cur"))
		fi
		;;
	status | doctor)
		_chaos_words "--json --help"
		;;
	agent)
		_chaos_words "--node --dir --lead --listen --namespace --no-chaosmesh --kubeconfig --context --help"
		;;
	clear)
		_chaos_words "--crashed --help"
		;;
	esac
}

complete -F _chaos chaos
