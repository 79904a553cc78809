#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The main job, on simulated devices: a firmware that conforms, the Linux gadget, and a defect that
# is found. Each command is shown, run, and held to its exit status.
set -u
mscope=${MSCOPE:-build/mscope}
medium=$(mktemp)
trap 'rm -f "$medium"' EXIT
truncate -s 4M "$medium"

# expect STATUS ARGUMENT...
expect() {
	local want=$1 got
	shift
	printf '\n$ mscope %s\n' "$*"
	"$mscope" "$@"
	got=$?
	if [ $got != "$want" ]; then
		echo "demo: exit status $got, expected $want" >&2
		exit 1
	fi
}

expect 0 probe sim:reference
expect 0 check sim:reference --allow-writes
expect 0 check "sim:linux-gadget,stall=1,file=$medium" --allow-writes
expect 1 check sim:reference,fault=residue-zero --select 'bot.case05*'

printf '\n%s\n%s\n%s\n' \
	"The verdict: sim:reference and sim:linux-gadget pass every scenario that applies to them," \
	"and the defect that was switched on last was found by its rule." \
	"Next: \"$mscope list\" shows what there is; docs/guide.md is a walk through it."
