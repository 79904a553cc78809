# SPDX-License-Identifier: BSD-2-Clause
# fish completion for mscope. The program itself says what may follow: "mscope --complete WORD...".
function __mscope_words
	set -l before (commandline -opc)
	set -l cur (commandline -ct)
	set -e before[1]
	for candidate in (mscope --complete $argv $before "$cur" 2>/dev/null)
		if string match -q ':files *' -- $candidate
			set -l prefix (string replace ':files ' '' -- $candidate)
			__fish_complete_path (string sub -s (math 1 + (string length -- "$prefix")) -- "$cur") |
				string replace -r '^' -- $prefix
		else
			printf '%s\n' $candidate
		end
	end
end

complete -c mscope -f -a '(__mscope_words)'
complete -c dread -f -a '(__mscope_words read)'
