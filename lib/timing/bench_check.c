/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads back what a bench has written: see bench_check.h. */
#include "timing/bench_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medium/stamp.h"

#define READ_BYTES 65536 /* of one command that reads back */

int msc_bench_check_begin(struct msc_bench_check *c, struct msc_session *s,
			  const struct msc_bench_options *o, struct msc_bench *b,
			  uint32_t block_size, struct msc_err *err)
{
	*c = (struct msc_bench_check){ .s = s,
				       .o = o,
				       .b = b,
				       .first = o->first_lba,
				       .span = (uint32_t)o->span,
				       .block_size = block_size };
	if (block_size < MSC_STAMP_LEAST || block_size > READ_BYTES)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"what is written cannot be read back in blocks of %u bytes",
				block_size);
	c->written = calloc(c->span, sizeof *c->written);
	c->want = malloc(READ_BYTES);
	if (!c->written || !c->want)
		return msc_nomem(err);
	return msc_medium_stamp(o->medium, o->seed, err);
}

void msc_bench_check_free(struct msc_bench_check *c)
{
	free(c->written);
	free(c->want);
	*c = (struct msc_bench_check){ .s = NULL };
}

bool msc_bench_check_is_due(const struct msc_bench_check *c, uint64_t lba, uint32_t blocks)
{
	for (uint32_t i = 0; i < blocks; i++)
		if (c->written[lba - c->first + i])
			return true;
	return false;
}

static void stamp(const struct msc_bench_check *c, uint64_t lba, uint32_t generation, uint8_t *out)
{
	const struct msc_stamp s = { .seed = c->o->seed, .lba = lba, .generation = generation };

	msc_stamp_fill(&s, out, c->block_size);
}

void msc_bench_check_fill(struct msc_bench_check *c, uint64_t lba, uint32_t blocks, uint8_t *out)
{
	c->generation++;
	for (uint32_t i = 0; i < blocks; i++) {
		stamp(c, lba + i, c->generation, out + (size_t)i * c->block_size);
		c->waiting += !c->written[lba - c->first + i];
		c->written[lba - c->first + i] = c->generation;
	}
}

/* What differs, in the words that o->story has for it. */
static void tell(struct msc_bench_check *c, uint64_t lba, uint32_t blocks, const uint8_t *got)
{
	size_t len = (size_t)blocks * c->block_size;
	char story[300] = "";

	if (c->o->story)
		c->o->story(c->o->user, story, sizeof story, got, c->want, len, lba, c->block_size);
	snprintf(c->b->failure, sizeof c->b->failure,
		 "%u block%s at %llu read%s back otherwise than written%s%s", blocks,
		 MSC_PLURAL(blocks), (unsigned long long)lba, blocks == 1 ? "s" : "",
		 *story ? ": " : "", story);
}

static int read_back(struct msc_bench_check *c, uint64_t lba, uint32_t blocks, struct msc_err *err)
{
	size_t len = (size_t)blocks * c->block_size;
	const struct msc_record *record;
	const struct msc_exchange *x;
	struct msc_request rq;

	for (uint32_t i = 0; i < blocks; i++)
		stamp(c, lba + i, c->written[lba - c->first + i],
		      c->want + (size_t)i * c->block_size);
	msc_session_forget(c->s);
	msc_request_blocks(&rq, false, c->o->lun, lba, blocks, c->block_size);
	rq.serial = true;
	if (msc_session_exchange(c->s, &rq, &record, err) < 0)
		return -1;
	x = &record->u.exchange;
	if (!msc_exchange_ended(x) || x->csw.status == MSC_CSW_FAILED || x->data_len != len)
		snprintf(c->b->failure, sizeof c->b->failure,
			 "%u block%s at %llu cannot be read back after %s written", blocks,
			 MSC_PLURAL(blocks), (unsigned long long)lba,
			 blocks == 1 ? "it was" : "they were");
	else if (memcmp(x->data, c->want, len) != 0)
		tell(c, lba, blocks, x->data);
	memset(c->written + (lba - c->first), 0, blocks * sizeof *c->written);
	c->waiting -= blocks;
	return 0;
}

int msc_bench_check_all(struct msc_bench_check *c, struct msc_err *err)
{
	uint32_t most = READ_BYTES / c->block_size;

	for (uint32_t i = 0; i < c->span && c->waiting && !*c->b->failure; i++) {
		uint32_t blocks = 0;

		while (i + blocks < c->span && blocks < most && c->written[i + blocks])
			blocks++;
		if (blocks && read_back(c, c->first + i, blocks, err) < 0)
			return -1;
	}
	return 0;
}
