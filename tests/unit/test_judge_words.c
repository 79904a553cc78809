/* SPDX-License-Identifier: BSD-2-Clause */
/* Defects of one rule that differ are told in different words: causes are told apart by them. */
#include "judge_scsi.h"
#include "judge_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct judge_row rows[] = {
	{ "scsi.capacity.block", CAPACITY "000003e700000200" PASSED,
	  CAPACITY "000003e700020000" PASSED, "block length is 131072: its lowest byte comes first",
	  NULL, "131072" },
	{ "scsi.lba.range", READ_FAILS,
	  "send 2800ffffffff00000100 in 512; data 512; status 0 0",
	  "the sum of address and length does not fit into 32 bits", NULL, NULL },
	{ "scsi.format.count", FORMATS "00000008000003e802000200" SHORT240,
	  FORMATS "00000008000003e802000000" SHORT240, "has another block length than", NULL,
	  "1000 blocks of 0 bytes" },
	{ "scsi.format.count", FORMATS "00000008000003e801000200" SHORT240,
	  FORMATS "00000008000003e702000000" SHORT240, "the last block instead of", NULL,
	  "999 blocks of 0 bytes" },
	{ "scsi.format.count", FORMATS "00000008000003e803000200" SHORT240,
	  FORMATS "00000008000003e800000200" SHORT240, "DESCRIPTOR CODE is 0", "2", "0" },
	{ "scsi.vpd.form", NULL,
	  INQ5 "0080060220" PASSED VPD("83") "0080060220; none stall; clear in; status 0 250;",
	  "page 83h was asked for, and the standard data came: byte 1 is 80h", "83h", "80h" },
	{ "scsi.vpd.form", NULL, /* nobody has asked for the standard data before */
	  VPD("00") "008002021f000000" TEXT28 SHORT219,
	  "page 00h was asked for, and the standard data came: byte 1 is 80h", "00h", "80h" },
	{ "scsi.inquiry.additional", INQ255 "000002021f000000" TEXT28 SHORT219,
	  INQ255 "0000020224000000" TEXT28 SHORT219, "ADDITIONAL LENGTH is 36: that is the whole",
	  "31", "36" },
	{ "scsi.inquiry.additional", NULL, INQ255 "000002021b000000" TEXT28 SHORT219,
	  "ADDITIONAL LENGTH is 27 although more came", "31", "27" },
	{ "scsi.mode.long", MODE10 "0012000000000000" PAGE8 "; none stall; clear in; status 0 172;",
	  MODE10 "0014000000000000" PAGE8 "; none stall; clear in; status 0 172;",
	  "MODE DATA LENGTH is 20: it counts itself", "18", "20" },
	{ "scsi.mode.long", NULL,
	  MODE10 "1300000000000000" PAGE8 "; none stall; clear in; status 0 172;",
	  "as in MODE SENSE(6)", "18", "4864" },
	{ "bot.csw.residue", NULL,
	  "send 28000000000000000200 in 1024; data 512; none stall; clear in; status 0 131072",
	  "more than dCBWDataTransferLength, 1024: its highest byte comes first", "at most 1024",
	  "131072" },
	{ "scsi.lba.refused",
	  "send 2f00000003e800000100 none 0" FAILED SENSE SENSE_OF("5", "2100") PASSED,
	  "send 2f00000003e600000100 none 0" FAILED SENSE SENSE_OF("5", "2100") PASSED,
	  "VERIFY of 1 block at 998 is called out of range", "00h", "01h, then sense 5/21/00" },
};

static void each_defect_has_its_words(void **state)
{
	(void)state;
	judge_rows(rows, MSC_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_defect_has_its_words) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
