/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to an open target, one after the other, as JSON: what `mscope session` and mscope_ask()
 * answer. docs/schema/mscope.session-1.json says what a request and an answer look like.
 *
 * All exchanges of one such conversation go through one session, with one gate; whatever happens is
 * judged. What may be written is a scratch range: it is saved before the first write, and put back at
 * the end, or before a request that takes the medium into its own care (check, run, bench). */
#ifndef MSC_REPORT_ASK_H
#define MSC_REPORT_ASK_H

#include "medium/medium.h"
#include "report/report.h"

struct msc_ask;

struct msc_ask_options {
	struct msc_session_options session; /* what is allowed, how long is waited; `record`, `wire`
					       and their users are not looked at */
	enum msc_profile profile;
	const char *const *argv;  /* of the documents; NULL-terminated */
	msc_medium_note_fn *note; /* what the answer says, too; may be NULL */
	bool (*stop)(void *user); /* asked between transfers; may be NULL */
	void *user;
};

/* The target stays the caller's. NULL: out of memory. */
struct msc_ask *msc_ask_new(struct msc_target *, const struct msc_ask_options *);
/* Puts back what was written; false: the medium is not as it was, and a note has said so. NULL is
 * nothing to free. */
bool msc_ask_free(struct msc_ask *);

/* Answers one request. *err stays MSC_OK when it could be answered, whatever the device did then;
 * otherwise the answer holds the error as well. The caller owns the answer; NULL: out of memory. */
json_t *msc_ask(struct msc_ask *, const char *request, size_t len, struct msc_err *err);
/* The answer to something that is no request, or that cannot be answered any more. id may be NULL. */
json_t *msc_ask_error(json_t *id, const struct msc_err *err);

/* The last request was `close`. */
bool msc_ask_is_closed(const struct msc_ask *);
/* After an error: no further request can be answered, as the device is gone, or the user has stopped it. */
bool msc_ask_is_final(const struct msc_err *);

/* ---- a whole check ------------------------------------------------------------------------------ */

struct msc_whole_check {
	const struct msc_scenarios *all;
	const char *const *select, *const *except;
	size_t n_select, n_except;
	bool named; /* the scenarios were chosen by name, even without select: none is left out because
		       it is about another device */
	struct msc_run_options options; /* but for event and user */
	struct msc_report_context context;
	msc_event_fn *event; /* after the report has seen it; may be NULL */
	void *user;
};

/* *result is an mscope.result/1, also when the run ended early; NULL when nothing was run. Returns
 * the exit status, or -1; either way the caller frees *result. */
int msc_check_whole(struct msc_target *, const struct msc_whole_check *, char **result,
		    struct msc_err *) MSC_MUST_CHECK;

#endif
