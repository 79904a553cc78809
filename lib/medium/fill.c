/* SPDX-License-Identifier: BSD-2-Clause */
/* The scratch as a case finds it. What lies there is the user's, and may be zeros or the very bytes that
 * a case writes: a write that is lost would not show. So the blocks that a case is about hold, before it
 * begins, what no other block holds and nothing else writes. It goes through the same journal and the
 * same permits as any other write, and is put back with the rest. */
#include <stdlib.h>
#include <string.h>

#include "medium/care.h"

/* Never alike in two blocks, never the stamps of a scenario, and no long run of one byte. */
static void fill(const struct msc_medium *m, uint32_t blocks, uint8_t *data)
{
	for (uint32_t i = 0; i < blocks; i++) {
		struct msc_rng rng = { ~(m->first + i) };

		for (uint32_t at = 0; at < m->block_size; at++)
			data[(size_t)i * m->block_size + at] = (uint8_t)msc_rng_next(&rng);
	}
}

static bool is_clean(const struct msc_medium *m, uint32_t blocks)
{
	for (uint32_t i = 0; i < blocks; i++) {
		const struct care_block *b = care_find(m, m->first + i);

		if (b->dirty || b->held)
			return false;
	}
	return true;
}

static uint8_t **room_of(struct msc_medium *m)
{
	return &m->fill[m->blocks > MSC_SCRATCH_LEAST];
}

/* What lies there now is what the case finds, whether or not it is what was written. */
static int adopt(struct msc_medium *m, uint32_t blocks, struct msc_err *err)
{
	uint8_t *now = malloc((size_t)blocks * m->block_size);
	bool readable = true;
	int rc = now ? care_read(m, m->first, blocks, now, &readable, err) : msc_nomem(err);

	m->unfilled |= !readable;
	for (uint32_t i = 0; rc == 0 && readable && i < blocks; i++) {
		struct care_block *b = care_find(m, m->first + i);
		uint8_t *fill = *room_of(m) + (size_t)i * m->block_size;
		const uint8_t *found = now + (size_t)i * m->block_size;
		bool changed = memcmp(found, b->data, m->block_size) != 0;

		b->spoilt = changed && memcmp(found, fill, m->block_size) != 0;
		b->held = changed ? fill : NULL;
		b->dirty = false;
		memcpy(fill, found, m->block_size);
	}
	free(now);
	return rc;
}

int msc_medium_fill(struct msc_medium *m, uint32_t blocks, struct msc_err *err)
{
	uint8_t **room = room_of(m);
	bool good;

	if (!m->saved || *m->ended || msc_session_unit(m->s, m->o.lun)->write_protected)
		return 0;
	if (blocks > m->blocks)
		blocks = m->blocks;
	if (!*room)
		*room = malloc((size_t)m->blocks * m->block_size);
	if (!*room)
		return msc_nomem(err);
	if (m->unfilled && is_clean(m, blocks))
		return 0;
	fill(m, blocks, *room);
	if (m->unfilled)
		return adopt(m, blocks, err);
	if (care_announce(m, *room, (size_t)blocks * m->block_size, err) < 0)
		return -1;
	for (uint32_t i = 0; i < blocks; i++)
		care_find(m, m->first + i)->dirty = true;
	if (care_write(m, m->first, blocks, *room, true, &good, err) < 0)
		return -1;
	m->unfilled |= !good;
	/* What is still on its way to the medium is no state that a case may begin with. */
	if (good && !*m->ended && !m->no_flush && care_flush(m, err) < 0)
		return -1;
	return *m->ended ? 0 : adopt(m, blocks, err);
}
