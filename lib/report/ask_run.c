/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations of a conversation that are whole runs, with a session of their own: their result is the
 * document that the command of the same name writes. */
#include <stdlib.h>
#include <string.h>

#include "mscope.h"
#include "report/ask_state.h"
#include "report/bench.h"
#include "report/pace.h"

#define BENCH_COUNT 100 /* commands of each size, unless told otherwise */
#define WARM_UP	    3
#define BENCH_FILL  0x55 /* neither stuffed bits nor what an erased medium holds */

/* ---- scenarios ---------------------------------------------------------------------------------- */

/* Those of the text of the request, or those that are built in. */
static int load(const struct msc_ask_members *m, struct msc_scenarios *all, struct msc_err *err)
{
	const char *text = msc_ask_text(m, MSC_ASK_YAML), *name = msc_ask_text(m, MSC_ASK_NAME);

	return text ? msc_scenarios_load_text(all, name ? name : "text", text, err)
		    : msc_scenarios_load_embedded(all, err);
}

static int options_of(const struct msc_ask *a, const struct msc_ask_members *m,
		      struct msc_run_options *o, struct msc_err *err)
{
	const char *profile = msc_ask_text(m, MSC_ASK_PROFILE);

	*o = (struct msc_run_options){ .profile = a->o.profile,
				       .allow_writes = a->o.session.allow_writes,
				       .allow_unsafe = a->o.session.allow_unsafe,
				       .unsafe = a->o.session.unsafe,
				       .n_unsafe = a->o.session.n_unsafe,
				       .allow_eject = msc_ask_flag(m, MSC_ASK_ALLOW_EJECT),
				       .queued = a->o.session.queued ||
						 msc_ask_flag(m, MSC_ASK_QUEUED),
				       .log = a->o.session.log,
				       .stop = a->o.stop };
	if (profile && msc_profile_parse(profile, &o->profile, err) < 0)
		return -1;
	return msc_ask_lun(m, &o->lun, err) < 0 || msc_ask_timeout(a, m, &o->timeout_ns, err) < 0
		       ? -1
		       : 0;
}

static void on_event(void *user, const struct msc_event *ev)
{
	if (ev->kind == MSC_EV_NOTE && ev->safety)
		msc_ask_note(user, true, ev->text);
}

static bool stopped(void *user)
{
	const struct msc_ask *a = user;

	return a->o.stop && a->o.stop(a->o.user);
}

static int run(struct msc_ask *a, const struct msc_ask_members *m, const struct msc_scenarios *all,
	       json_t *answer, struct msc_err *err)
{
	struct msc_whole_check w = { .all = all,
				     .named = m->value[MSC_ASK_YAML],
				     .context = msc_ask_context(a),
				     .event = on_event,
				     .user = a };
	const char **select = msc_ask_texts(m, MSC_ASK_SELECT, &w.n_select);
	const char **except = msc_ask_texts(m, MSC_ASK_EXCLUDE, &w.n_except);
	char *text = NULL;
	int status = -1;

	w.select = select;
	w.except = except;
	if (!select || !except)
		msc_nomem(err);
	else if (options_of(a, m, &w.options, err) == 0 && msc_ask_leave(a, err) == 0) {
		w.options.stop = stopped;
		status = msc_check_whole(a->target, &w, &text, err);
	}
	free(select);
	free(except);
	if (!text)
		return status < 0 ? -1 : msc_nomem(err);
	return msc_ask_give_text(answer, text, err);
}

static int load_and_run(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
			struct msc_err *err)
{
	struct msc_scenarios all = { NULL };
	int result = -1;

	if (load(m, &all, err) == 0)
		result = run(a, m, &all, answer, err);
	msc_scenarios_free(&all);
	return result;
}

int msc_ask_check(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		  struct msc_err *err)
{
	return load_and_run(a, m, answer, err);
}

int msc_ask_run(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		struct msc_err *err)
{
	return load_and_run(a, m, answer, err);
}

static json_t *texts_json(const char *const *texts)
{
	json_t *list = json_array();

	for (; *texts; texts++)
		json_array_append_new(list, msc_json_text(*texts));
	return list;
}

