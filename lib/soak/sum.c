/* SPDX-License-Identifier: BSD-2-Clause */
/* What wrong blocks have in common. A period is the greatest common divisor of distances; where most
 * agree and some do not, a power of two that nine of ten agree on. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soak/soak.h"

#define PERIOD_LEAST 8 /* blocks: a page of a flash; less is chance */
#define PERIOD_MOST  8192
#define PLACES_LEAST 3 /* different ones, below which nothing is told */
#define NEAR_LEAST   8 /* wrong blocks */
#define CHANCE	     1e-6
#define MOST_OF(n)   ((n)-(n) / 10)

struct numbers {
	uint64_t *x;
	uint32_t n;
};

struct period {
	uint64_t period, phase;
	uint32_t of;
};

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t distinct(struct numbers *v)
{
	uint32_t n = 0;

	qsort(v->x, v->n, sizeof *v->x, ascending);
	for (uint32_t i = 0; i < v->n; i++)
		n += i == 0 || v->x[i] != v->x[i - 1];
	return n;
}

/* The remainder that most have, and how many. */
static uint32_t most_common(const struct numbers *v, uint64_t period, uint64_t *phase)
{
	uint32_t best = 0;

	for (uint32_t i = 0; i < v->n && i < 64; i++) {
		uint32_t same = 0;

		for (uint32_t k = 0; k < v->n; k++)
			same += v->x[k] % period == v->x[i] % period;
		if (same > best) {
			best = same;
			*phase = v->x[i] % period;
		}
	}
	return best;
}

/* The numbers lie so far apart; v is put in order. */
static bool find_period(struct numbers *v, struct period *p)
{
	uint64_t period = 0;

	if (distinct(v) < PLACES_LEAST)
		return false;
	for (uint32_t i = 1; i < v->n; i++)
		period = msc_soak_divisor(period, v->x[i] - v->x[0]);
	if (period >= PERIOD_LEAST) {
		*p = (struct period){ period, v->x[0] % period, v->n };
		return true;
	}
	for (period = PERIOD_MOST; period >= PERIOD_LEAST; period /= 2) {
		p->of = most_common(v, period, &p->phase);
		if (p->of >= PLACES_LEAST + 1 && p->of >= MOST_OF(v->n)) {
			p->period = period;
			return true;
		}
	}
	return false;
}

static struct msc_soak_pattern *add(struct msc_soak *r, enum msc_soak_pattern_id id,
				    const struct period *p)
{
	return msc_soak_add(r, id, p->period, p->phase, p->of);
}

/* ---- addresses that are one block ----------------------------------------------------------------- */

/* Of two addresses that are one block the one that was written last is what it holds. */
static bool is_newest(const struct msc_soak_wrong *w, uint64_t period)
{
	uint64_t from = w->from_lba - (w->lba - w->offset);

	return w->from_generation != w->generation || from + period >= w->blocks;
}

static uint32_t sum_alias(struct msc_soak *r)
{
	struct period p = { 0 };
	struct msc_soak_pattern *new;
	uint32_t newest = 0;
	char text[64];

	for (uint32_t i = 0; i < r->n_kept; i++) {
		const struct msc_soak_wrong *w = &r->wrong[i];

		if (w->kind != MSC_SOAK_FOREIGN)
			continue;
		p.period = msc_soak_divisor(p.period, w->from_lba > w->lba ? w->from_lba - w->lba
									   : w->lba - w->from_lba);
		p.of++;
	}
	if (p.of < 2 || p.period < PERIOD_LEAST || p.of < r->n_kept / 2)
		return 0;
	for (uint32_t i = 0; i < r->n_kept; i++)
		newest += r->wrong[i].kind == MSC_SOAK_FOREIGN && is_newest(&r->wrong[i], p.period);
	if (newest < MOST_OF(p.of))
		return 0;
	new = add(r, MSC_SOAK_ALIAS, &p);
	snprintf(new->text, sizeof new->text,
		 "the medium repeats itself each %s: a block holds what was written to the one so "
		 "far, or a multiple of it, away",
		 msc_soak_span(text, sizeof text, r, p.period));
	return p.of;
}

/* ---- where they lie --------------------------------------------------------------------------------- */

enum where { ORDINAL, LBA };

static void collect(const struct msc_soak *r, bool aliased, enum where where, struct numbers *v)
{
	v->n = 0;
	for (uint32_t i = 0; i < r->n_kept; i++) {
		const struct msc_soak_wrong *w = &r->wrong[i];

		if (!msc_soak_counts(w, aliased) || (where != LBA && !w->generation))
			continue;
		v->x[v->n++] = where == ORDINAL ? w->ordinal : w->lba;
	}
}

/* Where the ring has come round and no block is known to be wrong: the rest of its places. */
static void tell_places(char *buf, size_t size, const struct msc_soak *r, const struct period *p)
{
	uint64_t places, unread = 0;

	*buf = '\0';
	if (MSC_SOAK_PHASES % p->period || r->ordinal <= p->phase || r->n_wrong > r->n_kept)
		return;
	places = (r->ordinal - p->phase - 1) / p->period + 1;
	for (uint64_t i = p->phase; i < MSC_SOAK_PHASES; i += p->period)
		unread += r->unread[i];
	if (places < p->of + unread)
		return;
	snprintf(buf, size,
		 "; of its %" PRIu64 " places %" PRIu32 " wrong, %" PRIu64
		 " written over before anything was read there, %" PRIu64 " right",
		 places, p->of, unread, places - p->of - unread);
}

