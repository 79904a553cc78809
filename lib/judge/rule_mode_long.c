/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of MODE SENSE(10), and of its agreement with MODE SENSE(6) (SPC-4, 6.13, 6.14, 7.5). */
#include <string.h>

#include "judge/facts.h"

#define HEADER_10 8

static bool same_page(const uint8_t *cdb, const uint8_t *before)
{
	return (cdb[1] & 0x08) == (before[1] & 0x08) && cdb[2] == before[2] && cdb[3] == before[3];
}

static void length(struct msc_judging *j, const struct msc_record *r)
{
	const uint8_t *d = r->u.exchange.data;
	const struct msc_record *before;
	size_t len, asked, claimed;

	if (!msc_is_answer(r, MSC_OP_MODE_SENSE_10, &len, &asked))
		return;
	if (asked >= HEADER_10 && len < HEADER_10) {
		msc_found(j, "%zu byte%s came of the %zu asked for%s", len, MSC_PLURAL(len), asked,
			  asked > UINT8_MAX && len == (uint8_t)asked
				  ? ": as many as the low byte of ALLOCATION LENGTH says"
				  : "");
		msc_expected(j, "at least %d", HEADER_10);
		msc_actual(j, "%zu", len);
		return;
	}
	if (len < 2)
		return;
	claimed = 2u + msc_get_be16(d);
	before = msc_earlier_answer(r, MSC_OP_MODE_SENSE_10, same_page);
	if (claimed < len || (len < asked && claimed != len)) {
		if (len < asked && 1u + d[0] == len) {
			msc_found(
				j,
				"%zu bytes came of the %zu asked for, and byte 0 says so as in MODE "
				"SENSE(6): MODE DATA LENGTH is %zu",
				len, asked, claimed - 2);
		} else {
			msc_found(
				j,
				"%zu byte%s came of the %zu asked for, and MODE DATA LENGTH is %zu%s",
				len, MSC_PLURAL(len), asked, claimed - 2,
				2u + msc_get_le16(d) == len ? ": its lowest byte comes first"
				: claimed == len + 2        ? ": it counts itself"
				: claimed < len             ? " although more came"
							    : "");
		}
		msc_expected(j, "%zu", len - 2);
		msc_actual(j, "%zu", claimed - 2);
	} else if (before && before->u.exchange.view.answer_len >= 2 &&
		   msc_get_be16(before->u.exchange.data) != msc_get_be16(d)) {
		msc_found(j,
			  "MODE DATA LENGTH is %zu when %zu bytes are asked for, and was %u "
			  "before",
			  claimed - 2, asked, msc_get_be16(before->u.exchange.data));
		msc_expected(j, "%u", msc_get_be16(before->u.exchange.data));
		msc_actual(j, "%zu", claimed - 2);
	}
}

const struct msc_rule msc_rule_scsi_mode_long = {
	.id = "scsi.mode.long",
	.title = "MODE SENSE(10) obeys an allocation length of two bytes and says its whole length",
	.spec = "SPC-4, 6.14 and 7.5.5",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "FreeBSD and hosts of disks that are not plain ones ask with this command only",
	.mistake = "only the low byte of the allocation length is read, or the header is that of "
		   "MODE SENSE(6)",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_MODE_SENSE_10),
	.judge = length,
};

struct mode {
	bool protect;
	const uint8_t *pages;
	size_t len;
};

/* Mode data that is all there. */
static bool is_mode(const struct msc_record *r, uint8_t opcode, struct mode *out)
{
	const uint8_t *d = r->u.exchange.data;
	size_t len, asked, claimed, header;

	if (!msc_is_answer(r, opcode, &len, &asked))
		return false;
	header = opcode == MSC_OP_MODE_SENSE_6 ? MSC_MODE_HEADER_6_LEN : HEADER_10;
	if (len < header)
		return false;
	if (opcode == MSC_OP_MODE_SENSE_6) {
		claimed = 1u + d[0];
		header += d[3];
		out->protect = d[2] & MSC_MODE_WP;
	} else {
		claimed = 2u + msc_get_be16(d);
		header += msc_get_be16(d + 6);
		out->protect = d[3] & MSC_MODE_WP;
	}
	if (claimed != len || header > len)
		return false;
	out->pages = d + header;
	out->len = len - header;
	return true;
}

