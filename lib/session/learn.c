/* SPDX-License-Identifier: BSD-2-Clause */
/* What a session finds out for itself: the units behind the target, whether the device answers,
 * whether it can be driven queued. Every function here is bounded however the device behaves: a fixed
 * number of commands (or the time of ready.h for a unit that is not ready), each with the session's
 * time-out, and a fixed number of recoveries.
 * None of its records is passed on to be judged. */
#include "session/engine.h"

#include <stdio.h>
#include <string.h>

#define RECOVERIES_MAX	  3
#define CAPACITY_TRIES	  2
#define ATTENTIONS_MAX	  6		 /* unit attentions read away before a unit is ready */
#define PROBE_TIMEOUT_NS  MSC_S
#define PROBE_ROUNDS	  8
#define PROBE_BLOCKS	  8191u /* odd, and more than a device does at once */
#define INQUIRY_ALLOC	  36
#define MODE_SENSE_ALLOC  192

struct learner {
	struct msc_session *s;
	uint8_t lun;
	int64_t timeout_ns;
	unsigned recoveries; /* still allowed */
	bool queued;
	const struct msc_exchange *x; /* of the newest command */
};

/* ---- commands of one's own ---------------------------------------------------------------- */

/* A command that reads `length` bytes. */
static struct msc_request request(const struct learner *l, const uint8_t *cdb, uint32_t length)
{
	struct msc_request rq;

	msc_request_init(&rq, cdb, msc_cdb_group_length(cdb[0]), MSC_DIR_IN, length);
	rq.cbw.h.lun = l->lun;
	return rq;
}

/* Sends it; l->x is its exchange. */
static int command(struct learner *l, struct msc_request *rq, struct msc_err *err)
{
	const struct msc_record *r;

	rq->serial = !l->queued;
	rq->timeout_ns = l->timeout_ns;
	if (msc_session_exchange(l->s, rq, &r, err))
		return -1;
	l->x = &r->u.exchange;
	return 0;
}

static bool passed(const struct learner *l)
{
	return msc_exchange_passed(l->x);
}

/* The sense data of the last command; not valid when the device gave none. */
static int request_sense(struct learner *l, struct msc_sense_data *sense, struct msc_err *err)
{
	return msc_session_sense(l->s, l->lun, sense, err);
}

/* ---- settle ------------------------------------------------------------------------------- */

/* TEST UNIT READY, and unit attentions read away so that the next command does not meet them. */
static int answers(struct learner *l, bool *yes, struct msc_err *err)
{
	struct msc_sense_data sense;
	enum msc_answer answer;

	*yes = false;
	for (int i = 0; i < ATTENTIONS_MAX; i++) {
		if (msc_session_answers(l->s, l->lun, &answer, err))
			return -1;
		*yes = answer >= MSC_ANSWER_FAILED;
		if (!*yes || answer == MSC_ANSWER_PASSED)
			return 0;
		if (request_sense(l, &sense, err))
			return -1;
		*yes = !msc_session_known(l->s)->needs_reset;
		if (!*yes || sense.key != MSC_SENSE_UNIT_ATTENTION)
			return 0;
	}
	return 0;
}

static int settle(struct learner *l, int *rung, struct msc_err *err)
{
	bool yes = false;

	*rung = 0;
	if (!msc_session_known(l->s)->needs_reset && answers(l, &yes, err))
		return -1;
	if (yes)
		return 0;
	*rung = 1;
	if (l->s->driver->climb(l->s, *rung, err))
		return -1;
	if (!msc_session_known(l->s)->needs_reset && answers(l, &yes, err))
		return -1;
	if (yes)
		return 0;
	*rung = 2;
	if (l->s->driver->climb(l->s, *rung, err) || answers(l, &yes, err))
		return -1;
	if (!yes)
		*rung = 3;
	return 0;
}

