/* SPDX-License-Identifier: BSD-2-Clause */
/* The dictionary held against what was seen: what each entry would explain, and what it would cost to
 * name it. Private to the judge's causes. */
#ifndef MSC_JUDGE_CAUSE_MATCH_H
#define MSC_JUDGE_CAUSE_MATCH_H

#include "judge/cause.h"
#include "judge/cover.h"

/* How much of a sighting an entry explains, in thousandths of a finding of a rule of its own. The weights were
 * chosen so that pairs of faults on `reference` and single faults on the other models are named best
 * (tests/unit/test_cause_catalogue.c). */
enum {
	DEGREE_EXACT =
		1000, /* the dictionary has the rule in this case, and what was seen has the same form */
	DEGREE_PARTLY =
		900, /* and what was seen has other forms as well: of another defect, or of one that shows them all; or was on another command */
	DEGREE_ALIKE = 600, /* in a case of the same kind */
	DEGREE_ENOUGH = 500, /* explains a finding */
	DEGREE_OTHERWISE = 400, /* the rule in this case, and in another form */
	DEGREE_ELSEWHERE = 250, /* in another case, and the rule is of few defects */
	DEGREE_FAINT = 80, /* the same, and it is of many */
};

struct msc_match {
	const struct msc_dictionary *d;
	const struct msc_evidence *e;
	enum msc_profile profile;
	const struct msc_rule **rules; /* of the dictionary's; NULL: unknown or ignored */
	unsigned *common; /* of each sighting: how many faults show the like anywhere; see count_alike */
	bool *dirty; /* of the dictionary's names: it ran, and found something */
	const struct msc_ran **of; /* of them; NULL: it has not run */
	struct msc_pair *seen; /* of each sighting; UINT16_MAX: not in the dictionary */
	struct msc_cover cover;
	int32_t *worth; /* of all candidates' covers */
	bool *tie;
	const struct msc_fault **fault; /* of each entry; NULL: it is a firmware's ways */
	unsigned *missing; /* of each candidate: what it should have shown and did not */
	bool *open; /* of each sighting: for whoever weighs candidates */
};

/* Fills all in. msc_match_end in any case. */
int msc_match_begin(struct msc_match *, const struct msc_dictionary *, const struct msc_evidence *,
		    enum msc_profile, struct msc_err *) MSC_MUST_CHECK;
void msc_match_end(struct msc_match *);

/* The entry of candidate k, and its fault; NULL: it is a firmware's ways. */
static inline const struct msc_entry *msc_match_entry(const struct msc_match *w, size_t k)
{
	return &w->d->entries[w->cover.candidates[k].entry];
}
static inline const struct msc_fault *msc_match_fault(const struct msc_match *w, size_t k)
{
	return w->fault[w->cover.candidates[k].entry];
}

/* The rule is one of those that the fault is about (caught_by). */
bool msc_match_promises(const struct msc_fault *, const char *rule);
/* Of what it has seen there, candidate k explains something, and the rule is one that its fault is about. */
bool msc_match_is_own(const struct msc_match *, size_t k, size_t sighting);
/* The case ran and could look, whatever lies on the medium, and the profile knows the rule. */
bool msc_match_is_expected(const struct msc_match *, const struct msc_pair *);
/* In what was seen: a form in common. */
bool msc_match_is_same(const struct msc_pair *, const struct msc_pair *);
int32_t msc_match_degree(const struct msc_match *, const struct msc_entry *, size_t sighting);
/* In a capture, all that a rule has found is one sighting: the fault shows it on one of these commands, or on
 * so many that it makes no difference which. */
bool msc_match_is_on_command(const struct msc_match *, const struct msc_entry *, size_t sighting);
/* In several cases the fault shows it on one command, and here it was found on others. */
bool msc_match_is_of_another(const struct msc_match *, const struct msc_entry *, size_t sighting);
bool msc_match_is_seen(const struct msc_match *, const struct msc_pair *);
/* The pair is of a rule that goes by what the sense data says, and expect.status was found on that command in
 * its place. */
bool msc_match_stands_for(const struct msc_match *, size_t sighting, const struct msc_pair *);
/* What so many places cost that are missing where the case found something else. */
int32_t msc_match_hidden(int32_t places);
/* The least that a candidate must cover of this sighting to be said to explain it. */
int32_t msc_match_enough(const struct msc_match *, size_t sighting);
/* Candidate k explains it as the dictionary has it, in this case; exactly: and nothing else was seen by that
 * rule there. */
bool msc_match_is_whole(const struct msc_match *, size_t k, size_t sighting);
bool msc_match_is_exact(const struct msc_match *, size_t k, size_t sighting);
/* Another of the chosen explains it as well. */
bool msc_match_is_shared(const struct msc_match *, size_t k, size_t sighting);
/* Of two that explain as much: the one of which less is missing; one that every device can have. Then, where cases
 * ran, the one that shows in more of those that did not, for of the defects that a case shows those are met more often;
 * in a capture, where no case tells what else should have been seen, the one that shows in more of them what was. */
bool msc_match_is_likelier(const struct msc_match *, size_t k, size_t than);

/* Both explain one of the sightings. */
bool msc_cause_is_rival(const struct msc_match *, size_t k, size_t t);
/* Which of the chosen candidates explains a sighting best; SIZE_MAX: none does. */
size_t msc_cause_explained_by(const struct msc_match *, size_t sighting);
/* Fills *causes in from what the search has chosen. What it holds is the caller's, also after -1. */
int msc_cause_tell(struct msc_match *, struct msc_causes *, struct msc_err *) MSC_MUST_CHECK;

#endif
