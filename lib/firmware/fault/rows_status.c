/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of what a command comes to: its status, residue and sense data, and how many blocks it is taken for,
 * as rows: see table.h. */
#include "firmware/fault/table.h"

#define UNKNOWN 0xff /* an opcode that no firmware knows */
#define KEY	BYTE(2) /* of sense data */
#define ASC	BYTE(12)
#define ASCQ	BYTE(13)

/* The command fails, and the sense data says 2/04/09. */
#define NOT_READY(name)                                                                            \
	{                                                                                          \
		AT_COMMAND, { OPCODE(name) },                                                      \
		{ { CDB(0), PUT, UNKNOWN }, { MARK, PUT, 1 } }                                     \
	}
#define SAYS_NOT_READY                                                                             \
	{ AT_ANSWER,                                                                               \
	  { OPCODE(REQUEST_SENSE), { LEN, ABOVE, 13 }, { MARK, IS, 1 } },                          \
	  { { KEY, PUT, MSC_SENSE_NOT_READY }, { ASC, PUT, 0x04 }, { ASCQ, PUT, 0x09 } } }
#define FORGETS                                                                                    \
	{ AT_COMMAND, { { CDB(0), NOT, MSC_OP_REQUEST_SENSE } }, { { MARK, PUT, 0 } } }

static const struct msc_fault rows[] = {
	{ "ready-early",
	  "TEST UNIT READY passes, and READ and WRITE say that the unit is not ready",
	  "https://github.com/dorssel/usbipd-win/issues/154: the read behind it fails, and the host "
	  "takes the disk for one that cannot be used",
	  "scsi.ready.agree",
	  .mistake = "TEST UNIT READY looks at the slot and not at the card: pass it when a READ "
		     "would pass",
	  DEFECT(FORGETS, NOT_READY(READ_10), NOT_READY(WRITE_10), SAYS_NOT_READY) },
	{ "ready-always",
	  "TEST UNIT READY passes, and READ CAPACITY, READ and WRITE say that the unit is not ready",
	  "https://github.com/ChibiOS/ChibiOS-Contrib/commit/9f2ee0a2: passed without a look at the "
	  "medium", "scsi.ready.agree",
	  .mistake = "TEST UNIT READY passes always: fail it as READ CAPACITY fails",
	  DEFECT(FORGETS, NOT_READY(READ_CAPACITY_10), NOT_READY(READ_FORMAT_CAPACITIES),
		 NOT_READY(READ_10), NOT_READY(WRITE_10), NOT_READY(VERIFY_10), SAYS_NOT_READY) },
	{ "status-never-passes",
	  "after a command that failed every command is reported as failed, also behind a reset",
	  NULL, "scsi.sense.status",
	  .mistake =
		  "the status is a variable of the driver that a failure sets and nothing clears: "
		  "set it to passed when a CBW arrives",
	  .target = "attention=0",
	  DEFECT({ AT_CSW,
		   { { STATUS, IS, MSC_CSW_PASSED }, { MARK, IS, MSC_CSW_FAILED } },
		   { { STATUS, PUT, MSC_CSW_FAILED } } },
		 { AT_CSW,
		   { { STATUS, IS, MSC_CSW_PASSED }, { MARK, IS, MSC_CSW_PHASE_ERROR } },
		   { { STATUS, PUT, MSC_CSW_PHASE_ERROR } } },
		 { AT_CSW,
		   { { STATUS, IS, MSC_CSW_FAILED } },
		   { { MARK, PUT, MSC_CSW_FAILED } } },
		 { AT_CSW,
		   { { STATUS, IS, MSC_CSW_PHASE_ERROR } },
		   { { MARK, PUT, MSC_CSW_PHASE_ERROR } } }) },
	{ "residue-failed-zero", "dCSWDataResidue of a command that fails is 0",
	  "https://github.com/zephyrproject-rtos/zephyr/issues/14302: a residue of 0 whatever moved",
	  "bot.residue.in",
	  .mistake =
		  "the residue is set where data is sent: a command that fails sends none, and its "
		  "residue is dCBWDataTransferLength",
	  DEFECT({ AT_CSW, { { STATUS, IS, MSC_CSW_FAILED } }, { { RESIDUE, PUT, 0 } } }) },
	{ "residue-short-zero",
	  "dCSWDataResidue of a command that passes is 0, however little it sends",
	  RIOT_SCSI ": usbus_msc_scsi_process_cmd", "bot.residue.in",
	  .mistake = "what the host has asked for and not got is the residue, also where all that "
		     "there is was sent",
	  DEFECT({ AT_CSW, { { STATUS, IS, MSC_CSW_PASSED } }, { { RESIDUE, PUT, 0 } } }) },
	{ "sense-constant",
	  "whatever is wrong with a command is called an invalid field in the CDB",
	  "of the same kind, another constant: " MBED_MSC " (requestSense), " RT_THREAD_MSC
	  " (_request_sense)",
	  "scsi.sense.opcode scsi.sense.range",
	  .mistake =
		  "5/20/00 is for an operation code that is not known, 5/21/00 for blocks past the "
		  "end, 5/24/00 for a field",
	  DEFECT({ AT_ANSWER,
		   { OPCODE(REQUEST_SENSE),
		     { LEN, ABOVE, 13 },
		     { KEY, IS, MSC_SENSE_ILLEGAL_REQUEST } },
		   { { ASC, PUT, 0x24 } } }) },
	{ "capacity-block-larger",
	  "READ CAPACITY(10) gives larger blocks than the commands move",
	  NULL, "bot.data.missing",
	  .mistake =
		  "the erase page of the flash is told as the block length: what READ CAPACITY says "
		  "is what a READ of one block moves",
	  DEFECT({ AT_ANSWER,
		   { OPCODE(READ_CAPACITY_10), { LEN, IS, MSC_CAPACITY_10_LEN } },
		   { { BE32(4), PUT, 4096 } } }) },
	{ "blocks-16-bit-bytes",
	  "the length of a READ(10) or WRITE(10) in bytes is formed in 16 bits: 128 blocks are none",
	  "https://github.com/hathach/tinyusb/commit/6b2b6aaa3: transfers of more than "
	  "65535 bytes, in a uint16_t", "bot.data.missing",
	  .mistake = "blocks * 512 is computed in 16 bits: cast to uint32_t first",
	  DEFECT({ AT_COMMAND, { OPCODE(READ_10) }, { { CDB16(7), CLEAR, 0xff80 } } },
		 { AT_COMMAND, { OPCODE(WRITE_10) }, { { CDB16(7), CLEAR, 0xff80 } } }) },
};

const struct msc_fault_table msc_table_status = { rows, MSC_COUNT(rows) };
