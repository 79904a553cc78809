/* SPDX-License-Identifier: BSD-2-Clause */
/* Around each command that may write. One that stays within the scratch only has its contents noted.
 * One that names blocks beyond the end ought to be refused, and may land anywhere that its address
 * reaches in too few bits: where a READ of the same blocks passes it is not sent, for then something
 * is there; otherwise all these blocks are saved first, and looked at and put back afterwards. One to
 * a protected medium is looked at in the same way. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medium/care.h"
#include "session/gate.h"

#define REACH_MAX 128 /* blocks of one command that are followed */

/* The operation code that reads what another one writes. */
static const struct {
	uint8_t write, read;
} pairs[] = {
	{ MSC_OP_WRITE_6, MSC_OP_READ_6 },	       { MSC_OP_WRITE_10, MSC_OP_READ_10 },
	{ MSC_OP_WRITE_12, MSC_OP_READ_12 },	       { MSC_OP_WRITE_16, MSC_OP_READ_16 },
	{ MSC_OP_WRITE_AND_VERIFY_10, MSC_OP_READ_10 },
	{ MSC_OP_WRITE_AND_VERIFY_12, MSC_OP_READ_12 },
	{ MSC_OP_WRITE_AND_VERIFY_16, MSC_OP_READ_16 },
};

/* Without a medium nobody knows; a device then has none to go by either. */
static uint32_t block_size(const struct msc_medium *m)
{
	return m->block_size ? m->block_size : 512;
}

static const uint8_t *find_pair(uint8_t opcode, uint8_t *read)
{
	for (size_t i = 0; i < MSC_COUNT(pairs); i++)
		if (pairs[i].write == opcode) {
			*read = pairs[i].read;
			return &pairs[i].write;
		}
	return NULL;
}

/* ---- what it will write ------------------------------------------------------------------------ */

int care_announce(struct msc_medium *m, const uint8_t *data, size_t len, struct msc_err *err)
{
	uint8_t *fresh;
	size_t fresh_len;
	int rc;

	if (!m->saved || !len || !m->journal)
		return 0;
	if (care_wrote(m, data, len, &fresh, &fresh_len, err) < 0)
		return -1;
	rc = fresh_len ? msc_journal_add_wrote(m->journal, fresh, fresh_len, err) : 0;
	free(fresh);
	return rc;
}

static void make_dirty(struct msc_medium *m, uint64_t lba, uint64_t blocks)
{
	bool probes = false;

	for (uint32_t i = 0; i < m->n_probes; i++)
		probes |= m->probe[i] >= lba && m->probe[i] - lba < blocks;
	for (size_t i = 0; i < m->n_blocks; i++)
		if (m->block[i].kind & CARE_SCRATCH || (probes && m->block[i].kind & CARE_PROBE) ||
		    (m->block[i].kind & CARE_LIVE && care_is_live(m, m->block[i].lba)))
			m->block[i].dirty = true;
}

int msc_medium_announce(struct msc_medium *m, const uint8_t *data, size_t len, struct msc_err *err)
{
	make_dirty(m, m->first, m->blocks);
	return care_announce(m, data, len, err);
}

static size_t data_len(const struct msc_request *rq)
{
	if (!rq->cbw.h.length || rq->cbw.h.flags & MSC_CBW_FLAG_IN)
		return 0;
	return rq->out_len == SIZE_MAX ? rq->cbw.h.length : rq->out_len;
}

static int announce_data(struct msc_medium *m, const struct msc_request *rq, struct msc_err *err)
{
	size_t len = data_len(rq);
	uint8_t *zeros;
	int rc;

	if (rq->out || !len)
		return care_announce(m, rq->out, len, err);
	zeros = calloc(1, m->block_size);
	if (!zeros)
		return msc_nomem(err);
	rc = care_announce(m, zeros, m->block_size, err);
	free(zeros);
	return rc;
}

static void refuse(struct msc_write *w, enum msc_may may, const struct msc_request *rq,
		   const char *why)
{
	char text[128];

	w->may = may;
	snprintf(w->why, sizeof w->why, "%s %s",
		 msc_cdb_text(text, sizeof text, rq->cbw.cb, MSC_CBW_CB_MAX), why);
}

/* ---- beyond the end ---------------------------------------------------------------------------- */

/* Whether a READ of these blocks passes. It is judged as any other, for if it does, that is the
 * defect. */
