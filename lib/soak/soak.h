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
 *	place.c	 sizes and addresses
 *	command.c one READ or WRITE, and how it failed
 *	end.c	 the end of a run: of the medium, a port reset, and the power
 *	power.c	 the power goes and comes back
 *	look.c	 what a wrong block holds
 *	sum.c	 what wrong blocks have in common
 *	within.c the same, within the command that wrote them
 *	pattern.c what both need
 *	text.c	 all of it in words */
#ifndef MSC_SOAK_SOAK_H
#define MSC_SOAK_SOAK_H

#include "base/rng.h"
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

/* What comes of a command. */
enum msc_soak_end {
	MSC_SOAK_PASSED, /* with all its data */
	MSC_SOAK_HUNG,	 /* no answer in time */
	MSC_SOAK_SHORT,	 /* passed, with less data than was asked for */
	MSC_SOAK_RESET, /* without a status that the host can go on from: it has to reset the device */
	MSC_SOAK_REFUSED, /* status 01h */
	MSC_SOAK_LIMITED, /* the same, as an illegal request, and longer than any that has passed: a device
			     may have such a limit, so this is no failure */
	MSC_SOAK_RESIDUE,  /* passed with all its data, and says that not all was processed */
	MSC_SOAK_ACCEPTED, /* passed, although it reaches past the end of the medium */
	MSC_SOAK_ENDS
};
extern const char *const msc_soak_end_names[MSC_SOAK_ENDS];

/* All its data has been moved, whatever the CSW says of it. */
static inline bool msc_soak_is_whole(enum msc_soak_end end)
{
	return end == MSC_SOAK_PASSED || end == MSC_SOAK_RESIDUE;
}

struct msc_soak_command {
	bool write;
	bool past; /* it reaches past the end of the medium: PASSED where it is refused */
	uint64_t lba;
	uint32_t blocks;
	uint32_t number; /* of the run's commands, from 1 */
	int64_t at_ns;	 /* since the run began */
	enum msc_soak_end end;
	size_t moved; /* bytes of data */
	uint8_t key;  /* REFUSED: the sense key; 0: the device gave none */
	bool again;   /* and it is for the host to send it again */
	char why[128]; /* in words; empty: the device did not say */
	int rung;      /* what brought the device back: msc_session_settle */
};

/* Commands of one direction that failed in one way. */
struct msc_soak_failed {
	uint32_t n;
	uint32_t least, most; /* blocks of the shortest and of the longest */
	struct msc_soak_command first;
};

struct msc_soak_wrong {
	enum msc_soak_kind kind;
	uint64_t lba;
	uint32_t generation; /* that it should hold; 0: what was found */
	bool after_reset;    /* it was not wrong before the port was reset */
	bool after_power;    /* nor before the power went */
	uint8_t page; /* 1 + the logarithm of the smallest page, in blocks, in which a later command wrote
			 other blocks; 0: none of up to MSC_SOAK_PAGES */
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
	MSC_SOAK_COMMAND, /* a place within the command */
	MSC_SOAK_RING,	  /* or of all that is written */
	MSC_SOAK_PLACE,	  /* or of the medium */
	MSC_SOAK_NEIGHBOUR, /* a later command wrote beside it */
	MSC_SOAK_NOT_ERASED,
	MSC_SOAK_AFTER_RESET,
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

#define MSC_SOAK_PAGES 9 /* of 1 to 256 blocks */

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
	struct msc_soak_failed failed[MSC_SOAK_ENDS][2]; /* [1]: writes; of PASSED there are none */
	uint32_t n_failed;		  /* all of these that are failures */
	uint32_t longest_passed[2];	  /* blocks; 0: none has */
	uint32_t count[MSC_SOAK_KINDS],
		n_wrong; /* a block once for each write of it, whoever reads it how often */
	uint32_t wrong_blocks; /* so many different ones */
	struct msc_soak_wrong *wrong; /* the first of n_wrong */
	uint32_t n_kept;
	uint64_t ordinal; /* blocks that were written, one after the other */
	/* of those whose ordinal has this remainder: written over, or left, before anybody read them */
	uint32_t unread[MSC_SOAK_PHASES];
	/* of blocks that were right, each MSC_SOAK_SAMPLE-th: see page of a wrong one */
	uint32_t right_page[MSC_SOAK_PAGES + 1];
	struct msc_soak_pattern pattern[MSC_SOAK_PATTERNS];
	uint32_t n_patterns;
};

struct msc_soak_options {
	uint8_t lun;
	uint64_t bytes;	     /* written, and read and compared, both together, about; 0: no limit */
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

/* What a host sends before it takes the power: SYNCHRONIZE CACHE where the device reports a cache, which *flushed
 * says. Not judged. */
int msc_soak_flush(struct msc_session *, uint8_t lun, bool *flushed,
		   struct msc_err *) MSC_MUST_CHECK;

/* How long a device that hangs is waited for, once it has done so three times: MSC_HASTY_NS. */
#define MSC_SOAK_HANGS 3

/* Takes the power from the device and gives it back, as a host has it: after SYNCHRONIZE CACHE where it
 * reports a cache, which *flushed says. MSC_E_UNSUPPORTED: see msc_session_power_cycle. */
int msc_soak_power_cycle(struct msc_session *, uint8_t lun, int64_t off_ns, bool *flushed,
			 struct msc_err *) MSC_MUST_CHECK;

/* Blocks of the scratch range for so many bytes: a small dose has a small range. */
uint32_t msc_soak_blocks(uint64_t bytes, uint32_t block_size);

/* What a wrong block holds, in words; returns buf (320 bytes). */
char *msc_soak_text(char *buf, size_t size, const struct msc_soak_wrong *);

/* The commands that failed so, as a sentence; returns buf (400 bytes), or NULL where there are none. */
char *msc_soak_failed_text(char *buf, size_t size, const struct msc_soak *, enum msc_soak_end,
			   bool write);

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

/* What they have in common within the commands that wrote them. aliased: some are the doing of an
 * address that wraps, and do not count. false: nothing. */
bool msc_soak_sum_moved(struct msc_soak *);
bool msc_soak_sum_within(struct msc_soak *, bool aliased);
bool msc_soak_counts(const struct msc_soak_wrong *, bool aliased);
struct msc_soak_pattern *msc_soak_add(struct msc_soak *, enum msc_soak_pattern_id, uint64_t period,
				      uint64_t phase, uint32_t of);
char *msc_soak_span(char *buf, size_t size, const struct msc_soak *, uint64_t blocks);
uint64_t msc_soak_divisor(uint64_t a, uint64_t b);

/* Sends the READ or WRITE that c says, again where the device only has something to report, and fills in
 * the rest of c and the counts; brings the device back. began_ns: of the run. data: all of the blocks. */
int msc_soak_send(struct msc_session *, struct msc_soak *, uint8_t lun, int64_t began_ns,
		  struct msc_soak_command *c, uint8_t *data, struct msc_err *) MSC_MUST_CHECK;

#define MSC_SOAK_CHUNK 240 /* blocks of a command of Linux: 120 KiB */
#define MSC_SOAK_LONGEST 2048 /* of macOS */
uint32_t msc_soak_shorter(uint32_t blocks); /* the next length below it that is worth a try */
/* Of 1 to most blocks, as hosts have them and as they do not. */
uint32_t msc_soak_size(struct msc_rng *, uint32_t most);
uint64_t msc_soak_place(struct msc_rng *, uint64_t first, uint32_t range, uint32_t blocks);

#endif
