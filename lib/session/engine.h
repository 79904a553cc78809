/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the host engine share; nothing outside lib/session includes it. */
#ifndef MSC_SESSION_ENGINE_H
#define MSC_SESSION_ENGINE_H

#include "session/session.h"

struct msc_gate_entry {
	unsigned id;
	uint64_t blocks;
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
	bool have_max_lun;
	uint8_t max_lun;
	struct msc_unit units[MSC_LUN_MAX + 1];
	struct msc_medium_signs signs[MSC_LUN_MAX + 1];
	bool excused;	       /* the host has done what a unit attention may follow */
	int64_t write_byte_ns; /* what a byte took of the slowest write that passed */
	struct msc_gate_entry *permits;
	size_t n_permits;
	unsigned last_permit;
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

/* What a write of so many bytes may take beyond the time-out, by what writes took before. */
int64_t msc_engine_write_ns(const struct msc_session *, size_t len);
/* Signs of another medium, and how long writes take, from any record: block.c. */
void msc_engine_watch(struct msc_session *, const struct msc_record *);

/* Facts about the units, from any exchange or control request that succeeded. */
void msc_engine_learn(struct msc_session *, const struct msc_record *);

#endif
