/* SPDX-License-Identifier: BSD-2-Clause */
/* A result file appears whole or not at all: it is written beside its name and renamed when it is
 * complete, so that whoever dies, or finds out that nothing is to be written, leaves the old one.
 *
 * What is no regular file (a terminal, a pipe, /dev/full) is written in place, as the words come. A
 * symbolic link stays one; what it leads to is replaced. A file keeps its mode, and its owner where
 * that can be had. Where the directory takes no new file, or the name is a mount point, the old
 * file is written over at the end. */
#ifndef MSC_BASE_OUTFILE_H
#define MSC_BASE_OUTFILE_H

#include <stdio.h>
#include <sys/stat.h>

#include "base/err.h"

struct msc_outfile {
	FILE *f;
	char *path;	 /* of what is replaced: no links, no "." or ".." */
	char *temporary; /* beside it; NULL: f is the file itself, or has no name */
	bool at_end;	 /* f has no name, and is copied over the file */
	bool there;	 /* there was something of that name, and this is what */
	struct stat st;
};

/* MSC_E_IO: it cannot be written. Nothing of an earlier file has changed until msc_outfile_keep. */
int msc_outfile_open(struct msc_outfile *, const char *path, struct msc_err *) MSC_MUST_CHECK;
/* Exactly one of these ends it. MSC_E_IO from keep: f failed, now or before; it is discarded. */
int msc_outfile_keep(struct msc_outfile *, struct msc_err *) MSC_MUST_CHECK;
void msc_outfile_discard(struct msc_outfile *);
/* Puts the file's name before an error of whoever wrote to f; of standard output (no f) there is none. */
void msc_outfile_blame(const struct msc_outfile *, struct msc_err *);

/* Both would be written to one place, and one of them lost. */
bool msc_outfile_is_same(const struct msc_outfile *, const struct msc_outfile *);

#endif