const char *msc_session_settled(int rung)
{
	static const char *const texts[] = {
		"answers again", "answers again after reset recovery",
		"answers again after a port reset",
		"gives no valid answer any more, nor after a port reset"
	};

	return texts[rung];
}

int msc_session_settle(struct msc_session *s, int *rung, struct msc_err *err)
{
	struct learner l = { .s = s };
	int result;

	msc_session_mute(s, true);
	result = settle(&l, rung, err);
	msc_session_mute(s, false);
	return result;
}

/* ---- max LUN ------------------------------------------------------------------------------ */

int msc_session_ask_max_lun(struct msc_session *s, struct msc_err *err)
{
	int result;

	if (!s->driver->ask_max_lun)
		return 0;
	msc_session_mute(s, true);
	result = s->driver->ask_max_lun(s, err);
	msc_session_mute(s, false);
	return result;
}

int64_t msc_session_quickest(const struct msc_session *s)
{
	return s->quickest_ns;
}

char *msc_session_other_units(char *buf, size_t size, uint8_t max_lun, uint8_t but)
{
	size_t len = 0;

	*buf = '\0';
	for (unsigned lun = 0; lun <= max_lun && lun <= MSC_LUN_MAX; lun++)
		if (lun != but)
			len += (size_t)snprintf(buf + len, size - len, "%sunit %u (--lun %u)",
						len ? ", " : "", lun, lun);
	return buf;
}

int msc_session_max_lun(struct msc_session *s, uint8_t *max_lun, struct msc_err *err)
{
	int result = msc_session_known(s)->have_max_lun ? 0 : msc_session_ask_max_lun(s, err);

	*max_lun = msc_session_known(s)->max_lun;
	return result;
}

/* ---- learn -------------------------------------------------------------------------------- */

/* Sends a command; when that gets no answer, recovers while that is still allowed.
 * *good: it was answered and passed. */
static int send(struct learner *l, struct msc_request *rq, bool *good, struct msc_err *err)
{
	int rung;

	if (command(l, rq, err))
		return -1;
	*good = passed(l);
	if (msc_exchange_ended(l->x) || !l->recoveries)
		return 0;
	l->recoveries--;
	return msc_session_settle(l->s, &rung, err);
}

static int ask(struct learner *l, const uint8_t *cdb, uint32_t length, bool *good,
	       struct msc_err *err)
{
	struct msc_request rq = request(l, cdb, length);

	return send(l, &rq, good, err);
}

/* START STOP UNIT with START: what a unit waits for that says 2/04/02. */
static int start_unit(struct learner *l, struct msc_err *err)
{
	struct msc_request rq;
	bool good;

	msc_request_start(&rq, l->lun);
	return send(l, &rq, &good, err);
}

/* Says in *how what became of it. */
static int await_ready(struct learner *l, struct msc_awaiting a, enum msc_readiness *how,
		       struct msc_err *err)
{
	struct msc_clock *clock = l->s->target->clock;
	enum msc_await_step step = MSC_AWAIT_AGAIN;
	struct msc_sense_data sense;
	struct msc_request rq;
	bool ready;

	*how = MSC_READINESS_REFUSED;
	msc_request_ready(&rq, l->lun);
	while (step != MSC_AWAIT_END && l->recoveries) {
		if (step == MSC_AWAIT_PAUSE)
			msc_wait_until(clock, msc_now(clock) + MSC_AWAIT_PAUSE_NS);
		if ((step == MSC_AWAIT_START && start_unit(l, err)) || send(l, &rq, &ready, err))
			return -1;
		if (ready) {
			*how = MSC_READINESS_READY;
			return 0;
		}
		if (msc_engine_go_on(l->s, err) || request_sense(l, &sense, err))
			return -1;
		step = msc_await(&a, msc_now(clock), &sense, how);
	}
	return 0;
}

