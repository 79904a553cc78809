/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples for msc_pace_analyse from a capture, instead of from a probe: whatever a host happened to
 * read, sorted by how it did so.
 *
 *	READ, CBW and data and CSW submitted together	queued, or alone (strobed) after a rest
 *	READ, one phase after the other			serial
 *	TEST UNIT READY					the same, of no blocks
 *	READ whose data came in pieces of one packet	a long read: packets of the bus always; of a
 *	  or one block				  driver's capture, where the host cut the data so
 *	the same, and the host stopped after a block	a long read with a pause
 *	GET_STATUS(device)				a request, idle or during a read
 *	WRITE						a write
 *
 * Where packets of the bus are seen, times are those of the packets: what the host did between them
 * is known, and taken out of the strobed ones, so a command that was not alone serves for one, too.
 * How long the host took is seen by when it went on, which is when software knew.
 *
 * Nothing is asked of the device, so what the host did not do is not there; msc_pace says which
 * evidence that is (missing). Memory is bounded: of more samples than that the first are kept.
 */
#ifndef MSC_TIMING_PACE_CAPTURE_H
#define MSC_TIMING_PACE_CAPTURE_H

#include "capture/capture.h"
#include "timing/pace.h"

struct msc_pace_collector;

/* out stays the caller's. NULL: out of memory. */
struct msc_pace_collector *msc_pace_collector_new(struct msc_pace_samples *out);
void msc_pace_collector_free(struct msc_pace_collector *);

/* The three callbacks of a capture, in the order in which it calls. Those of one interface alone: the
 * first of which a READ is told; -1: out of memory. */
int msc_pace_collect_wire(struct msc_pace_collector *, const struct msc_talk *,
			  const struct msc_log_entry *, struct msc_err *) MSC_MUST_CHECK;
int msc_pace_collect_packet(struct msc_pace_collector *, const struct msc_talk *,
			    const struct msc_bus_packet *, struct msc_err *) MSC_MUST_CHECK;
int msc_pace_collect_record(struct msc_pace_collector *, const struct msc_talk *,
			    const struct msc_record *, struct msc_err *) MSC_MUST_CHECK;
/* The capture is over: *out is complete, and *device is whose it is. False: there is no READ and no
 * WRITE in it that worked. */
bool msc_pace_collect_end(struct msc_pace_collector *, const struct msc_capture_facts *,
			  struct msc_device *device);

/* Which evidence there is none of: from the samples and what was made of them. */
void msc_pace_tell_missing(const struct msc_pace_samples *, struct msc_pace *);

#endif
