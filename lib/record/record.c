/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be told of a record by looking at it: BOT 1.0's "valid" and "meaningful", its steps and
 * its place in the chain. Nothing here touches a device. */
#include "record/record.h"

#include <stdlib.h>

void msc_record_free(struct msc_record *r)
{
	if (!r)
		return;
	switch (r->kind) {
	case MSC_RECORD_EXCHANGE:
		free(r->u.exchange.wrapper);
		free(r->u.exchange.data);
		free(r->u.exchange.status);
		break;
	case MSC_RECORD_CONTROL: free(r->u.control.data); break;
	case MSC_RECORD_POLL:	 free(r->u.poll.data); break;
	case MSC_RECORD_RESET:	 break;
	}
	free(r);
}

bool msc_cbw_is_valid(const uint8_t *wrapper, size_t len)
{
	return len == MSC_CBW_LEN && msc_get_le32(wrapper) == MSC_CBW_SIGNATURE;
}

bool msc_cbw_is_meaningful(const struct msc_exchange *x)
{
	const struct msc_cbw_header *h = &x->cbw.h;
	uint8_t needed = msc_cdb_group_length(x->cbw.cb[0]);

	if (!msc_cbw_is_valid(x->wrapper, x->wrapper_len))
		return false;
	if ((h->flags & MSC_CBW_FLAGS_ZERO) || (h->lun & MSC_CBW_LUN_ZERO) ||
	    (h->cb_length & MSC_CBW_CBLEN_ZERO))
		return false;
	if (x->max_lun != 0xff && h->lun > x->max_lun)
		return false;
	return h->cb_length >= 1 && h->cb_length <= MSC_CBW_CB_MAX && h->cb_length >= needed;
}

bool msc_csw_is_valid(const struct msc_exchange *x)
{
	return x->have_csw && x->csw.signature == MSC_CSW_SIGNATURE && x->csw.tag == x->cbw.h.tag;
}

bool msc_csw_is_meaningful(const struct msc_exchange *x)
{
	switch (x->have_csw ? x->csw.status : 0xff) {
	case MSC_CSW_PASSED:
	case MSC_CSW_FAILED:	  return x->csw.residue <= x->cbw.h.length;
	case MSC_CSW_PHASE_ERROR: return true;
	default:		  return false;
	}
}

const struct msc_step *msc_step_find(const struct msc_exchange *x, enum msc_step_kind kind)
{
	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].kind == kind)
			return &x->steps[i];
	return NULL;
}

const struct msc_step *msc_step_with(const struct msc_exchange *x, enum msc_step_kind kind,
				     enum msc_outcome outcome)
{
	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].kind == kind && x->steps[i].outcome == outcome)
			return &x->steps[i];
	return NULL;
}

const struct msc_record *msc_previous_exchange(const struct msc_record *r)
{
	bool any = r->kind != MSC_RECORD_EXCHANGE;
	uint8_t lun = any ? 0 : r->u.exchange.cbw.h.lun;

	for (const struct msc_record *p = r->prev; p; p = p->prev)
		if (p->kind == MSC_RECORD_EXCHANGE && (any || p->u.exchange.cbw.h.lun == lun))
			return p;
	return NULL;
}
