#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Writes the dictionary of causes: by running MAKER (scripts/dictionary.c), or as a copy of one that was
# made of the same sources, in another build directory or by "make dist". So one serves every compiler
# and sanitizer, and a build for another machine takes that of a native one.
# EMULATOR, as scripts/port.sh sets it, runs the program of another machine.
# usage: BUILD=DIR [EMULATOR=COMMAND] dictionary.sh MAKER OUT
set -eu
export LC_ALL=C
maker=$1 out=$2

# What a run on a simulated device consists of.
key=$({
	find lib/run lib/scenario lib/judge lib/medium lib/session lib/record lib/transport \
		lib/firmware lib/sim lib/scsi lib/wire lib/base scenarios scripts/dictionary.c \
		-name '*.[ch]' -o -name '*.list' -o -name '*.yaml'
} | sort | xargs sha256sum | sha256sum | cut -c1-32)

for have in "$out" build/dictionary.c build-*/dictionary.c dictionary.c; do
	[ -f "$have" ] || continue
	sed -n 2p "$have" | grep -q "Key $key\." || continue
	[ "$have" = "$out" ] || cp "$have" "$out"
	touch "$out"
	exit 0
done

case $maker in /*) ;; *) maker=./$maker ;; esac
${EMULATOR:-} "$maker" "$key" > "$out.tmp" || {
	rm -f "$out.tmp"
	echo "dictionary.sh: $maker cannot be run here: for another machine, build natively first," \
		"or from the archive of \"make dist\"" >&2
	exit 1
}
mv "$out.tmp" "$out"
