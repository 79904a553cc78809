/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known, and what may be looked back at: see history.h. */
#include "record/history.h"

#include <string.h>

#define BLOCK_SIZE_MAX	  65536u /* a larger one is not believed */
#define EJECT		  0x02	 /* START STOP UNIT: LOEJ without START */

void msc_history_init(struct msc_history *h)
{
	*h = (struct msc_history){ .past.unknown = true, .only_control = true };
}

static void drop_all(struct msc_answers *a)
{
	for (size_t i = 0; i < a->count; i++)
		msc_record_drop(a->list[i]);
	a->count = 0;
}

static void drop_writes(struct msc_writes *w)
{
	for (size_t i = 0; i < w->count; i++)
		msc_record_drop(w->list[i].record);
	w->count = 0;
}

void msc_history_free(struct msc_history *h)
{
	for (size_t i = 0; i < MSC_COUNT(h->exchange); i++) {
		if (h->exchange[i])
			h->exchange[i]->past.exchange = NULL;
		msc_record_drop(h->exchange[i]);
		h->exchange[i] = NULL;
	}
	for (size_t i = 0; i < MSC_COUNT(h->of_unit); i++) {
		if (!h->of_unit[i].newest) /* there was no exchange with it */
			continue;
		msc_record_drop(h->of_unit[i].newest);
		drop_all(&h->of_unit[i].answers);
		drop_writes(&h->of_unit[i].writes);
		memset(&h->of_unit[i], 0, sizeof h->of_unit[i]);
	}
	drop_all(&h->controls);
	h->have_control = false;
}

void msc_history_forget(struct msc_history *h)
{
	msc_history_free(h);
	h->past = (struct msc_past){ .unknown = false };
	h->owed = false;
	h->only_control = true;
}

void msc_history_begin(const struct msc_history *h, struct msc_record *r)
{
	r->past = h->past;
	if (r->kind != MSC_RECORD_EXCHANGE)
		r->past.own = h->past.exchange;
}

void msc_history_begin_unit(const struct msc_history *h, struct msc_record *r)
{
	struct msc_exchange *x = &r->u.exchange;
	uint8_t lun = x->cbw.h.lun;

	x->unit = h->unit[lun & MSC_LUN_MAX];
	x->max_lun = h->have_max_lun ? h->max_lun : 0xff;
	x->max_lun_refused = h->max_lun_refused;
	if (lun > MSC_LUN_MAX)
		return;
	r->past.own = h->of_unit[lun].newest;
	r->past.prevented = h->of_unit[lun].prevented;
	r->past.ejected = h->of_unit[lun].ejected;
	r->past.gone = h->of_unit[lun].gone;
	r->past.ejected_ns = h->of_unit[lun].ejected_ns;
	r->past.unseen = h->of_unit[lun].unseen;
}

/* ---- what is known ------------------------------------------------------------------------ */

static void learn_capacity(struct msc_unit *u, uint64_t last_lba, uint32_t block_size)
{
	/* A medium whose bytes cannot be counted in 63 bits is not believed either. */
	u->have_capacity = block_size > 0 && block_size <= BLOCK_SIZE_MAX &&
			   last_lba < (uint64_t)INT64_MAX / block_size;
	u->last_lba = last_lba;
	u->block_size = block_size;
}

