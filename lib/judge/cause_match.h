/* SPDX-License-Identifier: BSD-2-Clause */
/* The dictionary held against what was seen: what each entry would explain, and what it would cost to
 * name it. Private to the judge's causes. */
#ifndef MSC_JUDGE_CAUSE_MATCH_H
#define MSC_JUDGE_CAUSE_MATCH_H

#include "judge/cause.h"
#include "judge/cover.h"

struct msc_match {
	const struct msc_dictionary *d;
	const struct msc_evidence *e;
	enum msc_profile profile;
	const struct msc_rule **rules; /* of the dictionary's; NULL: unknown or ignored */
	unsigned *common; /* of each sighting: how many faults show the like anywhere; see count_alike */
	enum { NOT_RUN, RAN_CLEAN, RAN_DIRTY } *ran; /* of the dictionary's names */
	struct msc_pair *seen; /* of each sighting; UINT16_MAX: not in the dictionary */
	struct msc_cover cover;
	int32_t *worth; /* of all candidates' covers */
	bool *tie;
	const struct msc_fault **fault; /* of each candidate; NULL: it is a firmware's ways */
	unsigned *missing; /* of each candidate: what it should have shown and did not */
	bool *open; /* of each sighting: for whoever weighs candidates */
};

/* Fills all in. msc_match_end in any case. */
int msc_match_begin(struct msc_match *, const struct msc_dictionary *, const struct msc_evidence *,
		    enum msc_profile, struct msc_err *) MSC_MUST_CHECK;
void msc_match_end(struct msc_match *);

const struct msc_fault *msc_match_fault(const char *id); /* NULL: no fault is called that */
/* The rule is one of those that the fault is about (caught_by). */
bool msc_match_promises(const struct msc_fault *, const char *rule);
/* The case ran and could look, and the profile knows the rule. */
bool msc_match_is_expected(const struct msc_match *, const struct msc_pair *);
bool msc_match_is_same(const struct msc_pair *,
		       const struct msc_pair *); /* in what was seen: a form in common */
bool msc_match_is_seen(const struct msc_match *, const struct msc_pair *);
/* What so many places cost that are missing where the case found something else. */
int32_t msc_match_hidden(int32_t places);
/* The least that a candidate must cover of this sighting to be said to explain it. */
int32_t msc_match_enough(const struct msc_match *, size_t sighting);

#endif
