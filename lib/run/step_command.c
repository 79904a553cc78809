/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps that put a CBW on the wire: building it from the plan and the facts of the device, sending
 * it, and what a host does next (REQUEST SENSE after status 01h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/runner.h"
#include "session/gate.h"

#define OUT_MAX (INT64_C(16) << 20)

struct built {
	struct msc_request rq;
	uint8_t *out;
};

/* The form of the command: of `read` and `write`, that of ten bytes unless a field is too large. */
static const struct msc_cdb_def *form(const struct msc_runner *r, const struct msc_plan_command *c)
{
	struct msc_err ignored = MSC_ERR_INIT;
	uint8_t cdb[MSC_CBW_CB_MAX];
	int64_t v;

	for (size_t i = 0; c->narrow && i < MSC_COUNT(c->field); i++)
		if (c->field[i].count &&
		    (msc_expr_value(&c->field[i], &r->env, &v, &ignored) < 0 ||
		     msc_cdb_set(c->narrow, cdb, &c->narrow->fields[i], (uint64_t)v, &ignored) < 0))
			return c->def;
	return c->narrow ? c->narrow : c->def;
}

/* The command block; false: a value does not fit. */
static bool build_block(struct msc_runner *r, const struct msc_plan_command *c,
			const struct msc_cdb_def *def, uint8_t cdb[MSC_CBW_CB_MAX])
{
	struct msc_err err = MSC_ERR_INIT;
	int64_t v;

	if (def)
		msc_cdb_begin(def, cdb);
	else
		memcpy(cdb, c->raw, MSC_CBW_CB_MAX);
	for (size_t i = 0; def && i < MSC_COUNT(c->field); i++) {
		if (!c->field[i].count)
			continue;
		if (!msc_run_value(r, &c->field[i], 0, &v))
			return false;
		if (msc_cdb_set(def, cdb, &def->fields[i], (uint64_t)v, &err) < 0) {
			msc_run_end_case(r, MSC_VERDICT_SKIP, "does not fit this device: %s",
					 err.msg);
			return false;
		}
	}
	for (size_t i = 0; i < c->n_patch; i++) {
		if (!msc_run_value(r, &c->patch[i].value, 0, &v))
			return false;
		cdb[c->patch[i].byte] = (uint8_t)v;
	}
	return true;
}

/* What the command block asks to transfer: what an honest host puts into the CBW. */
static int64_t own_length(const struct msc_runner *r, const struct msc_cdb_def *def,
			  const uint8_t cdb[MSC_CBW_CB_MAX])
{
	switch (def ? def->amount : MSC_AMOUNT_NONE) {
	case MSC_AMOUNT_BLOCKS:
		return (int64_t)(msc_cdb_value(cdb, "blocks") * r->unit.block_size);
	case MSC_AMOUNT_ALLOCATION:
	case MSC_AMOUNT_PARAMETERS: return (int64_t)msc_cdb_value(cdb, "alloc");
	case MSC_AMOUNT_CAPACITY: return MSC_CAPACITY_10_LEN;
	default: return 0;
	}
}

static bool build_wrapper(struct msc_runner *r, const struct msc_plan_command *c,
			  const struct msc_cdb_def *def, const uint8_t cdb[MSC_CBW_CB_MAX],
			  struct msc_request *rq)
{
	const struct msc_cbw_changes *w = &c->cbw;
	uint8_t own = def ? def->length : (uint8_t)c->raw_len;
	int dir = w->direction >= 0 ? w->direction : def ? (int)def->dir : MSC_DIR_NONE;
	int64_t length, lun, tag, flags, cb_length, fill, signature, wrapper, padding, take;

	if (!msc_run_value(r, &w->length, own_length(r, def, cdb), &length) ||
	    !msc_run_value(r, &w->lun, r->o->lun, &lun) || !msc_run_value(r, &w->tag, 0, &tag) ||
	    !msc_run_value(r, &w->flags, dir == MSC_DIR_IN ? MSC_CBW_FLAG_IN : 0, &flags) ||
	    !msc_run_value(r, &w->cb_length, own, &cb_length) ||
	    !msc_run_value(r, &w->fill, -1, &fill) ||
	    !msc_run_value(r, &w->signature, MSC_CBW_SIGNATURE, &signature) ||
	    !msc_run_value(r, &w->wrapper_length, MSC_CBW_LEN, &wrapper) ||
	    !msc_run_value(r, &w->wrapper_fill, 0, &padding) ||
	    !msc_run_value(r, &c->take, -1, &take))
		return false;
	if (length > UINT32_MAX) {
		msc_run_end_case(r, MSC_VERDICT_SKIP,
				 "does not fit this device: more than 4 GiB in one command");
		return false;
	}
	msc_request_init(rq, cdb, own, (enum msc_dir)dir, (uint32_t)length);
	memcpy(rq->cbw.cb, cdb, MSC_CBW_CB_MAX);
	if (fill >= 0 && own < msc_device_block(&r->target->device)) {
		own = msc_device_block(&r->target->device);
		cb_length = cb_length > own ? cb_length : own;
	}
	if (fill >= 0)
		memset(rq->cbw.cb + own, (int)fill, (size_t)(MSC_CBW_CB_MAX - own));
	rq->cbw.h.signature = (uint32_t)signature;
	rq->cbw.h.tag = (uint32_t)tag;
	rq->keep_tag = w->tag.count > 0;
	rq->cbw.h.flags = (uint8_t)flags;
	rq->cbw.h.lun = (uint8_t)lun;
	rq->cbw.h.cb_length = (uint8_t)cb_length;
	rq->keep_cb_length = w->cb_length.count > 0 || fill >= 0;
	rq->wrapper_len = (size_t)wrapper;
	rq->wrapper_fill = (uint8_t)padding;
	rq->leave = c->leave;
	rq->early = c->early;
	rq->clear_after_ns = c->clear_after_ns;
	rq->in_len = take < 0 ? SIZE_MAX : (size_t)take;
	rq->timeout_ns = c->timeout_ns;
	rq->patient = true;
	return true;
}

static bool build_intent(struct msc_runner *r, const struct msc_stated_intent *i,
			 struct msc_intent *out)
{
	int64_t length, min, max;

	if (!i->given)
		return true;
	if (!msc_run_value(r, &i->length, 0, &length) || !msc_run_value(r, &i->min, length, &min) ||
	    !msc_run_value(r, &i->max, length, &max))
		return false;
	*out = (struct msc_intent){ .known = true,
				    .dir = (enum msc_dir)i->direction,
				    .min = (uint64_t)min,
				    .max = (uint64_t)max };
	return true;
}

/* The bytes of a bulk-out data phase. */
static int build_data(struct msc_runner *r, const struct msc_plan_command *c,
		      const uint8_t cdb[MSC_CBW_CB_MAX], struct built *b, struct msc_err *err)
{
	const struct msc_cbw_header *h = &b->rq.cbw.h;
	int64_t send, split;

	if (!msc_run_value(r, &c->send, h->length, &send) ||
	    !msc_run_value(r, &c->split, 0, &split))
		return 0;
	if (!h->length || h->flags & MSC_CBW_FLAG_IN)
		return 0;
	if (send > OUT_MAX) {
		msc_run_end_case(r, MSC_VERDICT_SKIP,
				 "does not fit this device: more than 16 MiB to send");
		return 0;
	}
	b->out = calloc(1, send ? (size_t)send : 1);
	if (!b->out)
		return msc_nomem(err);
	if (c->data.bytes.data)
		memcpy(b->out, c->data.bytes.data,
		       c->data.bytes.len < (size_t)send ? c->data.bytes.len : (size_t)send);
	else
		msc_pattern_fill(c->data.pattern, b->out, (size_t)send, msc_cdb_value(cdb, "lba"),
				 r->unit.block_size);
	b->rq.out = b->out;
	b->rq.out_len = (size_t)send;
	b->rq.out_split = (size_t)split;
	return 0;
}

/* A transfer that never ended where one had to: asking more of this device would only cost more of
 * the user's time. */
static bool hung(const struct msc_exchange *x)
{
	if (x->whole)
		return x->outcome == MSC_OUT_TIMEOUT;
	return x->needs_reset && msc_cbw_is_valid(x->wrapper, x->wrapper_len) &&
	       msc_cbw_is_meaningful(x) && msc_host_sent_all(x) &&
	       (msc_step_with(x, MSC_STEP_CBW, MSC_OUT_TIMEOUT) ||
		msc_step_with(x, MSC_STEP_DATA, MSC_OUT_TIMEOUT) ||
		msc_step_with(x, MSC_STEP_CSW, MSC_OUT_TIMEOUT));
}

static int send(struct msc_runner *r, const struct msc_request *rq, const struct msc_record **out,
		struct msc_err *err)
{
	const struct msc_exchange *x;

	if (msc_session_exchange(r->session, rq, out, err) < 0)
		return -1;
	x = &(*out)->u.exchange;
	if (msc_check_ended(r, *out, err) < 0)
		return -1;
	if (hung(x) && r->s->recover && !rq->leave)
		return msc_check_hung(r, *out, "the device did not answer a command", err);
	return 0;
}

/* *record: of REQUEST SENSE, of which nothing is valid unless it passed. */
static int ask_sense(struct msc_runner *r, uint8_t lun, const struct msc_record **record,
		     struct msc_sense_data *out, struct msc_err *err)
{
	const struct msc_exchange *x;
	struct msc_request rq;

	*out = (struct msc_sense_data){ .valid = false };
	msc_request_sense(&rq, lun);
	if (send(r, &rq, record, err) < 0)
		return -1;
	x = &(*record)->u.exchange;
	if (msc_exchange_passed(x))
		*out = msc_sense_decode(x->data, x->data_kept);
	return 0;
}

int msc_run_sense(struct msc_runner *r, uint8_t lun, const struct msc_expect *e,
		  struct msc_sense_data *out, struct msc_err *err)
{
	const struct msc_record *record;

	if (ask_sense(r, lun, &record, out, err) < 0)
		return -1;
	return e && !r->ended ? msc_check_sense(r, e, record, out, err) : 0;
}

/* What the sense data of a command that failed says, or that it is to be sent again: *again, NULL where it has
 * been often enough. */
static int look_at_sense(struct msc_runner *r, const struct msc_plan_command *c,
			 const struct msc_record *record, const struct msc_sense_data *sense,
			 size_t from, bool *again, struct msc_err *err)
{
	if (again && (*again = msc_check_again(r, &c->expect, sense, from)))
		return 0;
	return r->ended ? 0 : msc_check_sense(r, &c->expect, record, sense, err);
}

/* Of a READ or WRITE that failed with all of its data moved: whether it was carried out all the same is for the
 * sense data to say. What was found from `from` on is about its status. */
static int after_doubtful(struct msc_runner *r, const struct msc_plan_command *c,
			  const struct msc_record *failed, size_t from, int64_t *status,
			  bool *again, struct msc_err *err)
{
	const struct msc_exchange *x = &failed->u.exchange;
	const struct msc_record *kept = msc_record_hold(failed), *record;
	struct msc_sense_data sense;
	uint8_t *data = malloc(x->data_len);
	int rc;

	if (!data) {
		msc_record_release(kept);
		return msc_nomem(err);
	}
	if (x->dir == MSC_DIR_IN)
		memcpy(data, x->data, x->data_len);
	rc = ask_sense(r, x->cbw.h.lun, &record, &sense, err);
	if (rc == 0 && sense.valid && sense.key == MSC_SENSE_RECOVERED_ERROR) {
		*status = MSC_CSW_PASSED;
		rc = msc_check_recovered(r, &c->expect, kept, data, from, err);
	} else if (rc == 0) {
		rc = look_at_sense(r, c, record, &sense, from, again, err);
	}
	free(data);
	msc_record_release(kept);
	return rc;
}

/* What a host does with the answer. */
static int after(struct msc_runner *r, const struct msc_plan_command *c,
		 const struct msc_record *record, int64_t *status, bool *again, struct msc_err *err)
{
	const struct msc_exchange *x = &record->u.exchange;
	const struct msc_record *asked;
	const size_t from = r->findings.count;
	struct msc_sense_data sense;

	if (msc_check_exchange(r, &c->expect, record, err) < 0)
		return -1;
	if (c->save >= 0 && msc_run_save(r, c->save, x->data, x->data_len, err) < 0)
		return -1;
	if (x->needs_reset || !msc_csw_is_valid(x) || x->csw.status != MSC_CSW_FAILED ||
	    x->cbw.cb[0] == MSC_OP_REQUEST_SENSE || c->leave)
		return 0;
	if (!r->s->autosense && !c->expect.n_sense)
		return 0;
	if (msc_may_be_recovered(x))
		return after_doubtful(r, c, record, from, status, again, err);
	if (ask_sense(r, x->cbw.h.lun, &asked, &sense, err) < 0)
		return -1;
	return look_at_sense(r, c, asked, &sense, from, again, err);
}

/* What the imitated host would have done, for all that was found since and that hosts do not bear. */
static int tell_host(struct msc_runner *r, const char *on_failure, size_t since,
		     struct msc_err *err)
{
	for (size_t i = since; on_failure && i < r->findings.count; i++) {
		struct msc_finding *f = &r->findings.list[i];

		if (f->severity < MSC_WARN || f->host || f->borne ||
		    f->rule->severity[MSC_PROFILE_INTEROP] < MSC_FAIL)
			continue;
		if (asprintf(&f->host, "%s %s", r->s->host, on_failure) < 0) {
			f->host = NULL;
			return msc_nomem(err);
		}
	}
	return 0;
}

static int send_once(struct msc_runner *r, const struct msc_plan_command *c,
		     const struct msc_request *asked, bool *again, struct msc_err *err)
{
	struct msc_request filled = *asked, *rq = &filled;
	struct msc_run_aside with_data, before_status;
	const struct msc_record *record;
	const struct msc_exchange *x;
	int64_t status, stalls = 0;

	rq->with_data = msc_run_aside(&with_data, r, &c->data_aside);
	rq->before_status = msc_run_aside(&before_status, r, &c->status_aside);
	if (send(r, rq, &record, err) < 0)
		return -1;
	x = &record->u.exchange;
	for (size_t i = 0; i < x->n_steps; i++)
		stalls += x->steps[i].outcome == MSC_OUT_STALL;
	status = msc_csw_is_valid(x) ? x->csw.status : UINT8_MAX;
	if (after(r, c, record, &status, again, err) < 0)
		return -1;
	r->env.var[MSC_VAR_STATUS] = status;
	r->env.var[MSC_VAR_STALLS] = stalls;
	return 0;
}

static int send_and_look(struct msc_runner *r, const struct msc_plan_command *c,
			 const struct msc_request *rq, struct msc_err *err)
{
	struct msc_clock *clock = r->target->clock;
	bool again = true;

	for (unsigned tries = 0; again; tries++) {
		if (tries)
			msc_wait_until(clock, msc_now(clock) + MSC_AWAIT_PAUSE_NS);
		again = false;
		if (send_once(r, c, rq, tries < MSC_AGAIN_MAX ? &again : NULL, err) < 0)
			return -1;
	}
	return 0;
}

static int send_with_care(struct msc_runner *r, const struct msc_plan_command *c,
			  const struct msc_request *rq, struct msc_err *err)
{
	struct msc_write w;
	int rc;

	if (msc_medium_before(r->medium, rq, &w, err) < 0)
		return -1;
	/* The user has taken it upon himself. */
	if (w.may == MSC_MAY_NOT && msc_gate_lets_all(r->session, rq->cbw.cb[0]))
		w.may = MSC_MAY_SEND;
	/* The finding about the READ is the verdict, and hides the reason. */
	if (w.may == MSC_MAY_SKIP)
		msc_run_note(r, "%s", w.why);
	if (w.may != MSC_MAY_SEND) {
		msc_run_end_case(r, MSC_VERDICT_SKIP, "%s%s", w.why,
				 w.may == MSC_MAY_NOT ? "; give --allow-unsafe to allow it" : "");
		return 0;
	}
	rc = send_and_look(r, c, rq, err);
	if (msc_medium_after(r->medium, &w, err) < 0)
		return -1;
	if (rc == 0 && *w.hit)
		rc = msc_check_elsewhere(r, w.hit, false, err);
	if (*w.hit) {
		const char *text;

		r->elsewhere = msc_medium_elsewhere(r->medium, &text);
	}
	return rc;
}

int msc_run_command(struct msc_runner *r, const struct msc_plan_command *c, struct msc_err *err)
{
	const struct msc_cdb_def *def = form(r, c);
	size_t findings = r->findings.count;
	uint8_t cdb[MSC_CBW_CB_MAX];
	struct built b = { 0 };
	int rc;

	if (!build_block(r, c, def, cdb) || !build_wrapper(r, c, def, cdb, &b.rq) ||
	    !build_intent(r, &c->intent, &b.rq.stated))
		return 0;
	rc = build_data(r, c, cdb, &b, err);
	if (rc == 0 && !r->ended)
		rc = send_with_care(r, c, &b.rq, err);
	free(b.out);
	return rc < 0 ? -1 : tell_host(r, c->on_failure, findings, err);
}

int msc_run_wrapper(struct msc_runner *r, const struct msc_bytes *bytes, struct msc_err *err)
{
	static const uint8_t none[MSC_CBW_CB_MAX];
	const struct msc_record *record;
	struct msc_request rq;

	msc_request_init(&rq, none, 6, MSC_DIR_NONE, 0);
	rq.raw = bytes->data;
	rq.raw_len = bytes->len;
	if (msc_medium_announce(r->medium, bytes->data, bytes->len, err) < 0)
		return -1;
	return send(r, &rq, &record, err);
}

/* How long: a unit that has never been ready is not waited for again. */
static struct msc_awaiting patience(const struct msc_runner *r)
{
	bool was_ready = msc_session_readiness(r->session, r->o->lun) == MSC_READINESS_READY;
	int64_t now_ns = msc_now(r->target->clock);

	return (struct msc_awaiting){
		.until_ns = now_ns + (was_ready ? MSC_AWAIT_LATE_NS : MSC_AWAIT_EMPTY_NS),
		.empty_until_ns = now_ns + (was_ready ? MSC_AWAIT_EMPTY_NS : 0),
	};
}

int msc_run_ready(struct msc_runner *r, struct msc_err *err)
{
	struct msc_clock *clock = r->target->clock;
	struct msc_awaiting a = patience(r);
	enum msc_await_step step = MSC_AWAIT_AGAIN;
	enum msc_readiness why = MSC_READINESS_READY;
	struct msc_sense_data sense;

	while (step != MSC_AWAIT_END && !r->ended) {
		const struct msc_record *record;
		struct msc_request rq;

		if (step == MSC_AWAIT_PAUSE)
			msc_wait_until(clock, msc_now(clock) + MSC_AWAIT_PAUSE_NS);
		if (step == MSC_AWAIT_START) {
			msc_request_start(&rq, r->o->lun);
			if (send(r, &rq, &record, err) < 0)
				return -1;
		}
		msc_request_ready(&rq, r->o->lun);
		if (send(r, &rq, &record, err) < 0)
			return -1;
		if (msc_run_owes_reset(r) || record->u.exchange.csw.status == MSC_CSW_PASSED)
			return 0;
		if (msc_run_sense(r, r->o->lun, NULL, &sense, err) < 0)
			return -1;
		step = msc_await(&a, msc_now(clock), &sense, &why);
	}
	if (why == MSC_READINESS_LATE)
		msc_session_set_readiness(r->session, r->o->lun, why);
	return 0;
}

/* How every test of USB-IF begins. Without a medium the capacity is refused, which is in order. */
int msc_run_prelude(struct msc_runner *r, struct msc_err *err)
{
	static const struct {
		uint8_t cdb[MSC_CBW_CB_MAX], cdb_len, length;
	} commands[] = {
		{{MSC_OP_INQUIRY, [4] = MSC_INQUIRY_LEN}, 6, MSC_INQUIRY_LEN},
		{{MSC_OP_READ_CAPACITY_10}, 10, MSC_CAPACITY_10_LEN},
	};
	struct msc_sense_data sense;

	for (size_t i = 0; i < MSC_COUNT(commands) && !r->ended; i++) {
		const struct msc_record *record;
		struct msc_request rq;

		msc_request_init(&rq, commands[i].cdb, commands[i].cdb_len, MSC_DIR_IN,
				 commands[i].length);
		rq.cbw.h.lun = r->o->lun;
		if (send(r, &rq, &record, err) < 0)
			return -1;
		if (msc_run_owes_reset(r))
			return 0;
		if (record->u.exchange.csw.status == MSC_CSW_FAILED &&
		    msc_run_sense(r, r->o->lun, NULL, &sense, err) < 0)
			return -1;
		if (i == 0 && msc_run_ready(r, err) < 0)
			return -1;
	}
	return 0;
}
