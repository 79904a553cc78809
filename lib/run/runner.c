/* SPDX-License-Identifier: BSD-2-Clause */
/* What every part of a run needs: to say something, to end the case, to know a value. */
#include "run/runner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void msc_run_note(struct msc_runner *r, const char *fmt, ...)
{
	char text[4096];
	struct msc_event e = { .kind = MSC_EV_NOTE,
			       .at_ns = msc_now(r->target->clock),
			       .scenario = r->s,
			       .text = text };
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	r->o->event(r->o->user, &e);
}

void msc_run_end_case(struct msc_runner *r, enum msc_verdict verdict, const char *fmt, ...)
{
	va_list args;

	r->ended = true;
	if (*r->reason && !(verdict == MSC_VERDICT_ERROR && r->verdict == MSC_VERDICT_SKIP))
		return;
	r->verdict = verdict;
	va_start(args, fmt);
	vsnprintf(r->reason, sizeof r->reason, fmt, args);
	va_end(args);
}

bool msc_run_value(struct msc_runner *r, const struct msc_expr *e, int64_t otherwise,
		   int64_t *value)
{
	struct msc_err err = MSC_ERR_INIT;

	*value = otherwise;
	if (!e->count || msc_expr_value(e, &r->env, value, &err) == 0)
		return true;
	msc_run_end_case(r, MSC_VERDICT_SKIP, "does not fit this device: %s", err.msg);
	return false;
}

int msc_run_save(struct msc_runner *r, int slot, const uint8_t *data, size_t len,
		 struct msc_err *err)
{
	struct msc_saved_answer *s = &r->slots[slot];

	free(s->data);
	s->len = 0;
	s->data = malloc(len ? len : 1);
	if (!s->data)
		return msc_nomem(err);
	if (len)
		memcpy(s->data, data, len);
	s->len = len;
	return 0;
}

bool msc_run_owes_reset(const struct msc_runner *r)
{
	return msc_session_known(r->session)->owed;
}
