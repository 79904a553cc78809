/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the probe share: one read in pieces, and the clockwork around it. Private to
 * lib/timing. */
#ifndef MSC_TIMING_PROBE_H
#define MSC_TIMING_PROBE_H

#include "base/rng.h"
#include "timing/pace.h"

struct msc_probe {
	struct msc_session *session;
	struct msc_target *target;
	const struct msc_pace_options *o;
	struct msc_pace_samples *out;
	struct msc_unit unit;
	int64_t timeout_ns;
	uint64_t lba;	   /* of the next read */
	uint32_t strobes;  /* so many so far */
	struct msc_rng rng; /* the same draws in every run */
	unsigned failures; /* in a row */
	int64_t submitting_ns; /* what the host needed to submit the last read's transfers */
	uint32_t long_blocks, resumed_blocks; /* of a long read, without and with a pause */
};

/* What is asked of one read. */
struct msc_probe_read {
	uint32_t blocks;
	bool queued;
	int64_t pause_ns; /* after the first block; 0: none */
	bool poke;	  /* ask endpoint 0 for the device's status while the data is under way */
};

int msc_probe_open(struct msc_probe *, struct msc_session *, const struct msc_pace_options *,
		   struct msc_pace_samples *, struct msc_err *) MSC_MUST_CHECK;

/* Waits to the next strobed instant. These are spread evenly over whole frames of every speed, so
 * that few of them give an exact mean. */
int msc_probe_strobe(struct msc_probe *, struct msc_err *) MSC_MUST_CHECK;

/* Waits for a time that is drawn at random: long reads that begin so share no rhythm of ours. */
int msc_probe_jitter(struct msc_probe *, struct msc_err *) MSC_MUST_CHECK;

/* Where the next read of so many blocks begins; false: the medium is too small. */
bool msc_probe_place(struct msc_probe *, uint32_t blocks, uint64_t *lba);

/* One read, kept in *stream, whose arrays have room for all packets. *worked false: it failed, the
 * device has been brought back, and *stream means nothing. -1: also when too many failed in a
 * row. */
int msc_probe_read(struct msc_probe *, const struct msc_probe_read *,
		   struct msc_pace_stream *stream, bool *worked, struct msc_err *) MSC_MUST_CHECK;

/* Where a hub's translator is between, as many long reads as tell what a packet takes there. */
int msc_probe_path(struct msc_probe *, struct msc_err *) MSC_MUST_CHECK;

/* TEST UNIT READY (0 blocks) or reads of this size: serial, queued where that works, and strobed. */
int msc_probe_size(struct msc_probe *, uint32_t blocks, struct msc_err *) MSC_MUST_CHECK;

/* What the device did wrong ends the measurement, but is no error of ours: to be called last. */
int msc_probe_finish(struct msc_probe *, int rc, struct msc_err *) MSC_MUST_CHECK;

/* One GET_STATUS(device), kept among the requests unless it failed. */
int msc_probe_request(struct msc_probe *, bool busy, struct msc_err *) MSC_MUST_CHECK;

/* Counts a failure and brings the device back; -1: it is one too many. */
int msc_probe_failed(struct msc_probe *, const char *what, const char *how, bool clean,
		     struct msc_err *) MSC_MUST_CHECK;

#endif
