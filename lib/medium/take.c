/* SPDX-License-Identifier: BSD-2-Clause */
/* Saving: blocks are read and kept, and those that are new are noted in the journal, as is where the mark goes. */
#include <stdlib.h>

#include "medium/care.h"

int care_take(struct msc_medium *m, uint64_t lba, uint32_t n, enum care_kind kind, bool *readable,
	      struct msc_err *err)
{
	uint8_t *data;
	int rc;

	if (!*readable || !n)
		return 0;
	data = malloc((size_t)n * m->block_size);
	if (!data)
		return msc_nomem(err);
	rc = care_read(m, lba, n, data, readable, err);
	if (rc == 0 && *readable)
		rc = care_add(m, lba, n, data, kind, err);
	free(data);
	return rc;
}

static int compare_lba(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int care_take_all(struct msc_medium *m, uint64_t *lba, size_t n, enum care_kind kind,
		  bool *readable, struct msc_err *err)
{
	qsort(lba, n, sizeof *lba, compare_lba);
	for (size_t i = 0, end; i < n && *readable; i = end) {
		end = i + 1;
		if (care_find(m, lba[i])) {
			care_find(m, lba[i])->kind |= (uint16_t)kind;
			continue;
		}
		while (end < n && lba[end] <= lba[end - 1] + 1 && !care_find(m, lba[end]))
			end++;
		if (care_take(m, lba[i], (uint32_t)(lba[end - 1] - lba[i] + 1), kind, readable,
			      err) < 0)
			return -1;
	}
	return 0;
}

int care_note_new(struct msc_medium *m, struct msc_err *err)
{
	struct msc_journal_block *list = calloc(m->n_blocks + 1, sizeof *list);
	size_t n = 0;
	int rc = 0;

	if (!list)
		return msc_nomem(err);
	for (size_t i = 0; i < m->n_blocks; i++) {
		struct care_block *b = &m->block[i];

		if (b->noted)
			continue;
		list[n++] = (struct msc_journal_block){ b->lba, b->data };
		b->noted = true;
	}
	if (n && m->journal)
		rc = msc_journal_add_blocks(m->journal, m->block_size, list, n, err);
	free(list);
	return rc;
}

int care_note_tried(struct msc_medium *m, const uint64_t *lba, struct msc_err *err)
{
	return m->journal ? msc_journal_begin(m->journal, lba, err) : 0;
}
