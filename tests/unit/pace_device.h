/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples of a device that exists as a few equations: what a probe would have collected from it.
 * Nothing of the simulator, of a transport or of the probe takes part. */
#ifndef MSC_TESTS_PACE_DEVICE_H
#define MSC_TESTS_PACE_DEVICE_H

#include "timing/pace.h"

struct pace_device {
	unsigned buffers;      /* 1 or 2 */
	double medium_ns;      /* for one block: at least; and up to so much more: */
	double spread_ns;
	double tick_ns;	       /* every wake-up of the task waits for it; 0: none does */
	double drift_ppm;      /* of the tick */
	bool first_only;       /* only the request at the beginning of a read waits */
	bool handed_only; /* only the task that waits for the bus with a block in its hands does */
	bool interrupt;	       /* reads the medium where endpoint 0 cannot be served */
	double command_ns;     /* before the first block */
	double frame_ns;       /* completions are seen at its end; 0: at once */
	bool naks_hidden;
	uint64_t seed;
};

/* Full speed, 512-byte blocks of zeros, sizes 1, 8 and 64. False: out of memory. */
bool pace_device_samples(const struct pace_device *, struct msc_pace_samples *);

/* It is the first cause, or one of which it cannot be told whether it saves less. */
bool pace_names_first(const struct msc_pace *, const char *id);

#endif