static void learn_exchange(struct msc_history *h, const struct msc_exchange *x)
{
	struct msc_unit *u = &h->unit[x->cbw.h.lun & MSC_LUN_MAX];
	const uint8_t *cb = x->cbw.cb, *d = x->data;
	size_t len = x->data_kept;

	if (!msc_csw_is_valid(x) || x->csw.status != MSC_CSW_PASSED || x->dir != MSC_DIR_IN)
		return;
	if (cb[0] == MSC_OP_INQUIRY && !(cb[1] & 3) && len >= 2) {
		/* A peripheral qualifier other than 0 says that there is no such unit. */
		u->have_inquiry = !(d[0] & 0xe0);
		u->device_type = d[0] & 0x1f;
		u->removable = d[1] & 0x80;
	} else if (cb[0] == MSC_OP_READ_CAPACITY_10 && len >= MSC_CAPACITY_10_LEN) {
		learn_capacity(u, msc_get_be32(d), msc_get_be32(d + 4));
	} else if (cb[0] == MSC_OP_SERVICE_ACTION_IN_16 &&
		   (cb[1] & 0x1f) == MSC_SA_READ_CAPACITY_16 && len >= 12) {
		learn_capacity(u, msc_get_be64(d), msc_get_be32(d + 8));
	} else if (cb[0] == MSC_OP_MODE_SENSE_6 && len >= 3) {
		u->have_mode = true;
		u->write_protected = d[2] & MSC_MODE_WP;
		u->dpofua = d[2] & MSC_MODE_DPOFUA;
	} else if (cb[0] == MSC_OP_MODE_SENSE_10 && len >= 4) {
		u->have_mode = true;
		u->write_protected = d[3] & MSC_MODE_WP;
		u->dpofua = d[3] & MSC_MODE_DPOFUA;
	}
}

/* The first answer counts, whatever it is: hosts take all but a byte of at most 15 for 0. */
static void learn_max_lun(struct msc_history *h, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (h->have_max_lun || !msc_is_good_max_lun(r))
		return;
	h->have_max_lun = true;
	h->max_lun_refused = c->outcome == MSC_OUT_STALL;
	if (c->outcome == MSC_OUT_DONE && c->data_len == 1 && c->data[0] <= MSC_LUN_MAX)
		h->max_lun = c->data[0];
}

/* ---- answers that stand ------------------------------------------------------------------- */

/* Puts r first in place of its like, or of the oldest. */
static void put(struct msc_answers *a, struct msc_record *r,
		bool (*alike)(const struct msc_record *, const struct msc_record *))
{
	size_t i = 0;

	while (i < a->count && !alike(r, a->list[i]))
		i++;
	if (i == MSC_COUNT(a->list))
		i--;
	if (i < a->count)
		msc_record_drop(a->list[i]);
	else
		a->count++;
	memmove(a->list + 1, a->list, i * sizeof a->list[0]);
	a->list[0] = msc_record_ref(r);
}

static bool is_same_block(const struct msc_record *r, const struct msc_record *before)
{
	return !memcmp(r->u.exchange.cbw.cb, before->u.exchange.cbw.cb, 4);
}

static bool is_same_request(const struct msc_record *r, const struct msc_record *before)
{
	const struct msc_setup *a = &r->u.control.setup, *b = &before->u.control.setup;

	return a->request_type == b->request_type && a->request == b->request &&
	       a->value == b->value && a->index == b->index && a->length == b->length;
}

const struct msc_answers *msc_history_answers(const struct msc_record *r)
{
	uint8_t lun = r->u.exchange.cbw.h.lun;

	return r->history && lun <= MSC_LUN_MAX ? &r->history->of_unit[lun].answers : NULL;
}

const struct msc_answers *msc_history_controls(const struct msc_record *r)
{
	return r->history ? &r->history->controls : NULL;
}

/* ---- writes that stand --------------------------------------------------------------------- */

static bool names_extent(uint8_t opcode)
{
	switch (opcode) {
	case MSC_OP_READ_10:
	case MSC_OP_READ_12:
	case MSC_OP_READ_16:
	case MSC_OP_WRITE_10:
	case MSC_OP_WRITE_12:
	case MSC_OP_WRITE_16: return true;
	default: return false;
	}
}

