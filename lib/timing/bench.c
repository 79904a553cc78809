/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures over the wire: each mode, each size, first the warm-up, then the samples. Nothing is
 * allocated or looked at between the submission of a CBW and its CSW but by the host engine. A
 * device that does not do as it is told ends the bench; it is never asked again and again. */
#include "timing/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timing/bench_check.h"

/* The tick of a firmware lies anywhere in the frame of its host: where, is another thing after each
 * power-on, and with a real device's clock also from minute to minute. Whether a tick is just missed, or
 * just met, is a frame's difference to each command; a simulated device would go on as it began. So each
 * command finds the tick elsewhere: three of them a third of the frame apart, ten a tenth, and the next
 * ten by the golden section of a tenth from those. So few commands tell the mean over all. */
#define TICK_STEP      0.3 /* frames */
#define TICK_STEPS     10
#define TICK_NEXT_STEP (0.3 + 0.0618)

struct bencher {
	struct msc_session *s;
	const struct msc_bench_options *o;
	struct msc_bench *b;
	const struct msc_unit *unit;
	struct msc_bench_walk walk;
	unsigned commands;
	struct msc_rng coin; /* of a mixed run: read, or write */
	uint8_t *out; /* the payload of writes */
	struct msc_bench_check check; /* when o->verify */
	struct msc_bench_progress progress;
};

/* Of what is timed; it stands still while something else is done. The processor's time lies within the
 * time that elapses, so that it is never more. */
struct watch {
	struct msc_target *t;
	int64_t elapsed_ns, cpu_ns, began_ns, cpu_began_ns;
	double busy_ns; /* below 0: the device's cannot be seen */
};

static void watch_go(struct watch *w)
{
	msc_device_cpu(w->t);
	w->began_ns = msc_now(w->t->clock);
	w->cpu_began_ns = msc_cpu_time_ns();
}

static int64_t watch_ns(const struct watch *w)
{
	return w->elapsed_ns + msc_now(w->t->clock) - w->began_ns;
}

static void watch_halt(struct watch *w)
{
	int64_t cpu_ns = msc_cpu_time_ns() - w->cpu_began_ns;
	int64_t ns = msc_now(w->t->clock) - w->began_ns;
	double load = msc_device_cpu(w->t);

	w->elapsed_ns += ns;
	w->cpu_ns += cpu_ns;
	w->busy_ns = load < 0 ? -1 : w->busy_ns + load * (double)ns;
}

/* ---- one command ------------------------------------------------------------------------------- */

static bool writes(const struct msc_bench_run *r)
{
	return r->op == MSC_BENCH_WRITE || r->op == MSC_BENCH_MIXED_WRITE;
}

