/* SPDX-License-Identifier: BSD-2-Clause */
/* A host that takes fewer packets a frame than fit: what of a block's time it does not ask in. Private to
 * lib/timing. */
#ifndef MSC_TIMING_LIMITED_H
#define MSC_TIMING_LIMITED_H

#include "timing/costs.h"
#include "timing/work.h"

/* Fills in p->limited from the long reads; the host's frame and the time of a packet are known. */
void msc_find_limit(struct msc_pace_work *);

/* Of the pauses of the host, the share after which the next chunk but the one that lay in the endpoint was there when
 * the host asked; below 0: polls are not seen. */
double msc_limit_ready(const struct msc_pace_samples *, uint32_t chunk, double first_ns);

/* What a request to endpoint 0 may take longer during a read because frames are full, ns: at most; and on
 * average, where the host sees frames. */
double msc_limit_delays_ns(const struct msc_pace *);
double msc_limit_delays_mean_ns(const struct msc_pace *);

/* What a block takes at least on this host, ns; 0: no more than its packets. */
double msc_limit_floor_ns(const struct msc_pace *);

/* What it costs, out of c->rest, and what a host saves that takes as many as fit; and what that leaves to others. */
void msc_divide_limit(struct msc_costs *);
void msc_bound_limit(struct msc_costs *);
void msc_words_limit(const struct msc_costs *, struct msc_diagnosis *);

#endif
