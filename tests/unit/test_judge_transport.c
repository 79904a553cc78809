/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of command, data and status transport, of the thirteen cases, and of resets. */
#include "judge_table.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define TUR	 "000000000000"
#define BUFFER13 "3c020000000000000d00"
#define INQ36	 "120000002400"
#define INQ255	 "12000000ff00"
#define READ1	 "28000000000000000100"
#define READ2	 "28000000000000000200"
#define READ_END "28000000ffff00000100"
#define WRITE1	 "2a000000000000000100"
#define WRITE2	 "2a000000000000000200"
#define WRITE0	 "2a000000000000000000"
#define DATA36 \
	"000002021f0000004142434445464748414243444546474841424344454647483132333" \
	"4"
#define TUR_OK	   "send " TUR " none 0; status 0 0;"
#define BAD_CBW	   "send " TUR " none 0; signature 43425354; none stall;"
#define BOT_RESET  "control 21 ff 0 0 0 done;"

static const struct judge_row rows[] = {
	/* the thirteen cases */
	{ "bot.case.failed", "send " READ1 " none 0; status 2 0",
	  "send " READ1 " none 0; status 1 0",
	  "case 2: the host expects no data, the command means 512 bytes in", "02h", "01h" },
	{ "bot.case.failed", "unit unknown; send " WRITE1 " none 0; status 1 0",
	  "send " WRITE1 " none 0; status 1 0", "case 3", "02h", "01h" },
	{ "bot.case.failed", "reset port; send " READ1 " none 0; status 1 0",
	  "send " READ1 " out 512; data 512; status 1 512", "case 10", "02h", "01h" },
	{ "bot.case.failed", "unit protected; send " WRITE1 " none 0; status 1 0",
	  "send " WRITE2 " out 512; data 512; status 1 0", "case 13", "02h", "01h" },
	{ "bot.case.failed", "send " READ_END " none 0; status 1 0",
	  "send " READ2 " in 512; ends stall; clear in; status 1 512", "case 7", "02h", "01h" },
	{ "bot.case.needless", TUR_OK, "send " TUR " none 0; status 2 0", "case 1", "00h or 01h",
	  "02h" },
	{ "bot.case.needless", "send " TUR " none 0; cblength 4; status 2 0",
	  "send " READ1 " in 1024; ends stall; clear in; status 2 0", "case 5", NULL, NULL },
	{ "bot.case.needless", "send " TUR " none 0; lun 3; status 2 0",
	  "send " INQ36 " in 36; ends stall; clear in; status 2 36", "case 6", NULL, NULL },
	{ "bot.case.needless", "send " READ2 " out 1024; data 512; status 2 0",
	  "send " WRITE1 " out 512; data 512; status 2 0", "case 12", NULL, NULL },
	{ "bot.case.needless", "send e10000000000 none 0; status 2 0",
	  "send e10000000000 none 0; means none 0; status 2 0", "case 1", NULL, NULL },
	{ "bot.case.needless",
	  "unit unknown; send " READ1 " in 512; ends stall; clear in; status 2 0",
	  "send " TUR " out 512; data 512; status 2 0", "case 9", NULL, NULL },
	{ "bot.case.phase", "send " READ1 " none 0; none stall; clear in; status 2 0",
	  "send " READ1 " none 0; status 0 0", "case 2", "02h", "00h" },
	{ "bot.case.phase", "send " READ2 " in 512; data 512; status 2 0",
	  "send " READ2 " in 512; data 512; status 0 0", "the command means 1024 bytes in", "02h",
	  "00h" },
	{ "bot.case.phase", "send " WRITE1 " in 512; data 512; status 2 0",
	  "send " WRITE1 " in 512; data 512; status 0 0", "case 8", NULL, NULL },
	{ "bot.case.phase", "send " WRITE2 " out 512; ends stall; clear out; status 2 0",
	  "send " WRITE2 " out 512; data 512; status 0 0", "case 13", NULL, NULL },
	{ "bot.case.phase", "send " READ1 " out 512; data 512; status 2 0",
	  "unit unknown; send " READ1 " none 0; status 0 0", "the command means data in", NULL,
	  NULL },
	{ "bot.case.truncated",
	  "send " INQ36 " in 20; bytes 000002021f000000414243444546474841424344;"
	  " status 2 0",
	  "send " INQ36 " in 20; bytes 000002021f000000414243444546474841424344; status 0 0",
	  "cut to the host's length", "02h", "00h" },
	{ "bot.case.truncated", "send " INQ255 " in 36; bytes " DATA36 "; status 0 0",
	  "send 1a003f00c000 in 4; bytes 0f000000; status 0 0", "case 7", NULL, NULL },

	/* command transport */
	{ "bot.cbw.accept", TUR_OK, "send " TUR " none 0; refused stall", "STALL", "done",
	  "STALL" },
	{ "bot.cbw.accept", BAD_CBW "send " TUR " none 0; refused stall",
	  TUR_OK "send " TUR " none 0; refused timeout", "time-out", "done", "time-out" },
	{ "bot.cbw.accept", "control 2 3 0 2 0 done; send " TUR " none 0; refused stall",
	  "reset in; send " TUR " none 0; refused stall", "STALL", NULL, NULL },
	{ "bot.cbw.invalid", BAD_CBW, "send " TUR " none 0; signature 43425354; status 0 0",
	  "(another signature) was answered with a CSW that says passed", "STALL", "done" },
	{ "bot.cbw.invalid", "send " TUR " none 0; wrapper 30; none stall",
	  "send " TUR " none 0; wrapper 30; none timeout", "time-out", "STALL", "time-out" },
	{ "bot.cbw.invalid", "send " TUR " none 0; wrapper 0; none timeout",
	  "send " TUR " none 0; wrapper 32; none timeout", "time-out", NULL, NULL },
	{ "bot.cbw.discard", "send " TUR " none 0; wrapper 32; refused stall; none stall",
	  "send " TUR " none 0; wrapper 32; refused timeout; none stall", "32 bytes", NULL, NULL },
	{ "bot.cbw.discard", BAD_CBW "poll out done", BAD_CBW "poll out timeout", "neither", NULL,
	  NULL },
	{ "bot.cbw.persist",
	  BAD_CBW "poll in stall; reset in; poll in stall; reset recovery; " TUR_OK,
	  BAD_CBW "reset in; poll in timeout", "once its halt was cleared", "STALL", "time-out" },
	{ "bot.cbw.persist", BAD_CBW "reset in; send " TUR " none 0; none stall",
	  BAD_CBW "reset in; " TUR_OK, "without the reset recovery", "STALL", "a CSW" },
	{ "bot.cbw.persist", BAD_CBW BOT_RESET "reset in; reset out; poll in timeout; " TUR_OK,
	  BAD_CBW "poll in timeout", "bulk-in gave time-out before", NULL, NULL },

	/* status transport */
	{ "bot.csw.length", TUR_OK, "send " TUR " none 0; answer 555342530200000000000000",
	  "12 bytes", "13", "12" },
	{ "bot.csw.length", "send " TUR " none 0; status 1 0",
	  "send " TUR " none 0; answer 5553425302000000000000000000", "14 bytes", "13", "14" },
	{ "bot.csw.signature", TUR_OK, "send " TUR " none 0; answer 55534243020000000000000000",
	  "dCSWSignature is 43425355h", "53425355h", "43425355h" },
	{ "bot.csw.tag", TUR_OK, "send " TUR " none 0; status 0 0; tag 1234",
	  "dCSWTag is 00001234h, dCBWTag was 00000002h", "00000002h", "00001234h" },
	{ "bot.csw.status", TUR_OK, "send " TUR " none 0; status 5 0", "05h", "00h, 01h or 02h",
	  "05h" },
	{ "bot.csw.residue", "send " READ2 " in 512; data 512; status 2 4294966784",
	  "send " INQ36 " in 36; bytes " DATA36 "; status 0 4294967295",
	  "dCSWDataResidue is 4294967295", "at most 36", "4294967295" },
	{ "bot.csw.merged", "send " READ1 " in 1024; data 512; none stall; clear in; status 0 512",
	  "send " READ1 " in 1024; data 512; status 0 512; merged", "after 512 of 1024", NULL,
	  NULL },
	{ "bot.csw.merged", "send " INQ36 " in 13; bytes 000002021f0000004142434445; status 2 0",
	  "send 030000000c00 in 12; bytes 55534253020000000c00000000; none timeout",
	  "after 0 of 12", NULL, NULL },
	{ "bot.csw.zlp", "send " READ1 " in 512; data 512; status 0 0",
	  "send " READ1 " in 512; data 512; none done; status 0 0", "after 512 bytes", "13 bytes",
	  "0 bytes" },
	{ "bot.csw.stall",
	  "send " TUR " in 512; ends stall; clear in; none stall; clear in; status 0 512",
	  "send " TUR " none 0; none stall; clear in; none stall", "again", "13 bytes", "STALL" },
	{ "bot.csw.missing", TUR_OK, "send " READ1 " in 512; data 512; none timeout",
	  "after 512 bytes of data: time-out", "13 bytes", "time-out" },
	{ "bot.csw.missing", "send " WRITE1 " out 512; data 64; none timeout",
	  TUR_OK "send " TUR " none 0; none error", "in status transport", NULL, NULL },

	/* data transport */
	{ "bot.data.cut", "send " WRITE1 " out 512; data 100; status 1 512",
	  "send " WRITE1 " out 512; data 100; none timeout", "after 100 of 512",
	  "a CSW, with status 01h or 02h", "nothing" },
	{ "bot.stall.late",
	  "send " INQ36 " in 255; bytes " DATA36 "; none stall; took 900; clear in; "
	  "status 0 219",
	  "send " INQ36 " in 255; bytes " DATA36 "; none stall; took 2000; clear in; status 0 219",
	  "2.000 s after the last data", "at once", "2.000 s" },
	{ "bot.data.excess", "send " READ1 " in 512; data 512; status 0 0",
	  "send " READ1 " in 512; data 576; status 0 0", "576 bytes came", "at most 512 bytes",
	  "576 bytes" },
	{ "bot.data.excess", "send " INQ36 " in 36; bytes " DATA36 "; status 0 0",
	  "send " INQ36 " in 36; ends babble", "more than there was room for", NULL, NULL },
	{ "bot.data.excess", NULL, "send " READ1 " in 512; data 512; answer 5a5a5a5a5a5a5a5a",
	  "where the CSW belongs", NULL, "512 bytes and more" },
	{ "bot.data.hang", "send " READ1 " in 512; data 512; status 0 0",
	  "send " READ1 " in 512; data 64; ends timeout", "after 64 of 512 bytes", NULL,
	  "time-out" },
	{ "bot.data.missing", "send " READ1 " in 512; data 256; ends stall; clear in; status 1 256",
	  "send " READ1 " in 512; data 256; ends stall; clear in; status 0 256", "after 256 bytes",
	  "512 bytes, or status 01h", "256 bytes" },
	{ "bot.data.missing", "send " READ2 " in 512; data 512; status 2 0",
	  "send " WRITE1 " out 512; data 64; ends stall; clear out; status 0 448", "after 64 bytes",
	  NULL, NULL },
	{ "bot.data.missing",
	  "send " INQ255 " in 255; bytes " DATA36 "; none stall; clear in;"
	  " status 0 219",
	  "send 25000000000000000000 in 8; ends stall; clear in; status 0 8", "it means 8", NULL,
	  NULL },
	{ "bot.data.hang",
	  "send " TUR " none 0; none cancelled; send " TUR " none 0; refused timeout",
	  "reset recovery; send e10000000000 in 512; ends timeout", "after 0 of 512 bytes", NULL,
	  NULL },
	{ "bot.data.short", "send " READ1 " in 1024; data 512; ends stall; clear in; status 0 512",
	  "send " READ1 " in 1024; data 512; status 0 512", "512 of 1024 bytes came", "STALL",
	  NULL },
	{ "bot.data.short", "send " READ1 " in 1024; data 1024; status 0 512",
	  "send " TUR " in 512; data 0; status 1 512", "0 of 512 bytes came", "STALL", NULL },
	{ "bot.data.split", "send " READ1 " in 512; data 512; status 0 0",
	  "send " READ1 " in 512; data 100; answer 5a5a5a5a5a5a5a5a", "after 100 of 512", "a CSW",
	  "8 bytes of data" },
	{ "bot.data.stale", TUR_OK "poll in timeout", TUR_OK "poll in done 5a5a5a", "3 bytes",
	  "nothing", "3 bytes" },
	{ "bot.data.stale", "send " TUR " none 0; none cancelled; poll in done 5a",
	  TUR_OK "reset recovery; poll in done 555342530000", "after reset recovery", NULL, NULL },
	{ "bot.data.stale", "reset recovery; poll out done 5a; poll in done 5a",
	  "poll out done 5a; reset recovery; poll in done 5a", "after reset recovery", NULL, NULL },
	{ "bot.data.stale", TUR_OK "poll out done 5a; poll in done 5a", TUR_OK "poll in done 5a",
	  "although the CSW had come", NULL, NULL },
	{ "bot.data.stale", "send " READ1 " in 512; data 512; status 0 0",
	  "send " INQ36 " in 36; bytes 55534253010000000000000000; answer 5a5a5a5a5a5a5a5a",
	  "a CSW with tag 00000001h", "data", NULL },
	/* READ BUFFER: data that looks like a CSW, or one that came before the CSW of a command without data */
	{ "bot.data.stale",
	  "send " BUFFER13 " in 13; bytes 55534253010000000000000000; status 0 0",
	  "send " BUFFER13 " in 13; bytes 55534253010000000000000000; status 1 13",
	  "a CSW with tag 00000001h", "data", NULL },
	{ "bot.data.unasked", TUR_OK, "send " READ1 " none 0; answer 5a5a5a5a5a5a5a5a",
	  "asked for none", "a CSW", "8 bytes of data" },
	{ "bot.stall.needless", "send " READ1 " none 0; none stall; clear in; status 2 0",
	  "send " TUR " none 0; none stall; clear in; status 0 0", "bulk-in was halted", "no STALL",
	  "STALL" },
	{ "bot.stall.needless", "send " TUR " out 512; ends stall; clear out; status 1 512",
	  "send " READ1 " in 512; data 512; none stall; clear in; status 0 0", "all 512 bytes",
	  NULL, NULL },

	/* residue */
	{ "bot.residue.in",
	  "send " INQ255 " in 255; bytes " DATA36 "; none stall; clear in; status 0 219",
	  "send " INQ255 " in 255; bytes " DATA36 "; none stall; clear in; status 0 0",
	  "INQUIRY asked for 255 bytes, received 36, status 00h, and dCSWDataResidue is 0", "219",
	  "0" },
	{ "bot.residue.in", "send " READ1 " in 1024; data 1024; status 0 512",
	  "send " READ1 " in 1024; data 1024; status 0 0", "READ(10)", "512", "0" },
	{ "bot.residue.in", "send " READ1 " in 512; data 256; ends stall; clear in; status 1 256",
	  "send " READ1 " in 512; data 256; ends stall; clear in; status 1 0", "received 256",
	  "256 to 512", "0" },
	{ "bot.residue.in", "send " READ_END " in 512; ends stall; clear in; status 1 512",
	  "send " READ_END " in 512; data 512; status 1 0", "status 01h", "512", "0" },
	{ "bot.residue.in", "send e10000000000 in 512; data 512; status 0 100",
	  "send " INQ36 " in 36; bytes " DATA36 "; status 0 36", "is 36", "0", "36" },
	{ "bot.residue.in",
	  "send e10000000000 in 512; data 100; ends stall; clear in; status 0 412",
	  "send e10000000000 in 512; data 100; ends stall; clear in; status 0 0", "received 100",
	  "412", "0" },
	{ "bot.residue.out", "send " WRITE1 " out 1024; data 1024; status 0 512",
	  "send " WRITE1 " out 1024; data 1024; status 0 0", "was offered 1024 bytes, took 1024",
	  "512", "0" },
	{ "bot.residue.out",
	  "send " WRITE1 " out 1024; data 512; ends stall; clear out; status 0 512",
	  "send " WRITE1 " out 512; data 64; ends stall; clear out; status 1 0", "took 64",
	  "448 to 512", "0" },
	{ "bot.residue.out", "unit protected; send " WRITE1 " out 512; data 512; status 1 512",
	  "unit protected; send " WRITE1 " out 512; data 512; status 1 0", "status 01h", "512",
	  "0" },
	{ "bot.residue.out", "send " WRITE1 " out 512; data 512; status 1 100",
	  "send " WRITE0 " out 512; data 512; status 0 0", "WRITE(10)", "512", "0" },
	{ "bot.residue.out",
	  "send 2a000000"
	  "03e8"
	  "00000100 out 512; data 512; status 1 512",
	  "send 2a000000"
	  "03e8"
	  "00000100 out 512; data 512; status 1 0",
	  "status 01h", "512", "0" },
	{ "bot.residue.out",
	  "send 2a000000"
	  "03e7"
	  "00000200 out 1024; data 1024; status 1 512",
	  "send 2a000000"
	  "03e7"
	  "00000200 out 1024; data 512; ends stall; clear out; status 1 0",
	  "took 512", "512 to 1024", "0" },
	{ "bot.residue.out", "send e10000000000 out 512; data 512; status 0 100",
	  "send " WRITE1 " out 512; data 512; status 0 512", "is 512", "0", "512" },

	/* halts and resets */
	{ "bot.reset.completes", "reset recovery; reset port", "reset recovery stall",
	  "Bulk-Only Mass Storage Reset was answered", "done", "STALL" },
	{ "bot.reset.completes", "reset config; " TUR_OK, "reset config stall",
	  "SET_CONFIGURATION with the value in force was answered with STALL", "done", "STALL" },
	{ "bot.reset.completes", BOT_RESET, "control 21 ff 0 0 0 timeout", "Bulk-Only", "done",
	  "time-out" },
	{ "bot.reset.fields", "control 21 ff 1 0 0 stall; control 21 ff 0 9 0 stall",
	  "control 21 ff 1 0 0 done", "wValue 1", "STALL", "done" },
	{ "bot.reset.fields", "control 21 ff 0 0 4 stall", "control 21 ff 0 9 0 done", "wIndex 9",
	  NULL, NULL },
	{ "bot.reset.halts", BAD_CBW BOT_RESET "poll in stall", BAD_CBW BOT_RESET "poll in timeout",
	  "endpoint 81h", "halted", "not halted" },
	{ "bot.reset.halts", BAD_CBW BOT_RESET "control 82 0 0 81 2 done 0100",
	  BAD_CBW BOT_RESET "control 82 0 0 81 2 done 0000", "endpoint 81h", NULL, NULL },
	{ "bot.reset.halts", BAD_CBW BOT_RESET "reset in; control 82 0 0 81 2 done 0000",
	  "poll in stall; " BOT_RESET "poll in timeout", "endpoint 81h", NULL, NULL },
	{ "bot.reset.recovers", "reset recovery; " TUR_OK,
	  BAD_CBW "reset recovery; send " TUR " none 0; none timeout",
	  "time-out in status transport", "a CSW", "time-out" },
	{ "bot.reset.recovers", NULL, "reset config; send 000000000000 none 0; none timeout",
	  "in status transport", "a CSW", "time-out" },
	{ "bot.reset.recovers", "reset port; " TUR_OK,
	  "reset port; send " TUR " none 0; refused stall", "STALL in command transport", NULL,
	  NULL },
	{ "bot.csw.missing", "send " TUR " in 512; ends stall; clear in; status 1 512",
	  "send " TUR " in 512; ends stall; clear in; none timeout",
	  "bulk-in was halted, the halt was cleared, and no CSW followed", "13 bytes", "time-out" },
	{ "bot.csw.missing", NULL, "send " TUR " none 0; none stall; clear in; none timeout",
	  "bulk-in was halted, the halt was cleared, and no CSW followed", NULL, NULL },
	{ "usb.halt.recover", "reset in; reset out; " TUR_OK,
	  "reset in; send " TUR " none 0; none timeout",
	  "after CLEAR_FEATURE(ENDPOINT_HALT) of an endpoint that was not halted, endpoint 81h gave",
	  NULL, NULL },
	{ "usb.halt.recover", NULL,
	  "poll in stall; reset in; send " TUR " none 0; none timeout", "after a halt was cleared",
	  NULL, NULL },
	{ "usb.halt.recover", "send " TUR " none 0; clear in; status 0 0",
	  "send " TUR " none 0; clear in; none timeout",
	  "of an endpoint that was not halted, endpoint 81h gave time-out", "done", "time-out" },
	{ "usb.halt.recover", TUR_OK, "reset out stall", "endpoint 02h was answered with STALL",
	  NULL, NULL },
	{ "usb.halt.recover", NULL,
	  "send " TUR " in 512; ends stall; clear in stall; none cancelled", "CLEAR_FEATURE", NULL,
	  NULL },
	{ "usb.halt.recover", NULL,
	  "send " TUR " out 512; ends stall; clear out; status 1 512; send " TUR
	  " none 0; none timeout",
	  "after a halt was cleared", NULL, NULL },
	{ "usb.halt.accept", "control 2 3 0 81 0 done", "control 2 3 0 81 0 stall",
	  "SET_FEATURE(ENDPOINT_HALT) of endpoint 81h was refused", "done", "STALL" },
	{ "usb.halt.set", "control 2 3 0 81 0 done; control 82 0 0 81 2 done 0100; poll in stall",
	  "control 2 3 0 81 0 done; control 82 0 0 81 2 done 0000",
	  "endpoint 81h is not halted after SET_FEATURE", "halted", "not halted" },
	{ "usb.halt.set", "control 2 3 0 81 0 done; reset in; control 82 0 0 81 2 done 0000",
	  "control 2 3 0 81 0 done; poll in timeout",
	  "endpoint 81h is not halted after SET_FEATURE", "halted", "not halted" },
	{ "bot.reset.recovers", "control 1 b 0 0 0 stall; " TUR_OK,
	  "control 1 b 0 0 0 done; send " TUR " none 0; none timeout",
	  "the first command after SET_INTERFACE got time-out", "a CSW", "time-out" },
	{ "usb.suspend.resumes", "reset suspend; control 80 8 0 0 1 done 01; " TUR_OK,
	  "reset suspend; send " TUR " none 0; refused timeout",
	  "the first command after the bus was resumed got time-out in command transport", "a CSW",
	  "time-out" },
	{ "usb.suspend.resumes", TUR_OK "; reset suspend; reset port; " TUR_OK,
	  "reset suspend; control 80 0 0 0 2 timeout",
	  "after the bus was resumed a control request", "an answer", "time-out" },
	{ "usb.suspend.resumes", "reset suspend stays; reset port; " TUR_OK,
	  "reset suspend timeout; reset port; " TUR_OK, "which then reset its port", "an answer",
	  "time-out" },
	{ "bot.reset.recovers", "reset suspend stays; reset port; " TUR_OK,
	  "reset suspend stays; reset port; send " TUR " none 0; none timeout",
	  "the first command after a port reset that ended a suspend got time-out", "a CSW",
	  "time-out" },
	{ "usb.suspend.keeps",
	  "control 80 8 0 0 1 done 00; reset suspend; control 80 8 0 0 1 done 01",
	  "reset suspend; control 80 8 0 0 1 done 00", "is not configured any more", NULL, "0" },
	{ "usb.halt.status",
	  "poll in stall; control 82 0 0 81 2 done 0100; reset in; control 82 0 0 81 2 "
	  "done 0000",
	  "poll in stall; control 82 0 0 81 2 done 0000", "81h is not halted, after it gave STALL",
	  "1", "0" },
	{ "usb.halt.status", BAD_CBW "reset in; control 82 0 0 81 2 done 0100",
	  "reset in; control 82 0 0 81 2 done 0100", "81h is halted, and nothing has halted it",
	  "0", "1" },
	{ "usb.halt.status", "control 82 0 0 81 2 done 0000", "control 82 0 0 81 2 done 00",
	  "1 byte", "2", "1" },
};

