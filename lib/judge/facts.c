/* SPDX-License-Identifier: BSD-2-Clause */
/* What a record proves: see facts.h. */
#include "judge/facts.h"

#include <string.h>

/* ---- one exchange ------------------------------------------------------------------------- */

bool msc_has_status(const struct msc_record *r, uint8_t status)
{
	return r->kind == MSC_RECORD_EXCHANGE && r->u.exchange.answered &&
	       r->u.exchange.csw.status == status;
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

	if (x->whole || x->dir != MSC_DIR_IN || x->csw_in_data || x->data_len < MSC_CSW_LEN ||
	    x->data_kept < x->data_len || (begin && (!packet || begin % packet)) ||
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

/* ---- what came before --------------------------------------------------------------------- */

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
	const struct msc_past *past = &r->past;
	bool out = past->cleared_out;

	if (stuck && clears_before(x, stuck))
		return MSC_AFTER_CLEAR;
	if (stuck && stuck->kind != MSC_STEP_CBW && !is_ordinary(x))
		return MSC_AFTER_NOTHING;
	if (past->reset || past->request)
		return MSC_AFTER_RESET;
	if (past->exchange && ends_cleared(&past->exchange->u.exchange, r->device->ep_out))
		out = true;
	if (stuck && stuck->outcome == MSC_OUT_STALL)
		return out ? MSC_AFTER_CLEAR : MSC_AFTER_NOTHING;
	return out || past->cleared_in ? MSC_AFTER_CLEAR : MSC_AFTER_NOTHING;
}

const struct msc_record *msc_undisturbed(const struct msc_record *r)
{
	const struct msc_past *past = &r->past;

	if (!past->exchange || past->reset || past->request ||
	    past->exchange->u.exchange.cbw.h.lun != r->u.exchange.cbw.h.lun)
		return NULL;
	return past->exchange;
}

enum msc_halt msc_known_halt(const struct msc_record *r, uint8_t ep, bool *request)
{
	*request = false;
	if (ep == r->device->ep_in) {
		*request = r->past.in.request;
		return r->past.in.halt;
	}
	if (ep == r->device->ep_out) {
		*request = r->past.out.request;
		return r->past.out.halt;
	}
	return MSC_HALT_UNKNOWN;
}

/* ---- control requests --------------------------------------------------------------------- */

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
