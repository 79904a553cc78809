/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of REQUEST SENSE, and of what it says about the command before it (SPC-4, 4.5 and 6.39).
 * The command before it is looked at only when it came directly before, on the same logical unit
 * and with no reset in between: BOT 1.0 has no other way to keep them together. */
#include <string.h>

#include "judge/facts.h"

#define ASC_NO_SUCH_UNIT      0x25
#define ASC_WRITE_PROTECTED   0x27

/* Sense data about a command that failed; *failed is that command, and what is found is found on it. */
static bool explains(struct msc_judging *j, const struct msc_record *r,
		     struct msc_sense_data *sense, const struct msc_exchange **failed)
{
	const struct msc_record *command = msc_explained(r, sense);

	*failed = command ? &command->u.exchange : NULL;
	msc_about(j, command);
	return command;
}

/* Conditions of the unit that come before anything about the command itself. */
static bool is_unit_condition(const struct msc_sense_data *s)
{
	return s->key == MSC_SENSE_UNIT_ATTENTION || s->key == MSC_SENSE_NOT_READY;
}

/* First block and length are of 32 bits, and their sum is not. */
static bool sum_wraps(const struct msc_view *v)
{
	return v->moves_blocks && v->lba <= UINT32_MAX && v->blocks > UINT32_MAX - v->lba;
}

static void tell(struct msc_judging *j, const struct msc_exchange *failed,
		 const struct msc_sense_data *sense, const char *expected)
{
	char name[48], text[128];

	msc_found(j, "%s%s failed, and the sense data says: %s",
		  msc_cdb_name(name, sizeof name, failed->cbw.cb),
		  sum_wraps(&failed->view) ? " to where 32 bits wrap around" : "",
		  msc_sense_text(text, sizeof text, sense));
	msc_expected(j, "%s", expected);
	msc_actual(j, "%x/%02X/%02X", sense->key, sense->asc, sense->ascq);
}

static void status(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (!msc_has_status(r, MSC_CSW_FAILED) || x->cbw.cb[0] != MSC_OP_REQUEST_SENSE ||
	    (x->cbw.cb[1] & 1) || r->u.exchange.view.says.c.phase_error_possible)
		return;
	msc_found(j, "REQUEST SENSE failed");
	msc_expected(j, "00h");
	msc_actual(j, "01h");
}

const struct msc_rule msc_rule_scsi_sense_status = {
	.id = "scsi.sense.status",
	.title = "REQUEST SENSE succeeds",
	.spec = "SPC-4, 6.39",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the host cannot learn why the command before it failed, and resets the device",
	.mistake =
		"the status of the failed command is still there, or a unit attention fails every "
		"command alike",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = status,
};

/* A host takes what it is not given for zero (SPC-2, 7.20.2); without these it learns no reason. */
enum { SENSE_LEAST = 14 };

static void form(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	struct msc_sense_data sense;
	size_t len, asked;
	uint8_t code;

	if (!msc_is_answer(r, MSC_OP_REQUEST_SENSE, &len, &asked) || !len)
		return;
	code = x->data[0] & 0x7f;
	if ((x->cbw.cb[1] & 1) && (code == 0x72 || code == 0x73))
		return;
	if (code == 0x71 && msc_explained(r, &sense) && sense.key == MSC_SENSE_ILLEGAL_REQUEST) {
		/* deferred is an error of a command that had passed, and what is refused has not */
		msc_found(j,
			  "the command that failed is refused, in sense data of a deferred error");
		msc_expected(j, "70h");
		msc_actual(j, "%02Xh", code);
	} else if (code != 0x70 && code != 0x71) {
		msc_found(j, "the RESPONSE CODE of the sense data is %02Xh", code);
		msc_expected(j, "70h or 71h");
		msc_actual(j, "%02Xh", code);
	} else if (asked >= MSC_SENSE_LEN && len < SENSE_LEAST) {
		msc_found(j, "%zu byte%s of sense data came of the %zu asked for", len,
			  MSC_PLURAL(len), asked);
		msc_expected(j, "at least %d", SENSE_LEAST);
		msc_actual(j, "%zu", len);
	} else if (len >= 8 && (x->data[7] + 8u < len || (len < asked && x->data[7] + 8u != len))) {
		msc_found(j, "%zu byte%s of sense data came, and ADDITIONAL SENSE LENGTH is %u",
			  len, MSC_PLURAL(len), x->data[7]);
		msc_expected(j, "%zu", len - 8);
		msc_actual(j, "%u", x->data[7]);
	}
}

