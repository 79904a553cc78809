/* SPDX-License-Identifier: BSD-2-Clause */
/* What files held before it was overwritten, to put it back: see isolate.h. Each 512 bytes are kept once, so that
 * this takes no more than what is different in the end, however often it is written. It lies in a file in memory, which
 * a copy of the process shares. */
#ifndef MSC_BASE_KEPT_H
#define MSC_BASE_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct msc_kept {
	int fd;		 /* an entry behind the other; -1: not begun */
	uint64_t *unit; /* those that are there: an open hash, of a power of two of places; 0: free */
	size_t places, used;
};

bool msc_kept_begin(struct msc_kept *); /* with nothing in it */
/* The bytes are about to be overwritten. False: they cannot be kept. */
bool msc_kept_add(struct msc_kept *, int fd, int64_t at, size_t len);
/* The newest first. False: not all of it. */
bool msc_kept_put_back(const struct msc_kept *);

#endif
