/* SPDX-License-Identifier: BSD-2-Clause */
/* A conversation from the seed and its index: whoever has both has it again. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "fuzz/fuzz.h"

#define TWISTED	    3 /* of ten conversations, those without twists: the device stays in order */
#define VARY_DRAWS  6 /* rows that a variation adds, at most */
#define TWIST_ONE   3 /* a plain command has one in 1 of so many cases */
#define NO_SENSE    6 /* 1 of so many does not ask why a command failed */

/* ---- rows -------------------------------------------------------------------------------------- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c);
}

static const struct fuzz_values *find_values(const char *name, size_t len)
{
	for (size_t i = 0; i < fuzz_n_values; i++)
		if (!strncmp(fuzz_values[i].name, name, len) && !fuzz_values[i].name[len])
			return &fuzz_values[i];
	return NULL;
}

const struct fuzz_values *fuzz_place(const struct fuzz_row *row, unsigned place)
{
	const struct fuzz_values *seen[FUZZ_PLACES];
	unsigned n = 0;

	for (const char *p = strchr(row->text, '$'); p; p = strchr(p + 1, '$')) {
		const struct fuzz_values *v;
		size_t len = 1;
		bool known = false;

		while (is_word(p[1 + len]))
			len++;
		v = find_values(p + 1, len);
		for (unsigned i = 0; i < n; i++)
			known |= seen[i] == v;
		if (!v || known) /* $id is none */
			continue;
		if (n == place || n == FUZZ_PLACES)
			return n == place ? v : NULL;
		seen[n++] = v;
	}
	return NULL;
}

unsigned fuzz_choices(const struct fuzz_values *v)
{
	unsigned n = 1;

	for (const char *p = strchr(v->choices, '|'); p; p = strchr(p + 1, '|'))
		n++;
	return n;
}

const char *fuzz_choice(const struct fuzz_values *v, unsigned at, size_t *len)
{
	const char *p = v->choices;

	for (; at; at--)
		p = strchr(p, '|') + 1;
	*len = strcspn(p, "|");
	return p;
}

/* ---- drawing ----------------------------------------------------------------------------------- */

/* In the simplest of words more often than not; a number is as likely short as long. */
static void draw_values(struct msc_rng *rng, struct fuzz_piece *piece)
{
	for (unsigned i = 0; i < FUZZ_PLACES; i++) {
		const struct fuzz_values *v = fuzz_place(piece->row, i);

		if (!v)
			break;
		piece->value[i].at = (uint8_t)msc_rng_below(rng, fuzz_choices(v));
		piece->value[i].number = (uint32_t)msc_rng_next(rng) >> msc_rng_below(rng, 32);
	}
}

static const struct fuzz_row *draw_row(struct msc_rng *rng, const struct fuzz_row *rows, size_t n,
				       unsigned without)
{
	uint32_t total = 0, at;

	for (size_t i = 0; i < n; i++)
		total += rows[i].flags & without ? 0 : rows[i].weight;
	at = msc_rng_below(rng, total);
	for (size_t i = 0;; i++) {
		uint32_t weight = rows[i].flags & without ? 0 : rows[i].weight;

		if (at < weight)
			return &rows[i];
		at -= weight;
	}
}

static bool has_key(const char *text, const char *key, size_t len)
{
	for (const char *p = text; p; p = strstr(p, ", ")) {
		p += p == text ? 0 : 2;
		if (strcspn(p, ":") == len && !strncmp(p, key, len))
			return true;
	}
	return false;
}

/* Of two fields of the CBW, or of two keys beside the command. */
static bool share_key(const struct fuzz_row *a, const struct fuzz_row *b)
{
	if ((a->flags ^ b->flags) & FUZZ_CBW)
		return false;
	for (const char *p = a->text; p; p = strstr(p, ", ")) {
		p += p == a->text ? 0 : 2;
		if (has_key(b->text, p, strcspn(p, ":")))
			return true;
	}
	return false;
}

/* A key stands only once beside a command, whether the stem or a twist says it. */
static bool is_taken(const struct fuzz_step *s, const struct fuzz_row *twist)
{
	char key[32];

	for (unsigned i = 0; i < s->n_twists; i++)
		if (share_key(s->twist[i].row, twist))
			return true;
	if (twist->flags & FUZZ_CBW)
		return false;
	snprintf(key, sizeof key, "\n  %.*s:", (int)strcspn(twist->text, ":"), twist->text);
	return strstr(s->stem.row->text, key) != NULL;
}

