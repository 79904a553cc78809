/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the host engine share; nothing outside lib/session includes it. */
#ifndef MSC_SESSION_ENGINE_H
#define MSC_SESSION_ENGINE_H

#include "session/session.h"

struct msc_session {
	struct msc_target *target;
	struct msc_session_options o;
	bool (*stop)(void *user);
	void *stop_user;
	struct msc_assembler *assembler;
	struct msc_device told; /* as the log has it */
	bool no_memory;	 /* for the log: records are missing */
	const struct msc_record *given[2]; /* to the user; to the session itself, when muted */
	uint32_t tag;		 /* of the newest CBW */
	unsigned hangs;		 /* time-outs where an answer was due */
	unsigned muted;		 /* above 0: records are kept but not passed on */
};

/* Puts a note into the log. */
void msc_engine_note(struct msc_session *, const struct msc_note *);
/* After what has made a record: gives it out. `out` may be NULL. -1: out of memory. */
int msc_engine_give(struct msc_session *, const struct msc_record **out,
		    struct msc_err *) MSC_MUST_CHECK;

/* Starts a transfer unless the user has asked to stop. */
int msc_engine_submit(struct msc_session *, struct msc_xfer *, struct msc_err *) MSC_MUST_CHECK;
/* Waits for it and cancels it when the time is over. On a real device the user is asked every
 * tenth of a second. On failure it is no longer pending. */
int msc_engine_finish(struct msc_session *, struct msc_xfer *, int64_t timeout_ns,
		      struct msc_err *) MSC_MUST_CHECK;
/* An answer that was due did not come in the time that the session allows. */
void msc_engine_hung(struct msc_session *);
/* The same for an exchange, when one of its phases shows it. */
void msc_engine_count_hang(struct msc_session *, const struct msc_exchange *, int64_t timeout_ns);
/* For so many bytes of data: a slow device is given its time, as long as it has not shown that it
 * rather hangs. */
int64_t msc_engine_data_ns(const struct msc_session *, int64_t timeout_ns, size_t len);
/* Ends a transfer on the way out of a failure, whatever comes of it. */
void msc_engine_abandon(struct msc_session *, struct msc_xfer *);

#endif
