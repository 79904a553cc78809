/* SPDX-License-Identifier: BSD-2-Clause */
/* One step after the other; before each, what BOT demands of a host if the step before has left
 * the device in need of reset recovery. */
#include <stdlib.h>
#include <string.h>

#include "run/runner.h"
#include "soak/soak.h"

int msc_run_recover(struct msc_runner *r, struct msc_err *err)
{
	return msc_session_reset_recovery(r->session, NULL, err);
}

/* A device that does not let itself be set up again has nothing to say to the steps that follow. */
static int configure(struct msc_runner *r, struct msc_err *err)
{
	const bool again = r->deconfigured;
	const struct msc_record *record;

	r->deconfigured = false;
	if (msc_session_configure(r->session, &record, err) < 0) {
		if (!again || err->code != MSC_E_UNSUPPORTED)
			return -1;
		/* The kernel has let it through before; something else uses the device since. */
		*err = (struct msc_err)MSC_ERR_INIT;
		return msc_session_port_reset(r->session, NULL, err);
	}
	if (again && record->u.control.outcome != MSC_OUT_DONE)
		msc_run_end_case(r, MSC_VERDICT_FAIL,
				 "the device could not be configured again after it was not");
	return 0;
}

int msc_run_configured(struct msc_runner *r, struct msc_err *err)
{
	return r->deconfigured ? configure(r, err) : 0;
}

static int poll_endpoint(struct msc_runner *r, const struct msc_plan_poll *p, struct msc_err *err)
{
	const struct msc_device *d = &r->target->device;
	const struct msc_record *record;
	uint8_t *bytes;
	int64_t len;
	int rc;

	if (!msc_run_value(r, &p->length, 0, &len))
		return 0;
	bytes = calloc(1, (size_t)len + 1);
	if (!bytes)
		return msc_nomem(err);
	if (p->data.data)
		memcpy(bytes, p->data.data, p->data.len);
	/* A device may take it for the data of a write. */
	rc = p->in ? 0 : msc_medium_announce(r->medium, bytes, (size_t)len, err);
	if (rc == 0)
		rc = msc_session_poll(r->session, p->in ? d->ep_in : d->ep_out, bytes, (size_t)len,
				      p->time_ns ? p->time_ns : msc_session_timeout(r->session),
				      &record, err);
	free(bytes);
	if (rc < 0)
		return -1;
	return msc_check_poll(r, &p->expect, record, err);
}

/* A case may end between any two steps: no time need pass in a loop, and a user need not wait. */
static int go_on(struct msc_runner *r, struct msc_err *err)
{
	if (r->o->stop && r->o->stop(r->o->user))
		return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	if (msc_now(r->target->clock) >= r->until_ns)
		msc_run_end_case(r, MSC_VERDICT_SKIP,
				 "cut short: the device hangs, and has had its time");
	else if (r->steps++ == MSC_CASE_STEPS_MAX)
		msc_run_end_case(r, MSC_VERDICT_ERROR,
				 "cut short: more than %d steps, turns of loops included",
				 MSC_CASE_STEPS_MAX);
	return 0;
}

/* How often the steps of a loop are done. False: that does not fit this device. */
static bool turns(struct msc_runner *r, const struct msc_plan_loop *l, int64_t *times)
{
	if (l->probes)
		*times = msc_medium_probes(r->medium);
	else if (l->values.count)
		*times = (int64_t)l->values.count;
	else
		return msc_run_value(r, &l->times, 1, times);
	return true;
}

static int loop(struct msc_runner *r, const struct msc_plan_loop *l, struct msc_err *err)
{
	int64_t times, began_ns = msc_now(r->target->clock);

	if (!turns(r, l, &times))
		return 0;
	for (int64_t i = 0; i < times && !r->ended; i++) {
		if (l->at_most_ns && msc_now(r->target->clock) - began_ns > l->at_most_ns)
			break;
		if (go_on(r, err) < 0)
			return -1;
		if (l->probes)
			r->env.var[l->slot] = (int64_t)msc_medium_probe(r->medium, (uint32_t)i);
		else if (l->values.count &&
			 !msc_run_value(r, &l->values.list[i], 0, &r->env.var[l->slot]))
			return 0;
		if (msc_run_steps(r, l->steps, l->n_steps, err) < 0)
			return -1;
	}
	return 0;
}

