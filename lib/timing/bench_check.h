/* SPDX-License-Identifier: BSD-2-Clause */
/* What a bench has written, and whether it is there. Private to lib/timing. */
#ifndef MSC_TIMING_BENCH_CHECK_H
#define MSC_TIMING_BENCH_CHECK_H

#include "timing/bench.h"

/* Blocks carry stamps (medium/stamp.h), so that what is not as it should be can be told. Each block that
 * was written is read back and compared once, before it is written again or when the run is over. */
struct msc_bench_check {
	struct msc_session *s;
	const struct msc_bench_options *o;
	struct msc_bench *b;
	uint64_t first;
	uint32_t span, block_size, generation;
	uint32_t *written; /* of each block: in which generation; 0: not since it was compared */
	uint32_t waiting;  /* blocks that were not compared yet */
	uint8_t *want;	   /* of one command that reads */
};

/* Of the blocks that o names, which are in o->medium's scratch range. Freed in any case. */
int msc_bench_check_begin(struct msc_bench_check *, struct msc_session *,
			  const struct msc_bench_options *, struct msc_bench *, uint32_t block_size,
			  struct msc_err *) MSC_MUST_CHECK;
void msc_bench_check_free(struct msc_bench_check *);

/* Some of these blocks wait for their comparison. */
bool msc_bench_check_is_due(const struct msc_bench_check *, uint64_t lba, uint32_t blocks);
/* Fills `out` with what is to be written there, and notes it. */
void msc_bench_check_fill(struct msc_bench_check *, uint64_t lba, uint32_t blocks, uint8_t *out);
/* Reads back all that waits. What is not as it was written is in bench->failure. */
int msc_bench_check_all(struct msc_bench_check *, struct msc_err *) MSC_MUST_CHECK;

#endif
