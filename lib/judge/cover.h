/* SPDX-License-Identifier: BSD-2-Clause */
/* The search for the cheapest set of entries. Private to the judge's causes. */
#ifndef MSC_JUDGE_COVER_H
#define MSC_JUDGE_COVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A candidate: how much of each sighting it explains, and what naming it costs. */
struct msc_candidate {
	size_t entry;	 /* the caller's */
	int32_t cost;
	int32_t *covers; /* of each sighting */
};

struct msc_cover {
	struct msc_candidate *candidates;
	size_t n;
	size_t n_seen;
	bool *chosen; /* of each candidate: the result */
};

/* Greedy, then better by leaving one out, exchanging one, or choosing anew without one, until nothing is
 * cheaper. */
int msc_cover_solve(struct msc_cover *, struct msc_err *) MSC_MUST_CHECK;

/* Which of those not chosen would do as well in place of the chosen `without`, or dearer by no more than
 * `slack`: one of `tie` each. */
int msc_cover_ties(const struct msc_cover *, size_t without, int32_t slack, bool *tie,
		   struct msc_err *) MSC_MUST_CHECK;

#endif
