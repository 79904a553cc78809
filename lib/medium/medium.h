/* SPDX-License-Identifier: BSD-2-Clause */
/* The care of a medium: for whoever writes to one, and for what an earlier run has left.
 *
 * What may be written is the *scratch*: a range of blocks, and single ones all over the medium, the
 * probes. It is read and put into the journal, which is synced, before the first write; only then
 * are permits issued at the session's gate. With it are saved the blocks that a write to the scratch
 * would reach if the device cut its address (the *images*), and the neighbours of the range.
 *
 * While the run writes, one block near the range carries a *mark*, a text that no other run writes: it
 * tells this medium from every other, however alike, in this run and in the one that puts the blocks
 * back after a crash. It is written first and put back last. Beside it a *fingerprint* of blocks all
 * over the medium, which nobody writes, tells whether the medium is as it was.
 *
 * A medium that is another one, or gone, ends the writing at once: permits are revoked, nothing is put
 * back onto it, the journal stays, and msc_medium_ended says why.
 *
 * Needs a session that knows the unit (msc_session_learn) and a place for notes. None of its traffic
 * is judged but the READ before a write beyond the end. Functions return -1 when the device is gone or
 * the host failed. */
#ifndef MSC_MEDIUM_MEDIUM_H
#define MSC_MEDIUM_MEDIUM_H

#include "session/session.h"

struct msc_medium;

/* What the reader should know. safety: of what was, or was not, put back: never to be silenced. */
typedef void msc_medium_note_fn(void *user, bool safety, const char *text);

#define MSC_SCRATCH_LEAST 192 /* so that a command of 128 KiB, right or wrong, stays within */
#define MSC_SCRATCH_MOST  131072

struct msc_medium_options {
	uint8_t lun;
	const char *journal_dir; /* NULL: the default */
	uint64_t seed;		 /* of the places of the fingerprint */
	uint32_t scratch; /* blocks of the scratch range where there is room, up to
			     MSC_SCRATCH_MOST; 0: as many as most commands need */
	msc_medium_note_fn *note;
	void *user;
};

/* Chooses the blocks; no traffic. NULL: out of memory. */
struct msc_medium *msc_medium_new(struct msc_session *, const struct msc_medium_options *,
				  struct msc_err *);
/* After msc_medium_finish. NULL is nothing to free. */
void msc_medium_free(struct msc_medium *);

/* For who writes right away: new, what an earlier run has left put back, all saved. NULL: nothing may
 * be written, and *err says why. Without a medium there is nothing to save, and no failure. */
struct msc_medium *msc_medium_begin(struct msc_session *, const struct msc_medium_options *,
				    struct msc_err *);

/* ---- what an earlier run has left: earlier.c ------------------------------------------------- */

enum msc_earlier {
	MSC_EARLIER_TELL,     /* say that it is there */
	MSC_EARLIER_PUT_BACK, /* this run may write: put it back where that is safe, or refuse */
	MSC_EARLIER_RESTORE,  /* the user says that this is the medium */
	MSC_EARLIER_FORGET,   /* remove the journal; the medium stays as it is */
};
/* MSC_E_BUSY: a journal is there that is not of this medium for sure, or not all of it could be put
 * back. MSC_E_FORMAT: it is damaged; MSC_E_IO: it cannot be opened, or the device does not take its
 * blocks back (MSC_E_GONE). The journal stays then, and the message says what to do. With TELL these
 * are notes. */
int msc_medium_earlier(struct msc_medium *, enum msc_earlier, struct msc_err *) MSC_MUST_CHECK;
/* The same as TELL without a session: for who only opens the device. dir NULL: the default. */
void msc_medium_tell(const struct msc_device *, const char *dir, msc_medium_note_fn *, void *user);

/* ---- writing: medium.c ------------------------------------------------------------------------ */

/* No other run may write to this device from now on. MSC_E_IO: there is no place for a journal, so
 * nothing may be written, and the message says what helps; reading may go on. */
int msc_medium_hold(struct msc_medium *, struct msc_err *) MSC_MUST_CHECK;
/* Saves all, and issues the permits; the first time. Every time: looks whether the medium is still
 * the same. *may false: nothing may be written, and why (256 bytes) says so. */
int msc_medium_save(struct msc_medium *, bool *may, char *why, size_t size,
		    struct msc_err *) MSC_MUST_CHECK;
/* The scratch range is as long from now on, up to what msc_medium_room says, and ends where it did: the
 * first time that one above MSC_SCRATCH_LEAST is asked for what is new of it is saved. All long ones
 * of a run are as long as the first. *may false: not so long, and why says so. */
int msc_medium_grow(struct msc_medium *, uint32_t blocks, bool *may, char *why, size_t size,
		    struct msc_err *) MSC_MUST_CHECK;
uint32_t msc_medium_room(const struct msc_medium *);
/* After msc_medium_save: the first blocks of the scratch range are given contents that nothing else has,
 * so that what a case writes, and what it does not, can be told from what lay there. Put back by
 * msc_medium_restore. A device that does not take them is not filled. */
int msc_medium_fill(struct msc_medium *, uint32_t blocks, struct msc_err *) MSC_MUST_CHECK;
/* After msc_medium_save, for who writes more than can be noted: the scratch range is written with stamps
 * of this seed from here on (medium/stamp.h), by who calls this, and may hold any of them until the
 * end. */
int msc_medium_stamp(struct msc_medium *, uint64_t seed, struct msc_err *) MSC_MUST_CHECK;
/* False: it is a block of the scratch range that reads as the mark does, since the device takes both for
 * one. Whoever writes it takes the mark away. */
