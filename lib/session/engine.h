/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the host engine share; nothing outside lib/session includes it. */
#ifndef MSC_SESSION_ENGINE_H
#define MSC_SESSION_ENGINE_H

#include "session/gate.h"
#include "session/session.h"

struct msc_held {
	struct msc_permit permit;
	unsigned id;
};

struct msc_gate {
	struct msc_held *permits;
	size_t n_permits, room;
	unsigned last_id;
	uint8_t tail[MSC_CBW_LEN - 1]; /* the end of what left on bulk-out: a CBW may go on */
	size_t tail_len;
	uint64_t data_left;   /* bytes that the newest CBW has announced */
	uint64_t blocks_left; /* and that are blocks of a write that permits cover */
};

struct msc_session {
	struct msc_target *target;
	struct msc_session_options o;
	bool (*stop)(void *user);
	void *stop_user;
	struct msc_record *last; /* of the chain, which the session owns */
	uint32_t tag;		 /* of the newest CBW */
	unsigned hangs;		 /* time-outs where an answer was due */
	unsigned muted;		 /* above 0: records are kept but not passed on */
	bool needs_reset;	 /* the newest exchange did, and no reset followed */
	bool unclean;		 /* the device may be in the middle of a command */
	struct msc_gate gate;
	bool have_max_lun;
	uint8_t max_lun;
	struct msc_unit units[MSC_LUN_MAX + 1];
};

/* A new record, not in the chain yet; NULL: out of memory. */
struct msc_record *msc_engine_begin(struct msc_session *, enum msc_record_kind, struct msc_err *);
/* Puts it into the chain, learns from it, passes it on. `out` may be NULL. */
void msc_engine_end(struct msc_session *, struct msc_record *, const struct msc_record **out);

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

/* gate.c: whether this wrapper, and the data behind it (out may be NULL), may leave. */
int msc_gate_look(const struct msc_session *, const uint8_t *wrapper, size_t wrapper_len,
		  const uint8_t *out, size_t out_len, struct msc_err *) MSC_MUST_CHECK;
/* The same for what is about to be submitted, which then counts as having left. */
int msc_gate_pass(struct msc_session *, const struct msc_xfer *, struct msc_err *) MSC_MUST_CHECK;
/* After a reset the device expects a CBW. */
void msc_gate_forget(struct msc_session *);
void msc_gate_free(struct msc_session *);

/* Facts about the units, from any exchange or control request that succeeded. */
void msc_engine_learn(struct msc_session *, const struct msc_record *);

#endif
