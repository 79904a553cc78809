/* SPDX-License-Identifier: BSD-2-Clause */
/* What a case finds does not depend on what ran before it: the suite in its order, in another one, and each
 * case alone come to the same verdicts. Faults are chosen that leave something behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "run/run.h"
#include "scenario/plan.h"

#define CASES_MAX 1000
#define SEED	  20

struct seen {
	const char *name;
	enum msc_verdict verdict;
};

struct seen_all {
	struct seen list[CASES_MAX];
	size_t n;
};

/* Facts are told once in a run, by the first case that meets them (run/fact.c); harm that the whole run has done, by
 * the last that writes (run/put_back.c). */
static enum msc_verdict verdict_of_its_own(const struct msc_event *ev)
{
	enum msc_severity worst = MSC_IGNORE;

	for (size_t i = 0; i < ev->findings->count; i++) {
		const struct msc_finding *f = &ev->findings->list[i];

		if (!f->rule->fact && !f->harm && f->severity > worst)
			worst = f->severity;
	}
	if (ev->verdict == MSC_VERDICT_SKIP || ev->verdict == MSC_VERDICT_ERROR)
		return ev->verdict;
	return worst == MSC_FAIL   ? MSC_VERDICT_FAIL
	       : worst == MSC_WARN ? MSC_VERDICT_WARN
				   : MSC_VERDICT_PASS;
}

static void on_event(void *user, const struct msc_event *ev)
{
	struct seen_all *s = user;

	if (ev->kind != MSC_EV_CASE_END)
		return;
	assert_true(s->n < CASES_MAX);
	s->list[s->n++] = (struct seen){ msc_scenario_name(ev->scenario), verdict_of_its_own(ev) };
}

static void run(const char *target, struct msc_scenario **list, size_t n, struct seen_all *seen)
{
	const struct msc_scenarios cases = { .list = list, .count = n };
	const struct msc_open_options open = { .allow_writes = true };
	const struct msc_run_options options = {
		.profile = MSC_PROFILE_SPEC, .allow_writes = true, .event = on_event, .user = seen
	};
	struct msc_err err = MSC_ERR_INIT;
	struct msc_summary summary;
	struct msc_target *t = msc_target_open(target, &open, &err);

	seen->n = 0;
	if (!t || msc_run(t, &cases, &options, &summary, &err) < 0)
		fail_msg("%s: %s", target, err.msg);
	msc_target_close(t);
}

/* What takes the medium away stays last, for no host can make it come back. */
static void shuffle(const struct msc_scenarios *all, struct msc_scenario **list)
{
	struct msc_rng rng = { SEED };
	size_t n = 0, first_eject;

	for (size_t i = 0; i < all->count; i++)
		if (!all->list[i]->ejects)
			list[n++] = all->list[i];
	first_eject = n;
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i]->ejects)
			list[n++] = all->list[i];
	for (size_t i = first_eject; i > 1; i--) {
		size_t k = msc_rng_below(&rng, (uint32_t)i);
		struct msc_scenario *it = list[k];

		list[k] = list[i - 1];
		list[i - 1] = it;
	}
}

static enum msc_verdict verdict_of(const struct seen_all *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->list[i].name, name))
			return s->list[i].verdict;
	fail_msg("%s did not run", name);
	return MSC_VERDICT_ERROR;
}

/* Returns how many cases differ; a skip, which has its reason, is no verdict. */
static unsigned compare(const char *target, const char *how, const struct seen *a,
			enum msc_verdict b)
{
	if (a->verdict == b || a->verdict == MSC_VERDICT_SKIP || b == MSC_VERDICT_SKIP)
		return 0;
	print_error("%s: %s: %s in the suite, %s %s\n", target, a->name,
		    msc_verdict_name(a->verdict), msc_verdict_name(b), how);
	return 1;
}

static int load(void **state)
{
	static struct msc_scenarios all;
	struct msc_err err = MSC_ERR_INIT;

	*state = &all;
	return msc_scenarios_load_embedded(&all, &err);
}

static int unload(void **state)
{
	msc_scenarios_free(*state);
	return 0;
}

/* Toggles, halts and sense data that stay, answers that depend on what was asked before, media that do
 * not keep what is written, what happens once after a reset; what firmware does while it is brought back, or before the first case; what a device seldom has in common with others
 * where a case begins. */
static const char *const faults[] = {
	"toggle-kept",	   "toggle-kept-idle",	"configuration-keeps-toggle",
	"capacity-count",  "capacity-first",	"capacity-long",
	"read-first-fails", "write-lost",	"write-cached",
	"write-neighbour", "csw-missing-write", "reset-deaf",
	"csw-dropped",	   "halt-lost",		"recovery-loses-command",
	"interface-closes",	"ep0-answered-twice",
	"cbw-too-soon",
};

static void test_order(void **state)
{
	const struct msc_scenarios *all = *state;
	static struct seen_all suite, other, alone;
	struct msc_scenario *list[CASES_MAX];
	unsigned wrong = 0, failed = 0;

	shuffle(all, list);
	for (size_t f = 0; f < MSC_COUNT(faults); f++) {
		char target[128];

		snprintf(target, sizeof target, "sim:reference,fault=%s", faults[f]);
		run(target, all->list, all->count, &suite);
		run(target, list, all->count, &other);
		for (size_t i = 0; i < suite.n; i++) {
			const struct seen *it = &suite.list[i];

			failed += it->verdict == MSC_VERDICT_FAIL;
			run(target, &all->list[i], 1, &alone);
			wrong += compare(target, "in another order", it,
					 verdict_of(&other, it->name));
			wrong += compare(target, "alone", it, alone.list[0].verdict);
		}
	}
	assert_int_equal(wrong, 0);
	assert_true(failed > 3 * MSC_COUNT(faults));
}

/* What cases before have found out about the unit lets no command out that would not go out alone, also where a case does
 * not begin as others do: here because no CSW of the device is right. */
static void test_known(void **state)
{
	static const char target[] = "sim:reference,fault=csw-tag",
			  name[] = "field.command.opcodes";
	const struct msc_scenarios *all = *state;
	static struct seen_all suite, alone;

	run(target, all->list, all->count, &suite);
	for (size_t i = 0; i < suite.n; i++)
		if (!strcmp(suite.list[i].name, name))
			run(target, &all->list[i], 1, &alone);
	assert_int_equal(verdict_of(&alone, name), MSC_VERDICT_SKIP);
	assert_int_equal(verdict_of(&suite, name), MSC_VERDICT_SKIP);
}

/* What lies on the medium does not matter either: zeros hide no write. */
static void test_contents(void **state)
{
	static const char *const writes[] = { "write-lost", "write-neighbour", "wp-ignored",
					      "out-short", "length-16-bit" };
	const struct msc_scenarios *all = *state;
	static struct seen_all zeros, noise;
	unsigned wrong = 0;

	for (size_t f = 0; f < MSC_COUNT(writes); f++) {
		char target[128];

		snprintf(target, sizeof target, "sim:reference,fault=%s", writes[f]);
		run(target, all->list, all->count, &zeros);
		snprintf(target, sizeof target, "sim:reference,fill=noise,fault=%s", writes[f]);
		run(target, all->list, all->count, &noise);
		for (size_t i = 0; i < zeros.n; i++)
			wrong += compare(target, "where there were zeros", &noise.list[i],
					 zeros.list[i].verdict);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, load, unload),
		cmocka_unit_test_setup_teardown(test_known, load, unload),
		cmocka_unit_test_setup_teardown(test_contents, load, unload),
	};

	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
