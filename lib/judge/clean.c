/* SPDX-License-Identifier: BSD-2-Clause */
/* The exchange of which there is nothing to say. */
#include "judge/facts.h"

/* Every transfer ended well, and there was none but those that the command needs; of a whole command
 * none is to be seen. */
static bool went_straight(const struct msc_exchange *x)
{
	size_t data = x->cbw.h.length ? 1 : 0;

	if (x->whole)
		return true;
	if (x->n_steps != 2 + data || x->steps[0].kind != MSC_STEP_CBW ||
	    x->steps[1 + data].kind != MSC_STEP_CSW || (data && x->steps[1].kind != MSC_STEP_DATA))
		return false;
	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].outcome != MSC_OUT_DONE)
			return false;
	return true;
}

/* The blocks are there, their bytes are what moved, and it is no address at which a wrap would show
 * (scsi.medium.repeats), nor the first or that of a partition, which tell of the capacity (scsi.volume.fits).
 * Whoever wrote lately is asked what it was (scsi.write.readback). */
static bool moved_blocks(const struct msc_exchange *x, enum msc_dir dir)
{
	uint32_t lba = msc_get_be32(x->cbw.cb + 2);
	uint16_t blocks = msc_get_be16(x->cbw.cb + 7);
	const struct msc_unit *u = &x->unit;

	return x->dir == dir && blocks && u->have_capacity && msc_unit_holds(u, lba, blocks) &&
	       (uint64_t)blocks * u->block_size == x->cbw.h.length &&
	       x->data_len == x->cbw.h.length &&
	       (dir == MSC_DIR_OUT ? u->have_mode && !u->write_protected
				   : lba && (blocks > 1 || lba & (lba - 1)));
}

bool msc_is_clean(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange, *before;

	if (r->kind != MSC_RECORD_EXCHANGE || !x->answered || x->csw.status != MSC_CSW_PASSED ||
	    x->csw.residue || x->stated.known || x->csw_in_data || !went_straight(x) ||
	    !r->past.exchange)
		return false;
	if (r->past.gone) /* scsi.eject.returns */
		return false;
	before = &r->past.exchange->u.exchange;
	if (before->cbw.cb[0] == MSC_OP_START_STOP_UNIT ||
	    (before->cbw.cb[0] == MSC_OP_REQUEST_SENSE && x->cbw.cb[0] == MSC_OP_TEST_UNIT_READY))
		return false;
	switch (x->cbw.cb[0]) {
	case MSC_OP_TEST_UNIT_READY: return x->dir == MSC_DIR_NONE;
	case MSC_OP_READ_10:
		return moved_blocks(x, MSC_DIR_IN) && x->view.brought == MSC_BROUGHT_DATA &&
		       !msc_history_written(r, NULL) && !msc_history_part(r) &&
		       before->cbw.h.lun == x->cbw.h.lun; /* scsi.unit.alias */
	case MSC_OP_WRITE_10: return moved_blocks(x, MSC_DIR_OUT);
	default: return false;
	}
}
