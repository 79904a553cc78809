/* SPDX-License-Identifier: BSD-2-Clause */
/* The figures of the causes, a line each: what, how many, of how many. With an argument it also says
 * what was named instead. */
#include <stdio.h>

#include "cause_trial.h"

int main(int argc, char **argv)
{
	static const char *const others[] = { "sim:linux-gadget,blocks=16384", "sim:stm32",
					      "sim:reference,case5=short",
					      "sim:reference,case5=pad" };
	struct msc_scenarios all = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	bool talk = argc > 1;
	struct trial_singles s;
	struct trial_pairs p;

	(void)argv;
	if (msc_scenarios_load_embedded(&all, &err) < 0)
		return 1;
	for (int profile = 0; profile < MSC_PROFILES; profile++) {
		s = trial_singles(&all, "sim:reference", (enum msc_profile)profile, talk);
		printf("alone, profile %s\t%u\t%u\n", msc_profile_names[profile], s.first,
		       s.faults);
	}
	for (size_t i = 0; i < MSC_COUNT(others); i++) {
		s = trial_singles(&all, others[i], MSC_PROFILE_USBIF, talk);
		printf("alone on %s, first\t%u\t%u\n", others[i], s.first, s.visible);
		printf("alone on %s, named\t%u\t%u\n", others[i], s.named, s.visible);
	}
	for (uint64_t seed = 1; seed <= 3; seed++) {
		p = trial_pairs(&all, 200, seed, talk);
		printf("pairs of seed %d, both named\t%u\t%u\n", (int)seed, p.both, p.pairs);
		for (int c = 2; c >= 0; c--)
			printf("pairs of seed %d, causes called %s that are there\t%u\t%u\n",
			       (int)seed, msc_confidence_names[c], p.right[c], p.named[c]);
	}
	msc_scenarios_free(&all);
	return 0;
}
