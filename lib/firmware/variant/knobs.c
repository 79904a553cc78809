/* SPDX-License-Identifier: BSD-2-Clause */
/* Legal devices of other sizes, kinds and speeds: knobs of `reference` alone. */
#include "firmware/variant/variant.h"

#define ANY_SIZE "SBC-2, 4.3 and 5.10: a medium may have any number of blocks"
#define ANY_BLOCK "SBC-2, 5.10: the block has the length that READ CAPACITY gives"
#define UNITS "BOT 1.0, 3.2: up to 16 units"
#define CASE_5 "BOT 1.0, 6.7.2"

static const struct msc_variant rows[] = {
	{"case5-pad", "data that is shorter than the host expects is padded", CASE_5 ": pad, with the residue",
	 .knobs = "case5=pad"},
	{"case5-short", "data that is shorter than the host expects ends with a short packet",
	 "not by the letter of BOT 1.0, 6.7.2, which wants STALL; all hosts take it, and so do the USB-IF's tests",
	 .profiles = "spec usbif", .knobs = "case5=short"},
	{"blocks-1", "a medium of 1 block", ANY_SIZE, .knobs = "blocks=1"},
	{"blocks-2", "a medium of 2 blocks", ANY_SIZE, .knobs = "blocks=2"},
	{"blocks-3", "a medium of 3 blocks", ANY_SIZE, .knobs = "blocks=3"},
	{"blocks-8", "a medium of 8 blocks", ANY_SIZE, .knobs = "blocks=8"},
	{"blocks-64", "a medium of 64 blocks", ANY_SIZE, .knobs = "blocks=64"},
	{"blocks-100", "a medium of 100 blocks", ANY_SIZE, .knobs = "blocks=100"},
	{"blocks-odd", "a medium of 12345 blocks", ANY_SIZE, .knobs = "blocks=12345"},
	{"blocks-2g", "a medium of 2 GiB", ANY_SIZE, .knobs = "blocks=4194304"},
	{"blocks-4g-1", "a medium of 2^32 - 1 blocks", ANY_SIZE, .knobs = "blocks=4294967295"},
	{"blocks-4g", "a medium of 2^32 blocks", "SBC-2, 5.11: READ CAPACITY(10) says FFFFFFFFh", .knobs = "blocks=4294967296"},
	{"blocks-3t", "a medium of 3 TiB", "SBC-2, 5.11", .knobs = "blocks=6442450944"},
	{"block-1024", "blocks of 1024 bytes", ANY_BLOCK, .knobs = "block-size=1024"},
	{"block-2048", "blocks of 2048 bytes", ANY_BLOCK, .knobs = "block-size=2048"},
	{"block-4096", "blocks of 4096 bytes", ANY_BLOCK, .knobs = "block-size=4096"},
	{"block-4096-few", "600 blocks of 4096 bytes", ANY_BLOCK, .knobs = "block-size=4096,blocks=600,fill=noise"},
	{"block-4096-3t", "a medium of 3 TiB with blocks of 4096 bytes", ANY_BLOCK, .knobs = "block-size=4096,blocks=805306368"},
	{"block-2048-empty", "no medium, and blocks of 2048 bytes", ANY_BLOCK, .knobs = "block-size=2048,medium=0"},
	{"noise", "the medium holds noise", "SBC-2, 4.3: what is stored is the host's", .knobs = "fill=noise"},
	{"fixed", "the medium cannot be taken out", "SPC-2, 7.3.2: RMB 0", .knobs = "removable=0"},
	{"empty", "there is no medium", "SPC-2, table D.1: 2/3A/00", .knobs = "medium=0"},
	{"write-protected", "the medium is write-protected", "SBC-2, 4.2.2", .knobs = "wp=1"},
	{"fixed-protected", "a medium that stays is write-protected", "SBC-2, 4.2.2", .knobs = "wp=1,removable=0"},
	{"units-2", "two units of different sizes", UNITS, .knobs = "luns=2"},
	{"units-3", "three units of different sizes", UNITS, .knobs = "luns=3"},
	{"units-16", "sixteen units", UNITS, .knobs = "luns=16"},
	{"units-first-empty", "a card reader whose slot 0 is empty", "BOT 1.0, 3.2; SPC-2, table D.1",
	 .knobs = "luns=2,event=card-out/0@0ns"},
	{"units-last-empty", "a card reader whose last slot is empty", "BOT 1.0, 3.2; SPC-2, table D.1",
	 .knobs = "luns=2,event=card-out/1@0ns"},
	{"units-empty", "a card reader without a card", "BOT 1.0, 3.2; SPC-2, table D.1", .knobs = "luns=4,medium=0"},
	{"composite", "mass storage is interface 1 of a composite device", "BOT 1.0, 4.3; USB 2.0, 5.2.3", .knobs = "composite=1"},
	{"full-speed", "a full-speed device on a UHCI host", "USB 2.0, 5.8.3", .knobs = "speed=full"},
	{"full-speed-ohci", "a full-speed device on an OHCI host", "USB 2.0, 5.8.3", .knobs = "speed=full,host=ohci"},
	{"full-speed-xhci", "a full-speed device on an xHCI host", "USB 2.0, 5.8.3", .knobs = "speed=full,host=xhci"},
	{"high-speed-xhci", "a high-speed device on an xHCI host", "USB 2.0, 5.8.3", .knobs = "host=xhci"},
	{"serial-12", "a serial number of 12 digits", "BOT 1.0, 4.1.1: at least 12", .knobs = "serial=0123456789AB"},
	{"serial-31", "a serial number whose descriptor fills an endpoint 0 packet", "BOT 1.0, 4.1.1; USB 2.0, 5.5.3",
	 .knobs = "serial=0123456789ABCDEF0123456789ABCDE"},
	{"serial-126", "the longest serial number", "BOT 1.0, 4.1.1; USB 2.0, 9.5",
	 .knobs = "serial="
		  "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"
		  "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCD"},
	{"card-slow", "a medium that takes 20 ms to read a block and 30 ms to write one", "USB 2.0, 8.4.6.1",
	 .knobs = "card-read=20ms,card-write=30ms"},
	{"card-very-slow", "a medium that takes 200 ms to write a block", "USB 2.0, 8.4.6.1", .knobs = "card-write=200ms"},
	{"card-erase", "a medium that takes 85 ms to write a block at full speed", "USB 2.0, 8.4.6.1",
	 .knobs = "speed=full,card-write=85ms"},
};
VARIANT_TABLE(knobs)