static int try_read(struct msc_medium *m, const struct msc_request *write, uint8_t opcode,
		    uint64_t lba, uint32_t blocks, bool *passes, struct msc_err *err)
{
	uint8_t cdb[MSC_CBW_CB_MAX] = { opcode };
	const struct msc_cdb_def *def = msc_cdb_by_bytes(cdb, sizeof cdb);
	uint32_t size = block_size(m);
	struct msc_sense_data sense;
	const struct msc_exchange *x;
	const struct msc_record *r;
	struct msc_err range = MSC_ERR_INIT;
	struct msc_request rq;
	int rung;

	*passes = false;
	if (!def || msc_cdb_set(def, cdb, msc_cdb_field(def, "lba"), lba, &range) < 0 ||
	    msc_cdb_set(def, cdb, msc_cdb_field(def, "blocks"), blocks, &range) < 0)
		return 0;
	msc_request_init(&rq, cdb, def->length, MSC_DIR_IN, blocks * size);
	rq.cbw.h.lun = write->cbw.h.lun;
	if (msc_session_exchange(m->s, &rq, &r, err) < 0)
		return -1;
	x = &r->u.exchange;
	/* Without a CSW that says so, data says that something is there. */
	*passes = msc_exchange_passed(x) || (!x->whole && !msc_csw_is_valid(x) && x->data_len > 0);
	if (!msc_exchange_ended(x))
		return msc_session_settle(m->s, &rung, err);
	return *passes ? 0 : msc_session_sense(m->s, rq.cbw.h.lun, &sense, err);
}

static int read_first(struct msc_medium *m, const struct msc_request *rq, struct msc_write *w,
		      struct msc_err *err)
{
	uint64_t lba = w->lba > m->capacity ? w->lba : m->capacity;
	uint32_t blocks = w->blocks < REACH_MAX ? w->blocks : REACH_MAX;
	uint8_t opcode = 0;
	bool passes;

	find_pair(rq->cbw.cb[0], &opcode);
	if (try_read(m, rq, opcode, lba, 1, &passes, err) < 0)
		return -1;
	if (!passes && (blocks > 1 || lba != w->lba) &&
	    try_read(m, rq, opcode, w->lba, blocks, &passes, err) < 0)
		return -1;
	if (!passes)
		return 0;
	w->may = MSC_MAY_SKIP;
	snprintf(w->why, sizeof w->why,
		 "not sent: a READ of block %" PRIu64 " passes although the last one is %" PRIu64
		 ", so a write there would land somewhere",
		 lba, m->capacity - 1);
	return 0;
}

/* Where the blocks of the command may land, and the first and the last blocks of the medium, where a
 * number that is too large often ends. */
static size_t list_reach(const struct msc_medium *m, const struct msc_write *w, size_t bytes,
			 uint64_t *list)
{
	uint64_t n = (bytes + m->block_size - 1) / m->block_size;
	struct care_image image[CARE_IMAGES_MAX];
	size_t count = 0;

	n = n < 1 ? 1 : n > REACH_MAX ? REACH_MAX : n;
	n = n > m->capacity ? m->capacity : n;
	for (uint64_t i = 0; i < n; i++) {
		list[count++] = i;
		list[count++] = m->capacity - 1 - i;
		if (w->lba + i < m->capacity)
			list[count++] = w->lba + i;
		for (size_t k = care_images(m, w->lba + i, image); k > 0; k--)
			list[count++] = image[k - 1].lba;
	}
	return count;
}

/* It was not this command. The next time that blocks are put back it is one of them. */
static void differs_before(struct msc_medium *m, struct care_block *b, const uint8_t *now,
			   void *user)
{
	(void)m;
	(void)now;
	(void)user;
	b->dirty = true;
	b->kind &= (uint8_t)~CARE_REACH;
}

/* Those that were saved long ago may have changed since. */
static int look_before(struct msc_medium *m, bool *readable, struct msc_err *err)
{
	return care_compare(m, CARE_REACH, false, differs_before, NULL, readable, err);
}

/* Whoever swaps the medium need not say so. What was read before is of the one that carries the mark. */
static int still_there(struct msc_medium *m, struct msc_err *err)
{
	bool marked = true;

	if (care_hear_signs(m, err) < 0)
		return -1;
	if (m->marked && !*m->ended && care_is_marked(m, m->mark_at, &marked, err) < 0)
		return -1;
	return marked ? 0 : care_check(m, true, err);
}

static int save_reach(struct msc_medium *m, struct msc_write *w, struct msc_err *err)
{
	uint64_t *list = calloc(REACH_MAX, (CARE_IMAGES_MAX + 3) * sizeof *list);
	size_t n = list ? list_reach(m, w, w->data_len, list) : 0;
	bool readable = true;
	int rc = list ? care_take_all(m, list, n, CARE_IMAGE, &readable, err) : msc_nomem(err);

	for (size_t i = 0; rc == 0 && readable && i < n; i++) {
		struct care_block *b = care_find(m, list[i]);

		if (b && !b->dirty)
			b->kind |= CARE_REACH;
	}
	free(list);
	if (rc == 0 && readable)
		rc = look_before(m, &readable, err);
	if (rc == 0 && readable)
		rc = still_there(m, err);
	if (rc == 0 && readable)
		return *m->ended ? 0 : care_note_new(m, err);
	if (rc == 0) {
		w->may = MSC_MAY_NOT;
		snprintf(w->why, sizeof w->why,
			 "the blocks that a write to block %" PRIu64
			 " may reach cannot be read, so they cannot be saved",
			 w->lba);
	}
	return rc;
}

