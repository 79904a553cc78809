/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps in the middle of a command, and pauses, which are welcome anywhere. */
#include "run/runner.h"

#define ASIDE_TURNS 32

/* On a real clock in slices, so that Ctrl-C does not wait. */
int msc_run_wait(struct msc_runner *r, int64_t ns, struct msc_err *err)
{
	struct msc_clock *clock = r->target->clock;
	int64_t until = msc_now(clock) + ns;

	while (!r->target->device.simulated && msc_now(clock) + MSC_SLICE_NS < until) {
		if (r->o->stop && r->o->stop(r->o->user))
			return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
		msc_wait_until(clock, msc_now(clock) + MSC_SLICE_NS);
	}
	msc_wait_until(clock, until);
	return 0;
}

static int one(struct msc_runner *r, const struct msc_plan_step *s, struct msc_err *err)
{
	const struct msc_device *d = &r->target->device;

	switch (s->what) {
	case MSC_DO_CONTROL: return msc_run_control(r, &s->u.control, err);
	case MSC_DO_WAIT: return msc_run_wait(r, s->u.wait_ns, err);
	case MSC_DO_CLEAR_HALT:
		return msc_session_clear_halt(r->session, s->u.in ? d->ep_in : d->ep_out, NULL,
					      err);
	default: return 0; /* the loader lets no other through */
	}
}

/* Once at least, and then until the data is there. */
static int run_aside(void *user, bool *again, struct msc_err *err)
{
	struct msc_run_aside *a = user;

	for (size_t i = 0; i < a->plan->n_steps && !a->r->ended; i++)
		if (one(a->r, &a->plan->steps[i], err) < 0)
			return -1;
	*again = ++a->turns < ASIDE_TURNS && !a->r->ended;
	return 0;
}

struct msc_aside msc_run_aside(struct msc_run_aside *a, struct msc_runner *r,
			       const struct msc_plan_aside *plan)
{
	*a = (struct msc_run_aside){ .r = r, .plan = plan };
	return (struct msc_aside){ .run = plan->n_steps ? run_aside : NULL, .user = a };
}
