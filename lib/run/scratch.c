/* SPDX-License-Identifier: BSD-2-Clause */
/* The scratch: the only blocks that scenarios write, a range of them and single ones, the probes.
 * It is read and put into the journal before the first write, put back after every scenario that
 * may have written, and read again. None of this traffic is judged.
 *
 * The range ends 64 blocks before the end of the medium. The last 33 blocks may hold the second
 * copy of a GUID partition table; before them is, on most media, the part of a MiB that
 * partitioning programs leave free because partitions begin and end on whole MiB.
 *
 * The probes find a medium that is smaller than it says. One is the last block, one lies before the
 * first partition, and the others above that one by every power of two: where such a medium drops
 * address bits, they are the same block.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medium/journal.h"
#include "run/runner.h"
#include "session/gate.h"

#define SCRATCH_BLOCKS MSC_JOURNAL_BLOCKS_MAX
#define TAIL_BLOCKS    64
#define PROBE_FIRST    1984 /* between a partition table and the first MiB */
#define PROBE_STEP_MIN 2048
#define PIECE_BYTES    65536u /* moved by one command */
#define TRIES	       3

static void choose_probes(struct msc_scratch *s, uint64_t capacity)
{
	uint64_t step = PROBE_STEP_MIN;

	if (s->first + s->blocks < capacity)
		s->probe[s->n_probes++] = capacity - 1;
	if (PROBE_FIRST + step >= s->first)
		return;
	s->probe[s->n_probes++] = PROBE_FIRST;
	for (; PROBE_FIRST + step < s->first && s->n_probes < MSC_JOURNAL_PROBES_MAX; step *= 2)
		s->probe[s->n_probes++] = PROBE_FIRST + step;
}

void msc_scratch_choose(struct msc_scratch *s, const struct msc_unit *u)
{
	uint64_t capacity = u->last_lba + 1;

	*s = (struct msc_scratch){ .block_size = u->block_size };
	if (!u->have_capacity || !capacity)
		return;
	s->blocks = capacity < SCRATCH_BLOCKS ? (uint32_t)capacity : SCRATCH_BLOCKS;
	if (capacity >= 2 * (SCRATCH_BLOCKS + TAIL_BLOCKS))
		s->first = capacity - TAIL_BLOCKS - s->blocks;
	else
		s->first = capacity - s->blocks;
	choose_probes(s, capacity);
}

static size_t scratch_size(const struct msc_scratch *s)
{
	return ((size_t)s->blocks + s->n_probes) * s->block_size;
}

/* Blocks in a row: the range, or one probe. */
struct part {
	uint64_t first;
	uint32_t blocks;
	size_t offset; /* of their data */
};

static struct part part(const struct msc_scratch *s, uint32_t i)
{
	size_t range = (size_t)s->blocks * s->block_size;

	if (i == 0)
		return (struct part){ s->first, s->blocks, 0 };
	return (struct part){ s->probe[i - 1], 1, range + (size_t)(i - 1) * s->block_size };
}

/* One command over some blocks. *good: it passed and moved all. */
static int move(struct msc_runner *r, bool write, uint64_t lba, uint32_t blocks, uint8_t *data,
		bool *good, struct msc_err *err)
{
	const struct msc_cdb_def *def = msc_cdb_by_name(lba + blocks <= UINT32_MAX
								? (write ? "write10" : "read10")
								: (write ? "write16" : "read16"));
	uint32_t len = blocks * r->scratch.block_size;
	const struct msc_record *x;
	struct msc_request rq;
	uint8_t cdb[MSC_CBW_CB_MAX];

	msc_cdb_begin(def, cdb);
	if (msc_cdb_set(def, cdb, msc_cdb_field(def, "lba"), lba, err) < 0 ||
	    msc_cdb_set(def, cdb, msc_cdb_field(def, "blocks"), blocks, err) < 0)
		return -1;
	msc_request_init(&rq, cdb, def->length, write ? MSC_DIR_OUT : MSC_DIR_IN, len);
	rq.cbw.h.lun = r->o->lun;
	rq.out = data;
	if (msc_session_exchange(r->session, &rq, &x, err) < 0)
		return -1;
	*good = !x->u.exchange.needs_reset && x->u.exchange.csw.status == MSC_CSW_PASSED &&
		x->u.exchange.data_len == len;
	if (*good && !write)
		memcpy(data, x->u.exchange.data, len);
	return 0;
}

