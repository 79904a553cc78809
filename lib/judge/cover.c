/* SPDX-License-Identifier: BSD-2-Clause */
/* Weighted cover, in whole numbers, so that every machine finds the same. For each sighting the best
 * and the second best of the chosen are kept: what one of them is worth is then one pass. */
#include "judge/cover.h"

#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX

struct best {
	int32_t first, second;
	size_t by; /* the candidate whose the first is */
};

static void update(const struct msc_cover *c, struct best *best)
{
	for (size_t i = 0; i < c->n_seen; i++) {
		struct best b = { .by = NONE };

		for (size_t k = 0; k < c->n; k++) {
			int32_t worth = c->chosen[k] ? c->candidates[k].covers[i] : 0;

			if (worth > b.first) {
				b.second = b.first;
				b.first = worth;
				b.by = k;
			} else if (worth > b.second) {
				b.second = worth;
			}
		}
		best[i] = b;
	}
}

/* What would be saved by leaving out `without` (NONE: nothing) and taking in `with`. */
static int64_t gain(const struct msc_cover *c, const struct best *best, size_t without, size_t with)
{
	int64_t sum = 0;

	if (without != NONE)
		sum += c->candidates[without].cost;
	if (with != NONE)
		sum -= c->candidates[with].cost;
	for (size_t i = 0; i < c->n_seen; i++) {
		int32_t now = best[i].first;
		int32_t then = without != NONE && best[i].by == without ? best[i].second : now;

		if (with != NONE && c->candidates[with].covers[i] > then)
			then = c->candidates[with].covers[i];
		sum += then - now;
	}
	return sum;
}

/* The best single change; false: none is for the better. */
static bool improve(struct msc_cover *c, const struct best *best)
{
	size_t out = NONE, in = NONE;
	int64_t most = 0, g;

	for (size_t k = 0; k < c->n; k++) {
		if (c->chosen[k])
			continue;
		g = gain(c, best, NONE, k);
		if (g > most) {
			most = g;
			in = k;
		}
	}
	for (size_t s = 0; most == 0 && s < c->n; s++) {
		if (!c->chosen[s])
			continue;
		g = gain(c, best, s, NONE);
		if (g > most) {
			most = g;
			out = s;
		}
		for (size_t k = 0; most == 0 && k < c->n; k++) {
			if (c->chosen[k])
				continue;
			g = gain(c, best, s, k);
			if (g > most) {
				most = g;
				out = s;
				in = k;
			}
		}
	}
	if (out != NONE)
		c->chosen[out] = false;
	if (in != NONE)
		c->chosen[in] = true;
	return most > 0;
}

static void descend(struct msc_cover *c, struct best *best)
{
	do
		update(c, best);
	while (improve(c, best));
}

static int64_t total(const struct msc_cover *c, const struct best *best)
{
	int64_t sum = 0;

	for (size_t k = 0; k < c->n; k++)
		sum += c->chosen[k] ? c->candidates[k].cost : 0;
	for (size_t i = 0; i < c->n_seen; i++)
		sum -= best[i].first;
	return sum;
}

/* One that explains a part of what two others are for is taken before either, and no single exchange takes it back:
 * what would be chosen if it were not there. false: nothing cheaper, and the choice is as before. */
static bool do_without(struct msc_cover *c, struct best *best, size_t k, bool *before)
{
	int64_t now = total(c, best);
	int32_t cost = c->candidates[k].cost;
	bool better;

	memcpy(before, c->chosen, c->n * sizeof *before);
	c->chosen[k] = false;
	c->candidates[k].cost = INT32_MAX / 2; /* that no one takes it in again */
	descend(c, best);
	c->candidates[k].cost = cost;
	better = total(c, best) < now;
	if (!better)
		memcpy(c->chosen, before, c->n * sizeof *before);
	update(c, best);
	return better;
}

int msc_cover_solve(struct msc_cover *c, struct msc_err *err)
{
	struct best *best = calloc(c->n_seen + 1, sizeof *best);
	bool *before = calloc(c->n + 1, sizeof *before);

	if (best && before) {
		for (size_t k = 0; k < c->n; k++)
			c->chosen[k] = false;
		descend(c, best);
		for (size_t k = 0; k < c->n; k++)
			if (c->chosen[k] && do_without(c, best, k, before))
				k = NONE; /* from the start, with another set */
	}
	free(before);
	free(best);
	return best && before ? 0 : msc_nomem(err);
}

/* What is left to pay beside `rest`, when this one is there too. */
static int64_t price(const struct msc_cover *c, const int32_t *rest, size_t k)
{
	int64_t cost = c->candidates[k].cost;

	for (size_t i = 0; i < c->n_seen; i++)
		cost -= c->candidates[k].covers[i] > rest[i] ? c->candidates[k].covers[i] : rest[i];
	return cost;
}

int msc_cover_ties(const struct msc_cover *c, size_t without, int32_t slack, bool *tie,
		   struct msc_err *err)
{
	int32_t *rest = calloc(c->n_seen + 1, sizeof *rest);
	int64_t cost;

	if (!rest)
		return msc_nomem(err);
	for (size_t k = 0; k < c->n; k++)
		for (size_t i = 0; c->chosen[k] && k != without && i < c->n_seen; i++)
			if (c->candidates[k].covers[i] > rest[i])
				rest[i] = c->candidates[k].covers[i];
	cost = price(c, rest, without);
	for (size_t k = 0; k < c->n; k++)
		tie[k] = !c->chosen[k] && price(c, rest, k) <= cost + slack;
	free(rest);
	return 0;
}
