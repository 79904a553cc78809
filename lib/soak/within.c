/* SPDX-License-Identifier: BSD-2-Clause */
/* What wrong blocks have in common within the commands that wrote them: the first or the last one, each
 * n-th, all behind a length, two that have changed places. A remainder that the addresses have in common
 * as well proves nothing of commands. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "soak/soak.h"

#define PERIOD_LEAST  8 /* blocks: three places that agree are not chance */
#define PLACES_LEAST  3
#define SHORT_LEAST \
	16 /* places, for a shorter period and for one that does not begin at the first block */
#define ENDS_LEAST    8 /* wrong blocks or commands, for a place that is not a period */
#define PARTS_LEAST   2 /* commands whose length is no multiple */
#define ALIGNED	      128 /* blocks: 64 KiB */
#define MOST_OF(n)    ((n)-(n) / 10)
#define TEXT	      sizeof((struct msc_soak_pattern *)NULL)->text

struct list { /* in the order of commands, then of offsets */
	const struct msc_soak_wrong **w;
	uint32_t n;
	uint32_t places; /* different offsets */
};

static int by_command(const void *a, const void *b)
{
	const struct msc_soak_wrong *x = *(const struct msc_soak_wrong *const *)a;
	const struct msc_soak_wrong *y = *(const struct msc_soak_wrong *const *)b;

	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static bool collect(const struct msc_soak *r, bool aliased, struct list *l)
{
	uint8_t seen[MSC_SOAK_LONGEST] = { 0 };

	*l = (struct list){ calloc(r->n_kept + 1, sizeof(struct msc_soak_wrong *)), 0, 0 };
	for (uint32_t i = 0; l->w && i < r->n_kept; i++) {
		const struct msc_soak_wrong *w = &r->wrong[i];

		if (!w->generation || !msc_soak_counts(w, aliased))
			continue;
		l->w[l->n++] = w;
		if (w->offset < MSC_SOAK_LONGEST && !seen[w->offset]++)
			l->places++;
	}
	if (l->w)
		qsort(l->w, l->n, sizeof *l->w, by_command);
	return l->w && l->n;
}

static bool begins(const struct list *l, uint32_t i)
{
	return i == 0 || l->w[i]->generation != l->w[i - 1]->generation;
}

/* Commands, all that they wrote, and the blocks of these that lie behind so many. */
static uint32_t commands(const struct list *l, uint32_t behind, uint64_t *blocks)
{
	uint32_t n = 0;

	*blocks = 0;
	for (uint32_t i = 0; i < l->n; i++)
		if (begins(l, i)) {
			n++;
			*blocks += l->w[i]->blocks > behind ? l->w[i]->blocks - behind : 0;
		}
	return n;
}

/* ---- the first, the last -------------------------------------------------------------------------- */

/* " of commands of 240 to 2048 blocks that begin at a multiple of 128 blocks (64 KiB)" */
static void put_commands(char *buf, size_t size, const struct msc_soak *r, const struct list *l)
{
	uint32_t least = UINT32_MAX, most = 0, aligned = 0, n = 0;
	char text[64], lengths[32], where[96] = "";

	for (uint32_t i = 0; i < l->n; i++) {
		least = l->w[i]->blocks < least ? l->w[i]->blocks : least;
		most = l->w[i]->blocks > most ? l->w[i]->blocks : most;
		n += begins(l, i);
		aligned += begins(l, i) && (l->w[i]->lba - l->w[i]->offset) % ALIGNED == 0;
	}
	snprintf(lengths, sizeof lengths, least == most ? "%" PRIu32 : "%" PRIu32 " to %" PRIu32,
		 least, most);
	if (n >= ENDS_LEAST && aligned == n)
		snprintf(where, sizeof where, " that begin at a multiple of %s of the medium",
			 msc_soak_span(text, sizeof text, r, ALIGNED));
	snprintf(buf, size, "; these have %s block%s%s", lengths, most == 1 ? "" : "s", where);
}

static bool sum_ends(struct msc_soak *r, const struct list *l)
{
	uint32_t longer = 0, first = 0, last = 0;
	bool moves = false;
	char lengths[192];

	for (uint32_t i = 0; i < l->n; i++) {
		longer += l->w[i]->blocks > 1;
		first += l->w[i]->offset == 0;
		last += l->w[i]->offset + 1 == l->w[i]->blocks;
		moves = moves || l->w[i]->lba != l->w[0]->lba;
	}
	if (!moves || longer < ENDS_LEAST || (first < l->n && last < l->n))
		return false;
	put_commands(lengths, sizeof lengths, r, l);
	snprintf(msc_soak_add(r, MSC_SOAK_COMMAND, 0, 0, l->n)->text, TEXT,
		 "it is always the %s block of its command%s", first == l->n ? "first" : "last",
		 lengths);
	return true;
}

/* ---- each n-th ------------------------------------------------------------------------------------- */

static bool sum_period(struct msc_soak *r, const struct list *l)
{
	uint64_t from_first = 0, period = 0, medium = 0, phase = l->w[0]->offset;
	struct msc_soak_pattern *new;
	char text[64];

	for (uint32_t i = 0; i < l->n; i++) {
		uint32_t a = l->w[i]->offset, b = l->w[0]->offset;
		uint64_t x = l->w[i]->lba, y = l->w[0]->lba;

		from_first = msc_soak_divisor(from_first, a);
		period = msc_soak_divisor(period, a > b ? a - b : b - a);
		medium = msc_soak_divisor(medium, x > y ? x - y : y - x);
	}
	if (from_first >= PERIOD_LEAST && l->n >= PLACES_LEAST && medium % from_first) {
		new = msc_soak_add(r, MSC_SOAK_COMMAND, from_first, 0, l->n);
		snprintf(new->text, TEXT,
			 "it is always the block at %s%s of its command, wherever that begins: a "
			 "buffer of the firmware ends there",
			 l->places > 1 ? "a multiple of " : "",
			 msc_soak_span(text, sizeof text, r, from_first));
		return true;
	}
	if (period < 2 || l->places < SHORT_LEAST || medium % period == 0)
		return false;
	phase %= period;
	new = msc_soak_add(r, MSC_SOAK_COMMAND, period, phase, l->n);
	snprintf(text, sizeof text, period == 2 ? "each second" : "one in each %" PRIu64, period);
	snprintf(new->text, TEXT,
		 "it is %s of the blocks of its command, from block %" PRIu64
		 " on, wherever that begins",
		 text, phase + 1);
	return true;
}

/* ---- behind a length --------------------------------------------------------------------------------- */

static bool sum_behind(struct msc_soak *r, const struct list *l)
{
	uint32_t n = 0, agree = 0, behind = UINT32_MAX;
	uint64_t blocks;
	char text[72] = "block";

	for (uint32_t i = 0; i < l->n; i++)
		behind = l->w[i]->offset < behind ? l->w[i]->offset : behind;
	for (uint32_t i = 0; i < l->n; i++)
		agree += begins(l, i) && l->w[i]->offset == behind;
	n = commands(l, behind, &blocks);
	if (!behind || n < ENDS_LEAST || agree < MOST_OF(n) || l->n < blocks - blocks / 4)
		return false;
	if (behind > 1)
		msc_soak_span(text, sizeof text, r, behind);
	snprintf(msc_soak_add(r, MSC_SOAK_COMMAND, 0, 0, l->n)->text, TEXT,
		 "it is what lies behind the first %s of its command: nothing longer is stored as "
		 "it was sent",
		 text);
	return true;
}

/* The lengths of commands are kept in too few bits: of each command the remainder is stored. Chance where
 * all of them are multiples. */
static bool sum_length(struct msc_soak *r, const struct list *l)
{
	uint64_t blocks, stored = 0;
	uint32_t n = commands(l, 0, &blocks), parts = 0;
	uint64_t cut = MSC_SOAK_LONGEST;

	for (uint32_t i = 0; i < l->n; i++)
		while (begins(l, i) && cut > l->w[i]->offset &&
		       l->w[i]->blocks % cut != l->w[i]->offset)
			cut /= 2;
	for (uint32_t i = 0; i < l->n; i++)
		if (begins(l, i)) {
			stored += l->w[i]->offset;
			parts += l->w[i]->offset != 0;
		}
	if (cut < PERIOD_LEAST || n < PLACES_LEAST || parts < PARTS_LEAST ||
	    l->n < (blocks - stored) - (blocks - stored) / 4)
		return false;
	snprintf(msc_soak_add(r, MSC_SOAK_COMMAND, 0, 0, l->n)->text, TEXT,
		 "of a command of %" PRIu64
		 " blocks or more only the remainder of its length divided by "
		 "%" PRIu64 " is stored: the number of blocks is kept in %d bits",
		 cut, cut, __builtin_ctzll(cut));
	return true;
}

bool msc_soak_sum_within(struct msc_soak *r, bool aliased)
{
	struct list l;
	bool found = collect(r, aliased, &l) && (sum_ends(r, &l) || sum_period(r, &l) ||
						 sum_behind(r, &l) || sum_length(r, &l));

	free(l.w);
	return found;
}

/* ---- blocks of a command in the places of others of it ----------------------------------------------- */

static void count_moved(const struct list *l, uint32_t *foreign, uint32_t swapped[2],
			uint32_t *last)
{
	for (uint32_t i = 0; i < l->n; i++) {
		const struct msc_soak_wrong *w = l->w[i];
		uint64_t from = w->from_lba - (w->lba - w->offset);

		if (w->kind != MSC_SOAK_FOREIGN || w->from_generation != w->generation)
			continue;
		++*foreign;
		swapped[w->offset % 2] += from == (w->offset ^ 1);
		*last += w->offset == 0 && from + 1 == w->blocks;
	}
}

bool msc_soak_sum_moved(struct msc_soak *r)
{
	uint32_t foreign = 0, swapped[2] = { 0, 0 }, last = 0;
	uint64_t blocks = 0;
	struct list l;
	bool all = false, found = false;

	if (collect(r, false, &l)) {
		count_moved(&l, &foreign, swapped, &last);
		commands(&l, 0, &blocks);
		all = l.n >= blocks - blocks / 4;
	}
	if (swapped[0] >= ENDS_LEAST && swapped[1] >= ENDS_LEAST &&
	    swapped[0] + swapped[1] >= MOST_OF(foreign)) {
		snprintf(
			msc_soak_add(r, MSC_SOAK_COMMAND, 2, 0, swapped[0] + swapped[1])->text,
			TEXT,
			"each two blocks of a command, counted from its first, have changed places");
		found = true;
	} else if (last >= ENDS_LEAST && last >= MOST_OF(foreign)) {
		snprintf(
			msc_soak_add(r, MSC_SOAK_COMMAND, 0, 0, all ? l.n : last)->text, TEXT,
			"the first block of a command holds what was written to its last%s",
			all ? ", and the others nothing of that command: all are stored in one place"
			    : "");
		found = true;
	}
	free(l.w);
	return found;
}
