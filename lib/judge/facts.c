/* SPDX-License-Identifier: BSD-2-Clause */
/* What a record proves: see facts.h. */
#include "judge/facts.h"

#include <string.h>

/* ---- one exchange ------------------------------------------------------------------------- */

bool msc_is_command(const struct msc_record *r)
{
	struct msc_past past;
	bool request;

	if (r->kind != MSC_RECORD_EXCHANGE ||
	    !msc_cbw_is_valid(r->u.exchange.wrapper, r->u.exchange.wrapper_len))
		return false;
	past = msc_past(r);
	return !msc_awaits_recovery(&past) &&
	       msc_known_halt(r, r->device->ep_in, &request) != MSC_HALT_SET &&
	       msc_known_halt(r, r->device->ep_out, &request) != MSC_HALT_SET;
}

/* False when the host ended bulk-out before dCBWDataTransferLength by its own choice. */
static bool host_sent_all(const struct msc_exchange *x)
{
	size_t sent = 0;

	if (x->dir != MSC_DIR_OUT)
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

bool msc_is_plain(const struct msc_record *r)
{
	return msc_is_command(r) && msc_cbw_is_meaningful(&r->u.exchange) &&
	       host_sent_all(&r->u.exchange);
}

bool msc_is_answered(const struct msc_record *r)
{
	return msc_is_plain(r) && msc_csw_is_valid(&r->u.exchange) &&
	       msc_csw_is_meaningful(&r->u.exchange);
}

bool msc_has_status(const struct msc_record *r, uint8_t status)
{
	return msc_is_answered(r) && r->u.exchange.csw.status == status;
}

enum msc_came msc_came(const struct msc_exchange *x)
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

enum msc_brought msc_brought(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	uint16_t packet = r->device->max_packet_in;
	size_t begin = x->data_len - MSC_CSW_LEN;

	if (x->dir != MSC_DIR_IN || x->csw_in_data || x->data_len < MSC_CSW_LEN ||
	    (begin && (!packet || begin % packet)) ||
	    msc_get_le32(x->data + begin) != MSC_CSW_SIGNATURE)
		return MSC_BROUGHT_DATA;
	if (msc_get_le32(x->data + begin + 4) == x->cbw.h.tag)
		return MSC_BROUGHT_CSW;
	return begin ? MSC_BROUGHT_DATA : MSC_BROUGHT_OLD_CSW;
}

bool msc_stalled(const struct msc_exchange *x, uint8_t ep)
{
	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].kind != MSC_STEP_CLEAR_HALT && x->steps[i].ep == ep &&
		    x->steps[i].outcome == MSC_OUT_STALL)
			return true;
	return false;
}

bool msc_hung(enum msc_outcome outcome)
{
	return outcome == MSC_OUT_TIMEOUT || outcome == MSC_OUT_ERROR;
}

const struct msc_step *msc_stuck(const struct msc_exchange *x)
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

/* ---- commands and their answers ----------------------------------------------------------- */

bool msc_is_answer(const struct msc_record *r, uint8_t opcode, size_t *len, size_t *asked)
{
	const struct msc_exchange *x = &r->u.exchange;
	uint64_t alloc;

	if (!msc_has_status(r, MSC_CSW_PASSED) || x->cbw.cb[0] != opcode || x->dir != MSC_DIR_IN ||
	    x->data_len > x->cbw.h.length || !msc_residue_fits(x))
		return false;
	alloc = opcode == MSC_OP_READ_CAPACITY_10 ? MSC_CAPACITY_10_LEN
						  : msc_cdb_value(x->cbw.cb, "alloc");
	*asked = alloc < x->cbw.h.length ? (size_t)alloc : x->cbw.h.length;
	*len = x->data_len;
	if (x->cbw.h.length - x->csw.residue < *len) /* the rest is padding */
		*len = x->cbw.h.length - x->csw.residue;
	return true;
}

const struct msc_cdb_def *msc_blocks_command(const struct msc_exchange *x)
{
	const struct msc_cdb_def *def = msc_cdb_by_bytes(x->cbw.cb, MSC_CBW_CB_MAX);

	return def && def->amount == MSC_AMOUNT_BLOCKS && msc_cdb_value(x->cbw.cb, "blocks") ? def
											     : NULL;
}

bool msc_is_past_end(const struct msc_exchange *x)
{
	uint64_t lba = msc_cdb_value(x->cbw.cb, "lba"), blocks = msc_cdb_value(x->cbw.cb, "blocks");

	if (!msc_blocks_command(x) || !x->unit.have_capacity || x->unit.last_lba == UINT32_MAX)
		return false;
	return lba > x->unit.last_lba || blocks > x->unit.last_lba - lba + 1;
}

