/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations of a conversation on documents and captures: nothing is sent to the device. */
#include <stdlib.h>
#include <string.h>

#include "mscope.h"
#include "report/ask_state.h"
#include "report/bench.h"
#include "report/decode.h"

#define THRESHOLD 0.05
#define BATCH	  16384 /* packets between two looks at whether it is to stop */

/* ---- compare ------------------------------------------------------------------------------------ */

static int read_document(const json_t *document, const char *name, struct msc_bench *b,
			 struct msc_err *err)
{
	char *text = json_dumps(document, 0);
	FILE *f = text ? fmemopen(text, strlen(text), "r") : NULL;
	int result = f ? msc_bench_read_from(f, name, b, err) : msc_nomem(err);

	if (f)
		fclose(f);
	free(text);
	if (result == 0 && !b->n_runs)
		return msc_fail(err, MSC_E_UNDECIDED, "%s: there are no runs to compare", name);
	return result;
}

static int give_comparison(struct msc_ask *a, const struct msc_bench *base,
			   const struct msc_bench *new, const struct msc_comparison *c,
			   json_t *answer, struct msc_err *err)
{
	static const int statuses[] = { [MSC_CHANGE_SLOWER] = MSCOPE_FAILED,
					[MSC_CHANGE_UNKNOWN] = MSCOPE_NO_VERDICT,
					[MSC_CHANGE_NONE] = MSCOPE_PASSED,
					[MSC_CHANGE_FASTER] = MSCOPE_PASSED };
	const struct msc_report_context context = msc_ask_context(a);
	const struct msc_bench_report r = { .bench = new,
					    .base = base,
					    .comparison = c,
					    .base_name = "base",
					    .new_name = "new",
					    .context = &context,
					    .exit_status = statuses[msc_comparison_verdict(c)] };

	return msc_ask_give_bench(answer, &r, err);
}

int msc_ask_compare(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		    struct msc_err *err)
{
	const json_t *threshold = m->value[MSC_ASK_THRESHOLD];
	const struct msc_compare_options o = {
		.threshold = threshold ? json_number_value(threshold) : THRESHOLD,
		.force = msc_ask_flag(m, MSC_ASK_FORCE),
	};
	struct msc_bench base = { .n_runs = 0 }, new = { .n_runs = 0 };
	struct msc_comparison c = { .n_runs = 0 };
	int result = -1;

	if (!(o.threshold > 0 && o.threshold <= 10))
		return msc_fail(err, MSC_E_USAGE,
				"threshold: expected a fraction above 0, such as 0.05");
	if (read_document(m->value[MSC_ASK_BASE], "base", &base, err) == 0 &&
	    read_document(m->value[MSC_ASK_NEW], "new", &new, err) == 0 &&
	    msc_compare(&base, &new, &o, &c, err) == 0)
		result = give_comparison(a, &base, &new, &c, answer, err);
	msc_comparison_free(&c);
	msc_bench_free(&new);
	msc_bench_free(&base);
	return result;
}

/* ---- decode ------------------------------------------------------------------------------------- */

static int list_record(void *user, const struct msc_decoded *one, struct msc_err *err)
{
	json_t *list = user;

	if (!one->listed)
		return 0;
	return json_array_append_new(list, msc_decoded_json(one)) < 0 ? msc_nomem(err) : 0;
}

static int read_capture(struct msc_ask *a, struct msc_decode *d, struct msc_err *err)
{
	bool over = false;

	while (!over) {
		if (msc_decode_read(d, BATCH, &over, err) < 0)
			return -1;
		if (a->o.stop && a->o.stop(a->o.user))
			return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	}
	return 0;
}

/* What came before an error is told beside it. Takes the list. */
static int give_decoded(struct msc_ask *a, const struct msc_decode *d, json_t *list, int status,
			json_t *answer, struct msc_err *err)
{
	const struct msc_report_context context = msc_ask_context(a);
	json_t *document = msc_decode_json(d, &context,
					   status < 0 ? msc_exit_status(err->code) : status,
					   status < 0 ? err->msg : NULL);
	struct msc_err full = MSC_ERR_INIT;

	if (!document || json_object_set_new(document, "exchanges", list) < 0 ||
	    msc_ask_give(answer, "result", document, &full) < 0)
		return msc_nomem(err);
	return status < 0 ? -1 : 0;
}

static int decode_options(const struct msc_ask *a, const struct msc_ask_members *m,
			  struct msc_decode_options *o, struct msc_err *err)
{
	const char *profile = msc_ask_text(m, MSC_ASK_PROFILE);
	int only = msc_ask_word(m, MSC_ASK_ONLY, msc_decode_only_names, MSC_DECODE_ALL, err);
	uint8_t lun;

	if (only < 0 || msc_ask_lun(m, &lun, err) < 0)
		return -1;
	o->profile = a->o.profile;
	o->only = (enum msc_decode_only)only;
	o->window = MSC_WINDOW_ALL;
	o->window.have_lun = m->value[MSC_ASK_LUN];
	o->window.lun = lun;
	o->window.device = (uint64_t)msc_ask_number(m, MSC_ASK_DEVICE, 0);
	o->window.from_ns = msc_ask_number(m, MSC_ASK_FROM, 0);
	o->window.to_ns = msc_ask_number(m, MSC_ASK_TO, INT64_MAX);
	return profile ? msc_profile_parse(profile, &o->profile, err) : 0;
}

int msc_ask_decode(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		   struct msc_err *err)
{
	struct msc_decode_options o = { .record = list_record, .user = NULL };
	const char *path = msc_ask_text(m, MSC_ASK_CAPTURE);
	struct msc_decode *d;
	int result;

	if (decode_options(a, m, &o, err) < 0)
		return -1;
	if (!strcmp(path, "-"))
		return msc_fail(err, MSC_E_USAGE,
				"capture: expected a file; standard input has the requests");
	o.user = json_array();
	d = o.user ? msc_decode_open(path, &o, err) : NULL;
	if (!d) {
		json_decref(o.user);
		return err->code ? -1 : msc_nomem(err);
	}
	result = msc_decode_end(d, read_capture(a, d, err), err);
	result = give_decoded(a, d, o.user, result, answer, err);
	msc_decode_close(d);
	return result;
}
