/* SPDX-License-Identifier: BSD-2-Clause */
/* Legal devices that move no more than so many blocks with one command, and report no limit. SBC-2, 6.4.2: page
 * B0h of vital product data is optional, and 0 in it is no limit that is reported, not no limit; what asks for
 * more fails. */
#include "firmware/fault/fault.h"
#include "firmware/variant/variant.h"

struct limit {
	uint32_t blocks;
	bool twelve; /* of READ(12) and WRITE(12) alone */
};

/* 0: it moves none. */
static uint32_t blocks_of(const uint8_t *cb, bool twelve)
{
	switch (cb[0]) {
	case MSC_OP_READ_12:
	case MSC_OP_WRITE_12: return msc_get_be32(cb + 6);
	case MSC_OP_READ_10:
	case MSC_OP_WRITE_10:
	case MSC_OP_VERIFY_10: return twelve ? 0 : msc_get_be16(cb + 7);
	case MSC_OP_READ_16:
	case MSC_OP_WRITE_16: return twelve ? 0 : msc_get_be32(cb + 10);
	default: return 0;
	}
}

ON_COMMAND(limited)
{
	const struct limit *l = state;

	if (blocks_of(v->cbw.cb, l->twelve) > l->blocks)
		variant_invalid_field(seen);
	return MUTANT_PASS;
}

#define LIMIT(...) \
	.ops = { .state_size = sizeof(struct limit), \
		 .initial = &(const struct limit){ __VA_ARGS__ }, \
		 .command = limited }
#define UNREPORTED \
	"SBC-2, 6.4.2: page B0h is optional, and what asks for more is refused with 5/24/00"

static const struct msc_variant rows[] = {
	{ "limit-12-64", "READ(12) and WRITE(12) move 64 blocks at the most, and no page says so",
	  UNREPORTED, LIMIT(.blocks = 64, .twelve = true) },
	{ "limit-2048", "no command moves more than 2048 blocks, and no page says so", UNREPORTED,
	  LIMIT(.blocks = 2048) },
	{ "limit-256", "no command moves more than 256 blocks, and no page says so", UNREPORTED,
	  LIMIT(.blocks = 256) },
};
const struct msc_variant_table msc_variants_limit = { rows, MSC_COUNT(rows) };