static int condition(struct msc_runner *r, const struct msc_plan_loop *l, struct msc_err *err)
{
	int64_t yes;

	if (!msc_run_value(r, &l->times, 0, &yes) || !yes)
		return 0;
	return msc_run_steps(r, l->steps, l->n_steps, err);
}

static void name_values(struct msc_runner *r, const struct msc_plan_lets *lets)
{
	int64_t v; /* apart, because it may follow from the old value */

	for (size_t i = 0; i < lets->count; i++) {
		if (!msc_run_value(r, &lets->list[i].value, 0, &v))
			return;
		r->env.var[lets->list[i].slot] = v;
	}
}

static void skip_unless(struct msc_runner *r, const struct msc_plan_unless *u)
{
	int64_t met;

	if (msc_run_value(r, &u->met, 0, &met) && !met)
		msc_run_end_case(r, MSC_VERDICT_SKIP, "%s", u->because);
}

static void begin_phase(struct msc_runner *r, const char *name)
{
	if (r->n_phases == MSC_PHASES_MAX)
		return;
	r->phase[r->n_phases].name = name;
	r->phase[r->n_phases++].began_ns = msc_now(r->target->clock);
}

static int permit_live(struct msc_runner *r, const struct msc_plan_live *live, struct msc_err *err)
{
	int64_t lba, blocks;
	char why[256];
	bool may;
	int rc;

	if (!msc_run_value(r, &live->lba, 0, &lba) || !msc_run_value(r, &live->blocks, 1, &blocks))
		return 0;
	msc_session_mute(r->session, true);
	rc = msc_medium_live(r->medium, (uint64_t)lba, (uint32_t)blocks, &may, why, sizeof why,
			     err);
	msc_session_mute(r->session, false);
	if (rc == 0 && !may)
		msc_run_end_case(r, MSC_VERDICT_SKIP, "%s", why);
	return rc;
}

static int settle(struct msc_runner *r, struct msc_err *err)
{
	int rung;

	if (msc_session_settle(r->session, &rung, err) < 0)
		return -1;
	r->ended |= rung > 2;
	return msc_check_settled(r, rung, err);
}

/* A device that cannot be set up again has nothing to say to the steps that follow. */
static int port_reset(struct msc_runner *r, struct msc_err *err)
{
	const struct msc_record *record;

	r->deconfigured = false;
	if (msc_session_port_reset(r->session, &record, err) < 0)
		return -1;
	if (record->u.port.outcome != MSC_OUT_DONE)
		msc_run_end_case(r, MSC_VERDICT_FAIL,
				 "the device could not be set up again after a port reset");
	return 0;
}

static int suspend(struct msc_runner *r, const struct msc_plan_suspend *s, struct msc_err *err)
{
	if (msc_session_suspend(r->session, s->ns, !s->by_reset, err) < 0)
		return -1;
	return s->by_reset ? port_reset(r, err) : 0;
}

static int power_cycle(struct msc_runner *r, struct msc_err *err)
{
	bool flushed;

	if (msc_power_may(r->target, err) < 0)
		return -1;
	return msc_soak_power_cycle(r->session, r->o->lun, MSC_RUN_POWER_OFF_NS, &flushed, err);
}

/* The command before has passed, which has been judged: it has left nothing for the sense data to say. */
static bool states_none(const struct msc_runner *r, const struct msc_expect *e)
{
	return r->env.var[MSC_VAR_STATUS] == MSC_CSW_PASSED && e->n_sense && e->sense[0].key;
}

