/* SPDX-License-Identifier: BSD-2-Clause */
/* The disk of `linux-gadget`: how the Linux Mass Storage Function checks each command, and what it
 * says of the unit. What looks odd here is odd there: see the comment at each place. */
#include "firmware/linux_gadget/gadget.h"

#include <string.h>

#include "base/err.h"

#define INVALID_COMMAND      MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x20, 0x00)
#define NO_SUCH_UNIT         MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x25, 0x00)
#define SAVING_NOT_SUPPORTED MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x39, 0x00)
#define REMOVAL_PREVENTED    MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x53, 0x02)

int gadget_refuse(struct gadget *g, uint32_t sense)
{
	if (g->lun)
		g->lun->sense = sense;
	return REFUSED;
}

/* -- what the unit says of itself ------------------------------------------------------------ */

static uint8_t *reply(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	return g->buffer[g->fill].data;
}

static int do_inquiry(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	struct msc_inquiry_header h = { .peripheral = 0x7f, .additional = 31 };
	uint8_t *out = reply(m);

	memset(out, 0, MSC_INQUIRY_LEN);
	if (g->lun) {
		h.peripheral = 0;
		h.removable = g->lun->removable ? 0x80 : 0;
		h.version = 2;
		h.format = 2;
		memcpy(out + 8, "Linux   File-Stor Gadget0601", 28);
	} else {
		g->bad_lun_okay = true;
	}
	msc_inquiry_header_pack(out, &h);
	return MSC_INQUIRY_LEN;
}

static int do_request_sense(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	struct msc_sense s = { .response = 0x70, .additional = MSC_SENSE_LEN - 8 };
	uint32_t sense = NO_SUCH_UNIT;

	if (g->lun) {
		sense = g->lun->sense;
		s.response |= g->lun->information_valid ? 0x80 : 0;
		s.information = g->lun->information;
		g->lun->sense = 0;
		g->lun->information = 0;
		g->lun->information_valid = false;
	} else {
		g->bad_lun_okay = true;
	}
	s.key = (uint8_t)(sense >> 16);
	s.asc = (uint8_t)(sense >> 8);
	s.ascq = (uint8_t)sense;
	msc_sense_pack(reply(m), &s);
	return MSC_SENSE_LEN;
}

static int do_read_capacity_10(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	uint64_t last = card_blocks(m, g->lun_number) - 1;
	const struct msc_capacity_10 c = {
		.last_lba = last < UINT32_MAX ? (uint32_t)last : UINT32_MAX,
		.block_size = GADGET_BLOCK,
	};

	if (g->cb[8] > 1 || (g->cb[8] == 0 && msc_get_be32(g->cb + 2) != 0))
		return gadget_refuse(g, GADGET_INVALID_FIELD);
	msc_capacity_10_pack(reply(m), &c);
	return MSC_CAPACITY_10_LEN;
}

static int do_read_capacity_16(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	uint8_t *out = reply(m);

	if (g->cb[14] > 1 || (g->cb[14] == 0 && msc_get_be64(g->cb + 2) != 0))
		return gadget_refuse(g, GADGET_INVALID_FIELD);
	memset(out, 0, 32);
	msc_put_be64(out, card_blocks(m, g->lun_number) - 1);
	msc_put_be32(out + 8, GADGET_BLOCK);
	return 32;
}

static int do_read_format_capacities(struct mcu *m)
{
	const struct gadget *g = mcu_state(m);
	uint8_t *out = reply(m);

	memset(out, 0, 4);
	out[3] = 8;
	msc_put_be32(out + 4, (uint32_t)card_blocks(m, g->lun_number));
	msc_put_be32(out + 8, GADGET_BLOCK);
	out[8] = 0x02; /* formatted */
	return 12;
}

/* The only page is 08h, of the ten bytes that it had in SCSI-2. */
static int do_mode_sense(struct mcu *m)
{
	static const uint8_t caching[] = { 0x08, 10, 0x04, 0,    0xff, 0xff,
					   0,    0,  0xff, 0xff, 0xff, 0xff };
	struct gadget *g = mcu_state(m);
	uint8_t control = g->cb[2] >> 6, page = g->cb[2] & 0x3f;
	bool six = g->cb[0] == MSC_OP_MODE_SENSE_6;
	uint8_t *out = reply(m), header = six ? 4 : 8;
	int len = header + (int)sizeof caching;

	if (g->cb[1] & ~0x08)
		return gadget_refuse(g, GADGET_INVALID_FIELD);
	if (control == 3)
		return gadget_refuse(g, SAVING_NOT_SUPPORTED);
	memset(out, 0, (size_t)len);
	if (page != 0x08 && page != 0x3f)
		return gadget_refuse(g, GADGET_INVALID_FIELD);
	memcpy(out + header, caching, control == 1 ? 2 : sizeof caching);
	if (six)
		out[0] = (uint8_t)(len - 1);
	else
		msc_put_be16(out, (uint16_t)(len - 2));
	out[six ? 2 : 3] = g->lun->ro ? MSC_MODE_WP : 0;
	return len;
}

