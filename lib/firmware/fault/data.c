/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of data transport: how much moves, how it ends, and what is in it. */
#include "firmware/fault/fault.h"

#include <string.h>

/* What the command block asks for by itself, as firmware takes it that has never looked at
 * dCBWDataTransferLength; 0: not a command that sends data. Blocks are taken to be of 512 bytes. */
static uint32_t wanted_by_block(const uint8_t *cb)
{
	switch (cb[0]) {
	case MSC_OP_INQUIRY:
	case MSC_OP_REQUEST_SENSE:
	case MSC_OP_MODE_SENSE_6:
		return cb[4];
	case MSC_OP_READ_CAPACITY_10:
		return MSC_CAPACITY_10_LEN;
	case MSC_OP_READ_10:
		return msc_get_be16(cb + 7) * 512u;
	}
	return 0;
}

/* -- too much --------------------------------------------------------------------------------- */

ON_COMMAND(data_excess)
{
	uint32_t wanted = wanted_by_block(seen->cb);

	if (fault_is_in(v) && wanted > seen->h.length)
		seen->h.length = wanted;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_data_excess = {
	.id = "data-excess",
	.title = "what the command block asks for is sent, although the host wants less",
	.seen = "field 20: usbd-storage #28",
	.caught_by = "bot.data.excess",
	.ops = {.command = data_excess},
};

ON_DATA_IN(data_extra)
{
	static const uint8_t extra[64];

	if (v->in_command && *len && v->data_sent + *len == v->cbw.h.length &&
	    *len % fault_max_packet(m) == 0)
		mutant_transmit_after(m, extra, sizeof extra);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_data_extra = {
	.id = "data-extra",
	.title = "a packet too many follows data that ends on a full packet",
	.seen = "field 20: usbd-storage #28",
	.caught_by = "bot.data.excess",
	.ops = {.data_in = data_extra},
};

ON_COMMAND(data_unasked)
{
	uint32_t wanted = wanted_by_block(seen->cb);

	if (seen->h.length == 0 && wanted) {
		seen->h.length = wanted;
		seen->h.flags = MSC_CBW_FLAG_IN;
	}
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_data_unasked = {
	.id = "data-unasked",
	.title = "data is sent to a host that expects none",
	.seen = "devices that never look at dCBWDataTransferLength",
	.caught_by = "bot.data.unasked",
	.ops = {.command = data_unasked},
};

/* -- too little, and how it ends -------------------------------------------------------------- */

ON_DATA_IN(data_split)
{
	if (v->in_command && v->data_sent == 0 && *len > 8 && *len < 64) {
		mutant_transmit(m, buf, 8);
		memmove(buf, buf + 8, *len - 8);
		*len -= 8;
	}
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_data_split = {
	.id = "data-split",
	.title = "the first eight bytes of an answer are sent as a transfer of their own",
	.seen = "exists to prove the rule",
	.caught_by = "bot.data.split",
	.ops = {.data_in = data_split},
};

ON_STALL(stall_missing)
{
	return ep != v->ep_in || !v->in_command;
}

const struct msc_fault msc_fault_stall_missing = {
	.id = "stall-missing",
	.title = "bulk-in is not halted when less is sent than the host expects",
	.seen = "field 21: NuttX #19435 (on purpose), TinyUSB #1070, usbd-storage #23",
	.caught_by = "bot.csw.merged bot.data.short",
	.ops = {.stall = stall_missing},
};

ON_COMMAND(data_missing)
{
	uint16_t blocks = msc_get_be16(seen->cb + 7);

	if (seen->cb[0] == MSC_OP_READ_10 && fault_is_in(v) && blocks > 1)
		msc_put_be16(seen->cb + 7, (uint16_t)(blocks - 1));
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_data_missing = {
	.id = "data-missing",
	.title = "a read of several blocks passes without its last one",
	.seen = "exists to prove the rule",
	.caught_by = "bot.data.missing",
	.ops = {.command = data_missing},
};

static bool is_known(uint8_t opcode)
{
	static const uint8_t known[] = {
		MSC_OP_TEST_UNIT_READY,	      MSC_OP_REQUEST_SENSE,    MSC_OP_READ_6,
		MSC_OP_WRITE_6,		      MSC_OP_INQUIRY,	       MSC_OP_MODE_SELECT_6,
		MSC_OP_MODE_SENSE_6,	      MSC_OP_START_STOP_UNIT,  MSC_OP_PREVENT_ALLOW,
		MSC_OP_READ_FORMAT_CAPACITIES, MSC_OP_READ_CAPACITY_10, MSC_OP_READ_10,
		MSC_OP_WRITE_10,	      MSC_OP_VERIFY_10,	       MSC_OP_SYNCHRONIZE_CACHE_10,
	};

	return memchr(known, opcode, sizeof known) != NULL;
}

ON_COMMAND(hang_on_unknown)
{
	return is_known(v->cbw.cb[0]) ? MUTANT_PASS : fault_lose(v);
}

const struct msc_fault msc_fault_hang_on_unknown = {
	.id = "hang-on-unknown",
	.title = "an unknown command is answered with neither data, STALL nor CSW",
	.seen = "field 5: Zephyr #23191, ST #37: the commonest defect in the field",
	.caught_by = "bot.data.hang",
	.ops = {.command = hang_on_unknown},
};

static bool is_short(const struct mutant_view *v)
{
	return v->in_command && fault_is_in(v) && v->data_sent < v->cbw.h.length;
}

ON_STALL(no_halt_when_short)
{
	return ep != v->ep_in || !is_short(v);
}

ON_CSW(no_csw_when_short)
{
	return is_short(v) ? MUTANT_SWALLOW : MUTANT_PASS;
}

const struct msc_fault msc_fault_hang_when_short = {
	.id = "hang-when-short",
	.title = "data that is shorter than the host expects is never ended",
	.seen = "field 21: RT-Thread #3490, TinyUSB #3547: a reset loop on MODE SENSE with 192 bytes",
	.caught_by = "bot.data.hang",
	.ops = {.stall = no_halt_when_short, .csw = no_csw_when_short},
};

ON_COMMAND(truncation_passes)
{
	uint32_t wanted = wanted_by_block(seen->cb);

	if (fault_is_in(v) && wanted > seen->h.length && wanted < 256)
		seen->cb[4] = (uint8_t)seen->h.length;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_truncation_passes = {
	.id = "truncation-passes",
	.title = "an answer that is longer than the host allows is cut, and the command passes",
	.seen = "field 22: USBX #95; many devices, tolerated",
	.caught_by = "bot.case.truncated",
	.ops = {.command = truncation_passes},
};

/* -- the data itself -------------------------------------------------------------------------- */

ON_CARD_READ(read_hole)
{
	if (blocks > 1)
		memset(data + 64, 0, 64);
	return true;
}

const struct msc_fault msc_fault_read_hole = {
	.id = "read-hole",
	.title = "the second packet of every longer read is lost and sent as zeros",
	.seen = "field 30: USBComposite #66",
	.caught_by = "expect.data",
	.target = "fill=noise",
	.ops = {.card_read = read_hole},
};

ON_CARD_WRITE(write_neighbour)
{
	*lba += 1;
	return true;
}

const struct msc_fault msc_fault_write_neighbour = {
	.id = "write-neighbour",
	.title = "data is written to the block after the one that was meant",
	.seen = "field 24: libopencm3 #1361",
	.caught_by = "expect.medium",
	.needs_writes = true,
	.ops = {.card_write = write_neighbour},
};

ON_CARD_WRITE(write_lost)
{
	*blocks = 0;
	return true;
}

const struct msc_fault msc_fault_write_lost = {
	.id = "write-lost",
	.title = "a write passes and nothing is written",
	.seen = "exists to prove the rule",
	.caught_by = "expect.data",
	.needs_writes = true,
	.ops = {.card_write = write_lost},
};
