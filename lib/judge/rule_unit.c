/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of logical units side by side, of addresses that move nothing, and of the time that a host
 * needs until the volume is there. */
#include <string.h>

#include "judge/facts.h"

#define ENTRY 8 /* bytes of a LUN, and of the header before the list */

/* An entry of the list that is there twice, or 0 missing; NULL: neither. */
static const char *wrong_entries(const uint8_t *list, size_t count)
{
	static const uint8_t zero[ENTRY];
	bool has_zero = false;

	for (size_t i = 0; i < count; i++) {
		has_zero |= !memcmp(list + i * ENTRY, zero, ENTRY);
		for (size_t k = 0; k < i; k++)
			if (!memcmp(list + i * ENTRY, list + k * ENTRY, ENTRY))
				return "a logical unit is in the list twice";
	}
	return has_zero ? NULL : "logical unit 0 is not in the list";
}

static void luns_list(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const char *wrong = NULL;
	size_t len, asked;
	uint32_t size;

	if (!msc_is_answer(r, MSC_OP_REPORT_LUNS, &len, &asked) || len < ENTRY || x->cbw.cb[2])
		return;
	size = msc_get_be32(x->data);
	if (size % ENTRY || (x->max_lun <= MSC_LUN_MAX && size != ENTRY * (x->max_lun + 1u))) {
		if (x->max_lun_refused)
			msc_found(j,
				  "LUN LIST LENGTH is %u, and Get Max LUN is refused, by which "
				  "hosts take it for one unit",
				  size);
		else
			msc_found(j,
				  "LUN LIST LENGTH is %u, and Get Max LUN says that there are %u",
				  size, x->max_lun + 1u);
		msc_expected(j, "%u", ENTRY * (x->max_lun + 1u));
		msc_actual(j, "%u", size);
		return;
	}
	if (len >= ENTRY + (size_t)size)
		wrong = wrong_entries(x->data + ENTRY, size / ENTRY);
	if (wrong)
		msc_found(j, "%s", wrong);
}

const struct msc_rule msc_rule_scsi_luns_list = {
	.id = "scsi.luns.list",
	.title = "REPORT LUNS lists each logical unit once",
	.spec = "SPC-4, 6.33; BOT 1.0, 3.2",
	.severity = {MSC_FAIL, MSC_WARN, MSC_WARN},
	.why = "a host attaches the same disk twice, or not at all",
	.mistake = "the answer is a constant with room for two",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REPORT_LUNS),
	.judge = luns_list,
};

/* Sense data that is about something that a command has done, not about the state of the unit. */
static bool is_about_command(const struct msc_sense_data *s)
{
	return s->key == MSC_SENSE_ILLEGAL_REQUEST || s->key == MSC_SENSE_DATA_PROTECT ||
	       s->key == MSC_SENSE_MEDIUM_ERROR;
}

static void sense_unit(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_record *other, *own;
	struct msc_sense_data sense;

	if (!msc_is_sense(r, &sense))
		return;
	other = r->past.exchange;
	own = r->past.own;
	if (!is_about_command(&sense) || !other || other->u.exchange.cbw.h.lun == x->cbw.h.lun ||
	    x->cbw.h.lun > x->max_lun || !msc_has_status(other, MSC_CSW_FAILED) || !own ||
	    !msc_has_status(own, MSC_CSW_PASSED))
		return;
	msc_found(j, "logical unit %u gives the reason why a command on unit %u failed",
		  x->cbw.h.lun, other->u.exchange.cbw.h.lun);
	msc_expected(j, "0/00/00");
	msc_actual(j, "%x/%02X/%02X", sense.key, sense.asc, sense.ascq);
}

const struct msc_rule msc_rule_scsi_sense_unit = {
	.id = "scsi.sense.unit",
	.title = "each logical unit has sense data of its own",
	.spec = "SPC-4, 4.5; SAM-5, 5.13",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "a host that works on two units blames one for the failure of the other",
	.mistake = "there is one variable for the whole device",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = sense_unit,
};

/* This unit read the block, another unit wrote it, and now it reads what was written there: without the first
 * of the three, media with the same contents would do. */
