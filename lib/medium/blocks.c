/* SPDX-License-Identifier: BSD-2-Clause */
/* The blocks that are saved, sorted by address, and the contents that may lie in their place by our
 * own hand. */
#include <stdlib.h>
#include <string.h>

#include "medium/care.h"
#include "medium/stamp.h"

/* The first that is not below lba. */
static size_t lower(const struct msc_medium *m, uint64_t lba)
{
	size_t from = 0, to = m->n_blocks;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (m->block[middle].lba < lba)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct care_block *care_find(const struct msc_medium *m, uint64_t lba)
{
	size_t at = lower(m, lba);

	return at < m->n_blocks && m->block[at].lba == lba ? &m->block[at] : NULL;
}

static uint8_t *new_arena(struct msc_medium *m, size_t len, const uint8_t *data)
{
	uint8_t **grown = reallocarray(m->arena, m->n_arenas + 1, sizeof *grown);

	if (!grown)
		return NULL;
	m->arena = grown;
	grown[m->n_arenas] = calloc(1, len ? len : 1);
	if (grown[m->n_arenas] && data)
		memcpy(grown[m->n_arenas], data, len);
	return grown[m->n_arenas] ? grown[m->n_arenas++] : NULL;
}

static void add_row(struct msc_medium *m, uint64_t lba, uint32_t n, uint8_t *data,
		    enum care_kind kind)
{
	size_t at = lower(m, lba);

	memmove(m->block + at + n, m->block + at, (m->n_blocks - at) * sizeof *m->block);
	for (uint32_t i = 0; i < n; i++)
		m->block[at + i] = (struct care_block){ .lba = lba + i,
							.data = data + (size_t)i * m->block_size,
							.kind = (uint16_t)kind };
	m->n_blocks += n;
}

int care_add(struct msc_medium *m, uint64_t lba, uint32_t n, const uint8_t *data,
	     enum care_kind kind, struct msc_err *err)
{
	uint8_t *copy = new_arena(m, (size_t)n * m->block_size, data);

	if (m->n_blocks + n > m->room_blocks) {
		size_t room = 2 * m->room_blocks + n;
		struct care_block *grown = reallocarray(m->block, room, sizeof *grown);

		if (!grown)
			return msc_nomem(err);
		m->block = grown;
		m->room_blocks = room;
	}
	if (!copy)
		return msc_nomem(err);
	if (!care_find(m, lba) && lower(m, lba) == lower(m, lba + n)) { /* none of them is there */
		add_row(m, lba, n, copy, kind);
		return 0;
	}
	for (uint32_t i = 0; i < n; i++) {
		size_t at = lower(m, lba + i);

		if (at < m->n_blocks && m->block[at].lba == lba + i) {
			m->block[at].kind |= kind;
			continue;
		}
		memmove(m->block + at + 1, m->block + at, (m->n_blocks - at) * sizeof *m->block);
		m->block[at] = (struct care_block){ .lba = lba + i,
						    .data = copy + (size_t)i * m->block_size,
						    .kind = (uint16_t)kind };
		m->n_blocks++;
	}
	return 0;
}

void care_drop_new(struct msc_medium *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n_blocks; i++)
		if (m->block[i].noted)
			m->block[kept++] = m->block[i];
	m->n_blocks = kept;
}

static const uint8_t *lies_there(const struct care_block *b)
{
	return b->held ? b->held : b->data;
}

const uint8_t *msc_medium_original(const struct msc_medium *m, uint64_t lba, size_t *len)
{
	const struct care_block *b = care_find(m, lba);
	const uint8_t *first, *next;

	if (!b || !(b->kind & (CARE_SCRATCH | CARE_PROBE)))
		return NULL;
	first = lies_there(b);
	next = first + m->block_size;
	for (const struct care_block *p = b + 1;
	     p < m->block + m->n_blocks && p->lba == p[-1].lba + 1 && lies_there(p) == next; p++)
		next += m->block_size;
	*len = (size_t)(next - first);
	return first;
}

bool msc_medium_held(const struct msc_medium *m, uint64_t lba, uint8_t *block)
{
	const struct care_block *b = care_find(m, lba);

	if (!b || !(b->kind & (CARE_SCRATCH | CARE_PROBE)) || (b->held && b->spoilt))
		return false;
	memcpy(block, lies_there(b), m->block_size);
	return true;
}