static int do_mode_select(struct mcu *m)
{
	return gadget_refuse(mcu_state(m), INVALID_COMMAND);
}

/* -- the medium's comings and goings --------------------------------------------------------- */

static int do_start_stop(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	bool eject = g->cb[4] & 0x02, begin = g->cb[4] & 0x01;

	if (!g->lun->removable)
		return gadget_refuse(g, INVALID_COMMAND);
	if (g->cb[1] & ~0x01 || g->cb[4] & ~0x03)
		return gadget_refuse(g, GADGET_INVALID_FIELD);
	if (begin)
		return g->lun->open ? 0 : gadget_refuse(g, GADGET_NOT_PRESENT);
	if (g->lun->prevented)
		return gadget_refuse(g, REMOVAL_PREVENTED);
	if (eject)
		g->lun->open =
			false; /* the file is closed; only the device's owner opens it again */
	return 0;
}

static int do_prevent_allow(struct mcu *m)
{
	struct gadget *g = mcu_state(m);

	if (!g->lun->removable)
		return gadget_refuse(g, INVALID_COMMAND);
	if (g->cb[4] & ~0x01)
		return gadget_refuse(g, GADGET_INVALID_FIELD);
	g->lun->prevented = g->cb[4];
	return 0;
}

static int do_nothing(struct mcu *m)
{
	(void)m;
	return 0;
}

static int do_unknown(struct mcu *m)
{
	return gadget_refuse(mcu_state(m), INVALID_COMMAND);
}

/* -- the commands ---------------------------------------------------------------------------- */

/* Where a command block says how much it transfers. */
enum amount {
	NOTHING,
	BYTE_4,
	BYTES_7,
	BYTES_6,
	BYTES_10,
	EIGHT,
	BLOCKS_4,
	BLOCKS_7,
	BLOCKS_6,
	BLOCKS_10
};

struct command {
	uint8_t opcode, cb_length;
	enum gadget_dir dir;
	enum amount amount;
	uint32_t may_be_set; /* bytes of the CDB that need not be zero */
	bool needs_medium;
	int (*run)(struct mcu *);
};

#define BYTES(first, last) (((2u << (last)) - 1) & ~((1u << (first)) - 1))

static const struct command unknown = { 0, 0, GADGET_NONE, NOTHING, ~0u, false, do_unknown };

static const struct command commands[] = {
	{ MSC_OP_TEST_UNIT_READY, 6, GADGET_NONE, NOTHING, 0, true, do_nothing },
	{ MSC_OP_REQUEST_SENSE, 6, GADGET_IN, BYTE_4, BYTES(4, 4), false, do_request_sense },
	{ MSC_OP_READ_6, 6, GADGET_IN, BLOCKS_4, BYTES(1, 4), true, gadget_read },
	{ MSC_OP_WRITE_6, 6, GADGET_OUT, BLOCKS_4, BYTES(1, 4), true, gadget_write },
	{ MSC_OP_INQUIRY, 6, GADGET_IN, BYTE_4, BYTES(4, 4), false, do_inquiry },
	{ MSC_OP_MODE_SELECT_6, 6, GADGET_OUT, BYTE_4, BYTES(1, 1) | BYTES(4, 4), false,
	  do_mode_select },
	{ MSC_OP_MODE_SENSE_6, 6, GADGET_IN, BYTE_4, BYTES(1, 2) | BYTES(4, 4), false,
	  do_mode_sense },
	{ MSC_OP_START_STOP_UNIT, 6, GADGET_NONE, NOTHING, BYTES(1, 1) | BYTES(4, 4), false,
	  do_start_stop },
	{ MSC_OP_PREVENT_ALLOW, 6, GADGET_NONE, NOTHING, BYTES(4, 4), false, do_prevent_allow },
	{ MSC_OP_READ_FORMAT_CAPACITIES, 10, GADGET_IN, BYTES_7, BYTES(7, 8), true,
	  do_read_format_capacities },
	{ MSC_OP_READ_CAPACITY_10, 10, GADGET_IN, EIGHT, BYTES(2, 5) | BYTES(8, 8), true,
	  do_read_capacity_10 },
	{ MSC_OP_READ_10, 10, GADGET_IN, BLOCKS_7, BYTES(1, 5) | BYTES(7, 8), true, gadget_read },
	{ MSC_OP_WRITE_10, 10, GADGET_OUT, BLOCKS_7, BYTES(1, 5) | BYTES(7, 8), true,
	  gadget_write },
	{ MSC_OP_VERIFY_10, 10, GADGET_NONE, NOTHING, BYTES(1, 5) | BYTES(7, 8), true,
	  gadget_verify },
	{ MSC_OP_SYNCHRONIZE_CACHE_10, 10, GADGET_NONE, NOTHING, BYTES(2, 5) | BYTES(7, 8), true,
	  do_nothing },
	{ MSC_OP_MODE_SELECT_10, 10, GADGET_OUT, BYTES_7, BYTES(1, 1) | BYTES(7, 8), false,
	  do_mode_select },
	{ MSC_OP_MODE_SENSE_10, 10, GADGET_IN, BYTES_7, BYTES(1, 2) | BYTES(7, 8), false,
	  do_mode_sense },
	{ MSC_OP_READ_16, 16, GADGET_IN, BLOCKS_10, BYTES(1, 13), true, gadget_read },
	{ MSC_OP_WRITE_16, 16, GADGET_OUT, BLOCKS_10, BYTES(1, 13), true, gadget_write },
	{ MSC_OP_SERVICE_ACTION_IN_16, 16, GADGET_IN, BYTES_10, BYTES(1, 14), true,
	  do_read_capacity_16 },
	{ MSC_OP_READ_12, 12, GADGET_IN, BLOCKS_6, BYTES(1, 9), true, gadget_read },
	{ MSC_OP_WRITE_12, 12, GADGET_OUT, BLOCKS_6, BYTES(1, 9), true, gadget_write },
};

