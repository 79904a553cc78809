/* SPDX-License-Identifier: BSD-2-Clause */
/* nosan: it runs the catalogue several times over; every fault goes under them in tests/tool/test_faults.py */
/* Causes, on the dictionary of the program: of all faults, alone and two at a time, the one that was
 * switched on is the one that is named, and "alone:" shows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cause_trial.h"

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

static void each_fault_is_named_first(void **state)
{
	struct trial_singles s = trial_singles(*state, "sim:reference", MSC_PROFILE_USBIF, true);

	assert_int_equal(s.first, s.faults);
}

static struct msc_scenario *scenario(const struct msc_scenarios *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (msc_scenario_name(all->list[i]) == name)
			return all->list[i];
	fail_msg("there is no scenario %s", name);
	return NULL;
}

/* Of what the first cause explains, `again` shows something. */
static bool is_shown(const struct msc_causes *causes, const struct msc_evidence *seen,
		     const struct msc_evidence *again)
{
	for (size_t i = 0; i < again->n_seen; i++)
		for (size_t k = 0; k < seen->n_seen; k++)
			if (causes->of[k] == 0 && seen->seen[k].name == again->seen[i].name &&
			    seen->seen[k].rule == again->seen[i].rule)
				return true;
	return false;
}

/* "alone:" is true: the case is run and what it says must come before it, with the options of the run. */
static void alone_shows_it(void **state)
{
	const struct msc_scenarios *all = *state;

	for (const struct msc_fault *f = NULL; (f = msc_fault_next(f));) {
		struct msc_scenario *list[2];
		struct msc_scenarios few = { .list = list };
		struct msc_evidence seen, again;
		struct msc_causes causes;
		char target[256];

		trial_run(all, trial_target(target, sizeof target, "sim:reference", f),
			  f->needs_writes, MSC_PROFILE_USBIF, &seen);
		trial_find(&seen, MSC_PROFILE_USBIF, &causes);
		assert_true(causes.count > 0);
		if (!causes.list[0].alone_is_sure)
			fail_msg("%s: %s is not known to show it alone", f->id,
				 causes.list[0].alone);
		if (causes.list[0].before)
			for (size_t i = 0; i < all->count; i++)
				if (!strcmp(msc_scenario_name(all->list[i]), causes.list[0].before))
					list[few.count++] = all->list[i];
		list[few.count++] = scenario(all, causes.list[0].alone);
		trial_run(&few, target, f->needs_writes, MSC_PROFILE_USBIF, &again);
		if (!is_shown(&causes, &seen, &again))
			fail_msg("%s: %s does not show it alone", f->id, causes.list[0].alone);
		msc_causes_clear(&causes);
		msc_evidence_clear(&seen);
		msc_evidence_clear(&again);
	}
}

static void of_two_faults_both_are_named(void **state)
{
	struct trial_pairs p = trial_pairs(*state, 200, 1, true);

	printf("both of two named in %u of %u\n", p.both, p.pairs);
	assert_true(p.both * 100 >= p.pairs * 95);
	/* "certain" is not said lightly. */
	assert_true(p.right[MSC_CERTAIN] * 100 >= p.named[MSC_CERTAIN] * 95);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_is_named_first),
		cmocka_unit_test(alone_shows_it),
		cmocka_unit_test(of_two_faults_both_are_named),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
