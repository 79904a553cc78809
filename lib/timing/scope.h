/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the probe share: one read in pieces, and the clockwork around it. Private to
 * lib/timing. */
#ifndef MSC_TIMING_SCOPE_H
#define MSC_TIMING_SCOPE_H

#include "base/rng.h"
#include "timing/pace.h"

struct msc_scope {
	struct msc_session *session;
	struct msc_target *target;
	const struct msc_pace_options *o;
	struct msc_pace_samples *out;
	struct msc_unit unit;
	int64_t timeout_ns;
	int64_t deadline_ns; /* of all transfers of the present read */
	uint64_t lba;	   /* of the next read */
	uint32_t tag;	   /* of the last CBW of our own */
	uint32_t strobes;  /* so many so far */
	struct msc_rng rng; /* the same draws in every run */
	unsigned failures; /* in a row */
	int64_t submitting_ns; /* what the host needed to submit the last read's transfers */
	uint32_t long_blocks, resumed_blocks; /* of a long read, without and with a pause */
	struct msc_xfer *xfer; /* pieces, then the CSW */
	uint8_t *data;
	size_t room_xfers, room_data;
};

/* What is asked of one read. */
struct msc_scope_read {
	uint32_t blocks;
	bool queued;
	int64_t pause_ns; /* after the first block; 0: none */
	bool poke;	  /* ask endpoint 0 for the device's status while the data is under way */
};

int msc_scope_open(struct msc_scope *, struct msc_session *, const struct msc_pace_options *,
		   struct msc_pace_samples *, struct msc_err *) MSC_MUST_CHECK;
void msc_scope_close(struct msc_scope *);

/* Waits to the next strobed instant. These are spread evenly over whole frames of every speed, so
 * that few of them give an exact mean. */
int msc_scope_strobe(struct msc_scope *, struct msc_err *) MSC_MUST_CHECK;

/* Waits for a time that is drawn at random: long reads that begin so share no rhythm of ours. */
int msc_scope_jitter(struct msc_scope *, struct msc_err *) MSC_MUST_CHECK;

/* Where the next read of so many blocks begins; false: the medium is too small. */
bool msc_scope_place(struct msc_scope *, uint32_t blocks, uint64_t *lba);

/* One read, kept in *stream, whose arrays have room for all packets. *worked false: it failed, the
 * device has been brought back, and *stream means nothing. -1: also when too many failed in a
 * row. */
int msc_scope_read(struct msc_scope *, const struct msc_scope_read *,
		   struct msc_pace_stream *stream, bool *worked, struct msc_err *) MSC_MUST_CHECK;

/* One GET_STATUS(device), kept among the requests unless it failed. */
int msc_scope_request(struct msc_scope *, bool busy, struct msc_err *) MSC_MUST_CHECK;

/* Counts a failure and brings the device back; -1: it is one too many. */
int msc_scope_failed(struct msc_scope *, const char *what, const char *how, bool clean,
		     struct msc_err *) MSC_MUST_CHECK;

#endif
