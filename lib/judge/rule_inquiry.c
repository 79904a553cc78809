/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of standard INQUIRY data (SPC-4, 6.6). */
#include "judge/facts.h"

static bool is_standard(const uint8_t *cdb)
{
	return cdb[0] == MSC_OP_INQUIRY && !(cdb[1] & 0x03) && !cdb[2];
}

/* Standard INQUIRY data of at least `least` bytes. */
static bool is_data(const struct msc_record *r, size_t least, size_t *len, size_t *asked)
{
	return msc_is_answer(r, MSC_OP_INQUIRY, len, asked) && is_standard(r->u.exchange.cbw.cb) &&
	       *len >= least;
}

static void status(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!msc_has_status(r, MSC_CSW_FAILED) || !is_standard(x->cbw.cb) ||
	    r->u.exchange.view.says.c.phase_error_possible)
		return;
	msc_found(j, "INQUIRY failed");
	msc_expected(j, "00h");
	msc_actual(j, "01h");
}

const struct msc_rule msc_rule_scsi_inquiry_status = {
	.id = "scsi.inquiry.status",
	.title = "INQUIRY succeeds, whatever the state of the unit",
	.spec = "SPC-4, 6.6.1; TD1.18",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "it is the first command of every host; without it there is no device",
	.mistake = "a pending unit attention or a missing medium fails every command alike",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_INQUIRY),
	.judge = status,
};

static void length(struct msc_judging *j, const struct msc_record *r)
{
	size_t len, asked;

	if (!is_data(r, 0, &len, &asked) || asked < MSC_INQUIRY_LEN || len >= MSC_INQUIRY_LEN)
		return;
	msc_found(j, "INQUIRY could have given %zu byte%s and gave %zu", asked, MSC_PLURAL(asked),
		  len);
	msc_expected(j, "at least %d", MSC_INQUIRY_LEN);
	msc_actual(j, "%zu", len);
}

const struct msc_rule msc_rule_scsi_inquiry_length = {
	.id = "scsi.inquiry.length",
	.title = "standard INQUIRY data is at least 36 bytes",
	.spec = "SPC-4, 6.6.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts ask for exactly 36 and take vendor, product and revision from them",
	.mistake = "the structure ends with the product name",
	.fact = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_INQUIRY),
	.judge = length,
};

static bool always(const uint8_t *cdb, const uint8_t *before)
{
	return is_standard(cdb) && is_standard(before);
}

static void additional(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *before;
	const uint8_t *d = r->u.exchange.data;
	size_t len, asked, claimed;

	if (!is_data(r, 5, &len, &asked))
		return;
	claimed = 5u + d[4];
	before = msc_earlier_answer(r, MSC_OP_INQUIRY, always);
	if (claimed < len || (len < asked && claimed != len)) {
		msc_found(j, "%zu byte%s came of the %zu asked for, and ADDITIONAL LENGTH is %u%s",
			  len, MSC_PLURAL(len), asked, d[4],
			  d[4] == len ? ": that is the whole length, and it counts what follows it"
			  : claimed < len ? " although more came"
					  : "");
		msc_expected(j, "%zu", len - 5);
		msc_actual(j, "%u", d[4]);
	} else if (before && before->u.exchange.view.answer_len >= 5 &&
		   before->u.exchange.data[4] != d[4]) {
		msc_found(j,
			  "ADDITIONAL LENGTH is %u when %zu bytes are asked for, and was %u before",
			  d[4], asked, before->u.exchange.data[4]);
		msc_expected(j, "%u", before->u.exchange.data[4]);
		msc_actual(j, "%u", d[4]);
	}
}

const struct msc_rule msc_rule_scsi_inquiry_additional = {
	.id = "scsi.inquiry.additional",
	.title = "ADDITIONAL LENGTH is the whole length less five, however much is asked for",
	.spec = "SPC-4, 6.6.2 and 4.2.5.6",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "a host that asks for five bytes first takes the length of its second request from it",
	.mistake = "it is cut together with the data, or is the whole length",
	.fact = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_INQUIRY),
	.judge = additional,
};

static void format(struct msc_judging *j, const struct msc_record *r)
{
	size_t len, asked;
	uint8_t value;

	if (!is_data(r, 4, &len, &asked))
		return;
	value = r->u.exchange.data[3] & 0x0f;
	if (value == 2)
		return;
	msc_found(j, "RESPONSE DATA FORMAT is %u", value);
	msc_expected(j, "2");
	msc_actual(j, "%u", value);
}

const struct msc_rule msc_rule_scsi_inquiry_format = {
	.id = "scsi.inquiry.format",
	.title = "RESPONSE DATA FORMAT is 2",
	.spec = "SPC-4, 6.6.2",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "lower values announce data that predates SCSI-2; hosts read it all the same",
	.mistake = "the byte was copied from an old device, as 0 or 1",
	.fact = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_INQUIRY),
	.judge = format,
};

static void strings(struct msc_judging *j, const struct msc_record *r)
{
	const uint8_t *d = r->u.exchange.data;
	size_t len, asked;

	if (!is_data(r, MSC_INQUIRY_LEN, &len, &asked))
		return;
	for (size_t i = MSC_INQUIRY_HEADER_LEN; i < MSC_INQUIRY_LEN; i++) {
		if (d[i] >= 0x20 && d[i] < 0x7f)
			continue;
		msc_found(j, "byte %zu of the INQUIRY data, in the %s, is %02Xh", i,
			  i < 16   ? "vendor"
			  : i < 32 ? "product"
				   : "revision",
			  d[i]);
		msc_expected(j, "20h to 7Eh");
		msc_actual(j, "%02Xh", d[i]);
		return;
	}
}

const struct msc_rule msc_rule_scsi_inquiry_strings = {
	.id = "scsi.inquiry.strings",
	.title = "vendor, product and revision are ASCII, filled up with spaces",
	.spec = "SPC-4, 6.6.2 and 4.3.1",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "hosts make names and driver matches of them; a zero byte cuts or garbles them",
	.mistake = "C strings are copied with their terminating zero",
	.fact = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_INQUIRY),
	.judge = strings,
};

/* A unit beyond the first that Get Max LUN counts, and INQUIRY, which needs no medium, ended without a CSW. */
static bool is_absent(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	return x->plain && x->cbw.h.lun && x->max_lun <= MSC_LUN_MAX &&
	       x->cbw.h.lun <= x->max_lun && x->dir == MSC_DIR_IN && !(x->cbw.cb[1] & 0x03) &&
	       x->view.after != MSC_AFTER_RESET && x->view.stuck;
}

static void type(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	bool absent = is_absent(r);
	size_t len, asked;

	if (!absent && (!is_data(r, 1, &len, &asked) || x->data[0] != 0x7f))
		return;
	msc_found(j, "Get Max LUN says that logical unit %u exists, and INQUIRY that it does not",
		  x->cbw.h.lun);
	msc_expected(j, "00h for a disk");
	msc_actual(j, "%s", absent ? "no CSW" : "7Fh");
}

const struct msc_rule msc_rule_scsi_inquiry_type = {
	.id = "scsi.inquiry.type",
	.title = "a unit up to the maximum LUN says that it exists",
	.spec = "SPC-4, 6.6.2; BOT 1.0, 3.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the unit is not shown",
	.mistake =
		"Get Max LUN is the number of units, not the last one; or an empty slot is reported like "
		"a unit that is not there",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_INQUIRY),
	.judge = type,
};