static int run_step(struct msc_runner *r, const struct msc_plan_step *s, struct msc_err *err)
{
	const struct msc_device *d = &r->target->device;
	struct msc_sense_data ignored;

	switch (s->what) {
	case MSC_DO_COMMAND: return msc_run_command(r, &s->u.command, err);
	case MSC_DO_SENSE:
		return msc_run_sense(r, r->o->lun, states_none(r, &s->u.sense) ? NULL : &s->u.sense,
				     &ignored, err);
	case MSC_DO_READY: return msc_run_ready(r, err);
	case MSC_DO_WRAPPER: return msc_run_wrapper(r, &s->u.wrapper, err);
	case MSC_DO_CONTROL: return msc_run_control(r, &s->u.control, err);
	case MSC_DO_ENUMERATE: return msc_run_enumerate(r, err);
	case MSC_DO_PRELUDE: return msc_run_prelude(r, err);
	case MSC_DO_CONFIGURE: return configure(r, err);
	case MSC_DO_SET_INTERFACE: return msc_session_set_interface(r->session, NULL, err);
	case MSC_DO_POLL: return poll_endpoint(r, &s->u.poll, err);
	case MSC_DO_CLEAR_HALT:
		return msc_session_clear_halt(r->session, s->u.in ? d->ep_in : d->ep_out, NULL,
					      err);
	case MSC_DO_RESET_RECOVERY: return msc_run_recover(r, err);
	case MSC_DO_PORT_RESET: return port_reset(r, err);
	case MSC_DO_POWER_CYCLE: return power_cycle(r, err);
	case MSC_DO_SETTLE: return settle(r, err);
	case MSC_DO_WAIT: return msc_run_wait(r, s->u.wait_ns, err);
	case MSC_DO_SUSPEND: return suspend(r, &s->u.suspend, err);
	case MSC_DO_LOOP: return loop(r, &s->u.loop, err);
	case MSC_DO_IF: return condition(r, &s->u.loop, err);
	case MSC_DO_LET: name_values(r, &s->u.lets); break;
	case MSC_DO_SKIP_UNLESS: skip_unless(r, &s->u.unless); break;
	case MSC_DO_PHASE: begin_phase(r, s->u.phase); break;
	case MSC_DO_CHECK: return msc_check_value(r, &s->u.unless, err);
	case MSC_DO_LIVE: return permit_live(r, &s->u.live, err);
	}
	return 0;
}

/* These are recovery themselves, or take no part in it. */
static bool recovers(const struct msc_plan_step *s)
{
	switch (s->what) {
	case MSC_DO_RESET_RECOVERY:
	case MSC_DO_PORT_RESET:
	case MSC_DO_CONFIGURE:
	case MSC_DO_SETTLE:
	case MSC_DO_WAIT:
	case MSC_DO_LOOP:
	case MSC_DO_IF:
	case MSC_DO_LET:
	case MSC_DO_SKIP_UNLESS:
	case MSC_DO_PHASE:
	case MSC_DO_LIVE:
	case MSC_DO_CHECK: return true;
	default: return false;
	}
}

/* These mean something to a device that is not configured, or do not reach it; all others are for one that is. */
static bool is_for_any_state(const struct msc_plan_step *s)
{
	return s->what == MSC_DO_CONTROL || s->what == MSC_DO_POLL || s->what == MSC_DO_SUSPEND ||
	       (recovers(s) && s->what != MSC_DO_SETTLE && s->what != MSC_DO_RESET_RECOVERY);
}

int msc_run_steps(struct msc_runner *r, const struct msc_plan_step *steps, size_t n,
		  struct msc_err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (go_on(r, err) < 0)
			return -1;
		if (r->ended)
			break;
		if (!is_for_any_state(&steps[i]) && msc_run_configured(r, err) < 0)
			return -1;
		if (r->ended)
			break;
		if (msc_run_owes_reset(r) && r->s->recover && !recovers(&steps[i]) &&
		    msc_run_recover(r, err) < 0)
			return -1;
		if (run_step(r, &steps[i], err) < 0)
			return -1;
	}
	return 0;
}
