/* SPDX-License-Identifier: BSD-2-Clause */
/* What the transfers of one exchange are to each other: data or status, pieces of one data phase, a
 * CSW that came as data, a status asked for once more. */
#include "record/build.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_KEPT 8 /* of MSC_STEPS_MAX: for what follows the data */

void msc_building_begin(struct msc_building *b, struct msc_record *r, const struct msc_note *note)
{
	memset(b, 0, offsetof(struct msc_building, order)); /* which is written before it is read */
	b->record = r;
	b->halted_ns[0] = b->halted_ns[1] = b->status_ns = MSC_NEVER;
	r->u.exchange.max_lun = 0xff;
	if (note) {
		b->noted = true;
		b->leave = note->leave;
		r->u.exchange.noted = true;
		r->u.exchange.stated = note->stated;
	}
}

/* Packets of a device whose descriptors are not known are those of full speed. */
static size_t packet(const struct msc_building *b)
{
	uint16_t size = b->record->device->max_packet_in;

	return size ? size : 64;
}

static int64_t *halted_ns(struct msc_building *b, uint8_t ep)
{
	return &b->halted_ns[ep & MSC_EP_IN ? 1 : 0];
}

static void see_stall(struct msc_building *b, const struct msc_transfer *t)
{
	int64_t *at = halted_ns(b, t->ep);

	if (t->outcome == MSC_OUT_STALL && *at == MSC_NEVER)
		*at = t->completed_ns;
}

/* ---- steps -------------------------------------------------------------------------------- */

static bool merge_step(struct msc_step *last, const struct msc_step *new)
{
	if (new->kind != last->kind || new->ep != last->ep || last->outcome != MSC_OUT_DONE)
		return false;
	last->outcome = new->outcome;
	last->asked += new->asked;
	last->actual += new->actual;
	last->completed_ns = new->completed_ns;
	last->naks = last->naks < 0 || new->naks < 0 ? -1 : last->naks + new->naks;
	return true;
}

/* In the order in which their ends were seen. */
static void add_step(struct msc_building *b, enum msc_step_kind kind, const struct msc_transfer *t,
		     uint64_t order)
{
	struct msc_exchange *x = &b->record->u.exchange;
	struct msc_step step = { .kind = kind,
				 .ep = kind == MSC_STEP_CLEAR_HALT ? (uint8_t)t->setup.index
								   : t->ep,
				 .outcome = t->outcome,
				 .asked = t->asked,
				 .actual = t->actual,
				 .submitted_ns = t->submitted_ns,
				 .completed_ns = t->completed_ns,
				 .naks = t->naks };
	size_t at = x->n_steps;

	if (kind == MSC_STEP_DATA && x->n_steps >= MSC_STEPS_MAX - STEPS_KEPT &&
	    merge_step(&x->steps[x->n_steps - 1], &step))
		return;
	if (x->n_steps == MSC_STEPS_MAX)
		return;
	for (; at && b->order[at - 1] > order; at--) {
		x->steps[at] = x->steps[at - 1];
		b->order[at] = b->order[at - 1];
	}
	x->steps[at] = step;
	b->order[at] = order;
	x->n_steps++;
}

/* ---- command ------------------------------------------------------------------------------ */

void msc_building_wrap(struct msc_building *b, const struct msc_transfer *t, uint64_t order,
		       bool queued)
{
	struct msc_exchange *x = &b->record->u.exchange;
	uint8_t packed[MSC_CBW_LEN] = { 0 };

	b->wrapped = true;
	b->record->cut |= t->kept < t->asked;
	x->wrapper = msc_record_bytes(b->record->own.wrapper, t->data, t->kept);
	if (!x->wrapper) {
		b->no_memory = true;
		return;
	}
	x->wrapper_len = t->kept;
	memcpy(packed, x->wrapper, t->kept < sizeof packed ? t->kept : sizeof packed);
	msc_cbw_unpack(&x->cbw, packed);
	if (x->cbw.h.length)
		x->dir = x->cbw.h.flags & MSC_CBW_FLAG_IN ? MSC_DIR_IN : MSC_DIR_OUT;
	x->queued = queued;
	b->invalid = !msc_cbw_is_valid(x->wrapper, x->wrapper_len);
	b->refused = t->outcome != MSC_OUT_DONE;
	b->in_data = x->dir != MSC_DIR_NONE && !b->invalid;
	add_step(b, MSC_STEP_CBW, t, order);
	see_stall(b, t);
	b->record->began_ns = t->submitted_ns;
}

