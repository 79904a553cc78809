/* SPDX-License-Identifier: BSD-2-Clause */
/* What rules ask of records: see facts.h. */
#include "judge/facts.h"

#include <string.h>

/* ---- one exchange ------------------------------------------------------------------------- */

bool msc_has_status(const struct msc_record *r, uint8_t status)
{
	return r->kind == MSC_RECORD_EXCHANGE && r->u.exchange.answered &&
	       r->u.exchange.csw.status == status;
}

bool msc_stalled(const struct msc_exchange *x, uint8_t ep)
{
	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].kind != MSC_STEP_CLEAR_HALT && x->steps[i].ep == ep &&
		    x->steps[i].outcome == MSC_OUT_STALL)
			return true;
	return false;
}

bool msc_has_loose_length(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	uint8_t needed = msc_cdb_group_length(x->cbw.cb[0]), given = x->cbw.h.cb_length;

	if (x->whole || !needed)
		return false;
	return given < msc_device_block(r->device) || (given > needed && given != 12);
}

/* ---- commands and their answers ----------------------------------------------------------- */

bool msc_is_answer(const struct msc_record *r, uint8_t opcode, size_t *len, size_t *asked)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (r->kind != MSC_RECORD_EXCHANGE || !x->view.answer || x->cbw.cb[0] != opcode ||
	    x->data_kept < x->data_len)
		return false;
	*asked = x->view.answer_asked;
	*len = x->view.answer_len;
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

/* ---- what came before --------------------------------------------------------------------- */

static const char *const resets[] = {
	[MSC_RESET_BY_KERNEL] = "a reset by the kernel",
	[MSC_RESET_BY_RECOVERY] = "reset recovery",
	[MSC_RESET_BY_PORT] = "a port reset",
	[MSC_RESET_BY_WAKING] = "a port reset that ended a suspend",
	[MSC_RESET_BY_CONFIGURATION] = "SET_CONFIGURATION",
	[MSC_RESET_BY_INTERFACE] = "SET_INTERFACE",
};

const char *msc_reset_text(const struct msc_past *past)
{
	return past->reset ? resets[past->reset_by] : "Bulk-Only Mass Storage Reset";
}

const char *msc_port_reset_text(const struct msc_past *past)
{
	return resets[past->asleep ? MSC_RESET_BY_WAKING : MSC_RESET_BY_PORT];
}

const struct msc_record *msc_undisturbed(const struct msc_record *r)
{
	const struct msc_past *past = &r->past;

	if (!past->exchange || past->reset || past->request ||
	    past->exchange->u.exchange.cbw.h.lun != r->u.exchange.cbw.h.lun)
		return NULL;
	return past->exchange;
}

bool msc_is_sense(const struct msc_record *r, struct msc_sense_data *sense)
{
	size_t len, asked;

	if (!msc_is_answer(r, MSC_OP_REQUEST_SENSE, &len, &asked))
		return false;
	*sense = msc_sense_decode(r->u.exchange.data, len);
	return sense->valid;
}

const struct msc_record *msc_explained(const struct msc_record *r, struct msc_sense_data *sense)
{
	const struct msc_record *before = msc_is_sense(r, sense) ? msc_undisturbed(r) : NULL;

	return before && msc_has_status(before, MSC_CSW_FAILED) ? before : NULL;
}

/* Nobody puts a medium back within that time of having it ejected, unless to see what happens. */
#define CAME_BACK_NS (12 * MSC_S)

bool msc_came_back(const struct msc_record *r)
{
	return r->past.gone && r->ended_ns - r->past.ejected_ns <= CAME_BACK_NS &&
	       r->u.exchange.cbw.cb[0] == MSC_OP_TEST_UNIT_READY &&
	       msc_has_status(r, MSC_CSW_PASSED);
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
	for (; end - p >= 2 && p[0] >= 2 && p[0] <= end - p; p += p[0])
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

/* Of the earlier one there may be no more than the beginning, and the hash. */
bool msc_is_same_data(const struct msc_exchange *before, const struct msc_exchange *x)
{
	if (before->data_len != x->data_len)
		return false;
	if (before->data_kept < before->data_len &&
	    before->data_hash != msc_log_hash(x->data, x->data_len))
		return false;
	return !memcmp(before->data, x->data, before->data_kept);
}
