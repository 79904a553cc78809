/* SPDX-License-Identifier: BSD-2-Clause */
/* Legal ways to differ on the bulk pipes, as rows: fault/table.h. */
#include "firmware/fault/table.h"
#include "firmware/variant/variant.h"

static const struct msc_variant rows[] = {
	{ "halt-before-csw", "bulk-in is halted between data that was sent whole and the CSW",
	  "BOT 1.0, 5.3.3 and figure 2: the host clears it and asks again; no clause forbids it",
	  ROWS({ AT_CSW, { { HOST_WANTS, IS, 1 } }, .halt = HALT_IN }) },
	{ "halt-before-csw-out", "bulk-in is halted before the CSW of every write",
	  "BOT 1.0, 5.3.3 and figure 2",
	  ROWS({ AT_CSW, { { HOST_SENDS, IS, 1 } }, .halt = HALT_IN }) },
	{ "max-lun-stall", "Get Max LUN is refused with STALL",
	  "BOT 1.0, 3.2: a device with one unit may",
	  ROWS({ AT_SETUP, { CLASS(GET_MAX_LUN) }, .then = REFUSE }) },
};
const struct msc_variant_table msc_variants_bot = { rows, MSC_COUNT(rows) };
