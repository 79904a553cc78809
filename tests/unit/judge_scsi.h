/* SPDX-License-Identifier: BSD-2-Clause */
/* Words for scripts about SCSI commands and their answers: make_record.h has the language. */
#ifndef MSC_TEST_JUDGE_SCSI_H
#define MSC_TEST_JUDGE_SCSI_H

#define TEXT28	  "4142434445464748" "41424344454647484142434420202020" "31323334"
#define INQ36	  "send 120000002400 in 36; bytes "
#define INQ255	  "send 12000000ff00 in 255; bytes "
#define INQ5	  "send 120000000500 in 5; bytes "
#define SHORT219  "; none stall; clear in; status 0 219;"
#define CAPACITY  "send 25000000000000000000 in 8; bytes "
#define SENSE	  "send 030000001200 in 18; bytes "
#define SENSE252  "send 03000000fc00 in 252; bytes "
#define SENSE_OF(key, asc) "70000" key "000000000a00000000" asc "00000000"
#define MODE3F	  "send 1a003f00c000 in 192; bytes "
#define MODE3F_4  "send 1a003f000400 in 4; bytes "
#define MODE08	  "send 1a000800c000 in 192; bytes "
#define MODE_DBD  "send 1a083f00c000 in 192; bytes "
#define SHORT176  "; none stall; clear in; status 0 176;"
#define SHORT168  "; none stall; clear in; status 0 168;"
#define PAGE8	  "080a00000000000000000000"
#define BLOCKDESC "0000000000000200"
#define READ_END  "28000000ffff00000100"
#define WRITE_END "2a000000ffff00000100"
#define WRITE1	  "2a000000000000000100"
#define TUR_FAILS "send 000000000000 none 0; status 1 0;"
#define PASSED	  "; status 0 0;"
#define FAILED	  "; status 1 0;"
#define TUR	  "send 000000000000 none 0"
#define STOP	  "send 1b0000000000 none 0" PASSED
#define EJECT	  "send 1b0000000200 none 0"
#define LOAD	  "send 1b0000000300 none 0" PASSED
#define HUGE	  "unit disk 4294967296 512;"
#define CAPACITY16_FAILS \
	"send 9e100000000000000000000000200000 in 32; ends stall; clear in; status 1 32;"
#define FUA_FAILS "send 2a080000000000000100 out 512; data 512; status 1 512;"
#define SYNC	  "send 35000000000000000000 none 0"
#define SYNC16	  "send 91000000000000000000000000000000 none 0"
#define GONE	  TUR_FAILS SENSE SENSE_OF("2", "3a00") PASSED
#define LOCK	  "send 1e0000000100 none 0" PASSED
#define UNLOCK	  "send 1e0000000000 none 0" PASSED
#define CAPACITY16 "send 9e100000000000000000000000200000 in 32; bytes "
#define ZEROS20	  "0000000000000000000000000000000000000000"
#define FORMATS	  "send 2300000000000000fc00 in 252; bytes "
#define SHORT240  "; none stall; clear in; status 0 240;"
#define VPD(page) "send 1201" page "00ff00 in 255; bytes "
#define MODE10	  "send 5a003f0000000000c000 in 192; bytes "
#define SMALL	  "unit disk 8192 16;"
#define FIRST \
	"send 28000000000000000100 in 16; bytes eb5890" \
	"00000000000000000000000000" PASSED
#define WRITES(hex) "send 2a000000000500000100 out 16; bytes " hex
#define READS(hex)  "send 28000000000500000100 in 16; bytes " hex
#define AT_2048	  "send 28000000080000000100 in 16; bytes "
#define READ_FAILS  "send " READ_END " in 512; ends stall; clear in; status 1 512;"
#define READ_BUSY \
	"send 28000000000000000100 in 512; ends stall; clear in; status 1 512;" SENSE \
	SENSE_OF("2", "0409") PASSED
#define WRITE_FAILS "send " WRITE1 " out 512; data 512; status 1 512;"

/* Block 0 of a medium of 1000 blocks of 512 bytes, and what may lie there. */
#define FIRST_512(hex) "send 28000000000000000100 in 512; bytes " hex PASSED
#define FIRST_1024(hex) "send 28000000000000000200 in 1024; bytes " hex PASSED
#define ZEROS16	  "00000000000000000000000000000000"
#define ZEROS64	  ZEROS16 ZEROS16 ZEROS16 ZEROS16
#define ZEROS384  ZEROS64 ZEROS64 ZEROS64 ZEROS64 ZEROS64 ZEROS64
#define CODE446	  ZEROS384 ZEROS16 ZEROS16 ZEROS16 "0000000000000000000000000000"
#define ENTRY(status, type, first, count) status "000000" type "000000" first count
#define MBR(entry1, entry2) CODE446 entry1 entry2 ZEROS16 ZEROS16 "55aa"
#define BLOCK_8(hex) "send 28000000000800000100 in 512; bytes " hex PASSED
#define EXTENDED  ENTRY("00", "05", "08000000", "e0030000")
#define TO_999	  ENTRY("80", "0c", "08000000", "e0030000")
#define TO_1000	  ENTRY("80", "0c", "08000000", "e1030000")
#define TO_1999	  ENTRY("00", "83", "08000000", "c8070000")
#define GPT(alternate)                                                                             \
	MBR(ENTRY("00", "ee", "01000000", "ffffffff"), ZEROS16)                                    \
	"4546492050415254" "00000100" "5c000000" "0000000000000000" "0100000000000000" alternate   \
		ZEROS384 ZEROS64 ZEROS16 "0000000000000000"
#define FAT_OF(blocks)                                                                             \
	"eb3c904d53444f53352e300002040100020002" blocks "f80400" ZEROS384 ZEROS64 ZEROS16 ZEROS16  \
	"00000000000055aa"

#define WRITE12_FAILS \
	"send aa0000000000000000010000 out 512; data 512; status 1 512;"

#endif
