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
	*)
		_chaos_words "netns: interface: cidr: host:"
		compopt -o nospace
		;;
	esac
}

# _chaos_after WORD CHOICES: complete WORD; hand back only what is behind its last colon when colons break words.
_chaos_after()
{
	local choice prefix=

	if [[ $COMP_WORDBREAKS == *:* ]]; then
		prefix=${1%"${1##*:}"}
	fi
	for choice in $2; do
		if [[ $choice == "$1"* ]]; then
			COMPREPLY+=("${choice#"$prefix"}")
		fi
	done
}

_chaos()
{
	local cur prev word line verb='' i commands="run inject check targets status stop clear report doctor"
	local scope="--from --to --isolate --direction --port --proto --l2 --for"

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
	--from | --to | --isolate)
		_chaos_selector "$word"
		return
		;;
	--direction)
		_chaos_words "to from both"
		return
		;;
	--attach)
		_chaos_words "auto tcx clsact"
		return
		;;
	--proto)
		_chaos_words "tcp udp icmp icmpv6 sctp vrrp"
		return
		;;
	--out | -o)
		compopt -o filenames
		COMPREPLY=($(compgen -d -- "$cur"))
		return
		;;
	--for | --port | --seed)
		return
		;;
	esac

	case $verb in
	'')
		_chaos_words "$commands --verbose --quiet --version --help"
		;;
	run)
		if [[ $cur == -* ]]; then
			_chaos_words "--out --seed --attach --allow-host --json --help"
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
			_chaos_words "$scope --seed --attach --allow-host --out --json --help"
		elif [[ $prev == inject ]]; then
			_chaos_words "partition loss"
		fi
		;;
	targets)
		if [[ $cur == -* ]]; then
			_chaos_words "--all --json --help"
		else
			_chaos_selector "$word"
		fi
		;;
	stop)
		_chaos_words "$(ls /run/chaos 2>/dev/null) --all --help"
		;;
	report)
		if [[ $cur == -* ]]; then
			_chaos_words "--json --help"
		else
			compopt -o filenames
			COMPREPLY=($(compgen -d -- "$cur"))
		fi
		;;
	status | doctor)
		_chaos_words "--json --help"
		;;
	clear)
		_chaos_words "--help"
		;;
	esac
}

complete -F _chaos chaos