const struct msc_rule msc_rule_scsi_sense_form = {
	.id = "scsi.sense.form",
	.title = "sense data has fixed format, its codes, and ADDITIONAL SENSE LENGTH to match",
	.spec = "SPC-4, 4.5.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "hosts believe nothing in sense data of another form, and cannot handle the failure",
	.mistake = "ADDITIONAL SENSE LENGTH is the whole length, or the first byte stays 0",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = form,
};

static void missing(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *failed;
	struct msc_sense_data sense;

	if (explains(j, r, &sense, &failed) && msc_sense_is_idle(&sense))
		tell(j, failed, &sense, "a sense key");
}

const struct msc_rule msc_rule_scsi_sense_missing = {
	.id = "scsi.sense.missing",
	.title = "a command that failed leaves sense data",
	.spec = "SPC-4, 4.5 and 6.39",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a failure without a reason makes hosts repeat the command, some without end",
	.mistake = "a branch sets the status and no sense, or the stall's handling overwrites it",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = missing,
};

static void cleared(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *before;
	struct msc_sense_data now, then;

	if (!msc_is_sense(r, &now) || msc_sense_is_idle(&now) || is_unit_condition(&now))
		return;
	before = msc_undisturbed(r);
	if (!before || !msc_is_sense(before, &then) || now.key != then.key || now.asc != then.asc ||
	    now.ascq != then.ascq)
		return;
	msc_found(j, "the same sense data was given twice");
	msc_expected(j, "0/00/00");
	msc_actual(j, "%x/%02X/%02X", now.key, now.asc, now.ascq);
}

const struct msc_rule msc_rule_scsi_sense_cleared = {
	.id = "scsi.sense.cleared",
	.title = "sense data is gone once it was read",
	.spec = "SPC-4, 6.39; SAM-5, 5.13",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "an old reason is taken for that of a later failure",
	.mistake = "nothing sets it back after REQUEST SENSE",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = cleared,
};

/* INQUIRY and REPORT LUNS may leave it be; REQUEST SENSE itself is scsi.sense.cleared. */
static bool clears_sense(uint8_t opcode)
{
	return opcode != MSC_OP_INQUIRY && opcode != MSC_OP_REPORT_LUNS &&
	       opcode != MSC_OP_REQUEST_SENSE;
}

static void outlived(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *passed;
	struct msc_sense_data sense;
	char name[48], text[128];

	if (!msc_is_sense(r, &sense) || sense.asc == ASC_NO_SUCH_UNIT ||
	    (sense.key != MSC_SENSE_ILLEGAL_REQUEST && sense.key != MSC_SENSE_DATA_PROTECT))
		return;
	passed = msc_undisturbed(r);
	if (!passed || !msc_has_status(passed, MSC_CSW_PASSED) ||
	    !clears_sense(passed->u.exchange.cbw.cb[0]))
		return;
	msc_found(j, "%s passed, and the sense data behind it is that of a command before: %s",
		  msc_cdb_name(name, sizeof name, passed->u.exchange.cbw.cb),
		  msc_sense_text(text, sizeof text, &sense));
	msc_expected(j, "0/00/00");
	msc_actual(j, "%x/%02X/%02X", sense.key, sense.asc, sense.ascq);
}