static bool sum_ring(struct msc_soak *r, struct numbers *v)
{
	struct msc_soak_pattern *new;
	struct period p = { 0 };
	char text[64], places[160];

	if (!find_period(v, &p))
		return false;
	new = add(r, MSC_SOAK_RING, &p);
	tell_places(places, sizeof places, r, &p);
	snprintf(new->text, sizeof new->text,
		 "once in %s of all that is written, whatever the address and the command: a ring "
		 "in the firmware comes round%s",
		 msc_soak_span(text, sizeof text, r, p.period), places);
	return true;
}

static void sum_place(struct msc_soak *r, struct numbers *v)
{
	struct msc_soak_pattern *new;
	struct period p = { 0 };
	char text[64];

	if (!v->n)
		return;
	if (find_period(v, &p)) {
		new = add(r, MSC_SOAK_PLACE, &p);
		snprintf(
			new->text, sizeof new->text,
			"it is the same block in each %s of the medium: those whose address leaves "
			"%" PRIu64 " when divided by %" PRIu64,
			msc_soak_span(text, sizeof text, r, p.period), p.phase, p.period);
	} else if (distinct(v) == 1 && v->n >= PLACES_LEAST) {
		p.of = v->n;
		p.phase = v->x[0];
		new = add(r, MSC_SOAK_PLACE, &p);
		snprintf(new->text, sizeof new->text, "it is always block %" PRIu64, p.phase);
	}
}

/* What a command writes beside them is their end: each lies in a page where that was so, and of those that are
 * right far fewer do. */
static bool sum_neighbour(struct msc_soak *r)
{
	struct period p = { 0 };
	uint32_t seen = 0, near = 0;
	uint8_t page = 0;
	double chance = 1;
	char text[64];

	for (uint32_t i = 0; i < r->n_kept; i++) {
		const struct msc_soak_wrong *w = &r->wrong[i];

		if (!msc_soak_counts(w, false))
			continue;
		if (!w->page)
			return false;
		page = w->page > page ? w->page : page;
		p.of++;
	}
	for (uint8_t i = 0; i <= MSC_SOAK_PAGES; i++) {
		seen += r->right_page[i];
		near += i && i <= page ? r->right_page[i] : 0;
	}
	for (uint32_t i = 0; i < p.of && chance > CHANCE; i++)
		chance *= (near + 1.0) / (seen + 1.0);
	if (p.of < NEAR_LEAST || chance > CHANCE)
		return false;
	p.period = UINT64_C(1) << (page - 1);
	snprintf(
		add(r, MSC_SOAK_NEIGHBOUR, &p)->text, sizeof r->pattern[0].text,
		"it lies in the same %s of the medium as other blocks that a later command wrote: a "
		"page is erased, and what it held is not put back",
		msc_soak_span(text, sizeof text, r, p.period));
	return true;
}

/* ---- kinds ------------------------------------------------------------------------------------------- */

static void sum_not_erased(struct msc_soak *r)
{
	struct period p = { .of = r->count[MSC_SOAK_ANDED] };

	if (!p.of)
		return;
	snprintf(add(r, MSC_SOAK_NOT_ERASED, &p)->text, sizeof r->pattern[0].text,
		 "%" PRIu32 " block%s hold%s the AND of what was written and of what lay there "
		 "before: the flash is programmed without being erased",
		 p.of, p.of == 1 ? "" : "s", p.of == 1 ? "s" : "");
}

static void sum_lost(struct msc_soak *r, enum msc_soak_pattern_id id)
{
	bool power = id == MSC_SOAK_POWER;
	struct period p = { 0 };
	uint32_t oldest = UINT32_MAX, newest = 0;

	for (uint32_t i = 0; i < r->n_kept; i++) {
		const struct msc_soak_wrong *w = &r->wrong[i];

		if (!(power ? w->after_power : w->after_reset) || w->kind == MSC_SOAK_UNWRITABLE ||
		    w->kind == MSC_SOAK_UNREADABLE)
			continue;
		p.of++;
		oldest = w->generation < oldest ? w->generation : oldest;
		newest = w->generation > newest ? w->generation : newest;
	}
	if (!p.of)
		return;
	snprintf(add(r, id, &p)->text, sizeof r->pattern[0].text,
		 "%" PRIu32 " block%s that read rightly before the %s do not any more, of "
		 "writes %" PRIu32 " to %" PRIu32 ": they were in a cache%s",
		 p.of, p.of == 1 ? "" : "s", power ? "power went" : "port was reset", oldest,
		 newest,
		 r->flushed ? ", although SYNCHRONIZE CACHE had passed"
			    : ", and the device reports none");
}

void msc_soak_sum(struct msc_soak *r)
{
	struct numbers v = { calloc(r->n_kept + 1, sizeof *v.x), 0 };
	bool aliased, found;

	r->n_patterns = 0;
	if (!v.x)
		return;
	found = msc_soak_sum_moved(r);
	aliased = !found && sum_alias(r) > 0;
	collect(r, aliased, LBA, &v);
	/* few beside many aliases are their doing */
	found = found || v.n * 20 < r->n_kept || msc_soak_sum_within(r, aliased);
	if (!found && distinct(&v) > 1) {
		collect(r, aliased, ORDINAL, &v);
		found = sum_ring(r, &v);
	}
	if (!found && !sum_neighbour(r)) {
		collect(r, aliased, LBA, &v);
		sum_place(r, &v);
	}
	sum_not_erased(r);
	sum_lost(r, MSC_SOAK_AFTER_RESET);
	sum_lost(r, MSC_SOAK_POWER);
	free(v.x);
}
