/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal: the blocks of a device as they were found, in a file of the host, on the disk
 * before the first of them is written. It is named after the device and holds its identity, so
 * that the next run on the same device finds it after a crash. One run at a time may hold it.
 * Private to lib/scenario. */
#ifndef MSC_MEDIUM_JOURNAL_H
#define MSC_MEDIUM_JOURNAL_H

#include <stdint.h>

#include "base/err.h"

struct msc_journal;

#define MSC_JOURNAL_BLOCKS_MAX 64 /* in a row */
#define MSC_JOURNAL_PROBES_MAX 24 /* single ones */

struct msc_journal_head {
	char device[120];    /* printable, without spaces: "0525:a4a5:SERIAL" */
	uint8_t lun;
	uint64_t capacity;   /* blocks of the medium */
	uint32_t block_size; /* bytes */
	uint64_t first;	     /* what was saved: a row of blocks */
	uint32_t blocks;
	uint64_t probe[MSC_JOURNAL_PROBES_MAX]; /* and single ones, which follow it in the data */
	uint32_t n_probes;
	uint32_t block_0; /* msc_journal_hash of the first block of the medium */
};

/* Where journals are kept when nobody says otherwise: $XDG_STATE_HOME/mscope, or
 * ~/.local/state/mscope. */
int msc_journal_default_dir(char *buf, size_t size, struct msc_err *) MSC_MUST_CHECK;

/* Against a damaged file or a mix-up, not against an enemy. */
uint32_t msc_journal_hash(const void *data, size_t len);

/* No other run may write to this device from now on: to be called before the blocks are read.
 * MSC_E_BUSY: another holds it, or has left a journal. */
int msc_journal_reserve(const char *dir, const char *device, uint8_t lun, struct msc_journal **out,
			struct msc_err *) MSC_MUST_CHECK;
/* Writes and syncs the file, and the directory. */
int msc_journal_write(struct msc_journal *, const struct msc_journal_head *, const uint8_t *data,
		      struct msc_err *) MSC_MUST_CHECK;

/* The journal that an earlier run left for this device and unit; *out is NULL when there is none.
 * *head is what the file says; *data is the caller's to free. MSC_E_BUSY: another run holds it. */
int msc_journal_find(const char *dir, const char *device, uint8_t lun, struct msc_journal **out,
		     struct msc_journal_head *head, uint8_t **data,
		     struct msc_err *) MSC_MUST_CHECK;

/* Removes such a journal, also one that is damaged; path is "" when there is none. */
int msc_journal_forget(const char *dir, const char *device, uint8_t lun, char *path, size_t size,
		       struct msc_err *) MSC_MUST_CHECK;

const char *msc_journal_path(const struct msc_journal *);
/* Lets go; what was written stays for the next run. */
void msc_journal_close(struct msc_journal *);
/* The blocks are back in their places: removes the file and lets go. */
int msc_journal_remove(struct msc_journal *, struct msc_err *) MSC_MUST_CHECK;

#endif
