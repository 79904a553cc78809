#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds mscope and its unit programs for another machine, and runs these there, under qemu-user: s390x, whose
# byte order is the other one, and i386, whose words have 32 bits. The libraries are those of Debian for that
# machine, in a folder of their own.
# usage: port.sh ARCH [PROGRAM...]
set -eu
arch=${1:?usage: port.sh ARCH [PROGRAM...]}
shift
case $arch in
i386)  triplet=i386-linux-gnu gcc=i686-linux-gnu qemu=i386 ;;
s390x) triplet=s390x-linux-gnu gcc=s390x-linux-gnu qemu=s390x ;;
*)     echo "port.sh: expected i386 or s390x, got $arch" >&2; exit 2 ;;
esac
build=build-$arch
root=$PWD/$build/root
mkdir -p "$build"

# Unpacked only: nothing of it can be run without the emulator.
if [ ! -e "$root/unpacked" ]; then
	rm -rf "$root"
	. /etc/os-release
	debootstrap --foreign --variant=minbase --arch="$arch" \
		--include="$(scripts/deps.sh libraries | tr ' ' ',')" "$VERSION_CODENAME" "$root" >"$build/root.log" ||
		{ cat "$build/root.log" >&2; exit 1; }
	for package in "$root"/var/cache/apt/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
	rm -rf "$root/var/cache"
	touch "$root/unpacked"
fi

export PKG_CONFIG_SYSROOT_DIR=$root
export PKG_CONFIG_LIBDIR=$root/usr/lib/$triplet/pkgconfig:$root/usr/share/pkgconfig
export UNIT_TIMEOUT=3600 # s: they are ten to twenty times slower
export EMULATOR="qemu-$qemu-static -L $root"
exec make --no-print-directory -j"$(nproc)" BUILD="$build" CC="$gcc-gcc --sysroot=$root" AR="$gcc-ar" LTO= \
	"${@:-unit}"
