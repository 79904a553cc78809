/* SPDX-License-Identifier: BSD-2-Clause */
/* A recorded host once more: what it sent, record by record, to a device that is there now, and how the
 * answers differ. The session's gate stands before all of it.
 *
 * The host's part is taken from the record: the wrapper byte for byte, with its tag, and the bytes of
 * bulk-out data. What a host does within an exchange (clearing a halt, asking for the CSW again) the
 * session does as this device demands. What belongs to the recorded bus and not to the device is
 * translated: the numbers of interface and endpoints, a configuration that is set again. SET_ADDRESS
 * is the host controller's own, and is left out.
 */
#ifndef MSC_CAPTURE_REPLAY_H
#define MSC_CAPTURE_REPLAY_H

#include "session/session.h"

/* What the host sent, as far as it can be sent again. */
struct msc_replay_plan {
	const char *left_out;	    /* why it cannot; NULL: it can */
	struct msc_request request; /* of an exchange */
	uint8_t *out;		    /* its bulk-out data */
};

/* Borrows from the record; free with msc_replay_plan_end. -1: out of memory. */
int msc_replay_plan(struct msc_replay_plan *, const struct msc_record *was,
		    struct msc_err *) MSC_MUST_CHECK;
void msc_replay_plan_end(struct msc_replay_plan *);

/* Keeps whether a configuration other than the device's own is in force after an answer. */
void msc_replay_track(bool *deconfigured, const struct msc_record *was,
		      const struct msc_record *now);

/* Sets the device's own configuration again, if it is not in force: whoever has the device next finds it as it was.
 * Errors: those of msc_session_configure(). */
int msc_replay_end(struct msc_session *, bool deconfigured, struct msc_err *) MSC_MUST_CHECK;

/* Sends it; *now is as msc_session_exchange has it, and NULL where the session has no record of it.
 * -1: as the session has it, MSC_E_REFUSED and MSC_E_UNSUPPORTED before anything has left. */
int msc_replay_send(struct msc_session *, const struct msc_replay_plan *,
		    const struct msc_record *was, const struct msc_record **now,
		    struct msc_err *) MSC_MUST_CHECK;

/* One difference of the answers. */
struct msc_replay_difference {
	const char *what; /* "status", "bytes", "data", ... */
	char was[96], now[96];
};
#define MSC_REPLAY_DIFFERENCES_MAX 8
/* All of them, of two records of one kind; how many. What the capture has cut off is not compared. */
size_t msc_replay_compare(const struct msc_record *was, const struct msc_record *now,
			  struct msc_replay_difference[MSC_REPLAY_DIFFERENCES_MAX]);

#endif
