/* SPDX-License-Identifier: BSD-2-Clause */
/* A conversation (report/ask.h) and its operations. Private to lib/report. */
#ifndef MSC_REPORT_ASK_STATE_H
#define MSC_REPORT_ASK_STATE_H

#include "report/ask.h"
#include "report/ask_fields.h"
#include "report/bench.h"

struct msc_ask {
	struct msc_target *target;
	struct msc_ask_options o;
	struct msc_session *session; /* NULL: until the next operation that needs it */
	struct msc_medium *medium;   /* NULL: nothing was written yet */
	uint8_t medium_lun;
	bool not_restored;	     /* the medium is not as it was */
	bool closed;

	/* Of the request under way: */
	json_t *records; /* all that happened, each with its findings */
	const struct msc_record *newest; /* the last of them, */
	size_t newest_at;		 /* and its place */
	json_t *notes;
	struct msc_err err; /* of a callback */
};

/* An operation. It puts "exchange" or "result" into the answer, or returns -1. */
typedef int msc_ask_fn(struct msc_ask *, const struct msc_ask_members *, json_t *answer,
		       struct msc_err *);
msc_ask_fn msc_ask_command, msc_ask_send, msc_ask_control, msc_ask_reset, msc_ask_read,
	msc_ask_write, msc_ask_unit, msc_ask_scratch; /* ask_exchange.c */
msc_ask_fn msc_ask_check, msc_ask_run, msc_ask_cases, msc_ask_bench, msc_ask_pace; /* ask_run.c */
msc_ask_fn msc_ask_compare, msc_ask_decode; /* ask_document.c */

/* The session, opened when it is first needed. NULL: *err. */
struct msc_session *msc_ask_session(struct msc_ask *, struct msc_err *);
/* Saves the scratch of the unit, if that was not done yet. NULL: *err. */
struct msc_medium *msc_ask_medium(struct msc_ask *, uint8_t lun, struct msc_err *);
/* Puts back what was written, and leaves the target to whoever brings a session of their own. -1: it
 * could not be put back. */
int msc_ask_leave(struct msc_ask *, struct msc_err *) MSC_MUST_CHECK;
/* Puts a member into the answer and takes it. -1: out of memory, also when value is NULL. */
int msc_ask_give(json_t *answer, const char *name, json_t *value, struct msc_err *) MSC_MUST_CHECK;
/* Makes the text of a document the result, and frees it. -1: out of memory, also when text is NULL, or
 * *err was an error already, which then stands beside the result. */
int msc_ask_give_text(json_t *answer, char *text, struct msc_err *) MSC_MUST_CHECK;
/* The same of a bench, or of a comparison of two. */
int msc_ask_give_bench(json_t *answer, const struct msc_bench_report *,
		       struct msc_err *) MSC_MUST_CHECK;
/* Of the documents. */
struct msc_report_context msc_ask_context(const struct msc_ask *);
/* 0 to 15, of a unit that is written to or learned. */
int msc_ask_lun(const struct msc_ask_members *, uint8_t *lun, struct msc_err *) MSC_MUST_CHECK;
/* A time-out of the request, else the conversation's; 0: the session's own. */
int msc_ask_timeout(const struct msc_ask *, const struct msc_ask_members *, int64_t *ns,
		    struct msc_err *) MSC_MUST_CHECK;
/* msc_medium_note_fn of the conversation. */
void msc_ask_note(void *ask, bool safety, const char *text);

#endif
