#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Lets a program that was just linked load the scenarios that it carries, so that a bad one fails the
# build. One that was built for another machine cannot be asked here; its own tests will.
# usage: check-embedded.sh build/mscope
set -u
said=$("$1" list scenarios 2>&1 >/dev/null)
status=$?
case $status in
0) exit 0 ;;
126 | 127) # the shell's words for what cannot be run at all
	echo "note: $1 does not run here; its scenarios were not checked" >&2
	exit 0
	;;
esac
echo "$said" | sed 's,^mscope: ,scenarios/,' >&2
rm -f "$1"
exit 1