static void unit_alias(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange, *w, *was;
	size_t len, asked;

	if (!msc_is_answer(r, MSC_OP_READ_10, &len, &asked) || !r->past.exchange || !r->past.own ||
	    r->past.reset)
		return;
	w = &r->past.exchange->u.exchange;
	was = &r->past.own->u.exchange;
	if (w->cbw.cb[0] != MSC_OP_WRITE_10 || !msc_has_status(r->past.exchange, MSC_CSW_PASSED) ||
	    w->cbw.h.lun == x->cbw.h.lun || w->view.lba != x->view.lba || !msc_is_same_data(w, x) ||
	    was->cbw.cb[0] != MSC_OP_READ_10 || !msc_has_status(r->past.own, MSC_CSW_PASSED) ||
	    was->view.lba != x->view.lba || was->data_len != len || msc_is_same_data(was, x))
		return;
	msc_found(j, "block %llu of logical unit %u has changed to what was written to unit %u",
		  (unsigned long long)x->view.lba, x->cbw.h.lun, w->cbw.h.lun);
	msc_expected(j, "what it held before");
}

const struct msc_rule msc_rule_scsi_unit_alias = {
	.id = "scsi.unit.alias",
	.title = "each logical unit has a medium of its own",
	.spec = "SAM-5, 4.7; BOT 1.0, 3.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a host shows one medium as two disks, and what it writes to one destroys the other",
	.mistake =
		"Get Max LUN is the number of units, not the last one; or bCBWLUN is not looked at",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_READ_10),
	.judge = unit_alias,
};

static void lba_empty(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_cdb_def *def = x->view.def;

	if (!msc_has_status(r, MSC_CSW_PASSED) || !def || def->amount != MSC_AMOUNT_BLOCKS ||
	    x->view.blocks || !x->unit.have_capacity || x->unit.last_lba >= UINT32_MAX ||
	    x->view.lba <= x->unit.last_lba)
		return;
	msc_found(j, "0 blocks at %llu passed, and the last block is %llu",
		  (unsigned long long)x->view.lba, (unsigned long long)x->unit.last_lba);
	msc_expected(j, "01h, then sense 5/21/00");
	msc_actual(j, "00h");
}

const struct msc_rule msc_rule_scsi_lba_empty = {
	.id = "scsi.lba.empty",
	.title = "no blocks at an address past the end are out of range as well",
	.spec = "SBC-3, 5.11 READ (10) and 5.33 WRITE (10)",
	.severity = {MSC_WARN, MSC_NOTE, MSC_NOTE},
	.why = "a test of a host's, to find the end of the medium without moving data",
	.mistake = "the check is done for each block, and there is none",
	.on = MSC_RECORD_EXCHANGE,
	.judge = lba_empty,
};

static void verify_range(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const uint8_t *cb = x->cbw.cb;
	uint64_t lba = msc_cdb_value(cb, "lba"), blocks = msc_cdb_value(cb, "blocks");

	if (!msc_has_status(r, MSC_CSW_PASSED) || !x->unit.have_capacity ||
	    x->unit.last_lba >= UINT32_MAX || msc_cdb_value(cb, "bytchk") || !blocks ||
	    !msc_cdb_verifies(cb) || msc_unit_holds(&x->unit, lba, blocks))
		return;
	msc_found(j, "VERIFY of %llu block%s at %llu passed, and the last block is %llu",
		  (unsigned long long)blocks, MSC_PLURAL(blocks), (unsigned long long)lba,
		  (unsigned long long)x->unit.last_lba);
	msc_expected(j, "01h, then sense 5/21/00");
	msc_actual(j, "00h");
}

const struct msc_rule msc_rule_scsi_verify_range = {
	.id = "scsi.verify.range",
	.title = "blocks past the end cannot be verified",
	.spec = "SBC-3, 5.29 VERIFY (10)",
	.severity = {MSC_FAIL, MSC_WARN, MSC_WARN},
	.why = "Windows verifies what it has formatted, and believes it",
	.mistake = "the address of the last READ is checked instead of this command's",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_VERIFY_10, MSC_OP_VERIFY_12, MSC_OP_VERIFY_16),
	.judge = verify_range,
};

const struct msc_rule msc_rule_attach_time = {
	.id = "attach.time",
	.title = "the volume is there soon after the device was plugged in",
	.spec = "the scenario",
	.severity = {MSC_NOTE, MSC_NOTE, MSC_NOTE},
	.why = "people take the device for broken, and pull it out",
	.mistake =
		"a host's question is answered after a time-out, or the file allocation table is "
		"large and the medium slow: larger clusters make it smaller",
	.by_command = true,
};