bool msc_moved_extent(const struct msc_exchange *x, uint64_t *lba, uint64_t *blocks)
{
	if (!names_extent(x->cbw.cb[0]) || !x->unit.block_size || !x->answered ||
	    x->csw.status != MSC_CSW_PASSED || x->csw.residue || x->csw_in_data ||
	    !x->unit.have_capacity)
		return false;
	*lba = x->view.lba;
	*blocks = x->view.blocks;
	return *blocks && *lba <= x->unit.last_lba &&
	       *blocks <= x->cbw.h.length / x->unit.block_size &&
	       x->data_len == *blocks * x->unit.block_size && x->data_len == x->cbw.h.length;
}

static bool overlap(const struct msc_written *w, uint64_t lba, uint64_t blocks)
{
	return w->lba < lba + blocks && lba < w->lba + w->blocks;
}

const struct msc_written *msc_history_written(const struct msc_record *r,
					      const struct msc_written *before)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_writes *w;
	uint64_t lba, blocks;

	if (!r->history || x->cbw.h.lun > MSC_LUN_MAX)
		return NULL;
	w = &r->history->of_unit[x->cbw.h.lun].writes;
	if (!w->count || x->dir != MSC_DIR_IN || !msc_moved_extent(x, &lba, &blocks))
		return NULL;
	for (size_t i = before ? (size_t)(before - w->list) + 1 : 0; i < w->count; i++)
		if (overlap(&w->list[i], lba, blocks))
			return &w->list[i];
	return NULL;
}

static void drop_overlapped(struct msc_writes *w, uint64_t lba, uint64_t blocks)
{
	size_t n = 0;

	for (size_t i = 0; i < w->count; i++)
		if (overlap(&w->list[i], lba, blocks))
			msc_record_drop(w->list[i].record);
		else
			w->list[n++] = w->list[i];
	w->count = n;
}

static void follow_writes(struct msc_writes *w, struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const uint8_t *cb = x->cbw.cb;
	uint64_t lba, blocks;

	if (x->dir == MSC_DIR_OUT && msc_moved_extent(x, &lba, &blocks)) {
		drop_overlapped(w, lba, blocks);
		if (w->count == MSC_COUNT(w->list))
			msc_record_drop(w->list[--w->count].record);
		memmove(w->list + 1, w->list, w->count * sizeof w->list[0]);
		w->list[0] = (struct msc_written){ msc_record_ref(r), lba, blocks };
		w->count++;
	} else if (w->count && cb[0] != MSC_OP_READ_10 && cb[0] != MSC_OP_TEST_UNIT_READY &&
		   msc_cdb_effect(cb, MSC_CBW_CB_MAX, &msc_any_disk, NULL) != MSC_EFFECT_NONE) {
		drop_writes(w);
	} else if (!x->answered || x->csw.status != MSC_CSW_PASSED) {
		drop_writes(w);
	}
}

/* ---- partitions --------------------------------------------------------------------------------- */

const struct msc_part *msc_history_part(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_parts *p;
	uint64_t lba, blocks;

	if (!r->history || x->cbw.h.lun > MSC_LUN_MAX)
		return NULL;
	p = &r->history->of_unit[x->cbw.h.lun].parts;
	if (!p->count || x->dir != MSC_DIR_IN || !msc_moved_extent(x, &lba, &blocks))
		return NULL;
	return msc_parts_at(p, lba);
}

static void follow_parts(struct msc_parts *p, const struct msc_exchange *x)
{
	uint64_t lba, blocks;

	if (x->dir == MSC_DIR_OUT)
		p->count = 0;
	else if (x->dir == MSC_DIR_IN && (!x->view.lba || p->entries || p->count) &&
		 msc_moved_extent(x, &lba, &blocks))
		msc_parts_follow(p, lba, x->data, x->data_kept, x->unit.block_size);
}

/* ---- exchanges ---------------------------------------------------------------------------- */

/* Only the first block is held against what comes later (scsi.medium.repeats): other blocks would
 * drive out what is wanted. */
static bool is_worth_keeping(const struct msc_exchange *x)
{
	const uint8_t *cb = x->cbw.cb;

	if (x->dir != MSC_DIR_IN)
		return false;
	return cb[0] != MSC_OP_READ_10 || (!msc_get_be32(cb + 2) && msc_get_be16(cb + 7) == 1);
}