static json_t *cases_json(const struct msc_scenarios *chosen)
{
	json_t *list = json_array();

	for (size_t i = 0; i < chosen->count; i++) {
		const struct msc_scenario *s = chosen->list[i];
		json_t *entry = json_pack("{s:o, s:o, s:o, s:o, s:b}", "name",
					  msc_json_text(msc_scenario_name(s)), "title",
					  msc_json_text(msc_scenario_title(s)), "spec",
					  texts_json(msc_scenario_spec(s)), "tags",
					  texts_json(msc_scenario_tags(s)), "writes",
					  msc_scenario_writes(s));

		if (json_array_append_new(list, entry)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

int msc_ask_cases(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		  struct msc_err *err)
{
	struct msc_scenarios all = { NULL }, chosen = { NULL };
	size_t n, n_except;
	const char **list = msc_ask_texts(m, MSC_ASK_SELECT, &n);
	const char **except = msc_ask_texts(m, MSC_ASK_EXCLUDE, &n_except);
	int result = -1;

	(void)a;
	if (!list || !except)
		msc_nomem(err);
	else if (load(m, &all, err) == 0 && msc_select(&all, list, n, &chosen, err) == 0 &&
		 msc_select_except(&chosen, except, n_except, err) == 0)
		result = msc_ask_give(answer, "result",
				      json_pack("{s:o}", "cases", cases_json(&chosen)), err);
	free(chosen.list);
	free(list);
	free(except);
	msc_scenarios_free(&all);
	return result;
}

/* ---- bench, pace -------------------------------------------------------------------------------- */

static const char *const modes[] = { "serial", "queued", "both", NULL };

/* Up to max sizes of the request, each at least 1; *n stays when it names none. */
static int sizes_of(const struct msc_ask_members *m, uint32_t *sizes, size_t max, size_t *n,
		    struct msc_err *err)
{
	const json_t *list = m->value[MSC_ASK_SIZES];

	if (!list)
		return 0;
	*n = json_array_size(list);
	if (*n < 1 || *n > max)
		return msc_fail(err, MSC_E_USAGE, "sizes: 1 to %zu of them", max);
	for (size_t i = 0; i < *n; i++) {
		sizes[i] = (uint32_t)json_integer_value(json_array_get(list, i));
		if (sizes[i] == 0)
			return msc_fail(err, MSC_E_USAGE, "sizes: expected at least 1 block");
		for (size_t j = 0; j < i; j++)
			if (sizes[j] == sizes[i])
				return msc_fail(err, MSC_E_USAGE, "sizes: %u is there twice",
						sizes[i]);
	}
	return 0;
}

/* A session that is this operation's alone, with the unit learned. NULL: *err. */
static struct msc_session *own_session(struct msc_ask *a, bool queued, uint8_t lun,
				       int64_t timeout_ns, struct msc_err *err)
{
	struct msc_session_options o = a->o.session;
	struct msc_session *s;

	if (msc_ask_leave(a, err) < 0)
		return NULL;
	o.queued = queued;
	o.timeout_ns = timeout_ns;
	o.record = NULL;
	o.wire = NULL;
	s = msc_session_new(a->target, &o);
	if (!s) {
		msc_nomem(err);
		return NULL;
	}
	if (a->o.stop)
		msc_session_set_stop(s, a->o.stop, a->o.user);
	if (msc_session_learn(s, lun, err) < 0) {
		msc_session_free(s);
		return NULL;
	}
	return s;
}

struct bench_job {
	struct msc_bench_options o;
	uint32_t sizes[MSC_LINE_POINTS_MAX];
	struct msc_bench bench;
	int64_t timeout_ns;
	bool not_restored;
};

static int read_bench(struct bench_job *j, const struct msc_ask *a, const struct msc_ask_members *m,
		      struct msc_err *err)
{
	static const uint32_t usual[] = { 1, 8, 64 };
	int mode = msc_ask_word(m, MSC_ASK_MODE, modes, 2, err);
	int transfer = msc_ask_word(m, MSC_ASK_TRANSFER, msc_bench_op_names, 0, err);
	bool timed = m->value[MSC_ASK_DURATION];

	if (mode < 0 || transfer < 0)
		return -1;
	memcpy(j->sizes, usual, sizeof usual);
	j->o = (struct msc_bench_options){
		.op = (enum msc_bench_op)transfer,
		.serial = mode != 1,
		.queued = mode != 0,
		.order = msc_ask_flag(m, MSC_ASK_RANDOM) ? MSC_BENCH_RANDOM : MSC_BENCH_SEQUENTIAL,
		.blocks = j->sizes,
		.n_blocks = MSC_COUNT(usual),
		.warm_up = (uint32_t)msc_ask_number(m, MSC_ASK_WARM_UP, WARM_UP),
		.count = (uint32_t)msc_ask_number(m, MSC_ASK_COUNT, timed ? 0 : BENCH_COUNT),
		.duration_ns = msc_ask_number(m, MSC_ASK_DURATION, 0),
		.seed = 1,
		.fill = BENCH_FILL,
	};
	if (j->o.op == MSC_BENCH_WRITE && !a->o.session.allow_writes)
		return msc_fail(err, MSC_E_REFUSED,
				"writing changes the medium: the session has no --allow-writes");
	if (!j->o.count && !j->o.duration_ns)
		return msc_fail(err, MSC_E_USAGE, "bench: expected at least 1 command");
	return msc_ask_lun(m, &j->o.lun, err) < 0 ||
			       msc_ask_timeout(a, m, &j->timeout_ns, err) < 0 ||
			       sizes_of(m, j->sizes, MSC_COUNT(j->sizes), &j->o.n_blocks, err) < 0
		       ? -1
		       : 0;
}

/* Writes stay within a range that is saved before and put back afterwards. */
static int measure_writes(struct bench_job *j, struct msc_ask *a, struct msc_session *s,
			  struct msc_err *err)
{
	const struct msc_medium_options o = {
		.lun = j->o.lun, .seed = 1, .note = msc_ask_note, .user = a
	};
	struct msc_medium_end end;
	int result = -1;

	if (j->o.queued && msc_bench_try_queued(s, &j->bench, err) < 0)
		return -1;
	j->o.medium = msc_medium_begin(s, &o, err);
	if (!j->o.medium)
		return -1;
	j->o.first_lba = msc_medium_first(j->o.medium);
	j->o.span = msc_medium_blocks(j->o.medium);
	if (j->o.span)
		result = msc_bench_measure(s, &j->o, &j->bench, err);
	else
		msc_fail(err, MSC_E_UNSUPPORTED, "there is no medium in unit %u", j->o.lun);
	msc_medium_finish(j->o.medium, &end);
	msc_medium_free(j->o.medium);
	j->not_restored = !end.restored || end.elsewhere;
	a->not_restored |= j->not_restored;
	return result;
}

static int write_bench(struct bench_job *j, struct msc_ask *a, json_t *answer, struct msc_err *err)
{
	const struct msc_report_context context = msc_ask_context(a);
	const struct msc_bench_report r = { .bench = &j->bench,
					    .context = &context,
					    .reason = err->msg,
					    .exit_status = err->code ? msc_exit_status(err->code)
							   : *j->bench.failure || j->not_restored
								   ? MSCOPE_FAILED
								   : MSCOPE_PASSED };

	return msc_ask_give_bench(answer, &r, err);
}

int msc_ask_bench(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		  struct msc_err *err)
{
	struct bench_job j = { .timeout_ns = 0 };
	struct msc_session *s;
	int result = -1;

	if (read_bench(&j, a, m, err) < 0)
		return -1;
	s = own_session(a, j.o.queued, j.o.lun, j.timeout_ns, err);
	if (!s)
		return -1;
	result = j.o.op == MSC_BENCH_WRITE ? measure_writes(&j, a, s, err)
					   : msc_bench_measure(s, &j.o, &j.bench, err);
	msc_session_free(s);
	if (result == 0 || j.bench.n_runs)
		result = write_bench(&j, a, answer, err);
	msc_bench_free(&j.bench);
	return result;
}

int msc_ask_pace(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		 struct msc_err *err)
{
	const struct msc_report_context context = msc_ask_context(a);
	int mode = msc_ask_word(m, MSC_ASK_MODE, modes, 2, err);
	struct msc_pace_samples samples = { .speed = a->target->device.speed };
	struct msc_pace_options o = {
		.serial = mode != 1,
		.queued = mode != 0,
		.count = (uint32_t)msc_ask_number(m, MSC_ASK_COUNT, 0),
		.first_lba = (uint64_t)msc_ask_number(m, MSC_ASK_LBA, 0),
	};
	struct msc_pace *pace;
	struct msc_session *s;
	int result = -1;

	if (mode < 0 || msc_ask_lun(m, &o.lun, err) < 0 ||
	    msc_ask_timeout(a, m, &o.timeout_ns, err) < 0 ||
	    sizes_of(m, o.blocks, MSC_PACE_SIZES_MAX, &o.n_blocks, err) < 0)
		return -1;
	pace = calloc(1, sizeof *pace);
	if (!pace)
		return msc_nomem(err);
	s = own_session(a, true, o.lun, o.timeout_ns, err);
	if (s && msc_pace_probe(s, &o, &samples, err) == 0 &&
	    msc_pace_analyse(&samples, &o, pace, err) == 0) {
		const struct msc_pace_report r = { .device = &a->target->device,
						   .pace = pace,
						   .picture = &samples.picture,
						   .failure = samples.failure,
						   .context = &context,
						   .exit_status = *samples.failure
									  ? MSCOPE_FAILED
									  : MSCOPE_PASSED };

		result = msc_ask_give(answer, "result", msc_pace_json(&r), err);
	}
	msc_session_free(s);
	msc_pace_samples_free(&samples);
	free(pace);
	return result;
}
