/* SPDX-License-Identifier: BSD-2-Clause */
/* Legal devices that take their time. NAK has no limit in USB 2.0 (8.4.6.1), BOT 1.0 knows none
 * either; hosts wait 20 s and more for a command. */
#include "firmware/fault/table.h"
#include "firmware/variant/variant.h"

#define NO_LIMIT \
	"USB 2.0, 8.4.6.1: NAK has no limit, and BOT 1.0 gives none; Windows waits 20 s, Linux 30 s"

static const struct msc_variant rows[] = {
	{ "slow-synchronize", "SYNCHRONIZE CACHE(10) takes 6 s", NO_LIMIT,
	  ROWS({ AT_COMMAND, { OPCODE(SYNCHRONIZE_CACHE_10) }, .later_ns = 6 * MSC_S }) },
	{ "slow-start", "START STOP UNIT takes 6 s", NO_LIMIT,
	  ROWS({ AT_COMMAND, { OPCODE(START_STOP_UNIT) }, .later_ns = 6 * MSC_S }) },
	{ "slow-first-read", "the first READ(10) takes 12 s", NO_LIMIT,
	  ROWS({ AT_COMMAND,
		 { OPCODE(READ_10), { MARK, IS, 0 } },
		 { { MARK, PUT, 1 } },
		 .later_ns = 12 * MSC_S }) },
	{ "slow-capacity", "READ CAPACITY(10) takes 7 s", NO_LIMIT,
	  ROWS({ AT_COMMAND, { OPCODE(READ_CAPACITY_10) }, .later_ns = 7 * MSC_S }) },
	{ "slow-inquiry", "the first INQUIRY after a reset takes 3 s", NO_LIMIT,
	  ROWS({ AT_RESET, .edit = { { MARK, PUT, 0 } } }, { AT_COMMAND,
							     { OPCODE(INQUIRY), { MARK, IS, 0 } },
							     { { MARK, PUT, 1 } },
							     .later_ns = 3 * MSC_S }) },
	{ "slow-commands", "every command takes 30 ms before its first byte", NO_LIMIT,
	  ROWS({ AT_COMMAND, .later_ns = 30 * MSC_MS }) },
	{ "slow-verify", "VERIFY(10) takes 6 s", NO_LIMIT,
	  ROWS({ AT_COMMAND, { OPCODE(VERIFY_10) }, .later_ns = 6 * MSC_S }) },
	{ "slow-status", "the CSW of every write comes 300 ms after its data", NO_LIMIT,
	  ROWS({ AT_CSW, { { HOST_SENDS, IS, 1 } }, .later_ns = 300 * MSC_MS }) },
};
const struct msc_variant_table msc_variants_slow = { rows, MSC_COUNT(rows) };
