/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs one conversation. Where a device can be had anew, each has its own, so that what it shows does
 * not depend on what was before it. */
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "scenario/plan.h"

/* ---- coverage ---------------------------------------------------------------------------------- */

static unsigned count_bits(const struct fuzz_seen *seen)
{
	unsigned n = 0;

	for (size_t i = 0; i < MSC_COUNT(seen->bits); i++)
		n += (unsigned)__builtin_popcountll(seen->bits[i]);
	return n;
}

/* What the device was asked and what it did, without numbers. */
static uint64_t kind_of(const struct msc_record *r)
{
	uint8_t key[8] = { (uint8_t)r->kind };

	if (r->kind == MSC_RECORD_EXCHANGE) {
		const struct msc_exchange *x = &r->u.exchange;

		key[1] = x->cbw.cb[0];
		key[2] = x->have_csw ? x->csw.status : 0xff;
		key[3] = (uint8_t)(x->dir | (x->csw.residue ? 4 : 0) | (x->data_len ? 8 : 0) |
				   (x->needs_reset ? 16 : 0) | (x->answered ? 32 : 0));
		for (size_t i = 0; i < x->n_steps; i++)
			key[4] |= (uint8_t)(1U << (x->steps[i].outcome & 7));
		if (x->cbw.cb[0] == MSC_OP_REQUEST_SENSE && x->data_len >= 14 &&
		    x->data_kept >= 14) {
			key[5] = x->data[2];
			key[6] = x->data[12];
			key[7] = x->data[13];
		}
	} else if (r->kind == MSC_RECORD_CONTROL) {
		key[1] = r->u.control.setup.request_type;
		key[2] = r->u.control.setup.request;
		key[3] = (uint8_t)r->u.control.outcome;
	} else if (r->kind == MSC_RECORD_POLL) {
		key[1] = r->u.poll.ep;
		key[3] = (uint8_t)r->u.poll.outcome;
	}
	return msc_log_hash(key, sizeof key);
}

static void see(struct fuzz_trial *t, const struct msc_record *r)
{
	uint64_t bit = kind_of(r) % (64 * MSC_COUNT(t->seen->bits));
	uint64_t mask = UINT64_C(1) << bit % 64;

	t->is_new |= !(t->seen->bits[bit / 64] & mask);
	t->seen->bits[bit / 64] |= mask;
}

/* ---- one run ----------------------------------------------------------------------------------- */

static void on_event(void *user, const struct msc_event *ev)
{
	struct fuzz_trial *t = user;
	struct msc_err none = MSC_ERR_INIT;

	if (ev->kind == MSC_EV_RECORD && t->seen)
		see(t, ev->record);
	if (ev->kind != MSC_EV_CASE_END)
		return;
	t->verdict = ev->verdict;
	if (msc_findings_copy(&t->found, ev->findings, &none) < 0) {
		msc_findings_clear(&t->found);
		t->lost = true;
	}
}

static struct msc_target *take(struct fuzz_trial *t, struct msc_err *err)
{
	struct msc_target *target = t->kept;

	if (target)
		return target;
	target = t->o->open(t->o->user, &t->once, err);
	if (!target)
		return NULL;
	if (t->once)
		t->kept = target;
	if (!t->fuzz->conversations)
		t->fuzz->device = target->device;
	return target;
}

static void leave(struct fuzz_trial *t, struct msc_target *target)
{
	if (target != t->kept)
		msc_target_close(target);
}

/* The device's own failures end a conversation, and nothing else. */
static bool is_device(enum msc_code code)
{
	return code == MSC_E_GONE || code == MSC_E_DEVICE;
}

static int run(struct fuzz_trial *t, const struct msc_scenarios *all, struct msc_err *err)
{
	struct msc_run_options options = t->o->run;
	struct msc_target *target = take(t, err);
	struct msc_summary summary;
	int64_t began;
	int rc;

	if (!target)
		return -1;
	began = msc_now(target->clock);
	options.event = on_event;
	options.user = t;
	t->writes = all->list[0]->writes;
	t->lost = false;
	rc = msc_run(target, all, &options, &summary, err);
	if (rc == 0 && t->lost)
		rc = msc_nomem(err);
	t->fuzz->elapsed_ns += msc_now(target->clock) - began;
	leave(t, target);
	if (rc == 0 || !is_device(err->code))
		return rc;
	t->gone = true;
	snprintf(t->why, sizeof t->why, "%s", err->msg);
	if (t->kept)
		return -1;
	*err = (struct msc_err)MSC_ERR_INIT;
	return 0;
}

int fuzz_try(struct fuzz_trial *t, const char *text, struct msc_err *err)
{
	struct msc_scenarios all = { NULL };
	unsigned before = t->seen ? count_bits(t->seen) : 0;
	uint32_t places = t->seen ? t->seen->code.places : 0;
	int rc;

	msc_findings_clear(&t->found);
	t->gone = t->is_new = t->is_new_place = false;
	t->why[0] = '\0';
	t->verdict = MSC_VERDICT_SKIP;
	rc = msc_scenarios_load_text(&all, "conversation", text, err);
	msc_coverage_into(t->seen ? &t->seen->code : NULL);
	if (rc == 0)
		rc = run(t, &all, err);
	msc_coverage_into(NULL);
	if (t->seen) {
		t->fuzz->coverage += count_bits(t->seen) - before;
		t->fuzz->places = t->seen->code.places;
		t->is_new_place = t->fuzz->places > places;
		t->is_new |= t->is_new_place;
	}
	msc_scenarios_free(&all);
	return rc;
}

bool fuzz_what(const struct msc_finding *f, struct msc_fuzz_what *what)
{
	size_t len = strcspn(f->context, "abcdefghijklmnopqrstuvwxyz");

	*what = (struct msc_fuzz_what){ .rule = f->rule };
	while (len && f->context[len - 1] == ' ')
		len--;
	if (!f->rule->on)
		snprintf(what->command, sizeof what->command, "%.*s", (int)len, f->context);
	return f->severity == MSC_FAIL;
}

bool fuzz_is_same(const struct msc_fuzz_what *a, const struct msc_fuzz_what *b)
{
	return a->rule == b->rule && !strcmp(a->command, b->command);
}

bool fuzz_shows(const struct fuzz_trial *t, const struct msc_fuzz_what *what, long *at)
{
	*at = -1;
	for (size_t i = 0; i < t->found.count; i++) {
		struct msc_fuzz_what it;

		if (!fuzz_what(&t->found.list[i], &it) || !fuzz_is_same(&it, what))
			continue;
		*at = (long)i;
		return true;
	}
	return !what->rule && t->gone;
}

const char *msc_fuzz_name(const struct msc_fuzz_what *what)
{
	return what->rule ? what->rule->id : "device.gone";
}

void fuzz_trial_end(struct fuzz_trial *t)
{
	msc_findings_clear(&t->found);
	msc_target_close(t->kept);
	t->kept = NULL;
}