/* After it, what the unit says of itself may be different. */
static bool may_change_unit(const struct msc_exchange *x)
{
	const uint8_t *cb = x->cbw.cb;
	const struct msc_cdb_def *def;

	if (!x->answered || x->csw.status != MSC_CSW_PASSED)
		return true;
	if (cb[0] == MSC_OP_READ_10 || cb[0] == MSC_OP_TEST_UNIT_READY ||
	    msc_cdb_effect(cb, MSC_CBW_CB_MAX, &msc_any_disk, NULL) == MSC_EFFECT_NONE)
		return false;
	def = msc_cdb_by_bytes(cb, MSC_CBW_CB_MAX);
	return !def || def->amount != MSC_AMOUNT_BLOCKS || !msc_cdb_value(cb, "blocks");
}

static bool says_no_medium(const struct msc_exchange *x)
{
	struct msc_sense_data sense = msc_sense_decode(x->data, x->data_kept);

	return sense.valid && sense.key == MSC_SENSE_NOT_READY && sense.asc == MSC_ASC_NO_MEDIUM;
}

static void follow_medium(struct msc_history *h, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const uint8_t *cb = x->cbw.cb;
	bool passed = x->answered && x->csw.status == MSC_CSW_PASSED;
	struct msc_of_unit *u = &h->of_unit[x->cbw.h.lun];

	switch (cb[0]) {
	case MSC_OP_PREVENT_ALLOW: u->prevented = passed && (cb[4] & 0x03) == 0x01; break;
	case MSC_OP_START_STOP_UNIT:
		u->ejected = passed && !(cb[1] & 1) && !(cb[4] & 0xf0) && (cb[4] & 0x03) == EJECT;
		u->ejected_ns = r->ended_ns;
		u->gone = false;
		break;
	case MSC_OP_REQUEST_SENSE:
		if (passed && says_no_medium(x)) {
			u->gone |= u->ejected;
			u->unseen = true;
		}
		break;
	case MSC_OP_TEST_UNIT_READY:
		u->ejected &= !passed;
		u->gone &= !passed;
		u->unseen &= !passed;
		break;
	case MSC_OP_READ_10: u->unseen &= !passed; break;
	}
}

/* Whatever has reset the device has let the medium go, and may have loaded it. */
static void let_media_go(struct msc_history *h)
{
	for (size_t i = 0; i < MSC_COUNT(h->of_unit); i++) {
		h->of_unit[i].prevented = h->of_unit[i].gone = false;
		h->of_unit[i].unseen = true;
	}
}

/* At the end of the exchange the endpoint was left halted. */
static bool left_halted(const struct msc_exchange *x, uint8_t ep)
{
	for (size_t i = x->n_steps; i-- > 0;)
		if (x->steps[i].ep == ep && x->steps[i].outcome != MSC_OUT_CANCELLED)
			return x->steps[i].kind != MSC_STEP_CLEAR_HALT &&
			       x->steps[i].outcome == MSC_OUT_STALL;
	return false;
}

/* Who carries a whole command resets the device when it does not end, and says nothing of how far that
 * went. */
static bool was_reset(const struct msc_exchange *x)
{
	return x->whole && !msc_csw_is_valid(x);
}

/* The chain backward is four exchanges long: the one that drops out of it is let go by the one that
 * came after it, whoever else keeps that. */
static void chain(struct msc_history *h, struct msc_record *r)
{
	size_t last = MSC_COUNT(h->exchange) - 1;

	if (h->exchange[last - 1])
		h->exchange[last - 1]->past.exchange = NULL;
	msc_record_drop(h->exchange[last]);
	memmove(h->exchange + 1, h->exchange, last * sizeof h->exchange[0]);
	h->exchange[0] = msc_record_ref(r);
}

