/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits of answers that are kept for later: a device sends them as 0. */
#include "judge/facts.h"

/* A run of bytes of an answer, and the bits of each that are reserved in every edition that devices follow: a bit
 * that a later one has defined is not among them. */
struct reserved {
	uint8_t opcode, at, n, bits;
	const char *what;
};

static const struct reserved fields[] = {
	{ MSC_OP_INQUIRY, 5, 1, 0x06, "INQUIRY data" },
	{ MSC_OP_MODE_SENSE_6, 2, 1, 0x6f, "DEVICE-SPECIFIC PARAMETER" },
	{ MSC_OP_MODE_SENSE_10, 3, 1, 0x6f, "DEVICE-SPECIFIC PARAMETER" },
	{ MSC_OP_MODE_SENSE_10, 4, 1, 0xfe, "mode parameter header" },
	{ MSC_OP_MODE_SENSE_10, 5, 1, 0xff, "mode parameter header" },
	{ MSC_OP_READ_FORMAT_CAPACITIES, 0, 3, 0xff, "capacity list header" },
	{ MSC_OP_READ_FORMAT_CAPACITIES, 8, 1, 0xfc, "capacity descriptor" },
	{ MSC_OP_REPORT_LUNS, 4, 4, 0xff, "list of units" },
	{ MSC_OP_SERVICE_ACTION_IN_16, 12, 1, 0xc0, "READ CAPACITY(16) data" },
	{ MSC_OP_SERVICE_ACTION_IN_16, 16, 16, 0xff, "READ CAPACITY(16) data" },
};

/* The answer has the form that the table is about. */
static bool has_form(const struct msc_exchange *x)
{
	const uint8_t *cb = x->cbw.cb;

	switch (cb[0]) {
	case MSC_OP_INQUIRY: return !(cb[1] & 0x03);
	case MSC_OP_MODE_SENSE_6:
	case MSC_OP_MODE_SENSE_10: return x->unit.have_inquiry && !x->unit.device_type;
	case MSC_OP_SERVICE_ACTION_IN_16: return (cb[1] & 0x1f) == MSC_SA_READ_CAPACITY_16;
	default: return true;
	}
}

static void reserved_zero(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	size_t len, asked;

	for (size_t i = 0; i < MSC_COUNT(fields); i++) {
		const struct reserved *f = &fields[i];

		if (!msc_is_answer(r, f->opcode, &len, &asked) || !has_form(x))
			continue;
		for (size_t at = f->at; at < (size_t)f->at + f->n && at < len; at++) {
			if (!(x->data[at] & f->bits))
				continue;
			msc_found(j, "byte %zu of the %s is %02Xh, of which %02Xh is reserved", at,
				  f->what, x->data[at], x->data[at] & f->bits);
			msc_expected(j, "0 in what is reserved");
			msc_actual(j, "%02Xh", x->data[at]);
			return;
		}
	}
}

const struct msc_rule msc_rule_scsi_reserved_zero = {
	.id = "scsi.reserved.zero",
	.title = "what is reserved in an answer is 0",
	.spec = "SPC-4, 3.3.10; SBC-2, 6.3.1; SBC-3, 5.16 READ CAPACITY (16); MMC-5, 6.24 READ FORMAT CAPACITIES",
	.severity = {MSC_WARN, MSC_NOTE, MSC_NOTE},
	.why = "hosts of today do not look; one to which a later edition gave the bits will",
	.mistake = "the buffer of the answer is not cleared, and holds what was in it before",
	.on = MSC_RECORD_EXCHANGE,
	.judge = reserved_zero,
};
