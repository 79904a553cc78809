/* SPDX-License-Identifier: BSD-2-Clause */
/* The oracle: which of the thirteen cases of BOT 1.0, 6.7 an exchange is. It compares two
 * things, what the host expects (direction and dCBWDataTransferLength) and what the device means
 * (from the command block), and knows nothing of what happened.
 *
 *	              device: none   in          out
 *	host: none     1      2           3
 *	      in       4      5 (less)    8
 *	                      6 (equal)
 *	                      7 (more)
 *	      out      9      10          11 (less) 12 (equal) 13 (more)
 */
#include "record/record.h"

static uint8_t number(enum msc_dir host, uint64_t length, enum msc_dir device, uint64_t means)
{
	static const uint8_t table[3][3] = { { 1, 2, 3 }, { 4, 5, 8 }, { 9, 10, 11 } };

	if (!means)
		device = MSC_DIR_NONE;
	if (host == MSC_DIR_NONE || host != device)
		return table[host][device];
	return (uint8_t)(table[host][device] + (means >= length) + (means > length));
}

/* BOT 1.0, 6.7.1 to 6.7.3: the host asks for what the device cannot give, or gives what the
 * device cannot take. */
static bool is_phase_error(uint8_t number)
{
	switch (number) {
	case 2:
	case 3:
	case 7:
	case 8:
	case 10:
	case 13: return true;
	default: return false;
	}
}

static struct msc_case case_in(enum msc_dir host, uint64_t length, const struct msc_intent *intent)
{
	struct msc_case c = { .processed_max = length, .phase_error_possible = true };

	if (!intent->known)
		return c;
	c.first = number(host, length, intent->dir, intent->min);
	c.last = number(host, length, intent->dir, intent->max);
	c.phase_error_required = is_phase_error(c.first) && is_phase_error(c.last);
	c.phase_error_possible = is_phase_error(c.first) || is_phase_error(c.last);
	if (host != intent->dir)
		c.processed_max = 0;
	else if (intent->max < length)
		c.processed_max = intent->max;
	return c;
}

static struct msc_meaning meaning(const struct msc_exchange *x, struct msc_intent intent)
{
	return (struct msc_meaning){ .intent = intent,
				     .c = case_in(x->dir, x->cbw.h.length, &intent) };
}

static struct msc_intent intent_of(const struct msc_exchange *x, const struct msc_cdb_meant *block)
{
	uint8_t len = x->cbw.h.cb_length;

	if (!msc_cbw_is_meaningful(x))
		return (struct msc_intent){ .known = false };
	if (x->stated.known)
		return x->stated;
	return msc_cdb_intent_of(block, x->cbw.cb, len < MSC_CBW_CB_MAX ? len : MSC_CBW_CB_MAX,
				 &x->unit);
}

struct msc_meaning msc_oracle_says(const struct msc_exchange *x, const struct msc_cdb_meant *block)
{
	return meaning(x, intent_of(x, block));
}

static uint64_t claimed_inquiry(const uint8_t *cdb, const uint8_t *d, size_t len)
{
	if (cdb[1] & 0x01) /* EVPD */
		return len >= 4 ? UINT64_C(4) + msc_get_be16(d + 2) : 0;
	return len >= 5 ? UINT64_C(5) + d[4] : 0;
}

/* The total length that an answer claims for itself in its own length field; 0: it has none. */
static uint64_t claimed_length(const struct msc_exchange *x)
{
	const uint8_t *d = x->data;
	size_t len = x->dir == MSC_DIR_IN ? x->data_kept : 0;

	switch (x->cbw.cb[0]) {
	case MSC_OP_INQUIRY: return claimed_inquiry(x->cbw.cb, d, len);
	case MSC_OP_MODE_SENSE_6: return len >= 1 ? UINT64_C(1) + d[0] : 0;
	case MSC_OP_MODE_SENSE_10: return len >= 2 ? UINT64_C(2) + msc_get_be16(d) : 0;
	case MSC_OP_REQUEST_SENSE: return len >= 8 ? UINT64_C(8) + d[7] : 0;
	case MSC_OP_READ_FORMAT_CAPACITIES: return len >= 4 ? UINT64_C(4) + d[3] : 0;
	default: return 0;
	}
}

static struct msc_intent passed_blocks(const struct msc_exchange *x, struct msc_intent i,
				       enum msc_dir dir)
{
	if (!x->view.blocks)
		return i;
	if (i.known)
		i.min = i.max;
	else /* some blocks, of a size that is not known */
		i = (struct msc_intent){ .known = true, .dir = dir, .min = 1, .max = UINT64_MAX };
	return i;
}

static struct msc_intent intent_passed(const struct msc_exchange *x)
{
	const struct msc_cdb_def *def = x->view.def;
	struct msc_intent i = x->view.says.intent;
	uint64_t claimed;

	if (!def || x->stated.known)
		return i;
	switch (def->amount) {
	case MSC_AMOUNT_BLOCKS: return passed_blocks(x, i, def->dir);
	case MSC_AMOUNT_CAPACITY:
	case MSC_AMOUNT_PARAMETERS: i.min = i.max; break;
	case MSC_AMOUNT_ALLOCATION:
		/* An answer that claims less than came may be padded, or its length field wrong. */
		claimed = claimed_length(x);
		if (claimed > i.max)
			claimed = i.max;
		if (claimed >= x->data_len && claimed > i.min)
			i.min = claimed;
		break;
	case MSC_AMOUNT_NONE: break;
	}
	return i;
}

struct msc_meaning msc_oracle_meant(const struct msc_exchange *x)
{
	const struct msc_intent says = x->view.says.intent, passed = intent_passed(x);

	if (says.known == passed.known && says.dir == passed.dir && says.min == passed.min &&
	    says.max == passed.max)
		return x->view.says;
	return meaning(x, passed);
}
