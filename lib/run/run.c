/* SPDX-License-Identifier: BSD-2-Clause */
/* A run: what must be known of the device first, the scenarios in their order, and an end that is
 * reported whatever happened. Times come from the target's clock and nothing else from outside,
 * so a run on a simulated device is the same every time. */
#include "base/isolate.h"
#include "run/runner.h"
#include "transport/command.h"

#include <stdio.h>
#include <string.h>

#define HANGS_MAX 3

const char *msc_verdict_name(enum msc_verdict v)
{
	static const char *const names[] = { "pass", "fail", "warn", "skip", "error", "waived" };

	return (size_t)v < MSC_COUNT(names) ? names[v] : "?";
}

bool msc_summary_is_good(const struct msc_summary *s)
{
	return !s->count[MSC_VERDICT_FAIL] && !s->count[MSC_VERDICT_ERROR] && !s->not_restored &&
	       !s->stale;
}

static void on_medium_note(void *user, bool safety, const char *text)
{
	struct msc_runner *r = user;
	const struct msc_event e = { .kind = MSC_EV_NOTE,
				     .at_ns = msc_now(r->target->clock),
				     .scenario = r->s,
				     .text = text,
				     .safety = safety };

	r->o->event(r->o->user, &e);
}

static void note_slowest(struct msc_runner *r, const struct msc_record *record)
{
	const struct msc_record *old = r->slowest;

	if (old && old->ended_ns - old->began_ns >= record->ended_ns - record->began_ns)
		return;
	r->slowest = msc_record_ref(record);
	msc_record_drop(old);
}

static void on_record(void *user, const struct msc_record *record)
{
	struct msc_runner *r = user;
	const struct msc_event e = {
		.kind = MSC_EV_RECORD, .at_ns = record->ended_ns, .scenario = r->s, .record = record
	};

	size_t before = r->findings.count;

	if (msc_judge(record, r->o->profile, &r->findings, &r->judge_err) < 0 ||
	    msc_run_misuse(r, record) < 0)
		r->ended = true;
	msc_run_facts(r, before);
	msc_run_measure(r, record);
	if (r->s && record->kind == MSC_RECORD_EXCHANGE)
		note_slowest(r, record);
	r->o->event(r->o->user, &e);
}

/* ---- what is known ------------------------------------------------------------------------ */

static int try_queued(struct msc_runner *r, struct msc_err *err)
{
	char why[128] = "";
	bool works;

	if (!r->o->queued)
		return 0;
	if (msc_session_probe_queued(r->session, &works, why, sizeof why, err) < 0)
		return -1;
	if (!works)
		msc_run_note(r, "driven serially: %s", why);
	return 0;
}

static int learn(struct msc_runner *r, struct msc_err *err)
{
	const struct msc_medium_options care = { .lun = r->o->lun,
						 .journal_dir = r->o->journal_dir,
						 .seed = r->o->seed,
						 .note = on_medium_note,
						 .user = r };
	const struct msc_device *d = &r->target->device;
	const struct msc_unit *u;

	snprintf(r->no_endpoints, sizeof r->no_endpoints, MSC_NEEDS_ENDPOINTS, d->name);
	if (msc_session_max_lun(r->session, &r->max_lun, err) < 0)
		return -1;
	if (!d->commands_only && r->o->lun > r->max_lun)
		return msc_fail(err, MSC_E_USAGE,
				"%s: there is no logical unit %u; Get Max LUN names units 0 to %u",
				d->name, r->o->lun, r->max_lun);
	if (msc_session_learn(r->session, r->o->lun, err) < 0)
		return -1;
	u = msc_session_unit(r->session, r->o->lun);
	r->unit = *u;
	r->medium = msc_medium_new(r->session, &care, err);
	if (!r->medium)
		return -1;
	r->env.slots = r->slots;
	r->env.var[MSC_VAR_STATUS] = UINT8_MAX;
	r->env.var[MSC_VAR_UNIT] = r->o->lun;
	r->env.var[MSC_VAR_MAX_LUN] = r->max_lun;
	r->env.var[MSC_VAR_INTERFACE] = d->interface_number;
	r->env.var[MSC_VAR_MAX_PACKET] = d->max_packet_in;
	r->env.var[MSC_VAR_SIBLING] = msc_device_sibling(d);
	if (u->have_capacity) {
		r->env.var[MSC_VAR_BLOCK_SIZE] = u->block_size;
		r->env.var[MSC_VAR_LAST_LBA] = (int64_t)u->last_lba;
		r->env.var[MSC_VAR_BLOCKS] = (int64_t)u->last_lba + 1;
		r->env.var[MSC_VAR_SCRATCH] = (int64_t)msc_medium_first(r->medium);
	}
	msc_session_forget(r->session);
	return 0;
}

