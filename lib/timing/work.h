/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the analysis share. Private to lib/timing. */
#ifndef MSC_TIMING_WORK_H
#define MSC_TIMING_WORK_H

#include "timing/pace.h"

struct msc_pace_work {
	const struct msc_pace_samples *s;
	struct msc_pace *p;
	double packet_ns;  /* one packet of data, on the wire */
	double half_frame; /* by which completions are late on average; 0: they are not */
	double half_block; /* from the mean of its packets' ends to the last */
	double *after; /* from one block to the next after a pause of the host; until the analysis ends */
};

#define MSC_PACE_FRAME_NS      (1.0 * MSC_MS)
#define MSC_PACE_MICROFRAME_NS (125.0 * MSC_US)
/* Of a block's time on the bus, for waiting between its packets to be named. */
#define FED_LEAST 0.1
#define MSC_PACE_CHANCE 1e-3 /* at most, that events agree so well with a period for nothing */

double msc_mean(const double *x, size_t n); /* -1: of nothing */

/* The time above which one of several that should be alike was disturbed by something else: a host
 * that was busy. Tukey's far fence, and never less than a frame beyond the upper quartile. */
double msc_disturbed_above(const double *x, size_t n);

/* packets.c: what a block's packets take beyond the wire; bus_ns is known, `bits` are those of a packet. */
void msc_weigh_packets(struct msc_pace_work *, double bits);

/* Fills in wake, handed, tick and what goes with them; blocks were measured. */
int msc_pace_find_tick(struct msc_pace_work *, struct msc_err *) MSC_MUST_CHECK;

/* Fills in sizes[] and the line through them; the host's frame is known. */
int msc_pace_sizes(struct msc_pace_work *, struct msc_err *) MSC_MUST_CHECK;

#endif