const struct msc_rule msc_rule_scsi_sense_outlived = {
	.id = "scsi.sense.outlived",
	.title = "sense data is gone once another command has passed",
	.spec = "SPC-4, 4.5; SAM-5, 5.13",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "an old reason is taken for that of a later failure",
	.mistake = "sense data is emptied by REQUEST SENSE alone, and not when a command begins",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = outlived,
};

/* Sense keys that an additional sense code belongs with: SPC-4, 4.5.6. */
static bool is_pair(const struct msc_sense_data *s)
{
	switch (s->asc) {
	case MSC_ASC_INVALID_OPCODE:
	case MSC_ASC_LBA_OUT_OF_RANGE:
	case MSC_ASC_INVALID_FIELD:
	case 0x25:
	case 0x26: return s->key == MSC_SENSE_ILLEGAL_REQUEST;
	case ASC_WRITE_PROTECTED: return s->key == MSC_SENSE_DATA_PROTECT;
	case MSC_ASC_MEDIUM_CHANGED:
	case 0x29: return s->key == MSC_SENSE_UNIT_ATTENTION;
	case MSC_ASC_NO_MEDIUM: return s->key == MSC_SENSE_NOT_READY;
	default: return true;
	}
}

static void pair(struct msc_judging *j, const struct msc_record *r)
{
	struct msc_sense_data sense;
	char text[128];

	if (!msc_is_sense(r, &sense) || is_pair(&sense))
		return;
	msc_found(j, "the sense key does not go with the additional sense code: %s",
		  msc_sense_text(text, sizeof text, &sense));
	msc_actual(j, "%x/%02X/%02X", sense.key, sense.asc, sense.ascq);
}

const struct msc_rule msc_rule_scsi_sense_pair = {
	.id = "scsi.sense.pair",
	.title = "sense key and additional sense code go together",
	.spec = "SPC-4, 4.5.6",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "hosts look at the key first: write protection under NOT READY is waited for instead of "
	       "shown",
	.mistake = "one key is used for all reasons, as 2 for write-protected media",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = pair,
};

/* False for operation codes whose service actions are commands of their own, and for vendors'. */
static bool is_plain_opcode(uint8_t opcode)
{
	switch (opcode) {
	case 0x7e:
	case 0x7f:
	case 0x83:
	case 0x84:
	case 0x9e:
	case 0x9f:
	case 0xa3:
	case 0xa4:
	case 0xab: return false;
	default: return opcode < 0xc0;
	}
}

static void opcode(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *failed;
	struct msc_sense_data sense;

	if (!explains(j, r, &sense, &failed) || sense.key != MSC_SENSE_ILLEGAL_REQUEST ||
	    sense.asc == MSC_ASC_INVALID_OPCODE || !is_plain_opcode(failed->cbw.cb[0]) ||
	    failed->view.def)
		return;
	tell(j, failed, &sense, "5/20/00 if the command is not known");
}

const struct msc_rule msc_rule_scsi_sense_opcode = {
	.id = "scsi.sense.opcode",
	.title = "an unknown operation code is refused as such",
	.spec = "SPC-4, 4.2.5.1 and 6.39",
	.severity = {MSC_WARN, MSC_WARN, MSC_WARN},
	.why = "hosts fall back to another command on 5/20, and repeat the same one on 5/24",
	.mistake = "everything that cannot be done is called an invalid field in the CDB",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = opcode,
};

/* An address, a length, and no more. What else there is may be what a device refuses, and it may look at
 * that first: SPC-4 gives no order. */
static bool is_bare(const struct msc_exchange *x)
{
	static const char *const fields[] = { "lba", "blocks" };
	uint8_t rest[MSC_CBW_CB_MAX];

	memcpy(rest, x->cbw.cb, sizeof rest);
	rest[0] = 0;
	for (size_t i = 0; i < MSC_COUNT(fields); i++) {
		const struct msc_cdb_field *f = msc_cdb_field(x->view.def, fields[i]);
		struct msc_err ignored = MSC_ERR_INIT;

		if (f && msc_cdb_set(x->view.def, rest, f, 0, &ignored) < 0)
			return false;
	}
	return !memcmp(rest, (uint8_t[MSC_CBW_CB_MAX]){ 0 }, x->view.def->length);
}