/* ---- the run ------------------------------------------------------------------------------ */

static bool any_writes(const struct msc_scenarios *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i]->writes)
			return true;
	return false;
}

/* The cases that will not be run, each with the reason. */
static void skip_rest(struct msc_runner *r, const struct msc_scenarios *all, size_t from,
		      const char *why)
{
	static const struct msc_findings none;
	int64_t now = msc_now(r->target->clock);

	snprintf(r->reason, sizeof r->reason, "not run: %s", why);
	for (size_t i = from; i < all->count; i++) {
		struct msc_event e = { .kind = MSC_EV_CASE_BEGIN,
				       .at_ns = now,
				       .scenario = all->list[i] };

		r->o->event(r->o->user, &e);
		e.kind = MSC_EV_CASE_END;
		e.verdict = MSC_VERDICT_SKIP;
		e.reason = r->reason;
		e.findings = &none;
		r->summary->count[e.verdict]++;
		r->o->event(r->o->user, &e);
	}
}

/* Of the other units it sees only what goes wrong between them. */
static void tell_units(struct msc_runner *r, const struct msc_scenarios *all)
{
	if (r->max_lun && all->count > 1)
		msc_run_note(
			r,
			"the device has %u logical units, and this run is about unit %u alone; "
			"--lun N is for another",
			r->max_lun + 1U, (unsigned)r->o->lun);
}

static bool is_between_units(const struct msc_scenarios *all)
{
	static const char between[] = "bot.units.";

	for (size_t i = 0; i < all->count; i++)
		if (!strncmp(all->list[i]->name, between, sizeof between - 1))
			return true;
	return false;
}

/* What is left to do, where the reader of a report ends. */
static void tell_untested(struct msc_runner *r, const struct msc_scenarios *all)
{
	char units[MSC_UNITS_TEXT], text[sizeof units + 64];
	const struct msc_event e = { .kind = MSC_EV_NOTE,
				     .at_ns = msc_now(r->target->clock),
				     .text = text,
				     .untested = true };

	if (!r->max_lun)
		return;
	snprintf(text, sizeof text, "not tested%s: %s",
		 is_between_units(all) ? ", but for what bot.units.* sends" : "",
		 msc_session_other_units(units, sizeof units, r->max_lun, r->o->lun));
	r->o->event(r->o->user, &e);
}

/* Says once that the time-outs have been cut, and how long the rest may take. */
static void tell_hasty(struct msc_runner *r)
{
	if (r->hasty || r->o->timeout_ns || !msc_session_is_hasty(r->session))
		return;
	r->hasty = true;
	r->end_ns = msc_now(r->target->clock) + MSC_RUN_HASTY_NS;
	msc_run_note(
		r,
		"the device has hung %d times; from here on an answer is waited for %d s only, "
		"and the run ends after %d minutes at the latest; give --timeout to wait longer",
		HANGS_MAX, (int)((msc_session_timeout(r->session) + MSC_S - 1) / MSC_S),
		(int)(MSC_RUN_HASTY_NS / MSC_S / 60));
}

/* Once: it may be so in every case from here on. */
static void tell_revived(struct msc_runner *r)
{
	if (r->revived_after && !r->told_revived)
		msc_run_note(
			r,
			"no reset brought the device back; it answers again after %s, and the run goes on",
			r->revived_after);
	r->told_revived = r->revived_after;
}

static int fail_wedged(struct msc_runner *r, struct msc_err *err)
{
	struct msc_err ignored = MSC_ERR_INIT;
	bool cycled = msc_power_may(r->target, &ignored) == 0;

	return msc_fail(err, MSC_E_GONE, "%s: the device no longer answers, not even after %s",
			r->target->device.name,
			cycled ? "its power was off" : "a port reset; it must be unplugged");
}

static int run_cases(struct msc_runner *r, const struct msc_scenarios *all, struct msc_err *err)
{
	for (size_t i = 0; i < all->count; i++) {
		bool wedged = false;
		int rc;

		r->next = &all->list[i + 1];
		r->n_next = all->count - i - 1;
		if (r->hasty && msc_now(r->target->clock) >= r->end_ns) {
			skip_rest(r, all, i, "the device hangs, and has had its time");
			break;
		}
		rc = msc_run_case(r, all->list[i], &wedged, err);

		if (rc == 0 && wedged)
			rc = fail_wedged(r, err);
		if (rc < 0) {
			skip_rest(r, all, i + 1, err->msg);
			return -1;
		}
		tell_revived(r);
		tell_hasty(r);
		if (r->o->as_hosts && all->list[i]->host && r->summary->count[MSC_VERDICT_FAIL])
			break; /* msc_run_put_back has seen it coming */
	}
	return 0;
}

