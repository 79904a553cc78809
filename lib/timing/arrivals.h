/* SPDX-License-Identifier: BSD-2-Clause */
/* What the long reads say; parts of the analysis (pace.c). Private to lib/timing. */
#ifndef MSC_TIMING_ARRIVALS_H
#define MSC_TIMING_ARRIVALS_H

#include "timing/pace.h"

/* Blocks of each long read; 0: there is none. */
uint32_t msc_stream_blocks(const struct msc_pace_samples *, bool paused);

/* The mean time from the middle of one block to the middle of the next, for each block but the
 * first; gap[0] counts from the beginning of the command, and with a pause gap[1] from its end.
 * Reads that the host disturbed are left out. */
int msc_mean_gaps(const struct msc_pace_samples *, bool paused, uint32_t blocks, double *gap,
		  struct msc_err *) MSC_MUST_CHECK;

/* How many blocks come together at the bus's pace, from the gaps of reads without a pause; 0: there
 * is no waiting to tell it by. */
uint32_t msc_chunk_of(const double *gap, uint32_t blocks, double bus_ns);

/* What a packet takes, ns, where a hub's translator stands between: the mean of those of one block, which come
 * from one buffer, in long reads, and no more than that of all. Blocks in which the device is seen to refuse do
 * not count. 0: there is no translator, or too little was seen. */
double msc_path_ns(const struct msc_pace_samples *);

/* packets.c: what passes between the packets of a block, ns in all, beyond `packet_ns` for each; 0: nothing, or it is
 * not seen (one packet to a block, a translator, frames without NAKs). */
double msc_fed_ns(const struct msc_pace_samples *, double packet_ns);

/* How the samples are looked at. */
struct msc_pace_view {
	const struct msc_pace_samples *s;
	const struct msc_pace_lock *host;
	double piece_ns;   /* one piece of data, on the wire */
	double nak_ns;	  /* one refused poll; 0: they cannot be seen */
	size_t *conflicts; /* counts where NAKs and frames contradict each other; may be NULL */
	bool limited; /* the host does not ask at times: what it finds ready came at any time before */
};

/* The time of one refused poll, from the long reads; 0: polls cannot be seen. */
int msc_nak_period(const struct msc_pace_view *, uint32_t chunk, double *period_ns,
		   struct msc_err *) MSC_MUST_CHECK;

/* When each chunk that was waited for began to arrive. The caller frees *out. */
int msc_arrivals(const struct msc_pace_view *, uint32_t chunk, struct msc_event_time **out,
		 size_t *n, struct msc_err *) MSC_MUST_CHECK;

/* When each read's first packet began to arrive. The same. */
int msc_first_arrivals(const struct msc_pace_view *, struct msc_event_time **out, size_t *n,
		       struct msc_err *) MSC_MUST_CHECK;

/* When the first chunk began to arrive that the device had to hand over after a pause of the host: all that
 * it could do ahead was done, and the chunk before it lay in the endpoint. The same. */
int msc_handed_arrivals(const struct msc_pace_view *, uint32_t chunk, struct msc_event_time **out,
			size_t *n, struct msc_err *) MSC_MUST_CHECK;

/* Of the reads that were resumed in the middle of a frame, the share in which a block that was
 * ready came within that frame; below 0: could not be told. */
double msc_midframe(const struct msc_pace_view *);

#endif