static const struct command *find_command(const uint8_t *cb)
{
	for (size_t i = 0; i < MSC_COUNT(commands); i++) {
		if (commands[i].opcode != cb[0])
			continue;
		if (cb[0] == MSC_OP_SERVICE_ACTION_IN_16 && (cb[1] & 0x1f) != 0x10)
			break;
		return &commands[i];
	}
	return &unknown;
}

static uint32_t amount_of(enum amount a, const uint8_t *cb)
{
	switch (a) {
	case BYTE_4:
		return cb[4];
	case BLOCKS_4:
		return cb[4] ? cb[4] : 256;
	case BYTES_7:
	case BLOCKS_7:
		return msc_get_be16(cb + 7);
	case BYTES_6:
	case BLOCKS_6:
		return msc_get_be32(cb + 6);
	case BYTES_10:
	case BLOCKS_10:
		return msc_get_be32(cb + 10);
	case EIGHT:
		return 8;
	case NOTHING:
		break;
	}
	return 0;
}

/* Compares what the host and the command block expect, and sets the transfer up. Less than the
 * command wants is a phase error, but the command is carried out as far as it goes. */
static bool agree(struct gadget *g, const struct command *c)
{
	enum gadget_dir dir = g->command_size ? c->dir : GADGET_NONE;

	if (g->length < g->command_size) {
		g->command_size = g->length;
		g->phase_error = true;
	}
	g->residue = g->length;
	g->usb_left = g->length;
	if (g->dir != dir && g->command_size > 0) {
		g->phase_error = true;
		return false;
	}
	if (g->cb_length < c->cb_length) { /* longer ones are common, and harmless */
		g->phase_error = true;
		return false;
	}
	return true;
}

/* Unit, unit attention, reserved bytes, medium, in this order. */
static bool may_run(struct gadget *g, const struct command *c)
{
	bool answers_always = g->cb[0] == MSC_OP_INQUIRY || g->cb[0] == MSC_OP_REQUEST_SENSE;

	if (!g->lun) {
		g->bad_lun_okay = false;
		if (!answers_always)
			return false;
	} else if (g->cb[0] != MSC_OP_REQUEST_SENSE) {
		g->lun->sense = 0;
		g->lun->information = 0;
		g->lun->information_valid = false;
	}
	if (g->lun && g->lun->attention && !answers_always) {
		g->lun->sense = g->lun->attention;
		g->lun->attention = 0;
		return false;
	}
	g->cb[1] &= 0x1f; /* the LUN of SCSI-2 */
	for (unsigned i = 1; i < g->cb_length; i++)
		if (g->cb[i] && !(c->may_be_set & 1u << i)) {
			gadget_refuse(g, GADGET_INVALID_FIELD);
			return false;
		}
	if (g->lun && !g->lun->open && c->needs_medium) {
		gadget_refuse(g, GADGET_NOT_PRESENT);
		return false;
	}
	return true;
}

/* More bytes than 32 bits can count is a phase error, and then residue and usb_left are those of
 * the command before: the kernel gives up before it sets them. */
static bool size_overflows(struct gadget *g, const struct command *c)
{
	if (!g->lun || c->amount < BLOCKS_4)
		return false;
	if (g->command_size > UINT32_MAX / GADGET_BLOCK) {
		g->phase_error = true;
		return true;
	}
	g->command_size *= GADGET_BLOCK;
	return false;
}

bool gadget_command(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	struct gadget_buffer *b = &g->buffer[g->fill];
	const struct command *c = find_command(g->cb);
	int len = REFUSED;

	g->drain = g->fill;
	if (!gadget_wait(m, b))
		return false;
	g->phase_error = false;
	g->short_packet = false;
	g->command_size = amount_of(c->amount, g->cb);
	card_hold(m, g->lun_number, true); /* down_read(&common->filesem) */
	if (!size_overflows(g, c) && agree(g, c) && may_run(g, c))
		len = c->run(m);
	card_hold(m, g->lun_number, false);
	if (g->exception)
		return false;
	if (len == REFUSED)
		len = 0;
	if (len >= 0 && g->dir == GADGET_IN) {
		b->in_len = (uint32_t)len < g->command_size ? (uint32_t)len : g->command_size;
		b->state = BUFFER_FULL;
		g->residue -= (uint32_t)b->in_len;
	}
	return true;
}
