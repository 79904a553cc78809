# SPDX-License-Identifier: BSD-2-Clause
# bash completion for mscope. The program itself says what may follow: "mscope --complete WORD...".
_mscope() {
	local cur candidate name
	local -a before found=()
	# A target's colon and '=' are part of the word, whatever COMP_WORDBREAKS says.
	local line=${COMP_LINE:0:COMP_POINT}
	cur=${line##*[[:space:]]}
	read -ra before <<<"${line%"$cur"}"
	while IFS= read -r candidate; do
		if [[ $candidate == :files* ]]; then
			candidate=${candidate#:files }
			while IFS= read -r name; do
				[[ ! -d $name ]] || name+=/
				found+=("$candidate$name")
			done < <([[ $cur != "$candidate"* ]] || compgen -f -- "${cur#"$candidate"}")
			compopt -o filenames 2>/dev/null
		else
			candidate=${candidate%%$'\t'*}
			[[ $candidate != "$cur"* ]] || found+=("$candidate")
		fi
	done < <(mscope --complete "${before[@]:1}" "$cur" 2>/dev/null)
	# What a knob or a directory goes on with comes behind it.
	[[ ${#found[@]} != 1 || ${found[0]} != *[=/] ]] || compopt -o nospace 2>/dev/null
	# bash puts back only what follows the last break.
	local head=${cur%"${cur##*[:=]}"}
	COMPREPLY=("${found[@]#"$head"}")
}

# The program that is "mscope read" by another name.
_dread() {
	COMP_LINE="mscope read${COMP_LINE#"${COMP_LINE%%[[:space:]]*}"}"
	COMP_POINT=${#COMP_LINE}
	_mscope
}

complete -F _mscope mscope
complete -F _dread dread
