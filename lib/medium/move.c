/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading and writing blocks with patience: a command that fails is tried again after the device has
 * been brought back, block by block, and writes go in pieces that the slowest flash can take, with a time-out of
 * their own. Before every write the session's signs are heeded: nothing is put back onto a medium
 * that has changed. */
#include <stdlib.h>
#include <string.h>

#include "medium/care.h"
#include "session/gate.h"

#define TRIES	       3
#define ROUNDS	       4
#define WRITE_NS \
	(60 * MSC_S) /* for a page, 1.6 s at 200 ms a block: a device that takes longer hangs */
#define QUICK_WRITE_NS (10 * MSC_S)

static const uint8_t write_opcodes[] = { MSC_OP_WRITE_10, MSC_OP_WRITE_16 };

uint8_t *care_room(const struct msc_medium *m, struct msc_err *err)
{
	uint8_t *room = malloc(m->block_size > CARE_PIECE ? m->block_size : CARE_PIECE);

	if (!room)
		msc_nomem(err);
	return room;
}

static uint32_t piece(const struct msc_medium *m)
{
	return m->block_size < CARE_PIECE ? CARE_PIECE / m->block_size : 1;
}

/* Brings the device back, and hears what it has to say of its medium. */
static int settle(struct msc_medium *m, bool *answers, struct msc_err *err)
{
	struct msc_sense_data sense;
	int rung;

	if (msc_session_signs(m->s, m->o.lun)->unexplained) {
		msc_session_mute(m->s, true);
		rung = msc_session_sense(m->s, m->o.lun, &sense, err);
		msc_session_mute(m->s, false);
		if (rung < 0)
			return -1;
	}
	if (msc_session_settle(m->s, &rung, err) < 0)
		return -1;
	*answers = rung < 3;
	care_heed_signs(m);
	return 0;
}

/* `in` or `out` is NULL. Nothing is written once the medium is another one. */
static int move_piece(struct msc_medium *m, uint64_t lba, uint32_t n, uint8_t *in,
		      const uint8_t *out, bool quick, bool *good, struct msc_err *err)
{
	if (in)
		return msc_session_read(m->s, m->o.lun, lba, n, m->block_size, in, 0, good, err);
	*good = false;
	if (care_hear_signs(m, err) < 0)
		return -1;
	if (*m->ended)
		return 0;
	return msc_session_write(m->s, m->o.lun, lba, n, m->block_size, out,
				 quick ? QUICK_WRITE_NS : WRITE_NS, good, err);
}

static int move(struct msc_medium *m, uint64_t lba, uint32_t n, uint8_t *in, const uint8_t *out,
		bool quick, bool *good, struct msc_err *err)
{
	uint32_t most = in ? piece(m) : care_page(m), part;
	int tries = quick ? 1 : TRIES;
	bool answers = true;

	*good = true;
	for (uint32_t at = 0; at < n; at += *good ? part : 0) {
		size_t skip = (size_t)at * m->block_size;

		part = most - (out ? (uint32_t)((lba + at) % most) : 0); /* of one erase unit */
		part = n - at < part ? n - at : part;
		if (move_piece(m, lba + at, part, in ? in + skip : NULL, out ? out + skip : NULL,
			       quick, good, err) < 0)
			return -1;
		if (*good)
			continue;
		if (!in && *m->ended)
			return 0;
		if (settle(m, &answers, err) < 0)
			return -1;
		/* What would be read now is another medium's. */
		if (!answers || *m->ended || (part == 1 && --tries == 0))
			return 0;
		most = 1; /* it may be the length that it does not take */
	}
	return 0;
}

int care_read(struct msc_medium *m, uint64_t lba, uint32_t n, uint8_t *data, bool *good,
	      struct msc_err *err)
{
	return move(m, lba, n, data, NULL, false, good, err);
}

int care_write(struct msc_medium *m, uint64_t lba, uint32_t n, const uint8_t *data, bool quick,
	       bool *good, struct msc_err *err)
{
	const struct msc_permit p = { .lun = m->o.lun,
				      .first = lba,
				      .blocks = n,
				      .block_size = m->block_size,
				      .opcodes = write_opcodes,
				      .n_opcodes = MSC_COUNT(write_opcodes) };
	unsigned id;
	int rc;

	if (msc_gate_permit(m->s, &p, &id, err) < 0)
		return -1;
	rc = move(m, lba, n, NULL, data, quick, good, err);
	msc_gate_revoke(m->s, id);
	return rc;
}

/* What was put back is on the medium before the journal goes. A device that does not know the command
 * has no cache. */
int care_flush(struct msc_medium *m, struct msc_err *err)
{
	static const uint8_t cdb[MSC_CBW_CB_MAX] = { MSC_OP_SYNCHRONIZE_CACHE_10 };
	const struct msc_record *r;
	struct msc_request rq;
	bool answers, good;
	int rc;

	msc_request_init(&rq, cdb, 10, MSC_DIR_NONE, 0);
	rq.cbw.h.lun = m->o.lun;
	rq.timeout_ns = WRITE_NS;
	msc_session_mute(m->s, true);
	rc = msc_session_exchange(m->s, &rq, &r, err);
	msc_session_mute(m->s, false);
	if (rc < 0)
		return -1;
	good = msc_exchange_passed(&r->u.exchange);
	m->no_flush |= !good;
	return good ? 0 : settle(m, &answers, err);
}

