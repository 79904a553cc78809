/* SPDX-License-Identifier: BSD-2-Clause */
/* What an exchange proves: see view.h. */
#include "record/record.h"

#include <string.h>

/* ---- how it went -------------------------------------------------------------------------- */

bool msc_host_sent_all(const struct msc_exchange *x)
{
	size_t sent = 0;

	if (x->dir != MSC_DIR_OUT || x->whole)
		return true;
	for (size_t i = 0; i < x->n_steps; i++) {
		const struct msc_step *s = &x->steps[i];

		if (s->kind == MSC_STEP_CBW && s->outcome != MSC_OUT_DONE)
			return true;
		if (s->kind != MSC_STEP_DATA)
			continue;
		if (s->outcome != MSC_OUT_DONE)
			return true;
		sent += s->actual;
	}
	return sent >= x->cbw.h.length;
}

static enum msc_came came(const struct msc_exchange *x)
{
	uint8_t signature[4];

	if (msc_step_with(x, MSC_STEP_CSW, MSC_OUT_BABBLE))
		return MSC_CAME_DATA;
	if (!x->status_len)
		return MSC_CAME_NOTHING;
	if (x->status_len == MSC_CSW_LEN)
		return MSC_CAME_CSW;
	msc_put_le32(signature, MSC_CSW_SIGNATURE);
	return memcmp(x->status, signature, x->status_len < 4 ? x->status_len : 4)
		       ? MSC_CAME_DATA
		       : MSC_CAME_BROKEN;
}

/* The command's own CSW follows, and counts what came in its residue: so it is data, whatever it looks like. (Behind
 * an old CSW the data would come, where the CSW belongs.) */
static bool counts_as_data(const struct msc_exchange *x)
{
	return msc_csw_is_valid(x) && x->csw.residue == x->cbw.h.length - x->data_len;
}

static enum msc_brought brought(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	uint16_t packet = r->device->max_packet_in;
	size_t begin = x->data_len - MSC_CSW_LEN;

	if (x->whole || x->dir != MSC_DIR_IN || x->csw_in_data || x->data_len < MSC_CSW_LEN ||
	    x->data_kept < x->data_len || (begin && (!packet || begin % packet)) ||
	    msc_get_le32(x->data + begin) != MSC_CSW_SIGNATURE)
		return MSC_BROUGHT_DATA;
	if (msc_get_le32(x->data + begin + 4) == x->cbw.h.tag)
		return MSC_BROUGHT_CSW;
	return begin || counts_as_data(x) ? MSC_BROUGHT_DATA : MSC_BROUGHT_OLD_CSW;
}

static const struct msc_step *stuck(const struct msc_exchange *x)
{
	const struct msc_step *csw = NULL;

	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].kind == MSC_STEP_CBW &&
		    (x->steps[i].outcome == MSC_OUT_STALL || msc_hung(x->steps[i].outcome)))
			return &x->steps[i];
	for (size_t i = 0; i < x->n_steps; i++) {
		if (x->steps[i].kind == MSC_STEP_DATA && msc_hung(x->steps[i].outcome))
			return &x->steps[i];
		if (x->steps[i].kind == MSC_STEP_CSW)
			csw = &x->steps[i];
	}
	return csw && msc_hung(csw->outcome) && !x->status_len ? csw : NULL;
}

/* The endpoint's halt was cleared in the exchange, and nothing has passed on it since. */
static bool ends_cleared(const struct msc_exchange *x, uint8_t ep)
{
	for (size_t i = x->n_steps; i-- > 0;)
		if (x->steps[i].ep == ep && x->steps[i].outcome != MSC_OUT_CANCELLED)
			return x->steps[i].kind == MSC_STEP_CLEAR_HALT;
	return false;
}

bool msc_clears_before(const struct msc_exchange *x, const struct msc_step *step)
{
	for (const struct msc_step *s = x->steps; s < step; s++)
		if (s->kind == MSC_STEP_CLEAR_HALT && s->ep == step->ep)
			return true;
	return false;
}

bool msc_clears_idle(const struct msc_exchange *x, const struct msc_step *step)
{
	for (const struct msc_step *s = x->steps; s < step; s++) {
		if (s->ep == step->ep && s->outcome == MSC_OUT_STALL)
			return false;
		if (s->ep == step->ep && s->kind == MSC_STEP_CLEAR_HALT)
			return true;
	}
	return false;
}

/* A command that no device gets stuck on by itself. */
static bool is_ordinary(const struct msc_exchange *x)
{
	switch (x->cbw.cb[0]) {
	case MSC_OP_TEST_UNIT_READY:
	case MSC_OP_REQUEST_SENSE:
	case MSC_OP_INQUIRY:
	case MSC_OP_READ_CAPACITY_10:
	case MSC_OP_READ_10:
	case MSC_OP_WRITE_10: return !x->view.says.c.phase_error_possible;
	default: return false;
	}
}

