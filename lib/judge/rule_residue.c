/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of dCSWDataResidue: the difference between what the host expected and what was relevant or
 * processed (BOT 1.0, 5.2 and 6.7). With status 02h it has no meaning. The rules allow every value
 * that some true story could explain, and no other. */
#include "judge/facts.h"

/* Where host and device disagree, status 02h is due and the residue would have no meaning. */
static bool is_wrong(const struct msc_record *r, enum msc_dir dir)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!x->answered || x->dir != dir || x->csw.status > MSC_CSW_FAILED ||
	    x->data_len > x->cbw.h.length || x->view.stuck)
		return false;
	return !x->view.meant.c.phase_error_required && !x->view.residue_fits;
}

/* What the wrong number is of, where it can be told. */
static const char *story(const struct msc_exchange *x)
{
	if (!x->data_len || !x->csw.residue)
		return "";
	if (x->csw.residue == x->cbw.h.length)
		return ", as if nothing had been moved";
	return x->csw.residue == x->data_len ? ", which is what was moved" : "";
}

static void expect(struct msc_judging *j, const struct msc_exchange *x)
{
	const struct msc_view *v = &x->view;

	if (v->residue_least == v->residue_most)
		msc_expected(j, "%llu", (unsigned long long)v->residue_least);
	else
		msc_expected(j, "%llu to %llu", (unsigned long long)v->residue_least,
			     (unsigned long long)v->residue_most);
	msc_actual(j, "%u", (unsigned)x->csw.residue);
}

static void in(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	char name[48];

	if (!is_wrong(r, MSC_DIR_IN))
		return;
	/* Linux takes the larger of the residue and what did not come (usb_stor_Bulk_transport), and FreeBSD's
	 * umass what did not come where the residue is 0: data that ended early is not missed. */
	if (x->data_len < x->cbw.h.length && x->csw.residue < x->view.residue_least)
		msc_hosts_bear(j);
	msc_found(j,
		  "%s asked for %u byte%s, received %zu, status %02Xh, and dCSWDataResidue is %u%s",
		  msc_cdb_name(name, sizeof name, x->cbw.cb), (unsigned)x->cbw.h.length,
		  MSC_PLURAL(x->cbw.h.length), x->data_len, x->csw.status, (unsigned)x->csw.residue,
		  story(x));
	expect(j, x);
}

const struct msc_rule msc_rule_bot_residue_in = {
	.id = "bot.residue.in",
	.title = "the residue of bulk-in is what was asked for less what was relevant",
	.spec = "BOT 1.0, 5.2 and 6.7.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts cut the data to length less residue: too much loses data, too little hands over "
	       "bytes that never came; Linux switches the residue off for a device that is caught",
	.mistake =
		"the residue is left 0 for short answers, is the number of bytes sent, or counts "
		"padding as data",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = in,
};

static void out(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	char name[48];

	if (!is_wrong(r, MSC_DIR_OUT))
		return;
	msc_found(j,
		  "%s was offered %u byte%s, took %zu, status %02Xh, and dCSWDataResidue is %u%s",
		  msc_cdb_name(name, sizeof name, x->cbw.cb), (unsigned)x->cbw.h.length,
		  MSC_PLURAL(x->cbw.h.length), x->data_len, x->csw.status, (unsigned)x->csw.residue,
		  story(x));
	expect(j, x);
}

const struct msc_rule msc_rule_bot_residue_out = {
	.id = "bot.residue.out",
	.title = "the residue of bulk-out is what was offered less what was processed",
	.spec = "BOT 1.0, 5.2 and 6.7.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a host that believes a wrong residue retries a good write or loses a failed one",
	.mistake = "bytes that were taken only to be thrown away are counted as processed",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = out,
};
