/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of status transport: the thirteen bytes of the CSW and how they come (BOT 1.0, 5.2, 5.3.3
 * and 6.3). */
#include "judge/facts.h"

static void length(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!r->u.exchange.command || r->u.exchange.view.came != MSC_CAME_BROKEN)
		return;
	msc_found(j, "the CSW has %zu byte%s, which is too %s", x->status_len,
		  MSC_PLURAL(x->status_len), x->status_len < MSC_CSW_LEN ? "few" : "many");
	msc_expected(j, "%d", MSC_CSW_LEN);
	msc_actual(j, "%zu", x->status_len);
}

const struct msc_rule msc_rule_bot_csw_length = {
	.id = "bot.csw.length",
	.title = "a CSW is exactly 13 bytes",
	.spec = "BOT 1.0, 5.2 and 6.3.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "every host takes another length for a lost thread and resets the device",
	.mistake = "sizeof of a struct with padding, or a whole packet buffer, is sent",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = length,
};

static void signature(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!r->u.exchange.command || !x->have_csw || x->csw.signature == MSC_CSW_SIGNATURE)
		return;
	msc_found(j, "dCSWSignature is %08Xh", (unsigned)x->csw.signature);
	msc_expected(j, "%08Xh", (unsigned)MSC_CSW_SIGNATURE);
	msc_actual(j, "%08Xh", (unsigned)x->csw.signature);
}

const struct msc_rule msc_rule_bot_csw_signature = {
	.id = "bot.csw.signature",
	.title = "dCSWSignature is 53425355h",
	.spec = "BOT 1.0, 5.2 and 6.3.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "Windows and macOS reset the device; Linux learns a wrong signature from the first "
	       "CSW and so hides the mistake",
	.mistake = "the signature of the CBW is copied, or the bytes are in big-endian order",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = signature,
};

/* 13 bytes that are a CSW by their signature. */
static bool has_csw(const struct msc_record *r)
{
	return r->u.exchange.command && r->u.exchange.have_csw &&
	       r->u.exchange.csw.signature == MSC_CSW_SIGNATURE;
}

/* Where the wrong tag comes from, where it can be told. */
static const char *tag_story(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_record *before = r->past.exchange;

	if (x->csw.tag == __builtin_bswap32(x->cbw.h.tag))
		return ": its highest byte comes first";
	if (before && x->csw.tag == before->u.exchange.cbw.h.tag)
		return ": it is that of the command before";
	if (x->csw.tag == (x->cbw.h.tag & 0xffff))
		return ": it is the lower half alone";
	return "";
}

static void tag(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!has_csw(r) || x->csw.tag == x->cbw.h.tag)
		return;
	msc_found(j, "dCSWTag is %08Xh, dCBWTag was %08Xh%s", (unsigned)x->csw.tag,
		  (unsigned)x->cbw.h.tag, tag_story(r));
	msc_expected(j, "%08Xh", (unsigned)x->cbw.h.tag);
	msc_actual(j, "%08Xh", (unsigned)x->csw.tag);
}

const struct msc_rule msc_rule_bot_csw_tag = {
	.id = "bot.csw.tag",
	.title = "the CSW repeats the tag of its CBW",
	.spec = "BOT 1.0, 5.2 and 6.3.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "with a wrong tag a host cannot tell the status of this command from a late one, and "
	       "resets the device; Linux needs a quirk for such devices",
	.mistake =
		"the tag is kept from an earlier command, byte-swapped, or counted by the device",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = tag,
};

static void status(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!has_csw(r) || !msc_csw_is_valid(x) || x->csw.status <= MSC_CSW_PHASE_ERROR)
		return;
	msc_found(j, "bCSWStatus is %02Xh, which is reserved or obsolete", x->csw.status);
	msc_expected(j, "00h, 01h or 02h");
	msc_actual(j, "%02Xh", x->csw.status);
}

const struct msc_rule msc_rule_bot_csw_status = {
	.id = "bot.csw.status",
	.title = "bCSWStatus is 00h, 01h or 02h",
	.spec = "BOT 1.0, 5.2, table 5.3; assertion 5.3.4 of the compliance tests",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a CSW with another status is not meaningful: hosts fail the command or reset",
	.mistake = "the SCSI status (02h CHECK CONDITION, 08h BUSY) or a sense key is put there",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = status,
};

/* The length of an answer, as short as those that lists have, or that of all blocks was taken off the less that the
 * host asked for. */
static bool is_of_whole_answer(const struct msc_exchange *x)
{
	uint32_t has = x->cbw.h.length - x->csw.residue;

	if (!x->view.def || has <= x->cbw.h.length)
		return false;
	if (x->view.def->amount == MSC_AMOUNT_BLOCKS)
		return x->unit.block_size && has == x->view.blocks * x->unit.block_size;
	return x->view.def->dir == MSC_DIR_IN && has <= UINT8_MAX;
}

/* How a number that is too large came about, where it can be told. */
static const char *residue_story(const struct msc_exchange *x)
{
	uint32_t residue = x->csw.residue;

	if (x->data_len && residue == 0 - (uint32_t)x->data_len)
		return ": what was moved is taken off 0";
	/* -65536 turned round is 65535: only the number that is due tells it, and -1 is the same either way round. */
	if (x->data_len <= x->cbw.h.length &&
	    __builtin_bswap32(residue) == x->cbw.h.length - (uint32_t)x->data_len)
		return ": its highest byte comes first";
	if (is_of_whole_answer(x))
		return ": the length of more than that was taken off";
	return residue > INT32_MAX ? ": it went below 0" : "";
}

