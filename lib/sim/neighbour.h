/* SPDX-License-Identifier: BSD-2-Clause */
/* What the neighbours of a device on a hub take of the wires; private to sim/. Bytes on their wires are
 * reckoned without stuffed bits: what is in their packets is not known. */
#ifndef MSC_SIM_NEIGHBOUR_H
#define MSC_SIM_NEIGHBOUR_H

#include "sim/bus.h"

enum { MICROFRAMES = 8 };

/* One transaction of one of them at full speed, ns. */
int64_t neighbour_ns(enum bus_neighbour, unsigned bytes);

/* The periodic ones: what all of them take of a full-speed frame behind its SOF, and of each of the host's
 * microframes, ns. 0 for bulk. */
int64_t neighbours_frame_ns(enum bus_neighbour, unsigned neighbours, unsigned bytes);
void neighbours_microframes(enum bus_neighbour, unsigned neighbours, unsigned bytes,
			    int64_t ns[MICROFRAMES]);

#endif
