/* SPDX-License-Identifier: BSD-2-Clause */
/* A burst: packets of one bulk endpoint that follow each other with nothing between them that
 * anybody could see or change. They pass at once, and leave behind what they would have left one
 * by one: the same bytes, toggles and counts, and the same time to the nanosecond. Private to sim/.
 *
 * What may not change while a burst lasts, because nothing may happen that could change it:
 *
 *	the queue of events	no event is due, and the run does not end, before its last packet does
 *	the host's transfers	only this endpoint has one, and its last packet is not of the burst
 *	the device's buffer	the firmware has armed it, and is told of its last packet, not before
 *	the endpoint		open and not halted on both sides, which agree on the toggle
 *	who looks on		nobody is told of packets: no tap, no event that counts bytes
 *
 * Each packet costs what it costs by itself: its stuffed bits are counted, its time is rounded, and
 * it waits for the next frame where it does not fit into this one. The packets at the edges (the
 * first of a transfer that waits for the device, the last of a buffer or a transfer, those at an event)
 * are left to bus.c, which also does without bursts: see bus_one_by_one.
 */
#ifndef MSC_SIM_BURST_H
#define MSC_SIM_BURST_H

#include "sim/transaction.h"

/* Moves the packets that are due from now on at the endpoint, as far as they are a burst; time is
 * then the end of the last. false: there is none, and the next packet is one to be looked at. */
bool burst(struct bus *, unsigned index);

#endif
