#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs cmocka programs; shows the output of those that fail; ends with "N passed, M failed".
# usage: unit.sh PROGRAM...
set -u
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Whatever a simulated device writes to its medium, a permit must cover it.
export MSCOPE_WATCH_MEDIUM=1

for program; do
	CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 "${UNIT_TIMEOUT:-120}" "$program" >"$log" 2>&1 </dev/null
	status=$?
	read -r p f s < <(awk '
		/^(not )?ok [0-9]+ # SKIP/ { s++; next }
		/^ok [0-9]+/               { p++ }
		/^not ok [0-9]+/           { f++ }
		END { print p + 0, f + 0, s + 0 }' "$log")
	why=
	if [ "$f" = 0 ] && [ $status = 124 ]; then
		f=1 why="did not end in time"
	elif [ "$f" = 0 ] && [ $status != 0 ]; then
		f=1 why="ended with status $status"
	elif [ $((p + f + s)) = 0 ]; then
		f=1 why="ran no test"
	fi
	if [ "$f" != 0 ]; then
		sed 's/^/    /' "$log"
		printf 'FAIL  %s%s\n' "$program" "${why:+: $why}"
	else
		printf 'ok    %s (%d)\n' "$program" "$p"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done

summary="$passed passed, $failed failed"
[ $skipped = 0 ] || summary="$summary, $skipped skipped"
echo "$summary"
[ $failed = 0 ] && [ $passed != 0 ]
