/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a unit is waited for that is not ready, and what is done about it: as hosts do (Linux,
 * sd_spinup_disk). Pure: who sends TEST UNIT READY tells it what came of it, and is told what to do. */
#ifndef MSC_SESSION_READY_H
#define MSC_SESSION_READY_H

#include "scsi/scsi.h"

enum msc_readiness {
	MSC_READINESS_UNKNOWN,
	MSC_READINESS_READY,
	MSC_READINESS_EMPTY, /* the device says 2/3A: there is no medium */
	MSC_READINESS_LATE,  /* it says that it is not ready, for longer than is waited */
	MSC_READINESS_REFUSED, /* it gives another reason, or none */
};

struct msc_awaiting {
	int64_t until_ns;	/* a unit that is not ready is waited for */
	int64_t empty_until_ns; /* and one that says that it is empty: a card may be found late */
	bool started;		/* START STOP UNIT was sent: once is enough */
	unsigned attentions;	/* and other failures, read away so far */
};

enum msc_await_step {
	MSC_AWAIT_AGAIN, /* TEST UNIT READY, at once */
	MSC_AWAIT_PAUSE, /* the same after MSC_AWAIT_PAUSE_NS */
	MSC_AWAIT_START, /* START STOP UNIT with START, then TEST UNIT READY */
	MSC_AWAIT_END,	 /* it does not become ready: see *why */
};
#define MSC_AWAIT_PAUSE_NS (100 * MSC_MS)
/* Linux waits so long for 2/04/01. */
#define MSC_AWAIT_LATE_NS  (100 * MSC_S)
/* A reader finds its card, after 2/3A/00 at first. */
#define MSC_AWAIT_EMPTY_NS (2 * MSC_S)

/* TEST UNIT READY has failed, for this reason. */
enum msc_await_step msc_await(struct msc_awaiting *, int64_t now_ns, const struct msc_sense_data *,
			      enum msc_readiness *why);

#endif
