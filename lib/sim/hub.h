/* SPDX-License-Identifier: BSD-2-Clause */
/* A high-speed hub between the host and a full-speed device, and what else is plugged into it. Private to
 * sim/. USB 2.0, 11.14 to 11.18; EHCI 1.0, 4.12.
 *
 * There are two wires, and each has its own time. On the host's side, at high speed, each packet of the
 * device costs two transactions: a start-split that carries what the host has to say, and complete-splits
 * that ask what came of it. Between them a translator (translator.h) has spoken to the device at full speed.
 *
 *	    host           hub                 device
 *	SSPLIT IN  -->
 *	           <-- ACK                          the translator has a buffer for it; NAK: later
 *	                        IN -->
 *	CSPLIT IN  -->                              it is still at it:
 *	           <-- NYET         <-- DATA        ask again
 *	                        ACK -->
 *	CSPLIT IN  -->
 *	           <-- DATA                         no handshake: 11.17
 *
 * The host goes round its queues, one transaction each, in what the periodic splits leave of a
 * microframe. A queue waits as long as behind a NAK (host.h) before it is asked again. A device's NAK is a
 * whole round: it is counted, and the next start-split follows.
 *
 * Neighbours are full-speed devices on the other ports (bus.h says what each does). They take their part of
 * the host's microframes, and where there is one translator for all ports, of its wire and of its two
 * buffers. While the device has no transfer pending the bulk ones stand still: what they do then nobody can
 * see.
 *
 * Not modelled: the hub's own endpoints and delays, splits that are lost, devices of low speed, the requests
 * by which a driver clears the buffers of a translator behind a transfer that it has cancelled (11.17.5): they are
 * cleared at once.
 */
#ifndef MSC_SIM_HUB_H
#define MSC_SIM_HUB_H

#include "sim/transaction.h"

/* NULL: out of memory. */
struct hub *hub_new(struct bus *, const struct bus_config *);
void hub_free(struct hub *);

/* Moves what is due, as far as time may go. */
void hub_run(struct bus *);

/* The transfer at the head of that endpoint is taken back. */
void hub_drop(struct hub *, unsigned index);
/* All of them are, and the device's wire is dead. */
void hub_reset(struct hub *);

#endif