/* ---- rows of saved blocks ----------------------------------------------------------------------- */

static bool wanted(const struct care_block *b, unsigned kinds, bool dirty_only)
{
	if (b->kind & CARE_LIVE)
		return false;
	if (b->kind & CARE_MARK && !(kinds & (CARE_MARK | CARE_DIFFERS)))
		return false;
	return b->kind & kinds && !b->leave && (b->dirty || b->held || !dirty_only);
}

/* The blocks in a row that end before `end`, and fit into a piece. Returns where they begin. */
static size_t row_before(const struct msc_medium *m, size_t end, unsigned kinds, bool dirty_only)
{
	size_t first = end - 1, most = piece(m);

	if (kinds & CARE_DIFFERS) /* it ends where a page does */
		most -= (size_t)(most - 1 - m->block[end - 1].lba % most);
	while (first > 0 && end - first < most && wanted(&m->block[first - 1], kinds, dirty_only) &&
	       m->block[first - 1].lba + 1 == m->block[first].lba)
		first--;
	return first;
}

int care_compare(struct msc_medium *m, unsigned kinds, bool dirty_only, care_differs_fn *differs,
		 void *user, bool *readable, struct msc_err *err)
{
	uint8_t *now = care_room(m, err);
	int rc = now ? 0 : -1;

	*readable = true;
	/* From the highest address down: where a write to a high one reaches a low one, the low one is
	 * looked at after the high one has been put back. */
	for (size_t end = m->n_blocks; rc == 0 && *readable && end > 0;) {
		size_t first;

		if (!wanted(&m->block[end - 1], kinds, dirty_only)) {
			end--;
			continue;
		}
		first = row_before(m, end, kinds, dirty_only);
		rc = care_read(m, m->block[first].lba, (uint32_t)(end - first), now, readable, err);
		for (size_t i = first; rc == 0 && *readable && i < end; i++) {
			const uint8_t *block = now + (i - first) * m->block_size;
			struct care_block *b = &m->block[i];
			bool filled = kinds & CARE_REACH && b->held;

			if (memcmp(block, filled ? b->held : b->data, m->block_size) != 0)
				differs(m, b, block, user);
		}
		end = first;
	}
	free(now);
	return rc;
}

static void collect(struct msc_medium *m, struct care_block *b, const uint8_t *now, void *user)
{
	unsigned *count = user;

	(void)m;
	(void)now;
	b->kind |= CARE_DIFFERS;
	++*count;
}

/* A device that erases a page for each write and keeps nothing of the rest takes back whole pages alone. The
 * blocks that lie in one page with one that differs are written with it. */
static void collect_pages(struct msc_medium *m)
{
	uint32_t page = care_page(m);

	for (size_t i = 0, end; i < m->n_blocks; i = end) {
		bool differs = false;

		for (end = i;
		     end < m->n_blocks && m->block[end].lba / page == m->block[i].lba / page; end++)
			differs |= m->block[end].kind & CARE_DIFFERS;
		for (size_t k = i; differs && k < end; k++)
			if (!m->block[k].leave && !(m->block[k].kind & CARE_LIVE))
				m->block[k].kind |= CARE_DIFFERS;
	}
}

/* Writes the blocks that differ, in rows. */
static int write_marked(struct msc_medium *m, uint32_t most, bool quick, bool *good,
			struct msc_err *err)
{
	uint8_t *data = care_room(m, err);
	int rc = data ? 0 : -1;

	*good = true;
	for (size_t end = m->n_blocks; rc == 0 && *good && end > 0;) {
		size_t first;

		if (!(m->block[end - 1].kind & CARE_DIFFERS)) {
			end--;
			continue;
		}
		first = row_before(m, end, CARE_DIFFERS, false);
		if (end - first > most)
			first = end - most;
		for (size_t i = first; i < end; i++) {
			memcpy(data + (i - first) * m->block_size, m->block[i].data, m->block_size);
			m->block[i].kind &= (uint16_t)~CARE_DIFFERS;
		}
		rc = care_write(m, m->block[first].lba, (uint32_t)(end - first), data, quick, good,
				err);
		end = first;
	}
	free(data);
	for (size_t i = 0; i < m->n_blocks; i++)
		m->block[i].kind &= (uint16_t)~CARE_DIFFERS;
	return rc;
}

int care_put_back(struct msc_medium *m, unsigned kinds, bool dirty_only, bool quick, bool *good,
		  struct msc_err *err)
{
	unsigned differ = 0;
	uint32_t most;

	for (int round = 0; round < ROUNDS; round++) {
		differ = 0;
		if (care_compare(m, kinds, dirty_only, collect, &differ, good, err) < 0)
			return -1;
		if (!*good || !differ)
			break;
		if (round > 0 || kinds & CARE_MARK)
			collect_pages(m);
		/* it may be the length that it does not take, and says nothing of */
		most = round + 2 < ROUNDS ? care_page(m) : 1;
		if (write_marked(m, most, quick, good, err) < 0)
			return -1;
		if (!*good)
			break;
	}
	*good = *good && !differ;
	for (size_t i = 0; *good && i < m->n_blocks; i++)
		if (wanted(&m->block[i], kinds, false)) {
			m->block[i].dirty = false;
			m->block[i].held = NULL;
		}
	return 0;
}
