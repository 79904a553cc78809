/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures over the wire: each mode, each size, first the warm-up, then the samples. Nothing is
 * allocated or looked at between the submission of a CBW and its CSW but by the host engine. A
 * device that does not do as it is told ends the bench; it is never asked again and again. */
#include "timing/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bencher {
	struct msc_session *s;
	const struct msc_bench_options *o;
	struct msc_bench *b;
	const struct msc_unit *unit;
	struct msc_bench_walk walk;
	uint8_t *out; /* the payload of writes */
};

/* ---- one command ------------------------------------------------------------------------------- */

static void make_request(struct bencher *m, const struct msc_bench_run *r, struct msc_request *rq)
{
	msc_request_blocks(rq, r->op == MSC_BENCH_WRITE, m->o->lun,
			   msc_bench_walk_next(&m->walk, r->blocks), r->blocks, r->block_size);
	rq->serial = r->mode == MSC_BENCH_SERIAL;
	rq->out = m->out;
}

/* From the steps of the exchange: a phase ends when its last transfer has ended. A whole command has
 * none. */
static struct msc_bench_sample sample_of(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	int64_t begin = x->steps[0].submitted_ns, cbw = begin, data = begin, csw = begin;

	if (x->whole)
		return (struct msc_bench_sample){ .ns = r->ended_ns - r->began_ns };
	for (size_t i = 0; i < x->n_steps; i++) {
		const struct msc_step *s = &x->steps[i];

		if (s->kind == MSC_STEP_CBW)
			cbw = data = csw = s->completed_ns;
		else if (s->kind == MSC_STEP_DATA)
			data = csw = s->completed_ns;
		else
			csw = s->completed_ns;
	}
	return (struct msc_bench_sample){ csw - begin, cbw - begin, data - cbw, csw - data };
}

static void count_naks(struct msc_bench_run *r, const struct msc_exchange *x)
{
	if (x->whole)
		r->naks = -1;
	for (size_t i = 0; i < x->n_steps; i++) {
		if (x->steps[i].naks < 0)
			r->naks = -1;
		else if (r->naks >= 0)
			r->naks += x->steps[i].naks;
	}
}

/* ---- when the device does not do it ------------------------------------------------------------ */

static int ask_sense(struct bencher *m, char *buf, size_t size, struct msc_err *err)
{
	struct msc_sense_data sense;

	if (msc_session_sense(m->s, m->o->lun, &sense, err) < 0)
		return -1;
	if (sense.valid)
		msc_sense_text(buf, size, &sense);
	else
		snprintf(buf, size, "no valid sense data");
	return 0;
}

static const char *phase_name(enum msc_step_kind kind)
{
	static const char *const names[] = { [MSC_STEP_CBW] = "the CBW",
					     [MSC_STEP_DATA] = "the data",
					     [MSC_STEP_CSW] = "the CSW",
					     [MSC_STEP_CLEAR_HALT] = "the clearing of a halt" };

	return names[kind];
}

/* The first transfer that did not go as it should. */
static void find_step(const struct msc_exchange *x, char *buf, size_t size)
{
	if (x->whole) {
		snprintf(buf, size, "it ended in: %s", msc_outcome_name(x->outcome));
		return;
	}
	for (size_t i = 0; i < x->n_steps; i++) {
		const struct msc_step *s = &x->steps[i];

		if (s->outcome == MSC_OUT_DONE || s->outcome == MSC_OUT_CANCELLED)
			continue;
		snprintf(buf, size, "%s ended in: %s", phase_name(s->kind),
			 msc_outcome_name(s->outcome));
		return;
	}
	snprintf(buf, size, "its CSW is not valid, or reports a phase error");
}

/* Brings the device back, and finds out that it has left, if it has. */
static int settle(struct bencher *m, char *buf, size_t size, struct msc_err *err)
{
	static const char *const how[] = { "it answers again",
					   "it answers again after reset recovery",
					   "it answers again after a port reset",
					   "it does not answer any more, nor after a port reset" };
	int rung = 0;

	if (msc_session_settle(m->s, &rung, err) < 0)
		return -1;
	snprintf(buf, size, "; %s", how[rung]);
	return 0;
}

