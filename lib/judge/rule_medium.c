/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of media that come and go (SBC-3, 5.25 START STOP UNIT; SAM-5, 5.14), and of media
 * that are not what they say. */
#include <string.h>

#include "judge/facts.h"

#define WRAP_MIN    2048 /* blocks; a medium that wraps before that is not looked for */

enum { STOP, START, EJECT, LOAD }; /* LOEJ and START */

/* START STOP UNIT that passed, at once and without a power condition. */
static bool is_start_stop(const struct msc_record *r, int what)
{
	const uint8_t *cb = r->u.exchange.cbw.cb;

	return msc_has_status(r, MSC_CSW_PASSED) && cb[0] == MSC_OP_START_STOP_UNIT &&
	       !(cb[1] & 1) && !(cb[4] & 0xf0) && (cb[4] & 0x03) == what;
}

static bool has_opcode(const struct msc_record *r, uint8_t opcode)
{
	return r->u.exchange.cbw.cb[0] == opcode;
}

static void eject_effect(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_unit *u = &r->u.exchange.unit;
	const struct msc_record *before;

	if (!has_opcode(r, MSC_OP_TEST_UNIT_READY) || !msc_has_status(r, MSC_CSW_PASSED) ||
	    !u->have_inquiry || !u->removable)
		return;
	before = msc_undisturbed(r);
	if (!before || !is_start_stop(before, EJECT))
		return;
	msc_found(j, "START STOP UNIT with LOEJ passed, and TEST UNIT READY passes after it");
	msc_expected(j, "01h, then sense 2/3A");
	msc_actual(j, "00h");
}

const struct msc_rule msc_rule_scsi_eject_effect = {
	.id = "scsi.eject.effect",
	.title = "a medium that was ejected is not there",
	.spec = "SBC-3, 5.25 START STOP UNIT",
	.severity = {MSC_FAIL, MSC_WARN, MSC_WARN},
	.why = "a host waits for 2/3A before it says that the device can be removed",
	.mistake = "START STOP UNIT is answered with success and does nothing",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_TEST_UNIT_READY),
	.judge = eject_effect,
};

/* The failed command whose sense data this is: TEST UNIT READY, for of a command with an address some say
 * so when the address is wrong. NULL: it is no such, or of another kind. */
static const struct msc_record *without_medium(const struct msc_record *r,
					       struct msc_sense_data *sense)
{
	const struct msc_record *failed = msc_explained(r, sense);

	return failed && sense->asc == MSC_ASC_NO_MEDIUM && failed->u.exchange.unit.have_capacity &&
			       has_opcode(failed, MSC_OP_TEST_UNIT_READY)
		       ? failed
		       : NULL;
}

/* Whoever takes a card out by hand does so later than that. */
#define IDLE_NS (10 * MSC_S)

static void eject_idle(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *failed, *before;
	struct msc_sense_data sense;
	int64_t idle_ns;

	failed = without_medium(r, &sense);
	before = failed ? msc_undisturbed(failed) : NULL;
	if (!before || before->past.unseen || !msc_has_status(before, MSC_CSW_PASSED) ||
	    (!has_opcode(before, MSC_OP_SYNCHRONIZE_CACHE_10) &&
	     !has_opcode(before, MSC_OP_SYNCHRONIZE_CACHE_16)))
		return;
	idle_ns = failed->ended_ns - before->ended_ns;
	if (idle_ns > IDLE_NS)
		return;
	msc_found(
		j,
		"SYNCHRONIZE CACHE passed, and within %lld s without a command the medium is gone",
		(long long)(idle_ns / MSC_S + 1));
	msc_expected(j, "the medium stays until START STOP UNIT ejects it");
	msc_actual(j, "%x/%02X/%02X", sense.key, sense.asc, sense.ascq);
}

