/* SPDX-License-Identifier: BSD-2-Clause */
/* What a record proves: the questions that several rules ask of it and of what came before it.
 * Internal to the judge. When a record cannot prove something, the answer here is the one that
 * gives no finding. */
#ifndef MSC_JUDGE_FACTS_H
#define MSC_JUDGE_FACTS_H

#include "judge/judge.h"
#include "record/history.h"

/* ---- one exchange ------------------------------------------------------------------------- */

bool msc_has_status(const struct msc_record *, uint8_t status); /* answered, with that status */

enum msc_came { /* what came where the CSW belongs */
	MSC_CAME_NOTHING,
	MSC_CAME_CSW,	 /* 13 bytes */
	MSC_CAME_BROKEN, /* it begins like a CSW and has another length */
	MSC_CAME_DATA,
};
enum msc_came msc_came(const struct msc_exchange *);

/* What a data transfer on bulk-in brought: its last packet can be this command's CSW, and the only
 * one that of an earlier command. */
enum msc_brought { MSC_BROUGHT_DATA, MSC_BROUGHT_CSW, MSC_BROUGHT_OLD_CSW };
enum msc_brought msc_brought(const struct msc_record *);

bool msc_stalled(const struct msc_exchange *, uint8_t ep); /* at any time in the exchange */
bool msc_hung(enum msc_outcome);			   /* a time-out, or no handshake */

/* Where the exchange came to a stop, and the step that shows it; NULL: it did not. The CBW was
 * refused or never taken, or data or CSW never ended. */
const struct msc_step *msc_stuck(const struct msc_exchange *);

/* The total length that an answer claims for itself in its own length field; 0: it has none. */
uint64_t msc_claimed_length(const struct msc_exchange *);

/* What dCSWDataResidue may be, from least to most: any value that some true story could explain. */
struct msc_residue_range {
	uint64_t least, most;
};
struct msc_residue_range msc_residue_range(const struct msc_exchange *);
bool msc_residue_fits(const struct msc_exchange *);

/* ---- commands and their answers ----------------------------------------------------------- */

/* The command passed and its bulk-in answer can be read: its residue is right. *len is how many
 * bytes of data are relevant, *asked how many could have been. */
bool msc_is_answer(const struct msc_record *, uint8_t opcode, size_t *len, size_t *asked);
/* READ or WRITE of at least one block; NULL: it is not. */
const struct msc_cdb_def *msc_blocks_command(const struct msc_exchange *);
bool msc_is_past_end(const struct msc_exchange *); /* and known to be */
/* An earlier answer that this one should agree with: the same logical unit, `same` says that the
 * commands ask for the same, and nothing in between failed or changed the unit. */
const struct msc_record *msc_earlier_answer(const struct msc_record *, uint8_t opcode,
					    bool (*same)(const uint8_t *cdb,
							 const uint8_t *before));

/* ---- intent ------------------------------------------------------------------------------- */

struct msc_intent msc_intent_of(const struct msc_exchange *);
/* The same, knowing that the command passed: it did not mean less than the command block says. */
struct msc_intent msc_intent_passed(const struct msc_exchange *);
struct msc_case msc_case_in(enum msc_dir host, uint64_t length, const struct msc_intent *);

/* ---- what came before: struct msc_past, and record/history.h ------------------------------- */

/* Whether an endpoint is halted, by the newest record that tells. *request: Bulk-Only Mass Storage
 * Reset came after that record, and it is not supposed to change it. */
enum msc_halt msc_known_halt(const struct msc_record *, uint8_t ep, bool *request);

enum msc_after { MSC_AFTER_NOTHING, MSC_AFTER_CLEAR, MSC_AFTER_RESET };
/* What led to an exchange being stuck: a command that every device knows, or any CBW that was not
 * taken, is not to blame itself. */
enum msc_after msc_after(const struct msc_record *);

/* The exchange before, when nothing that could change the device's mind came between: no reset,
 * and the same logical unit. */
const struct msc_record *msc_undisturbed(const struct msc_record *);

/* ---- control requests --------------------------------------------------------------------- */

/* Some interface of the configuration has this number. */
bool msc_interface_exists(const struct msc_device *, uint8_t number);
/* A GET_DESCRIPTOR of that type; *index is the descriptor's. */
bool msc_is_descriptor(const struct msc_record *, uint8_t type, uint8_t *index);

/* ---- the record at hand -------------------------------------------------------------------- */

/* What the rules ask of the exchange at hand, answered once for all of them. */
struct msc_view {
	struct msc_intent intent;   /* of the command block */
	struct msc_intent passed;   /* the same, knowing that it passed; if it did */
	struct msc_case c;	    /* of the thirteen */
	const struct msc_step *stuck;
	enum msc_came came;
	enum msc_brought brought;
	enum msc_after after;
};
void msc_view_fill(struct msc_view *, const struct msc_record *);
const struct msc_view *msc_view(const struct msc_judging *);

/* A READ(10), WRITE(10) or TEST UNIT READY that did all that it means, for which nothing that came
 * before matters: no rule has anything to say of it, and most exchanges of a long log are one. */
bool msc_is_clean(const struct msc_record *);
/* msc_judge, but asking every rule of the record's kind, whatever it is registered for. */
int msc_judge_by_all(const struct msc_record *, enum msc_profile, struct msc_findings *,
		     struct msc_err *) MSC_MUST_CHECK;

#endif
