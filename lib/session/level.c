/* SPDX-License-Identifier: BSD-2-Clause */
/* Known data toggles. The host counts the packets that move on each bulk endpoint since it last began at
 * DATA0; while both sides keep step, as they must for a command to be answered, the device's toggles
 * are the same. Ordinary commands bring both back to DATA0: a request that restarts them would do it at
 * once, and would hide, or set off, the very defects that scenarios are about. */
#include "session/engine.h"

#include <string.h>

#define COMMANDS_MAX 6
/* A READ CAPACITY(10) that takes longer is asked at the first beginning alone. */
#define SLOW_NS MSC_S

/* One command, and what a host asks when it fails. *go_on: the device has answered. */
static int command(struct msc_session *s, struct msc_request *rq, bool *go_on, struct msc_err *err)
{
	struct msc_sense_data ignored;
	const struct msc_record *r;

	rq->serial = true;
	if (msc_session_exchange(s, rq, &r, err) < 0)
		return -1;
	*go_on = msc_exchange_ended(&r->u.exchange);
	if (!*go_on || msc_exchange_passed(&r->u.exchange))
		return 0;
	if (msc_session_sense(s, rq->cbw.h.lun, &ignored, err) < 0)
		return -1;
	*go_on = !msc_session_known(s)->needs_reset;
	return 0;
}

/* What every host does with a unit first, and what firmware measures its medium by. */
static int use(struct msc_session *s, uint8_t lun, const struct msc_unit *u, bool *go_on,
	       struct msc_err *err)
{
	struct msc_request rq;

	*go_on = true;
	if (msc_session_readiness(s, lun) != MSC_READINESS_READY)
		return 0;
	if (!s->slow_capacity) {
		int64_t began_ns = msc_now(s->target->clock);

		msc_request_capacity(&rq, lun);
		if (command(s, &rq, go_on, err) < 0)
			return -1;
		s->slow_capacity = msc_now(s->target->clock) - began_ns > SLOW_NS;
	}
	if (!*go_on || s->used || !u->have_capacity)
		return 0;
	s->used = true;
	msc_request_blocks(&rq, false, lun, 0, 1, u->block_size);
	return command(s, &rq, go_on, err);
}

/* A command without data moves one packet each way; INQUIRY, with data of one packet, two on bulk-in. It
 * is the last in any case: what the device keeps of the command before is the same, too. */
static int level(struct msc_session *s, uint8_t lun, const struct msc_unit *u, bool *level,
		 struct msc_err *err)
{
	struct msc_request rq;
	bool go_on;

	*level = false;
	if (use(s, lun, u, &go_on, err) < 0)
		return -1;
	for (int i = 0; i < COMMANDS_MAX && go_on && !*level; i++) {
		if (s->odd_in)
			msc_request_ready(&rq, lun);
		else
			msc_request_inquiry(&rq, lun);
		if (command(s, &rq, &go_on, err) < 0)
			return -1;
		*level = go_on && !s->odd_in && !s->odd_out && rq.cbw.cb[0] == MSC_OP_INQUIRY;
	}
	return 0;
}

void msc_session_know(struct msc_session *s, uint8_t lun, const struct msc_unit *unit)
{
	for (unsigned i = 0; i <= MSC_LUN_MAX; i++) {
		struct msc_note n = { .kind = MSC_NOTE_UNIT, .lun = (uint8_t)i };

		if (i == lun)
			n.unit = *unit;
		if (memcmp(&n.unit, msc_session_unit(s, n.lun), sizeof n.unit) != 0)
			msc_engine_note(s, &n);
	}
}

int msc_session_level(struct msc_session *s, uint8_t lun, const struct msc_unit *unit,
		      bool *is_level, struct msc_err *err)
{
	int rc = 0, rung;

	msc_session_know(s, lun, unit);
	msc_session_mute(s, true);
	rc = level(s, lun, unit, is_level, err);
	if (rc == 0 && !*is_level)
		rc = msc_session_settle(s, &rung, err);
	msc_session_mute(s, false);
	msc_session_know(s, lun, unit);
	msc_session_forget(s);
	return rc;
}
