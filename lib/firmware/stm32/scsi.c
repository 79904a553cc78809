/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of `stm32`: those that ST's mass-storage class has, one unit, a card that stays.
 *
 * Promises: nothing is transferred when a command fails its checks; LBA checks cannot wrap; a
 * length field in an answer never depends on the allocation length.
 */
#include <string.h>

#include "base/err.h"
#include "firmware/stm32/stm32.h"

#define INVALID_OPCODE	     MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x20, 0x00)
#define LBA_OUT_OF_RANGE     MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x21, 0x00)
#define INVALID_FIELD	     MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x24, 0x00)
#define LUN_NOT_SUPPORTED    MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x25, 0x00)
#define SAVING_NOT_SUPPORTED MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x39, 0x00)
#define WRITE_PROTECTED	     MSC_SENSE_CODE(MSC_SENSE_DATA_PROTECT, 0x27, 0x00)
#define MEDIUM_CHANGED	     MSC_SENSE_CODE(MSC_SENSE_UNIT_ATTENTION, 0x28, 0x00)

#define NO_SUCH_UNIT 0x7f /* SPC-2, 7.3.2 */
#define ALL_PAGES    0x3f

void stm32_fail(struct stm32 *s, uint32_t sense)
{
	s->sense = sense;
	s->job.failed = true;
}

/* Answers with the first len bytes of the reply, or as many as the host allocated. */
static void answer(struct stm32 *s, size_t len, size_t allocation)
{
	s->job.dir = DIR_IN;
	s->job.length = len < allocation ? len : allocation;
}

/* -- what the unit is ------------------------------------------------------------------------ */

static void vital_product_data(struct stm32 *s, uint8_t page, size_t allocation)
{
	static const char serial[] = "066DFF535051717867";
	uint8_t *out = s->job.reply;
	size_t len = 2;

	out[1] = page;
	if (page == 0x00) { /* SPC-2, 8.4.1: which there are */
		out[5] = 0x80;
	} else if (page == 0x80) { /* 8.4.5: unit serial number */
		len = sizeof serial - 1;
		memcpy(out + 4, serial, len);
	} else {
		stm32_fail(s, INVALID_FIELD);
		return;
	}
	out[3] = (uint8_t)len;
	answer(s, 4 + len, allocation);
}

static void inquiry(struct mcu *m, const uint8_t *cb)
{
	struct stm32 *s = mcu_state(m);
	struct msc_inquiry_header h = { .removable = MSC_INQUIRY_RMB,
					.version = 0x02, /* SCSI-2 */
					.format = 2,
					.additional = MSC_INQUIRY_LEN - 5 };
	size_t allocation = msc_get_be16(cb + 3);

	if (s->cbw.h.lun) {
		h.peripheral = NO_SUCH_UNIT;
	} else if (cb[1] & 0x01) {
		vital_product_data(s, cb[2], allocation);
		return;
	}
	if (cb[1] & 0x02 || cb[2]) {
		stm32_fail(s, INVALID_FIELD);
		return;
	}
	msc_inquiry_header_pack(s->job.reply, &h);
	memcpy(s->job.reply + 8, "STM     SD Card Reader  0.01", 28);
	answer(s, MSC_INQUIRY_LEN, allocation);
}

/* SPC-2, 7.20: reading the sense data ends it. */
static void request_sense(struct mcu *m, const uint8_t *cb)
{
	struct stm32 *s = mcu_state(m);
	uint32_t sense = s->cbw.h.lun ? LUN_NOT_SUPPORTED : s->sense;
	const struct msc_sense d = { .response = 0x70,
				     .key = (uint8_t)(sense >> 16),
				     .additional = MSC_SENSE_LEN - 8,
				     .asc = (uint8_t)(sense >> 8),
				     .ascq = (uint8_t)sense };

	msc_sense_pack(s->job.reply, &d);
	s->sense = 0;
	answer(s, MSC_SENSE_LEN, cb[4]);
}

