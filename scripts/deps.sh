#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The one list of Debian packages that the project needs. Installs those that are missing from
# the named groups (build, test, vm; all of these by default; deb, for "make deb"; port, for
# scripts/port.sh), or says how. "libraries" prints what the unit programs are built with.
# usage: deps.sh [build|test|vm|deb|port|all]... | deps.sh libraries
set -eu

build="build-essential gcc make pkg-config libusb-1.0-0-dev libsgutils2-dev libfyaml-dev
	libjansson-dev libudev-dev libpcap-dev libtsk-dev scdoc"
# Not every Debian has these: left out where apt does not know them; the tests of them are skipped there.
some="python3-labgrid"
test="clang libclang-rt-dev clang-format cppcheck libcmocka-dev python3 python3-pytest
	python3-pytest-xdist python3-jsonschema valgrind codespell mandoc sg3-utils dosfstools mtools
	lld tshark gcc-mingw-w64-x86-64-win32 wine wine64 zsh fish python3-junitparser
	python3-tap python3-yaml python3-selenium chromium chromium-driver $some"
vm="qemu-system-x86 seabios busybox-static cpio kmod xz-utils zstd usbip libiscsi-bin
	dmsetup e2fsprogs"
deb="dpkg-dev debhelper dh-python lintian"
port="debootstrap qemu-user-static gcc-s390x-linux-gnu gcc-i686-linux-gnu"
libraries="jansson libfyaml libudev libpcap libusb-1.0"

want=
for group in "${@:-all}"; do
	case $group in
	build) want="$want $build" ;;
	test)  want="$want $test" ;;
	vm)    want="$want $vm" ;;
	deb)   want="$want $deb" ;;
	port)  want="$want $port" ;;
	all)   want="$want $build $test $vm" ;;
	libraries) echo libc6-dev libcmocka-dev $(printf '%s\n' $build | grep 'lib.*-dev$'); exit 0 ;;
	*)     echo "usage: deps.sh [build|test|vm|deb|port|all]... | deps.sh libraries" >&2; exit 2 ;;
	esac
done

if ! command -v dpkg-query >/dev/null; then
	echo "deps.sh: not a Debian system; what Debian calls:" $want >&2
	pkg-config --print-errors --exists $libraries || exit 2
	exit 0
fi

have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $want 2>/dev/null |
	sed -n 's/^installed //p') || true
missing=
for package in $want; do
	case "
$have
" in
	*"
$package
"*) ;;
	*) missing="$missing $package" ;;
	esac
done

# Those of $missing that this Debian has.
known() {
	for package in $missing; do
		case " $some " in
		*" $package "*) apt-cache show "$package" >/dev/null 2>&1 || continue ;;
		esac
		printf ' %s' "$package"
	done
}

ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || [ "$(id -u)" != 0 ] || apt-get update -qq >/dev/null 2>&1 || true
missing=$(known)
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null || { ! sudo -n true 2>/dev/null && [ ! -t 0 ]; }; then
		echo "deps.sh: missing packages; as root, run:" >&2
		echo "apt-get install --no-install-recommends$missing" >&2
		exit 2
	fi
	as_root=sudo
fi

install() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends $missing >"$log" 2>&1 </dev/null
}
update() {
	$as_root apt-get update -qq >"$log" 2>&1
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "deps.sh: installing$missing" >&2
if install || { update && install; }; then
	exit 0
fi
cat "$log" >&2
echo "deps.sh: could not install; as root, run:" >&2
echo "apt-get install --no-install-recommends$missing" >&2
exit 2
