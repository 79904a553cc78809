/* SPDX-License-Identifier: BSD-2-Clause */
/* What the steps of a scenario cost, and a run of which nothing is sent. What is decided only while it runs is
 * taken to happen: both ends of an `if`, a loop whose turns are not known yet. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "run/runner.h"

#define RESET_NS \
	(400 * MSC_MS) /* a port reset by Linux, with the enumeration behind it; and where a
					 scenario enumerates by itself */
#define COMMANDS_A_CASE 4 /* it begins level, and ends with TEST UNIT READY */
#define COMMANDS_A_PRELUDE 3
#define TURNS_UNKNOWN	4
#define BLOCKS_UNKNOWN	8 /* of 512 bytes: a page or a cluster, what hosts move most */
#define TIMES_MAX	1000000

struct walk {
	struct msc_env env; /* where only what is known of the device has a value */
	int64_t command_ns;
	struct msc_cost sum;
};

/* False: it is decided only while the case runs. */
static bool known(const struct walk *w, const struct msc_expr *e, int64_t *value)
{
	struct msc_err ignored = MSC_ERR_INIT;

	return e->count && msc_expr_is_known(e, &w->env) &&
	       msc_expr_value(e, &w->env, value, &ignored) == 0;
}

static void set(struct walk *w, int slot, const struct msc_expr *e)
{
	int64_t value;

	if (!known(w, e, &value)) {
		w->env.known &= ~(1u << slot);
		return;
	}
	w->env.var[slot] = value;
	w->env.known |= 1u << slot;
}

/* Blocks that it moves. */
static int64_t blocks(const struct walk *w, const struct msc_plan_command *c)
{
	int64_t n;

	if (known(w, &c->cbw.length, &n) && w->env.var[MSC_VAR_BLOCK_SIZE])
		return n / w->env.var[MSC_VAR_BLOCK_SIZE];
	for (size_t i = 0; i < MSC_COUNT(c->field) && c->def->fields[i].name; i++)
		if (!strcmp(c->def->fields[i].name, "blocks"))
			return known(w, &c->field[i], &n) ? n : BLOCKS_UNKNOWN;
	return 0;
}

static void count_command(struct walk *w, const struct msc_plan_command *c, int64_t times)
{
	w->sum.part[MSC_COST_COMMAND] += times;
	if (c->def && c->def->amount == MSC_AMOUNT_BLOCKS && c->def->dir != MSC_DIR_NONE)
		w->sum.part[c->def->dir == MSC_DIR_IN ? MSC_COST_READ : MSC_COST_WRITE] +=
			times * blocks(w, c);
}

static void count_steps(struct walk *w, const struct msc_plan_step *list, size_t n, int64_t times);

/* Of turns that are all the same, no more than their time allows. */
static int64_t turns_in_time(const struct walk *w, const struct msc_plan_loop *l, int64_t turns)
{
	struct walk one = { .env = w->env };
	int64_t ns;

	if (!l->at_most_ns || !w->command_ns)
		return turns;
	count_steps(&one, l->steps, l->n_steps, 1);
	ns = one.sum.part[MSC_COST_COMMAND] * w->command_ns + one.sum.wait_ns;
	return ns && turns > l->at_most_ns / ns + 1 ? l->at_most_ns / ns + 1 : turns;
}

static void count_loop(struct walk *w, const struct msc_plan_loop *l, int64_t times)
{
	int64_t turns = TURNS_UNKNOWN;

	for (size_t i = 0; i < l->values.count; i++) {
		set(w, l->slot, &l->values.list[i]);
		count_steps(w, l->steps, l->n_steps, times);
	}
	if (l->values.count)
		return;
	if (!l->probes)
		known(w, &l->times, &turns);
	if (turns > TIMES_MAX / times)
		turns = TIMES_MAX / times;
	turns = turns_in_time(w, l, turns);
	if (turns > 0)
		count_steps(w, l->steps, l->n_steps, times * turns);
}

static void count_step(struct walk *w, const struct msc_plan_step *s, int64_t times)
{
	switch (s->what) {
	case MSC_DO_COMMAND: count_command(w, &s->u.command, times); break;
	case MSC_DO_WAIT: w->sum.wait_ns += times * s->u.wait_ns; break;
	case MSC_DO_SUSPEND:
		w->sum.wait_ns += times * s->u.suspend.ns;
		w->sum.part[MSC_COST_RESET] += times * s->u.suspend.by_reset;
		break;
	case MSC_DO_PORT_RESET:
	case MSC_DO_POWER_CYCLE:
	case MSC_DO_ENUMERATE: w->sum.part[MSC_COST_RESET] += times; break;
	case MSC_DO_PRELUDE: w->sum.part[MSC_COST_COMMAND] += times * COMMANDS_A_PRELUDE; break;
	case MSC_DO_LOOP: count_loop(w, &s->u.loop, times); break;
	case MSC_DO_IF: count_steps(w, s->u.loop.steps, s->u.loop.n_steps, times); break;
	case MSC_DO_LET:
		for (size_t i = 0; i < s->u.lets.count; i++)
			set(w, s->u.lets.list[i].slot, &s->u.lets.list[i].value);
		break;
	case MSC_DO_SKIP_UNLESS:
	case MSC_DO_PHASE:
	case MSC_DO_LIVE:
	case MSC_DO_CHECK: break;
	default: w->sum.part[MSC_COST_COMMAND] += times;
	}
}

