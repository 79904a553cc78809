/* SPDX-License-Identifier: BSD-2-Clause */
/* Trials of the causes that are named: faults on simulated devices, the suite, the causes. For the test
 * that holds them to their figures, and for the bench that prints these. */
#ifndef MSC_TESTS_CAUSE_TRIAL_H
#define MSC_TESTS_CAUSE_TRIAL_H

#include "judge/cause.h"
#include "run/run.h"

/* Runs the suite on the target. Aborts the program where that cannot be had; a device that goes away is
 * a result. */
void trial_run(const struct msc_scenarios *, const char *target, bool writes, enum msc_profile,
	       struct msc_evidence *);
void trial_find(const struct msc_evidence *, enum msc_profile, struct msc_causes *);

/* "BASE[,knobs of the fault],fault=ID"; returns buf. */
char *trial_target(char *buf, size_t size, const char *base, const struct msc_fault *);

bool trial_is_named(const struct msc_cause *, const struct msc_fault *); /* or one of its ties */

/* Of single faults: in how many the cause named first is that fault, or a tie with it; of those that
 * change what is seen on that base. */
struct trial_singles {
	unsigned faults, visible, first, named;
};
/* base "sim:reference": each on its default target, with leave to write when it needs that. */
struct trial_singles trial_singles(const struct msc_scenarios *, const char *base, enum msc_profile,
				   bool talk);

/* Of pairs of faults, drawn by seed among those where each changes what is seen. */
struct trial_pairs {
	unsigned pairs, both;
	unsigned named[3], right[3]; /* causes, by confidence */
};
struct trial_pairs trial_pairs(const struct msc_scenarios *, unsigned wanted, uint64_t seed,
			       bool talk);

#endif
