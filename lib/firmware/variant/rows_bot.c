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
	{ "halt-before-csw-none", "bulk-in is halted before the CSW of a command without data",
	  "BOT 1.0, 5.3.3 and figure 2",
	  ROWS({ AT_CSW, { { HOST_LENGTH, IS, 0 } }, .halt = HALT_IN }) },
	{ "case7-fill", "data that the host has no room for is sent as far as there is, then 02h",
	  "BOT 1.0, 6.7.2, case 7: up to dCBWDataTransferLength bytes",
	  ROWS({ AT_COMMAND,
		 { OPCODE(READ_10),
		   { CDB16(7), IS, 2 },
		   { HOST_LENGTH, IS, 512 },
		   { HOST_WANTS, IS, 1 } },
		 { { CDB16(7), PUT, 1 }, { MARK, PUT, 1 } } },
	       { AT_CSW, { { MARK, IS, 1 } }, { { STATUS, PUT, 2 }, { MARK, PUT, 0 } } }) },
	{ "max-lun-stall", "Get Max LUN is refused with STALL",
	  "BOT 1.0, 3.2: a device with one unit may",
	  ROWS({ AT_SETUP, { CLASS(GET_MAX_LUN) }, .then = REFUSE }) },
	{ "phase-residue", "dCSWDataResidue is FFFFFFFFh beside a phase error",
	  "BOT 1.0, 6.3.2: with bCSWStatus 02h the residue is not looked at",
	  ROWS({ AT_CSW,
		 { { STATUS, IS, MSC_CSW_PHASE_ERROR } },
		 { { LE32(8), PUT, 0xffffffff } } }) },
};
const struct msc_variant_table msc_variants_bot = { rows, MSC_COUNT(rows) };
