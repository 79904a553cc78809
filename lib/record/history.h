/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of a device, and what a rule may look back at: all of it, with its size. It does
 * not grow with the log.
 *
 *	the exchange before, on any unit	past.exchange, and so on backward	4 exchanges
 *	the exchange before on the same unit	past.own				1 a unit
 *	resets, requests, halts since		past					flags
 *	a medium locked in, or ejected		past					flags of a unit
 *	answers of a unit that stand: commands that passed, each of them once for its operation code
 *	  and bytes 1 to 3, and nothing after them failed or changed the unit	24 a unit
 *	writes of a unit that stand, no block of which is in two of them		8 a unit
 *	partitions of a unit by the tables that were read, and nothing written since	16 a unit
 *	answers to control requests, each request once				24
 *	the control request before						1
 *
 * Of the data of an exchange the first MSC_KEPT_MAX bytes are kept for that, and their hash.
 */
#ifndef MSC_RECORD_HISTORY_H
#define MSC_RECORD_HISTORY_H

#include "record/parts.h"
#include "record/record.h"

#define MSC_HISTORY_EXCHANGES 4
#define MSC_HISTORY_ANSWERS   24
#define MSC_HISTORY_CONTROLS  24
#define MSC_HISTORY_WRITES    8

/* The newest first. */
struct msc_answers {
	struct msc_record *list[MSC_HISTORY_ANSWERS];
	size_t count;
};

/* Of WRITEs that passed with all their data, the newest first: no command since has failed, or may have
 * changed the medium by other means. */
struct msc_written {
	struct msc_record *record;
	uint64_t lba, blocks;
};
struct msc_writes {
	struct msc_written list[MSC_HISTORY_WRITES];
	size_t count;
};

struct msc_history {
	/* what is known of the device, whatever is forgotten */
	struct msc_unit unit[MSC_LUN_MAX + 1];
	bool have_max_lun, max_lun_refused;
	uint8_t max_lun;
	bool needs_reset; /* only reset recovery leads on: the newest exchange says so */
	bool unclean;	  /* the device may be in the middle of a command */
	bool owed; /* the host owes a recovery and has not tried one: by what it did that was not
		      muted, the device needs a reset, or a bare transfer moved something */

	struct msc_past past; /* of the record that comes next, but for what depends on its unit */
	struct msc_of_unit {
		struct msc_record *newest;
		struct msc_answers answers;
		struct msc_writes writes;
		struct msc_parts parts;
		bool prevented, ejected, gone, unseen;
		int64_t ejected_ns;
	} of_unit[MSC_LUN_MAX + 1];
	struct msc_record *exchange[MSC_HISTORY_EXCHANGES]; /* the newest first */
	struct msc_answers controls;
	bool only_control; /* nothing but control requests */
	bool have_control;
	enum msc_outcome control; /* of the control request before */
};

void msc_history_init(struct msc_history *);
void msc_history_free(struct msc_history *);
/* The device is ready for a CBW, and no rule looks back past this point. What is known stays. */
void msc_history_forget(struct msc_history *);

/* Before a record: what was known when it began. An exchange's unit is not known before its CBW. */
void msc_history_begin(const struct msc_history *, struct msc_record *);
void msc_history_begin_unit(const struct msc_history *, struct msc_record *);
/* After it, complete, concluded and judged. */
void msc_history_add(struct msc_history *, struct msc_record *);

/* For rules, while r is the newest record: answers of its unit that stand, answers to control
 * requests; NULL: none. */
const struct msc_answers *msc_history_answers(const struct msc_record *r);
const struct msc_answers *msc_history_controls(const struct msc_record *r);
/* Those of them of which a READ has brought some block: the one behind that, the first for NULL; NULL at
 * the end. */
const struct msc_written *msc_history_written(const struct msc_record *r,
					      const struct msc_written *);

/* While r is the newest record, a READ that passed: the partition, or the table of logical ones, that it begins
 * with. NULL: it begins with none that is known. */
const struct msc_part *msc_history_part(const struct msc_record *r);

/* A READ or WRITE of blocks by their address that passed and moved all of them: where they begin, and
 * how many there are. */
bool msc_moved_extent(const struct msc_exchange *, uint64_t *lba, uint64_t *blocks);

#endif
