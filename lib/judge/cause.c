/* SPDX-License-Identifier: BSD-2-Clause */
/* From findings to causes: which entries of the dictionary are named. What each explains is cause_match.c, the
 * search cover.c, and what is said of those that are named cause_tell.c. */
#include "judge/cause.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/cause_match.h"

#define NONE    SIZE_MAX
#define SEVERAL 2 /* cases */

/* Of the chosen but `without`, one explains this sighting whole. */
static bool is_taken(const struct msc_match *w, size_t without, size_t i)
{
	const struct msc_cover *c = &w->cover;
	bool taken = false;

	for (size_t k = 0; !taken && k < c->n; k++)
		taken = c->chosen[k] && k != without && msc_match_is_whole(w, k, i);
	return taken;
}

/* How many sightings that are open it would explain by a rule that the fault names as its own. */
static unsigned own(const struct msc_match *w, size_t k)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->e->n_seen; i++)
		n += w->open[i] && msc_match_is_own(w, k, i) && msc_match_is_whole(w, k, i);
	return n;
}

/* Which of those that are tied with k: the one that explains most by its own rules that no other does, then the
 * likelier one. */
static size_t best_of(struct msc_match *w, size_t k)
{
	size_t best = k;
	unsigned most;

	for (size_t i = 0; i < w->e->n_seen; i++)
		w->open[i] = !is_taken(w, k, i);
	most = own(w, k);
	for (size_t t = 0; t < w->cover.n; t++) {
		bool rival = w->tie[t] && msc_cause_is_rival(w, k, t);
		unsigned n = rival ? own(w, t) : 0;

		if (rival && (n > most || (n == most && msc_match_is_likelier(w, t, best)))) {
			best = t;
			most = n;
		}
	}
	return best;
}

/* Of those that cannot be told apart, the one that the rules are about is named first, then the one of which least
 * is missing. */
static int prefer(struct msc_match *w, struct msc_err *err)
{
	struct msc_cover *c = &w->cover;

	for (size_t k = 0; k < c->n; k++) {
		size_t best = k;

		if (!c->chosen[k])
			continue;
		if (msc_cover_ties(c, k, msc_match_hidden(2), w->tie, err) < 0)
			return -1;
		best = best_of(w, k);
		c->chosen[k] = false;
		c->chosen[best] = true;
	}
	return 0;
}

/* Nothing of what the fault itself is about has been seen but what another of the chosen explains as well: the rest
 * may follow from something that the catalogue does not have. */
static bool is_guess(const struct msc_match *w, size_t k)
{
	if (!w->cover.chosen[k] || !msc_match_fault(w, k) || !w->missing[k])
		return false;
	for (size_t i = 0; i < w->e->n_seen; i++)
		if (msc_match_is_own(w, k, i) &&
		    (!w->e->seen[i].name || msc_match_is_whole(w, k, i)) &&
		    !msc_match_is_shared(w, k, i))
			return false;
	return true;
}

/* The cheapest set without guesses: the one of which most is missing is given up, and what is left solved anew. */
static int solve(struct msc_match *w, struct msc_err *err)
{
	struct msc_cover *c = &w->cover;

	for (;;) {
		size_t worst = NONE;

		if (msc_cover_solve(c, err) < 0 || prefer(w, err) < 0)
			return -1;
		for (size_t k = 0; k < c->n; k++)
			if (is_guess(w, k) && (worst == NONE || w->missing[k] > w->missing[worst]))
				worst = k;
		if (worst == NONE)
			return 0;
		for (size_t i = 0; i < c->n_seen; i++)
			c->candidates[worst].covers[i] = 0;
	}
}

/* Sightings that are left over, and that it shows as the dictionary has them, by a rule that is its own. */
static unsigned left_for(const struct msc_match *w, size_t k)
{
	const struct msc_cover *c = &w->cover;
	unsigned n = 0;

	for (size_t i = 0; msc_match_fault(w, k) && !c->chosen[k] && i < w->e->n_seen; i++)
		n += w->e->seen[i].name && msc_cause_explained_by(w, i) == NONE &&
		     msc_match_is_own(w, k, i) && msc_match_is_whole(w, k, i);
	return n;
}

/* A firmware may have a defect on one path only, and then most of what it shows is missing. Where nothing else
 * explains what its own rules say in several cases it is named all the same, with few places seen of many. */
static void add_partial(struct msc_match *w)
{
	struct msc_cover *c = &w->cover;

	for (;;) {
		unsigned most = SEVERAL - 1;
		size_t best = NONE;

		for (size_t k = 0; k < c->n; k++) {
			unsigned n = left_for(w, k);

			if (n > most ||
			    (best != NONE && n == most && msc_match_is_likelier(w, k, best))) {
				most = n;
				best = k;
			}
		}
		if (best == NONE)
			return;
		c->chosen[best] = true;
	}
}

static int find(struct msc_match *w, struct msc_causes *causes, struct msc_err *err)
{
	if (solve(w, err) < 0)
		return -1;
	add_partial(w);
	return msc_cause_tell(w, causes, err);
}

int msc_causes_find(const struct msc_dictionary *d, const struct msc_evidence *e,
		    enum msc_profile profile, struct msc_causes *causes, struct msc_err *err)
{
	struct msc_match w;
	int rc = -1;

	*causes = (struct msc_causes){ NULL };
	if (!e->n_seen)
		return 0;
	if (msc_match_begin(&w, d, e, profile, err) == 0)
		rc = find(&w, causes, err);
	msc_match_end(&w);
	return rc;
}