static int settle_earlier(struct msc_runner *r, struct msc_err *err)
{
	const struct msc_run_options *o = r->o;

	return msc_medium_earlier(r->medium,
				  o->forget_journal ? MSC_EARLIER_FORGET
				  : o->restore	    ? MSC_EARLIER_RESTORE
				  : o->allow_writes ? MSC_EARLIER_PUT_BACK
						    : MSC_EARLIER_TELL,
				  err);
}

/* Without a place for the journal nothing is written; what only reads still runs. */
static int hold_journal(struct msc_runner *r, struct msc_err *err)
{
	if (msc_medium_hold(r->medium, err) == 0)
		return 0;
	if (err->code != MSC_E_IO)
		return -1;
	snprintf(r->no_journal, sizeof r->no_journal, "%s", err->msg);
	*err = (struct msc_err)MSC_ERR_INIT;
	on_medium_note(r, true, r->no_journal);
	return 0;
}

/* The firmware may die of what it is asked first. */
static int prepare(struct msc_runner *r, struct msc_err *err)
{
	char why[MSC_ISOLATE_WHY];

	if (r->target->device.simulated && msc_isolate_step(why, sizeof why))
		return msc_fail(err, MSC_E_GONE, "%s: %s", r->target->device.name, why);
	if (learn(r, err) < 0 || try_queued(r, err) < 0 || settle_earlier(r, err) < 0)
		return -1;
	if (msc_run_misuse_before(r) == 0)
		return 0;
	*err = r->judge_err;
	return -1;
}

static void finish_medium(struct msc_runner *r)
{
	struct msc_medium_end end = { .restored = false };
	char why[MSC_ISOLATE_WHY];

	if (r->target->device.simulated && msc_isolate_step(why, sizeof why))
		msc_run_note(r, "at the end of the run %s", why);
	else
		msc_medium_finish(r->medium, &end);
	r->summary->not_restored = !end.restored;
	msc_medium_free(r->medium);
}

static int run(struct msc_runner *r, const struct msc_scenarios *all, struct msc_err *err)
{
	const struct msc_session_options options = { .timeout_ns = r->o->timeout_ns,
						     .hangs_max = r->o->timeout_ns ? 0 : HANGS_MAX,
						     .queued = r->o->queued,
						     .allow_writes = r->o->allow_writes ||
								     r->o->restore,
						     .allow_unsafe = r->o->allow_unsafe,
						     .unsafe = r->o->unsafe,
						     .n_unsafe = r->o->n_unsafe,
						     .log = r->o->log,
						     .record = on_record,
						     .wire = r->o->wire,
						     .wire_user = r->o->wire_user,
						     .user = r };
	int rc = -1;

	if (r->o->allow_writes && any_writes(all) && msc_not_mounted(r->target, err) < 0)
		goto skip_all;
	r->session = msc_session_new(r->target, &options);
	if (!r->session) {
		msc_nomem(err);
		goto skip_all;
	}
	msc_session_set_stop(r->session, r->o->stop, r->o->user);
	if (prepare(r, err) < 0) {
		msc_run_tell_asked(r, err);
		goto skip_all;
	}
	if (r->o->allow_writes && any_writes(all) && hold_journal(r, err) < 0)
		goto skip_all;
	tell_units(r, all);
	msc_run_estimate(r, all);
	rc = run_cases(r, all, err);
	tell_untested(r, all);
	goto finish;
skip_all:
	skip_rest(r, all, 0, err->msg);
finish:
	if (r->medium) {
		msc_session_mute(r->session, true);
		finish_medium(r);
	}
	msc_session_free(r->session);
	return rc;
}

int msc_run(struct msc_target *t, const struct msc_scenarios *all, const struct msc_run_options *o,
	    struct msc_summary *summary, struct msc_err *err)
{
	struct msc_runner r = { .target = t, .o = o, .summary = summary, .judge_err = MSC_ERR_INIT };
	struct msc_event e = { .kind = MSC_EV_RUN_BEGIN,
			       .device = &t->device,
			       .profile = o->profile,
			       .cases_total = all->count,
			       .waivers = o->waivers };
	int rc;

	*summary = (struct msc_summary){ 0 };
	r.began_ns = e.at_ns = msc_now(t->clock);
	o->event(o->user, &e);
	rc = run(&r, all, err);
	summary->device_ns = msc_now(t->clock) - e.at_ns;
	summary->stale = msc_waivers_stale(o->waivers);
	e.kind = MSC_EV_RUN_END;
	e.at_ns = msc_now(t->clock);
	e.summary = summary;
	e.reason = rc < 0 ? err->msg : NULL;
	o->event(o->user, &e);
	return rc;
}
