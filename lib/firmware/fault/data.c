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

/* -- how long a block is ----------------------------------------------------------------------- */

/* As many blocks as it takes for the host's length. */
ON_COMMAND(fit_blocks)
{
	uint32_t size = card_block_size(m, 0), blocks = msc_get_be16(seen->cb + 7);

	if (seen->cb[0] == MSC_OP_READ_10 && fault_is_in(v) && blocks && size &&
	    v->cbw.h.length / size >= blocks)
		msc_put_be16(seen->cb + 7, (uint16_t)((v->cbw.h.length + size - 1) / size));
	return MUTANT_PASS;
}

ON_CSW(fits_always)
{
	if (v->cbw.cb[0] != MSC_OP_READ_10 || !fault_is_in(v) ||
	    raw[CSW_STATUS] != MSC_CSW_PHASE_ERROR)
		return MUTANT_PASS;
	raw[CSW_STATUS] = MSC_CSW_PASSED;
	msc_put_le32(raw + CSW_RESIDUE, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_block_size_divided = {
	.id = "block-size-divided",
	.title = "a READ(10) takes dCBWDataTransferLength / blocks for the size of a block",
	.seen = "https://github.com/hathach/tinyusb/blob/fd70160/src/class/msc/msc_device.c: "
		"rdwr10_get_blocksize",
	.caught_by = "bot.residue.in",
	.mistake =
		"the size of a block is what READ CAPACITY says: what the host's length has besides "
		"belongs to the residue, and where it is less the command is in phase error",
	.ops = { .command = fit_blocks, .csw = fits_always },
};

/* -- what else writes there ------------------------------------------------------------------- */

/* state: a SETUP came since the last piece of data; the command is not over. */
struct clobbered {
	bool moving, hit;
	uint8_t setup[MSC_SETUP_LEN];
};

ON_COMMAND(moving_begins)
{
	*(struct clobbered *)state = (struct clobbered){ .moving = true };
	return MUTANT_PASS;
}

ON_SETUP(setup_lands)
{
	struct clobbered *c = state;

	c->hit = c->moving;
	msc_setup_pack(c->setup, q);
	return MUTANT_PASS;
}

static void clobber(struct clobbered *c, uint8_t *buf, size_t len)
{
	if (c->hit && len >= sizeof c->setup)
		memcpy(buf, c->setup, sizeof c->setup);
	c->hit = false;
}

ON_DATA_IN(clobber_sent)
{
	clobber(state, buf, *len);
	return MUTANT_PASS;
}

ON_RECEIVED(clobber_received)
{
	clobber(state, buf, *len);
	return MUTANT_PASS;
}

ON_CSW(moving_ends)
{
	*(struct clobbered *)state = (struct clobbered){ .moving = false };
	return MUTANT_PASS;
}

/* A request with more data than a packet of endpoint 0 holds. */
ON_SETUP(long_lands)
{
	struct clobbered *c = state;

	if (q->request_type & MSC_REQTYPE_IN || q->length <= 64)
		return MUTANT_PASS;
	c->hit = c->moving;
	memset(c->setup, 0xa5, sizeof c->setup);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_ep0_out_clobbers = {
	.id = "ep0-out-clobbers",
	.title =
		"a request with more than 64 bytes of data from the host is stored over the data that is "
		"being moved",
	.seen = "of the same kind: https://github.com/hathach/tinyusb/pull/3705: what comes on endpoint 0 is copied "
		"without a bound",
	.caught_by = "expect.data",
	.mistake =
		"wLength of the host is believed, and the buffer of endpoint 0 runs over: hold it to "
		"the size of the buffer, and refuse what is unknown before its data",
	.ops = { .state_size = sizeof(struct clobbered),
		 .command = moving_begins,
		 .setup = long_lands,
		 .data_in = clobber_sent,
		 .received = clobber_received,
		 .csw = moving_ends },
};

const struct msc_fault msc_fault_setup_clobbers = {
	.id = "setup-clobbers",
	.title =
		"a SETUP in the middle of a data phase is stored over the data that is being moved",
	.seen = "https://github.com/libopencm3/libopencm3/pull/880: packets of endpoint 0 run into the "
		"buffer of the bulk endpoint behind it",
	.caught_by = "expect.data",
	.mistake =
		  "endpoint 0 and a bulk endpoint share a buffer, or that of endpoint 0 is too "
		  "small: give it one of its own",
	.ops = {.state_size = sizeof(struct clobbered),
		.setup = setup_lands,
		.command = moving_begins,
		.received = clobber_received,
		.data_in = clobber_sent,
		.csw = moving_ends},
};

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
	.seen = "field 20: https://github.com/apohrebniak/usbd-storage/pull/28",
	.caught_by = "bot.data.excess",
	.mistake = "the length of the answer is not limited to dCBWDataTransferLength",
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
	.seen = "field 20: https://github.com/apohrebniak/usbd-storage/pull/28",
	.caught_by = "bot.data.excess",
	.mistake =
		"a zero-length or short packet is sent whenever the data fills its last "
		"packet",
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
	.seen = LUFA_SCSI ": as much as ALLOCATION LENGTH says, whatever the host expects",
	.caught_by = "bot.data.unasked",
	.mistake = "data is sent although dCBWDataTransferLength is 0",
	.ops = {.command = data_unasked},
};

/* What is behind the STALL of bulk-out, or behind the data that was taken, is not the CSW. */
ON_CSW(unasked_out)
{
	static const uint8_t data[64];
	uint32_t wanted = wanted_by_block(v->cbw.cb);

	if (fault_is_in(v) || !v->cbw.h.length || !wanted)
		return MUTANT_PASS;
	mutant_transmit(m, data, wanted < sizeof data ? wanted : sizeof data);
	raw[CSW_STATUS] = MSC_CSW_PASSED;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_data_unasked_out = {
	.id = "data-unasked-out",
	.title = "data is sent to a host that has data for the device",
	.caught_by = "bot.data.unasked",
	.mistake =
		"case 10: bit 7 of bmCBWFlags is compared with the direction of the command, before "
		"anything is sent",
	.ops = {.csw = unasked_out},
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
	.caught_by = "bot.data.split",
	.mistake =
		"header and body of an answer are two transmits: put them into one buffer",
	.ops = {.data_in = data_split},
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
	.seen = "field 5: https://github.com/zephyrproject-rtos/zephyr/pull/23191, "
		"https://github.com/STMicroelectronics/stm32-mw-usb-device/issues/37",
	.caught_by = "bot.data.hang",
	.mistake =
		  "the default branch returns without data, STALL or CSW: halt where the host "
		  "waits for data, and fail with 5/20/00",
	.ops = {.command = hang_on_unknown},
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
	.seen = "field 22: https://github.com/eclipse-threadx/usbx/issues/95; many devices, "
		"tolerated",
	.caught_by = "bot.case.truncated",
	.mistake =
		"the answer is cut to the host's length and the command passes: host and "
		"device disagree, 02h",
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
	.seen = "field 30: https://github.com/arpruss/USBComposite_stm32f1/issues/66, "
		"https://github.com/arpruss/USBComposite_stm32f1/commit/e4eb4ce",
	.caught_by = "expect.data",
	.mistake = "a buffer is sent before the medium has filled it",
	.target = "fill=noise",
	.ops = {.card_read = read_hole},
};

/* -- what the host asks for is taken for what there is --------------------------------------------- */

/* state: the answer under way was filled up. */
ON_DATA_IN(fill_up)
{
	size_t want = v->cbw.h.length;

	if (!v->in_command || v->data_sent || !*len || *len >= want || want > max ||
	    v->cbw.cb[0] == MSC_OP_READ_10)
		return MUTANT_PASS;
	memset(buf + *len, 0, want - *len);
	*len = want;
	*(bool *)state = true;
	return MUTANT_PASS;
}

ON_STALL(filled_needs_none)
{
	return !*(const bool *)state || ep != v->ep_in;
}

ON_CSW(filled_is_all)
{
	if (*(bool *)state)
		msc_put_le32(raw + 8, 0);
	*(bool *)state = false;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_answer_filled = {
	.id = "answer-filled",
	.title =
		"every answer is as long as the host allows: zeros or a buffer's rest follow what there is",
	.seen = LUFA_SCSI ": zeros up to ALLOCATION LENGTH",
	.caught_by = "scsi.inquiry.additional",
	.mistake =
		"dCBWDataTransferLength is taken for the amount to send: send what the answer has, and "
		"tell the rest as residue",
	.ops = { .state_size = sizeof(bool),
		 .data_in = fill_up,
		 .stall = filled_needs_none,
		 .csw = filled_is_all },
};

#define MODE_BUFFER 64

/* state: as fill_up, and bytes of it. */
struct padded {
	bool filled;
	uint32_t len;
};

ON_DATA_IN(pad_mode)
{
	struct padded *p = state;
	size_t alloc = v->cbw.cb[4] < MODE_BUFFER ? v->cbw.cb[4] : MODE_BUFFER;

	if (!fault_answers(v, MSC_OP_MODE_SENSE_6, *len, 4) || alloc > v->cbw.h.length ||
	    alloc > max || alloc <= *len)
		return MUTANT_PASS;
	memset(buf + *len, 0, alloc - *len);
	*len = alloc;
	*p = (struct padded){ alloc == v->cbw.h.length, (uint32_t)alloc };
	return MUTANT_PASS;
}

ON_STALL(padded_needs_none)
{
	return !((const struct padded *)state)->filled || ep != v->ep_in;
}

ON_CSW(padded_counts)
{
	struct padded *p = state;

	if (p->len)
		msc_put_le32(raw + CSW_RESIDUE, v->cbw.h.length - p->len);
	*p = (struct padded){ false, 0 };
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_mode_padded = {
	.id = "mode-padded",
	.title = "MODE SENSE(6) sends the whole of its buffer, whatever is in it",
	.seen = "https://github.com/PiSCSI/piscsi/pull/280: as much as the host allows, and OpenVMS crashes",
	.caught_by = "scsi.mode.length",
	.mistake =
		"sizeof the buffer is sent instead of what was put into it: ALLOCATION LENGTH is a limit",
	.ops = { .state_size = sizeof(struct padded),
		 .data_in = pad_mode,
		 .stall = padded_needs_none,
		 .csw = padded_counts },
};

/* The direction that the command block means; what the host said of it is not looked at. */
ON_COMMAND(direction_of_command)
{
	switch (seen->cb[0]) {
	case MSC_OP_WRITE_10:
		seen->h.flags = 0;
		break;
	case MSC_OP_INQUIRY:
	case MSC_OP_REQUEST_SENSE:
	case MSC_OP_MODE_SENSE_6:
	case MSC_OP_READ_FORMAT_CAPACITIES:
	case MSC_OP_READ_CAPACITY_10:
	case MSC_OP_READ_10:
		seen->h.flags = MSC_CBW_FLAG_IN;
		break;
	default: break;
	}
	return MUTANT_PASS;
}

ON_CSW(phase_by_direction)
{
	if (!v->cbw.h.length && v->cbw.h.flags & MSC_CBW_FLAG_IN)
		raw[CSW_STATUS] = MSC_CSW_PHASE_ERROR;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_direction_of_none = {
	.id = "direction-of-none",
	.title = "bmCBWFlags counts where no data is to move: a phase error for a direction of in",
	.seen = USBX_MSC "ux_device_class_storage_tasks_run.c: cases 2 and 8 in one condition",
	.caught_by = "bot.case.needless",
	.mistake = "bit 7 of bmCBWFlags is ignored while dCBWDataTransferLength is 0",
	.ops = {.csw = phase_by_direction},
};

const struct msc_fault msc_fault_direction_ignored = {
	.id = "direction-ignored",
	.title = "the direction in bmCBWFlags is not compared with that of the command",
	.seen = "https://github.com/hathach/tinyusb/commit/53ea1e132: cases 8 and 10 of the "
		"thirteen",
	.caught_by = "bot.data.hang",
	.mistake =
		"cases 8 and 10: bit 7 of bmCBWFlags is compared with the direction of the command, before "
		"an endpoint is armed",
	.ops = {.command = direction_of_command},
};