/* After it, what the unit says of itself may be different. */
static bool may_change_unit(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!msc_has_status(r, MSC_CSW_PASSED))
		return true;
	return msc_cdb_effect(x->cbw.cb, MSC_CBW_CB_MAX, &x->unit, NULL) != MSC_EFFECT_NONE &&
	       !msc_blocks_command(x);
}

const struct msc_record *msc_earlier_answer(const struct msc_record *r, uint8_t opcode,
					    bool (*same)(const uint8_t *, const uint8_t *))
{
	const struct msc_exchange *x = &r->u.exchange;
	size_t len, asked;

	for (const struct msc_record *p = r->prev; p; p = p->prev) {
		const struct msc_exchange *before = &p->u.exchange;

		if (p->kind != MSC_RECORD_EXCHANGE || before->cbw.h.lun != x->cbw.h.lun)
			continue;
		if (msc_is_answer(p, opcode, &len, &asked) && same(x->cbw.cb, before->cbw.cb))
			return p;
		if (may_change_unit(p))
			return NULL;
	}
	return NULL;
}

/* ---- what came before --------------------------------------------------------------------- */

static void past_control(struct msc_past *past, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	bool in = c->setup.index == r->device->ep_in;

	if (c->outcome != MSC_OUT_DONE)
		return;
	if (msc_is_good_reset(r)) {
		past->request = true;
	} else if (msc_is_request(r, MSC_RECIPIENT_ENDPOINT, MSC_STD_CLEAR_FEATURE) &&
		   c->setup.value == MSC_FEATURE_ENDPOINT_HALT) {
		*(in ? &past->cleared_in : &past->cleared_out) |= !past->request;
	}
}

static void past_reset(struct msc_past *past, const struct msc_record *r)
{
	bool in = r->u.reset.ep == r->device->ep_in;

	if (r->u.reset.outcome != MSC_OUT_DONE)
		return;
	if (r->u.reset.kind != MSC_RESET_CLEAR_HALT)
		past->reset = true;
	else
		*(in ? &past->cleared_in : &past->cleared_out) |= !past->request;
}

struct msc_past msc_past(const struct msc_record *r)
{
	struct msc_past past = { 0 };

	for (const struct msc_record *p = r->prev; p && !past.exchange; p = p->prev) {
		switch (p->kind) {
		case MSC_RECORD_EXCHANGE: past.exchange = p; break;
		case MSC_RECORD_CONTROL: past_control(&past, p); break;
		case MSC_RECORD_RESET: past_reset(&past, p); break;
		case MSC_RECORD_POLL: break;
		}
	}
	if (past.request && past.cleared_in && past.cleared_out)
		past.reset = true;
	return past;
}

bool msc_was_invalid(const struct msc_past *past)
{
	const struct msc_exchange *x = past->exchange ? &past->exchange->u.exchange : NULL;

	return x && !past->reset && !msc_cbw_is_valid(x->wrapper, x->wrapper_len);
}

bool msc_awaits_recovery(const struct msc_past *past)
{
	const struct msc_exchange *x = past->exchange ? &past->exchange->u.exchange : NULL;

	if (!x || past->reset)
		return false;
	if (msc_was_invalid(past))
		return true;
	return !past->request && (x->needs_reset || !msc_csw_is_valid(x));
}

/* The endpoint's halt was cleared in the exchange, and nothing has passed on it since. */
static bool ends_cleared(const struct msc_exchange *x, uint8_t ep)
{
	for (size_t i = x->n_steps; i-- > 0;)
		if (x->steps[i].ep == ep && x->steps[i].outcome != MSC_OUT_CANCELLED)
			return x->steps[i].kind == MSC_STEP_CLEAR_HALT;
	return false;
}

static bool clears_before(const struct msc_exchange *x, const struct msc_step *step)
{
	for (const struct msc_step *s = x->steps; s < step; s++)
		if (s->kind == MSC_STEP_CLEAR_HALT && s->ep == step->ep)
			return true;
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
	case MSC_OP_WRITE_10: return !msc_case_of(x).phase_error_possible;
	default: return false;
	}
}

enum msc_after msc_after(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_step *stuck = msc_stuck(x);
	struct msc_past past = msc_past(r);
	bool out = past.cleared_out;

	if (stuck && clears_before(x, stuck))
		return MSC_AFTER_CLEAR;
	if (stuck && stuck->kind != MSC_STEP_CBW && !is_ordinary(x))
		return MSC_AFTER_NOTHING;
	if (past.reset || past.request)
		return MSC_AFTER_RESET;
	if (past.exchange && ends_cleared(&past.exchange->u.exchange, r->device->ep_out))
		out = true;
	if (stuck && stuck->outcome == MSC_OUT_STALL)
		return out ? MSC_AFTER_CLEAR : MSC_AFTER_NOTHING;
	return out || past.cleared_in ? MSC_AFTER_CLEAR : MSC_AFTER_NOTHING;
}