/* ---- data --------------------------------------------------------------------------------- */

/* The first of it may stay where it is, unless most of that is empty. */
static bool take_data(struct msc_exchange *x, const struct msc_transfer *t, size_t kept)
{
	if (!t->owner || !*t->owner || x->data || kept < t->asked / 2 + 1)
		return false;
	x->data = *t->owner;
	x->data_kept = kept;
	*t->owner = NULL;
	return true;
}

static void keep_data(struct msc_building *b, const struct msc_transfer *t)
{
	struct msc_exchange *x = &b->record->u.exchange;
	size_t kept = t->actual < t->kept ? t->actual : t->kept;

	if (x->data_kept == x->data_len && !take_data(x, t, kept) &&
	    msc_record_append(b->record, t->data, kept) < 0)
		b->no_memory = true;
	x->data_len += t->actual;
}

static bool set_status(struct msc_building *b, const uint8_t *bytes, size_t len)
{
	struct msc_exchange *x = &b->record->u.exchange;
	if (x->status != b->record->own.status)
		free(x->status);
	x->status = msc_record_bytes(b->record->own.status, bytes, len);
	x->status_len = x->status ? len : 0;
	b->no_memory |= !x->status;
	return x->status;
}

/* A device that sends less than it was asked for, in whole packets, and goes straight on to the
 * CSW leaves the host no way to tell the two apart but the CSW's own form. */
static void find_csw_in_data(struct msc_building *b)
{
	struct msc_exchange *x = &b->record->u.exchange;
	size_t len = x->data_len;
	const uint8_t *end;

	if (len < MSC_CSW_LEN || len >= x->cbw.h.length || (len - MSC_CSW_LEN) % packet(b))
		return;
	if (x->data_kept != len) { /* it may be, and nobody can know */
		b->record->cut = true;
		return;
	}
	end = x->data + len - MSC_CSW_LEN;
	if (msc_get_le32(end) != MSC_CSW_SIGNATURE || msc_get_le32(end + 4) != x->cbw.h.tag ||
	    !set_status(b, end, MSC_CSW_LEN))
		return;
	x->csw_in_data = b->status_done = true;
	x->data_len = x->data_kept = len - MSC_CSW_LEN;
	x->data_short_packet = 0;
}

static void add_data(struct msc_building *b, const struct msc_transfer *t, uint64_t order)
{
	struct msc_exchange *x = &b->record->u.exchange;

	add_step(b, MSC_STEP_DATA, t, order);
	keep_data(b, t);
	b->left_stalled = t->outcome == MSC_OUT_STALL;
	if (t->outcome != MSC_OUT_DONE) {
		b->in_data = false;
		b->bad_end |= t->outcome != MSC_OUT_STALL;
	} else if (x->dir == MSC_DIR_IN && t->actual < t->asked) {
		b->in_data = false;
		x->data_short_packet = 1 + t->actual % packet(b);
		find_csw_in_data(b);
	} else if (x->data_len >= x->cbw.h.length) {
		b->in_data = false;
	}
}

/* ---- status ------------------------------------------------------------------------------- */

/* BOT 1.0, 5.3.3. After a wrapper that is not valid the poll of bulk-in is one, too. */
static void add_status(struct msc_building *b, const struct msc_transfer *t, uint64_t order)
{
	struct msc_exchange *x = &b->record->u.exchange;
	struct msc_transfer seen = *t;

	/* It was asked for before the halt was known. A second STALL is no news then. */
	if (t->outcome == MSC_OUT_STALL && msc_building_stalled(b, t->ep) &&
	    t->submitted_ns <= *halted_ns(b, t->ep))
		seen.outcome = MSC_OUT_CANCELLED;
	add_step(b, MSC_STEP_CSW, &seen, order);
	if (b->status_ns == MSC_NEVER)
		b->status_ns = t->completed_ns;
	if (seen.outcome == MSC_OUT_CANCELLED || x->csw_in_data)
		return;
	b->left_stalled = t->outcome == MSC_OUT_STALL;
	b->status_done = t->outcome == MSC_OUT_DONE;
	b->record->cut |= t->kept < t->actual;
	set_status(b, t->data, t->actual < t->kept ? t->actual : t->kept);
}

