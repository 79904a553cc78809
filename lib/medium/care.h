/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of lib/medium share.
 *
 *	place.c	   which blocks: scratch, mark, images, fingerprint; arithmetic alone
 *	blocks.c   the blocks that are saved, and what may lie in their place
 *	move.c	   reading and writing them, putting them back
 *	take.c	   saving: reading what is not saved yet, noting it in the journal
 *	grow.c	   a longer scratch range
 *	fill.c	   what a case finds in the scratch
 *	stamp.c	   blocks that say what they are
 *	live.c	   blocks that act when they are written
 *	replace.c  new contents that stay
 *	same.c	   whether the medium is the one that it was
 *	mark.c	   writing the mark, and what that shows
 *	reads.c	   whether a READ gives the block that it names
 *	trial.c	   putting back what mark.c and reads.c wrote, after a crash
 *	medium.c, finish.c, write.c, earlier.c, tell.c   see medium.h */
#ifndef MSC_MEDIUM_CARE_H
#define MSC_MEDIUM_CARE_H

#include "base/rng.h"
#include "medium/journal.h"
#include "medium/medium.h"

#define CARE_PROBES_MAX 24
#define CARE_IMAGES_MAX 16 /* of one address */
#define CARE_PAGE_BITS \
	8 /* pages and erase units of flash: up to so many address bits are dropped */
#define CARE_WRAP_BITS	   10 /* an address of fewer bits no disk has */
#define CARE_WRAPS_MAX	   (64 - CARE_WRAP_BITS)
#define CARE_STAND_INS_MAX (CARE_IMAGES_MAX + CARE_PAGE_BITS + 2 + CARE_WRAPS_MAX)
#define CARE_PIECE	65536u /* bytes read by one command */
#define CARE_UNIT_BYTES 65536u /* the largest erase unit that is put back as a whole */
#define CARE_LIVES_MAX	16 /* permits at a time for what acts, each of so many blocks: */
#define CARE_LIVE_BLOCKS_MAX 8

enum care_kind {
	CARE_SCRATCH = 1,
	CARE_PROBE = 2,
	CARE_MARK = 4,
	CARE_IMAGE = 8, /* and neighbours */
	CARE_PRINT = 16, /* of the fingerprint: it was hit */
	CARE_REACH = 64, /* by the command under way: see write.c */
	CARE_DIFFERS = 128, /* for the while of putting back */
	CARE_LIVE = 256, /* acts when it is written: see live.c */
	CARE_UNIT = 512, /* within CARE_UNIT_BYTES of the mark: erased with it by some flashes */
	CARE_WRAP = 1024, /* stands in for the mark's block where addresses wrap: care_wraps */
};

struct care_block {
	uint64_t lba;
	uint8_t *data; /* as found; into one of the arenas */
	const uint8_t *held; /* what the case under way has found there; NULL: data */
	uint16_t kind;
	bool dirty; /* may differ since it was last compared, or filled */
	bool spoilt; /* what the case has found is neither what it was filled with nor `data` */
	bool noted; /* it is in the journal */
	bool leave; /* of an earlier run: what lies there is not that run's */
};

struct care_print {
	uint64_t lba;
	uint8_t *data;
};

struct care_live {
	uint64_t lba;
	uint32_t blocks;
	unsigned permit;
};

struct msc_medium {
	struct msc_session *s;
	const struct msc_device *device;
	struct msc_medium_options o;
	uint64_t capacity; /* blocks; 0: there is no medium */
	uint32_t block_size;
	uint64_t first; /* of the scratch range */
	uint32_t blocks;
	uint64_t probe[CARE_PROBES_MAX];
	uint32_t n_probes;
	bool has_mark; /* there is room for one */
	uint64_t mark;
	char nonce[24];

	struct care_block *block; /* sorted by lba */
	size_t n_blocks, room_blocks;
	uint8_t **arena;
	size_t n_arenas;
	uint8_t **wrote; /* contents that may lie there by our own hand */
	uint64_t *wrote_hash;
	size_t n_wrote, room_wrote;
	struct care_print print[MSC_JOURNAL_PRINTS_MAX];
	uint32_t n_prints, next_print;

