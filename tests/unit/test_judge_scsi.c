/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of SCSI commands and of sense data. */
#include "judge_scsi.h"
#include "judge_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define BYTES32	 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefe"
#define BYTES64	 BYTES32 BYTES32
#define WRITTEN	 "bytes " BYTES64 BYTES64 BYTES64 BYTES64 BYTES64 BYTES64 BYTES64 BYTES64
#define WRITE_5	 "send 2a000000000500000100 out 512; max_lun 1; " WRITTEN PASSED
#define READ_5(what) "send 28000000000500000100 in 512; max_lun 1; lun 1; " what PASSED

static const struct judge_row rows[] = {
	/* INQUIRY */
	{ "scsi.inquiry.additional", INQ255 "000002021f000000" TEXT28 SHORT219,
	  INQ255 "0000020224000000" TEXT28 SHORT219, "36 bytes came of the 255 asked for", "31",
	  "36" },
	{ "scsi.inquiry.additional",
	  INQ36 "0000020246000000" TEXT28 PASSED INQ5 "0000020246" PASSED,
	  INQ36 "000002021f000000" TEXT28 PASSED INQ5 "0000020200" PASSED,
	  "is 0 when 5 bytes are asked for, and was 31 before", "31", "0" },
	{ "scsi.inquiry.additional",
	  "send 12010000ff00 in 255; bytes 000000020080; none stall; clear in;"
	  " status 0 249",
	  INQ36 "0000020200000000" TEXT28 PASSED, "36 bytes came of the 36", "31", "0" },
	{ "scsi.ready.agree", TUR PASSED READ_BUSY TUR PASSED,
	  READ_BUSY TUR PASSED READ_BUSY, "right before it and right behind it",
	  "TEST UNIT READY that fails as well, or neither", "2/04/09" },
	{ "scsi.inquiry.format", INQ36 "000002021f000000" TEXT28 PASSED,
	  INQ36 "000002011f000000" TEXT28 PASSED, "is 1", "2", "1" },
	{ "scsi.inquiry.length", INQ5 "000002021f" PASSED,
	  INQ36 "0000020203000000; none stall; clear in; status 0 28", "36 bytes and gave 8",
	  "at least 36", "8" },
	{ "scsi.inquiry.status", "send 12018000ff00 in 255; ends stall; clear in; status 1 255",
	  "send 120000002400 in 36; ends stall; clear in; status 1 36", "INQUIRY failed", "00h",
	  "01h" },
	{ "scsi.inquiry.strings", INQ36 "000002021f000000" TEXT28 PASSED,
	  INQ36 "000002021f000000"
		"41420044454647484142434445464748414243444546474831323334" PASSED,
	  "byte 10 of the INQUIRY data, in the vendor, is 00h", "20h to 7Eh", "00h" },
	{ "scsi.inquiry.type",
	  "send 120000002400 in 36; lun 1; bytes 7f0002021f000000" TEXT28 PASSED,
	  INQ36 "7f0002021f000000" TEXT28 PASSED, "logical unit 0", NULL, "7Fh" },

	{ "scsi.reserved.zero", FORMATS "00000008000003e802000200" SHORT240,
	  FORMATS "20000008000003e802000200" SHORT240, "byte 0 of the capacity list header is 20h",
	  "0 in what is reserved", "20h" },

	/* READ CAPACITY(10) */
	{ "scsi.capacity.block", CAPACITY "000003e700001000" PASSED,
	  CAPACITY "000003e700000300" PASSED, "block length is 768", NULL, "768" },
	{ "scsi.capacity.zero", CAPACITY "0000000000000200" PASSED,
	  CAPACITY "0000000000000000" PASSED, "block length of 0", NULL, "0" },
	{ "scsi.capacity.stable",
	  CAPACITY "000003e700000200" PASSED TUR_FAILS CAPACITY "000003e800000200" PASSED,
	  CAPACITY "000003e700000200" PASSED CAPACITY "000003e800000200" PASSED,
	  "the last block is 1000 of 512 bytes, and was 999", "999 of 512", "1000 of 512" },
	{ "scsi.capacity.stable",
	  CAPACITY "000003e700000200" PASSED "send 1b0000000200 none 0" PASSED CAPACITY
		   "000003e800000200" PASSED,
	  CAPACITY "000003e700000200" PASSED "reset port;" CAPACITY "000003e700001000" PASSED,
	  "4096", NULL, NULL },

	/* READ and WRITE */
	{ "scsi.lba.range", READ_FAILS, "send " READ_END " in 512; data 512; status 0 0",
	  "the last block is 999: far beyond it", NULL, "00h" },
	{ "scsi.lba.range", "send 28000000000500000000 none 0; status 0 0",
	  "send 2a00000003e700000200 out 1024; data 1024; status 0 0", "999: they begin before",
	  NULL, NULL },
	{ "scsi.write.protect", "unit protected;" WRITE_FAILS,
	  "unit protected; send " WRITE1 " out 512; data 512; status 0 0", "write-protected",
	  "01h, then sense 7/27/00", "00h" },

	/* MODE SENSE(6) */
	{"scsi.mode.length", MODE3F "0f000000" PAGE8 SHORT176, MODE3F "10000000" PAGE8 SHORT176,
	 "16 bytes came of the 192", "15", "16"},
	{"scsi.mode.length", MODE3F "0f000000" PAGE8 SHORT176 MODE3F_4 "0f000000" PASSED,
	 MODE3F "0f000000" PAGE8 SHORT176 MODE3F_4 "03000000" PASSED,
	 "is 3 when 4 bytes are asked for, and was 15", "the same again", "3"},
	{"scsi.mode.descriptor", MODE3F "17000008" BLOCKDESC PAGE8 SHORT168,
	 MODE3F "17000001" BLOCKDESC PAGE8 SHORT168, "is 1 of 24", "0 or 8", "1"},
	{"scsi.mode.descriptor", MODE3F_4 "03000000" PASSED,
	 MODE3F "0f000018" PAGE8 SHORT176, "is 24 of 16", NULL, "24"},
	{"scsi.mode.descriptor", MODE_DBD "0f000000" PAGE8 SHORT176,
	 MODE_DBD "17000008" BLOCKDESC PAGE8 SHORT168, "asked for no block descriptors", "0", "8"},
	{"scsi.mode.pages", MODE3F "17000008" BLOCKDESC PAGE8 SHORT168,
	 MODE3F "0f000000" "080c00000000000000000000" SHORT176, "PAGE LENGTH is wrong",
	 "pages of 12 bytes in all", NULL},
	{"scsi.mode.pages", MODE08 "0f000000" PAGE8 SHORT176,
	 MODE08 "0f000000" "1c0a00000000000000000000" SHORT176,
	 "page 08h was asked for and page 1Ch came", "08h", "1Ch"},
	{"scsi.mode.pages", MODE3F "0f000000" "000c00000000000000000000" SHORT176,
	 MODE3F "0f000000" "480000090000000000000000" SHORT176, "PAGE LENGTH is wrong", NULL, NULL},
	{"scsi.mode.protect", "unit protected;" WRITE_FAILS SENSE SENSE_OF("7", "2700") PASSED,
	 WRITE_FAILS SENSE SENSE_OF("7", "2700") PASSED, "WRITE(10) failed",
	 "the WP bit of MODE SENSE is set", NULL},

	/* REQUEST SENSE */
	{ "scsi.sense.cleared",
	  READ_FAILS SENSE SENSE_OF("5", "2100") PASSED SENSE SENSE_OF("0", "0000") PASSED,
	  READ_FAILS SENSE SENSE_OF("5", "2100") PASSED SENSE SENSE_OF("5", "2100") PASSED, "twice",
	  "0/00/00", "5/21/00" },
	{ "scsi.sense.cleared",
	  TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED SENSE SENSE_OF("2", "3a00") PASSED,
	  SENSE SENSE_OF("3", "1100") PASSED SENSE SENSE_OF("3", "1100") PASSED, "twice", NULL,
	  NULL },
	{ "scsi.sense.form", SENSE252 SENSE_OF("0", "0000") "; none stall; clear in; status 0 234",
	  SENSE252 "700000000000001200000000000000000000; none stall; clear in; status 0 234",
	  "18 bytes of sense data came, and ADDITIONAL SENSE LENGTH is 18", "10", "18" },
	{ "scsi.sense.form", "send 030000000800 in 8; bytes 700000000000000a" PASSED,
	  SENSE "000000000000000a00000000000000000000" PASSED,
	  "RESPONSE CODE of the sense data is 00h", "70h or 71h", "00h" },
	{ "scsi.sense.form", TUR_FAILS SENSE "710003000000000a00000000110000000000" PASSED,
	  READ_FAILS SENSE "710005000000000a00000000210000000000" PASSED,
	  "in sense data of a deferred error", "70h", "71h" },
	{ "scsi.sense.form",
	  "send 030100001200 in 18; bytes 7200000000000000; none stall; clear in; "
	  "status 0 10",
	  SENSE "700000000000000400000000; none stall; clear in; status 0 6",
	  "12 bytes of sense data", "at least 14", "12" },
	{ "scsi.sense.missing", READ_FAILS "reset recovery;" SENSE SENSE_OF("0", "0000") PASSED,
	  READ_FAILS SENSE SENSE_OF("0", "0000") PASSED, "READ(10) failed", "a sense key",
	  "0/00/00" },
	{ "scsi.sense.missing",
	  "send 000000000000 none 0; max_lun 1; lun 1; status 1 0;" SENSE SENSE_OF("0", "0000")
		  PASSED,
	  TUR_FAILS "control 80 6 100 0 8 done 1201100100000040;" SENSE SENSE_OF("0", "0000")
		  PASSED,
	  "TEST UNIT READY failed", NULL, NULL },
	{ "scsi.sense.opcode",
	  "send 1f0000000000 none 0; status 1 0;" SENSE SENSE_OF("5", "2000") PASSED,
	  "send 1f0000000000 none 0; status 1 0;" SENSE SENSE_OF("5", "2400") PASSED, "24", NULL,
	  "5/24/00" },
	{ "scsi.sense.opcode",
	  "send e00000000000 none 0; status 1 0;" SENSE SENSE_OF("5", "2400") PASSED
	  "send a30d00000000000000000000 none 0; status 1 0;" SENSE SENSE_OF("5", "2400") PASSED,
	  "send 6d000000000000000000 none 0; status 1 0;" SENSE SENSE_OF("5", "2400") PASSED,
	  "failed", NULL, NULL },
	{ "scsi.sense.outlived", READ_FAILS TUR PASSED SENSE SENSE_OF("0", "0000") PASSED,
	  READ_FAILS TUR PASSED SENSE SENSE_OF("5", "2100") PASSED,
	  "TEST UNIT READY passed, and the sense data behind it", "0/00/00", "5/21/00" },
	{ "scsi.sense.outlived", /* what may keep it, and what comes by itself */
	  READ_FAILS INQ36 "000002021f000000" TEXT28 PASSED SENSE SENSE_OF("5", "2100") PASSED
	  TUR PASSED SENSE SENSE_OF("6", "2900") PASSED TUR PASSED SENSE SENSE_OF("5", "2500")
	  PASSED TUR PASSED "reset port;" SENSE SENSE_OF("5", "2000") PASSED,
	  CAPACITY "000003e700000200" PASSED SENSE SENSE_OF("5", "2000") PASSED,
	  "READ CAPACITY(10) passed", NULL, NULL },
	{ "scsi.sense.pair", TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED,
	  TUR_FAILS SENSE SENSE_OF("2", "2700") PASSED, "does not go with", NULL, "2/27/00" },
	{ "scsi.sense.pair", TUR_FAILS SENSE SENSE_OF("6", "2900") PASSED,
	  TUR_FAILS SENSE SENSE_OF("5", "2800") PASSED, "does not go with", NULL, "5/28/00" },
	{ "scsi.sense.protect", "unit protected;" WRITE_FAILS SENSE SENSE_OF("7", "2700") PASSED,
	  "unit protected;" WRITE_FAILS SENSE SENSE_OF("5", "2000") PASSED, "WRITE(10) failed",
	  "7/27/00", "5/20/00" },
	{ "scsi.sense.protect", "unit protected;" WRITE_FAILS SENSE SENSE_OF("6", "2800") PASSED,
	  "unit protected;" WRITE_FAILS SENSE SENSE_OF("3", "0c00") PASSED, "WRITE(10) failed",
	  NULL, NULL },
	{ "scsi.sense.protect", "unit protected;" WRITE12_FAILS SENSE SENSE_OF("5", "2000") PASSED,
	  "unit protected;" WRITE12_FAILS SENSE SENSE_OF("5", "2400") PASSED, "WRITE(12) failed",
	  "7/27/00", "5/24/00" },
	{ "scsi.sense.range", READ_FAILS SENSE SENSE_OF("5", "2100") PASSED,
	  READ_FAILS SENSE SENSE_OF("3", "1100") PASSED, "READ(10) failed", "5/21/00", "3/11/00" },
	{ "scsi.sense.range",
	  "send " WRITE_END " out 512; data 512; status 1 512;" SENSE SENSE_OF("7", "2700") PASSED,
	  READ_FAILS SENSE SENSE_OF("5", "2400") PASSED, "READ(10) failed", NULL, NULL },
	{ "scsi.sense.status", SENSE SENSE_OF("0", "0000") PASSED,
	  "send 030000001200 in 18; ends stall; clear in; status 1 18", "REQUEST SENSE failed",
	  "00h", "01h" },
	/* the capacity, from three commands */
	{ "scsi.capacity.sixteen",
	  "unit disk 4294967295 512;" CAPACITY16_FAILS SENSE SENSE_OF("5", "2000") PASSED,
	  HUGE CAPACITY16_FAILS SENSE SENSE_OF("5", "2000") PASSED,
	  "which is to ask READ CAPACITY(16)", "a capacity below 2 TiB, or none", "5/20/00" },
	{ "scsi.capacity.sixteen", /* another reason, another command */
	  HUGE CAPACITY16_FAILS SENSE SENSE_OF("6", "2900") PASSED
	  "send 9e110000000000000000000000200000 in 32; ends stall; clear in; status 1 32;"
	  SENSE SENSE_OF("5", "2000") PASSED,
	  HUGE CAPACITY16_FAILS SENSE SENSE_OF("5", "2400") PASSED,
	  "is refused", NULL, "5/24/00" },
	{ "scsi.capacity.agree",
	  CAPACITY "000003e700000200" PASSED CAPACITY16 "00000000000003e700000200" ZEROS20 PASSED,
	  CAPACITY "000003e700000200" PASSED CAPACITY16 "00000000000003e800000200" ZEROS20 PASSED,
	  "block 999 of 512 bytes is the last", "999 of 512", "1000 of 512" },
	{ "scsi.capacity.agree",
	  CAPACITY "ffffffff00000200" PASSED CAPACITY16 "00000001000003e700000200" ZEROS20 PASSED,
	  CAPACITY16 "00000000000003e700001000" ZEROS20 PASSED CAPACITY "000003e700000200" PASSED,
	  "of 4096 bytes is", "999 of 512", "999 of 4096" },
	{ "scsi.format.length", FORMATS "00000008000003e802000200" SHORT240,
	  FORMATS "0000000c000003e802000200" SHORT240, "12 bytes came of the 252", NULL, "12" },
	{ "scsi.format.length",
	  FORMATS "00000008000003e802000200" SHORT240
		  "send 23000000000000000400 in 4; bytes 00000008" PASSED,
	  FORMATS "00000008000003e802000200" SHORT240
		  "send 23000000000000000400 in 4; bytes 00000010" PASSED,
	  "is 16 when 4 bytes are asked for, and was 8", "8", "16" },
	{ "scsi.format.absent",
	  EJECT PASSED TUR_FAILS SENSE SENSE_OF("2", "3a00")
		  PASSED FORMATS "00000008000003e803000200" SHORT240,
	  EJECT PASSED TUR_FAILS SENSE SENSE_OF("2", "3a00")
		  PASSED FORMATS "00000008000003e802000200" SHORT240,
	  "there is no medium, and DESCRIPTOR CODE speaks of a formatted one with 1000 blocks",
	  "3, or 01h and then sense 2/3A", "2" },
	{ "scsi.format.absent", /* an unformatted one; nobody has ejected anything */
	  TUR_FAILS SENSE SENSE_OF("2", "0400") PASSED FORMATS "00000008000003e801000200" SHORT240,
	  TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED FORMATS "00000008000003e801000200" SHORT240,
	  "speaks of one with 1000 blocks", NULL, "1" },
	{ "scsi.format.count", FORMATS "00000008000003e801000200" SHORT240,
	  FORMATS "00000008000003e702000200" SHORT240, "the last block instead of",
	  "1000 blocks of 512 bytes", "999 blocks of 512 bytes" },
	{ "scsi.format.count", FORMATS "00000008ffffffff03000000" SHORT240,
	  FORMATS "00000008000003e902001000" SHORT240, "is not what READ CAPACITY(10) says", NULL,
	  "1001 blocks of 4096 bytes" },

	/* vital product data */
	{ "scsi.vpd.form", VPD("80") "0080000431323334; none stall; clear in; status 0 247;",
	  VPD("80") "0080000831323334; none stall; clear in; status 0 247;",
	  "8 bytes came of the 255 asked for, and PAGE LENGTH is 8", "4", "8" },
	{ "scsi.vpd.form", "send 120180000400 in 4; bytes 00800004" PASSED,
	  VPD("80") "0000000431323334; none stall; clear in; status 0 247;", "PAGE CODE is 00h",
	  "80h", "00h" },
	{ "scsi.vpd.pages", VPD("00") "00000003008083; none stall; clear in; status 0 248;",
	  VPD("00") "000000028083; none stall; clear in; status 0 249;", "begin with page 00h",
	  "00h", NULL },
	{ "scsi.vpd.form", /* of another page no list is wrong */
	  NULL, "send 120100000400 in 4; bytes 00800000" PASSED, "PAGE CODE is 80h", "00h", "80h" },
	{ "scsi.vpd.pages", NULL, VPD("00") "00000003008380; none stall; clear in; status 0 248;",
	  "page 80h follows page 83h", "ascending order", NULL },
	{ "scsi.vpd.listed",
	  VPD("00") "000000020080; none stall; clear in; status 0 249;"
		    "send 12018300ff00 in 255; ends stall; clear in; status 1 255;",
	  VPD("00") "00000003008083; none stall; clear in; status 0 248;"
		    "send 12018300ff00 in 255; ends stall; clear in; status 1 255;",
	  "page 83h is in the list", "00h", "01h" },
	{ "scsi.vpd.serial", NULL,
	  VPD("80") "0080000431003200; none stall; clear in; status 0 247;", "byte 5 of page 80h",
	  "20h to 7Eh", "00h" },
	{ "scsi.vpd.designators",
	  VPD("83") "008300080201000441424344; none stall; clear in; status 0 243;",
	  VPD("83") "008300080201000841424344; none stall; clear in; status 0 243;", "do not end",
	  NULL, NULL },
	{ "scsi.vpd.designators", NULL, VPD("83") "00830000; none stall; clear in; status 0 251;",
	  "has no designator", NULL, NULL },

	{ "scsi.mode.dpofua",
	  FUA_FAILS SENSE SENSE_OF("5", "2400") PASSED,
	  "unit dpofua;" FUA_FAILS SENSE SENSE_OF("5", "2400") PASSED,
	  "WRITE(10) with FUA is refused", "00h, or DPOFUA 0 in MODE SENSE", "5/24/00" },
	{ "scsi.mode.dpofua", /* another reason, no such bit, protection information */
	  "unit dpofua;" FUA_FAILS SENSE SENSE_OF("3", "0c00")
		  PASSED WRITE_FAILS SENSE SENSE_OF("5", "2400") PASSED
	  "send 2a280000000000000100 out 512; data 512; status 1 512;" SENSE SENSE_OF("5", "2400")
		  PASSED,
	  "unit dpofua;"
	  "send 28100000000000000100 in 512; ends stall; clear in; status 1 512;" SENSE SENSE_OF(
		  "5", "2400") PASSED,
	  "READ(10) with DPO", NULL, NULL },

	/* MODE SENSE(10) */
	{ "scsi.mode.long", MODE10 "0012000000000000" PAGE8 "; none stall; clear in; status 0 172;",
	  MODE10 "0013000000000000" PAGE8 "; none stall; clear in; status 0 172;",
	  "20 bytes came of the 192 asked for, and MODE DATA LENGTH is 19", "18", "19" },
	{ "scsi.mode.long", "send 5a003f00000000000400 in 4; bytes 00120000" PASSED,
	  "send 5a003f00000000010000 in 256; ends stall; clear in; status 0 256;",
	  "0 bytes came of the 256", "at least 8", "0" },
	{ "scsi.mode.agree",
	  MODE3F "0f000000" PAGE8 SHORT176 MODE10 "0012000000000000" PAGE8
		 "; none stall; clear in; status 0 172;",
	  MODE3F "0f000000" PAGE8 SHORT176 MODE10 "0012008000000000" PAGE8
		 "; none stall; clear in; status 0 172;",
	  "WP bit", "0 in both", "1 in the second" },
	{ "scsi.mode.agree",
	  MODE3F "0f000000" PAGE8 SHORT176
		 "send 5a00080000000000c000 in 192; bytes 0006000000000000"
		 "; none stall; clear in; status 0 184;",
	  MODE10 "0006000000000000; none stall; clear in; status 0 184;" MODE3F "0f000000" PAGE8
		 SHORT176,
	  "mode pages are not the same", "the same 0 bytes", "12 bytes" },

	/* media that come and go */
	{ "scsi.eject.effect", EJECT PASSED TUR_FAILS, EJECT PASSED TUR PASSED,
	  "TEST UNIT READY passes after it", "01h, then sense 2/3A", "00h" },
	{ "scsi.eject.effect", EJECT FAILED TUR PASSED, "reset port;" EJECT PASSED TUR PASSED,
	  "LOEJ", NULL, NULL },
	{ "scsi.eject.idle", SYNC PASSED TUR PASSED,
	  SYNC PASSED TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED,
	  "SYNCHRONIZE CACHE passed, and within 1 s",
	  "the medium stays until START STOP UNIT ejects it", "2/3A/00" },
	{ "scsi.eject.idle", SYNC PASSED TUR PASSED TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED,
	  SYNC16 PASSED "send 000000000000 none 0; status 1 0; took 3000;" SENSE
	  SENSE_OF("2", "3a00") PASSED, "within", NULL, NULL },
	{ "scsi.eject.idle", /* a wrong word for a wrong address */
	  SYNC PASSED READ_FAILS SENSE SENSE_OF("2", "3a00") PASSED,
	  SYNC PASSED TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED, "is gone", NULL, "2/3A/00" },
	{ "scsi.eject.needless", /* the same */
	  STOP READ_FAILS SENSE SENSE_OF("2", "3a00") PASSED,
	  STOP TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED, "without LOEJ", NULL, "2/3A/00" },
	{ "scsi.eject.idle", /* by hand, or another reason */
	  SYNC PASSED "send 000000000000 none 0; status 1 0; took 11000;" SENSE
	  SENSE_OF("2", "3a00") PASSED SYNC FAILED TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED
	  SYNC PASSED TUR_FAILS SENSE SENSE_OF("2", "0401") PASSED SYNC PASSED "reset port;"
	  TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED,
	  SYNC PASSED TUR_FAILS SENSE SENSE_OF("2", "3a01") PASSED, "is gone", NULL, "2/3A/01" },
	{ "scsi.eject.needless", STOP TUR_FAILS SENSE SENSE_OF("2", "0402") PASSED,
	  STOP TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED, "then there is no medium",
	  "the medium stays", "2/3A/00" },
	{ "scsi.eject.needless", /* found late: it was not there before, or nobody knows */
	  "reset port;" READ_FAILS SENSE SENSE_OF("2", "3a00")
		  PASSED STOP TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED
	  "reset port;" STOP TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED,
	  "reset port;" TUR PASSED STOP TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED,
	  "without LOEJ", NULL, NULL },
	{ "scsi.eject.needless", EJECT PASSED TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED,
	  "send 1b0000000100 none 0" PASSED TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED,
	  "without LOEJ", NULL, NULL },
	{ "scsi.eject.prevented", LOCK UNLOCK EJECT PASSED, LOCK EJECT PASSED, "had locked it in",
	  "01h, then sense 5/53/02", "00h" },
	{ "scsi.eject.prevented", LOCK "reset port;" EJECT PASSED, LOCK TUR PASSED EJECT PASSED,
	  "ejected", NULL, NULL },
	{ "scsi.eject.returns", EJECT PASSED GONE LOAD TUR_FAILS TUR PASSED,
	  EJECT PASSED GONE TUR_FAILS TUR PASSED, "TEST UNIT READY passes within 1 s",
	  "01h, then sense 2/3A, until START STOP UNIT loads it", "00h" },
	{ "scsi.eject.returns", EJECT PASSED GONE "reset port;" TUR PASSED,
	  EJECT PASSED GONE "send 000000000000 none 0; status 1 0; took 11000;" TUR PASSED,
	  "passes within 12 s", NULL, NULL },
	{ "scsi.eject.returns", /* nobody knows who put it in */
	  EJECT PASSED GONE "send 000000000000 none 0; status 1 0; took 13000;" TUR PASSED,
	  EJECT PASSED GONE TUR_FAILS SENSE SENSE_OF("6", "2800") PASSED TUR PASSED,
	  "nothing has loaded it", NULL, NULL },
	{ "scsi.eject.returns", /* it never went; once it is told, it is there */
	  EJECT PASSED TUR_FAILS SENSE SENSE_OF("6", "2900") PASSED TUR PASSED,
	  EJECT PASSED GONE TUR PASSED, "the medium was ejected and gone", NULL, NULL },
	{ "scsi.attention.change", EJECT PASSED TUR_FAILS LOAD TUR_FAILS,
	  EJECT PASSED TUR_FAILS LOAD TUR PASSED, "TEST UNIT READY passes right after it",
	  "01h once, then sense 6/28/00", "00h" },
	{ "scsi.attention.change",
	  EJECT PASSED TUR_FAILS LOAD INQ36 "000002021f000000" TEXT28 PASSED,
	  EJECT PASSED LOAD CAPACITY "000003e700000200" PASSED, "READ CAPACITY(10) passes", NULL,
	  NULL },
	{ "scsi.attention.change", /* what cannot be taken out was stopped and started */
	  "unit fixed;" EJECT PASSED LOAD TUR PASSED, EJECT PASSED LOAD TUR PASSED,
	  "TEST UNIT READY passes right after it", NULL, NULL },
	{ "scsi.attention.once",
	  TUR_FAILS SENSE SENSE_OF("6", "2900") PASSED TUR_FAILS SENSE SENSE_OF("6", "2800") PASSED,
	  TUR_FAILS SENSE SENSE_OF("6", "2900") PASSED TUR_FAILS SENSE SENSE_OF("6", "2900") PASSED,
	  "two commands in a row", "once", "6/29/00 again" },
	{ "scsi.medium.repeats", SMALL FIRST AT_2048 "eb589000000000000000000000000001" PASSED,
	  SMALL FIRST AT_2048 "eb589000000000000000000000000000" PASSED,
	  "block 2048 holds the same", NULL, NULL },

	/* single blocks */
	{ "scsi.write.readback", SMALL WRITES("0123456789abcdef0123456789abcdef") PASSED
	  READS("0123456789abcdef0123456789abcdef") PASSED,
	  SMALL WRITES("0123456789abcdef0123456789abcdef") PASSED
	  READS("0123456789abcdef0123456789abcdee") PASSED,
	  "block 5 reads otherwise than it was written, from byte 15 on", "what was written",
	  NULL },
	{ "scsi.write.readback",
	  SMALL WRITES("0123456789abcdef0123456789abcdef")
		  PASSED WRITES("00112233445566778899aabbccddeeff")
			  PASSED READS("00112233445566778899aabbccddeeff") PASSED,
	  SMALL WRITES("0123456789abcdef0123456789abcdef")
		  PASSED WRITES("00112233445566778899aabbccddeeff")
			  PASSED READS("0123456789abcdef0123456789abcdef") PASSED,
	  "block 5 reads otherwise", NULL, NULL },
	{ "scsi.write.readback",
	  SMALL WRITES("0123456789abcdef0123456789abcdef") PASSED TUR_FAILS SENSE SENSE_OF(
		  "6", "2800") PASSED READS("00112233445566778899aabbccddeeff") PASSED,
	  SMALL WRITES("0123456789abcdef0123456789abcdef") PASSED
	  "send 2a000000000700000100 out 16; data 16" PASSED TUR PASSED READS(
		  "00112233445566778899aabbccddeeff") PASSED,
	  "block 5 reads otherwise", NULL, NULL },
	{ "scsi.lba.refused",
	  "send 2800000003e700000200 in 1024; ends stall; clear in; status 1 1024;" SENSE SENSE_OF(
		  "5", "2100") PASSED,
	  "send 2800000003e600000200 in 1024; ends stall; clear in; status 1 1024;" SENSE SENSE_OF(
		  "5", "2100") PASSED,
	  "2 blocks at 998 are out of range, and the last block is 999", "00h",
	  "01h, then sense 5/21/00" },
	{ "scsi.ready.medium",
	  TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED TUR_FAILS,
	  TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED TUR PASSED,
	  "TEST UNIT READY passes right after TEST UNIT READY has failed", "01h, then sense 2/3A",
	  "00h" },
	{ "scsi.ready.medium",
	  TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED TUR_FAILS SENSE SENSE_OF("6", "2800") PASSED
	  TUR PASSED,
	  TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED TUR PASSED,
	  "no unit attention", NULL, NULL },

	/* what the first blocks tell of the capacity */
	{ "scsi.volume.fits", FIRST_512(MBR(TO_999, ZEROS16)), FIRST_512(MBR(TO_999, TO_1999)),
	  "partition 2 ends with block 1999, and READ CAPACITY says that block 999 is the last",
	  "block 1999 or a later one is the last", "999" },
	/* code where the table would be; no signature */
	{ "scsi.volume.fits", FIRST_512(MBR(TO_1999, ENTRY("7f", "83", "08000000", "c8070000"))),
	  FIRST_512(MBR(TO_1999, ZEROS16)), "partition 1", NULL, NULL },
	{ "scsi.volume.fits", FIRST_1024(GPT("e703000000000000")),
	  FIRST_1024(GPT("cf07000000000000")), "the GPT ends with block 1999",
	  "block 1999 or a later one is the last", "999" },
	{ "scsi.volume.fits", FIRST_512(FAT_OF("e803")), FIRST_512(FAT_OF("d007")),
	  "the volume ends with block 1999", "block 1999 or a later one is the last", "999" },
	/* of a partition: its volume, and the logical one of a table */
	{ "scsi.volume.fits", FIRST_512(MBR(TO_999, ZEROS16)) BLOCK_8(FAT_OF("e003")),
	  FIRST_512(MBR(TO_999, ZEROS16)) BLOCK_8(FAT_OF("d007")),
	  "the volume in partition 1 ends with block 2007", "block 2007 or a later one is the last",
	  "999" },
	{ "scsi.volume.fits", BLOCK_8(FAT_OF("d007")),
	  FIRST_512(MBR(ENTRY("00", "06", "08000000", "64000000"), ZEROS16))
		  BLOCK_8(FAT_OF("6500")),
	  "the volume in partition 1 has 101 blocks, and the partition has 100",
	  "100 blocks or fewer", "101" },
	{ "scsi.volume.fits",
	  FIRST_512(MBR(EXTENDED, ZEROS16))
		  BLOCK_8(MBR(ENTRY("00", "83", "02000000", "64000000"), ZEROS16)),
	  FIRST_512(MBR(EXTENDED, ZEROS16)) BLOCK_8(MBR(TO_1999, ZEROS16)),
	  "partition 5 ends with block 2007", "block 2007 or a later one is the last", "999" },
	{ "scsi.volume.last", FIRST_512(MBR(TO_999, ZEROS16)), FIRST_512(MBR(TO_1000, ZEROS16)),
	  "partition 1 ends with block 1000", "block 1000 or a later one is the last", "999" },

	/* units side by side, and addresses that move nothing */
	{ "scsi.sense.unit",
	  TUR PASSED "send 000000000000 none 0; max_lun 1; lun 1; status 1 0;"
		     "send 030000001200 in 18; max_lun 1; bytes " SENSE_OF("0", "0000") PASSED,
	  TUR PASSED "send 000000000000 none 0; max_lun 1; lun 1; status 1 0;"
		     "send 030000001200 in 18; max_lun 1; bytes " SENSE_OF("5", "2400") PASSED,
	  "logical unit 0 gives the reason why a command on unit 1 failed", "0/00/00", "5/24/00" },
	{ "scsi.unit.alias", READ_5(WRITTEN) WRITE_5 READ_5(WRITTEN),
	  READ_5("data 512") WRITE_5 READ_5(WRITTEN),
	  "block 5 of logical unit 1 has changed to what was written to unit 0", NULL, NULL },
	{ "scsi.luns.list",
	  "send a00000000000000000100000 in 16; max_lun 0; bytes 00000008000000000000000000000000"
	  PASSED,
	  "send a00000000000000000100000 in 16; max_lun 0; bytes 00000010000000000000000000000000"
	  PASSED,
	  "LUN LIST LENGTH is 16, and Get Max LUN says that there are 1", "8", "16" },
	{ "scsi.luns.list", NULL,
	  "control a1 fe 0 0 1 stall; send a00000000000000000100000 in 16; max_lun 0; bytes "
	  "00000010000000000000000000000000" PASSED,
	  "LUN LIST LENGTH is 16, and Get Max LUN is refused", "8", "16" },
	{ "scsi.luns.list", NULL,
	  "send a00000000000000000180000 in 24; max_lun 1; bytes 0000001000000000"
	  "00000000000000000000000000000000" PASSED,
	  "in the list twice", NULL, NULL },
	{ "scsi.lba.empty", "send 28000000ffff00000000 none 0; status 1 0",
	  "send 28000000ffff00000000 none 0; status 0 0",
	  "0 blocks at 65535 passed, and the last block is 999", "01h, then sense 5/21/00", "00h" },
	{ "scsi.verify.range", "send 2f00000003e700000100 none 0; status 0 0",
	  "send 2f00000003e700000200 none 0; status 0 0", "VERIFY of 2 blocks at 999 passed", NULL,
	  "00h" },
};

