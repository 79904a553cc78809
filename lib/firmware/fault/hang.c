/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of commands that firmware does not survive: it forgets them, and whatever data the host
 * sends is never taken. Only reset recovery, or a port reset, leads on. */
#include "firmware/fault/fault.h"

ON_COMMAND(hang_part_block)
{
	const uint8_t *cb = v->cbw.cb;
	uint32_t len = v->cbw.h.length;

	if ((cb[0] == MSC_OP_READ_10 || cb[0] == MSC_OP_WRITE_10) && len &&
	    len < msc_get_be16(cb + 7))
		return fault_lose(v);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_hang_part_block = {
	.id = "hang-part-block",
	.title =
		"a host that expects less than a byte for each block makes the firmware divide by 0",
	.seen = "field 16: https://github.com/hathach/tinyusb/pull/1113",
	.caught_by = "bot.data.hang",
	.mistake = "a division by dCBWDataTransferLength / blocks, which may be 0",
	.ops = {.command = hang_part_block},
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
	.seen = "field 17: https://github.com/zephyrproject-rtos/zephyr/pull/23240: a packet "
		"buffer overflows",
	.caught_by = "bot.data.cut",
	.mistake =
		"a short packet ends the transfer in the driver, and its length is not "
		"compared",
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
	.seen = "Linux quirk GO_SLOW: " LINUX_UNUSUAL " (05e3:0702)",
	.caught_by = "bot.csw.missing",
	.mistake =
		"bulk-out is armed for data only after the command has been decoded, and a "
		"packet in between is lost",
	.target = "host=xhci",
	.ops = {.state_size = sizeof(int64_t), .command = note_time, .received = too_soon},
};

/* state: when the CSW of a READ of several blocks was handed over. */
ON_CSW(note_end)
{
	const uint8_t *cb = v->cbw.cb;

	*(int64_t *)state = cb[0] == MSC_OP_READ_10 && msc_get_be16(cb + 7) > 1 ? mcu_now(m) : 0;
	return MUTANT_PASS;
}

ON_COMMAND(next_too_soon)
{
	int64_t *ended = state;

	return *ended && mcu_now(m) - *ended < 50 * MSC_US ? fault_lose(v) : MUTANT_PASS;
}

const struct msc_fault msc_fault_cbw_too_soon = {
	.id = "cbw-too-soon",
	.title = "a CBW that comes less than 50 us after the CSW of a long READ is lost",
	.seen = "of the same kind: https://github.com/hathach/tinyusb/pull/244: the command is ended behind the CSW that "
		"is queued, a race with the host",
	.caught_by = "bot.csw.missing",
	.mistake =
		"bulk-out is armed with the CSW, and a CBW that comes before the interrupt of the CSW "
		"meets the state of the command before: arm it there, or look at the CSW first",
	.target = "host=xhci",
	.ops = {.state_size = sizeof(int64_t), .csw = note_end, .command = next_too_soon},
};

/* A write of no blocks: its tag while data is waited for that will not come. */
struct none_due {
	bool waits;
	uint32_t tag;
};

ON_COMMAND(wait_for_none)
{
	const uint8_t *cb = v->cbw.cb;
	struct none_due *w = state;
	uint8_t csw[MSC_CSW_LEN];

	if (w->waits) { /* this CBW is taken for the data */
		msc_csw_pack(csw,
			     &(struct msc_csw){ .signature = MSC_CSW_SIGNATURE, .tag = w->tag });
		mutant_transmit(m, csw, sizeof csw);
		w->waits = false;
		return MUTANT_SWALLOW;
	}
	w->waits = cb[0] == MSC_OP_WRITE_10 && !msc_get_be16(cb + 7);
	w->tag = v->cbw.h.tag;
	return w->waits ? MUTANT_SWALLOW : MUTANT_PASS;
}

ON_SETUP(forget_none)
{
	struct none_due *w = state;

	if (fault_is_class(q, MSC_REQ_BULK_ONLY_RESET))
		w->waits = false;
	return MUTANT_PASS;
}

ON_RESET(none_is_over)
{
	((struct none_due *)state)->waits = false;
}

const struct msc_fault msc_fault_write_none_waits = {
	.id = "write-none-waits",
	.title = "a WRITE(10) of no blocks waits for data, and takes the next CBW for them",
	.seen = "https://github.com/jabezwinston/usbip-python: usbip/classes/device/msc.py",
	.caught_by = "bot.csw.missing",
	.mistake =
		"the status is sent when the last block has come, which with no blocks is never: send "
		"it at once when the length is 0",
	.needs_writes = true,
	.ops = {.state_size = sizeof(struct none_due),
		.command = wait_for_none,
		.setup = forget_none,
		.reset = none_is_over},
};