/* Puts into bench->failure what went wrong, unless the command passed and moved all. */
static int explain(struct bencher *m, const struct msc_exchange *x, struct msc_err *err)
{
	char command[128], why[256] = "", then[64] = "";
	size_t moved = x->data_len, asked = x->cbw.h.length;
	bool ended = msc_exchange_ended(x), failed = x->csw.status == MSC_CSW_FAILED;
	int result = 0;

	if (ended && !failed && moved == asked)
		return 0;
	msc_cdb_text(command, sizeof command, x->cbw.cb, x->cbw.h.cb_length);
	if (!ended) {
		find_step(x, why, sizeof why);
		result = settle(m, then, sizeof then, err);
	} else if (failed) {
		snprintf(why, sizeof why, "the device failed it: ");
		result = ask_sense(m, why + strlen(why), sizeof why - strlen(why), err);
	} else {
		snprintf(why, sizeof why, "%zu of %zu bytes were moved", moved, asked);
	}
	snprintf(m->b->failure, sizeof m->b->failure, "%s: %s%s", command, why, then);
	return result;
}

/* ---- one run ----------------------------------------------------------------------------------- */

/* One command; a sample unless it is part of the warm-up. */
static int command(struct bencher *m, struct msc_bench_run *r, bool keep, struct msc_err *err)
{
	const struct msc_bench_clock *clock = m->o->clock;
	struct msc_bench_sample sample;
	const struct msc_exchange *x;
	const struct msc_record *record;
	struct msc_request rq;

	msc_session_forget(m->s);
	make_request(m, r, &rq);
	if ((clock && clock->start(clock->state, err) < 0) ||
	    msc_session_exchange(m->s, &rq, &record, err) < 0)
		return -1;
	x = &record->u.exchange;
	sample = sample_of(record);
	if (clock && clock->stop(clock->state, &sample, err) < 0)
		return -1;
	msc_bench_see_payload(m->b, x->data, x->data_len);
	if (keep)
		count_naks(r, x);
	if (explain(m, x, err) < 0)
		return -1;
	return keep && !*m->b->failure ? msc_bench_add_sample(r, &sample, err) : 0;
}

static int samples(struct bencher *m, struct msc_bench_run *r, struct msc_err *err)
{
	struct msc_target *t = msc_session_target(m->s);
	int64_t began_ns, cpu_ns;
	int result = 0;

	for (uint32_t i = 0; i < m->o->warm_up && !*m->b->failure; i++)
		if (command(m, r, false, err) < 0)
			return -1;
	msc_device_cpu(t);
	r->naks = 0;
	cpu_ns = msc_cpu_time_ns();
	began_ns = msc_now(t->clock);
	while (result == 0 && !*m->b->failure &&
	       !msc_bench_enough(m->o, r, msc_now(t->clock) - began_ns))
		result = command(m, r, true, err);
	r->elapsed_ns = msc_now(t->clock) - began_ns;
	r->device_cpu = msc_device_cpu(t);
	if (!t->device.simulated)
		r->host_cpu_ns = msc_cpu_time_ns() - cpu_ns;
	return result;
}

static int run(struct bencher *m, enum msc_bench_mode mode, uint32_t blocks, struct msc_err *err)
{
	const struct msc_bench_run like = { .op = m->o->op,
					    .mode = mode,
					    .order = m->o->order,
					    .blocks = blocks,
					    .block_size = m->unit->block_size };
	struct msc_bench_run *r = msc_bench_add_run(m->b, &like, err);
	struct msc_err later = MSC_ERR_INIT;
	char name[64];
	int result;

	if (!r)
		return -1;
	if (m->o->progress)
		m->o->progress(m->o->user, msc_bench_run_name(name, sizeof name, r));
	msc_bench_walk_begin(&m->walk, m->o, m->unit->last_lba + 1);
	result = samples(m, r, err);
	if (msc_bench_conclude(r, result < 0 ? &later : err) < 0)
		return -1;
	return result;
}

/* ---- the bench --------------------------------------------------------------------------------- */

