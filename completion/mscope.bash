# SPDX-License-Identifier: BSD-2-Clause
# bash completion for mscope. Everything comes from the program itself: "mscope help" for commands
# and options, "mscope list" for names.
_mscope_names() {
	mscope list "$1" 2>/dev/null | sed -n 's/^  \([^ ]\{1,\}\).*/\1/p'
}

_mscope() {
	local cur prev='' command=${COMP_WORDS[1]} words before
	# A target's colon and '=' are part of the word, whatever COMP_WORDBREAKS says.
	local line=${COMP_LINE:0:COMP_POINT}
	cur=${line##*[[:space:]]}
	read -ra before <<<"${line%"$cur"}"
	((${#before[@]} == 0)) || prev=${before[-1]}
	if ((COMP_CWORD == 1)); then
		words=$(mscope help | sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p')
	elif [[ $prev == --select || $prev == -s || $prev == --exclude || $prev == -x ]]; then
		words=$(_mscope_names scenarios)
	elif [[ $prev == --profile || $prev == -p ]]; then
		words="spec usbif interop"
	elif [[ $prev == --report && $cur == *:* ]]; then
		words=$(compgen -f -- "${cur#*:}" | sed "s|^|${cur%%:*}:|")
	elif [[ $prev == --report || $prev == --format ]]; then
		words=$(_mscope_names formats)
	elif [[ $prev == --baseline || $prev == --json || $prev == --junit || $prev == --log || $prev == --out ||
		$prev == --output ]]; then
		compopt -o default
		return
	elif [[ $cur == -* ]]; then
		words=$(mscope help "$command" | grep -o -e '--[a-z-]*')
	elif [[ $command == list && $COMP_CWORD == 2 ]]; then
		words="targets firmware faults variants scenarios rules formats"
	elif [[ $command == list && $COMP_CWORD == 3 ]]; then
		words=$(_mscope_names "$prev")
	elif [[ $command == help ]]; then
		words=$(mscope help | sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p')
	elif [[ $cur == sim:*,variant=* ]]; then
		words=$(_mscope_names variants | sed "s|^|${cur%variant=*}variant=|")
	elif [[ $cur == sim:*,fault=* ]]; then
		words=$(_mscope_names faults | sed "s|^|${cur%fault=*}fault=|")
	else
		words=$(_mscope_names targets | grep -v '[][A-Z]')
		[[ $command != run && $command != read && $command != ls && $command != report ]] || compopt -o default
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	# bash puts back only what follows the last break.
	local head=${cur%"${cur##*[:=]}"}
	COMPREPLY=("${COMPREPLY[@]#"$head"}")
}

# The program that is "mscope read" by another name.
_dread() {
	COMP_WORDS=(mscope read "${COMP_WORDS[@]:1}")
	COMP_CWORD=$((COMP_CWORD + 1))
	COMP_LINE="mscope read${COMP_LINE#"${COMP_LINE%%[[:space:]]*}"}"
	COMP_POINT=${#COMP_LINE}
	_mscope
}

complete -F _mscope mscope
complete -F _dread dread
