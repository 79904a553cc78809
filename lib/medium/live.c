/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks that act: a file of a device whose files are its peripherals. They are no storage. What is
 * written may come back in another form, or measured anew, so putting back means to write what was
 * read, once, and not to compare. Before they are written they are read and noted in the journal like
 * any other: if the device turns out to be a disk after all, what lay there is not lost. */
#include <stdio.h>
#include <stdlib.h>

#include "medium/care.h"
#include "session/gate.h"

static const uint8_t write_opcodes[] = { MSC_OP_WRITE_10 };

/* They change by themselves, or with others: nothing follows from that. */
static void leave_out_of_fingerprint(struct msc_medium *m, uint64_t lba, uint32_t blocks)
{
	for (uint32_t i = m->n_prints; i > 0; i--) {
		struct care_print *p = &m->print[i - 1];

		if (p->lba < lba || p->lba - lba >= blocks)
			continue;
		free(p->data);
		*p = m->print[--m->n_prints];
	}
}

static int take(struct msc_medium *m, uint64_t lba, uint32_t blocks, bool *readable,
		struct msc_err *err)
{
	uint64_t list[CARE_LIVE_BLOCKS_MAX];

	for (uint32_t i = 0; i < blocks; i++)
		list[i] = lba + i;
	if (care_take_all(m, list, blocks, CARE_LIVE, readable, err) < 0)
		return -1;
	return *readable ? care_note_new(m, err) : 0;
}

static int permit(struct msc_medium *m, uint64_t lba, uint32_t blocks, struct msc_err *err)
{
	struct care_live *l = &m->live[m->n_live];
	const struct msc_permit p = { .lun = m->o.lun,
				      .first = lba,
				      .blocks = blocks,
				      .block_size = m->block_size,
				      .opcodes = write_opcodes,
				      .n_opcodes = MSC_COUNT(write_opcodes) };

	*l = (struct care_live){ .lba = lba, .blocks = blocks };
	if (msc_gate_permit(m->s, &p, &l->permit, err) < 0)
		return -1;
	m->n_live++;
	return 0;
}

int msc_medium_live(struct msc_medium *m, uint64_t lba, uint32_t blocks, bool *may, char *why,
		    size_t size, struct msc_err *err)
{
	bool readable = true;

	*may = false;
	if (!m->saved || *m->ended)
		snprintf(why, size, "%s", *m->ended ? m->ended : "nothing is saved");
	else if (lba >= m->capacity || blocks > m->capacity - lba)
		snprintf(why, size, "there are no such blocks");
	else if (blocks > CARE_LIVE_BLOCKS_MAX || m->n_live == MSC_COUNT(m->live))
		snprintf(why, size, "too many blocks that act");
	else if (take(m, lba, blocks, &readable, err) < 0)
		return -1;
	else if (!readable)
		snprintf(why, size, "the blocks cannot be read, so they cannot be saved");
	else
		*may = true;
	if (!*may)
		return 0;
	leave_out_of_fingerprint(m, lba, blocks);
	return permit(m, lba, blocks, err);
}

int care_live_end(struct msc_medium *m, struct msc_err *err)
{
	bool taken;
	int rc = 0;

	for (size_t i = m->n_live; rc == 0 && i > 0; i--)
		for (uint32_t k = 0; rc == 0 && !*m->ended && k < m->live[i - 1].blocks; k++) {
			struct care_block *b = care_find(m, m->live[i - 1].lba + k);

			if (b && b->dirty)
				rc = care_write(m, b->lba, 1, b->data, true, &taken, err);
			if (b)
				b->dirty = false;
		}
	care_live_revoke(m);
	return rc;
}