const struct msc_rule msc_rule_scsi_eject_idle = {
	.id = "scsi.eject.idle",
	.title = "SYNCHRONIZE CACHE leaves the medium where it is, also when nothing follows",
	.spec = "SBC-3, 5.26 SYNCHRONIZE CACHE (10)",
	.severity = {MSC_FAIL, MSC_WARN, MSC_WARN},
	.why = "hosts send it whenever a file is closed, and the volume vanishes under their feet",
	.mistake = "a timer takes a pause after SYNCHRONIZE CACHE for the end of the host's work",
	.doubtful = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = eject_idle,
};

static void eject_needless(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *failed, *before;
	struct msc_sense_data sense;

	failed = without_medium(r, &sense);
	before = failed ? msc_undisturbed(failed) : NULL;
	if (!before || before->past.unseen ||
	    (!is_start_stop(before, STOP) && !is_start_stop(before, START)))
		return;
	msc_found(j, "START STOP UNIT without LOEJ passed, and then there is no medium");
	msc_expected(j, "the medium stays");
	msc_actual(j, "%x/%02X/%02X", sense.key, sense.asc, sense.ascq);
}

const struct msc_rule msc_rule_scsi_eject_needless = {
	.id = "scsi.eject.needless",
	.title = "START STOP UNIT without LOEJ leaves the medium where it is",
	.spec = "SBC-3, 5.25 START STOP UNIT",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts stop a disk to save power, and the volume vanishes under their feet",
	.mistake = "only START is looked at",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = eject_needless,
};

static void eject_prevented(struct msc_judging *j, const struct msc_record *r)
{
	if (!is_start_stop(r, EJECT) || !r->past.prevented)
		return;
	msc_found(j, "the medium was ejected after PREVENT ALLOW MEDIUM REMOVAL had locked it in");
	msc_expected(j, "01h, then sense 5/53/02");
	msc_actual(j, "00h");
}

const struct msc_rule msc_rule_scsi_eject_prevented = {
	.id = "scsi.eject.prevented",
	.title = "a medium whose removal is prevented cannot be ejected",
	.spec = "SBC-3, 5.10 PREVENT ALLOW MEDIUM REMOVAL and 5.25 START STOP UNIT",
	.severity = {MSC_FAIL, MSC_WARN, MSC_FAIL},
	.why = "hosts lock a medium while its volume is mounted, and count on it",
	.mistake = "PREVENT is answered with success and not remembered",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_START_STOP_UNIT),
	.judge = eject_prevented,
};

static void eject_returns(struct msc_judging *j, const struct msc_record *r)
{
	if (!msc_came_back(r))
		return;
	msc_found(j,
		  "the medium was ejected and gone, and TEST UNIT READY passes within %lld s, "
		  "though nothing has loaded it",
		  (long long)((r->ended_ns - r->past.ejected_ns) / MSC_S + 1));
	msc_expected(j, "01h, then sense 2/3A, until START STOP UNIT loads it");
	msc_actual(j, "00h");
}

const struct msc_rule msc_rule_scsi_eject_returns = {
	.id = "scsi.eject.returns",
	.title = "a medium that was ejected does not come back by itself",
	.spec = "SBC-3, 5.25 START STOP UNIT",
	.severity = {MSC_FAIL, MSC_WARN, MSC_WARN},
	.why = "hosts look every second, and show the volume again that the user has just removed",
	.mistake =
		"not ready is reported for a number of polls or a time after the eject, and no state is kept",
	.doubtful = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_TEST_UNIT_READY),
	.judge = eject_returns,
};

static bool tells_of_attention(uint8_t opcode)
{
	return opcode != MSC_OP_INQUIRY && opcode != MSC_OP_REQUEST_SENSE &&
	       opcode != MSC_OP_REPORT_LUNS && opcode != MSC_OP_GET_EVENT_STATUS;
}