/* A whole part, in pieces; tried again after the device has been brought back. data is that of the
 * part. */
static int transfer(struct msc_runner *r, bool write, const struct part *p, uint8_t *data,
		    bool *good, struct msc_err *err)
{
	const struct msc_scratch *s = &r->scratch;
	uint32_t piece = s->block_size < PIECE_BYTES ? PIECE_BYTES / s->block_size : 1;
	int tries = TRIES, rung;

	for (uint32_t at = 0; at < p->blocks;) {
		uint32_t n = p->blocks - at < piece ? p->blocks - at : piece;

		if (move(r, write, p->first + at, n, data + (size_t)at * s->block_size, good, err) <
		    0)
			return -1;
		if (*good)
			at += n;
		else if (--tries == 0)
			return 0;
		else if (msc_session_settle(r->session, &rung, err) < 0)
			return -1;
	}
	*good = true;
	return 0;
}

int msc_scratch_block_0(struct msc_runner *r, uint32_t *hash, struct msc_err *err)
{
	uint32_t size = r->scratch.block_size;
	uint8_t *block = calloc(1, size);
	bool good = false;
	int rc;

	if (!block)
		return msc_nomem(err);
	rc = transfer(r, false, &(struct part){ .blocks = 1 }, block, &good, err);
	*hash = good ? msc_journal_hash(block, size) : 0;
	free(block);
	return rc;
}

/* What exists of it is saved; of what lies beyond the end there is nothing to save. */
static int permit(struct msc_runner *r, uint64_t first, uint64_t blocks, struct msc_err *err)
{
	static const uint8_t opcodes[] = { 0x0a, 0x2a, 0xaa, 0x8a, 0x2e, 0xae, 0x8e };
	const struct msc_permit p = { .lun = r->o->lun,
				      .first = first,
				      .blocks = blocks,
				      .block_size = r->scratch.block_size,
				      .opcodes = opcodes,
				      .n_opcodes = MSC_COUNT(opcodes) };
	unsigned id;

	return msc_gate_permit(r->session, &p, &id, err);
}

int msc_scratch_permit(struct msc_runner *r, struct msc_err *err)
{
	const struct msc_scratch *s = &r->scratch;
	uint64_t capacity = r->unit.last_lba + 1;

	for (uint32_t i = 0; i <= s->n_probes; i++) {
		const struct part p = part(s, i);

		if (permit(r, p.first, p.blocks, err) < 0)
			return -1;
	}
	return permit(r, capacity, UINT64_MAX - capacity, err);
}

static int save(struct msc_runner *r, bool *readable, struct msc_err *err)
{
	struct msc_scratch *s = &r->scratch;
	struct msc_journal_head head;

	s->data = malloc(scratch_size(s));
	if (!s->data)
		return msc_nomem(err);
	for (uint32_t i = 0; *readable && i <= s->n_probes; i++) {
		const struct part p = part(s, i);

		if (transfer(r, false, &p, s->data + p.offset, readable, err) < 0)
			return -1;
	}
	if (!*readable) {
		free(s->data);
		s->data = NULL;
		return 0;
	}
	if (msc_scratch_identity(r, &head, err) < 0)
		return -1;
	if (msc_journal_write(s->journal, &head, s->data, err) < 0)
		return -1;
	return msc_scratch_permit(r, err);
}

int msc_scratch_save(struct msc_runner *r, bool *readable, struct msc_err *err)
{
	int rc;

	*readable = true;
	if (r->scratch.data || !r->scratch.blocks)
		return 0;
	if (msc_scratch_hold(r, err) < 0)
		return -1;
	msc_run_mute(r, true);
	rc = save(r, readable, err);
	msc_run_mute(r, false);
	if (rc < 0) {
		/* Without a journal nothing has been written. */
		free(r->scratch.data);
		r->scratch.data = NULL;
	}
	return rc;
}

