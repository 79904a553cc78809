#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Packs the sources, builds the package without libusb, installs it, and uses what is installed.
set -eu
top=build/dist
rm -rf $top && mkdir -p $top
make --no-print-directory dist
tar xzf build/mscope-*.tar.gz -C $top --strip-components=1
make -C $top -s -j"$(nproc)" USB=0 all
make -C $top -s USB=0 PREFIX=/usr LIBDIR=/usr/lib DESTDIR="$PWD/$top/root" install >/dev/null
root=$PWD/$top/root

"$root/usr/bin/mscope" list >/dev/null
if "$root/usr/bin/mscope" >/dev/null 2>&1; then
	echo "check-dist: mscope without a command does not exit with 2" >&2
	exit 1
fi

printf '#include <mscope.h>\nint main(void) { return 0; }\n' > $top/user.c
flags=$(PKG_CONFIG_LIBDIR="$root/usr/lib/pkgconfig:$(pkg-config --variable pc_path pkg-config)" \
	PKG_CONFIG_SYSROOT_DIR= pkg-config --define-variable=prefix="$root/usr" \
	--define-variable=libdir="$root/usr/lib" --cflags --libs mscope)
# shellcheck disable=SC2086
cc -Wall -Wextra -Werror $top/user.c -Wl,--no-as-needed $flags -o $top/user
readelf -d $top/user | grep -q 'NEEDED.*libmscope\.so\.0'
LD_LIBRARY_PATH="$root/usr/lib" $top/user

make -C $top -s USB=0 PREFIX=/usr LIBDIR=/usr/lib DESTDIR="$root" uninstall >/dev/null
left=$(find "$root" -type f -o -type l)
if [ -n "$left" ]; then
	echo "check-dist: uninstall leaves: $left" >&2
	exit 1
fi
rm -rf $top build/mscope-*.tar.gz