const struct msc_record *msc_undisturbed(const struct msc_record *r)
{
	struct msc_past past = msc_past(r);

	if (!past.exchange || past.reset || past.request ||
	    past.exchange->u.exchange.cbw.h.lun != r->u.exchange.cbw.h.lun)
		return NULL;
	return past.exchange;
}

/* ---- halts ------------------------------------------------------------------------------ */

/* In the exchange before: the endpoint was left halted. */
static bool left_halted(const struct msc_record *r, uint8_t ep)
{
	const struct msc_exchange *x = &r->u.exchange;

	for (size_t i = x->n_steps; i-- > 0;)
		if (x->steps[i].ep == ep && x->steps[i].outcome != MSC_OUT_CANCELLED)
			return x->steps[i].kind != MSC_STEP_CLEAR_HALT &&
			       x->steps[i].outcome == MSC_OUT_STALL;
	return false;
}

static enum msc_halt halt_of_control(const struct msc_record *r, uint8_t ep)
{
	const struct msc_setup *s = &r->u.control.setup;

	if (r->u.control.outcome != MSC_OUT_DONE || s->index != ep ||
	    s->request_type != MSC_RECIPIENT_ENDPOINT || s->value != MSC_FEATURE_ENDPOINT_HALT)
		return MSC_HALT_UNKNOWN;
	if (s->request == MSC_STD_SET_FEATURE)
		return MSC_HALT_SET;
	return s->request == MSC_STD_CLEAR_FEATURE ? MSC_HALT_CLEAR : MSC_HALT_UNKNOWN;
}

static enum msc_halt halt_of_poll(const struct msc_poll *p, uint8_t ep)
{
	if (p->ep != ep)
		return MSC_HALT_UNKNOWN;
	return p->outcome == MSC_OUT_STALL ? MSC_HALT_SET : MSC_HALT_CLEAR;
}

static enum msc_halt halt_of_reset(const struct msc_reset *reset, uint8_t ep)
{
	if (reset->outcome != MSC_OUT_DONE)
		return MSC_HALT_UNKNOWN;
	return reset->kind != MSC_RESET_CLEAR_HALT || reset->ep == ep ? MSC_HALT_CLEAR
								      : MSC_HALT_UNKNOWN;
}

enum msc_halt msc_known_halt(const struct msc_record *r, uint8_t ep, bool *request)
{
	*request = false;
	for (const struct msc_record *p = r->prev; p; p = p->prev) {
		enum msc_halt h = MSC_HALT_UNKNOWN;

		switch (p->kind) {
		case MSC_RECORD_CONTROL:
			*request |= msc_is_good_reset(p) && p->u.control.outcome == MSC_OUT_DONE;
			h = halt_of_control(p, ep);
			break;
		case MSC_RECORD_POLL: h = halt_of_poll(&p->u.poll, ep); break;
		case MSC_RECORD_RESET: h = halt_of_reset(&p->u.reset, ep); break;
		case MSC_RECORD_EXCHANGE:
			return left_halted(p, ep) ? MSC_HALT_SET : MSC_HALT_UNKNOWN;
		}
		if (h != MSC_HALT_UNKNOWN)
			return h;
	}
	return MSC_HALT_UNKNOWN;
}

/* ---- control requests --------------------------------------------------------------------- */

bool msc_is_request(const struct msc_record *r, uint8_t request_type, uint8_t request)
{
	return r->kind == MSC_RECORD_CONTROL && r->u.control.setup.request_type == request_type &&
	       r->u.control.setup.request == request;
}

bool msc_is_good_reset(const struct msc_record *r)
{
	const struct msc_setup *s = &r->u.control.setup;

	return msc_is_request(r, MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE,
			      MSC_REQ_BULK_ONLY_RESET) &&
	       !s->value && s->index == r->device->interface_number && !s->length;
}

bool msc_is_good_max_lun(const struct msc_record *r)
{
	const struct msc_setup *s = &r->u.control.setup;

	return msc_is_request(r, MSC_REQTYPE_IN | MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE,
			      MSC_REQ_GET_MAX_LUN) &&
	       !s->value && s->index == r->device->interface_number && s->length == 1;
}

bool msc_interface_exists(const struct msc_device *device, uint8_t number)
{
	size_t len = device->config_len < sizeof device->config ? device->config_len
								: sizeof device->config;
	const uint8_t *p = device->config, *end = p + len;

	if (number == device->interface_number)
		return true;
	for (; end - p >= 3 && p[0] >= 2 && p[0] <= end - p; p += p[0])
		if (p[1] == MSC_DESC_INTERFACE && p[0] >= 3 && p[2] == number)
			return true;
	return false;
}

bool msc_is_descriptor(const struct msc_record *r, uint8_t type, uint8_t *index)
{
	*index = (uint8_t)r->u.control.setup.value;
	return msc_is_request(r, MSC_REQTYPE_IN, MSC_STD_GET_DESCRIPTOR) &&
	       r->u.control.setup.value >> 8 == type;
}
