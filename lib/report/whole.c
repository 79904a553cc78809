/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole check as one document, for who has no streams: the library and `mscope session`. */
#include <stdlib.h>

#include "base/text.h"
#include "mscope.h"
#include "report/ask.h"

struct whole {
	const struct msc_whole_check *check;
	struct msc_report_run report;
};

static void on_event(void *user, const struct msc_event *ev)
{
	struct whole *w = user;

	msc_report_event(&w->report, ev);
	if (w->check->event)
		w->check->event(w->check->user, ev);
}

static bool stopped(void *user)
{
	const struct whole *w = user;

	return w->check->options.stop && w->check->options.stop(w->check->user);
}

static int run(struct whole *w, struct msc_target *target, const struct msc_scenarios *chosen,
	       FILE *out, struct msc_err *err)
{
	struct msc_run_options options = w->check->options;
	struct msc_summary summary = { .device_ns = 0 };
	struct msc_err unwritten = MSC_ERR_INIT;
	int result, status;

	options.stop = stopped;
	options.event = on_event;
	options.user = w;
	if (msc_report_begin(&w->report, &msc_report_json, out, &w->check->context, err) < 0)
		return -1;
	result = msc_run(target, chosen, &options, &summary, err);
	status = result < 0                      ? msc_exit_status(err->code)
		 : msc_summary_is_good(&summary) ? MSCOPE_PASSED
						 : MSCOPE_FAILED;
	if (msc_report_end(&w->report, status, &unwritten) < 0)
		return msc_nomem(err);
	return result < 0 ? -1 : status;
}

int msc_check_whole(struct msc_target *target, const struct msc_whole_check *check, char **result,
		    struct msc_err *err)
{
	struct whole w = { .check = check };
	struct msc_scenarios chosen = { NULL };
	FILE *out = NULL;
	size_t len = 0;
	int status = -1;

	*result = NULL;
	if (msc_select(check->all, check->select, check->n_select, &chosen, err) == 0 &&
	    msc_select_except(&chosen, check->except, check->n_except, err) == 0) {
		if (!check->n_select && !check->named)
			msc_select_for(&chosen, &target->device);
		out = open_memstream(result, &len);
		if (out)
			status = run(&w, target, &chosen, out, err);
		else
			msc_nomem(err);
	}
	if (out && !msc_text_end(out, result) && status >= 0)
		status = msc_nomem(err);
	if (len == 0) {
		free(*result);
		*result = NULL;
	}
	free(chosen.list);
	return status;
}
