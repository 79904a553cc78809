/* SPDX-License-Identifier: BSD-2-Clause */
/* One READ or WRITE, and what came of it. A device that hangs, that gives less than it says or that only a
 * reset brings back has failed, whatever it reads later. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/copy.h"
#include "scsi/scsi.h"
#include "soak/soak.h"

#define TRIES 12 /* of a command, where the device has something to report first, or is busy */
#define PAUSE_NS (200 * MSC_MS) /* where it is busy */

static enum msc_soak_end end_of(const struct msc_exchange *x)
{
	bool hung = x->whole && x->outcome == MSC_OUT_TIMEOUT;

	if (msc_exchange_passed(x) && x->data_len != x->cbw.h.length)
		return MSC_SOAK_SHORT;
	if (msc_exchange_passed(x)) /* BOT 1.0, 5.2: of a command that passes whole it is 0 */
		return x->whole || !x->csw.residue ? MSC_SOAK_PASSED : MSC_SOAK_RESIDUE;
	for (size_t i = 0; i < x->n_steps; i++)
		hung = hung || msc_hung(x->steps[i].outcome);
	if (hung)
		return MSC_SOAK_HUNG;
	return msc_exchange_ended(x) ? MSC_SOAK_REFUSED : MSC_SOAK_RESET;
}

static void explain(struct msc_soak_command *c, const struct msc_sense_data *sense, size_t asked,
		    uint32_t residue)
{
	switch (c->end) {
	case MSC_SOAK_HUNG: snprintf(c->why, sizeof c->why, "no answer in time"); break;
	case MSC_SOAK_SHORT:
		snprintf(c->why, sizeof c->why, "it passes with %zu of %zu bytes", c->moved, asked);
		break;
	case MSC_SOAK_RESIDUE:
		snprintf(c->why, sizeof c->why, "dCSWDataResidue is %" PRIu32 " with all %zu bytes",
			 residue, asked);
		break;
	case MSC_SOAK_RESET:
		snprintf(c->why, sizeof c->why, "no valid status: the device has to be reset");
		break;
	case MSC_SOAK_REFUSED:
	case MSC_SOAK_LIMITED:
		if (sense->valid)
			msc_sense_text(c->why, sizeof c->why, sense);
		break;
	case MSC_SOAK_ACCEPTED:
	case MSC_SOAK_PASSED:
	case MSC_SOAK_ENDS: break;
	}
}

/* Hosts wait, and try again. */
static bool is_busy(const struct msc_sense_data *s)
{
	return s->key == MSC_SENSE_NOT_READY && s->asc == MSC_ASC_NOT_READY &&
	       (s->ascq == MSC_ASCQ_BECOMING_READY || s->ascq == MSC_ASCQ_IN_PROGRESS ||
		s->ascq == MSC_ASCQ_LONG_WRITE);
}

static int send_once(struct msc_session *s, uint8_t lun, uint32_t size, struct msc_soak_command *c,
		     uint8_t *data, struct msc_err *err)
{
	const struct msc_record *r;
	struct msc_follow_up f;
	struct msc_request rq;
	uint32_t residue;
	bool mended;

	msc_request_blocks(&rq, c->write, lun, c->lba, c->blocks, size);
	rq.out = c->write ? data : NULL;
	if (msc_session_exchange(s, &rq, &r, err) < 0)
		return -1;
	c->end = end_of(&r->u.exchange);
	c->moved = r->u.exchange.data_len;
	residue = r->u.exchange.csw.residue;
	c->key = 0;
	*c->why = '\0';
	mended = msc_may_be_recovered(&r->u.exchange);
	if (!c->write && (msc_soak_is_whole(c->end) || mended))
		msc_copy(data, r->u.exchange.data, c->moved);
	if (msc_session_follow_up(s, &r->u.exchange, &f, err) < 0)
		return -1;
	c->rung = f.rung;
	c->again = false;
	if (c->end == MSC_SOAK_REFUSED && f.sense.valid) {
		c->key = f.sense.key;
		c->again = c->key == MSC_SENSE_UNIT_ATTENTION || is_busy(&f.sense);
	}
	if (mended && c->key == MSC_SENSE_RECOVERED_ERROR)
		c->end = MSC_SOAK_PASSED;
	explain(c, &f.sense, rq.cbw.h.length, residue);
	return 0;
}

static bool is_limit(const struct msc_soak *r, const struct msc_soak_command *c)
{
	return c->end == MSC_SOAK_REFUSED && c->key == MSC_SENSE_ILLEGAL_REQUEST && c->blocks > 1 &&
	       c->blocks > r->longest_passed[c->write];
}

/* Of one that reaches past the end: that it is refused is as it should be. */
static void turn(struct msc_soak_command *c)
{
	if (c->end == MSC_SOAK_REFUSED) {
		c->end = MSC_SOAK_PASSED;
	} else if (msc_soak_is_whole(c->end) || c->end == MSC_SOAK_SHORT) {
		c->end = MSC_SOAK_ACCEPTED;
		snprintf(c->why, sizeof c->why, "with %zu bytes", c->moved);
	}
}

static void count(struct msc_soak *r, const struct msc_soak_command *c)
{
	struct msc_soak_failed *f = &r->failed[c->end][c->write];

	if (c->end == MSC_SOAK_PASSED) {
		if (!c->past && c->blocks > r->longest_passed[c->write])
			r->longest_passed[c->write] = c->blocks;
		return;
	}
	if (!f->n++)
		*f = (struct msc_soak_failed){ 1, c->blocks, c->blocks, *c };
	f->least = c->blocks < f->least ? c->blocks : f->least;
	f->most = c->blocks > f->most ? c->blocks : f->most;
	r->n_failed += c->end != MSC_SOAK_LIMITED;
}

int msc_soak_send(struct msc_session *s, struct msc_soak *r, uint8_t lun, int64_t began_ns,
		  struct msc_soak_command *c, uint8_t *data, struct msc_err *err)
{
	struct msc_clock *clock = msc_session_target(s)->clock;
	int rc = 0;

	msc_session_mute(s, true);
	for (int i = 0; i < TRIES && rc == 0; i++) {
		c->at_ns = msc_now(clock) - began_ns;
		c->number = r->reads + r->writes + 1;
		rc = send_once(s, lun, r->block_size, c, data, err);
		if (rc == 0)
			(*(c->write ? &r->writes : &r->reads))++;
		if (rc < 0 || !c->again)
			break;
		if (c->key == MSC_SENSE_NOT_READY)
			msc_wait_until(clock, msc_now(clock) + PAUSE_NS);
	}
	if (rc == 0 && c->past)
		turn(c);
	else if (rc == 0 && is_limit(r, c))
		c->end = MSC_SOAK_LIMITED;
	/* after a reset it may have to become ready anew */
	if (rc == 0 && (c->rung == 1 || c->rung == 2))
		rc = msc_session_learn(s, lun, err);
	msc_session_mute(s, false);
	if (rc == 0)
		count(r, c);
	return rc;
}
