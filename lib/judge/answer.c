/* SPDX-License-Identifier: BSD-2-Clause */
/* Which bytes of an answer count: by its residue, where that tells a story that can be true. */
#include "judge/facts.h"

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The unit must refuse this command, from what it says of itself. */
static bool must_be_refused(const struct msc_exchange *x)
{
	const struct msc_cdb_def *def = msc_blocks_command(x);

	if (!def || x->stated.known)
		return false;
	if (x->unit.have_capacity && msc_cdb_value(x->cbw.cb, "lba") > x->unit.last_lba)
		return true;
	return def->dir == MSC_DIR_OUT && x->unit.have_mode && x->unit.write_protected;
}

struct msc_residue_range msc_residue_range(const struct msc_exchange *x)
{
	bool passed = x->csw.status == MSC_CSW_PASSED;
	struct msc_intent intent = passed ? msc_intent_passed(x) : msc_intent_of(x);
	struct msc_case c = msc_case_in(x->dir, x->cbw.h.length, &intent);
	uint64_t length = x->cbw.h.length, moved = smaller(x->data_len, length);
	uint64_t most_done = smaller(moved, c.processed_max), least_done = 0;

	if (!passed && must_be_refused(x))
		most_done = 0;
	/* A passed command did all that it meant with what moved; and in bulk-in, what is sent and
	 * short of the length is not filler. */
	if (passed && intent.known && intent.dir == x->dir)
		least_done = smaller(intent.min, moved);
	if (passed && x->dir == MSC_DIR_IN && moved < length)
		least_done = most_done;
	return (struct msc_residue_range){ .least = length - most_done,
					   .most = length - least_done };
}

bool msc_residue_fits(const struct msc_exchange *x)
{
	struct msc_residue_range ok = msc_residue_range(x);

	return x->csw.residue >= ok.least && x->csw.residue <= ok.most;
}

bool msc_is_answer(const struct msc_record *r, uint8_t opcode, size_t *len, size_t *asked)
{
	const struct msc_exchange *x = &r->u.exchange;
	uint64_t alloc;

	if (!msc_has_status(r, MSC_CSW_PASSED) || x->cbw.cb[0] != opcode || x->dir != MSC_DIR_IN ||
	    x->data_len > x->cbw.h.length || x->data_kept < x->data_len || !msc_residue_fits(x))
		return false;
	alloc = opcode == MSC_OP_READ_CAPACITY_10 ? MSC_CAPACITY_10_LEN
						  : msc_cdb_value(x->cbw.cb, "alloc");
	*asked = alloc < x->cbw.h.length ? (size_t)alloc : x->cbw.h.length;
	*len = x->data_len;
	if (x->cbw.h.length - x->csw.residue < *len) /* the rest is padding */
		*len = x->cbw.h.length - x->csw.residue;
	return true;
}

const struct msc_record *msc_earlier_answer(const struct msc_record *r, uint8_t opcode,
					    bool (*same)(const uint8_t *, const uint8_t *))
{
	const struct msc_answers *a = msc_history_answers(r);
	size_t len, asked;

	for (size_t i = 0; a && i < a->count; i++)
		if (msc_is_answer(a->list[i], opcode, &len, &asked) &&
		    same(r->u.exchange.cbw.cb, a->list[i]->u.exchange.cbw.cb))
			return a->list[i];
	return NULL;
}
