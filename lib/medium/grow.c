/* SPDX-License-Identifier: BSD-2-Clause */
/* The long scratch range: the short one and what lies before it, for commands that move as many blocks
 * as hosts do. It is saved when the first case needs it, since that takes time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medium/care.h"

#define VERIFIED 31 /* blocks read at a time, other than when they were saved */

uint32_t msc_medium_room(const struct msc_medium *m)
{
	uint64_t half = m->capacity / 2;
	uint32_t least = m->capacity < MSC_SCRATCH_LEAST ? (uint32_t)m->capacity
							 : MSC_SCRATCH_LEAST;

	if (half < least + UINT64_C(2) * MSC_SCRATCH_LEAST)
		return least;
	half -= MSC_SCRATCH_LEAST;
	return half < MSC_SCRATCH_MOST ? (uint32_t)half : MSC_SCRATCH_MOST;
}

/* Blocks of the fingerprint never change. Those that may from now on are saved instead. */
static int save_prints(struct msc_medium *m, struct msc_err *err)
{
	uint32_t kept = 0;
	int rc = 0;

	for (uint32_t i = 0; i < m->n_prints; i++) {
		struct care_print *p = &m->print[i];

		if (rc == 0 && care_is_reached(m, p->lba)) {
			rc = care_add(m, p->lba, 1, p->data, CARE_IMAGE, err);
			free(p->data);
		} else {
			m->print[kept++] = *p;
		}
	}
	m->n_prints = kept;
	return rc;
}

static int verify(struct msc_medium *m, uint64_t first, uint32_t blocks, bool *readable,
		  struct msc_err *err)
{
	uint8_t *now = malloc((size_t)VERIFIED * m->block_size);
	int rc = now ? 0 : msc_nomem(err);
	uint32_t n;

	for (uint32_t at = 0; rc == 0 && *readable && at < blocks; at += n) {
		n = blocks - at < VERIFIED ? blocks - at : VERIFIED;
		rc = care_read(m, first + at, n, now, readable, err);
		for (uint32_t i = 0; rc == 0 && *readable && i < n; i++)
			*readable = !memcmp(now + (size_t)i * m->block_size,
					    care_find(m, first + at + i)->data, m->block_size);
	}
	free(now);
	return rc;
}

/* Where these may land when their address is cut. */
static int take_images(struct msc_medium *m, uint64_t first, uint32_t blocks, bool *readable,
		       struct msc_err *err)
{
	uint64_t *list = calloc(blocks, CARE_IMAGES_MAX * sizeof *list);
	struct care_image image[CARE_IMAGES_MAX];
	size_t n = 0;
	int rc;

	if (!list)
		return msc_nomem(err);
	for (uint32_t i = 0; i < blocks; i++)
		for (size_t k = care_images(m, first + i, image); k > 0; k--)
			list[n++] = image[k - 1].lba;
	rc = care_take_all(m, list, n, CARE_IMAGE, readable, err);
	free(list);
	return rc;
}

static int save(struct msc_medium *m, uint64_t first, uint32_t blocks, bool *readable,
		struct msc_err *err)
{
	bool repeats = false;

	if (care_take(m, first, blocks, CARE_SCRATCH, readable, err) < 0 ||
	    (*readable && verify(m, first, blocks, readable, err) < 0) ||
	    take_images(m, first, blocks, readable, err) < 0 || care_hear_signs(m, err) < 0)
		return -1;
	if (!*readable || *m->ended)
		return 0;
	if (m->marked && care_find_mark_in(m, first, blocks, &repeats, err) < 0)
		return -1;
	if (repeats) { /* what is written there takes the mark away */
		*readable = false;
		return 0;
	}
	if (save_prints(m, err) < 0)
		return -1;
	return care_note_new(m, err) < 0 ? -1 : care_permit(m, first, blocks, err);
}

/* The neighbours of the short range were saved before. */
static void drop(struct msc_medium *m, uint64_t first)
{
	care_drop_new(m);
	for (uint64_t lba = first; lba < m->first; lba++) {
		struct care_block *b = care_find(m, lba);

		if (b)
			b->kind &= (uint16_t)~CARE_SCRATCH;
	}
}

int msc_medium_grow(struct msc_medium *m, uint32_t blocks, bool *may, char *why, size_t size,
		    struct msc_err *err)
{
	uint64_t end = m->first + m->blocks;
	bool readable = true;
	uint32_t most;

	*may = true;
	if (m->o.scratch || !m->saved || *m->ended)
		return 0;
	if (blocks <= MSC_SCRATCH_LEAST) {
		m->blocks = m->blocks < MSC_SCRATCH_LEAST ? m->blocks : MSC_SCRATCH_LEAST;
		m->first = end - m->blocks;
		return 0;
	}
	if (blocks > m->grown && m->grown) /* it grows once */
		readable = false;
	most = m->grown ? m->grown : blocks;
	if (readable && !m->grown &&
	    save(m, end - most, most - MSC_SCRATCH_LEAST, &readable, err) < 0)
		return -1;
	if (!readable)
		drop(m, end - most);
	*may = readable && !*m->ended;
	if (*may) {
		m->grown = most;
		m->blocks = most;
		m->first = end - most;
		return 0;
	}
	snprintf(why, size, "%s",
		 *m->ended ? m->ended
		 : m->aliased
			 ? m->hit
			 : "a scratch range of that length cannot be read, so it cannot be saved");
	return 0;
}
