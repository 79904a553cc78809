/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of REQUEST SENSE and of the reasons that it gives. */
#include "firmware/fault/fault.h"

#include <string.h>

enum { KEY = 2, ASC = 12, ASCQ = 13 };

static bool is_sense(const struct mutant_view *v, size_t len)
{
	return fault_answers(v, MSC_OP_REQUEST_SENSE, len, ASCQ + 1);
}

static void put_sense(uint8_t *buf, uint8_t key, uint8_t asc)
{
	buf[KEY] = key;
	buf[ASC] = asc;
	buf[ASCQ] = 0;
}

ON_DATA_IN(sense_zero)
{
	if (is_sense(v, *len))
		put_sense(buf, MSC_SENSE_NONE, 0);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_sense_zero = {
	.id = "sense-zero",
	.title = "the sense data never gives a reason",
	.seen = "field 35: ChibiOS-Contrib #131; Linux's unusual_devs.h names such devices",
	.caught_by = "scsi.sense.missing",
	.ops = {.data_in = sense_zero},
};

/* state: the last reason given. */
ON_DATA_IN(sense_stale)
{
	uint8_t *last = state;

	if (!is_sense(v, *len))
		return MUTANT_PASS;
	if (buf[KEY] || buf[ASC]) {
		last[0] = buf[KEY];
		last[1] = buf[ASC];
	} else {
		put_sense(buf, last[0], last[1]);
	}
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_sense_stale = {
	.id = "sense-stale",
	.title = "the sense data is not forgotten when it has been read",
	.seen = "CherryUSB; ST keeps it in a queue",
	.caught_by = "scsi.sense.cleared",
	.ops = {.state_size = 2, .data_in = sense_stale},
};

ON_DATA_IN(sense_form)
{
	if (is_sense(v, *len))
		buf[0] = 0;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_sense_form = {
	.id = "sense-form",
	.title = "the RESPONSE CODE of the sense data is 0",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.sense.form",
	.ops = {.data_in = sense_form},
};

ON_DATA_IN(sense_length)
{
	if (is_sense(v, *len))
		buf[7] = 18;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_sense_length = {
	.id = "sense-length",
	.title = "ADDITIONAL SENSE LENGTH is the whole length",
	.seen = "ST writes 12 where 10 bytes follow",
	.caught_by = "scsi.sense.form",
	.ops = {.data_in = sense_length},
};

ON_CSW(sense_fails)
{
	if (v->cbw.cb[0] == MSC_OP_REQUEST_SENSE && raw[CSW_STATUS] == MSC_CSW_PASSED)
		raw[CSW_STATUS] = MSC_CSW_FAILED;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_sense_fails = {
	.id = "sense-fails",
	.title = "REQUEST SENSE fails",
	.seen = "exists to prove the rule",
	.caught_by = "scsi.sense.status",
	.ops = {.csw = sense_fails},
};

ON_DATA_IN(sense_opcode)
{
	if (is_sense(v, *len) && buf[ASC] == 0x20)
		buf[ASC] = 0x24;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_sense_opcode = {
	.id = "sense-opcode",
	.title = "an unknown command is called an invalid field in the CDB",
	.seen = "Zephyr's SCSI layer",
	.caught_by = "expect.sense",
	.ops = {.data_in = sense_opcode},
};

ON_DATA_IN(sense_range)
{
	if (is_sense(v, *len) && buf[ASC] == 0x21)
		put_sense(buf, MSC_SENSE_MEDIUM_ERROR, 0x11);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_sense_range = {
	.id = "sense-range",
	.title = "a block past the end is called an unrecovered read error",
	.seen = "firmware that leaves the check to the card",
	.caught_by = "scsi.sense.range",
	.ops = {.data_in = sense_range},
};

ON_DATA_IN(wp_sense_key)
{
	if (is_sense(v, *len) && buf[ASC] == 0x27)
		buf[KEY] = MSC_SENSE_NOT_READY;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_wp_sense_key = {
	.id = "wp-sense-key",
	.title = "write protection is reported under the key NOT READY",
	.seen = "ST USBD_MSC",
	.caught_by = "scsi.sense.pair",
	.needs_writes = true,
	.target = "wp=1",
	.ops = {.data_in = wp_sense_key},
};

ON_DATA_IN(wp_sense_opcode)
{
	if (is_sense(v, *len) && buf[ASC] == 0x27)
		put_sense(buf, MSC_SENSE_ILLEGAL_REQUEST, 0x20);
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_wp_sense_opcode = {
	.id = "wp-sense-opcode",
	.title = "a read-only device says that it does not know WRITE",
	.seen = "firmware that leaves WRITE out of a read-only disk",
	.caught_by = "scsi.sense.protect",
	.needs_writes = true,
	.target = "wp=1",
	.ops = {.data_in = wp_sense_opcode},
};