/* The kernel asks a removable medium on its own, and would take the attention away. */
static void attention_change(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_unit *u = &r->u.exchange.unit;
	const struct msc_record *load;
	char name[48];

	if (!msc_has_status(r, MSC_CSW_PASSED) || !tells_of_attention(r->u.exchange.cbw.cb[0]))
		return;
	if (u->have_inquiry && !u->removable) /* it was stopped, at most */
		return;
	load = msc_undisturbed(r);
	if (!load || !is_start_stop(load, LOAD) || !load->past.ejected)
		return;
	msc_found(j, "the medium was ejected and loaded again, and %s passes right after it",
		  msc_cdb_name(name, sizeof name, r->u.exchange.cbw.cb));
	msc_expected(j, "01h once, then sense 6/28/00");
	msc_actual(j, "00h");
}

const struct msc_rule msc_rule_scsi_attention_change = {
	.id = "scsi.attention.change",
	.title = "the first command after a change of medium fails with a unit attention",
	.spec = "SAM-5, 5.14",
	.severity = {MSC_FAIL, MSC_WARN, MSC_FAIL},
	.why = "the host goes on with what it remembers of the old medium, and writes that to the new",
	.mistake = "the slot's switch only changes what TEST UNIT READY says",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = attention_change,
};

static void attention_once(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *failed, *before;
	struct msc_sense_data now, then;

	failed = msc_explained(r, &now);
	if (!failed || now.key != MSC_SENSE_UNIT_ATTENTION)
		return;
	before = msc_undisturbed(failed);
	if (!before || !msc_explained(before, &then) || now.key != then.key ||
	    now.asc != then.asc || now.ascq != then.ascq)
		return;
	msc_found(j, "two commands in a row failed with the same unit attention");
	msc_expected(j, "once");
	msc_actual(j, "%x/%02X/%02X again", now.key, now.asc, now.ascq);
}

const struct msc_rule msc_rule_scsi_attention_once = {
	.id = "scsi.attention.once",
	.title = "a unit attention is reported once",
	.spec = "SAM-5, 5.14",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts repeat the command a few times and then give the device up",
	.mistake = "the flag is cleared by another command than the one that failed, or by none",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = attention_once,
};

/* ---- media that are not what they say ------------------------------------------------------ */

const struct msc_rule msc_rule_scsi_medium_alias = {
	.id = "scsi.medium.alias",
	.title = "every block is a block of its own",
	.spec = "SBC-3, 5.15 READ CAPACITY (10)",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the medium is smaller than it says, and what is written last destroys what was first",
	.mistake = "address bits are lost on the way to the medium, or the capacity is a lie",
};

static bool is_first_block(const uint8_t *cdb, const uint8_t *before)
{
	(void)cdb;
	return msc_cdb_value(before, "lba") == 0 && msc_cdb_value(before, "blocks") == 1;
}

static bool is_uniform(const uint8_t *p, size_t len)
{
	for (size_t i = 1; i < len; i++)
		if (p[i] != p[0])
			return false;
	return true;
}

static void medium_repeats(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	uint64_t lba = x->view.lba;
	const struct msc_record *first;
	size_t len, asked;

	if (!msc_is_answer(r, MSC_OP_READ_10, &len, &asked) || lba < WRAP_MIN || lba & (lba - 1) ||
	    x->view.blocks != 1 || is_uniform(x->data, len))
		return;
	first = msc_earlier_answer(r, MSC_OP_READ_10, is_first_block);
	if (!first || !msc_is_same_data(&first->u.exchange, x))
		return;
	msc_found(j, "block %llu holds the same as block 0", (unsigned long long)lba);
	msc_expected(j, "something else, or nothing");
}

const struct msc_rule msc_rule_scsi_medium_repeats = {
	.id = "scsi.medium.repeats",
	.title = "block 0 is not seen again at a power of two",
	.spec = "SBC-3, 5.15 READ CAPACITY (10)",
	.severity = {MSC_WARN, MSC_WARN, MSC_WARN},
	.why = "the medium may be smaller than it says; a run with --allow-writes makes sure",
	.mistake = "address bits are lost on the way to the medium, or the capacity is a lie",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_READ_10),
	.judge = medium_repeats,
};