bool msc_medium_is_free(const struct msc_medium *, uint64_t lba);
/* The block that carries the mark; false: there is none. */
bool msc_medium_mark(const struct msc_medium *, uint64_t *lba);
/* These blocks (up to 8) are not storage: they act when they are written, and may read otherwise than
 * they were written. The case under way may write them with WRITE(10), until msc_medium_restore, which
 * writes what was found and does not compare. They are saved like any other block first. *may false:
 * not these, and why (256 bytes) says so. */
int msc_medium_live(struct msc_medium *, uint64_t lba, uint32_t blocks, bool *may, char *why,
		    size_t size, struct msc_err *) MSC_MUST_CHECK;
/* Puts back what may have been written. *good: read back, it is as it was found, or the writing has
 * ended. quick: a device that does not take it is not asked for long. */
int msc_medium_restore(struct msc_medium *, bool quick, bool *good,
		       struct msc_err *) MSC_MUST_CHECK;

/* Before the medium is taken away, which may be for good: puts back all, the mark too, and removes the
 * journal. The next msc_medium_save begins anew. *good false: it could not be put back, and the journal
 * stays. */
int msc_medium_rest(struct msc_medium *, bool *good, struct msc_err *) MSC_MUST_CHECK;

/* How it went, once all is over. */
struct msc_medium_end {
	bool wrote;	  /* something was saved for it */
	bool restored;	  /* all is as it was found */
	unsigned elsewhere; /* blocks that changed although nobody wrote them */
};
/* Whatever happened: compares, puts back, removes the journal, or keeps it and says so. */
void msc_medium_finish(struct msc_medium *, struct msc_medium_end *);
/* Why nothing may be written any more; NULL: it may. */
const char *msc_medium_ended(const struct msc_medium *);
/* That is why: the device says that the medium was changed or taken out, or gives another capacity. */
bool msc_medium_is_taken(const struct msc_medium *);
/* That is why: what the device reads is not what lies on its medium, so nothing of it can be saved. */
bool msc_medium_is_untrue(const struct msc_medium *);

/* Something is saved, which is to be put back. */
bool msc_medium_is_saved(const struct msc_medium *);
/* How many blocks have changed so far that nobody wrote; *text says of the newest how. */
unsigned msc_medium_elsewhere(const struct msc_medium *, const char **text);

uint64_t msc_medium_first(const struct msc_medium *);
uint32_t msc_medium_blocks(const struct msc_medium *); /* 0: there is no medium */
uint32_t msc_medium_probes(const struct msc_medium *);
uint64_t msc_medium_probe(const struct msc_medium *, uint32_t i);
/* The blocks from there on as the case under way has found them, filled or not, and how many bytes
 * follow; NULL: not known. */
const uint8_t *msc_medium_original(const struct msc_medium *, uint64_t lba, size_t *len);
/* The same of one block, and only if its filling has worked or has changed nothing: otherwise nobody knows
 * whether what was read lay there, or what spoils writes has made it. false: not known. */
bool msc_medium_held(const struct msc_medium *, uint64_t lba, uint8_t *block);

/* ---- writing that stays: replace.c -------------------------------------------------------------- */

struct msc_extent { /* bytes of the medium */
	uint64_t offset;
	size_t len;
	const uint8_t *data;
};
/* These bytes take the place of what is there, all of them or none: after a failure the message says
 * whether what was found is back. Until then the journal has it. live: the blocks act, so they may read
 * otherwise than they were written, and are not read back. The medium is fresh from msc_medium_new,
 * and of no further use but for msc_medium_free. MSC_E_UNSUPPORTED: no medium, or write-protected;
 * MSC_E_FORMAT: not within the medium; MSC_E_DEVICE: it does not take or keep them. */
int msc_medium_replace(struct msc_medium *, const struct msc_extent *, size_t n, bool live,
		       struct msc_err *) MSC_MUST_CHECK;

/* ---- around each command that may write: write.c ----------------------------------------------- */

enum msc_may {
	MSC_MAY_SEND,
	MSC_MAY_NOT,  /* it would write where nothing is saved */
	MSC_MAY_SKIP, /* a READ past the end passes, so a write there would land somewhere */
	MSC_MAY_ENDED, /* the medium is another one, or gone */
};
struct msc_write {
	enum msc_may may;
	char why[256];	 /* unless it may be sent */
	char hit[320];	 /* after it: what it changed that it does not name; empty: nothing */
	uint64_t lba;
	uint32_t blocks;
	const uint8_t *data; /* borrowed from the request; NULL: zeros */
	size_t data_len;
	bool beyond, permitted;
	uint64_t odd; /* a block that changed, but not into what was written, when is_odd */
	bool is_odd;
	unsigned permit;
};
/* Before a command: what it will write is noted in the journal; where it goes beyond the end, or to a
 * protected medium, the blocks that it may reach are saved and a permit is issued for it alone. */
int msc_medium_before(struct msc_medium *, const struct msc_request *, struct msc_write *,
		      struct msc_err *) MSC_MUST_CHECK;
/* After it: looks at these blocks, and puts them back. */
int msc_medium_after(struct msc_medium *, struct msc_write *, struct msc_err *) MSC_MUST_CHECK;
/* Bytes that go to bulk-out outside of any command, and may become the data of one. */
int msc_medium_announce(struct msc_medium *, const uint8_t *data, size_t len,
			struct msc_err *) MSC_MUST_CHECK;

#endif
