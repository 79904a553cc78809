/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of a soak, between the conversation (soak.c) and its end (end.c); private to soak/. */
#ifndef MSC_SOAK_TALK_H
#define MSC_SOAK_TALK_H

#include "soak/soak.h"

#define MSC_SOAK_LAST 8 /* blocks of the longest command of end.c, for which data has room */

struct msc_soak_cell { /* what is known of a block */
	uint32_t generation, before; /* 0: as it was found */
	uint32_t offset, blocks;     /* of the write that it is from */
	uint64_t ordinal;
	uint32_t told; /* the generation, plus 1, for which it is known to be wrong */
	bool unknown;  /* a write of it failed */
	bool read;     /* since it was written */
	bool counted;  /* in wrong_blocks */
};

struct msc_soak_talk {
	struct msc_session *s;
	struct msc_medium *m;
	const struct msc_soak_options *o;
	struct msc_soak *r;
	struct msc_soak_cell *cell;
	struct msc_rng rng;
	uint8_t *data, *expected, *before;
	uint32_t most; /* blocks of a command */
	uint32_t read_most; /* and of one that reads */
	uint32_t stuck[2];  /* reads, writes that failed, and not for a bad block */
	uint32_t compared;  /* blocks that were right */
	uint32_t generation;
	uint64_t swept;
	int64_t began_ns;
	uint32_t failures;
	bool was_reset, cycled; /* the port; the power: and nothing has been written since */
	bool hung;
};

/* Of n blocks; what comes of it is in the result. -1: the device has gone, or the user stopped. */
int msc_soak_write(struct msc_soak_talk *, uint64_t lba, uint32_t n,
		   struct msc_err *) MSC_MUST_CHECK;
/* Compares them; where it fails, its halves are read, until the block is found that cannot be. */
int msc_soak_read(struct msc_soak_talk *, uint64_t lba, uint32_t n,
		  struct msc_err *) MSC_MUST_CHECK;
int msc_soak_sweep(struct msc_soak_talk *, struct msc_err *) MSC_MUST_CHECK; /* the whole range */

/* A command has failed, and the device is back, or is not. */
void msc_soak_weigh(struct msc_soak_talk *, const struct msc_soak_command *);

/* Draws a place to write to. false: there is none, since the device takes too many blocks for the one with
 * the mark. */
bool msc_soak_choose(struct msc_soak_talk *, uint64_t *lba, uint32_t *n);

/* What is left to do takes as long as it takes, but not with a device that hangs. */
bool msc_soak_ends_early(const struct msc_soak_talk *);

/* What comes once the range has been read: the last block of the medium and what lies behind it, a port reset,
 * and the power. */
int msc_soak_end(struct msc_soak_talk *, struct msc_err *) MSC_MUST_CHECK;

#endif