	struct msc_journal *journal; /* held; NULL: the medium is memory, or nothing is held yet */
	bool saved;	/* all of the above is in the journal, and permits are issued */
	bool marked;	/* the mark was read back */
	uint64_t mark_at; /* where: elsewhere than `mark` on a device that cuts addresses */
	bool untrue;	/* not even the mark reads as it was written */
	bool taken; /* the device says that there is another medium, or none, and that has ended it */
	bool cuts;	/* writes reach images: they are looked at every time */
	bool aliased;	/* so do reads: an image is the block itself */
	unsigned suspects; /* bits of the ways (care_images) that explain every hit so far */
	unsigned elsewhere; /* hits */
	char hit[320];	/* the newest */
	uint64_t unsteady; /* a block that did not read the same twice, when has_unsteady */
	bool has_unsteady;
	unsigned changed, doubts, absent; /* signs of the session seen so far */
	uint8_t *fill[2]; /* of the scratch range, and of the long one: what `held` points to; NULL:
			     never yet */
	uint32_t grown; /* blocks of the long range that are saved; 0: none */
	uint64_t stamp; /* the seed of what else may lie there, when has_stamp */
	bool has_stamp;
	uint32_t page; /* blocks that a write erases, where that is more than care_page says; 0: it is not */
	bool no_flush; /* it does not know SYNCHRONIZE CACHE, or hangs at it */
	bool unfilled; /* the device does not take what it is to be filled with, or cannot be read */
	char ended[256]; /* why nothing may be written any more; empty: it may */
	unsigned permit[CARE_PROBES_MAX + 2];
	size_t n_permits;
	struct care_live live[CARE_LIVES_MAX]; /* of the case under way */
	size_t n_live;
};

void care_note(struct msc_medium *, bool safety, const char *fmt, ...) MSC_PRINTF(3, 4);
/* A block has changed that nobody wrote: counted, and kept for the reader. */
void care_hit(struct msc_medium *, const char *fmt, ...) MSC_PRINTF(2, 3);
void care_end(struct msc_medium *, const char *fmt, ...) MSC_PRINTF(2, 3);
void care_revoke(struct msc_medium *); /* all permits */
/* Until care_revoke. */
int care_permit(struct msc_medium *, uint64_t first, uint32_t blocks,
		struct msc_err *) MSC_MUST_CHECK;
void care_live_revoke(struct msc_medium *);
/* The blocks that were saved: as if nothing had ever been. */
void care_forget(struct msc_medium *);
/* Signs alone, no traffic. */
void care_heed_signs(struct msc_medium *);
/* The same, and where the unit gave "medium not present" as its reason for a failure, it is asked first
 * whether it is ready: some say so of whatever fails. */
int care_hear_signs(struct msc_medium *, struct msc_err *) MSC_MUST_CHECK;

/* ---- place.c */
void care_place(struct msc_medium *);
/* Where a block of this address may land when the device forms the address in too few bits. The
 * address itself is not among them. */
struct care_image {
	uint64_t lba;
	unsigned cuts; /* bits of the ways that lead there */
};
size_t care_images(const struct msc_medium *, uint64_t lba, struct care_image[CARE_IMAGES_MAX]);
/* Which of these ways it was, as far as that is known. */
const char *care_cut_text(unsigned cuts, char *buf, size_t size);
/* Blocks of the erase unit, 4 KiB unless a write has shown another. */
uint32_t care_page(const struct msc_medium *);
/* The i-th place of the fingerprint. */
uint64_t care_print_place(const struct msc_medium *, struct msc_rng *, uint32_t i, uint32_t n);
void care_mark_fill(const struct msc_medium *, uint8_t *block);

/* ---- blocks.c */
struct care_block *care_find(const struct msc_medium *, uint64_t lba);
/* n blocks in a row; data is copied, or left zero when NULL. Those that are saved already keep
 * their data and gain the kind. */
int care_add(struct msc_medium *, uint64_t lba, uint32_t n, const uint8_t *data, enum care_kind,
	     struct msc_err *) MSC_MUST_CHECK;
/* Those that are saved and not noted: they will not be written. Their data stays until the end. */
void care_drop_new(struct msc_medium *);
/* Contents as msc_journal_add_wrote takes them: those that are new go into *fresh (to be freed). */
int care_wrote(struct msc_medium *, const uint8_t *data, size_t len, uint8_t **fresh,
	       size_t *fresh_len, struct msc_err *) MSC_MUST_CHECK;
/* True: it is what was found, or what may have been written, or the beginning of one and the end of
 * another, as a write that was cut short leaves it. */
bool care_is_ours(const struct msc_medium *, const struct care_block *, const uint8_t *now);
bool care_is_live(const struct msc_medium *, uint64_t lba); /* it acts, and may be written now */
void care_blocks_free(struct msc_medium *);

/* ---- move.c */
int care_read(struct msc_medium *, uint64_t lba, uint32_t n, uint8_t *data, bool *good,
	      struct msc_err *) MSC_MUST_CHECK;
/* Under a permit of its own, in small pieces. */
int care_write(struct msc_medium *, uint64_t lba, uint32_t n, const uint8_t *data, bool quick,
	       bool *good, struct msc_err *) MSC_MUST_CHECK;
