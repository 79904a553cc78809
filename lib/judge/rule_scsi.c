/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of block commands and of what a unit says of its medium (SBC-3, and SPC-4 for the mode
 * pages). */
#include "judge/facts.h"

/* ---- READ CAPACITY(10) -------------------------------------------------------------------- */

static bool is_capacity(const struct msc_record *r, struct msc_capacity_10 *c)
{
	size_t len, asked;

	if (!msc_is_answer(r, MSC_OP_READ_CAPACITY_10, &len, &asked) || len < MSC_CAPACITY_10_LEN)
		return false;
	msc_capacity_10_unpack(c, r->u.exchange.data);
	return true;
}

static void capacity_zero(struct msc_judging *j, const struct msc_record *r)
{
	struct msc_capacity_10 c;

	if (!is_capacity(r, &c) || c.block_size)
		return;
	msc_found(j, "READ CAPACITY(10) passed with a block length of 0 and last block %u",
		  (unsigned)c.last_lba);
	msc_expected(j, "512, or status 01h");
	msc_actual(j, "0");
}

const struct msc_rule msc_rule_scsi_capacity_zero = {
	.id = "scsi.capacity.zero",
	.title = "the block length is not 0",
	.spec = "SBC-3, 5.15 READ CAPACITY (10)",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "Linux then assumes 512 bytes, other hosts divide by it",
	.mistake = "without a medium, or before the card is identified, an empty structure is sent "
		   "instead of status 01h with sense 2/3A",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_READ_CAPACITY_10),
	.judge = capacity_zero,
};

static bool is_length(uint32_t n)
{
	return n == 512 || n == 1024 || n == 2048 || n == 4096;
}

static void capacity_block(struct msc_judging *j, const struct msc_record *r)
{
	struct msc_capacity_10 c;

	if (!is_capacity(r, &c) || !c.block_size || is_length(c.block_size))
		return;
	msc_found(j, "the block length is %u%s", (unsigned)c.block_size,
		  is_length(msc_get_le32(r->u.exchange.data + 4)) ? ": its lowest byte comes first"
								  : "");
	msc_expected(j, "512, 1024, 2048 or 4096");
	msc_actual(j, "%u", (unsigned)c.block_size);
}

const struct msc_rule msc_rule_scsi_capacity_block = {
	.id = "scsi.capacity.block",
	.title = "the block length is 512, 1024, 2048 or 4096",
	.spec = "SBC-3, 5.15 READ CAPACITY (10)",
	.severity = {MSC_NOTE, MSC_WARN, MSC_FAIL},
	.why = "Linux takes a disk with any other for one without capacity, and no host mounts it",
	.mistake =
		"the bytes are in the processor's order, or a buffer is sent that was never filled",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_READ_CAPACITY_10),
	.judge = capacity_block,
};

static bool always(const uint8_t *cdb, const uint8_t *before)
{
	(void)cdb;
	(void)before;
	return true;
}

static void capacity_stable(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *before;
	struct msc_capacity_10 now, then;

	if (!is_capacity(r, &now))
		return;
	before = msc_earlier_answer(r, MSC_OP_READ_CAPACITY_10, always);
	if (!before || !is_capacity(before, &then) ||
	    (now.last_lba == then.last_lba && now.block_size == then.block_size))
		return;
	msc_found(j,
		  "the last block is %u of %u bytes, and was %u of %u bytes before, and no command "
		  "failed in between",
		  (unsigned)now.last_lba, (unsigned)now.block_size, (unsigned)then.last_lba,
		  (unsigned)then.block_size);
	msc_expected(j, "%u of %u", (unsigned)then.last_lba, (unsigned)then.block_size);
	msc_actual(j, "%u of %u", (unsigned)now.last_lba, (unsigned)now.block_size);
}

const struct msc_rule msc_rule_scsi_capacity_stable = {
	.id = "scsi.capacity.stable",
	.title = "the capacity changes only with a unit attention",
	.spec = "SBC-3, 5.15 READ CAPACITY (10); SAM-5, 5.14",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a host keeps the first answer and reads or writes past the end, or never to it",
	.mistake =
		"units share one variable, or the first answer comes before the card is identified",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_READ_CAPACITY_10),
	.judge = capacity_stable,
};

