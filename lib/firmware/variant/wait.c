/* SPDX-License-Identifier: BSD-2-Clause */
/* Legal ways to take a host at its word, and to take nothing else. */
#include "firmware/fault/fault.h"
#include "firmware/variant/variant.h"

/* ---- data that ends early ----------------------------------------------------------------- */

#define BUFFER 16384 /* what `reference` takes at a time */

struct owed {
	uint32_t taken; /* bytes of the data of the command */
};

ON_COMMAND(forget_owed)
{
	struct owed *o = state;

	o->taken = 0;
	return MUTANT_PASS;
}

/* What was promised is waited for, however often a short packet comes on the way. */
ON_RECEIVED(wait_for_rest)
{
	struct owed *o = state;

	if (!v->in_command)
		return MUTANT_PASS;
	o->taken += (uint32_t)*len;
	return *len % BUFFER && o->taken < v->cbw.h.length ? MUTANT_SWALLOW : MUTANT_PASS;
}

/* ---- a CBW that is not meaningful --------------------------------------------------------- */

struct refused {
	uint8_t least; /* bCBWCBLength of every command; 0: each its own. Stays */
	bool halted;
};

/* bCBWCBLength is that of the command, or the 12 that Windows sends: all else is not meaningful. */
ON_COMMAND(refuse_length)
{
	static const uint8_t own[8] = { 6, 10, 10, 0, 16, 12, 0, 0 }; /* SPC-2, 4.3.1 */
	struct refused *r = state;
	uint8_t length = v->cbw.h.cb_length, fits = own[v->cbw.cb[0] >> 5];

	if (!fits || length == fits || length == 12 || length > MSC_CBW_CB_MAX)
		fits = length;
	if (fits == length && length >= r->least)
		return MUTANT_PASS;
	r->halted = true;
	mutant_stall(m, v->ep_in);
	return MUTANT_STALL;
}

ON_UNSTALL(until_reset)
{
	const struct refused *r = state;

	return !r->halted;
}

ON_SETUP(ends_refusal)
{
	struct refused *r = state;
	bool configures = q->request_type == 0 && q->request == MSC_STD_SET_CONFIGURATION;

	if (configures || fault_is_class(q, MSC_REQ_BULK_ONLY_RESET))
		r->halted = false;
	return MUTANT_PASS;
}

ON_RESET(ends_refusal_too)
{
	struct refused *r = state;

	r->halted = false;
}

/* The subclass, in a configuration of one interface. */
ON_CONTROL_IN(sff_8070i)
{
	if (fault_is_get(q, MSC_DESC_CONFIGURATION) && *len > 15)
		buf[15] = 0x05;
}

static const struct msc_variant rows[] = {
	{ "waits-for-rest", "data that the host ends too early is waited for",
	  "BOT 1.0, 5.3.2: the host sends dCBWDataTransferLength bytes; what follows when it does not "
	  "is open",
	  .ops = { .state_size = sizeof(struct owed),
		   .command = forget_owed,
		   .received = wait_for_rest } },
	{ "cb-length-fits",
	  "a CBW whose bCBWCBLength is neither that of the command nor 12 is refused until a reset",
	  "BOT 1.0, 6.2.2 and 6.4: it is not meaningful, and the response is open",
	  .ops = { .state_size = sizeof(struct refused),
		   .command = refuse_length,
		   .unstall = until_reset,
		   .setup = ends_refusal,
		   .reset = ends_refusal_too } },
	{ "cb-12-least",
	  "a device of subclass 05h that takes no command block of less than 12 bytes",
	  "SFF-8070i: all commands have 12 bytes; BOT 1.0, 6.2.2 and 6.4",
	  .ops = { .state_size = sizeof(struct refused),
		   .initial = &(const struct refused){ .least = 12 },
		   .control_in = sff_8070i,
		   .command = refuse_length,
		   .unstall = until_reset,
		   .setup = ends_refusal,
		   .reset = ends_refusal_too } },
};
const struct msc_variant_table msc_variants_wait = { rows, MSC_COUNT(rows) };