/* READ CAPACITY(10) and READ(10) know no more. */
static uint32_t clamp_32(uint64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* SBC-2, 5.10: the last block, not how many. */
static void read_capacity(struct mcu *m, const uint8_t *cb)
{
	struct stm32 *s = mcu_state(m);
	const struct msc_capacity_10 c = { .last_lba = clamp_32(card_blocks(m, 0) - 1),
					   .block_size = BLOCK };

	if (!(cb[8] & 0x01) && msc_get_be32(cb + 2)) {
		stm32_fail(s, INVALID_FIELD);
		return;
	}
	msc_capacity_10_pack(s->job.reply, &c);
	answer(s, MSC_CAPACITY_10_LEN, MSC_CAPACITY_10_LEN);
}

/* UFI 1.0, 4.10: how many, and formatted. */
static void read_format_capacities(struct mcu *m, const uint8_t *cb)
{
	struct stm32 *s = mcu_state(m);
	uint8_t *out = s->job.reply;

	out[3] = 8; /* bytes that follow */
	msc_put_be32(out + 4, clamp_32(card_blocks(m, 0)));
	out[8] = 0x02;
	msc_put_be24(out + 9, BLOCK);
	answer(s, 12, msc_get_be16(cb + 7));
}

/* SPC-2, 7.8: a header of either size, no block descriptor, and the one page. */
static void mode_sense(struct mcu *m, const uint8_t *cb, size_t header, size_t allocation)
{
	static const uint8_t caching[20] = { 0x08, 18 }; /* SBC-2, 6.3.3: nothing is cached */
	struct stm32 *s = mcu_state(m);
	uint8_t page = cb[2] & 0x3f;
	uint8_t protect = card_read_only(m, 0) ? MSC_MODE_WP : 0;
	size_t len = header;

	if (page == ALL_PAGES || page == caching[0]) {
		memcpy(s->job.reply + len, caching, sizeof caching);
		len += sizeof caching;
	}
	if (cb[3] || (len == header && page)) {
		stm32_fail(s, INVALID_FIELD);
		return;
	}
	if (cb[2] >> 6 == MSC_MODE_PAGE_SAVED) {
		stm32_fail(s, SAVING_NOT_SUPPORTED);
		return;
	}
	if (header == MSC_MODE_HEADER_6_LEN) {
		s->job.reply[0] = (uint8_t)(len - 1);
		s->job.reply[2] = protect;
	} else {
		msc_put_be16(s->job.reply, (uint16_t)(len - 2));
		s->job.reply[3] = protect;
	}
	answer(s, len, allocation);
}

static void mode_sense_6(struct mcu *m, const uint8_t *cb)
{
	mode_sense(m, cb, 4, cb[4]);
}

static void mode_sense_10(struct mcu *m, const uint8_t *cb)
{
	mode_sense(m, cb, 8, msc_get_be16(cb + 7));
}

/* -- blocks ---------------------------------------------------------------------------------- */

/* Direction and length come from the command block alone, before anything can fail: the wrapper's
 * half compares them with what the host expects. */
static bool blocks(struct mcu *m, const uint8_t *cb)
{
	struct stm32 *s = mcu_state(m);
	uint64_t total = card_blocks(m, 0), n = msc_get_be16(cb + 7);

	s->job.medium = true;
	s->job.lba = msc_get_be32(cb + 2);
	s->job.length = n * BLOCK;
	if (s->job.lba < total && n <= total - s->job.lba)
		return true;
	stm32_fail(s, LBA_OUT_OF_RANGE);
	return false;
}

static void read_10(struct mcu *m, const uint8_t *cb)
{
	struct stm32 *s = mcu_state(m);

	s->job.dir = DIR_IN;
	blocks(m, cb);
}

static void write_10(struct mcu *m, const uint8_t *cb)
{
	struct stm32 *s = mcu_state(m);

	s->job.dir = DIR_OUT;
	if (blocks(m, cb) && card_read_only(m, 0))
		stm32_fail(s, WRITE_PROTECTED);
}

/* The range is checked, the card is not read; comparing with the host's data is not offered. */
static void verify_10(struct mcu *m, const uint8_t *cb)
{
	struct stm32 *s = mcu_state(m);

	if (cb[1] & MSC_VERIFY_BYTCHK)
		stm32_fail(s, INVALID_FIELD);
	else
		blocks(m, cb);
	s->job.length = 0;
}

/* No motor moves the card: SBC-2, 5.17. */
static void start_stop(struct mcu *m, const uint8_t *cb)
{
	if (cb[4] & MSC_START_LOEJ)
		stm32_fail(mcu_state(m), INVALID_FIELD);
}

/* Whether the card is there was looked at before; nothing locks it. */
static void nothing(struct mcu *m, const uint8_t *cb)
{
	(void)m, (void)cb;
}

/* -- the commands ---------------------------------------------------------------------------- */

static const struct command {
	uint8_t opcode, length; /* of the CDB */
	bool any_unit;		/* answers for units that do not exist: SPC-2, 7.3 and 7.20 */
	bool any_card;		/* and without a card */
	void (*run)(struct mcu *, const uint8_t *cb);
} commands[] = {
	{MSC_OP_TEST_UNIT_READY, 6, false, false, nothing},
	{MSC_OP_REQUEST_SENSE, 6, true, true, request_sense},
	{MSC_OP_INQUIRY, 6, true, true, inquiry},
	{MSC_OP_MODE_SENSE_6, 6, false, true, mode_sense_6},
	{MSC_OP_START_STOP_UNIT, 6, false, true, start_stop},
	{MSC_OP_PREVENT_ALLOW, 6, false, true, nothing},
	{MSC_OP_READ_FORMAT_CAPACITIES, 10, false, false, read_format_capacities},
	{MSC_OP_READ_CAPACITY_10, 10, false, false, read_capacity},
	{MSC_OP_READ_10, 10, false, false, read_10},
	{MSC_OP_WRITE_10, 10, false, false, write_10},
	{MSC_OP_VERIFY_10, 10, false, false, verify_10},
	{MSC_OP_MODE_SENSE_10, 10, false, true, mode_sense_10},
};

static const struct command *find(uint8_t opcode)
{
	for (size_t i = 0; i < MSC_COUNT(commands); i++)
		if (commands[i].opcode == opcode)
			return &commands[i];
	return NULL;
}

/* What a READ or WRITE means it means also when it cannot run: the wrapper's half asks. */
static void fail_but_mean(struct mcu *m, const struct command *c, const uint8_t *cb, uint32_t sense)
{
	if (c->run == read_10 || c->run == write_10)
		c->run(m, cb);
	stm32_fail(mcu_state(m), sense);
}

void stm32_command(struct mcu *m, uint8_t lun, const uint8_t cb[MSC_CBW_CB_MAX], uint8_t cb_length)
{
	struct stm32 *s = mcu_state(m);
	const struct command *c = find(cb[0]);

	s->job = (struct stm32_job){ .dir = DIR_NONE };
	s->changed = false;
	if (!c || c->run != request_sense)
		s->sense = 0; /* SPC-2, 7.20: kept until another command */
	if (!c)
		stm32_fail(s, INVALID_OPCODE);
	else if (cb_length < c->length)
		stm32_fail(s, INVALID_FIELD); /* the rest of the CDB never came */
	else if (lun && !c->any_unit)
		stm32_fail(s, LUN_NOT_SUPPORTED);
	else if (!c->any_unit && s->new_card) {
		fail_but_mean(m, c, cb, MEDIUM_CHANGED);
		s->new_card = false;
	} else if (!c->any_card && !card_present(m, 0))
		fail_but_mean(m, c, cb, MEDIUM_NOT_PRESENT);
	else
		c->run(m, cb);
}
