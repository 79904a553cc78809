/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for a unit: see ready.h. */
#include "session/ready.h"

#include "base/clock.h"

#define ATTENTIONS_MAX 16 /* that may wait one behind the other */
#define WANTS_START    0x02 /* the qualifier INITIALIZING COMMAND REQUIRED of 04h */

static enum msc_await_step wait_until(int64_t until_ns, int64_t now_ns)
{
	return now_ns < until_ns ? MSC_AWAIT_PAUSE : MSC_AWAIT_END;
}

enum msc_await_step msc_await(struct msc_awaiting *a, int64_t now_ns,
			      const struct msc_sense_data *sense, enum msc_readiness *why)
{
	*why = MSC_READINESS_REFUSED;
	if (sense->valid && sense->key == MSC_SENSE_ILLEGAL_REQUEST)
		return MSC_AWAIT_END; /* there is no such unit */
	/* Firmware that cannot say why may have meant a unit attention, too. */
	if (!sense->valid || sense->key != MSC_SENSE_NOT_READY)
		return ++a->attentions < ATTENTIONS_MAX ? MSC_AWAIT_AGAIN : MSC_AWAIT_END;
	if (sense->asc == MSC_ASC_NO_MEDIUM) {
		*why = MSC_READINESS_EMPTY;
		return wait_until(a->empty_until_ns, now_ns);
	}
	*why = MSC_READINESS_LATE;
	if (sense->asc == MSC_ASC_NOT_READY && sense->ascq == WANTS_START && !a->started) {
		a->started = true;
		return MSC_AWAIT_START;
	}
	return wait_until(a->until_ns, now_ns);
}