static void make_request(struct bencher *m, const struct msc_bench_run *r, uint64_t lba,
			 struct msc_request *rq)
{
	msc_request_blocks(rq, writes(r), m->o->lun, lba, r->blocks, r->block_size);
	rq->serial = r->mode == MSC_BENCH_SERIAL;
	rq->out = m->out;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* From the steps of the exchange: a phase ends when its last transfer has ended, and not before the
 * phase before it: of transfers that wait together on two endpoints, the host may be told of the second
 * first. A whole command has none. */
static struct msc_bench_sample sample_of(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	int64_t begin = x->steps[0].submitted_ns, cbw = begin, data = begin, csw = begin;

	if (x->whole)
		return (struct msc_bench_sample){ .ns = r->ended_ns - r->began_ns };
	for (size_t i = 0; i < x->n_steps; i++) {
		const struct msc_step *s = &x->steps[i];

		if (s->kind == MSC_STEP_CBW)
			cbw = data = csw = later(s->completed_ns, begin);
		else if (s->kind == MSC_STEP_DATA)
			data = csw = later(s->completed_ns, cbw);
		else
			csw = later(s->completed_ns, data);
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
	int rung = 0;

	if (msc_session_settle(m->s, &rung, err) < 0)
		return -1;
	snprintf(buf, size, "; it %s", msc_session_settled(rung));
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
static int command(struct bencher *m, struct msc_bench_run *r, uint64_t lba, bool keep,
		   struct msc_err *err)
{
	const struct msc_bench_clock *clock = m->o->clock;
	struct msc_bench_sample sample;
	const struct msc_exchange *x;
	const struct msc_record *record;
	struct msc_request rq;

	msc_session_forget(m->s);
	make_request(m, r, lba, &rq);
	msc_device_shift_tick(msc_session_target(m->s),
			      ++m->commands % TICK_STEPS ? TICK_STEP : TICK_NEXT_STEP);
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

/* The next place; with o->verify what lies there is looked at before it is written again. */
static int next_command(struct bencher *m, struct msc_bench_run *r, bool keep, struct watch *w,
			struct msc_err *err)
{
	uint64_t lba = msc_bench_walk_next(&m->walk, r->blocks);
	int64_t began_ns;
	int result = 0;

	if (m->o->verify && writes(r)) {
		watch_halt(w);
		if (msc_bench_check_is_due(&m->check, lba, r->blocks))
			result = msc_bench_check_all(&m->check, err);
		msc_bench_check_fill(&m->check, lba, r->blocks, m->out);
		watch_go(w);
	}
	if (result < 0 || *m->b->failure)
		return result;
	began_ns = watch_ns(w);
	result = command(m, r, lba, keep, err);
	if (keep)
		r->elapsed_ns += watch_ns(w) - began_ns;
	return result;
}

/* The rows that a run fills: one, or, of a mixed one, what was read and what was written. */
struct rows {
	struct msc_bench_run *row[2];
	unsigned n;
};

static struct msc_bench_run *choose(struct bencher *m, const struct rows *rows)
{
	return rows->row[rows->n > 1 ? msc_rng_below(&m->coin, 2) : 0];
}

/* Both together are as long as one alone, and have as many samples for each of the two. */
static bool enough(const struct bencher *m, const struct rows *rows, int64_t elapsed_ns)
{
	struct msc_bench_run sum = { .samples = 0 };

	for (unsigned i = 0; i < rows->n; i++) {
		sum.samples += rows->row[i]->samples;
		sum.clumped |= rows->row[i]->clumped;
	}
	sum.samples /= rows->n;
	return msc_bench_enough(m->o, &sum, elapsed_ns);
}

static void share_out(const struct rows *rows, const struct watch *w)
{
	for (unsigned i = 0; i < rows->n; i++) {
		struct msc_bench_run *r = rows->row[i];
		double share = 1;

		if (rows->n > 1)
			share = w->elapsed_ns ? (double)r->elapsed_ns / (double)w->elapsed_ns : 0;
		else
			r->elapsed_ns = w->elapsed_ns;
		r->device_cpu = w->busy_ns < 0 || w->elapsed_ns <= 0
					? -1
					: w->busy_ns / (double)w->elapsed_ns;
		if (!w->t->device.simulated)
			r->host_cpu_ns = (int64_t)((double)w->cpu_ns * share);
	}
}

static int samples(struct bencher *m, const struct rows *rows, struct msc_err *err)
{
	struct watch w = { .t = msc_session_target(m->s) };
	int result = 0;

	watch_go(&w);
	for (uint32_t i = 0; result == 0 && i < m->o->warm_up && !*m->b->failure; i++)
		result = next_command(m, choose(m, rows), false, &w, err);
	if (result < 0)
		return -1;
	for (unsigned i = 0; i < rows->n; i++)
		rows->row[i]->naks = 0;
	w = (struct watch){ .t = w.t };
	watch_go(&w);
	for (bool again = m->o->clumped_count > 0;; again = false) {
		while (result == 0 && !*m->b->failure && !enough(m, rows, watch_ns(&w))) {
			result = next_command(m, choose(m, rows), true, &w, err);
			msc_bench_progress_tell(&m->progress, m->o, rows->row[0], false,
						rows->row[0]->samples, watch_ns(&w));
		}
		if (!again || result < 0)
			break;
		for (unsigned i = 0; result == 0 && i < rows->n; i++)
			result = msc_bench_find_clumps(m->o, rows->row[i], err);
	}
	watch_halt(&w);
	share_out(rows, &w);
	if (result == 0 && m->o->verify && !*m->b->failure)
		result = msc_bench_check_all(&m->check, err);
	return result;
}

static int add_rows(struct bencher *m, enum msc_bench_mode mode, uint32_t blocks, struct rows *rows,
		    struct msc_err *err)
{
	struct msc_bench_run like = { .op = m->o->op,
				      .mode = mode,
				      .order = m->o->order,
				      .blocks = blocks,
				      .block_size = m->unit->block_size };

	rows->n = m->o->mixed ? 2 : 1;
	for (unsigned i = 0; i < rows->n; i++) {
		if (m->o->mixed)
			like.op = i ? MSC_BENCH_MIXED_WRITE : MSC_BENCH_MIXED_READ;
		if (!msc_bench_add_run(m->b, &like, err))
			return -1;
	}
	for (unsigned i = 0; i < rows->n; i++)
		rows->row[i] = &m->b->run[m->b->n_runs - rows->n + i];
	return 0;
}

static int run(struct bencher *m, enum msc_bench_mode mode, uint32_t blocks, struct msc_err *err)
{
	struct msc_err after = MSC_ERR_INIT;
	struct rows rows;
	int result;

	if (add_rows(m, mode, blocks, &rows, err) < 0)
		return -1;
	msc_bench_progress_tell(&m->progress, m->o, rows.row[0], true, 0, 0);
	msc_bench_walk_begin(&m->walk, m->o, m->unit->last_lba + 1);
	m->coin.state = ~m->o->seed;
	result = samples(m, &rows, err);
	for (unsigned i = 0; i < rows.n; i++)
		if (msc_bench_conclude(rows.row[i], result < 0 ? &after : err) < 0)
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
	uint64_t lba = msc_bench_walk_next(&m->walk, serial.blocks);

	memcpy(why, b->failure, sizeof why);
	b->failure[0] = '\0';
	serial.mode = MSC_BENCH_SERIAL;
	if (command(m, &serial, lba, false, err) < 0)
		return -1;
	if (*b->failure) {
		memcpy(b->failure, why, sizeof why);
		return 0;
	}
	for (unsigned i = 0; i < (m->o->mixed ? 2 : 1); i++)
		free(b->run[--b->n_runs].sample);
	b->queued_works = false;
	memcpy(b->queued_why, why, sizeof why);
	return 0;
}

static int measure_mode(struct bencher *m, enum msc_bench_mode mode, struct msc_err *err)
{
	struct msc_bench *b = m->b;

	for (size_t i = 0; i < m->o->n_blocks && !*b->failure; i++) {
		if (!msc_bench_has_size(b, m->o->blocks[i]))
			continue;
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

	msc_bench_progress_begin(&m->progress, o,
				 o->serial && o->queued && !b->device.commands_only ? 2 : 1, b);
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
		if (msc_bench_has_size(m->b, m->o->blocks[i]) && m->o->blocks[i] > most)
			most = m->o->blocks[i];
	m->out = malloc((size_t)most * m->unit->block_size);
	if (!m->out)
		return msc_nomem(err);
	memset(m->out, m->o->fill, (size_t)most * m->unit->block_size);
	if (m->o->verify)
		return msc_bench_check_begin(&m->check, m->s, m->o, m->b, m->unit->block_size, err);
	if (m->o->medium)
		return msc_medium_announce(m->o->medium, m->out, m->unit->block_size, err);
	return 0;
}

/* Of the transport below all decorators. */
static const char *times_of(const struct msc_target *t)
{
	while (t->next)
		t = t->next;
	return t->transport->times;
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
	snprintf(b->clock, sizeof b->clock, "%s", o->clock ? o->clock->name : times_of(t));
	if (!m.unit->have_capacity || !m.unit->block_size)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s: unit %u gives no capacity: there is no medium, or \"mscope "
				"probe\" says what is wrong",
				t->device.name, o->lun);
	if (msc_bench_check_sizes(o, m.unit->block_size, m.unit->last_lba + 1, b, err) < 0)
		return -1;
	result = o->op == MSC_BENCH_WRITE ? make_payload(&m, err) : 0;
	if (result == 0)
		result = measure(&m, err);
	if (result == 0) /* not before: a request more would be in the times */
		result = msc_session_packet_warning(s, b->warning, sizeof b->warning, err);
	else
		msc_device_packet_warning(&t->device, b->warning, sizeof b->warning);
	msc_bench_tell_impossible(b);
	msc_bench_check_free(&m.check);
	free(m.out);
	return result;
}