static void add_exchange(struct msc_history *h, struct msc_record *r)
{
	struct msc_exchange *x = &r->u.exchange;
	uint8_t lun = x->cbw.h.lun;
	/* The host itself has halted bulk-out: nothing has begun, and the end of the halt leads on. */
	bool refused = h->past.out.asked && msc_step_with(x, MSC_STEP_CBW, MSC_OUT_STALL);
	bool valid = msc_exchange_is_valid(x);
	bool lost = (x->needs_reset || !msc_csw_is_valid(x)) && !refused;

	learn_exchange(h, x);
	chain(h, r);
	if (lun <= MSC_LUN_MAX) {
		follow_medium(h, r);
		msc_record_drop(h->of_unit[lun].newest);
		h->of_unit[lun].newest = msc_record_ref(r);
		follow_writes(&h->of_unit[lun].writes, r);
		follow_parts(&h->of_unit[lun].parts, x);
		if (may_change_unit(x))
			drop_all(&h->of_unit[lun].answers);
		else if (is_worth_keeping(x))
			put(&h->of_unit[lun].answers, r, is_same_block);
	}
	h->past = (struct msc_past){
		.unknown = r->cut || (h->past.unknown && lost),
		.exchange = r,
		.reset = was_reset(x),
		.awaits_recovery = !r->cut && (!valid || (lost && !x->whole)),
		.was_invalid = !r->cut && !valid,
		.in.halt = left_halted(x, r->device->ep_in) ? MSC_HALT_SET : MSC_HALT_UNKNOWN,
		.out.halt = left_halted(x, r->device->ep_out) ? MSC_HALT_SET : MSC_HALT_UNKNOWN
	};
	h->needs_reset = x->needs_reset && !refused;
	if (!r->muted)
		h->owed = h->needs_reset;
	h->unclean = !x->whole && !refused && (x->needs_reset || !x->have_csw);
	if (was_reset(x))
		let_media_go(h);
}

/* ---- everything else ---------------------------------------------------------------------- */

/* Reset recovery that is complete, a port reset, SET_CONFIGURATION. */
static void all_is_well(struct msc_history *h, enum msc_reset_by by)
{
	const struct msc_record *exchange = h->past.exchange;

	h->past = (struct msc_past){ .exchange = exchange, .reset = true, .reset_by = by };
	h->past.in.halt = h->past.out.halt = MSC_HALT_CLEAR;
	h->needs_reset = h->unclean = h->owed = false;
	let_media_go(h);
}

/* A device that cannot be set up needs what it has just been given. */
static void add_port_reset(struct msc_history *h, const struct msc_record *r)
{
	enum msc_outcome outcome = r->u.port.outcome;

	all_is_well(h, h->past.asleep ? MSC_RESET_BY_WAKING : MSC_RESET_BY_PORT);
	h->needs_reset = h->unclean = outcome == MSC_OUT_TIMEOUT || outcome == MSC_OUT_GONE;
	h->past.reset = !h->needs_reset;
}

static void add_clear_halt(struct msc_history *h, const struct msc_record *r, uint8_t ep)
{
	struct msc_past *p = &h->past;

	p->sent = false;
	if (ep == r->device->ep_in) {
		p->cleared_in = true;
		p->in.idle = p->in.halt != MSC_HALT_SET;
		p->in.halt = MSC_HALT_CLEAR;
		p->in.request = p->in.asked = false;
	} else {
		p->cleared_out = true;
		p->out.idle = p->out.halt != MSC_HALT_SET;
		p->out.halt = MSC_HALT_CLEAR;
		p->out.request = p->out.asked = false;
	}
	/* The three parts of reset recovery, whoever sent them: BOT 1.0, 5.3.4. */
	if (p->request && p->cleared_in && p->cleared_out)
		all_is_well(h, MSC_RESET_BY_RECOVERY);
}