/* ---- READ and WRITE ----------------------------------------------------------------------- */

/* READ or WRITE whose data goes the way that the host expects. */
static bool moves_blocks(const struct msc_exchange *x)
{
	return x->view.moves_blocks && x->dir == x->view.def->dir;
}

/* Each is another comparison that is missing, or wrong. */
static const char *beyond(const struct msc_exchange *x)
{
	uint64_t lba = x->view.lba, last = x->unit.last_lba;

	return lba <= UINT32_MAX && lba + x->view.blocks > UINT32_MAX
		       ? ": the sum of address and length does not fit into 32 bits"
	       : lba <= last    ? ": they begin before the end and go beyond it"
	       : lba > last + 1 ? ": far beyond it"
				: "";
}

static void lba_range(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!msc_has_status(r, MSC_CSW_PASSED) || !moves_blocks(x) || !x->view.past_end)
		return;
	msc_found(j, "%llu block%s at %llu passed%s, and the last block is %llu%s",
		  (unsigned long long)x->view.blocks, MSC_PLURAL(x->view.blocks),
		  (unsigned long long)x->view.lba, x->data_len ? "" : " without data",
		  (unsigned long long)x->unit.last_lba, beyond(x));
	msc_expected(j, "01h, then sense 5/21/00");
	msc_actual(j, "00h");
}

const struct msc_rule msc_rule_scsi_lba_range = {
	.id = "scsi.lba.range",
	.title = "blocks past the end cannot be read or written",
	.spec = "SBC-3, 5.11 READ (10) and 5.33 WRITE (10)",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a write goes nowhere, or to another block; a host that looks for the true end of the "
	       "medium finds a wrong one",
	.mistake =
		"only the first block is compared, or first plus count overflows 32 bits, or the "
		"capacity is reported as a count",
	.on = MSC_RECORD_EXCHANGE,
	.judge = lba_range,
};

static void write_protect(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!msc_has_status(r, MSC_CSW_PASSED) || !moves_blocks(x) || x->dir != MSC_DIR_OUT ||
	    !x->unit.have_mode || !x->unit.write_protected || x->unit.device_type)
		return;
	msc_found(j, "a write passed, and MODE SENSE says that the medium is write-protected");
	msc_expected(j, "01h, then sense 7/27/00");
	msc_actual(j, "00h");
}

const struct msc_rule msc_rule_scsi_write_protect = {
	.id = "scsi.write.protect",
	.title = "a write to a write-protected medium fails",
	.spec = "SBC-2, 4.7 and 6.3.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "either the data is lost without a word, or the medium was not to be written",
	.mistake = "the switch is reported and not obeyed",
	.on = MSC_RECORD_EXCHANGE,
	.judge = write_protect,
};

/* ---- MODE SENSE(6) ------------------------------------------------------------------------ */

/* Mode data of at least `least` bytes; *claimed is the length that it gives itself. */
static bool is_mode(const struct msc_record *r, size_t least, size_t *len, size_t *asked,
		    size_t *claimed)
{
	if (!msc_is_answer(r, MSC_OP_MODE_SENSE_6, len, asked) || !*len || *len < least)
		return false;
	*claimed = 1u + r->u.exchange.data[0];
	return true;
}

static bool same_page(const uint8_t *cdb, const uint8_t *before)
{
	return cdb[1] == before[1] && cdb[2] == before[2] && cdb[3] == before[3];
}

static void mode_length(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *before;
	size_t len, asked, claimed;
	uint8_t now, then;

	if (!is_mode(r, 1, &len, &asked, &claimed))
		return;
	now = r->u.exchange.data[0];
	if (claimed < len || (len < asked && claimed != len)) {
		msc_found(j, "%zu byte%s came of the %zu asked for, and MODE DATA LENGTH is %u%s",
			  len, MSC_PLURAL(len), asked, now,
			  now == len      ? ": it counts itself"
			  : claimed < len ? " although more came"
					  : "");
		msc_expected(j, "%zu", len - 1);
		msc_actual(j, "%u", now);
		return;
	}
	before = msc_earlier_answer(r, MSC_OP_MODE_SENSE_6, same_page);
	if (!before || !before->u.exchange.view.answer_len)
		return;
	then = before->u.exchange.data[0];
	if (now == then)
		return;
	msc_found(j, "MODE DATA LENGTH is %u when %zu bytes are asked for, and was %u before", now,
		  asked, then);
	msc_expected(j, "the same again");
	msc_actual(j, "%u", now);
}

