/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of CBWs, data, CSWs, and of commands that are not answered, as rows: see table.h. */
#include "firmware/fault/table.h"

#define UNKNOWN	    0xff /* an opcode that no firmware knows */
#define PASSED	    {STATUS, IS, MSC_CSW_PASSED}
#define FAILED	    {STATUS, IS, MSC_CSW_FAILED}
#define PHASE_ERROR {STATUS, IS, MSC_CSW_PHASE_ERROR}
#define CUT_SHORT   {IN_COMMAND, IS, 1}, {HOST_WANTS, IS, 1}, {LEFT, ABOVE, 0}

static const struct msc_fault rows[] = {
	{ "cbw-overflow",
	  "a CBW of more than 31 bytes runs over the last unit and the write protection",
	  "https://github.com/ARMmbed/DAPLink/commit/96997fdf: as many bytes were copied "
	  "as had come",
	  "bot.maxlun.stable expect.data",
	  .mistake =
		  "as many bytes as came are copied into a structure of 31: compare the length first",
	  DEFECT({ AT_RECEIVED,
		   { { IN_COMMAND, IS, 0 },
		     { LEN, ABOVE, MSC_CBW_LEN },
		     { LE32(0), IS, MSC_CBW_SIGNATURE },
		     { BYTE(MSC_CBW_LEN), IS, 0xff } },
		   { { MARK, PUT, 1 } } },
		 { AT_CONTROL_IN,
		   { CLASS(GET_MAX_LUN), { MARK, IS, 1 } },
		   { { BYTE(0), PUT, 0xff } } },
		 { AT_ANSWER,
		   { OPCODE(MODE_SENSE_6), { LEN, ABOVE, 2 }, { MARK, IS, 1 } },
		   { { BYTE(2), SET, MSC_MODE_WP } } }) },
	{ "status-passed", "a command that fails is reported as passed",
	  "field: https://github.com/ZuluSCSI/ZuluSCSI-firmware/pull/522", "scsi.lba.range",
	  .mistake =
		  "bCSWStatus is set to passed where the CSW is sent, or what the command returned "
		  "is dropped on the way there",
	  DEFECT({ AT_CSW, { FAILED }, { { STATUS, PUT, MSC_CSW_PASSED } } }) },
	{ "status-passed-dataless", "a command without data that fails is reported as passed",
	  NULL, "scsi.verify.range",
	  .mistake = "the status is set where the data phase ends, and a command without one never "
		     "comes there",
	  DEFECT({ AT_CSW,
		   { FAILED, { HOST_LENGTH, IS, 0 } },
		   { { STATUS, PUT, MSC_CSW_PASSED } } }) },
	{ "cbw-ignored", "a CBW that is not valid is dropped, and the next one awaited",
	  "field 41: https://github.com/zephyrproject-rtos/zephyr/pull/55531: a host "
	  "cannot tell that its CBW was dropped", "bot.cbw.invalid",
	  .mistake = "a CBW that fails the check returns early, without halting both endpoints",
	  DEFECT({ AT_RECEIVED, { { IN_COMMAND, IS, 0 } }, .then = SWALLOW }) },
	{ "cbw-signature-unchecked", "a CBW with a wrong signature is executed",
	  ROCKBOX "2662f1b3ce: compared since then", "bot.cbw.invalid",
	  .mistake = "dCBWSignature is not compared",
	  DEFECT({ AT_RECEIVED,
		   { { IN_COMMAND, IS, 0 }, { LEN, IS, MSC_CBW_LEN } },
		   { { SIGNATURE, PUT, MSC_CBW_SIGNATURE } } }) },
	{ "cbw-length-unchecked", "a CBW of 30 or 32 bytes is executed",
	  LUFA_MSC ": MS_Device_ReadInCommandBlock", "bot.cbw.invalid",
	  .mistake = "the length of the transfer is not compared with 31; or no more than 31 bytes "
		     "are armed, and a CBW that is longer cannot be told",
	  DEFECT({ AT_RECEIVED,
		   { { IN_COMMAND, IS, 0 },
		     { LEN, ABOVE, MSC_CBW_LEN - 2 },
		     { LEN, BELOW, MSC_CBW_LEN + 2 },
		     { SIGNATURE, IS, MSC_CBW_SIGNATURE } },
		   { { LEN, PUT, MSC_CBW_LEN } } }) },
	{ "cbw-wants-32", "only a CBW of 32 bytes is accepted",
	  "Linux quirk BULK32: " LINUX_UNUSUAL " (084d:0011); "
	  "https://github.com/ChibiOS/ChibiOS-Contrib/commit/7aae17b4: sizeof a padded "
	  "structure",
	  "expect.settles",
	  .mistake = "sizeof a struct that the compiler has padded is compared with the length",
	  DEFECT({ AT_COMMAND, .halt = HALT_IN, .then = REFUSE }) },
	{ "out-unarmed", "after a CBW that is not valid bulk-out neither takes data nor is halted",
	  "field 41: https://github.com/zephyrproject-rtos/zephyr/pull/55531; "
	  "https://github.com/apache/nuttx/commit/9294b7d6fd5: its request is not handed "
	  "back", "bot.cbw.discard",
	  .mistake = "after an invalid CBW bulk-out must be halted, not left without a buffer",
	  DEFECT({ AT_SETUP,
		   { STANDARD(MSC_RECIPIENT_ENDPOINT, SET_FEATURE) },
		   { { MARK, PUT, 0 } } },
		 { AT_COMMAND, .edit = { { MARK, PUT, 0 } } },
		 { AT_RECEIVED, { { IN_COMMAND, IS, 0 } }, { { MARK, PUT, 1 } } },
		 { AT_STALL, { { EP_OUT, IS, 1 }, { MARK, IS, 1 } }, .then = SWALLOW }) },
	{ "cbw-halts-out-only",
	  "after a CBW that is not valid bulk-out is halted, and bulk-in is not",
	  NULL, "bot.cbw.invalid",
	  .mistake = "the halt is set where the CBW was read: set it on bulk-in as well, and keep "
		     "both until reset recovery",
	  DEFECT({ AT_SETUP,
		   { STANDARD(MSC_RECIPIENT_ENDPOINT, SET_FEATURE) },
		   { { MARK, PUT, 0 } } },
		 { AT_COMMAND, .edit = { { MARK, PUT, 0 } } },
		 { AT_RECEIVED, { { IN_COMMAND, IS, 0 } }, { { MARK, PUT, 1 } } },
		 { AT_STALL, { { EP_IN, IS, 1 }, { MARK, IS, 1 } }, .then = SWALLOW }) },
	{ "out-halt-left", "a write that fails halts bulk-out when all its data has been taken",
	  "field 33: https://github.com/hathach/tinyusb/pull/3471; "
	  "https://github.com/ARMmbed/DAPLink/commit/96685080: the next CBW is refused",
	  "bot.cbw.accept", .needs_writes = true,
	  .mistake = "the error path halts bulk-out after the last packet, where nobody needs to "
		     "clear it",
	  DEFECT({ AT_CSW, { FAILED, { HOST_SENDS, IS, 1 } }, .halt = HALT_OUT }) },
	{ "read-halts-out",
	  "a command with data to the host that fails halts bulk-out beside bulk-in",
	  NULL, "bot.cbw.accept",
	  .mistake = "both endpoints are halted whatever the direction was: halt the one that data "
		     "was due on, for the next CBW comes by bulk-out",
	  DEFECT({ AT_CSW, { FAILED, { HOST_WANTS, IS, 1 } }, .halt = HALT_OUT }) },
	{ "cb-length-strict", "a six-byte command is refused when bCBWCBLength is more than 6",
	  "field 26: https://github.com/zephyrproject-rtos/zephyr/pull/57882: Windows "
	  "sends REQUEST SENSE with 12", "scsi.sense.status",
	  .mistake = "bCBWCBLength is compared with the length of the command for equality",
	  DEFECT({ AT_COMMAND,
		   { { CDB(0), BELOW, 0x20 }, { CB_LENGTH, NOT, 6 } },
		   { { CDB(0), PUT, UNKNOWN } } }) },
	{ "recovery-loses-command", "the first command after reset recovery is not answered",
	  LUFA_CHANGES ": a reset between commands stayed in force; field 42: a boot "
	  "loader's note: recovery fails under the compliance tests only",
	  "bot.reset.recovers", .mistake = "Bulk-Only Reset does not arm bulk-out for the next CBW",
	  DEFECT({ AT_SETUP, { CLASS(BULK_ONLY_RESET) }, { { MARK, PUT, 1 } } },
		 { AT_COMMAND, { { MARK, IS, 1 } }, { { MARK, PUT, 0 } }, LOSE }) },
	{ "port-reset-loses-command", "the first command after a port reset is not answered",
	  "field 34: https://github.com/RIOT-OS/RIOT/issues/19478", "bot.reset.recovers",
	  .mistake =
		  "a state of before the reset swallows the first CBW: set it back in the reset, "
		  "and arm bulk-out once configured",
	  DEFECT({ AT_RESET, .edit = { { MARK, PUT, 1 } } },
		 { AT_COMMAND, { { MARK, IS, 1 } }, { { MARK, PUT, 0 } }, LOSE }) },
	{ "maxlun-arms",
	  "a CBW is taken only once Get Max LUN was asked for, after each reset and SET_CONFIGURATION",
	  "https://github.com/RIOT-OS/RIOT/commit/608d49c51a: bulk-out is armed by that request",
	  "bot.reset.recovers",
	  .mistake = "bulk-out is armed for a CBW in the handler of Get Max LUN: arm it in "
		     "SET_CONFIGURATION, for a host need not ask again",
	  DEFECT({ AT_RESET, .edit = { { MARK, PUT, 1 } } },
		 { AT_SETUP, { STANDARD(0, SET_CONFIGURATION) }, { { MARK, PUT, 1 } } },
		 { AT_SETUP, { CLASS(GET_MAX_LUN) }, { { MARK, PUT, 0 } } },
		 { AT_COMMAND, { { MARK, IS, 1 } }, .then = LOSE }) },
	{ "csw-12", "the CSW behind data has 12 bytes: its last field is forgotten", NULL,
	  "bot.csw.length",
	  .mistake =
		  "a length is written as a number, or the struct lost its last byte: a CSW has "
		  "13",
	  DEFECT({ AT_CSW, { { HOST_LENGTH, ABOVE, 0 } }, { { LEN, PUT, 12 } } }) },
	{ "csw-padded",
	  "the CSW behind data has 16 bytes: sizeof a struct that the compiler has padded",
	  "https://github.com/ChibiOS/ChibiOS-Contrib/commit/7aae17b4: sizeof a padded "
	  "structure", "bot.csw.length",
	  .mistake = "the CSW is declared as a struct and not packed: send 13 bytes, not sizeof",
	  DEFECT({ AT_CSW, { { HOST_LENGTH, ABOVE, 0 } }, { { LEN, PUT, 16 } } }) },
	{ "csw-signature", "the CSW behind data carries the signature of the CBW",
	  "https://github.com/microsoft/uf2-samdx1/commit/b68f3a1: its bytes were in "
	  "reverse, and FreeBSD refused it; " LINUX_STORAGE "transport.c?h=v6.1.192 learns "
	  "odd ones", "bot.csw.signature",
	  .mistake = "the CBW's buffer is reused for the CSW, and its signature not replaced",
	  DEFECT({ AT_CSW,
		   { { HOST_LENGTH, ABOVE, 0 } },
		   { { SIGNATURE, PUT, MSC_CBW_SIGNATURE } } }) },
	{ "status-reserved", "a failed command puts its sense key into bCSWStatus", NULL,
	  "bot.csw.status", .mistake = "the sense key is put into bCSWStatus: 00h, 01h or 02h",
	  DEFECT({ AT_CSW, { FAILED }, { { STATUS, PUT, 0x05 } } }) },
	{ "residue-zero", "dCSWDataResidue is always 0",
	  "Linux quirk IGNORE_RESIDUE: " LINUX_UNUSUAL " (03eb:2002); "
	  "https://github.com/apache/nuttx/commit/8d722709cd1, with NOT_STALL_BULKEP",
	  "bot.residue.in bot.residue.out",
	  .mistake = "dCSWDataResidue is never written: it is dCBWDataTransferLength less the "
		     "bytes sent or processed",
	  DEFECT({ AT_CSW, { { STATUS, NOT, MSC_CSW_PHASE_ERROR } }, { { RESIDUE, PUT, 0 } } }) },
	{ "residue-taken",
	  "dCSWDataResidue counts what was taken from the host as processed, whatever became of it",
	  "https://github.com/hathach/tinyusb/blob/fd70160/src/class/msc/msc_device.c: data_residue is "
	  "total_len less xferred_len",
	  "bot.residue.out",
	  .mistake = "data that a command has no use for, or that it failed to write, was not "
		     "processed: it belongs to the residue",
	  DEFECT({ AT_CSW,
		   { { STATUS, NOT, MSC_CSW_PHASE_ERROR }, { HOST_SENDS, IS, 1 } },
		   { { RESIDUE, PUT, 0 } } }) },
	{ "phase-ignored", "a command passes although host and device disagree about its data",
	  LUFA_SCSI ": dCBWDataTransferLength is not looked at", "bot.case.phase",
	  .mistake = "dCBWDataTransferLength and direction are not compared with the command "
		     "block",
	  DEFECT({ AT_CSW, { PHASE_ERROR }, { { STATUS, PUT, MSC_CSW_PASSED } } }) },
	{ "phase-failed", "status 01h where phase error is due",
	  "https://github.com/hathach/tinyusb/commit/c6b9f8a53: failed, where case 3 "
	  "demands phase error; the compliance tests accept it", "bot.case.failed",
	  .mistake = "the error path has one status: cases 2, 3, 7, 8, 10 and 13 need 02h",
	  DEFECT({ AT_CSW, { PHASE_ERROR }, { { STATUS, PUT, MSC_CSW_FAILED } } }) },
	{ "phase-needless", "phase error for every command that fails",
	  ROCKBOX "2662f1b3ce: bCSWStatus was 2, as SCSI has it for CHECK CONDITION",
	  "bot.case.needless",
	  .mistake = "02h is sent for every error: a command that fails ends with 01h",
	  DEFECT({ AT_CSW, { FAILED }, { { STATUS, PUT, MSC_CSW_PHASE_ERROR } } }) },
	{ "csw-missing", "no CSW follows a command that fails",
	  "field 5: https://github.com/zephyrproject-rtos/zephyr/pull/23191, "
	  "https://github.com/STMicroelectronics/stm32-mw-usb-device/issues/37", "bot.csw.missing",
	  .mistake =
		  "the error path halts the endpoint and returns: send the CSW once the host has "
		  "cleared the halt",
	  DEFECT({ AT_CSW, { FAILED }, .then = SWALLOW }) },
	{ "csw-missing-phase", "no CSW follows a phase error",
	  NULL,
	  "bot.csw.missing",
	  .mistake =
		  "02h is a status like the others: halt what the host waits on, then send the CSW",
	  DEFECT({ AT_CSW, { PHASE_ERROR }, .then = SWALLOW }) },
	{ "csw-missing-reset",
	  "no CSW follows a halt of bulk-in once there has been a Bulk-Only Reset",
	  ST_MSC "usbd_msc_bot.c: MSC_BOT_CplClrFeature sends none in the state of "
	  "recovery, which is never left",
	  "bot.csw.missing",
	  .mistake =
		  "a mark that Bulk-Only Reset sets, so that clearing the halts sends no CSW, has "
		  "to be taken back with the next CBW",
	  DEFECT({ AT_SETUP, { HONEST_RESET }, { { MARK, PUT, 1 } } },
		 { AT_RESET, .edit = { { MARK, PUT, 0 } } },
		 { AT_STALL, { { EP_IN, IS, 1 }, { MARK, IS, 1 } }, { { MARK, PUT, 2 } } },
		 { AT_CSW, { { MARK, IS, 2 } }, { { MARK, PUT, 1 } }, SWALLOW }) },
	{ "csw-missing-write", "no CSW follows data from the host",
	  "field 24: https://github.com/libopencm3/libopencm3/issues/409, "
	  "https://github.com/libopencm3/libopencm3/commit/64a6f362",
	  "bot.csw.missing", .mistake = "after the last bulk-out packet nobody sends the CSW",
	  DEFECT({ AT_CSW, { PASSED, { HOST_SENDS, IS, 1 } }, .then = SWALLOW }) },
	{ "stall-needless", "bulk-in is halted behind every data stage, also one that was complete",
	  "field 39: https://github.com/raspberrypi/linux/issues/7452 shows what needless "
	  "halts cost; " ROCKBOX "a9afca99a8", "bot.stall.needless",
	  .mistake = "bulk-in is halted behind all data: only where less was sent than the host "
		     "asked for",
	  DEFECT({ AT_CSW, { PASSED, { HOST_WANTS, IS, 1 }, { LEFT, IS, 0 } }, .halt = HALT_IN }) },
	{ "stall-missing", "bulk-in is not halted when less is sent than the host expects",
	  "field 21: https://github.com/hathach/tinyusb/pull/1070, "
	  "https://github.com/apohrebniak/usbd-storage/pull/23; "
	  "https://github.com/apache/nuttx/commit/47568187442, on purpose",
	  "bot.csw.merged bot.data.short",
	  .mistake = "after less data than the host asked for bulk-in must be halted",
	  DEFECT({ AT_STALL, { { EP_IN, IS, 1 }, { IN_COMMAND, IS, 1 } }, .then = SWALLOW }) },
	{ "stall-missing-out",
	  "bulk-out is neither halted nor read where the data of a command is not wanted",
	  "https://github.com/zephyrproject-rtos/zephyr/pull/23191 halts bulk-in for either direction",
	  "bot.data.hang", .mistake =
		  "the error path halts bulk-in, or nothing, whatever the direction: the host waits to "
		  "send, so halt bulk-out, or take the data",
	  DEFECT({ AT_COMMAND,
		   { { HOST_SENDS, IS, 1 },
		     { CDB(0), NOT, MSC_OP_WRITE_6 },
		     { CDB(0), NOT, MSC_OP_WRITE_10 } },
		   .then = LOSE },
		 { AT_STALL, { { EP_OUT, IS, 1 }, { IN_COMMAND, IS, 1 } }, .then = SWALLOW }) },
	{ "data-missing", "a read of several blocks passes without its last one", NULL,
	  "bot.data.missing", .mistake = "the loop over blocks ends one early",
	  DEFECT({ AT_COMMAND,
		   { OPCODE(READ_10), { HOST_WANTS, IS, 1 }, { CDB16(7), ABOVE, 1 } },
		   { { CDB16(7), ADD, -1 } } }) },
	{ "hang-when-short", "data that is shorter than the host expects is never ended",
	  "field 21: https://github.com/RT-Thread/rt-thread/issues/3490, "
	  "https://github.com/hathach/tinyusb/issues/3547: a reset loop on MODE SENSE with "
	  "192 bytes",
	  "bot.data.hang",
	  .mistake = "data shorter than the host's length is sent and bulk-in then left alone: "
		     "halt it, or end it with a short packet",
	  DEFECT({ AT_STALL, { { EP_IN, IS, 1 }, CUT_SHORT }, .then = SWALLOW },
		 { AT_CSW, { CUT_SHORT }, .then = SWALLOW }) },
	{ "hang-negative", "the device stops answering whenever the host does something unexpected",
	  NULL, "bot.csw.missing bot.cbw.invalid",
	  .mistake = "a case in which host and device disagree waits for a completion that never "
		     "comes",
	  DEFECT({ AT_CSW, { PHASE_ERROR }, .then = SWALLOW },
		 { AT_RECEIVED, { { IN_COMMAND, IS, 0 } }, .then = SWALLOW }) },
	{ "length-16-bit", "dCBWDataTransferLength is kept in 16 bits",
	  "field 32: https://github.com/zephyrproject-rtos/zephyr/issues/26275: WRITE(12) "
	  "of 64 KiB is never taken; https://github.com/hathach/tinyusb/commit/6b2b6aaa3",
	  "bot.case.needless", .mistake = "dCBWDataTransferLength is copied into a uint16_t",
	  DEFECT({ AT_COMMAND, .edit = { { HOST_LENGTH, CLEAR, 0xffff0000 } } }) },
	{ "blocks-8-bit",
	  "the number of blocks is taken from the last byte of TRANSFER LENGTH: 256 are none",
	  NULL, "bot.data.missing",
	  .mistake = "TRANSFER LENGTH of READ(10) and WRITE(10) has two bytes, 7 and 8",
	  DEFECT({ AT_COMMAND, { OPCODE(READ_10) }, { { CDB(7), PUT, 0 } } },
		 { AT_COMMAND, { OPCODE(WRITE_10) }, { { CDB(7), PUT, 0 } } }) },
	{ "blocks-shifted",
	  "the number of blocks is taken from bytes 6 and 7 of READ(10) and WRITE(10)",
	  NULL, "bot.data.missing",
	  .mistake = "TRANSFER LENGTH of READ(10) and WRITE(10) is bytes 7 and 8",
	  DEFECT({ AT_COMMAND,
		   { OPCODE(READ_10), { CDB16(7), BELOW, 256 } },
		   { { CDB16(7), PUT, 0 } } },
		 { AT_COMMAND,
		   { OPCODE(READ_10), { CDB16(7), ABOVE, 255 } },
		   { { CDB16(7), PUT, 1 } } },
		 { AT_COMMAND,
		   { OPCODE(WRITE_10), { CDB16(7), BELOW, 256 } },
		   { { CDB16(7), PUT, 0 } } },
		 { AT_COMMAND,
		   { OPCODE(WRITE_10), { CDB16(7), ABOVE, 255 } },
		   { { CDB16(7), PUT, 1 } } }) },
	{ "csw-tag-cut", "the CSW repeats the lower half of its CBW's tag",
	  NULL, "bot.csw.tag",
	  .mistake = "dCBWTag has four bytes: all of them are copied, whatever they are",
	  DEFECT({ AT_CSW, .edit = { { LE32(4), CLEAR, 0xffff0000 } } }) },
	{ "synchronize-stalled",
	  "SYNCHRONIZE CACHE(10) is answered with a STALL, and no CSW after it",
	  "field 6: https://github.com/STMicroelectronics/stm32-mw-usb-device/issues/41: "
	  "Windows 11 resets the device in a loop 30 s after attach",
	  "bot.csw.missing",
	  .mistake = "a command without data is refused by STALL: send a CSW with 01h",
	  DEFECT({ AT_COMMAND,
		   { OPCODE(SYNCHRONIZE_CACHE_10) },
		   .halt = HALT_IN,
		   .then = SWALLOW }) },
	{ "hang-format-capacities", "READ FORMAT CAPACITIES is not answered",
	  "field 7: https://github.com/libopencm3/libopencm3/pull/1334: Windows takes "
	  "minutes to mount", "bot.data.hang",
	  .mistake = "READ FORMAT CAPACITIES has no body: answer it, or refuse it with 5/20/00",
	  DEFECT({ AT_COMMAND, { OPCODE(READ_FORMAT_CAPACITIES) }, .then = LOSE }) },
	{ "hang-mode-sense-10", "MODE SENSE(10) is not answered",
	  "field 8: https://github.com/adafruit/uf2-samdx1/issues/103: hangs under FreeBSD",
	  "bot.data.hang",
	  .mistake = "MODE SENSE(10) has no body: answer it, or refuse it with 5/20/00",
	  DEFECT({ AT_COMMAND, { OPCODE(MODE_SENSE_10) }, .then = LOSE }) },
	{ "hang-report-luns", "REPORT LUNS is not answered",
	  "field 40: https://github.com/freemint/freemint/pull/209; Linux quirk "
	  "NO_REPORT_LUNS: " LINUX_STORAGE "unusual_uas.h?h=v6.1.192 (0bc2:331a)", "bot.data.hang",
	  .mistake = "REPORT LUNS has no body: answer it, or refuse it with 5/20/00",
	  DEFECT({ AT_COMMAND, { OPCODE(REPORT_LUNS) }, .then = LOSE }) },
	{ "hang-synchronize", "SYNCHRONIZE CACHE(10) is not answered",
	  "field 6: https://github.com/STMicroelectronics/stm32-mw-usb-device/issues/41, "
	  "https://github.com/micropython/micropython/pull/3126: Windows resets the device "
	  "in a loop",
	  "bot.csw.missing", .mistake = "a flush that has nothing to do never completes",
	  DEFECT({ AT_COMMAND, { OPCODE(SYNCHRONIZE_CACHE_10) }, .then = LOSE }) },
	{ "hang-verify", "VERIFY(10) is not answered",
	  "https://github.com/ES40-Emu/es40/pull/66: an emulated disk dies of it",
	  "bot.csw.missing",
	  .mistake =
		  "VERIFY without BYTCHK moves no data and still needs its CSW; refuse it with 5/20/00 "
		  "where it is not known",
	  DEFECT({ AT_COMMAND, { OPCODE(VERIFY_10) }, .then = LOSE }) },
	{ "hang-start-stop", "START STOP UNIT is not answered",
	  "https://github.com/retroprom/es40/pull/1: an emulated drive dies of it",
	  "bot.csw.missing", .mistake = "START STOP UNIT moves no data and still needs its CSW",
	  DEFECT({ AT_COMMAND, { OPCODE(START_STOP_UNIT) }, .then = LOSE }) },
	{ "hang-no-blocks", "READ(10) of 0 blocks is not answered: the firmware has divided by it",
	  "field 16: https://github.com/hathach/tinyusb/pull/1106; "
	  "https://github.com/hathach/tinyusb/commit/d0d87d98f", "bot.csw.missing bot.data.hang",
	  .mistake =
		  "a division by the number of blocks, which may be 0: a command of no blocks "
		  "passes at once",
	  DEFECT({ AT_COMMAND, { OPCODE(READ_10), { CDB16(7), IS, 0 } }, .then = LOSE }) },
	{ "hang-long-read", "READ(10) of more than 64 blocks is not answered",
	  "field 31: https://github.com/hathach/tinyusb/issues/3607; Linux quirk "
	  "MAX_SECTORS_64: " LINUX_UNUSUAL " (0421:0019)", "bot.data.hang",
	  .mistake =
		  "a buffer or a counter holds 64 blocks and no more: send longer data in pieces",
	  DEFECT({ AT_COMMAND, { OPCODE(READ_10), { CDB16(7), ABOVE, 64 } }, .then = LOSE }) },
	{ "hang-long-read-240", "READ(10) of more than 240 blocks is not answered",
	  "Linux quirk MAX_SECTORS_240: " LINUX_STORAGE "uas-detect.h?h=v6.1.192", "bot.data.hang",
	  .mistake =
		  "a length of 128 KiB or more overflows a counter or a buffer: 32 bits, and "
		  "pieces",
	  DEFECT({ AT_COMMAND, { OPCODE(READ_10), { CDB16(7), ABOVE, 240 } }, .then = LOSE }) },
	{ "hang-vpd", "INQUIRY of a vital product data page is not answered",
	  "field 7: https://github.com/libopencm3/libopencm3/pull/1294, "
	  "https://github.com/libopencm3/libopencm3/pull/1334: Windows takes minutes to "
	  "mount", "bot.data.hang",
	  .mistake =
		  "EVPD leads to a branch without an answer: refuse a page that is not there with "
		  "5/24/00",
	  DEFECT({ AT_COMMAND, { OPCODE(INQUIRY), { CDB(1), HAS, 0x01 } }, .then = LOSE }) },
	{ "hang-mode-sense-all", "MODE SENSE(6) of all pages is not answered",
	  "Linux quirk NO_WP_DETECT: " LINUX_UNUSUAL " (046b:ff40)", "bot.data.hang",
	  .mistake =
		  "page 3Fh is not handled: it asks for all pages, and the header alone is an "
		  "answer",
	  DEFECT({ AT_COMMAND, { OPCODE(MODE_SENSE_6), { CDB(2), HAS, 0x3f } }, .then = LOSE }) },
	{ "hang-long-sense", "REQUEST SENSE with room for more than 18 bytes is not answered",
	  "Linux quirk BAD_SENSE: " LINUX_UNUSUAL " (090c:3350)", "bot.data.hang",
	  .mistake = "REQUEST SENSE waits until all that was allocated has been sent",
	  DEFECT({ AT_COMMAND, { OPCODE(REQUEST_SENSE), { CDB(4), ABOVE, 18 } }, .then = LOSE }) },
	{ "hang-prevent", "PREVENT ALLOW MEDIUM REMOVAL is not answered",
	  "Linux quirk NOT_LOCKABLE: " LINUX_UNUSUAL " (0419:aaf5)", "bot.csw.missing",
	  .mistake = "PREVENT ALLOW MEDIUM REMOVAL has no body: pass it, or refuse it with "
		     "5/20/00",
	  DEFECT({ AT_COMMAND, { OPCODE(PREVENT_ALLOW) }, .then = LOSE }) },
	{ "hang-read-12", "READ(12) is neither answered nor refused",
	  "field 32: https://github.com/zephyrproject-rtos/zephyr/issues/91483", "bot.data.hang",
	  .mistake = "the opcode table ends before A8h, and nothing refuses the rest: fail it with "
		     "5/20/00",
	  DEFECT({ AT_COMMAND, { OPCODE(READ_12) }, .then = LOSE }) },
	{ "hang-write-12", "the data of WRITE(12) is never accepted",
	  "field 32: https://github.com/zephyrproject-rtos/zephyr/issues/26275", "bot.data.hang",
	  .needs_writes = true, .mistake = "WRITE(12) is decoded and bulk-out never armed",
	  DEFECT({ AT_COMMAND, { OPCODE(WRITE_12) }, .then = LOSE }) },
	{ "hang-out-unknown",
	  "the data of a command that it does not know is neither taken nor refused",
	  "https://github.com/libopencm3/libopencm3/blob/2da12dc/lib/usb/usb_msc.c: scsi_command's "
	  "default",
	  "bot.data.hang",
	  .mistake = "the error path looks at bulk-in only: halt bulk-out, or take the data, where "
		     "the host has some",
	  DEFECT({ AT_COMMAND,
		   { { HOST_SENDS, IS, 1 },
		     { CDB(0), NOT, MSC_OP_WRITE_6 },
		     { CDB(0), NOT, MSC_OP_WRITE_10 } },
		   .then = LOSE }) },
	{ "hang-capacity-10", "READ CAPACITY(10) is neither answered nor refused",
	  "Linux quirk NEEDS_CAP16: " LINUX_UNUSUAL " (174c:55aa)", "bot.data.hang",
	  .mistake = "the table of opcodes has READ CAPACITY(16) alone",
	  DEFECT({ AT_COMMAND, { OPCODE(READ_CAPACITY_10) }, .then = LOSE }) },
	{ "hang-capacity-16", "READ CAPACITY(16) is neither answered nor refused",
	  "field 32: https://github.com/zephyrproject-rtos/zephyr/issues/91483; Linux "
	  "quirk NO_READ_CAPACITY_16: " LINUX_UNUSUAL " (054c:02a5)", "bot.data.hang",
	  .mistake = "SERVICE ACTION IN(16) is recognised and has no body",
	  DEFECT({ AT_COMMAND,
		   { OPCODE(SERVICE_ACTION_IN_16), { CDB(1), HAS, 0x10 }, { CDB(1), LACKS, 0x0f } },
		   .then = LOSE }) },
	{ "hang-capacity-16-long",
	  "READ CAPACITY(16) with room for more than 512 bytes runs over the buffer",
	  ST_MSC "usbd_msc_scsi.c: SCSI_ReadCapacity16 clears as many bytes as the host "
	  "allocates", "bot.data.hang",
	  .mistake = "the answer is sized by the host's ALLOCATION LENGTH",
	  DEFECT({ AT_COMMAND,
		   { OPCODE(SERVICE_ACTION_IN_16), { CDB32(10), ABOVE, 512 } },
		   .then = LOSE }) },
	{ "hang-report-opcodes", "REPORT SUPPORTED OPERATION CODES is neither answered nor refused",
	  "Linux quirk NO_REPORT_OPCODES: " LINUX_UNUSUAL " (152d:9561)", "bot.data.hang",
	  .mistake =
		  "MAINTENANCE IN is not refused: fail it with 5/20/00",
	  DEFECT({ AT_COMMAND, { OPCODE(MAINTENANCE_IN) }, .then = LOSE }) },
	{ "hang-ata", "ATA PASS-THROUGH is neither answered nor refused",
	  "Linux quirk NO_ATA_1X: " LINUX_UNUSUAL " (04b4:b708)", "bot.data.hang",
	  .needs_writes = true,
	  /* what is behind it is not known, so it counts as writing */
	  .mistake =
		  "an unknown 12 or 16-byte command is not refused: fail it with 5/20/00",
	  DEFECT({ AT_COMMAND, { { CDB(0), IS, 0x85 } }, .then = LOSE },
		 { AT_COMMAND, { { CDB(0), IS, 0xa1 } }, .then = LOSE }) },
	{ "hang-long-answer",
	  "a host that allows more data than the firmware's buffer has runs over it",
	  "field 18: https://github.com/hathach/tinyusb/pull/3730", "bot.data.hang",
	  .mistake = "ALLOCATION LENGTH is used as length without a limit",
	  DEFECT({ AT_COMMAND, { OPCODE(INQUIRY), { HOST_LENGTH, ABOVE, 4096 } }, .then = LOSE }) },
	{ "answer-slow", "READ FORMAT CAPACITIES takes four seconds",
	  "field 7: https://github.com/libopencm3/libopencm3/pull/1334: Windows takes "
	  "minutes to mount", "attach.time",
	  .mistake = "the list of formats is made by asking the medium, instead of from what is "
		     "known",
	  DEFECT({ AT_COMMAND, { OPCODE(READ_FORMAT_CAPACITIES) }, .spin_ns = 4 * MSC_S }) },
	{ "hang-log-sense", "LOG SENSE is neither answered nor refused",
	  "https://github.com/microsoft/uf2-samdx1/issues/70: smartctl, and desktops that look at the "
	  "health of disks, lose the drive",
	  "bot.data.hang",
	  .mistake = "a list of known opcodes ends in a branch that only prints",
	  DEFECT({ AT_COMMAND, { OPCODE(LOG_SENSE) }, .then = LOSE }) },
};

const struct msc_fault_table msc_table_bot = { rows, MSC_COUNT(rows) };