static void draw_twists(struct msc_rng *rng, struct fuzz_step *s)
{
	unsigned n = 1U + (msc_rng_below(rng, 4) == 0) + (msc_rng_below(rng, 8) == 0);

	for (unsigned i = 0; i < n && i < FUZZ_TWISTS; i++) {
		struct fuzz_piece *twist = &s->twist[s->n_twists];

		twist->row = draw_row(rng, fuzz_twists, fuzz_n_twists, 0);
		if (is_taken(s, twist->row) ||
		    s->stem.row->flags & twist->row->flags & FUZZ_DATALESS)
			continue;
		draw_values(rng, twist);
		s->n_twists++;
	}
}

static unsigned parts_of(const struct fuzz_row *row)
{
	unsigned n = 1;

	for (const char *p = row->flags & FUZZ_WHOLE ? NULL : strstr(row->text, "\n- "); p;
	     p = strstr(p + 1, "\n- "))
		n++;
	return n;
}

static void add_row(struct msc_rng *rng, struct fuzz_talk *talk, unsigned id, bool writes)
{
	const struct fuzz_row *row =
		draw_row(rng, fuzz_steps, fuzz_n_steps,
			 (talk->twisted ? FUZZ_SOLO : 0) | (writes ? 0 : FUZZ_WRITES));
	struct fuzz_step first = { .stem.row = row, .id = id };
	unsigned parts = parts_of(row);

	draw_values(rng, &first.stem);
	if (talk->twisted && row->flags & FUZZ_PLAIN && msc_rng_below(rng, TWIST_ONE) == 0)
		draw_twists(rng, &first);
	if (talk->n + parts > FUZZ_STEPS) /* a part alone would be the host's fault */
		return;
	for (unsigned part = 0; part < parts; part++) {
		talk->step[talk->n] = first;
		talk->step[talk->n++].part = part;
	}
}

static struct msc_rng begin(uint64_t seed, uint64_t index)
{
	struct msc_rng rng = { .state = seed };

	rng.state = msc_rng_next(&rng) ^ index;
	rng.state = msc_rng_next(&rng);
	return rng;
}

void fuzz_draw(struct fuzz_talk *talk, uint64_t seed, uint64_t index, bool writes)
{
	struct msc_rng rng = begin(seed, index);
	unsigned n;

	*talk = (struct fuzz_talk){ .n = 0 };
	talk->twisted = msc_rng_below(&rng, 10) >= TWISTED;
	talk->no_autosense = talk->twisted && msc_rng_below(&rng, NO_SENSE) == 0;
	n = 1 + msc_rng_below(&rng, FUZZ_DRAWS);
	for (unsigned i = 0; i < n; i++)
		add_row(&rng, talk, i, writes);
}

/* ---- varying ----------------------------------------------------------------------------------- */

uint32_t fuzz_lot(uint64_t seed, uint64_t index)
{
	struct msc_rng rng = begin(~seed, index);

	return (uint32_t)msc_rng_next(&rng);
}

/* The step behind the row that `at` belongs to. */
static unsigned row_end(const struct fuzz_talk *talk, unsigned at)
{
	unsigned id = talk->step[at].id;

	while (at < talk->n && talk->step[at].id == id)
		at++;
	return at;
}

/* One row has other values, in all of its parts. */
static void vary_values(struct msc_rng *rng, struct fuzz_talk *talk)
{
	unsigned at = msc_rng_below(rng, talk->n), id = talk->step[at].id;
	struct fuzz_piece stem = talk->step[at].stem;

	draw_values(rng, &stem);
	for (unsigned i = 0; i < talk->n; i++)
		if (talk->step[i].id == id)
			talk->step[i].stem = stem;
}

void fuzz_vary(struct fuzz_talk *talk, const struct fuzz_talk *of, uint64_t seed, uint64_t index,
	       bool writes)
{
	struct msc_rng rng = begin(seed, index);
	unsigned how = msc_rng_below(&rng, 4), n = 1 + msc_rng_below(&rng, VARY_DRAWS), id = 0,
		 rest;

	*talk = *of;
	if (how == 0) {
		vary_values(&rng, talk);
		return;
	}
	for (unsigned i = 0; i < of->n; i++)
		if (of->step[i].id >= id)
			id = of->step[i].id + 1;
	rest = talk->n = how == 1 ? of->n : row_end(of, msc_rng_below(&rng, of->n));
	for (unsigned i = 0; i < n; i++)
		add_row(&rng, talk, id + i, writes);
	while (how == 2 && rest < of->n && talk->n + row_end(of, rest) - rest <= FUZZ_STEPS)
		for (unsigned end = row_end(of, rest); rest < end; rest++)
			talk->step[talk->n++] = of->step[rest];
}
