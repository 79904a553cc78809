#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds each fuzzer with clang's libFuzzer and runs it for FUZZ_SECONDS (60) on its corpus.
# usage: fuzz.sh tests/fuzz/fuzz_NAME.c...
set -u
seconds=${FUZZ_SECONDS:-60} status=0
sanitize=-fsanitize=address,undefined
unset MAKEFLAGS MFLAGS MAKELEVEL

make -j"$(nproc)" CC=clang BUILD=build-fuzz \
	CFLAGS="-O1 -g $sanitize -fsanitize=fuzzer-no-link -fno-sanitize-recover=all" \
	build-fuzz/libmscope.a || exit 1
libs="$(pkg-config --libs jansson libfyaml libudev libusb-1.0) -lsgutils2 -lm"
for source; do
	name=$(basename "$source" .c)
	found=build-fuzz/corpus/$name
	mkdir -p "$found" "tests/fuzz/corpus/$name"
	# shellcheck disable=SC2086
	clang -std=gnu11 -D_GNU_SOURCE -Ilib -O1 -g $sanitize,fuzzer -fno-sanitize-recover=all \
		"$source" build-fuzz/libmscope.a $libs -o "build-fuzz/$name" &&
		"build-fuzz/$name" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 \
			-artifact_prefix="build-fuzz/$name-" "$found" "tests/fuzz/corpus/$name" \
			2>"build-fuzz/$name.log"
	if [ $? = 0 ]; then
		echo "ok    $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "build-fuzz/$name.log") runs"
	else
		tail -40 "build-fuzz/$name.log"
		echo "FAIL  $name"
		status=1
	fi
done
exit $status
