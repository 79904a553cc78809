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
	.spec = "SBC-3, 5.33 WRITE (10)",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "what the host reads is not what lies on the medium",
	.mistake = "the copy loop moves 512 bytes, or the buffer has no room for a whole block",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	MSC_ON_COMMANDS(MSC_OP_READ_10, MSC_OP_READ_12, MSC_OP_READ_16),
	.judge = write_readback,
};

/* VERIFY of blocks that are all on the medium, which is known. */
static bool verifies_within(const struct msc_exchange *x)
{
	const uint8_t *cb = x->cbw.cb;

	return msc_cdb_verifies(cb) &&
	       msc_unit_holds(&x->unit, msc_cdb_value(cb, "lba"), msc_cdb_value(cb, "blocks"));
}

static void lba_refused(struct msc_judging *j, const struct msc_record *r)
{
	struct msc_sense_data sense;
	const struct msc_record *failed = msc_explained(r, &sense);
	const struct msc_exchange *x = failed ? &failed->u.exchange : NULL;
	bool moves = x && x->view.moves_blocks && !x->view.past_end;
	uint64_t blocks, lba;

	if (!x || sense.key != MSC_SENSE_ILLEGAL_REQUEST || sense.asc != MSC_ASC_LBA_OUT_OF_RANGE ||
	    !x->unit.have_capacity || x->unit.last_lba >= UINT32_MAX ||
	    (!moves && !verifies_within(x)))
		return;
	blocks = moves ? x->view.blocks : msc_cdb_value(x->cbw.cb, "blocks");
	lba = moves ? x->view.lba : msc_cdb_value(x->cbw.cb, "lba");
	msc_about(j, failed);
	msc_found(j, "%s%llu block%s at %llu %s out of range, and the last block is %llu",
		  moves ? "" : "VERIFY of ", (unsigned long long)blocks, MSC_PLURAL(blocks),
		  (unsigned long long)lba, moves ? "are" : "is called",
		  (unsigned long long)x->unit.last_lba);
	msc_expected(j, "00h");
	msc_actual(j, "01h, then sense 5/21/%02X", sense.ascq);
}

const struct msc_rule msc_rule_scsi_lba_refused = {
	.id = "scsi.lba.refused",
	.title = "no block that READ CAPACITY tells of is out of range",
	.spec = "SBC-3, 5.15 READ CAPACITY (10)",
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
	.spec = "SPC-4, 6.47",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a host asks for it every second, and mounts what is not there",
	.mistake = "TEST UNIT READY passes always",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	MSC_ON_COMMANDS(MSC_OP_TEST_UNIT_READY),
	.judge = ready_medium,
};

/* What a medium is read, written or asked for its size by. */
static bool is_access(const struct msc_exchange *x)
{
	return x->view.moves_blocks || x->cbw.cb[0] == MSC_OP_READ_CAPACITY_10;
}

/* Twice in a row, because a unit may become ready in between; no medium is scsi.ready.medium. */
static void ready_agree(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *ready, *told, *failed, *first;
	struct msc_sense_data now, before;
	char name[48];

	failed = msc_explained(r, &now);
	ready = failed && is_access(&failed->u.exchange) ? msc_undisturbed(failed) : NULL;
	if (!ready || now.key != MSC_SENSE_NOT_READY || now.asc == MSC_ASC_NO_MEDIUM ||
	    ready->u.exchange.cbw.cb[0] != MSC_OP_TEST_UNIT_READY ||
	    !msc_has_status(ready, MSC_CSW_PASSED))
		return;
	told = msc_undisturbed(ready);
	first = told ? msc_explained(told, &before) : NULL;
	if (!first || first->u.exchange.cbw.cb[0] != failed->u.exchange.cbw.cb[0] ||
	    before.key != now.key || before.asc != now.asc || before.ascq != now.ascq)
		return;
	msc_about(j, failed);
	msc_found(
		j,
		"TEST UNIT READY passes, and %s fails because the unit is not ready, right before it "
		"and right behind it",
		msc_cdb_name(name, sizeof name, failed->u.exchange.cbw.cb));
	msc_expected(j, "TEST UNIT READY that fails as well, or neither");
	msc_actual(j, "2/%02X/%02X", now.asc, now.ascq);
}

const struct msc_rule msc_rule_scsi_ready_agree = {
	.id = "scsi.ready.agree",
	.title = "a unit that TEST UNIT READY calls ready can be read and written",
	.spec = "SPC-4, 6.47",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts wait for TEST UNIT READY and try what fails behind it a few times; then the disk "
	       "has no size, or its reads are errors",
	.mistake = "TEST UNIT READY looks at another flag than READ does, or passes always",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = ready_agree,
};
