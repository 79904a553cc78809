/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a soak: reads that reach past the last block, as hosts send them to find out where that is; then a
 * port reset, and the power goes and comes back where it can, and all is read again after each. */
#include <stdio.h>

#include "soak/talk.h"

#define OFF_NS	    (2 * MSC_S)
#define LAST_WRITES 24 /* right before a reset, and before the power goes */

/* ---- the end of the medium ------------------------------------------------------------------------ */

/* Its blocks are not the run's to compare: whether it passes is all that is looked at. */
static int read_end(struct msc_soak_talk *k, uint64_t lba, uint32_t n, bool past,
		    struct msc_err *err)
{
	struct msc_soak_command c = { .lba = lba, .blocks = n, .past = past };

	if (msc_soak_ends_early(k))
		return 0;
	if (msc_soak_send(k->s, k->r, k->o->lun, k->began_ns, &c, k->data, err) < 0)
		return -1;
	if (!msc_soak_is_whole(c.end))
		msc_soak_weigh(k, &c);
	return 0;
}

/* What is refused must not cost the command behind it. */
static int look_past_end(struct msc_soak_talk *k, struct msc_err *err)
{
	const struct msc_unit u = *msc_session_unit(k->s, k->o->lun);
	uint32_t n = u.last_lba < MSC_SOAK_LAST - 1 ? (uint32_t)u.last_lba + 1 : MSC_SOAK_LAST;

	if (!u.have_capacity)
		return 0;
	if (read_end(k, u.last_lba + 1 - n, n, false, err) < 0 ||
	    read_end(k, u.last_lba, 2, true, err) < 0 ||
	    read_end(k, u.last_lba, 1, false, err) < 0 ||
	    read_end(k, u.last_lba + 1, 1, true, err) < 0)
		return -1;
	return read_end(k, u.last_lba, 1, false, err);
}

/* ---- what a reset and a loss of power leave --------------------------------------------------------- */

/* A few small writes; they and all beside them are known to be right, or wrong, before what comes next. */
static int write_last(struct msc_soak_talk *k, struct msc_err *err)
{
	uint64_t lba;
	uint32_t n;

	for (int i = 0; i < LAST_WRITES && !msc_soak_ends_early(k); i++) {
		if (!msc_soak_choose(k, &lba, &n))
			break;
		n = n < MSC_SOAK_LAST ? n : MSC_SOAK_LAST;
		if (msc_soak_write(k, lba, n, err) < 0 || msc_soak_read(k, lba, n, err) < 0)
			return -1;
	}
	return msc_soak_ends_early(k) ? 0 : msc_soak_sweep(k, err);
}

static int reset(struct msc_soak_talk *k, struct msc_err *err)
{
	const struct msc_record *record;
	bool ignored;

	if (write_last(k, err) < 0)
		return -1;
	if (msc_soak_ends_early(k))
		return 0;
	if (msc_soak_flush(k->s, k->o->lun, &ignored, err) < 0 ||
	    msc_session_port_reset(k->s, &record, err) < 0)
		return -1;
	if (record->u.port.outcome != MSC_OUT_DONE) {
		snprintf(k->r->failure, sizeof k->r->failure,
			 "the device could not be set up again after a port reset");
		return 0;
	}
	k->was_reset = true;
	if (msc_session_learn(k->s, k->o->lun, err) < 0 || msc_soak_sweep(k, err) < 0)
		return -1;
	k->was_reset = false;
	return 0;
}

/* That nobody takes the power is no error. */
static int skip_power(struct msc_soak_talk *k, struct msc_err *err)
{
	if (err->code != MSC_E_UNSUPPORTED)
		return -1;
	k->r->power = MSC_SOAK_POWER_SKIPPED;
	snprintf(k->r->power_why, sizeof k->r->power_why, "%.255s", err->msg);
	*err = (struct msc_err)MSC_ERR_INIT;
	return 0;
}

static int lose_power(struct msc_soak_talk *k, struct msc_err *err)
{
	if (msc_soak_ends_early(k))
		return 0;
	if (msc_power_may(msc_session_target(k->s), err) < 0)
		return skip_power(k, err);
	if (write_last(k, err) < 0)
		return -1;
	if (msc_soak_ends_early(k))
		return 0;
	if (msc_soak_power_cycle(k->s, k->o->lun, OFF_NS, &k->r->flushed, err) < 0)
		return skip_power(k, err);
	k->cycled = true;
	k->r->power = MSC_SOAK_POWER_CYCLED;
	return msc_session_learn(k->s, k->o->lun, err) < 0 ? -1 : msc_soak_sweep(k, err);
}

int msc_soak_end(struct msc_soak_talk *k, struct msc_err *err)
{
	return look_past_end(k, err) < 0 || reset(k, err) < 0 ? -1 : lose_power(k, err);
}
