/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate: what may be written. Permits are issued by lib/medium, which has saved what they cover,
 * and by nobody else. */
#ifndef MSC_SESSION_GATE_H
#define MSC_SESSION_GATE_H

#include "session/session.h"

struct msc_permit {
	uint8_t lun;
	uint64_t first, blocks;
	uint32_t block_size;	/* bytes */
	const uint8_t *opcodes; /* borrowed for as long as the permit holds */
	size_t n_opcodes;
};

/* *id names it for msc_gate_revoke. */
int msc_gate_permit(struct msc_session *, const struct msc_permit *, unsigned *id,
		    struct msc_err *) MSC_MUST_CHECK;
void msc_gate_revoke(struct msc_session *, unsigned id);

#endif
