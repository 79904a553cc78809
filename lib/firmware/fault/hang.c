/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of commands that firmware does not survive: it forgets them, and whatever data the host
 * sends is never taken. Only reset recovery, or a port reset, leads on. */
#include "firmware/fault/fault.h"

#define HANGS(name, condition)                                                                     \
	ON_COMMAND(name)                                                                           \
	{                                                                                          \
		const uint8_t *cb = v->cbw.cb;                                                     \
                                                                                                   \
		return (condition) ? fault_lose(v) : MUTANT_PASS;                                  \
	}

HANGS(hang_vpd, cb[0] == MSC_OP_INQUIRY && cb[1] & 0x01)

const struct msc_fault msc_fault_hang_vpd = {
	.id = "hang-vpd",
	.title = "INQUIRY of a vital product data page is not answered",
	.seen = "field 7: libopencm3 #1294, #1334: Windows takes minutes to mount",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_vpd},
};

HANGS(hang_mode_sense_all, cb[0] == MSC_OP_MODE_SENSE_6 && (cb[2] & 0x3f) == 0x3f)

const struct msc_fault msc_fault_hang_mode_sense_all = {
	.id = "hang-mode-sense-all",
	.title = "MODE SENSE(6) of all pages is not answered",
	.seen = "Linux quirk NO_WP_DETECT",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_mode_sense_all},
};

HANGS(hang_long_sense, cb[0] == MSC_OP_REQUEST_SENSE && cb[4] > 18)

const struct msc_fault msc_fault_hang_long_sense = {
	.id = "hang-long-sense",
	.title = "REQUEST SENSE with room for more than 18 bytes is not answered",
	.seen = "Linux quirk BAD_SENSE",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_long_sense},
};

HANGS(hang_prevent, cb[0] == MSC_OP_PREVENT_ALLOW)

const struct msc_fault msc_fault_hang_prevent = {
	.id = "hang-prevent",
	.title = "PREVENT ALLOW MEDIUM REMOVAL is not answered",
	.seen = "Linux quirk NOT_LOCKABLE",
	.caught_by = "bot.csw.missing",
	.ops = {.command = hang_prevent},
};

HANGS(hang_read_12, cb[0] == MSC_OP_READ_12)

const struct msc_fault msc_fault_hang_read_12 = {
	.id = "hang-read-12",
	.title = "READ(12) is neither answered nor refused",
	.seen = "field 32: Zephyr #91483",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_read_12},
};

HANGS(hang_write_12, cb[0] == MSC_OP_WRITE_12)

const struct msc_fault msc_fault_hang_write_12 = {
	.id = "hang-write-12",
	.title = "the data of WRITE(12) is never accepted",
	.seen = "field 32: Zephyr #26275",
	.caught_by = "bot.data.hang",
	.needs_writes = true,
	.ops = {.command = hang_write_12},
};

HANGS(hang_capacity_16, cb[0] == MSC_OP_SERVICE_ACTION_IN_16 && (cb[1] & 0x1f) == 0x10)

const struct msc_fault msc_fault_hang_capacity_16 = {
	.id = "hang-capacity-16",
	.title = "READ CAPACITY(16) is neither answered nor refused",
	.seen = "field 32: Zephyr #91483; Linux quirk NO_READ_CAPACITY_16",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_capacity_16},
};

HANGS(hang_capacity_16_long, cb[0] == MSC_OP_SERVICE_ACTION_IN_16 && msc_get_be32(cb + 10) > 512)

const struct msc_fault msc_fault_hang_capacity_16_long = {
	.id = "hang-capacity-16-long",
	.title = "READ CAPACITY(16) with room for more than 512 bytes runs over the buffer",
	.seen = "ST USBD_MSC clears as many bytes as the host allocates",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_capacity_16_long},
};

HANGS(hang_report_opcodes, cb[0] == MSC_OP_MAINTENANCE_IN)