/* An empty unit is waited for once, whatever the number of sessions; when it has been ready, again. */
static int become_ready(struct learner *l, enum msc_readiness *how, struct msc_err *err)
{
	struct msc_target *t = l->s->target;
	const uint16_t bit = (uint16_t)(1u << l->lun);
	int64_t now_ns = msc_now(t->clock);
	const struct msc_awaiting a = {
		.until_ns = now_ns + MSC_AWAIT_LATE_NS,
		.empty_until_ns = now_ns + (t->empty & bit ? 0 : MSC_AWAIT_EMPTY_NS)
	};

	if (await_ready(l, a, how, err))
		return -1;
	t->empty &= (uint16_t)~bit;
	if (*how == MSC_READINESS_EMPTY)
		t->empty |= bit;
	return 0;
}

static int learn_medium(struct learner *l, struct msc_err *err)
{
	static const uint8_t capacity10[MSC_CBW_CB_MAX] = { MSC_OP_READ_CAPACITY_10 };
	static const uint8_t capacity16[MSC_CBW_CB_MAX] = { MSC_OP_SERVICE_ACTION_IN_16,
							    0x10, [13] = 32 };
	const struct msc_unit *u = msc_session_unit(l->s, l->lun);
	struct msc_sense_data sense;
	bool good = false;

	/* The first answer after a reset may be of no use where the next ones are. */
	for (int i = 0; i < CAPACITY_TRIES && !u->have_capacity; i++) {
		if (ask(l, capacity10, MSC_CAPACITY_10_LEN, &good, err))
			return -1;
		if (!good)
			break;
	}
	if (!good && l->recoveries) { /* TEST UNIT READY need not be right */
		if (request_sense(l, &sense, err))
			return -1;
		if (sense.valid && sense.key == MSC_SENSE_NOT_READY &&
		    sense.asc == MSC_ASC_NO_MEDIUM)
			l->s->readiness[l->lun] = MSC_READINESS_EMPTY;
	}
	if (u->have_capacity && u->last_lba == UINT32_MAX)
		return ask(l, capacity16, 32, &good, err);
	return 0;
}

static int learn(struct learner *l, struct msc_err *err)
{
	static const uint8_t inquiry[MSC_CBW_CB_MAX] = { MSC_OP_INQUIRY, [4] = INQUIRY_ALLOC };
	static const uint8_t mode[MSC_CBW_CB_MAX] = {
		MSC_OP_MODE_SENSE_6, [2] = 0x3f, [4] = MODE_SENSE_ALLOC};
	enum msc_readiness *how = &l->s->readiness[l->lun];
	bool good;

	if (ask(l, inquiry, INQUIRY_ALLOC, &good, err) || become_ready(l, how, err) ||
	    (*how == MSC_READINESS_READY && learn_medium(l, err)))
		return -1;
	return l->recoveries ? ask(l, mode, MODE_SENSE_ALLOC, &good, err) : 0;
}

int msc_session_learn(struct msc_session *s, uint8_t lun, struct msc_err *err)
{
	struct learner l = { .s = s, .lun = lun & MSC_LUN_MAX, .recoveries = RECOVERIES_MAX };
	const struct msc_unit *u = msc_session_unit(s, l.lun);
	int result;

	msc_engine_note(s, &(struct msc_note){ .kind = MSC_NOTE_UNIT, .lun = l.lun });
	msc_session_mute(s, true);
	result = learn(&l, err);
	msc_session_mute(s, false);
	if (!result)
		msc_log(s->o.log, MSC_LOG_INFO, s->driver->name, msc_now(s->target->clock),
			"unit %u: type %02xh, %s%llu blocks of %u bytes%s", l.lun, u->device_type,
			u->removable ? "removable, " : "",
			u->have_capacity ? (unsigned long long)u->last_lba + 1 : 0, u->block_size,
			u->write_protected ? ", write-protected" : "");
	return result;
}

enum msc_readiness msc_session_readiness(const struct msc_session *s, uint8_t lun)
{
	return s->readiness[lun & MSC_LUN_MAX];
}

