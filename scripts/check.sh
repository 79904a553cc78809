#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs every part of the tests, also after one has failed, and ends with what failed and the total.
# usage: check.sh [fast]     (fast: all but the virtual machines)
set -u -o pipefail
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS LDFLAGS BUILD SAN USB LTO V
export WERROR=1
jobs=$(nproc)
passed=0 failed=0 skipped=0 report= broken= named=
log=$(mktemp)
trap 'rm -f "$log"' EXIT

note() {
	report="$report$(printf '%-12s %-8s %4s s  %s' "$1" "$2" "$3" "$4")
"
}

# What failed is told again at the end, where it is seen.
name_failures() {
	named="$named$(sed "s/^/$1: /" <<<"$2" | cut -c -200)
"
}

# How many tests did the last line that counts them call WORD?
count() {
	grep -E '[0-9]+ (passed|failed|skipped|errors?)\b' "$log" | tail -1 |
		grep -oE "[0-9]+ $1\b" | cut -d' ' -f1 | grep . || echo 0
}

# part NAME COMMAND...: a part that passes or fails as a whole
part() {
	local name=$1 start=$SECONDS
	shift
	echo "== $name"
	if "$@" </dev/null 2>&1 | tee "$log"; then
		note "$name" ok $((SECONDS - start)) ""
	else
		failed=$((failed + 1))
		name_failures "$name" "$(tail -8 "$log")"
		note "$name" FAILED $((SECONDS - start)) ""
		return 1
	fi
}

# tests NAME COMMAND...: a part that counts its tests
tests() {
	local name=$1 start=$SECONDS status p f s
	shift
	echo "== $name"
	"$@" </dev/null 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	p=$(count passed) f=$(($(count failed) + $(count 'errors?'))) s=$(count skipped)
	[ $((p + f)) != 0 ] || status=1
	[ "$status" = 0 ] || [ "$f" != 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	status=ok
	if [ "$f" != 0 ]; then
		status=FAILED
		name_failures "$name" "$(grep -E '^(FAIL|FAILED|ERROR) ' "$log")"
	fi
	note "$name" $status $((SECONDS - start)) "$p passed, $f failed, $s skipped$(
		sed -n 's/^\(.* faults caught, .* rules proven\)$/; \1/p' "$log")"
}

build() {
	make -j"$jobs" "$@" all unit-programs
}

part build       build                            || broken="$broken build"
# clang is there for its warnings, which do not need optimisation.
part build-clang make -j"$jobs" CC=clang BUILD=build-clang CFLAGS=-O0 objects
part build-san   build SAN=1                      || broken="$broken build-san"
part lint        make lint
part dist        scripts/check-dist.sh
case $broken in
*" build"*) ;;
*)
	tests unit make unit
	tests tool make tool
	[ "${1:-}" = fast ] || tests vm make vm ;;
esac
case $broken in
*build-san*) ;;
*)
	tests unit-san make SAN=1 unit
	tests tool-san make SAN=1 tool PYTESTFLAGS="-m 'not nosan'" ;;
esac

printf '\n%s' "$named" "$report"
[ -z "$broken" ] || echo "tests of what did not build were not run"
[ $passed != 0 ] || echo "no test was run"
summary="$passed passed, $failed failed"
[ $skipped = 0 ] || summary="$summary, $skipped skipped"
echo "$summary"
[ $failed = 0 ] && [ $passed != 0 ]