const struct msc_fault msc_fault_hang_report_opcodes = {
	.id = "hang-report-opcodes",
	.title = "REPORT SUPPORTED OPERATION CODES is neither answered nor refused",
	.seen = "Linux quirk NO_REPORT_OPCODES",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_report_opcodes},
};

HANGS(hang_ata, cb[0] == 0x85 || cb[0] == 0xa1)

const struct msc_fault msc_fault_hang_ata = {
	.id = "hang-ata",
	.title = "ATA PASS-THROUGH is neither answered nor refused",
	.seen = "Linux quirk NO_ATA_1X",
	.caught_by = "bot.data.hang",
	.needs_writes = true, /* what is behind it is not known, so it counts as writing */
	.ops = {.command = hang_ata},
};

HANGS(hang_long_answer, cb[0] == MSC_OP_INQUIRY && v->cbw.h.length > 4096)

const struct msc_fault msc_fault_hang_long_answer = {
	.id = "hang-long-answer",
	.title = "a host that allows more data than the firmware's buffer has runs over it",
	.seen = "field 18: TinyUSB #3730",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_long_answer},
};

HANGS(hang_part_block, (cb[0] == MSC_OP_READ_10 || cb[0] == MSC_OP_WRITE_10) && v->cbw.h.length &&
			       v->cbw.h.length < msc_get_be16(cb + 7))

const struct msc_fault msc_fault_hang_part_block = {
	.id = "hang-part-block",
	.title =
		"a host that expects less than a byte for each block makes the firmware divide by 0",
	.seen = "field 16: TinyUSB #1113",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_part_block},
};

/* -- answers that never end ------------------------------------------------------------------- */

ON_COMMAND(synchronize_stalled)
{
	if (v->cbw.cb[0] != MSC_OP_SYNCHRONIZE_CACHE_10)
		return MUTANT_PASS;
	mutant_stall(m, v->ep_in);
	return MUTANT_SWALLOW;
}

const struct msc_fault msc_fault_synchronize_stalled = {
	.id = "synchronize-stalled",
	.title = "SYNCHRONIZE CACHE(10) is answered with a STALL, and no CSW after it",
	.seen = "field 6: ST #41: Windows 11 resets the device in a loop 30 s after attach",
	.caught_by = "usb.halt.recover",
	.ops = {.command = synchronize_stalled},
};

/* state: bytes of data from the host that the command under way has got. */
ON_COMMAND(out_begins)
{
	*(uint32_t *)state = 0;
	return MUTANT_PASS;
}

ON_RECEIVED(out_short)
{
	uint32_t *got = state;

	if (!v->in_command)
		return MUTANT_PASS;
	*got += (uint32_t)*len;
	return *got < v->cbw.h.length && *len % fault_max_packet(m) ? MUTANT_DEAF : MUTANT_PASS;
}

const struct msc_fault msc_fault_out_short = {
	.id = "out-short",
	.title = "a short packet in the middle of a write is not survived",
	.seen = "field 17: Zephyr #23240: a packet buffer overflows",
	.caught_by = "bot.data.cut",
	.needs_writes = true,
	.ops = {.state_size = sizeof(uint32_t), .command = out_begins, .received = out_short},
};

/* state: when the last CBW came. */
ON_COMMAND(note_time)
{
	*(int64_t *)state = mcu_now(m);
	return MUTANT_PASS;
}

ON_RECEIVED(too_soon)
{
	return v->in_command && mcu_now(m) - *(int64_t *)state < 100 * MSC_US ? MUTANT_DEAF
									      : MUTANT_PASS;
}

const struct msc_fault msc_fault_out_too_soon = {
	.id = "out-too-soon",
	.title = "data that comes less than 100 us after its CBW is lost",
	.seen = "Linux quirk GO_SLOW",
	.caught_by = "bot.csw.missing",
	.target = "host=xhci",
	.ops = {.state_size = sizeof(int64_t), .command = note_time, .received = too_soon},
};