static void each_rule_finds_its_defect_and_nothing_else(void **state)
{
	(void)state;
	judge_rows(rows, MSC_COUNT(rows));
}

static void conforming_devices_give_no_finding(void **state)
{
	static const char *const scripts[] = {
		/* two units have two capacities */
		CAPACITY "000003e700000200" PASSED
			 "send 25000000000000000000 in 8; max_lun 1; lun 1;"
			 " bytes 00000fff00000800" PASSED CAPACITY "000003e700000200" PASSED,
		/* pages of their own */
		MODE3F "0f000000" PAGE8 SHORT176
		       "send 1a000800c000 in 192; bytes 17000008" BLOCKDESC PAGE8 SHORT168,
		MODE3F "0f000000" PAGE8 SHORT176 MODE_DBD "0f000000" PAGE8 SHORT176,
		MODE3F "03000000; none stall; clear in; status 0 188",
		MODE3F "0d000000" "4801000601020304" "0506; none stall; clear in; status 0 178",
		"send 1a000000c000 in 192; bytes 07000000ffffffff; none stall; clear in; status 0 184",
		/* INQUIRY: vital product data is another thing; a page that is refused */
		"send 12018000ff00 in 255; bytes 0080000441424344; none stall; clear in; status 0 247",
		"send 12020000ff00 in 255; ends stall; clear in; status 1 255",
		"send 120000000000 none 0" PASSED "send 120000000400 in 4; bytes 00000202" PASSED,
		/* zeros behind what was asked for, up to the host's length (BOT 1.0, 6.7.2): no part of the answer */
		"send 120000000100 in 8; bytes 0000000000000000; status 0 7;" INQ36
		"000002021f000000" TEXT28 PASSED,
		"send 1a003f000000 in 4; bytes 00000000; status 0 4;" MODE3F
		"0f000000" PAGE8 SHORT176,
		/* another reason each time, a unit attention more than once, sense in descriptor format */
		READ_FAILS SENSE SENSE_OF("5", "2100") PASSED SENSE SENSE_OF("5", "2400") PASSED,
		"send 28000000000000000100 in 512; ends stall; clear in; status 1 512;" SENSE
			SENSE_OF("3", "1100") PASSED,
		TUR_FAILS SENSE SENSE_OF("6", "2800") PASSED SENSE SENSE_OF("6", "2800") PASSED,
		"send 030100001200 in 18; bytes 7205240000000000; none stall; clear in; status 0 10",
		"send 030100001200 in 18; ends stall; clear in; status 1 18",
		"send 030000000000 none 0" PASSED "send 030000000400 in 4; bytes 70000000" PASSED,
		/* reads and writes that are refused for reasons that come first */
		"send " WRITE_END " out 512; data 512; status 1 512;" SENSE SENSE_OF("6", "2900")
			PASSED,
		"unit protected; send " WRITE_END
		" out 512; data 512; status 1 512;" SENSE SENSE_OF("5", "2100") PASSED,
		"unit protected;" WRITE_FAILS SENSE SENSE_OF("2", "3a00") PASSED,
		/* what else the command block asks for may be refused first */
		"unit protected; send 2a200000000000000100 out 512; data 512; status 1 512;" SENSE
			SENSE_OF("5", "2400") PASSED,
		"send 2a080000ffff00000100 out 512; data 512; status 1 512;" SENSE
			SENSE_OF("5", "2400") PASSED,
		"send 2a000000ffff00000140 out 512; data 512; status 1 512;" SENSE
			SENSE_OF("5", "2400") PASSED,
		"unit unknown;" WRITE_FAILS SENSE SENSE_OF("7", "2700") PASSED,
		WRITE_FAILS SENSE SENSE_OF("3", "0c00") PASSED,
		/* a vendor's command and one whose service action is not known */
		"send c00000000000 none 0; status 1 0;" SENSE SENSE_OF("5", "2400") PASSED,
		"send 7e0000000000 none 0; status 1 0;" SENSE SENSE_OF("5", "2400") PASSED,
		TUR_FAILS SENSE SENSE_OF("5", "2400") PASSED,
	};

	(void)state;
	judge_conforming(scripts, MSC_COUNT(scripts));
}

static void every_rule_has_a_row(void **state)
{
	static const char *const prefixes[] = { "scsi.", NULL };

	(void)state;
	judge_coverage(rows, MSC_COUNT(rows), prefixes);
}

/* What came is the answer, and is looked at as such. */
static void a_wrong_residue_hides_nothing(void **state)
{
	char *ids = judge_script(FORMATS
				 "00000008000003e802000000; none stall; clear in; status 0 0;",
				 MSC_PROFILE_SPEC);

	(void)state;
	assert_string_equal(ids, "bot.residue.in scsi.format.count ");
	free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_finds_its_defect_and_nothing_else),
		cmocka_unit_test(conforming_devices_give_no_finding),
		cmocka_unit_test(every_rule_has_a_row),
		cmocka_unit_test(a_wrong_residue_hides_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