static void add_request(struct msc_history *h, const struct msc_record *r)
{
	struct msc_past *p = &h->past;

	let_media_go(h);
	h->owed = false;
	if (r->u.control.outcome != MSC_OUT_DONE)
		return;
	p->request = p->in.request = p->out.request = true;
	p->cleared_in = p->cleared_out = false;
	p->awaits_recovery = p->was_invalid;
}

static const struct msc_halt_known halt_asked_for = { .halt = MSC_HALT_SET, .asked = true };

static void add_control(struct msc_history *h, struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	bool done = c->outcome == MSC_OUT_DONE;
	uint8_t ep, value;

	learn_max_lun(h, r);
	if (msc_is_good_reset(r)) {
		add_request(h, r);
	} else if (msc_is_configuration(r) && done) {
		all_is_well(h, MSC_RESET_BY_CONFIGURATION);
	} else if (msc_is_any_configuration(r, &value) && done) {
		/* The endpoints are gone, or those of another configuration. */
		h->past.in = h->past.out = (struct msc_halt_known){ .halt = MSC_HALT_UNKNOWN };
		h->past.unconfigured = !value;
	} else if (msc_is_setting(r) && done && !h->needs_reset && !h->past.awaits_recovery) {
		all_is_well(h, MSC_RESET_BY_INTERFACE);
	} else if (msc_is_clear_halt(r, &ep) && done) {
		add_clear_halt(h, r, ep);
	} else if (msc_is_request(r, MSC_RECIPIENT_ENDPOINT, MSC_STD_SET_FEATURE) && done &&
		   c->setup.value == MSC_FEATURE_ENDPOINT_HALT) {
		if (c->setup.index == r->device->ep_in)
			h->past.in = halt_asked_for;
		else if (c->setup.index == r->device->ep_out)
			h->past.out = halt_asked_for;
	}
	h->past.resumed |= done || c->outcome == MSC_OUT_STALL;
	h->have_control = true;
	h->control = c->outcome;
	if (done || c->outcome == MSC_OUT_STALL)
		put(&h->controls, r, is_same_request);
}

static void add_poll(struct msc_history *h, const struct msc_record *r)
{
	const struct msc_poll *p = &r->u.poll;
	bool in = p->ep == r->device->ep_in, stalled = p->outcome == MSC_OUT_STALL;
	struct msc_halt_known *known = in ? &h->past.in : &h->past.out;
	bool as_asked = stalled && known->asked;

	if (in || p->ep == r->device->ep_out) {
		known->halt = stalled ? MSC_HALT_SET : MSC_HALT_CLEAR;
		known->request = false;
	}
	h->past.sent |= !(p->ep & MSC_EP_IN) && p->data_len;
	/* A halt that the host has asked for is no error to recover from. */
	h->owed |= !r->muted && p->outcome != MSC_OUT_TIMEOUT && !as_asked;
}

static void add_suspend(struct msc_history *h, const struct msc_record *r)
{
	h->past.suspended = true;
	h->past.asleep = !r->u.suspend.resumed_ns && r->u.suspend.outcome == MSC_OUT_DONE;
	h->past.resumed = false;
}

/* A record that is kept knows of no other but by the chain, which is cut where it ends. */
void msc_history_add(struct msc_history *h, struct msc_record *r)
{
	h->only_control &= r->kind == MSC_RECORD_CONTROL || r->kind == MSC_RECORD_SUSPEND;
	r->history = NULL;
	r->past.own = NULL;
	if (r->kind != MSC_RECORD_EXCHANGE)
		r->past.exchange = NULL;
	switch (r->kind) {
	case MSC_RECORD_EXCHANGE: add_exchange(h, r); break;
	case MSC_RECORD_CONTROL: add_control(h, r); break;
	case MSC_RECORD_POLL: add_poll(h, r); break;
	case MSC_RECORD_PORT_RESET: add_port_reset(h, r); break;
	case MSC_RECORD_SUSPEND: add_suspend(h, r); break;
	}
}