static int permit(struct msc_medium *m, const struct msc_request *rq, struct msc_write *w,
		  struct msc_err *err)
{
	uint8_t ignored;
	const struct msc_permit p = { .lun = rq->cbw.h.lun,
				      .first = w->lba,
				      .blocks = w->blocks,
				      .block_size = block_size(m),
				      .opcodes = find_pair(rq->cbw.cb[0], &ignored),
				      .n_opcodes = 1 };

	if (!p.opcodes)
		return 0;
	w->permitted = true;
	return msc_gate_permit(m->s, &p, &w->permit, err);
}

static int before_beyond(struct msc_medium *m, const struct msc_request *rq, struct msc_write *w,
			 struct msc_err *err)
{
	w->beyond = true;
	if (read_first(m, rq, w, err) < 0 || care_hear_signs(m, err) < 0)
		return -1;
	if (w->may == MSC_MAY_SEND && m->saved && !*m->ended && save_reach(m, w, err) < 0)
		return -1;
	if (*m->ended)
		refuse(w, MSC_MAY_ENDED, rq, "is not sent");
	return w->may == MSC_MAY_SEND ? permit(m, rq, w, err) : 0;
}

/* ---- before ------------------------------------------------------------------------------------ */

/* Every block of these that exists may be written. */
static bool is_scratch(const struct msc_medium *m, uint64_t lba, uint64_t blocks)
{
	for (; blocks && lba < m->capacity; lba++, blocks--) {
		const struct care_block *b = care_find(m, lba);

		if (!b || !(b->kind & (CARE_SCRATCH | CARE_PROBE) || care_is_live(m, lba)))
			return false;
	}
	return true;
}

/* The signs, and if a command failed and nobody asked why, the medium itself; but not while a case is
 * about blocks that act, for where writing acts, reading others may as well. */
static int look(struct msc_medium *m, struct msc_err *err)
{
	if (care_hear_signs(m, err) < 0)
		return -1;
	if (!*m->ended && !m->n_live && msc_session_signs(m->s, m->o.lun)->unexplained)
		return care_check(m, false, err);
	return 0;
}

static int reach_protected(struct msc_medium *m, const struct msc_write *w, struct msc_err *err)
{
	bool readable;

	for (uint64_t i = 0; i < w->blocks; i++) {
		struct care_block *b = care_find(m, w->lba + i);

		if (b && !b->dirty)
			b->kind |= CARE_REACH;
	}
	return look_before(m, &readable, err);
}

/* Without a capacity there is nothing to save, and a write is harmless only where there is no medium. */
static bool is_blind(const struct msc_medium *m)
{
	const struct msc_medium_signs *g = msc_session_signs(m->s, m->o.lun);

	return !m->capacity && !g->away && !g->ejected;
}

int msc_medium_before(struct msc_medium *m, const struct msc_request *rq, struct msc_write *w,
		      struct msc_err *err)
{
	const uint8_t *cdb = rq->cbw.cb;
	uint64_t blocks, end;

	*w = (struct msc_write){ .may = MSC_MAY_SEND };
	if (rq->raw)
		return msc_medium_announce(m, rq->raw, rq->raw_len, err);
	if (!msc_cdb_writes_blocks(cdb))
		return 0;
	msc_cdb_written(cdb, &w->lba, &blocks);
	/* A device may go by dCBWDataTransferLength instead. */
	if (!(rq->cbw.h.flags & MSC_CBW_FLAG_IN) && rq->cbw.h.length > blocks * block_size(m))
		blocks = (rq->cbw.h.length + (uint64_t)block_size(m) - 1) / block_size(m);
	w->blocks = blocks ? (uint32_t)blocks : 1;
	w->data = rq->out;
	w->data_len = data_len(rq);
	end = w->lba + w->blocks;
	if (m->saved && look(m, err) < 0)
		return -1;
	if (*m->ended)
		refuse(w, MSC_MAY_ENDED, rq, "is not sent");
	else if (rq->cbw.h.lun != m->o.lun)
		refuse(w, MSC_MAY_NOT, rq, "would write to another unit than the one under test");
	else if (is_blind(m))
		refuse(w, MSC_MAY_NOT, rq,
		       "is not sent: nothing is known of the medium, so no block can be saved");
	else if (!is_scratch(m, w->lba, blocks))
		refuse(w, MSC_MAY_NOT, rq, "would write outside of the scratch range");
	if (w->may != MSC_MAY_SEND)
		return 0;
	if (w->lba >= m->capacity || end > m->capacity || end < w->lba) {
		if (before_beyond(m, rq, w, err) < 0)
			return -1;
	} else if (msc_session_unit(m->s, m->o.lun)->write_protected) {
		w->beyond = true;
		if (reach_protected(m, w, err) < 0)
			return -1;
	} else {
		make_dirty(m, w->lba, w->blocks);
	}
	return w->may == MSC_MAY_SEND && m->block_size ? announce_data(m, rq, err) : 0;
}