const struct msc_rule msc_rule_scsi_mode_length = {
	.id = "scsi.mode.length",
	.title = "MODE DATA LENGTH is the whole length less one, however much is asked for",
	.spec = "SPC-4, 7.5.5 and 4.2.5.6",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "macOS asks for four bytes first and takes the length of its second request from it",
	.mistake = "it is cut together with the data, or is the whole length",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_MODE_SENSE_6),
	.judge = mode_length,
};

static void mode_descriptor(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	size_t len, asked, claimed;
	uint8_t length;

	if (!is_mode(r, MSC_MODE_HEADER_6_LEN, &len, &asked, &claimed))
		return;
	length = x->data[3];
	if (length % 8 || (claimed >= len && MSC_MODE_HEADER_6_LEN + length > (int)claimed))
		msc_found(j, "BLOCK DESCRIPTOR LENGTH is %u of %zu bytes of mode data", length,
			  claimed);
	else if (length && msc_cdb_value(x->cbw.cb, "dbd"))
		msc_found(j,
			  "BLOCK DESCRIPTOR LENGTH is %u, and the host asked for no block "
			  "descriptors",
			  length);
	msc_expected(j, msc_cdb_value(x->cbw.cb, "dbd") ? "0" : "0 or 8");
	msc_actual(j, "%u", length);
}

const struct msc_rule msc_rule_scsi_mode_descriptor = {
	.id = "scsi.mode.descriptor",
	.title = "BLOCK DESCRIPTOR LENGTH is a multiple of eight that fits, and 0 with DBD",
	.spec = "SPC-4, 6.13 and 7.5.5",
	.severity = {MSC_FAIL, MSC_WARN, MSC_WARN},
	.why = "hosts skip that many bytes to find the caching page, and find something else",
	.mistake = "the byte counts descriptors, or belongs to MODE SENSE(10)",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_MODE_SENSE_6),
	.judge = mode_descriptor,
};

/* Walks the pages from p to end; false where a length leads nowhere. The vendor's page 0 need not
 * have the form of a page. */
static bool pages_are_whole(const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 2 && (p[0] & 0x3f)) {
		size_t size = 2u + p[1];

		if (p[0] & 0x40) {
			if (end - p < 4)
				return false;
			size = 4u + msc_get_be16(p + 2);
		}
		if (size > (size_t)(end - p))
			return false;
		p += size;
	}
	return p == end || (end - p >= 2 && !(p[0] & 0x3f));
}

static void mode_pages(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	size_t len, asked, claimed, begin;
	uint8_t page = (uint8_t)msc_cdb_value(x->cbw.cb, "page");

	if (!is_mode(r, MSC_MODE_HEADER_6_LEN, &len, &asked, &claimed) || claimed != len || !page)
		return;
	begin = MSC_MODE_HEADER_6_LEN + (size_t)x->data[3];
	if (begin >= len)
		return;
	if (page != 0x3f && (x->data[begin] & 0x3f) != page) {
		msc_found(j, "page %02Xh was asked for and page %02Xh came", page,
			  x->data[begin] & 0x3f);
		msc_expected(j, "%02Xh", page);
		msc_actual(j, "%02Xh", x->data[begin] & 0x3f);
	} else if (!pages_are_whole(x->data + begin, x->data + len)) {
		msc_found(j,
			  "the mode pages do not end with the mode data: a PAGE LENGTH is wrong");
		msc_expected(j, "pages of %zu bytes in all", len - begin);
	}
}

const struct msc_rule msc_rule_scsi_mode_pages = {
	.id = "scsi.mode.pages",
	.title = "the mode pages are those asked for and fill the mode data",
	.spec = "SPC-4, 6.13 and 7.5",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "Linux looks for the caching page in them and reads past their end",
	.mistake = "PAGE LENGTH is the whole length of the page, with its first two bytes",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_MODE_SENSE_6),
	.judge = mode_pages,
};
