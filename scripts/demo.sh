#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The main job, on simulated devices: a firmware that conforms, the Linux gadget, and a defect that
# is found. Each command is shown, run, and held to its exit status; the verdicts come last.
set -u
mscope=$(realpath "${MSCOPE:-build/mscope}")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 1
truncate -s 4M disk.img
verdicts=

# expect STATUS COMMAND TARGET ARGUMENT...
expect() {
	local want=$1 got
	shift
	printf '\n$ mscope %s\n' "${*@Q}" | sed "s/'\([A-Za-z0-9=,:.-]*\)'/\1/g"
	"$mscope" "$@" | tee out
	got=${PIPESTATUS[0]}
	if [ "$got" != "$want" ]; then
		echo "demo: exit status $got, expected $want" >&2
		exit 1
	fi
	[ "$1" != check ] || verdicts+=$(printf '  %-38s %s' "$2" "$(tail -1 out)")$'\n'
}

expect 0 probe sim:reference
expect 0 check sim:reference --allow-writes
# The gadget as Linux has it: what fails is its own, and docs/devices.md explains each.
expect 1 check sim:linux-gadget,stall=1,file=disk.img --allow-writes
expect 1 check sim:reference,fault=residue-zero --select bot.case05.inquiry

printf '\nThe verdicts:\n%s\n%s\n%s\n%s\n' "$verdicts" \
	"The failures of linux-gadget are the real gadget's too: docs/devices.md explains them." \
	"A failure names the rule, its clause, what was sent, what came back, and how to repeat it." \
	"Next: \"mscope list\" shows what there is, and docs/guide.md is a walk through it."