void msc_building_add(struct msc_building *b, const struct msc_transfer *t, uint64_t order)
{
	const struct msc_exchange *x = &b->record->u.exchange;
	bool in = t->ep & MSC_EP_IN;

	if (!in || (b->in_data && x->dir == MSC_DIR_IN))
		add_data(b, t, order);
	else
		add_status(b, t, order);
	see_stall(b, t);
}

void msc_building_clear(struct msc_building *b, const struct msc_transfer *t, uint64_t order)
{
	add_step(b, MSC_STEP_CLEAR_HALT, t, order);
	*halted_ns(b, (uint8_t)t->setup.index) = MSC_NEVER;
}

bool msc_building_stalled(const struct msc_building *b, uint8_t ep)
{
	return b->halted_ns[ep & MSC_EP_IN ? 1 : 0] != MSC_NEVER;
}

bool msc_building_may_clear(const struct msc_building *b, uint8_t ep)
{
	if (msc_building_stalled(b, ep) || !(ep & MSC_EP_IN))
		return msc_building_stalled(b, ep);
	return b->wrapped && !b->invalid && !b->refused && !b->bad_end && !b->in_data &&
	       b->status_ns == MSC_NEVER;
}

bool msc_building_has_status(const struct msc_building *b)
{
	const struct msc_exchange *x = &b->record->u.exchange;

	return b->invalid ? b->status_ns != MSC_NEVER : b->status_done && x->status_len;
}

bool msc_building_wants(const struct msc_building *b, const struct msc_transfer *t)
{
	if (!b->wrapped || t->ep & MSC_EP_IN)
		return true;
	return b->in_data && b->record->u.exchange.dir == MSC_DIR_OUT &&
	       t->submitted_ns <= b->status_ns &&
	       !(t->data && t->kept == t->asked && msc_cbw_is_valid(t->data, t->kept));
}

/* ---- whole commands ----------------------------------------------------------------------- */

/* What a SCSI status (SAM-5 5.3) is in BOT, which has no other than these two: good and condition met,
 * and all others. */
static uint8_t bot_status(const struct msc_transfer *t)
{
	if (t->outcome != MSC_OUT_DONE)
		return 0xff;
	return t->whole.status == MSC_GOOD || t->whole.status == MSC_CONDITION_MET ? MSC_CSW_PASSED
										   : MSC_CSW_FAILED;
}

void msc_building_whole(struct msc_building *b, const struct msc_transfer *t)
{
	struct msc_exchange *x = &b->record->u.exchange;
	const struct msc_whole *w = &t->whole;

	x->whole = b->wrapped = true;
	x->outcome = t->outcome;
	x->scsi_status = w->status;
	x->fetched = w->fetched;
	x->dir = t->asked ? w->dir : MSC_DIR_NONE;
	x->cbw.h = (struct msc_cbw_header){ .length = (uint32_t)t->asked,
					    .flags = x->dir == MSC_DIR_IN ? MSC_CBW_FLAG_IN : 0,
					    .cb_length = w->cdb_len };
	memcpy(x->cbw.cb, w->cdb, w->cdb_len);
	x->csw = (struct msc_csw){ .residue = (uint32_t)(t->asked - t->actual),
				   .status = bot_status(t) };
	keep_data(b, t);
	b->record->began_ns = t->submitted_ns;
	b->record->ended_ns = t->completed_ns;
}

/* ---- the whole ---------------------------------------------------------------------------- */

bool msc_building_end(struct msc_building *b)
{
	struct msc_record *r = b->record;
	struct msc_exchange *x = &r->u.exchange;

	if (!b->wrapped || b->no_memory)
		return false;
	if (x->whole)
		return true;
	x->have_csw = b->status_done && x->status_len == MSC_CSW_LEN;
	if (x->have_csw)
		msc_csw_unpack(&x->csw, x->status);
	x->needs_reset = b->invalid || b->refused || b->bad_end;
	if (!msc_csw_is_valid(x) || x->csw.status > MSC_CSW_FAILED)
		x->needs_reset |= !b->leave || !b->left_stalled;
	r->ended_ns = r->began_ns;
	for (size_t i = 0; i < x->n_steps; i++) {
		if (x->steps[i].submitted_ns < r->began_ns)
			r->began_ns = x->steps[i].submitted_ns;
		if (x->steps[i].completed_ns > r->ended_ns)
			r->ended_ns = x->steps[i].completed_ns;
	}
	return true;
}
