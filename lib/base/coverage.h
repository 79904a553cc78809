/* SPDX-License-Identifier: BSD-2-Clause */
/* Which places of the code of others have run, where it was built with -fsanitize-coverage=trace-pc (gcc,
 * clang) or =trace-pc-guard (clang): such code calls one of the functions that coverage.c gives it at each of
 * its branches. Code that was built otherwise has no places, and costs nothing. One map for the process, as
 * there is one such function. */
#ifndef MSC_BASE_COVERAGE_H
#define MSC_BASE_COVERAGE_H

#include <stdint.h>

struct msc_coverage {
	uint32_t places;	/* how many have run */
	uint64_t bits[1024]; /* a bit for each; two that fall on one bit are one */
};

/* From here on what runs is added to *map, which the caller owns; NULL: to none. */
void msc_coverage_into(struct msc_coverage *map);

/* A shared object has been loaded or has gone: places are known by where they lie in theirs, so that each run
 * has the same. */
void msc_coverage_moved(void);

#endif