/* ---- after -------------------------------------------------------------------------------------- */

/* Which block of the command came here, and how. */
static void explain(struct msc_medium *m, struct msc_write *w, uint64_t hit)
{
	struct care_image image[CARE_IMAGES_MAX];
	const char *how = "the address is not compared with the capacity";
	char text[128];
	uint64_t from = w->lba;

	for (uint32_t i = 0; i < w->blocks && i < REACH_MAX; i++) {
		size_t n = care_images(m, w->lba + i, image);

		for (size_t k = 0; k < n; k++) {
			if (image[k].lba != hit)
				continue;
			if (m->suspects & image[k].cuts)
				m->suspects &= image[k].cuts;
			how = care_cut_text(m->suspects & image[k].cuts ? m->suspects
									: image[k].cuts,
					    text, sizeof text);
			from = w->lba + i;
			i = REACH_MAX;
			break;
		}
	}
	snprintf(w->hit, sizeof w->hit,
		 "block %" PRIu64 " was overwritten by a write to block %" PRIu64 " (%" PRIx64
		 "h): %s",
		 hit, from, from, how);
}

/* A block of what was written. */
static bool holds_written(const struct msc_medium *m, const struct msc_write *w, const uint8_t *now)
{
	if (!w->data) /* zeros */
		return !now[0] && !memcmp(now, now + 1, m->block_size - 1);
	for (size_t at = 0; at + m->block_size <= w->data_len; at += m->block_size)
		if (!memcmp(now, w->data + at, m->block_size))
			return true;
	return false;
}

static void hit(struct msc_medium *m, struct care_block *b, const uint8_t *now, void *user)
{
	struct msc_write *w = user;

	m->elsewhere++;
	if (!holds_written(m, w, now)) {
		if (!*w->hit)
			w->odd = b->lba;
		w->is_odd |= !*w->hit;
		return;
	}
	if (w->lba < m->capacity && w->lba + w->blocks <= m->capacity)
		snprintf(w->hit, sizeof w->hit,
			 "block %" PRIu64 " was written although the medium is write-protected",
			 b->lba);
	else if (b->lba >= w->lba && b->lba - w->lba < w->blocks)
		snprintf(w->hit, sizeof w->hit,
			 "block %" PRIu64 " was written by a command that goes beyond the end and "
			 "must fail as a whole",
			 b->lba);
	else
		explain(m, w, b->lba);
}

/* Something is read that was neither there before nor written. It is not known that it lies there. */
static int explain_odd(struct msc_medium *m, struct msc_write *w, struct msc_err *err)
{
	const struct care_block *b = care_find(m, w->odd);
	uint8_t *again = care_room(m, err);
	bool good = false;
	int rc = again ? care_read(m, w->odd, 1, again, &good, err) : -1;

	if (rc == 0)
		snprintf(w->hit, sizeof w->hit,
			 "block %" PRIu64 " reads differently after a write to block %" PRIu64
			 " than before it, %s",
			 w->odd, w->lba,
			 !good ? "and cannot be read once more"
			 : b && !memcmp(again, b->held ? b->held : b->data, m->block_size)
				 ? "and as before when it is read once more"
				 : "and holds nothing of what was written");
	free(again);
	return rc;
}

int msc_medium_after(struct msc_medium *m, struct msc_write *w, struct msc_err *err)
{
	bool readable, good;
	int rc = 0;

	if (w->permitted)
		msc_gate_revoke(m->s, w->permit);
	w->permitted = false;
	if (!w->beyond || !m->saved)
		return 0;
	rc = still_there(m, err);
	if (rc == 0 && !*m->ended)
		rc = care_compare(m, CARE_REACH, false, hit, w, &readable, err);
	if (rc == 0 && w->is_odd && !*w->hit)
		rc = explain_odd(m, w, err);
	if (rc == 0 && *w->hit && !*m->ended)
		rc = care_put_back(m, CARE_REACH, false, false, &good, err);
	for (size_t i = 0; i < m->n_blocks; i++)
		m->block[i].kind &= (uint16_t)~CARE_REACH;
	return rc;
}
