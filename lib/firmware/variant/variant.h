/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to variants: legal ways in which firmware differs, switched on between model and hardware
 * as faults are (sim/mutant.h), or by knobs alone. Each cites why it is legal, and a test sees to it
 * that none raises a warning or a failure but in the profiles that it names.
 *
 * A variant is a row of one of rows_*.c; what the language of fault/table.h cannot say is hooks in C,
 * in the same tables.
 */
#ifndef MSC_FIRMWARE_VARIANT_VARIANT_H
#define MSC_FIRMWARE_VARIANT_VARIANT_H

#include <string.h>

#include "firmware/firmware.h"
#include "wire/scsi.h"

/* An operation code that no firmware knows: the model answers 5/20/00 to what is rewritten to it. */
enum { VARIANT_NO_OPCODE = 0xff };

/* Makes of a command one that the model fails with 5/24/00, or with a unit attention that is pending: MODE
 * SENSE(6) of a page that does not exist. */
static inline void variant_invalid_field(struct msc_cbw *seen)
{
	seen->h.cb_length = 6;
	memset(seen->cb, 0, sizeof seen->cb);
	seen->cb[0] = MSC_OP_MODE_SENSE_6;
	seen->cb[2] = 0x2f;
	seen->cb[4] = 4;
}

#endif