static void agree(struct msc_judging *j, const struct msc_record *r)
{
	struct mode now = { 0 }, then = { 0 };
	uint8_t other;
	const struct msc_record *before;

	if (is_mode(r, MSC_OP_MODE_SENSE_10, &now))
		other = MSC_OP_MODE_SENSE_6;
	else if (is_mode(r, MSC_OP_MODE_SENSE_6, &now))
		other = MSC_OP_MODE_SENSE_10;
	else
		return;
	before = msc_earlier_answer(r, other, same_page);
	if (!before || !is_mode(before, other, &then))
		return;
	if (now.protect != then.protect) {
		msc_found(j, "the WP bit is not the same in MODE SENSE(6) and MODE SENSE(10)");
		msc_expected(j, "%d in both", then.protect);
		msc_actual(j, "%d in the second", now.protect);
	} else if (now.len != then.len || memcmp(now.pages, then.pages, now.len) != 0) {
		msc_found(j, "the mode pages are not the same in MODE SENSE(6) and MODE SENSE(10)");
		msc_expected(j, "the same %zu byte%s", then.len, MSC_PLURAL(then.len));
		msc_actual(j, "%zu byte%s", now.len, MSC_PLURAL(now.len));
	}
}

const struct msc_rule msc_rule_scsi_mode_agree = {
	.id = "scsi.mode.agree",
	.title = "MODE SENSE(6) and MODE SENSE(10) say the same",
	.spec = "SPC-4, 6.13 and 6.14",
	.severity = {MSC_FAIL, MSC_WARN, MSC_FAIL},
	.why = "each host asks with one of them: a medium is write-protected for one and not for the "
	       "other",
	.mistake = "one of the two is a constant",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_MODE_SENSE_6, MSC_OP_MODE_SENSE_10),
	.judge = agree,
};

/* -- the header's DPOFUA ----------------------------------------------------------------------- */

enum { DPO_FUA = 0x18, PROTECT = 0xe0 }; /* the bits: of byte 1 */

static void dpofua(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *failed;
	const struct msc_exchange *x;
	struct msc_sense_data sense;
	char name[48];

	failed = msc_explained(r, &sense);
	if (!failed || sense.key != MSC_SENSE_ILLEGAL_REQUEST || sense.asc != MSC_ASC_INVALID_FIELD)
		return;
	x = &failed->u.exchange;
	if (!x->unit.dpofua || !x->view.moves_blocks || x->cbw.cb[0] == MSC_OP_READ_6 ||
	    x->cbw.cb[0] == MSC_OP_WRITE_6 || !(x->cbw.cb[1] & DPO_FUA) || x->cbw.cb[1] & PROTECT)
		return;
	msc_about(j, failed);
	msc_found(j, "MODE SENSE says that DPO and FUA are supported, and %s with %s is refused",
		  msc_cdb_name(name, sizeof name, x->cbw.cb), x->cbw.cb[1] & 0x08 ? "FUA" : "DPO");
	msc_expected(j, "00h, or DPOFUA 0 in MODE SENSE");
	msc_actual(j, "%x/%02X/%02X", sense.key, sense.asc, sense.ascq);
}

const struct msc_rule msc_rule_scsi_mode_dpofua = {
	.id = "scsi.mode.dpofua",
	.title = "a device that says it supports DPO and FUA carries out commands with them",
	.spec = "SBC-2, 6.3.1; SBC-3, 5.11 READ (10) and 5.33 WRITE (10)",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "hosts set FUA in the writes that must not be lost, and every one of them fails",
	.mistake = "the mode header is that of another disk, or the bits are refused as reserved",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = dpofua,
};
