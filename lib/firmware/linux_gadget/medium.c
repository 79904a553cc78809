/* SPDX-License-Identifier: BSD-2-Clause */
/* The medium of `linux-gadget`: READ, WRITE and VERIFY in the two buffers, as the Linux Mass
 * Storage Function does them. What looks odd here is odd there: see the comment at each place. */
#include "firmware/linux_gadget/gadget.h"

#define READ_ERROR   MSC_SENSE_CODE(MSC_SENSE_MEDIUM_ERROR, 0x11, 0x00)
#define WRITE_ERROR  MSC_SENSE_CODE(MSC_SENSE_MEDIUM_ERROR, 0x0c, 0x02)
#define OUT_OF_RANGE MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x21, 0x00)
#define PROTECTED    MSC_SENSE_CODE(MSC_SENSE_DATA_PROTECT, 0x27, 0x00)

#define DPO 0x10
#define FUA 0x08

static void fail_at(struct gadget *g, uint32_t sense, uint64_t offset)
{
	g->lun->sense = sense;
	g->lun->information = (uint32_t)(offset / GADGET_BLOCK);
	g->lun->information_valid = true;
}

static uint64_t file_length(struct mcu *m)
{
	const struct gadget *g = mcu_state(m);

	return card_blocks(m, g->lun_number) * GADGET_BLOCK;
}

static uint64_t min_64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Whole blocks that hold `bytes` from `offset` on, which is that of a block. */
static bool file_read(struct mcu *m, uint64_t offset, uint32_t bytes, uint8_t *data)
{
	const struct gadget *g = mcu_state(m);

	return card_read(m, g->lun_number, offset / GADGET_BLOCK,
			 (bytes + GADGET_BLOCK - 1) / GADGET_BLOCK, data);
}

/* READ and WRITE: where they begin, unless the command block is refused. */
static bool first_lba(struct mcu *m, uint64_t *lba)
{
	struct gadget *g = mcu_state(m);

	switch (g->cb[0]) {
	case MSC_OP_READ_6:
	case MSC_OP_WRITE_6:
		*lba = msc_get_be24(g->cb + 1);
		break;
	case MSC_OP_READ_16:
	case MSC_OP_WRITE_16:
		*lba = msc_get_be64(g->cb + 2);
		break;
	default:
		*lba = msc_get_be32(g->cb + 2);
		break;
	}
	if (g->cb[0] != MSC_OP_READ_6 && g->cb[0] != MSC_OP_WRITE_6 && g->cb[1] & ~(DPO | FUA)) {
		gadget_refuse(g, GADGET_INVALID_FIELD);
		return false;
	}
	if (*lba >= card_blocks(m, g->lun_number)) {
		gadget_refuse(g, OUT_OF_RANGE);
		return false;
	}
	return true;
}

/* Only the first LBA is checked; the end of the medium is found out on the way. With nothing to
 * read, the buffer goes out as it is, with the length of whatever it last sent. */
int gadget_read(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	uint32_t left = g->command_size;
	uint64_t lba, offset;

	if (!first_lba(m, &lba))
		return REFUSED;
	if (left == 0)
		return REPLY_IS_SET;
	for (offset = lba * GADGET_BLOCK;;) {
		uint32_t n = (uint32_t)min_64(min_64(left, GADGET_BUFFER), file_length(m) - offset);
		struct gadget_buffer *b = &g->buffer[g->fill];

		if (!gadget_wait(m, b))
			return REPLY_IS_SET;
		if (n == 0) {
			fail_at(g, OUT_OF_RANGE, offset);
			b->in_len = 0;
			b->state = BUFFER_FULL;
			return REPLY_IS_SET;
		}
		b->in_len = file_read(m, offset, n, b->data) ? n : 0;
		b->state = BUFFER_FULL;
		if (g->exception)
			return REPLY_IS_SET;
		offset += b->in_len;
		left -= (uint32_t)b->in_len;
		g->residue -= (uint32_t)b->in_len;
		if (b->in_len < n) {
			fail_at(g, READ_ERROR, offset);
			return REPLY_IS_SET;
		}
		if (left == 0)
			return REPLY_IS_SET;
		b->zero = false;
		if (!gadget_start_in(m, b))
			return REPLY_IS_SET;
		g->fill ^= 1;
	}
}

