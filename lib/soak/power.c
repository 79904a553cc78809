/* SPDX-License-Identifier: BSD-2-Clause */
/* The power goes as a host has it that shuts down: where the device reports a write cache, SYNCHRONIZE
 * CACHE is sent first (Linux, sd_sync_cache), and where it does not, nothing is. */
#include "soak/soak.h"

#define MODE_LEN 192

/* Not judged; a device that fails it is brought back. */
static int send(struct msc_session *s, struct msc_request *rq, const struct msc_exchange **x,
		struct msc_err *err)
{
	const struct msc_record *r;
	struct msc_sense_data ignored;
	int rung, rc;

	msc_session_mute(s, true);
	rc = msc_session_exchange(s, rq, &r, err);
	*x = rc == 0 && msc_exchange_passed(&r->u.exchange) ? &r->u.exchange : NULL;
	if (rc == 0 && !*x)
		rc = msc_session_sense(s, rq->cbw.h.lun, &ignored, err);
	if (rc == 0 && !*x)
		rc = msc_session_settle(s, &rung, err);
	msc_session_mute(s, false);
	return rc;
}

/* SBC-3, 6.5.6: WCE in the caching mode page. */
static int ask_cache(struct msc_session *s, uint8_t lun, bool *cached, struct msc_err *err)
{
	static const uint8_t cdb[MSC_CBW_CB_MAX] = { MSC_OP_MODE_SENSE_6, 0, 0x08, 0, MODE_LEN };
	const struct msc_exchange *x;
	struct msc_request rq;
	size_t at;

	msc_request_init(&rq, cdb, 6, MSC_DIR_IN, MODE_LEN);
	rq.cbw.h.lun = lun;
	*cached = false;
	if (send(s, &rq, &x, err) < 0)
		return -1;
	if (!x || x->data_len < 4)
		return 0;
	at = (size_t)4 + x->data[3];
	*cached = at + 3 <= x->data_len && (x->data[at] & 0x3f) == 0x08 && x->data[at + 2] & 0x04;
	return 0;
}

int msc_soak_flush(struct msc_session *s, uint8_t lun, bool *flushed, struct msc_err *err)
{
	static const uint8_t cdb[MSC_CBW_CB_MAX] = { MSC_OP_SYNCHRONIZE_CACHE_10 };
	const struct msc_exchange *x;
	struct msc_request rq;

	if (ask_cache(s, lun, flushed, err) < 0)
		return -1;
	msc_request_init(&rq, cdb, 10, MSC_DIR_NONE, 0);
	rq.cbw.h.lun = lun;
	return *flushed ? send(s, &rq, &x, err) : 0;
}

int msc_soak_power_cycle(struct msc_session *s, uint8_t lun, int64_t off_ns, bool *flushed,
			 struct msc_err *err)
{
	if (msc_soak_flush(s, lun, flushed, err) < 0)
		return -1;
	return msc_session_power_cycle(s, off_ns, err);
}