static void each_rule_finds_its_defect_and_nothing_else(void **state)
{
	(void)state;
	judge_rows(rows, MSC_COUNT(rows));
}

static void every_rule_has_a_row(void **state)
{
	static const char *const prefixes[] = { "bot.case.",  "bot.cbw.",   "bot.csw.",
						"bot.data.",  "bot.stall.", "bot.residue.",
						"bot.reset.", "usb.halt.",  "usb.suspend.",
						NULL };

	(void)state;
	judge_coverage(rows, MSC_COUNT(rows), prefixes);
}

/* What well-known devices do that is not the letter: found in every profile, and weighed. */
static void tolerances_depend_on_the_profile(void **state)
{
	static const struct {
		const char *script, *rule;
		enum msc_severity severity[MSC_PROFILES];
	} table[] = {
		/* the Linux gadget with stall=0 */
		{"send " READ1 " in 1024; data 512; status 0 512",
		 "bot.data.short",
		 {MSC_FAIL, MSC_WARN, MSC_NOTE}},
		/* ST's middleware, which knows no phase error */
		{"send " READ1 " none 0; status 1 0",
		 "bot.case.failed",
		 {MSC_FAIL, MSC_NOTE, MSC_NOTE}},
		/* most devices */
		{ "send " INQ36 " in 5; bytes 000002021f; status 0 0",
		  "bot.case.truncated",
		  { MSC_FAIL, MSC_WARN, MSC_NOTE } },
		{ "send " READ1 " none 0; status 0 0",
		  "bot.case.phase",
		  { MSC_FAIL, MSC_FAIL, MSC_FAIL } },
	};

	(void)state;
	for (size_t i = 0; i < MSC_COUNT(table); i++)
		for (int p = 0; p < MSC_PROFILES; p++) {
			struct msc_err err = MSC_ERR_INIT;
			const struct msc_rule *rule = msc_rule_find(table[i].rule, &err);
			char *ids = judge_script(table[i].script, (enum msc_profile)p);

			assert_non_null(rule);
			assert_int_equal(strlen(ids), strlen(table[i].rule) + 1);
			assert_memory_equal(ids, table[i].rule, strlen(table[i].rule));
			assert_int_equal(rule->severity[p], table[i].severity[p]);
			free(ids);
		}
}

