/* SPDX-License-Identifier: BSD-2-Clause */
/* About how long a run takes, from what its steps say and how long the device took for the commands by which
 * it was learned. What is decided only while it runs is taken to happen: both ends of an `if`, a loop whose
 * turns are not known yet. */
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
