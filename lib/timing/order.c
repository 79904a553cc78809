/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of causes, in the order in which they are named. */
#include <math.h>

#include "timing/costs.h"

#define AS_HEAVY 0.005 /* of the time: which of two saves more by less than this is not known */

/* Of two that weigh the same the surer one is the better use of a week. */
static bool is_before(const struct msc_diagnosis *a, const struct msc_diagnosis *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (fabs(a->weight - b->weight) < AS_HEAVY)
		return a->sure <= b->sure;
	return a->weight > b->weight;
}

void msc_diagnosis_insert(struct msc_pace *p, const struct msc_diagnosis *d)
{
	size_t at = p->n_diagnosis++;

	for (; at > 0; at--) {
		const struct msc_diagnosis *before = &p->diagnosis[at - 1];

		if (is_before(before, d))
			break;
		p->diagnosis[at] = *before;
	}
	p->diagnosis[at] = *d;
}

bool msc_diagnosis_overlaps(const struct msc_diagnosis *a, const struct msc_diagnosis *b)
{
	return a->saves_most > b->saves_least && b->saves_most > a->saves_least;
}
