/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal: the blocks of a medium as they were found, in a file of the host, on the disk before
 * the first of them is written; whose blocks they are; and what the run may have put in their place.
 * It is named after the device, so that the next run on it finds it after a crash. One run at a time
 * may hold it. Private to lib/medium.
 *
 * A line "mscope journal 3", then entries. An entry is a line "KIND LENGTH SUM CHECK" and LENGTH
 * bytes; SUM is the hash of these, CHECK that of the line before it. Nothing is outside of a
 * checksum.
 *
 *	head   text: device, lun, capacity, block_size, mark, print (see struct msc_journal_head)
 *	save   blocks as found, each behind its address (8 bytes, big-endian)
 *	begin  the first: nothing was written before it. With an address (8 bytes, big-endian): the mark is
 *	       written there, right behind it, and nothing else before the next entry of contents or stamps
 *	wrote  contents that the run may write from here on, anywhere in the blocks that are saved
 *	stamp  a seed (8 bytes, big-endian): what else may lie there are stamps of it (medium/stamp.h)
 *
 * The file gets its name when it holds head and the first save. What follows is appended and synced
 * before it comes true on the medium, so an entry that was cut off by a crash announced a write that
 * did not happen, and is passed over. */
#ifndef MSC_MEDIUM_JOURNAL_H
#define MSC_MEDIUM_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct msc_journal;

#define MSC_JOURNAL_PRINTS_MAX 64

struct msc_print {
	uint64_t lba, hash; /* msc_journal_hash of the block */
};

struct msc_journal_head {
	char device[256]; /* msc_device.medium_id */
	uint8_t lun;
	uint64_t capacity;   /* blocks of the medium */
	uint32_t block_size; /* bytes */
	uint64_t mark;	     /* the block that carries the mark while the run writes */
	char nonce[24];	     /* in the mark; empty: there is none */
	struct msc_print print[MSC_JOURNAL_PRINTS_MAX]; /* blocks that are never written */
	uint32_t n_prints;
};

struct msc_journal_block {
	uint64_t lba;
	const uint8_t *data;
};

/* All that a journal says. */
struct msc_journal_content {
	uint8_t *file; /* what the pointers below point into */
	struct msc_journal_head head;
	struct msc_journal_block *block;
	size_t n_blocks;
	const uint8_t **wrote;
	size_t n_wrote;
	uint64_t stamp; /* the seed of stamps that may lie there, when has_stamp */
	bool has_stamp;
	bool began; /* something may have been written */
	uint64_t *tried; /* while that is the mark alone: where, in order; else none */
	size_t n_tried;
};
void msc_journal_content_free(struct msc_journal_content *);

/* Where journals are kept when nobody says otherwise: $XDG_STATE_HOME/mscope, or
 * ~/.local/state/mscope. */
int msc_journal_default_dir(char *buf, size_t size, struct msc_err *) MSC_MUST_CHECK;

/* FNV-1a: against a damaged file or a mix-up, not against an enemy. */
uint64_t msc_journal_hash(const void *data, size_t len);

/* No other run may write to this device from now on: to be called before the blocks are read.
 * MSC_E_BUSY: another holds it, or has left a journal. MSC_E_IO: there is no place for one. */
int msc_journal_reserve(const char *dir, const char *device, uint8_t lun, struct msc_journal **out,
			struct msc_err *) MSC_MUST_CHECK;
/* Writes and syncs the file, gives it its name, syncs the directory and those above it that were
 * made for it. */
int msc_journal_write(struct msc_journal *, const struct msc_journal_head *,
		      const struct msc_journal_block *, size_t n, struct msc_err *) MSC_MUST_CHECK;
/* Each appends an entry and syncs the file. */
/* `tried`: the block that the mark is written to; NULL: there is none. */
int msc_journal_begin(struct msc_journal *, const uint64_t *tried, struct msc_err *) MSC_MUST_CHECK;
int msc_journal_add_blocks(struct msc_journal *, uint32_t block_size,
			   const struct msc_journal_block *, size_t n,
			   struct msc_err *) MSC_MUST_CHECK;
int msc_journal_add_wrote(struct msc_journal *, const void *blocks, size_t len,
			  struct msc_err *) MSC_MUST_CHECK;
int msc_journal_add_stamp(struct msc_journal *, uint64_t seed, struct msc_err *) MSC_MUST_CHECK;

/* The journal that an earlier run left for this device and unit; *out is NULL when there is none.
 * MSC_E_BUSY: another run holds it. MSC_E_FORMAT: it is damaged (the message says what) or of
 * another format, and is left alone. */
int msc_journal_find(const char *dir, const char *device, uint8_t lun, struct msc_journal **out,
		     struct msc_journal_content *, struct msc_err *) MSC_MUST_CHECK;
/* The same for one file. */
int msc_journal_open(const char *path, struct msc_journal **out, struct msc_journal_content *,
		     struct msc_err *) MSC_MUST_CHECK;

/* The path of the journal of such a device, whether it exists or not. */
void msc_journal_name(const char *dir, const char *device, uint8_t lun, char *buf, size_t size);

/* Removes such a journal, also one that is damaged; path is "" when there is none. */
int msc_journal_forget(const char *dir, const char *device, uint8_t lun, char *path, size_t size,
		       struct msc_err *) MSC_MUST_CHECK;

const char *msc_journal_path(const struct msc_journal *);
/* Lets go; what was written stays for the next run. */
void msc_journal_close(struct msc_journal *);
/* The blocks are back in their places: removes the file and lets go. */
int msc_journal_remove(struct msc_journal *, struct msc_err *) MSC_MUST_CHECK;

#endif
