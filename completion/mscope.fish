# SPDX-License-Identifier: BSD-2-Clause
# fish completion for mscope. Everything comes from the program itself, as in mscope.bash.
function __mscope_names
	mscope list $argv[1] 2>/dev/null | string replace -rf '^  (\S+).*' '$1'
end

function __mscope_commands
	mscope help | string replace -rf '^  ([a-z]+) .*' '$1'
end

function __mscope_words
	set -l before (commandline -opc)
	set -l cur (commandline -ct)
	set -l prev $before[-1]
	if test (count $before) -eq 1
		__mscope_commands
	else if contains -- $prev --select -s --exclude -x
		__mscope_names scenarios
	else if contains -- $prev --profile -p
		printf '%s\n' spec usbif interop
	else if contains -- $prev --report --format
		__mscope_names formats
	else if contains -- $prev --baseline --json --junit --log --out --output
		__fish_complete_path $cur
	else if string match -q -- '-*' $cur
		mscope help $before[2] | string match -ra -- '--[a-z-]+'
	else if test $before[2] = list -a (count $before) -eq 2
		printf '%s\n' targets firmware faults variants scenarios rules formats
	else if test $before[2] = list
		__mscope_names $prev
	else if test $before[2] = help
		__mscope_commands
	else if string match -q 'sim:*,variant=*' -- $cur
		set -l head (string replace -r 'variant=[^=]*$' 'variant=' -- $cur)
		__mscope_names variants | string replace -r '^' $head
	else if string match -q 'sim:*,fault=*' -- $cur
		set -l head (string replace -r 'fault=[^=]*$' 'fault=' -- $cur)
		__mscope_names faults | string replace -r '^' $head
	else
		__mscope_names targets | string match -rv '[][A-Z]'
		if contains -- $before[2] run read ls report
			__fish_complete_path $cur
		end
	end
end

complete -c mscope -f -a '(__mscope_words)'