/* Records of devices that are known to conform give nothing, however they answer. */
static void conforming_devices_give_no_finding(void **state)
{
	static const char *const scripts[] = {
		/* the Linux gadget with stall=1: case 5 and a failing read */
		"send " READ1 " in 1024; data 512; none stall; clear in; status 0 512",
		"send " READ_END " in 512; data 0; none stall; clear in; status 1 512",
		/* ... and writes that fail: all is taken and thrown away */
		"unit protected; send " WRITE1 " out 512; data 512; status 1 512",
		"send 2a000000ffff00000100 out 512; data 512; status 1 512",
		/* ... which executes what fits and says phase error */
		"send " WRITE2 " out 512; data 512; status 2 0",
		/* ... and takes INQUIRY's allocation length for the intent */
		"send " INQ255 " in 36; bytes " DATA36 "; status 2 0",
		/* Zephyr: STALL in both directions, no data, phase error */
		"send " WRITE1 " in 512; ends stall; clear in; status 2 512",
		"send " READ1 " out 512; ends stall; clear out; status 2 512",
		"send " WRITE1 " out 1024; data 512; ends stall; clear out; status 0 512",
		/* QEMU: pads a failing read with zeros */
		"send " READ_END " in 512; data 512; status 1 512",
		/* a CBW that is not meaningful: anything goes */
		"send " TUR " none 0; lun 15; none stall; clear in; none stall",
		"send " TUR " none 0; flags 40; none timeout",
		/* a host that sends less than it promised */
		"send " WRITE1 " out 512; data 64; status 2 0",
		/* reset recovery made of its parts, and of requests that a capture shows */
		BAD_CBW BOT_RESET "control 2 1 0 81 0 done; control 2 1 0 2 0 done; " TUR_OK,
		BAD_CBW BOT_RESET "reset in; send " TUR " none 0; refused stall",
		BAD_CBW BOT_RESET "reset out; send " TUR " none 0; none stall",
		/* a halt that the host has set, or left */
		"control 2 3 0 81 0 done; control 82 0 0 81 2 done 0100; control 2 1 0 81 0 done; control "
		"82 0 0 81 2 done 0000",
		"control 2 3 1 81 0 done; control 2 3 0 83 0 stall; control 82 0 0 81 2 done 0000",
		"poll out stall; control 82 0 0 81 2 done 0000; control 82 0 0 2 2 done 0100",
		"send " WRITE1 " out 512; ends stall; none cancelled; send " TUR
		" none 0; refused stall",
		"send " READ1 " in 512; ends stall; none cancelled; send " TUR
		" none 0; none stall; none stall",
		/* a command that was never finished */
		"send " READ1 " in 512; data 64; none cancelled; send " TUR
		" none 0; status 0 0; tag 2",
		/* the last block, and no blocks at it */
		"send 28000000" "03e7" "00000100 in 512; data 512; status 0 0",
		"send 28000000" "03e7" "00000000 none 0; status 0 0",
		/* CDBs padded as hosts do */
		"send 030000001200"
		"000000000000 in 18; bytes 700000000000000a00000000000000000000;"
		" status 0 0",
		"send 120000002400" "00000000" " in 36; bytes " DATA36 "; status 0 0",
		/* queued: what was taken back says nothing */
		"send " TUR " in 512; ends stall; none cancelled; clear in; status 1 512",
	};

	(void)state;
	judge_conforming(scripts, MSC_COUNT(scripts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_finds_its_defect_and_nothing_else),
		cmocka_unit_test(every_rule_has_a_row),
		cmocka_unit_test(tolerances_depend_on_the_profile),
		cmocka_unit_test(conforming_devices_give_no_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
