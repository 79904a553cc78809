/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a READ gives the block that it names. What was saved of a device that reads another one instead
 * is no use, and putting it back would destroy the medium; reading alone does not tell, for many blocks of
 * a medium are alike. So the mark is written to the block that a READ of the mark's place may give, and
 * looked for in the mark's place: before anything else is written where both read alike and are not of one
 * byte, which is rare on a sound device; and where the mark, once written, cannot be read back. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medium/care.h"

size_t care_stand_ins(const struct msc_medium *m, uint64_t out[CARE_STAND_INS_MAX])
{
	struct care_image image[CARE_IMAGES_MAX];
	size_t n_images = care_images(m, m->mark, image), n = 0;
	uint64_t before = m->mark;

	/* the longest first: of its own page's blocks a device that drops bits shows the first alone, and what
	 * is written to another one is lost */
	for (unsigned bit = CARE_PAGE_BITS; bit > 0; bit--) {
		uint64_t lba = m->mark >> bit << bit;

		if (lba != before && lba + 1 < m->mark)
			out[n++] = lba;
		before = lba;
	}
	for (size_t i = 0; i < n_images; i++)
		out[n++] = image[i].lba;
	if (m->mark > 0)
		out[n++] = m->mark - 1;
	if (m->mark + 1 < m->capacity)
		out[n++] = m->mark + 1;
	return n;
}

size_t care_wraps(const struct msc_medium *m, uint64_t out[CARE_WRAPS_MAX])
{
	size_t n = 0;

	for (unsigned bit = CARE_WRAP_BITS; bit < 64 && m->mark >> bit; bit++)
		if (m->mark >> bit & 1)
			out[n++] = m->mark & ((UINT64_C(1) << bit) - 1);
	return n;
}

static int put(struct msc_medium *m, uint64_t lba, const uint8_t *data, bool *good,
	       struct msc_err *err)
{
	if (care_write(m, lba, 1, data, true, good, err) < 0)
		return -1;
	return care_flush(m, err);
}

/* Whether block lba reads as it was found. */
static int is_as_found(struct msc_medium *m, const struct care_block *b, bool *same,
		       struct msc_err *err)
{
	uint8_t *now = care_room(m, err);
	bool good = false;
	int rc = now ? care_read(m, b->lba, 1, now, &good, err) : -1;

	*same = rc == 0 && good && !memcmp(now, b->data, m->block_size);
	free(now);
	return rc;
}

/* When nothing is changed by finding out, no journal is needed. */
static void end_untrue(struct msc_medium *m, bool undone, const char *what)
{
	m->untrue = true;
	m->saved = !undone;
	care_end(m, "%s: what lies on the medium cannot be saved", what);
}

/* The mark was written to its place and a READ of the stand-in shows it: what was read of the stand-in was
 * the mark's block all the time, so that is what is put back there. The same is right for a device that
 * writes beside the place that it reads. */
static int is_displaced(struct msc_medium *m, const struct care_block *b, struct msc_err *err)
{
	char what[128];
	bool shown, good, same;

	if (care_is_marked(m, b->lba, &shown, err) < 0)
		return -1;
	if (!shown)
		return 0;
	if (put(m, m->mark, b->data, &good, err) < 0 || is_as_found(m, b, &same, err) < 0)
		return -1;
	snprintf(what, sizeof what,
		 "what was written to block %" PRIu64 " is read at block %" PRIu64 "%s", m->mark,
		 b->lba,
		 b->lba == m->mark + 1   ? ", the next one"
		 : b->lba + 1 == m->mark ? ", the one before it"
					 : "");
	end_untrue(m, good && same, what);
	return 0;
}

/* The mark is written to the stand-in, and a READ of its own place shows it. */
static int is_stood_in(struct msc_medium *m, const struct care_block *b, const uint8_t *mark,
		       bool written, struct msc_err *err)
{
	uint64_t page = 1;
	char what[128], of[40] = "";
	bool good, shown, same;

	if (care_note_tried(m, &b->lba, err) < 0 || put(m, b->lba, mark, &good, err) < 0 ||
	    care_is_marked(m, m->mark, &shown, err) < 0 ||
	    put(m, b->lba, b->data, &good, err) < 0 || is_as_found(m, b, &same, err) < 0)
		return -1;
	if (!shown)
		return 0;
	/* it lies there, and no READ has shown what did: what was read in its place is the likeliest */
	if (written && put(m, m->mark, b->data, &good, err) < 0)
		return -1;
	while (page < m->mark && m->mark / page * page != b->lba)
		page *= 2;
	if (page < m->mark)
		snprintf(of, sizeof of, ", the first of %" PRIu64, page);
	snprintf(what, sizeof what, "a READ of block %" PRIu64 " gives block %" PRIu64 "%s",
		 m->mark, b->lba, of);
	end_untrue(m, good && same && !written, what);
	return 0;
}

int care_try_stand_ins(struct msc_medium *m, const uint8_t *mark, bool written, struct msc_err *err)
{
	uint64_t lba[CARE_STAND_INS_MAX];
	size_t n = care_stand_ins(m, lba);
	const struct care_block *place = care_find(m, m->mark), *b;
	const struct care_block first = { .lba = 0, .data = m->n_prints ? m->print[0].data : NULL };

	n += care_wraps(m, lba + n);
	/* where all writes go when the address is not looked at */
	if (written && first.data && m->print[0].lba == 0 && is_displaced(m, &first, err) < 0)
		return -1;
	for (size_t i = 0; i < n && written && !*m->ended; i++)
		if ((b = care_find(m, lba[i])) && is_displaced(m, b, err) < 0)
			return -1;
	for (size_t i = 0; i < n && place && !*m->ended; i++)
		if ((b = care_find(m, lba[i])) &&
		    care_is_constant(b->data, m->block_size) == written &&
		    !memcmp(b->data, place->data, m->block_size) &&
		    is_stood_in(m, b, mark, written, err) < 0)
			return -1;
	return 0;
}
