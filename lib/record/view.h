/* SPDX-License-Identifier: BSD-2-Clause */
/* What an exchange proves, concluded once, when it is complete and its past is known, for whoever
 * asks and however often. When it cannot prove something, what stands here is what gives no finding.
 */
#ifndef MSC_RECORD_VIEW_H
#define MSC_RECORD_VIEW_H

#include "record/log.h"

struct msc_exchange;

enum msc_came { /* what came where the CSW belongs */
	MSC_CAME_NOTHING,
	MSC_CAME_CSW,	 /* 13 bytes */
	MSC_CAME_BROKEN, /* it begins like a CSW and has another length */
	MSC_CAME_DATA,
};

/* What a data transfer on bulk-in brought: its last packet can be this command's CSW, and the only
 * one that of an earlier command. */
enum msc_brought { MSC_BROUGHT_DATA, MSC_BROUGHT_CSW, MSC_BROUGHT_OLD_CSW };

/* What led to an exchange being stuck: a command that every device knows, or any CBW that was not
 * taken, is not to blame itself. */
enum msc_after { MSC_AFTER_NOTHING, MSC_AFTER_CLEAR, MSC_AFTER_RESET, MSC_AFTER_SUSPEND };

/* The oracle (BOT 1.0, 6.7): which of the thirteen cases an exchange is, from host expectation and
 * device intent alone, and what follows from it. One function, no table per case. */
struct msc_case {
	uint8_t first, last;	  /* 1..13; a range when the intent is one (alloc above the length);
				     0: not known */
	bool phase_error_required; /* status must be 02h: cases 2, 3, 7, 8, 10, 13 */
	bool phase_error_possible; /* some case of the range is one of those */
	uint64_t processed_max;	  /* most bytes the device can have meant to process */
};

/* Device intent, and the case that it makes of the exchange. */
struct msc_meaning {
	struct msc_intent intent;
	struct msc_case c;
};

struct msc_view {
	/* what was asked */
	const struct msc_cdb_def *def; /* of the command block; NULL: it is in no table */
	uint64_t lba, blocks; /* of a READ or WRITE; 0: it is none */
	bool moves_blocks; /* READ or WRITE of at least one block */
	bool past_end;	   /* of those, and not all of them are on the medium, which is known */
	struct msc_meaning says;  /* the command block, or the scenario instead of it */
	struct msc_meaning meant; /* the same, knowing how it ended: a command that passed did not
				     mean less than its command block says */

	/* what came of it */
	const struct msc_step *stuck; /* where it came to a stop: the CBW was refused or never taken,
					 or data or CSW never ended. NULL: it did not */
	enum msc_after after;
	enum msc_came came;
	enum msc_brought brought;
	/* Answered: what dCSWDataResidue may be, any value that some true story could explain. */
	uint64_t residue_least, residue_most;
	bool residue_fits;
	/* Passed with an answer on bulk-in that can be read, for its residue is right: how many bytes
	 * of it are relevant, and how many could have been. */
	bool answer;
	size_t answer_len, answer_asked;
};

/* False when the host ended bulk-out before dCBWDataTransferLength by its own choice. */
bool msc_host_sent_all(const struct msc_exchange *);

/* The halt of the step's endpoint was cleared in the same exchange, before it. */
bool msc_clears_before(const struct msc_exchange *, const struct msc_step *);
/* So it was, and there was none: the endpoint had not given STALL in that exchange. */
bool msc_clears_idle(const struct msc_exchange *, const struct msc_step *);

/* The oracle, for msc_record_conclude: from the command block; and, where view.def and view.says are
 * filled in, of a command that passed. */
struct msc_meaning msc_oracle_says(const struct msc_exchange *, const struct msc_cdb_meant *);
struct msc_meaning msc_oracle_meant(const struct msc_exchange *);

#endif
