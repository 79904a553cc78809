/* SPDX-License-Identifier: BSD-2-Clause */
/* Much writing and reading, and every block compared: for what a single command does not show.
 *
 * The scratch range of a medium in our care is written with stamps (medium/stamp.h), in the sizes that
 * hosts use and at places that are aligned and that are not, and read back. A block that is not what
 * it should be is looked at for what it is: older, meant for another address, shifted, ANDed with what
 * lay there before. Where several are wrong, what they have in common is looked for: the period of an
 * address that wraps, a place within the command, a number of blocks between one and the next.
 *
 *	soak.c	 the conversation, from the seed alone
 *	power.c	 the end of a run: the power goes and comes back
 *	look.c	 what a wrong block holds
 *	sum.c	 what wrong blocks have in common
 *	text.c	 both in words */
#ifndef MSC_SOAK_SOAK_H
#define MSC_SOAK_SOAK_H

#include "medium/medium.h"

#define MSC_SOAK_BLOCKS 8192 /* of the scratch range: 4 MiB */
#define MSC_SOAK_BYTES	(UINT64_C(64) << 20)
#define MSC_SOAK_NS	(60 * MSC_S)

enum msc_soak_kind {
	MSC_SOAK_ZEROS,
	MSC_SOAK_ONES,
	MSC_SOAK_STALE,	  /* an older generation of the same address */
	MSC_SOAK_FOREIGN, /* what was written to another address */
	MSC_SOAK_SHIFTED, /* a stamp that begins elsewhere than the block */
	MSC_SOAK_ANDED,	  /* with what lay there before */
	MSC_SOAK_ORED,
	MSC_SOAK_MIXED, /* a part is right, or is of another stamp */
	MSC_SOAK_BITS,	/* a few bits are wrong */
	MSC_SOAK_OTHER,
	MSC_SOAK_UNREADABLE,
	MSC_SOAK_UNWRITABLE,
	MSC_SOAK_KINDS
};
extern const char *const msc_soak_kind_names[MSC_SOAK_KINDS];

struct msc_soak_wrong {
	enum msc_soak_kind kind;
	uint64_t lba;
	uint32_t generation; /* that it should hold; 0: what was found */
	bool after_power;    /* it was not wrong before the power went */
	/* where it came in the write of that generation, when there was one */
	uint32_t offset, blocks; /* of the command, of which it is the offset-th block */
	uint64_t ordinal;	 /* blocks that the run had written before it */
	/* what it holds */
	bool has_from; /* STALE, FOREIGN, SHIFTED, MIXED: of this stamp (0: what was found) */
	uint64_t from_lba;
	uint32_t from_generation;
	uint32_t at, bytes; /* the first byte that is wrong; how many are */
	uint32_t bits;	    /* and how many bits */
	char sense[128]; /* UNREADABLE, UNWRITABLE: why; empty: it did not say */
};

/* What many wrong blocks have in common. */
enum msc_soak_pattern_id {
	MSC_SOAK_ALIAS,	  /* addresses a period apart are the same block */
	MSC_SOAK_COMMAND, /* it is each period-th block of a command */
	MSC_SOAK_RING,	  /* or of all that is written */
	MSC_SOAK_PLACE,	  /* or of the medium */
	MSC_SOAK_NOT_ERASED,
	MSC_SOAK_POWER,
	MSC_SOAK_PATTERNS
};
extern const char *const msc_soak_pattern_names[MSC_SOAK_PATTERNS];

struct msc_soak_pattern {
	enum msc_soak_pattern_id id;
	uint64_t period, phase; /* in blocks; period 0: there is none */
	uint32_t of;		/* so many of the wrong blocks */
	char text[320];
};

#define MSC_SOAK_KEPT 4096

#define MSC_SOAK_PHASES 8192 /* blocks: the longest ring that is looked for */

enum msc_soak_power {
	MSC_SOAK_POWER_NOT_REACHED,
	MSC_SOAK_POWER_CYCLED,
	MSC_SOAK_POWER_SKIPPED
};

struct msc_soak {
	uint64_t first; /* of the blocks that were written */
	uint32_t blocks, block_size;
	uint64_t seed;
	uint64_t from, rounds;	/* the first round, and how many have come to their end */
	uint32_t writes, reads; /* commands */
	uint64_t bytes_written, bytes_read; /* by commands that passed */
	int64_t elapsed_ns;
	bool compared_all; /* the whole range was read and compared at the end */
	enum msc_soak_power power;
	bool flushed; /* by SYNCHRONIZE CACHE before it, since the device reports a cache */
	char power_why[256]; /* skipped */
	char failure[320];   /* what the device did that ended it early; empty: nothing */
	uint32_t count[MSC_SOAK_KINDS],
		n_wrong; /* a block once for each write of it, whoever reads it how often */
	uint32_t wrong_blocks; /* so many different ones */
	struct msc_soak_wrong *wrong; /* the first of n_wrong */
	uint32_t n_kept;
	uint64_t ordinal; /* blocks that were written, one after the other */
	/* of those whose ordinal has this remainder: written over, or left, before anybody read them */
	uint32_t unread[MSC_SOAK_PHASES];
	struct msc_soak_pattern pattern[MSC_SOAK_PATTERNS];
	uint32_t n_patterns;
};

struct msc_soak_options {
	uint8_t lun;
	uint64_t bytes;	     /* read and written, about; 0: no limit */
	int64_t duration_ns; /* 0: no limit */
	uint64_t seed;
	uint64_t from; /* the round to begin with: what is sent in it follows from the seed and its number */
	void (*progress)(void *user, const char *text); /* may be NULL */
	void *user;
};

/* The medium is saved (msc_medium_begin), with room for MSC_SOAK_BLOCKS or fewer. A device that fails
 * is in the result; -1 (it has gone, the user stopped it) leaves what there is, summed up. The result
 * begins zeroed, and is freed in any case. */
int msc_soak_run(struct msc_session *, struct msc_medium *, const struct msc_soak_options *,
		 struct msc_soak *, struct msc_err *) MSC_MUST_CHECK;
void msc_soak_free(struct msc_soak *);

/* Takes the power from the device and gives it back, as a host has it: after SYNCHRONIZE CACHE where it
 * reports a cache, which *flushed says. MSC_E_UNSUPPORTED: see msc_session_power_cycle. */
int msc_soak_power_cycle(struct msc_session *, uint8_t lun, int64_t off_ns, bool *flushed,
			 struct msc_err *) MSC_MUST_CHECK;

/* Blocks of the scratch range for so many bytes: a small dose has a small range. */
uint32_t msc_soak_blocks(uint64_t bytes, uint32_t block_size);

/* What a wrong block holds, in words; returns buf (320 bytes). */
char *msc_soak_text(char *buf, size_t size, const struct msc_soak_wrong *);

/* ---- between the files of this directory ------------------------------------------------------- */

/* What is looked at: a block that differs from what it should be. */
struct msc_soak_look {
	uint64_t seed;
	uint32_t size;
	const uint8_t *found;	 /* what was read */
	const uint8_t *expected;
	const uint8_t *before;	 /* what lay there before the newest write; NULL: not known */
	const uint8_t *original; /* what was there before the run */
};
/* Fills in kind and what it holds; lba and generation are there. */
void msc_soak_look(const struct msc_soak_look *, struct msc_soak_wrong *);
void msc_soak_sum(struct msc_soak *);

#endif
