/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of single blocks: what is read was written, what is on the medium can be had. */
#include <string.h>

#include "judge/facts.h"

/* What is read of a write that stands: the first block that differs, and in *at the first byte of it;
 * UINT64_MAX: none. Of the write there may be no more than the beginning. */
static uint64_t differs(const struct msc_written *w, const struct msc_exchange *read, size_t *at)
{
	const struct msc_exchange *write = &w->record->u.exchange;
	uint64_t from = read->view.lba, kept, last;
	uint32_t size = read->unit.block_size;

	if (write->unit.block_size != size)
		return UINT64_MAX;
	kept = w->lba + write->data_kept / size;
	last = from + read->data_len / size;
	if (last > kept)
		last = kept;
	for (uint64_t lba = from > w->lba ? from : w->lba; lba < last; lba++) {
		const uint8_t *was = write->data + (lba - w->lba) * size;
		const uint8_t *is = read->data + (lba - from) * size;

		if (!memcmp(was, is, size))
			continue;
		for (*at = 0; was[*at] == is[*at];)
			++*at;
		return lba;
	}
	return UINT64_MAX;
}

static void write_readback(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_written *w = NULL;
	uint64_t lba = UINT64_MAX;
	size_t at;

	/* A scenario states what a block holds, and some are alive: this is for whoever has nothing but the
	 * wire. */
	if (x->noted || x->data_kept < x->data_len)
		return;
	while (lba == UINT64_MAX && (w = msc_history_written(r, w)))
		lba = differs(w, x, &at);
	if (!w)
		return;
	msc_at_most(j, MSC_WARN);
	msc_found(
		j,
		"block %llu reads otherwise than it was written, from byte %zu on; no command in "
		"between wrote there or failed, unless one is missing here, or the device changes "
		"this block itself",
		(unsigned long long)lba, at);
	msc_expected(j, "what was written");
}

const struct msc_rule msc_rule_scsi_write_readback = {
	.id = "scsi.write.readback",
	.title = "a block reads as it was written, from its first byte to its last",
	.spec = "SBC-3, WRITE (10)",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "what the host reads is not what lies on the medium",
	.mistake = "the copy loop moves 512 bytes, or the buffer has no room for a whole block",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	MSC_ON_COMMANDS(MSC_OP_READ_10, MSC_OP_READ_12, MSC_OP_READ_16),
	.judge = write_readback,
};

static void lba_refused(struct msc_judging *j, const struct msc_record *r)
{
	struct msc_sense_data sense;
	const struct msc_record *failed = msc_explained(r, &sense);
	const struct msc_exchange *x = failed ? &failed->u.exchange : NULL;
	uint64_t blocks;

	if (!x || sense.key != MSC_SENSE_ILLEGAL_REQUEST || sense.asc != MSC_ASC_LBA_OUT_OF_RANGE ||
	    !x->view.moves_blocks || x->view.past_end || !x->unit.have_capacity ||
	    x->unit.last_lba >= UINT32_MAX)
		return;
	blocks = x->view.blocks;
	msc_found(j, "%llu block%s at %llu are out of range, and the last block is %llu",
		  (unsigned long long)blocks, MSC_PLURAL(blocks), (unsigned long long)x->view.lba,
		  (unsigned long long)x->unit.last_lba);
	msc_expected(j, "00h");
	msc_actual(j, "01h, then sense 5/21/%02X", sense.ascq);
}

const struct msc_rule msc_rule_scsi_lba_refused = {
	.id = "scsi.lba.refused",
	.title = "no block that READ CAPACITY tells of is out of range",
	.spec = "SBC-3, READ CAPACITY (10)",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts look for partition tables in the last blocks, and put files there",
	.mistake = "the number of blocks is reported as the last one, or compared one too early",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = lba_refused,
};

static void ready_medium(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *told = msc_undisturbed(r), *failed;
	const struct msc_exchange *x = &r->u.exchange;
	struct msc_sense_data sense;
	char name[48];

	if (x->cbw.cb[0] != MSC_OP_TEST_UNIT_READY || !msc_has_status(r, MSC_CSW_PASSED) || !told ||
	    msc_came_back(r)) /* scsi.eject.returns */
		return;
	failed = msc_explained(told, &sense);
	if (!failed || sense.asc != MSC_ASC_NO_MEDIUM)
		return;
	msc_found(j,
		  "TEST UNIT READY passes right after %s has failed because there is no medium, "
		  "and no unit attention says that one has come",
		  msc_cdb_name(name, sizeof name, failed->u.exchange.cbw.cb));
	msc_expected(j, "01h, then sense 2/3A");
	msc_actual(j, "00h");
}

const struct msc_rule msc_rule_scsi_ready_medium = {
	.id = "scsi.ready.medium",
	.title = "TEST UNIT READY fails while there is no medium",
	.spec = "SPC-4, TEST UNIT READY",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a host asks for it every second, and mounts what is not there",
	.mistake = "TEST UNIT READY passes always",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	MSC_ON_COMMANDS(MSC_OP_TEST_UNIT_READY),
	.judge = ready_medium,
};
