/* SPDX-License-Identifier: BSD-2-Clause */
/* The assembler: a wire log becomes records, entry by entry. It is a function of the log alone;
 * whoever can give transfers in time order has records, and what they prove.
 *
 *	              a CBW, or          CSW came, or NOTE_END, or
 *	              NOTE_BEGIN         what cannot belong to it
 *	  idle --------------------> CBW --> data --> status ------> idle
 *	   | |                        |        | |      |
 *	   | +-- other bulk transfer: | a wrapper that  | CLEAR_FEATURE of an endpoint that
 *	   |     a poll               | is no CBW       | gave STALL: a step
 *	   |                          +-----------------+
 *	   +-- control request: a record by itself, in an exchange too; port reset likewise;
 *	       a whole command is an exchange by itself
 *
 *	idle	no exchange is under way; a bulk-out transfer begins one
 *	CBW	what the host sent is not known yet; nothing that ends now is judged before it is
 *	data	bytes are due in the direction of the CBW: fewer than dCBWDataTransferLength came, no
 *		short packet, and every transfer so far ended well
 *	status	bulk-in brings the CSW, or what comes in its place
 *
 * Without notes (a capture) an exchange is over when its CSW came and nothing of it is under way,
 * or when something begins that cannot belong to it. A log that begins in the middle begins with
 * "unknown" (msc_past): nothing is held against the device until a CSW or a reset makes things
 * clear.
 */
#ifndef MSC_RECORD_ASSEMBLE_H
#define MSC_RECORD_ASSEMBLE_H

#include "record/history.h"

struct msc_assembler;

/* `done` sees every record when it is complete, muted ones too, and may be NULL; the record's
 * history is there during that call alone. NULL: out of memory. */
struct msc_assembler *msc_assembler_new(msc_record_fn *done, void *user);
void msc_assembler_free(struct msc_assembler *);

/* -1: out of memory, now or before: records are missing. */
int msc_assemble(struct msc_assembler *, const struct msc_log_entry *,
		 struct msc_err *) MSC_MUST_CHECK;
/* An entry that is a transfer, for whoever has it as nothing else. */
int msc_assemble_transfer(struct msc_assembler *, const struct msc_transfer *,
			  struct msc_err *) MSC_MUST_CHECK;
/* The log ends here: what is under way is complete as it is. */
int msc_assemble_end(struct msc_assembler *, struct msc_err *) MSC_MUST_CHECK;

/* The newest record, valid until the next is complete; NULL: none since the last FRESH. */
const struct msc_record *msc_assembler_newest(const struct msc_assembler *);
/* The exchange under way, as far as it has come; NULL: none. */
const struct msc_exchange *msc_assembler_exchange(const struct msc_assembler *);
/* What is known now. */
const struct msc_history *msc_assembler_history(const struct msc_assembler *);

#endif
