/* SPDX-License-Identifier: BSD-2-Clause */
/* What a scenario states of sense data. */
#include "run/runner.h"

/* Where nothing is to be said of a command, the unit may say something of itself. */
static bool sense_matches(const struct msc_sense_want *w, const struct msc_sense_data *d)
{
	if (w->parts == 3 && !w->key && !w->asc && !w->ascq)
		return msc_sense_is_idle(d);
	return w->key == d->key && (w->parts < 2 || w->asc == d->asc) &&
	       (w->parts < 3 || w->ascq == d->ascq);
}

/* Which part of it is not as any of those wanted. */
static const char *sense_differs(const struct msc_expect *e, const struct msc_record *x,
				 const struct msc_sense_data *d)
{
	bool key = false, asc = false;

	if (!msc_exchange_passed(&x->u.exchange))
		return "what the sense data must be could not be looked at: REQUEST SENSE did not pass";
	if (!d->valid)
		return "there is no sense data to say why";
	for (size_t i = 0; i < e->n_sense; i++) {
		const struct msc_sense_want *w = &e->sense[i];

		key |= w->key == d->key;
		asc |= w->key == d->key && (w->parts < 2 || w->asc == d->asc);
	}
	return asc   ? "the sense data has another qualifier than this command must leave behind"
	       : key ? "the sense data has another code than this command must leave behind"
		     : "the sense data has another key than this command must leave behind";
}

int msc_check_sense(struct msc_runner *r, const struct msc_expect *e, const struct msc_record *x,
		    const struct msc_sense_data *d, struct msc_err *err)
{
	char expected[160] = "", actual[128];

	for (size_t i = 0; i < e->n_sense; i++) {
		const struct msc_sense_want *w = &e->sense[i];
		const struct msc_sense_data as_data = {
			.valid = true, .key = w->key, .asc = w->asc, .ascq = w->ascq};
		char text[128];

		if (d->valid && sense_matches(w, d))
			return 0;
		if (w->parts == 3)
			msc_check_list(expected, sizeof expected, "%s",
				       msc_sense_text(text, sizeof text, &as_data));
		else if (w->parts == 2)
			msc_check_list(expected, sizeof expected, "%x/%02x/any", w->key, w->asc);
		else
			msc_check_list(expected, sizeof expected, "sense key %xh", w->key);
	}
	if (!e->n_sense)
		return 0;
	return msc_check_stated(r, &msc_rule_expect_sense, x, expected,
				d->valid ? msc_sense_text(actual, sizeof actual, d)
					 : "no valid sense data",
				err, sense_differs(e, x, d));
}