struct writing {
	uint64_t asked, written; /* offsets: up to where data was asked for, and put down */
	uint32_t to_ask, to_write;
	bool more;
};

/* Asks for a buffer of data, if there is room in the buffers and on the medium. */
static bool ask_for_data(struct mcu *m, struct writing *w)
{
	struct gadget *g = mcu_state(m);
	uint32_t n = (uint32_t)min_64(w->to_ask, GADGET_BUFFER);

	if (w->asked >= file_length(m)) {
		w->more = false;
		fail_at(g, OUT_OF_RANGE, w->asked);
		return true;
	}
	w->asked += n;
	g->usb_left -= n;
	w->to_ask -= n;
	w->more = w->to_ask > 0;
	if (!gadget_start_out(m, &g->buffer[g->fill], n))
		return false;
	g->fill ^= 1;
	return true;
}

/* Whole blocks only, and none beyond the end; false: the medium refused. */
static bool put_down(struct mcu *m, struct writing *w, const struct gadget_buffer *b)
{
	struct gadget *g = mcu_state(m);
	uint64_t n = min_64(min_64(b->out_actual, file_length(m) - w->written), b->out_wanted);

	n -= n % GADGET_BLOCK;
	if (n && !card_write(m, g->lun_number, w->written / GADGET_BLOCK,
			     (uint32_t)(n / GADGET_BLOCK), b->data)) {
		fail_at(g, WRITE_ERROR, w->written);
		return false;
	}
	w->written += n;
	w->to_write -= (uint32_t)n;
	g->residue -= (uint32_t)n;
	return true;
}

/* A write that begins on the medium and ends beyond it, within one buffer, passes with a
 * residue. */
int gadget_write(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	struct writing w;
	uint64_t lba;

	if (g->lun->ro)
		return gadget_refuse(g, PROTECTED);
	if (!first_lba(m, &lba))
		return REFUSED;
	w = (struct writing){ lba * GADGET_BLOCK, lba * GADGET_BLOCK, g->command_size,
			      g->command_size, true };
	while (w.to_write > 0) {
		struct gadget_buffer *b = &g->buffer[g->drain];

		if (g->buffer[g->fill].state == BUFFER_EMPTY && w.more) {
			if (!ask_for_data(m, &w))
				return REPLY_IS_SET;
			continue;
		}
		if (b->state == BUFFER_EMPTY && !w.more)
			break;
		if (!gadget_wait(m, b))
			return REPLY_IS_SET;
		g->drain ^= 1;
		b->state = BUFFER_EMPTY;
		if (!put_down(m, &w, b) || g->exception)
			break;
		if (b->out_actual < b->out_wanted) {
			g->short_packet = true;
			break;
		}
	}
	return REPLY_IS_SET;
}

/* BYTCHK is not known; what cannot be read ends the command with sense data. */
int gadget_verify(struct mcu *m)
{
	struct gadget *g = mcu_state(m);
	uint64_t offset = (uint64_t)msc_get_be32(g->cb + 2) * GADGET_BLOCK;
	uint32_t left = (uint32_t)msc_get_be16(g->cb + 7) * GADGET_BLOCK;

	if (offset >= file_length(m))
		return gadget_refuse(g, OUT_OF_RANGE);
	if (g->cb[1] & ~DPO)
		return gadget_refuse(g, GADGET_INVALID_FIELD);
	if (left == 0)
		return REPLY_IS_SET;
	while (left > 0) {
		uint32_t n = (uint32_t)min_64(min_64(left, GADGET_BUFFER), file_length(m) - offset);

		if (n == 0 || !file_read(m, offset, n, g->buffer[g->fill].data)) {
			fail_at(g, n ? READ_ERROR : OUT_OF_RANGE, offset);
			break;
		}
		offset += n;
		left -= n;
	}
	return 0;
}
