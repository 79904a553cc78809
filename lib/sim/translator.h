/* SPDX-License-Identifier: BSD-2-Clause */
/* The transaction translator of a hub: takes start-splits, speaks to devices at full speed, and keeps what
 * came of it until a complete-split asks. Private to sim/. USB 2.0, 11.14 and 11.17.
 *
 *	a buffer	EMPTY -> WAITING -> RUNNING -> DONE -> EMPTY
 *			accept	   the wire is free   over     take
 *
 * It has two buffers for bulk and control, the fewest that it may have (11.14.2), and serves them in the
 * order in which they were filled. One transaction is on its wire or none.
 *
 * It makes the frames of that wire. They are a microframe behind those of the host: what a start-split of
 * microframe 0 asks for is first on the wire in the next (EHCI 1.0, 4.5, "B-frame" and "H-frame"). Behind
 * the SOF come the periodic transactions, one behind the other; bulk and control have the rest, and nothing
 * is begun that does not end within the frame.
 *
 * A device that says nothing is asked three times, and is to the host as one that has stalled (11.17).
 */
#ifndef MSC_SIM_TRANSLATOR_H
#define MSC_SIM_TRANSLATOR_H

#include "sim/transaction.h"

/* How far its frames are behind. */
#define TRANSLATOR_LAG_NS (125 * MSC_US)

struct translator;

/* periodic_ns: what the periodic transactions take of each frame. NULL: out of memory. */
struct translator *translator_new(struct bus *, int64_t periodic_ns);
void translator_free(struct translator *);

/* A start-split of an endpoint of the device, whose transaction is that which is due at its head. false:
 * all buffers are in use. */
bool translator_accept(struct translator *, unsigned index);
/* The same of somebody else's: a transaction of so long, and whether it is a NAK. `queue` is a number from
 * ENDPOINTS on. */
bool translator_accept_other(struct translator *, unsigned queue, int64_t ns, bool refused);

/* What came of it; NULL: not yet. It stays until it is taken. Of somebody else's `reply` alone is set. */
const struct transaction *translator_result(const struct translator *, unsigned queue);
void translator_take(struct translator *, unsigned queue);

/* Nobody will ask for it any more. What is on the wire goes to its end, and the device knows nothing of
 * that. */
void translator_drop(struct translator *, unsigned queue);

/* The wire is dead: nothing that was on it has an end, and nothing is kept. */
void translator_reset(struct translator *);

/* What may begin begins: to be called when the bus has stood still. */
void translator_go(struct translator *);

#endif