static enum msc_after after(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_step *s = x->view.stuck;
	const struct msc_past *past = &r->past;
	bool out = past->cleared_out;

	/* The halt was the command's own. That its CSW is missing is what was seen; whether the endpoint is
	 * dead after any clear-halt, an ordinary command behind one tells. */
	if (s && msc_clears_idle(x, s))
		return MSC_AFTER_CLEAR;
	if (s && msc_clears_before(x, s))
		return s->kind == MSC_STEP_CSW ? MSC_AFTER_NOTHING : MSC_AFTER_CLEAR;
	if (s && s->kind != MSC_STEP_CBW && !is_ordinary(x))
		return MSC_AFTER_NOTHING;
	if (past->suspended)
		return MSC_AFTER_SUSPEND;
	if (past->reset || past->request)
		return MSC_AFTER_RESET;
	if (past->exchange && ends_cleared(&past->exchange->u.exchange, r->device->ep_out))
		out = true;
	if (s && s->outcome == MSC_OUT_STALL)
		return out ? MSC_AFTER_CLEAR : MSC_AFTER_NOTHING;
	return out || past->cleared_in ? MSC_AFTER_CLEAR : MSC_AFTER_NOTHING;
}

/* ---- what was asked ----------------------------------------------------------------------- */

static bool is_past_end(const struct msc_exchange *x)
{
	const struct msc_view *v = &x->view;

	if (!v->moves_blocks || !x->unit.have_capacity || x->unit.last_lba == UINT32_MAX)
		return false;
	return !msc_unit_holds(&x->unit, v->lba, v->blocks);
}

static void see_command(struct msc_view *v, const struct msc_exchange *x)
{
	const struct msc_cdb_meant block = msc_cdb_look(x->cbw.cb);

	v->def = block.def;
	v->lba = block.lba;
	v->blocks = block.blocks;
	v->moves_blocks = v->blocks;
	v->past_end = is_past_end(x);
	v->says = msc_oracle_says(x, &block);
	v->meant = x->answered && x->csw.status == MSC_CSW_PASSED ? msc_oracle_meant(x) : v->says;
}

/* ---- which bytes count: by the residue, where that tells a story that can be true ------------ */

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The unit must refuse this command, from what it says of itself. */
static bool must_be_refused(const struct msc_exchange *x)
{
	if (!x->view.moves_blocks || x->stated.known)
		return false;
	if (x->unit.have_capacity && x->view.lba > x->unit.last_lba)
		return true;
	return x->view.def->dir == MSC_DIR_OUT && x->unit.have_mode && x->unit.write_protected;
}

static void see_residue(struct msc_view *v, const struct msc_exchange *x)
{
	bool passed = x->csw.status == MSC_CSW_PASSED;
	const struct msc_intent *intent = &v->meant.intent;
	uint64_t length = x->cbw.h.length, moved = smaller(x->data_len, length);
	uint64_t most_done = smaller(moved, v->meant.c.processed_max), least_done = 0;

	if (!passed && must_be_refused(x))
		most_done = 0;
	/* A passed command did all that it meant with what moved; and in bulk-in, what is sent and
	 * short of the length is not filler. */
	if (passed && intent->known && intent->dir == x->dir)
		least_done = smaller(intent->min, moved);
	if (passed && x->dir == MSC_DIR_IN && moved < length)
		least_done = most_done;
	v->residue_least = length - most_done;
	v->residue_most = length - least_done;
	v->residue_fits = x->csw.residue >= v->residue_least && x->csw.residue <= v->residue_most;
}

static void see_answer(struct msc_view *v, const struct msc_exchange *x)
{
	uint64_t alloc = 0, relevant = x->cbw.h.length - x->csw.residue;

	if (x->csw.status != MSC_CSW_PASSED || x->dir != MSC_DIR_IN ||
	    x->data_len > x->cbw.h.length || x->data_kept < x->data_len)
		return;
	/* What is short of the length is no filler, and all of it is the answer, also where the residue
	 * is wrong: that says nothing of what came. */
	if (x->data_len < x->cbw.h.length)
		relevant = x->data_len;
	else if (!v->residue_fits)
		return;
	if (x->cbw.cb[0] == MSC_OP_READ_CAPACITY_10)
		alloc = MSC_CAPACITY_10_LEN;
	else if (!v->moves_blocks)
		alloc = msc_cdb_value_of(v->def, x->cbw.cb, "alloc");
	v->answer = true;
	v->answer_asked = (size_t)smaller(alloc, x->cbw.h.length);
	/* The rest is padding. */
	v->answer_len = (size_t)smaller(x->data_len, relevant);
}

/* ---- all of it ---------------------------------------------------------------------------- */

/* Field by field what is not filled in each time: this is done for every exchange of a capture. */
static void reset(struct msc_view *v)
{
	v->residue_least = v->residue_most = 0;
	v->residue_fits = false;
	v->answer = false;
	v->answer_len = v->answer_asked = 0;
}

void msc_record_conclude(struct msc_record *r)
{
	struct msc_exchange *x = &r->u.exchange;
	const struct msc_past *p = &r->past;
	struct msc_view *v = &x->view;

	if (r->kind != MSC_RECORD_EXCHANGE)
		return;
	x->command = msc_exchange_is_valid(x) && !p->unknown && !p->awaits_recovery &&
		     p->in.halt != MSC_HALT_SET && p->out.halt != MSC_HALT_SET;
	x->plain = x->command && msc_cbw_is_meaningful(x) && msc_host_sent_all(x);
	x->answered = x->plain && msc_csw_is_valid(x) && msc_csw_is_meaningful(x);
	reset(v);
	v->came = came(x);
	v->brought = brought(r);
	v->stuck = stuck(x);
	see_command(v, x);
	v->after = after(r);
	if (x->answered) {
		see_residue(v, x);
		see_answer(v, x);
	}
}
