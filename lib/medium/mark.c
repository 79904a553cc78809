/* SPDX-License-Identifier: BSD-2-Clause */
/* The mark is written first, and shows what a write does on this device: whether it can be read back and where,
 * and what else changes with it. Where that makes the saved blocks worthless the writing ends. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/swapped.h"
#include "medium/care.h"

/* Where the mark can be seen: at its place, or where a device that cuts addresses puts it. */
static int find_mark(struct msc_medium *m, struct msc_err *err)
{
	struct care_image image[CARE_IMAGES_MAX];
	size_t n = care_images(m, m->mark, image);
	char how[128];
	bool at_image;

	m->mark_at = m->mark;
	if (care_is_marked(m, m->mark, &m->marked, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct care_block *b = care_find(m, image[i].lba);

		if (care_is_marked(m, image[i].lba, &at_image, err) < 0)
			return -1;
		if (!at_image || !b)
			continue;
		m->mark_at = image[i].lba;
		m->suspects &= image[i].cuts;
		care_hit(m, "block %" PRIu64 " was overwritten by a write to block %" PRIu64 ": %s",
			 image[i].lba, m->mark, care_cut_text(m->suspects, how, sizeof how));
		b->kind |= CARE_MARK;
		m->aliased |= m->marked;
		m->cuts |= !m->marked;
		m->marked = true;
	}
	return 0;
}

/* The mark is the first block that is written, and the last of a device that reads a part of it
 * otherwise: what was saved of such a medium is not what lies on it, and would destroy it. */
static int compare_mark(struct msc_medium *m, const uint8_t *mark, struct msc_err *err)
{
	uint8_t *now = care_room(m, err);
	uint32_t same = 0, end = m->block_size;
	char to[24] = "on";
	const char *how = NULL;
	bool good = false;
	int rc = now ? care_read(m, m->mark_at, 1, now, &good, err) : -1;

	while (rc == 0 && good && same < m->block_size && now[same] == mark[same])
		same++;
	m->untrue = rc == 0 && good && same < m->block_size;
	while (m->untrue && now[end - 1] == mark[end - 1])
		end--;
	if (m->untrue)
		how = msc_swapped(now, mark, m->block_size);
	free(now);
	if (end < m->block_size)
		snprintf(to, sizeof to, "to byte %u", end - 1);
	if (m->untrue)
		care_end(m,
			 "block %" PRIu64
			 " reads otherwise than it was written, from byte %u %s%s%s",
			 m->mark_at, same, to, how || same == 512 ? ": " : "",
			 how           ? how
			 : same == 512 ? "only its first 512 bytes are stored"
				       : "");
	return rc;
}

static void is_erased(struct msc_medium *m, struct care_block *b, const uint8_t *now, void *user)
{
	uint32_t *page = user;

	(void)now;
	while (!(b->kind & CARE_MARK) && (b->lba ^ m->mark) >= *page)
		*page *= 2;
}

/* Each write to the scratch would take the mark along, and what lies between them and beyond. */
static int compare_unit(struct msc_medium *m, struct msc_err *err)
{
	uint32_t page = care_page(m);
	bool good;

	if (care_compare(m, CARE_UNIT, false, is_erased, &page, &good, err) < 0)
		return -1;
	if (!good || page <= care_page(m))
		return 0;
	m->page = page;
	if (care_put_back(m, CARE_UNIT | CARE_MARK, false, false, &good, err) < 0)
		return -1;
	m->saved = !good;
	m->untrue = true;
	care_end(m,
		 "a write to block %" PRIu64 " changes others of the %" PRIu32
		 " blocks from %" PRIu64 " on, an erase unit of %" PRIu32 " KiB",
		 m->mark, page, m->mark - m->mark % page, page * m->block_size >> 10);
	return 0;
}

/* Nothing more is done once the writing has ended. */
static int put_mark(struct msc_medium *m, const uint8_t *mark, struct msc_err *err)
{
	bool good;

	if (care_try_stand_ins(m, mark, false, err) < 0)
		return -1;
	if (*m->ended)
		return 0;
	if (care_note_tried(m, &m->mark, err) < 0 ||
	    care_write(m, m->mark, 1, mark, true, &good, err) < 0)
		return -1;
	if (*m->ended)
		return 0;
	if (care_flush(m, err) < 0)
		return -1;
	if (*m->ended)
		return 0;
	if (find_mark(m, err) < 0)
		return -1;
	return *m->ended || m->marked || !good ? 0 : care_try_stand_ins(m, mark, true, err);
}

/* What the write has changed beside it, where else it is seen, and whether it is whole. */
static int look_around_mark(struct msc_medium *m, const uint8_t *mark, struct msc_err *err)
{
	bool repeats;

	if (m->mark_at == m->mark && compare_unit(m, err) < 0)
		return -1;
	if (*m->ended)
		return 0;
	if (m->blocks > MSC_SCRATCH_LEAST &&
	    care_find_mark_in(m, m->first, m->blocks, &repeats, err) < 0)
		return -1;
	return *m->ended ? 0 : compare_mark(m, mark, err);
}

int care_write_mark(struct msc_medium *m, struct msc_err *err)
{
	uint8_t *mark;
	int rc;

	if (!m->has_mark || msc_session_unit(m->s, m->o.lun)->write_protected)
		return care_note_tried(m, NULL, err);
	mark = care_room(m, err);
	if (!mark)
		return -1;
	care_mark_fill(m, mark);
	rc = put_mark(m, mark, err);
	if (rc == 0 && m->marked && !*m->ended)
		rc = look_around_mark(m, mark, err);
	free(mark);
	return rc;
}