static bool is_known(const struct msc_medium *m, const uint8_t *content, uint64_t hash)
{
	for (size_t i = 0; i < m->n_wrote; i++)
		if (m->wrote_hash[i] == hash && !memcmp(m->wrote[i], content, m->block_size))
			return true;
	return false;
}

static int keep(struct msc_medium *m, const uint8_t *content, uint64_t hash, struct msc_err *err)
{
	if (m->n_wrote == m->room_wrote) {
		size_t room = 2 * m->room_wrote + 64;
		uint8_t **grown = reallocarray(m->wrote, room, sizeof *grown);
		uint64_t *hashes;

		if (!grown)
			return msc_nomem(err);
		m->wrote = grown;
		hashes = reallocarray(m->wrote_hash, room, sizeof *hashes);
		if (!hashes)
			return msc_nomem(err);
		m->wrote_hash = hashes;
		m->room_wrote = room;
	}
	m->wrote_hash[m->n_wrote] = hash;
	m->wrote[m->n_wrote] = new_arena(m, m->block_size, content);
	return m->wrote[m->n_wrote++] ? 0 : msc_nomem(err);
}

int care_wrote(struct msc_medium *m, const uint8_t *data, size_t len, uint8_t **fresh,
	       size_t *fresh_len, struct msc_err *err)
{
	size_t blocks = (len + m->block_size - 1) / m->block_size;
	uint8_t *out = malloc(blocks * m->block_size + 1);
	int rc = out ? 0 : msc_nomem(err);

	*fresh = out;
	*fresh_len = 0;
	for (size_t at = 0; rc == 0 && at < len; at += m->block_size) {
		uint8_t *block = out + *fresh_len;
		size_t part = len - at < m->block_size ? len - at : m->block_size;
		uint64_t hash;

		memset(block, 0, m->block_size);
		memcpy(block, data + at, part);
		hash = msc_journal_hash(block, m->block_size);
		if (is_known(m, block, hash))
			continue;
		rc = keep(m, block, hash, err);
		*fresh_len += m->block_size;
	}
	if (rc < 0) {
		free(out);
		*fresh = NULL;
	}
	return rc;
}

static size_t same_begin(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t n = 0;

	while (n < len && a[n] == b[n])
		n++;
	return n;
}

static size_t same_end(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t n = 0;

	while (n < len && a[len - 1 - n] == b[len - 1 - n])
		n++;
	return n;
}

bool care_is_ours(const struct msc_medium *m, const struct care_block *b, const uint8_t *now)
{
	size_t len = m->block_size;
	size_t begin = same_begin(now, b->data, len), end = same_end(now, b->data, len), n;
	struct msc_stamp s;

	for (size_t i = 0; i < m->n_wrote && begin + end < len; i++) {
		n = same_begin(now, m->wrote[i], len);
		begin = n > begin ? n : begin;
		n = same_end(now, m->wrote[i], len);
		end = n > end ? n : end;
	}
	if (m->has_stamp && msc_stamp_read(now, m->stamp, &s)) {
		n = msc_stamp_begin(&s, now, len);
		begin = n > begin ? n : begin;
	}
	if (m->has_stamp && msc_stamp_read(now + len - MSC_STAMP_HEAD, m->stamp, &s)) {
		n = msc_stamp_end(&s, now, len);
		end = n > end ? n : end;
	}
	return begin + end >= len;
}

bool msc_medium_is_free(const struct msc_medium *m, uint64_t lba)
{
	const struct care_block *b = care_find(m, lba);

	return b && b->kind & CARE_SCRATCH && !(b->kind & CARE_MARK);
}

void care_blocks_free(struct msc_medium *m)
{
	for (size_t i = 0; i < m->n_arenas; i++)
		free(m->arena[i]);
	free(m->arena);
	free(m->block);
	free(m->wrote);
	free(m->wrote_hash);
	free(m->fill[0]);
	free(m->fill[1]);
	for (uint32_t i = 0; i < m->n_prints; i++)
		free(m->print[i].data);
}

bool care_is_live(const struct msc_medium *m, uint64_t lba)
{
	for (size_t i = 0; i < m->n_live; i++)
		if (lba >= m->live[i].lba && lba - m->live[i].lba < m->live[i].blocks)
			return true;
	return false;
}