static int restore(struct msc_runner *r, const struct part *p, uint8_t *now, bool *good,
		   struct msc_err *err)
{
	uint8_t *found = r->scratch.data + p->offset;
	int rung;

	for (int i = 0; i < TRIES; i++) {
		if (transfer(r, false, p, now, good, err) < 0)
			return -1;
		if (*good && memcmp(now, found, (size_t)p->blocks * r->scratch.block_size) == 0)
			return 0;
		if (transfer(r, true, p, found, good, err) < 0 ||
		    msc_session_settle(r->session, &rung, err) < 0)
			return -1;
	}
	*good = false;
	return 0;
}

int msc_scratch_restore(struct msc_runner *r, bool *good, struct msc_err *err)
{
	struct msc_scratch *s = &r->scratch;
	uint32_t parts = s->dirty_probes ? s->n_probes : 0;
	bool one = true;
	uint8_t *now;
	int rc = 0;

	*good = true;
	if (!s->data || !s->dirty)
		return 0;
	now = malloc((size_t)s->blocks * s->block_size);
	if (!now)
		return msc_nomem(err);
	msc_run_mute(r, true);
	for (uint32_t i = 0; rc == 0 && i <= parts; i++) {
		const struct part p = part(s, i);

		rc = restore(r, &p, now, &one, err);
		*good &= one;
		/* A device that hangs takes no block back now; at the end of the run it is asked
		 * once more. */
		if (r->hasty && !one)
			break;
	}
	msc_run_mute(r, false);
	free(now);
	if (rc == 0 && *good)
		s->dirty = s->dirty_probes = false;
	return rc;
}

void msc_scratch_finish(struct msc_runner *r)
{
	struct msc_scratch *s = &r->scratch;
	struct msc_err err = MSC_ERR_INIT;
	bool good = false;

	if (s->journal && !s->data)
		msc_journal_close(s->journal);
	else if (s->journal) {
		if (!r->target->gone) {
			msc_session_set_stop(r->session, NULL, NULL);
			if (msc_scratch_restore(r, &good, &err) < 0)
				good = false;
		}
		if (!good)
			msc_run_note(r,
				     "blocks %" PRIu64 " to %" PRIu64 " could not be put back%s%s",
				     s->first, s->first + s->blocks - 1,
				     r->target->device.forgets ? "" : "; they are kept in ",
				     r->target->device.forgets ? "" : msc_journal_path(s->journal));
		if (!good && !r->target->device.forgets)
			msc_journal_close(s->journal);
		else if (msc_journal_remove(s->journal, &err) < 0)
			msc_run_note(r, "%s", err.msg);
	}
	free(s->data);
	*s = (struct msc_scratch){ 0 };
}

const uint8_t *msc_scratch_original(const struct msc_scratch *s, uint64_t lba, size_t *len)
{
	for (uint32_t i = 0; s->data && i <= s->n_probes; i++) {
		const struct part p = part(s, i);

		if (lba < p.first || lba - p.first >= p.blocks)
			continue;
		*len = (size_t)(p.blocks - (lba - p.first)) * s->block_size;
		return s->data + p.offset + (size_t)(lba - p.first) * s->block_size;
	}
	return NULL;
}

void msc_scratch_note(struct msc_runner *r, const uint8_t cdb[MSC_CBW_CB_MAX])
{
	struct msc_scratch *s = &r->scratch;
	uint64_t lba, blocks;

	if (msc_cdb_effect(cdb, MSC_CBW_CB_MAX, &r->unit, NULL) != MSC_EFFECT_BLOCKS)
		return;
	msc_cdb_written(cdb, &lba, &blocks);
	s->dirty = true;
	s->dirty_probes |= lba < s->first || lba + blocks > s->first + s->blocks;
}