static void residue(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!has_csw(r) || !msc_csw_is_valid(x) || x->csw.status > MSC_CSW_FAILED ||
	    x->csw.residue <= x->cbw.h.length)
		return;
	msc_found(j, "dCSWDataResidue is %u, more than dCBWDataTransferLength, %u%s",
		  (unsigned)x->csw.residue, (unsigned)x->cbw.h.length, residue_story(x));
	msc_expected(j, "at most %u", (unsigned)x->cbw.h.length);
	msc_actual(j, "%u", (unsigned)x->csw.residue);
}

const struct msc_rule msc_rule_bot_csw_residue = {
	.id = "bot.csw.residue",
	.title = "dCSWDataResidue is not above dCBWDataTransferLength",
	.spec = "BOT 1.0, 6.3.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the CSW is not meaningful; some hosts reset, Linux clamps the value and hides it",
	.mistake = "an unsigned subtraction goes below zero: the device's own length is taken from "
		   "the host's smaller one",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = residue,
};

static void merged(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!r->u.exchange.command ||
	    (!x->csw_in_data && r->u.exchange.view.brought != MSC_BROUGHT_CSW))
		return;
	msc_found(j,
		  "the CSW arrived in the data transfer, after %zu of %u bytes: nothing had "
		  "ended the data",
		  x->data_len - (x->csw_in_data ? 0 : MSC_CSW_LEN), (unsigned)x->cbw.h.length);
	msc_expected(j, "a STALL or a short packet, then the CSW");
	msc_actual(j, "the CSW as data");
}

const struct msc_rule msc_rule_bot_csw_merged = {
	.id = "bot.csw.merged",
	.title = "the CSW does not arrive as data",
	.spec = "BOT 1.0, 6.7.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the host hands the CSW to the file system as data, then waits for a CSW that never "
	       "comes; Linux looks for this and forgives it, others reset",
	.mistake = "data shorter than the host asked for ends on a full packet, with no STALL, no "
		   "padding and no zero-length packet to end it",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = merged,
};

static void zlp(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	for (size_t i = 0; r->u.exchange.command && i < x->n_steps; i++) {
		const struct msc_step *s = &x->steps[i];

		if (s->kind != MSC_STEP_CSW || s->outcome != MSC_OUT_DONE || s->actual)
			continue;
		msc_found(j,
			  "a zero-length packet came where the CSW belongs, after %zu byte%s of "
			  "data",
			  x->data_len, MSC_PLURAL(x->data_len));
		msc_expected(j, "13 bytes");
		msc_actual(j, "0 bytes");
		return;
	}
}

const struct msc_rule msc_rule_bot_csw_zlp = {
	.id = "bot.csw.zlp",
	.title = "no zero-length packet comes before the CSW",
	.spec = "BOT 1.0, 5.3.3 and 6.3.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "it is a CSW of the wrong length; Linux asks once more and hides it, other hosts "
	       "reset the device",
	.mistake = "the USB library sends a zero-length packet after every transfer that is a "
		   "multiple of the packet size",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = zlp,
};

static void second_stall(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	unsigned stalls = 0;

	for (size_t i = 0; i < x->n_steps; i++)
		stalls += x->steps[i].kind == MSC_STEP_CSW && x->steps[i].outcome == MSC_OUT_STALL;
	/* A device may refuse so what it calls not meaningful: BOT 1.0, 6.4. */
	if (!r->u.exchange.plain || stalls < 2 || msc_has_loose_length(r))
		return;
	msc_found(j, "the CSW was answered with STALL, and again after the halt was cleared");
	msc_expected(j, "13 bytes");
	msc_actual(j, "STALL");
}

const struct msc_rule msc_rule_bot_csw_stall = {
	.id = "bot.csw.stall",
	.title = "after a STALL in status transport the second try gets the CSW",
	.spec = "BOT 1.0, 5.3.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts try once more and then perform reset recovery",
	.mistake =
		"the halt is set anew whenever bulk-in has nothing to send, or CLEAR_FEATURE does "
		"not end it",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = second_stall,
};

static void missing(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_step *s = r->u.exchange.view.stuck;

	if (!s || s->kind != MSC_STEP_CSW || !r->u.exchange.plain ||
	    r->u.exchange.view.after != MSC_AFTER_NOTHING ||
	    r->u.exchange.view.brought != MSC_BROUGHT_DATA)
		return;
	if (msc_clears_before(&r->u.exchange, s))
		msc_found(j, "bulk-in was halted, the halt was cleared, and no CSW followed: %s",
			  msc_outcome_name(s->outcome));
	else
		msc_found(j, "no CSW came after %zu byte%s of data: %s in status transport",
			  r->u.exchange.data_len, MSC_PLURAL(r->u.exchange.data_len),
			  msc_outcome_name(s->outcome));
	msc_expected(j, "13 bytes");
	msc_actual(j, "%s", msc_outcome_name(s->outcome));
}

const struct msc_rule msc_rule_bot_csw_missing = {
	.id = "bot.csw.missing",
	.title = "every command ends with a CSW",
	.spec = "BOT 1.0, 5.3.3; assertion 5.3.4 of the compliance tests",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts wait 20 to 30 seconds and then reset; Windows repeats this for minutes before "
	       "it gives the device up",
	.mistake =
		"a branch for an unsupported command or an error returns without sending the CSW, "
		"or the CSW is dropped because it was queued while bulk-in was halted, or goes out "
		"with the data toggle of before the halt",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = missing,
};