static void count_steps(struct walk *w, const struct msc_plan_step *list, size_t n, int64_t times)
{
	for (const struct msc_plan_step *s = list; s < list + n; s++)
		count_step(w, s, times);
}

struct msc_cost msc_run_cost(const struct msc_scenario *s, const struct msc_env *env,
			     int64_t command_ns)
{
	struct walk w = { .command_ns = command_ns, .sum.part[MSC_COST_COMMAND] = COMMANDS_A_CASE };

	if (env) {
		w.env = *env;
		w.env.known = (1u << MSC_VAR_STATUS) - 1;
	}
	count_steps(&w, s->steps, s->n_steps, 1);
	/* The blocks that it may write are filled before, looked at, and put back. */
	w.sum.part[MSC_COST_WRITE] += 2 * s->scratch_blocks;
	w.sum.part[MSC_COST_READ] += 2 * s->scratch_blocks;
	return w.sum;
}

/* What the run would do with it; true: run it, as far as can be known without the device. */
static bool foretell(const struct msc_scenario *s, const struct msc_run_options *o, bool simulated,
		     char *text, size_t size)
{
	const char *why = msc_run_unpermitted(s, o, simulated);

	if (why)
		snprintf(text, size, "would not be run: %s", why);
	else if (s->writes)
		snprintf(
			text, size,
			"would be run, and writes blocks near the end of the medium that are saved "
			"first and put back");
	else
		snprintf(text, size, "would be run, and writes nothing");
	return !why;
}

static void tell_forecast(const struct msc_scenarios *all, const struct msc_run_options *o,
			  bool simulated)
{
	int64_t commands = 0, wait_ns = 0;
	size_t run = 0, write = 0;
	char text[512], took[24];
	struct msc_event ev = { .kind = MSC_EV_NOTE, .text = text };
	struct msc_cost cost;

	for (size_t i = 0; i < all->count; i++) {
		const struct msc_scenario *s = all->list[i];

		if (!foretell(s, o, simulated, text, sizeof text))
			continue;
		cost = msc_run_cost(s, NULL, 0);
		commands += cost.part[MSC_COST_COMMAND];
		wait_ns += cost.wait_ns + cost.part[MSC_COST_RESET] * RESET_NS;
		run++;
		write += s->writes;
	}
	snprintf(
		text, sizeof text,
		"a dry run: the target is not opened and nothing is sent. %zu of %zu cases would be "
		"run, %zu of them write; about %lld commands, and %s of waits and resets. What the "
		"device lacks is known only when it is asked",
		run, all->count, write, (long long)commands,
		msc_format_ns(took, sizeof took, wait_ns));
	o->event(o->user, &ev);
}

void msc_run_dry(const struct msc_device *device, const struct msc_scenarios *all,
		 const struct msc_run_options *o, struct msc_summary *summary)
{
	static const struct msc_findings none;
	struct msc_event ev = { .kind = MSC_EV_RUN_BEGIN,
				.device = device,
				.profile = o->profile,
				.cases_total = all->count,
				.waivers = o->waivers };
	char why[256];

	*summary = (struct msc_summary){ .count[MSC_VERDICT_SKIP] = (unsigned)all->count,
					 .stale = msc_waivers_stale(o->waivers) };
	o->event(o->user, &ev);
	tell_forecast(all, o, device->simulated);
	for (size_t i = 0; i < all->count; i++) {
		foretell(all->list[i], o, device->simulated, why, sizeof why);
		ev = (struct msc_event){ .kind = MSC_EV_CASE_BEGIN, .scenario = all->list[i] };
		o->event(o->user, &ev);
		ev.kind = MSC_EV_CASE_END;
		ev.verdict = MSC_VERDICT_SKIP;
		ev.reason = why;
		ev.findings = &none;
		o->event(o->user, &ev);
	}
	ev = (struct msc_event){ .kind = MSC_EV_RUN_END,
				 .summary = summary,
				 .waivers = o->waivers };
	o->event(o->user, &ev);
}
