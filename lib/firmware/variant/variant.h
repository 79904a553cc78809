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

#include "firmware/firmware.h"

/* An operation code that no firmware knows: the model answers 5/20/00 to what is rewritten to it. */
enum { VARIANT_NO_OPCODE = 0xff };

#endif
