/* SPDX-License-Identifier: BSD-2-Clause */
/* How host controllers, with their drivers in Linux, differ as far as a device or software can tell.
 * Private to sim/. Every value has its source beside it in host.c. */
#ifndef MSC_SIM_HOST_H
#define MSC_SIM_HOST_H

#include "sim/transaction.h"

/* The policy of a controller with what the configuration changes in it. */
struct policy host_policy(const struct bus_config *);

/* When software learns of what ended at that time. Counts as an interrupt. */
int64_t host_seen(struct bus *, int64_t ended_ns);

/* A short packet of so many bytes, the newest of a bulk transfer, stops the queue of its endpoint until
 * software has seen it: it lies in a transfer descriptor behind which others are of the same
 * transfer. */
bool host_stops(const struct bus *, const struct endpoint *, const struct bus_transfer *,
		size_t len);

#endif