static bool is_write_refused(const struct msc_exchange *x)
{
	return x->view.moves_blocks && x->view.def->dir == MSC_DIR_OUT && x->unit.have_mode &&
	       !x->unit.device_type && !x->view.past_end;
}

/* Of the WRITEs a disk has to know the one of ten bytes alone. */
static bool is_unknown(const struct msc_exchange *x, const struct msc_sense_data *sense)
{
	return x->cbw.cb[0] != MSC_OP_WRITE_10 && sense->key == MSC_SENSE_ILLEGAL_REQUEST &&
	       sense->asc == MSC_ASC_INVALID_OPCODE;
}

static void protect(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *failed;
	struct msc_sense_data sense;

	if (!explains(j, r, &sense, &failed) || msc_sense_is_idle(&sense) ||
	    is_unit_condition(&sense) || !is_write_refused(failed) || !is_bare(failed) ||
	    !failed->unit.write_protected || sense.asc == ASC_WRITE_PROTECTED ||
	    is_unknown(failed, &sense))
		return;
	tell(j, failed, &sense, "7/27/00");
}

const struct msc_rule msc_rule_scsi_sense_protect = {
	.id = "scsi.sense.protect",
	.title = "a write refused by a write-protected medium says so",
	.spec = "SBC-2, 4.7; SPC-4, 4.5.6",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "Windows tells the user that the disk is write-protected on 7/27 and reports an I/O "
	       "error on anything else",
	.mistake = "WRITE is not implemented at all in a read-only device, or another key is used",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = protect,
};

static void mode_protect(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *failed;
	struct msc_sense_data sense;

	if (!explains(j, r, &sense, &failed) || sense.asc != ASC_WRITE_PROTECTED ||
	    !is_write_refused(failed) || failed->unit.write_protected)
		return;
	tell(j, failed, &sense, "the WP bit of MODE SENSE is set");
	msc_actual(j, "the WP bit is 0");
}

const struct msc_rule msc_rule_scsi_mode_protect = {
	.id = "scsi.mode.protect",
	.title = "MODE SENSE says that a medium is write-protected when it is",
	.spec = "SBC-2, 6.3.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts mount the volume for writing and lose data when the cache is written back",
	.mistake = "the mode header is a constant",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = mode_protect,
};

/* SBC-2, 6.4.2: a device may have a limit on what one command moves, which page B0h, being optional, need not
 * report; and it may look at that before the address. */
enum { LIMIT_LEAST = 64 };

static bool is_beyond_limit(const struct msc_exchange *x, const struct msc_sense_data *s)
{
	return s->asc == MSC_ASC_INVALID_FIELD &&
	       msc_cdb_value_of(x->view.def, x->cbw.cb, "blocks") > LIMIT_LEAST;
}

static void range(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *failed;
	struct msc_sense_data sense;

	if (!explains(j, r, &sense, &failed) || msc_sense_is_idle(&sense) ||
	    is_unit_condition(&sense) || !failed->view.past_end || !is_bare(failed) ||
	    sense.key == MSC_SENSE_DATA_PROTECT ||
	    (sense.key == MSC_SENSE_ILLEGAL_REQUEST &&
	     (sense.asc == MSC_ASC_LBA_OUT_OF_RANGE || sense.asc == MSC_ASC_INVALID_OPCODE ||
	      is_beyond_limit(failed, &sense))))
		return;
	tell(j, failed, &sense, "5/21/00");
}

const struct msc_rule msc_rule_scsi_sense_range = {
	.id = "scsi.sense.range",
	.title = "blocks past the end are refused as out of range",
	.spec = "SBC-3, 5.11 READ (10) and 5.33 WRITE (10)",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "a host takes a medium error there for a bad block and retries",
	.mistake = "the card's driver fails, and its error is reported as one of the medium",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = range,
};