void msc_session_set_readiness(struct msc_session *s, uint8_t lun, enum msc_readiness how)
{
	s->readiness[lun & MSC_LUN_MAX] = how;
}

/* ---- queued? ------------------------------------------------------------------------------ */

struct trial {
	struct msc_request rq;
	bool useless; /* it fails serially too, and says nothing of the queue */
};

/* Queued first, and if that fails, serially: only a command that works serially accuses the queue. */
static int try_queued(struct learner *l, struct trial *t, bool *works, struct msc_err *err)
{
	int rung;

	l->queued = true;
	if (command(l, &t->rq, err))
		return -1;
	if (!l->x->needs_reset)
		return 0;
	l->queued = false;
	if (msc_session_settle(l->s, &rung, err) || command(l, &t->rq, err))
		return -1;
	*works = t->useless = l->x->needs_reset;
	return l->x->needs_reset ? msc_session_settle(l->s, &rung, err) : 0;
}

/* One block; but where that is less than a packet, an odd number of them, which ends with a short
 * packet, is where QEMU's stick on xHCI goes wrong. */
static uint32_t probe_blocks(const struct learner *l, const struct msc_unit *u)
{
	bool less = u->block_size < l->s->target->device.max_packet_in;

	return less && u->last_lba >= PROBE_BLOCKS ? PROBE_BLOCKS : 1;
}

/* In rounds, because a device may fail only when it is not ready soon enough. */
static int probe_queued(struct learner *l, bool *works, char *why, size_t size, struct msc_err *err)
{
	static const uint8_t inquiry[MSC_CBW_CB_MAX] = { MSC_OP_INQUIRY, [4] = INQUIRY_ALLOC };
	const struct msc_unit *u = msc_session_unit(l->s, l->lun);
	struct trial trials[3] = {
		[1].rq = request(l, inquiry, INQUIRY_ALLOC), [2].useless = !u->have_capacity
	};
	char name[48];

	msc_request_ready(&trials[0].rq, l->lun);
	msc_request_blocks(&trials[2].rq, false, l->lun, 0, probe_blocks(l, u), u->block_size);
	for (size_t i = 0; i < PROBE_ROUNDS * MSC_COUNT(trials) && *works; i++) {
		struct trial *t = &trials[i % MSC_COUNT(trials)];

		if (!t->useless && try_queued(l, t, works, err))
			return -1;
		if (!*works)
			snprintf(why, size,
				 "%s is not answered when CBW, data and CSW are queued together",
				 msc_cdb_name(name, sizeof(name), t->rq.cbw.cb));
	}
	return 0;
}

int msc_session_probe_queued(struct msc_session *s, bool *works, char *why, size_t size,
			     struct msc_err *err)
{
	bool wanted = s->o.queued;
	struct learner l = { .s = s, .timeout_ns = s->o.timeout_ns };
	int result;

	if (l.timeout_ns > PROBE_TIMEOUT_NS)
		l.timeout_ns = PROBE_TIMEOUT_NS;
	*works = !s->driver->serial_only;
	snprintf(why, size, "%s", *works ? "" : s->driver->serial_only);
	if (!*works) {
		s->o.queued = false;
		return 0;
	}
	s->o.queued = true;
	msc_session_mute(s, true);
	result = probe_queued(&l, works, why, size, err);
	msc_session_mute(s, false);
	s->o.queued = wanted && *works;
	return result;
}

int msc_session_follow_up(struct msc_session *s, const struct msc_exchange *x,
			  struct msc_follow_up *f, struct msc_err *err)
{
	*f = (struct msc_follow_up){ .asked = false };
	if (x->csw.status == MSC_CSW_FAILED && msc_csw_is_valid(x)) {
		f->asked = true;
		return msc_session_sense(s, x->cbw.h.lun, &f->sense, err);
	}
	if (x->whole ? msc_exchange_ended(x) : !x->needs_reset && msc_exchange_is_valid(x))
		return 0;
	return msc_session_settle(s, &f->rung, err);
}