int msc_bench_try_queued(struct msc_session *s, struct msc_bench *b, struct msc_err *err)
{
	if (b->queued_tried)
		return 0;
	b->queued_tried = true;
	return msc_session_probe_queued(s, &b->queued_works, b->queued_why, sizeof b->queued_why,
					err);
}

/* The last run, a queued one, has failed. When the same command passes serially it is the queue that
 * does not work, whatever a few trials said before: then the run is dropped. */
static int blame_queue(struct bencher *m, struct msc_err *err)
{
	struct msc_bench *b = m->b;
	struct msc_bench_run serial = b->run[b->n_runs - 1];
	char why[sizeof b->failure];

	memcpy(why, b->failure, sizeof why);
	b->failure[0] = '\0';
	serial.mode = MSC_BENCH_SERIAL;
	if (command(m, &serial, false, err) < 0)
		return -1;
	if (*b->failure) {
		memcpy(b->failure, why, sizeof why);
		return 0;
	}
	free(b->run[--b->n_runs].sample);
	b->queued_works = false;
	memcpy(b->queued_why, why, sizeof why);
	return 0;
}

static int measure_mode(struct bencher *m, enum msc_bench_mode mode, struct msc_err *err)
{
	struct msc_bench *b = m->b;

	for (size_t i = 0; i < m->o->n_blocks && !*b->failure; i++) {
		if (run(m, mode, m->o->blocks[i], err) < 0)
			return -1;
		if (mode != MSC_BENCH_QUEUED || !*b->failure)
			continue;
		if (blame_queue(m, err) < 0)
			return -1;
		if (!b->queued_works)
			return 0;
	}
	return 0;
}

static int measure(struct bencher *m, struct msc_err *err)
{
	const struct msc_bench_options *o = m->o;
	struct msc_bench *b = m->b;

	if (b->device.commands_only)
		return measure_mode(m, MSC_BENCH_KERNEL, err);
	if (o->queued && msc_bench_try_queued(m->s, b, err) < 0)
		return -1;
	if (o->serial && measure_mode(m, MSC_BENCH_SERIAL, err) < 0)
		return -1;
	if (o->queued && b->queued_works && !*b->failure &&
	    measure_mode(m, MSC_BENCH_QUEUED, err) < 0)
		return -1;
	if (o->queued && !b->queued_works && !o->serial)
		return measure_mode(m, MSC_BENCH_SERIAL, err);
	return 0;
}

static int make_payload(struct bencher *m, struct msc_err *err)
{
	uint32_t most = 0;

	for (size_t i = 0; i < m->o->n_blocks; i++)
		most = m->o->blocks[i] > most ? m->o->blocks[i] : most;
	m->out = malloc((size_t)most * m->unit->block_size);
	if (!m->out)
		return msc_nomem(err);
	memset(m->out, m->o->fill, (size_t)most * m->unit->block_size);
	if (m->o->medium)
		return msc_medium_announce(m->o->medium, m->out, m->unit->block_size, err);
	return 0;
}

int msc_bench_measure(struct msc_session *s, const struct msc_bench_options *o, struct msc_bench *b,
		      struct msc_err *err)
{
	const struct msc_target *t = msc_session_target(s);
	struct bencher m = { .s = s, .o = o, .b = b, .unit = msc_session_unit(s, o->lun) };
	int result;

	b->device = t->device;
	if (!t->device.simulated)
		msc_bench_host_of(&b->host);
	snprintf(b->clock, sizeof b->clock, "%s",
		 o->clock                  ? o->clock->name
		 : t->device.simulated     ? "virtual"
		 : t->device.commands_only ? "kernel"
					   : "libusb");
	if (!m.unit->have_capacity || !m.unit->block_size)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s: unit %u gives no capacity: there is no medium, or \"mscope "
				"probe\" says what is wrong",
				t->device.name, o->lun);
	if (msc_bench_check_sizes(o, m.unit->block_size, m.unit->last_lba + 1, err) < 0)
		return -1;
	if (o->op == MSC_BENCH_WRITE && make_payload(&m, err) < 0)
		return -1;
	result = measure(&m, err);
	free(m.out);
	return result;
}
