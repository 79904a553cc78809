#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs cmocka programs, as many at once as there are processors; shows the output of those that fail; ends
# with "N passed, M failed". EMULATOR runs those of another machine.
# usage: unit.sh PROGRAM...
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# Whatever a simulated device writes to its medium, a permit must cover it.
export MSCOPE_WATCH_MEDIUM=1
: >"$dir/counts"

one() {
	local log="$dir/${1//\//_}" status p f s why=
	CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 "${UNIT_TIMEOUT:-900}" ${EMULATOR:-} "$1" >"$log" 2>&1 </dev/null
	status=$?
	read -r p f s < <(awk '
		/^(not )?ok [0-9]+ # SKIP/ { s++; next }
		/^ok [0-9]+/               { p++ }
		/^not ok [0-9]+/           { f++ }
		END { print p + 0, f + 0, s + 0 }' "$log")
	if [ "$f" = 0 ] && [ $status = 124 ]; then
		f=1 why="did not end in time"
	elif [ "$f" = 0 ] && [ $status != 0 ]; then
		f=1 why="ended with status $status"
	elif [ $((p + f + s)) = 0 ]; then
		f=1 why="ran no test"
	fi
	(
		flock 9
		if [ "$f" != 0 ]; then
			sed 's/^/    /' "$log"
			printf 'FAIL  %s%s\n' "$1" "${why:+: $why}"
		else
			printf 'ok    %s (%d)\n' "$1" "$p"
		fi
		echo "$p $f $s" >&9
	) 9>>"$dir/counts"
}

for program; do
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
	one "$program" &
done
wait

read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$dir/counts")
summary="$passed passed, $failed failed"
[ "$skipped" = 0 ] || summary="$summary, $skipped skipped"
echo "$summary"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
