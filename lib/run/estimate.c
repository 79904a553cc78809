/* SPDX-License-Identifier: BSD-2-Clause */
/* About how long a run takes, from what its steps say and how long the device took for the commands by which
 * it was learned. What is decided only while it runs is taken to happen: both ends of an `if`, a loop whose
 * turns are not known yet. */
#include <stdio.h>

#include "base/text.h"
#include "run/runner.h"

#define RESET_NS \
	(400 * MSC_MS) /* a port reset by Linux, with the enumeration behind it; and where a
					 scenario enumerates by itself */
#define COMMANDS_A_CASE 4 /* it begins level, and ends with TEST UNIT READY */
#define TURNS_UNKNOWN	4

struct estimate {
	struct msc_env env; /* where only what is known of the device has a value */
	int64_t command_ns;
};

static int64_t turns(const struct estimate *e, const struct msc_plan_loop *loop)
{
	struct msc_err err = MSC_ERR_INIT;
	int64_t times;

	if (loop->values.count)
		return (int64_t)loop->values.count;
	if (loop->probes || !msc_expr_is_known(&loop->times, &e->env) ||
	    msc_expr_value(&loop->times, &e->env, &times, &err) < 0)
		return TURNS_UNKNOWN;
	return times;
}

static int64_t steps_ns(const struct estimate *e, const struct msc_plan_step *list, size_t n)
{
	int64_t sum = 0;

	for (const struct msc_plan_step *s = list; s < list + n; s++) {
		switch (s->what) {
		case MSC_DO_WAIT: sum += s->u.wait_ns; break;
		case MSC_DO_PORT_RESET:
		case MSC_DO_ENUMERATE: sum += RESET_NS; break;
		case MSC_DO_LOOP:
			sum += turns(e, &s->u.loop) *
			       steps_ns(e, s->u.loop.steps, s->u.loop.n_steps);
			break;
		case MSC_DO_IF: sum += steps_ns(e, s->u.loop.steps, s->u.loop.n_steps); break;
		case MSC_DO_LET:
		case MSC_DO_SKIP_UNLESS:
		case MSC_DO_PHASE:
		case MSC_DO_LIVE:
		case MSC_DO_CHECK: break;
		default: sum += e->command_ns;
		}
	}
	return sum;
}

/* A command costs nothing, and then 1: the difference is their number. */
static void count(const struct msc_scenario *s, int64_t *commands, int64_t *wait_ns)
{
	struct estimate e = { .command_ns = 0 };

	*wait_ns = steps_ns(&e, s->steps, s->n_steps);
	e.command_ns = 1;
	*commands = steps_ns(&e, s->steps, s->n_steps) - *wait_ns + COMMANDS_A_CASE;
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
	int64_t commands = 0, wait_ns = 0, n, ns;
	size_t run = 0, write = 0;
	char text[512], took[24];
	struct msc_event ev = { .kind = MSC_EV_NOTE, .text = text };

	for (size_t i = 0; i < all->count; i++) {
		const struct msc_scenario *s = all->list[i];

		if (!foretell(s, o, simulated, text, sizeof text))
			continue;
		count(s, &n, &ns);
		commands += n;
		wait_ns += ns;
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

void msc_run_estimate(struct msc_runner *r, const struct msc_scenarios *all)
{
	struct estimate e = { .env = r->env,
			      .command_ns = r->n_learned ? r->learned_ns / r->n_learned : 0 };
	struct msc_event ev = { .kind = MSC_EV_ESTIMATE,
				.at_ns = msc_now(r->target->clock),
				.device = &r->target->device };
	char why[256];

	e.env.known = (1u << MSC_VAR_STATUS) - 1;
	for (size_t i = 0; i < all->count; i++) {
		r->s = all->list[i];
		if (msc_run_obstacle(r, why, sizeof why))
			continue;
		ev.cases_total++;
		ev.device_ns +=
			steps_ns(&e, r->s->steps, r->s->n_steps) + COMMANDS_A_CASE * e.command_ns;
	}
	r->s = NULL;
	r->o->event(r->o->user, &ev);
}