int care_flush(struct msc_medium *, struct msc_err *) MSC_MUST_CHECK;
/* Of CARE_PIECE bytes, or one block; free() it. */
uint8_t *care_room(const struct msc_medium *, struct msc_err *);
/* Compares and puts back the blocks of these kinds. *good: they are as found. */
int care_put_back(struct msc_medium *, unsigned kinds, bool dirty_only, bool quick, bool *good,
		  struct msc_err *) MSC_MUST_CHECK;
/* The blocks of these kinds that differ from what was found: called with each. */
typedef void care_differs_fn(struct msc_medium *, struct care_block *, const uint8_t *now,
			     void *user);
int care_compare(struct msc_medium *m, unsigned kinds, bool dirty_only, care_differs_fn *differs,
		 void *user, bool *readable, struct msc_err *err) MSC_MUST_CHECK;

/* ---- medium.c: all that is saved goes into the journal, which is synced; then the mark is written, if
 * there is to be one, and looked for. */
int care_begin(struct msc_medium *, struct msc_err *) MSC_MUST_CHECK;

/* ---- take.c */
/* Reads blocks in a row and keeps them; does nothing when *readable is false. */
int care_take(struct msc_medium *, uint64_t lba, uint32_t n, enum care_kind, bool *readable,
	      struct msc_err *) MSC_MUST_CHECK;
/* Those of these blocks that are not saved yet, in rows. Sorts the list. */
int care_take_all(struct msc_medium *, uint64_t *lba, size_t n, enum care_kind, bool *readable,
		  struct msc_err *) MSC_MUST_CHECK;
/* Notes in the journal what was saved since it was written. */
int care_note_new(struct msc_medium *, struct msc_err *) MSC_MUST_CHECK;
/* The journal says that the mark is written to this block next; NULL: there is no mark, and something else is. */
int care_note_tried(struct msc_medium *, const uint64_t *lba, struct msc_err *) MSC_MUST_CHECK;

/* ---- write.c: the journal knows that these contents may lie on the medium. */
int care_announce(struct msc_medium *, const uint8_t *data, size_t len,
		  struct msc_err *) MSC_MUST_CHECK;

/* ---- live.c */
/* Writes back what was found, and revokes the permits. */
int care_live_end(struct msc_medium *, struct msc_err *) MSC_MUST_CHECK;

/* ---- same.c */
int care_fingerprint(struct msc_medium *, bool *readable, struct msc_err *) MSC_MUST_CHECK;
/* Whether the medium is still the same: few reads, or all there is to compare. Ends the writing if
 * it is not. */
int care_check(struct msc_medium *, bool thorough, struct msc_err *) MSC_MUST_CHECK;
/* The block is saved, or changes with one that is where addresses are cut. */
bool care_is_reached(const struct msc_medium *, uint64_t lba);
/* Looks for the mark in saved blocks. Each one that shows it gains CARE_MARK, and a note. */
int care_find_mark_in(struct msc_medium *, uint64_t first, uint32_t blocks, bool *found,
		      struct msc_err *) MSC_MUST_CHECK;
bool care_is_constant(const uint8_t *data, size_t len); /* one byte, again and again */
/* True: the fingerprint has enough in it to tell media apart. */
bool care_is_telling(const struct msc_medium *);
/* This block shows the mark: at mark_at, if it is still the same medium. */
int care_is_marked(struct msc_medium *, uint64_t lba, bool *marked,
		   struct msc_err *) MSC_MUST_CHECK;

/* ---- mark.c: the mark is written and looked for, unless the medium is too small for one or cannot be written. */
int care_write_mark(struct msc_medium *, struct msc_err *) MSC_MUST_CHECK;

/* ---- reads.c */
/* The blocks that a device with a wrong address may give when the mark's is read. They are saved with it. */
size_t care_stand_ins(const struct msc_medium *, uint64_t lba[CARE_STAND_INS_MAX]);
/* Those of a medium that begins again behind a power of two, on one of the two paths alone: on both, the
 * mark is read at its place, and nothing is known to be wrong. */
size_t care_wraps(const struct msc_medium *, uint64_t lba[CARE_WRAPS_MAX]);
/* `written`: the mark is in its place, and cannot be read back from there. Ends the writing when a READ is
 * found to give another block. */
int care_try_stand_ins(struct msc_medium *, const uint8_t *mark, bool written,
		       struct msc_err *) MSC_MUST_CHECK;

/* ---- trial.c: what an earlier run wrote to find out what a READ and a write do on its device. Nothing but the
 * mark has been written then, and to the blocks `lba` alone, in this order. */
/* Whether a saved block shows the mark. */
int care_trial_shows(struct msc_medium *, bool *marked, struct msc_err *) MSC_MUST_CHECK;
/* Takes the mark away, with writes to these blocks alone. Those that were written are dirty afterwards. *good: no
 * saved block shows it any more. */
int care_trial_undo(struct msc_medium *, const uint64_t *lba, size_t n, bool *good,
		    struct msc_err *) MSC_MUST_CHECK;

#endif
