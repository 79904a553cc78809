/* SPDX-License-Identifier: BSD-2-Clause */
/* What a block holds that is not what it should be. The first of these that fits is what is told. */
#include <string.h>

#include "medium/stamp.h"
#include "soak/soak.h"

#define BITS_FEW 16 /* fewer are bits; more, all of one direction, are an AND or an OR */
#define WORDS	 "mscstamp"

static void count_wrong(const struct msc_soak_look *l, struct msc_soak_wrong *w)
{
	w->bytes = w->bits = 0;
	for (uint32_t i = 0; i < l->size; i++) {
		uint8_t wrong = l->found[i] ^ l->expected[i];

		if (wrong && !w->bytes)
			w->at = i;
		w->bytes += wrong != 0;
		w->bits += (uint32_t)__builtin_popcount(wrong);
	}
}

static bool is_all(const struct msc_soak_look *l, uint8_t value)
{
	return l->found[0] == value && !memcmp(l->found, l->found + 1, l->size - 1);
}

static void set_from(struct msc_soak_wrong *w, const struct msc_stamp *s)
{
	w->has_from = true;
	w->from_lba = s->lba;
	w->from_generation = s->generation;
}

static bool is_whole_stamp(const struct msc_soak_look *l, struct msc_soak_wrong *w)
{
	struct msc_stamp s;

	if (!msc_stamp_read(l->found, l->seed, &s) ||
	    msc_stamp_begin(&s, l->found, l->size) < l->size)
		return false;
	set_from(w, &s);
	w->kind = s.lba == w->lba ? MSC_SOAK_STALE : MSC_SOAK_FOREIGN;
	return true;
}

static bool is_original(const struct msc_soak_look *l, struct msc_soak_wrong *w)
{
	if (!w->generation || !l->original || memcmp(l->found, l->original, l->size) != 0)
		return false;
	w->kind = MSC_SOAK_STALE;
	w->has_from = true;
	w->from_lba = w->lba;
	w->from_generation = 0;
	return true;
}

/* Bits have gone one way alone. Where it is known what lay there before, it has to explain them. */
static bool is_joined(const struct msc_soak_look *l, struct msc_soak_wrong *w)
{
	bool anded = true, ored = true;

	if (w->bits < BITS_FEW)
		return false;
	for (uint32_t i = 0; i < l->size && (anded || ored); i++) {
		uint8_t f = l->found[i], e = l->expected[i];
		uint8_t b = l->before ? l->before[i] : 0;

		anded = anded && (l->before ? f == (e & b) : (f & e) == f);
		ored = ored && (l->before ? f == (e | b) : (f | e) == f);
	}
	w->kind = anded ? MSC_SOAK_ANDED : MSC_SOAK_ORED;
	return anded || ored;
}

/* A stamp somewhere in the bytes that are wrong. */
static bool find_stamp(const struct msc_soak_look *l, struct msc_stamp *s, uint32_t *at)
{
	const uint8_t *p = l->found, *end = l->found + l->size;

	while (p && (size_t)(end - p) >= MSC_STAMP_HEAD) {
		p = memmem(p, (size_t)(end - p), WORDS, strlen(WORDS));
		if (!p || (size_t)(end - p) < MSC_STAMP_HEAD)
			return false;
		*at = (uint32_t)(p - l->found);
		if (memcmp(p, l->expected + *at, MSC_STAMP_HEAD) != 0 &&
		    msc_stamp_read(p, l->seed, s))
			return true;
		p++;
	}
	return false;
}

static bool is_part(const struct msc_soak_look *l, struct msc_soak_wrong *w)
{
	struct msc_stamp s;
	uint32_t at;

	if (find_stamp(l, &s, &at)) {
		bool in_place = at == 0 || at == l->size - MSC_STAMP_HEAD;

		set_from(w, &s);
		w->kind = in_place || w->bytes < l->size / 2 ? MSC_SOAK_MIXED : MSC_SOAK_SHIFTED;
		return true;
	}
	w->kind = MSC_SOAK_MIXED;
	return w->bits >= BITS_FEW && w->bytes < l->size - MSC_STAMP_HEAD;
}

void msc_soak_look(const struct msc_soak_look *l, struct msc_soak_wrong *w)
{
	count_wrong(l, w);
	if (is_all(l, 0x00))
		w->kind = MSC_SOAK_ZEROS;
	else if (is_all(l, 0xff))
		w->kind = MSC_SOAK_ONES;
	else if (!is_whole_stamp(l, w) && !is_original(l, w) && !is_joined(l, w) && !is_part(l, w))
		w->kind = w->bits <= BITS_FEW ? MSC_SOAK_BITS : MSC_SOAK_OTHER;
}
