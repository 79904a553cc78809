/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two files of the journal share. */
#ifndef MSC_MEDIUM_JOURNAL_FILE_H
#define MSC_MEDIUM_JOURNAL_FILE_H

#include "medium/journal.h"
#include "wire/bytes.h"

#define MSC_JOURNAL_MAGIC    "mscope journal 3\n"
#define MSC_JOURNAL_LINE_MAX 80 /* of an entry, with its line break and a NUL */

struct msc_journal {
	int fd; /* locked */
	int64_t end; /* of the last whole entry: what lies behind it was cut off */
	char path[3584];
	char temporary[3600]; /* while it is held and not written: what is locked */
};

struct msc_journal *msc_journal_new(const char *path, struct msc_err *);
void msc_journal_free(struct msc_journal *);

/* The line before an entry's bytes; returns its length. */
int msc_journal_line(char line[MSC_JOURNAL_LINE_MAX], const char *kind, size_t len, uint64_t sum);

#endif
