/* SPDX-License-Identifier: BSD-2-Clause */
/* The conversation of a soak. First the whole range is written, then extents of it at random, of which
 * most are read back at once and the others when chance or the end has it; in the end all is read, and what
 * end.c does follows. What each block should hold is known
 * at any time. The extents come in rounds, each of which is drawn from the seed and its number alone: a
 * run that has ended early can be gone on with. */
#include "soak/talk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "medium/stamp.h"

#define SWEEP_BYTES  (UINT64_C(256) << 20) /* between two looks at the whole range */
#define FAILURES_MAX 32 /* commands that fail: then it ends */
#define AGAIN_MOST   8 /* blocks that are written twice in a row */
#define TRIES	     8
#define ROUND	     512 /* extents of a round */
#define STUCK 3 /* commands of a direction; from then on longer ones than pass are not sent */
#define SAMPLE	     64	 /* blocks that are right, of which one is looked at */
#define COMMAND_MOST (UINT32_C(1) << 20) /* bytes */

static struct msc_clock *clock_of(const struct msc_soak_talk *k)
{
	return msc_session_target(k->s)->clock;
}

static bool has_failed(const struct msc_soak_talk *k)
{
	return *k->r->failure;
}

static bool is_late(const struct msc_soak_talk *k)
{
	return k->o->duration_ns && msc_now(clock_of(k)) - k->began_ns >= k->o->duration_ns;
}

bool msc_soak_ends_early(const struct msc_soak_talk *k)
{
	return has_failed(k) || (k->hung && is_late(k));
}

/* ---- wrong blocks ------------------------------------------------------------------------------ */

static void keep(struct msc_soak_talk *k, const struct msc_soak_wrong *w)
{
	struct msc_soak_cell *c = &k->cell[w->lba - k->r->first];

	k->r->count[w->kind]++;
	k->r->n_wrong++;
	k->r->wrong_blocks += !c->counted;
	c->counted = true;
	if (k->r->n_kept < MSC_SOAK_KEPT)
		k->r->wrong[k->r->n_kept++] = *w;
}

static struct msc_soak_wrong begin_wrong(const struct msc_soak_talk *k, uint64_t lba)
{
	const struct msc_soak_cell *c = &k->cell[lba - k->r->first];

	return (struct msc_soak_wrong){ .lba = lba,
					.generation = c->generation,
					.offset = c->offset,
					.blocks = c->blocks,
					.ordinal = c->ordinal,
					.after_reset = k->was_reset,
					.after_power = k->cycled };
}

void msc_soak_weigh(struct msc_soak_talk *k, const struct msc_soak_command *c)
{
	bool bad = c->end == MSC_SOAK_REFUSED &&
		   (c->key == MSC_SENSE_MEDIUM_ERROR || c->key == MSC_SENSE_HARDWARE_ERROR);
	uint32_t *most = c->write ? &k->most : &k->read_most;

	k->hung = k->hung || c->end == MSC_SOAK_HUNG;
	if (!bad && c->blocks > 1 && *most >= c->blocks &&
	    (++k->stuck[c->write] >= STUCK || c->end == MSC_SOAK_LIMITED))
		*most = msc_soak_shorter(c->blocks);
	if (c->end == MSC_SOAK_LIMITED)
		return;
	if (!(bad && !c->write && c->blocks > 1) && ++k->failures > FAILURES_MAX && !has_failed(k))
		snprintf(k->r->failure, sizeof k->r->failure, "more than %d commands failed",
			 FAILURES_MAX);
	if (c->rung == 3)
		snprintf(k->r->failure, sizeof k->r->failure,
			 "the device does not answer any more, whatever reset it is given");
}

static void keep_failed(struct msc_soak_talk *k, const struct msc_soak_command *c,
			enum msc_soak_kind kind)
{
	struct msc_soak_wrong w = begin_wrong(k, c->lba);

	w.kind = kind;
	snprintf(w.sense, sizeof w.sense, "%s", c->why);
	keep(k, &w);
}

static const uint8_t *content(const struct msc_soak_talk *k, uint64_t lba, uint32_t generation,
			      uint8_t *room)
{
	const struct msc_stamp s = { .seed = k->o->seed, .lba = lba, .generation = generation };
	size_t len;

	if (!generation)
		return msc_medium_original(k->m, lba, &len);
	msc_stamp_fill(&s, room, k->r->block_size);
	return room;
}

/* See struct msc_soak_wrong. */
static uint8_t page_of(const struct msc_soak_talk *k, uint64_t lba)
{
	uint64_t first = k->r->first, end = first + k->r->blocks;
	uint32_t generation = k->cell[lba - first].generation;

	for (uint8_t i = 1; i <= MSC_SOAK_PAGES; i++) {
		uint64_t at = lba >> (i - 1) << (i - 1), last = at + (UINT64_C(1) << (i - 1));

		at = at < first ? first : at;
		for (; at < last && at < end; at++)
			if (k->cell[at - first].generation > generation)
				return i;
	}
	return 0;
}

static void compare(struct msc_soak_talk *k, uint64_t lba, const uint8_t *found)
{
	struct msc_soak_cell *c = &k->cell[lba - k->r->first];
	struct msc_soak_look l = { .seed = k->o->seed, .size = k->r->block_size, .found = found };
	struct msc_soak_wrong w;
	size_t len;

	c->read = true;
	if (c->unknown || c->told == c->generation + 1)
		return;
	if (!c->generation && !msc_medium_is_free(k->m, lba)) /* the mark */
		return;
	l.expected = content(k, lba, c->generation, k->expected);
	if (!l.expected)
		return;
	if (!memcmp(found, l.expected, k->r->block_size)) {
		if (k->compared++ % SAMPLE == 0)
			k->r->right_page[page_of(k, lba)]++;
		return;
	}
	c->told = c->generation + 1;
	w = begin_wrong(k, lba);
	w.page = page_of(k, lba);
	if (c->generation)
		l.before = content(k, lba, c->before, k->before);
	l.original = msc_medium_original(k->m, lba, &len);
	msc_soak_look(&l, &w);
	keep(k, &w);
}

static void forget(struct msc_soak *r, const struct msc_soak_cell *c)
{
	if (c->generation && !c->read)
		r->unread[c->ordinal % MSC_SOAK_PHASES]++;
}

/* ---- commands ---------------------------------------------------------------------------------- */

int msc_soak_write(struct msc_soak_talk *k, uint64_t lba, uint32_t n, struct msc_err *err)
{
	struct msc_soak_command sent = { .write = true, .lba = lba, .blocks = n };
	uint32_t size = k->r->block_size;

	k->generation++;
	for (uint32_t i = 0; i < n; i++) {
		const struct msc_stamp s = { .seed = k->o->seed,
					     .lba = lba + i,
					     .generation = k->generation };
		struct msc_soak_cell *c = &k->cell[lba + i - k->r->first];

		msc_stamp_fill(&s, k->data + (size_t)i * size, size);
		forget(k->r, c);
		*c = (struct msc_soak_cell){ .generation = k->generation,
					     .before = c->generation,
					     .offset = i,
					     .blocks = n,
					     .ordinal = k->r->ordinal + i,
					     .counted = c->counted };
	}
	if (msc_soak_send(k->s, k->r, k->o->lun, k->began_ns, &sent, k->data, err) < 0)
		return -1;
	k->r->ordinal += n;
	if (msc_soak_is_whole(sent.end)) {
		k->r->bytes_written += (uint64_t)n * size;
		return 0;
	}
	for (uint32_t i = 0; i < n; i++)
		k->cell[lba + i - k->r->first].unknown = true;
	if (sent.end != MSC_SOAK_LIMITED)
		keep_failed(k, &sent, MSC_SOAK_UNWRITABLE);
	msc_soak_weigh(k, &sent);
	return 0;
}

static uint32_t least(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

int msc_soak_read(struct msc_soak_talk *k, uint64_t lba, uint32_t n, struct msc_err *err)
{
	uint32_t size = k->r->block_size, part = n;
	uint64_t end = lba + n;

	while (lba < end && !msc_soak_ends_early(k)) {
		struct msc_soak_command c = { .lba = lba };

		part = least(least(end - lba, part), k->read_most);
		c.blocks = part;
		if (msc_soak_send(k->s, k->r, k->o->lun, k->began_ns, &c, k->data, err) < 0)
			return -1;
		if (msc_soak_is_whole(c.end)) {
			for (uint32_t i = 0; i < part; i++)
				compare(k, lba + i, k->data + (size_t)i * size);
			k->r->bytes_read += (uint64_t)part * size;
			lba += part;
			part = n;
			continue;
		}
		msc_soak_weigh(k, &c);
		if (part > 1) {
			part /= 2;
			continue;
		}
		keep_failed(k, &c, MSC_SOAK_UNREADABLE);
		k->cell[lba - k->r->first].unknown = true;
		lba++;
		part = n;
	}
	return 0;
}

int msc_soak_sweep(struct msc_soak_talk *k, struct msc_err *err)
{
	uint32_t n;

	for (uint32_t at = 0; at < k->r->blocks && !msc_soak_ends_early(k); at += n) {
		n = least(least(k->r->blocks - at, k->most), MSC_SOAK_CHUNK);
		if (msc_soak_read(k, k->r->first + at, n, err) < 0)
			return -1;
	}
	k->swept = k->r->bytes_written + k->r->bytes_read;
	return 0;
}

/* ---- places ------------------------------------------------------------------------------------- */

static bool is_free(const struct msc_soak_talk *k, uint64_t lba, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!msc_medium_is_free(k->m, lba + i))
			return false;
	return true;
}

/* A medium that takes long is not asked for more at once than it can do in time. */
static void limit(struct msc_soak_talk *k)
{
	int64_t most_ns = msc_session_timeout(k->s) / 3;

	while (k->most > 1 &&
	       msc_session_write_time(k->s, (size_t)k->most * k->r->block_size) > most_ns)
		k->most = msc_soak_shorter(k->most);
}

bool msc_soak_choose(struct msc_soak_talk *k, uint64_t *lba, uint32_t *n)
{
	for (int tries = TRIES; tries > 0; tries--) {
		limit(k);
		*n = msc_soak_size(&k->rng, k->most);
		*lba = msc_soak_place(&k->rng, k->r->first, k->r->blocks, *n);
		if (is_free(k, *lba, *n))
			return true;
	}
	return false;
}

/* ---- the run ------------------------------------------------------------------------------------ */

static bool is_over(const struct msc_soak_talk *k)
{
	if (has_failed(k))
		return true;
	if (k->o->bytes && k->r->bytes_written + k->r->bytes_read >= k->o->bytes)
		return true;
	return is_late(k);
}

static void show_progress(const struct msc_soak_talk *k)
{
	char text[96];

	if (!k->o->progress)
		return;
	snprintf(text, sizeof text, "%" PRIu64 " MiB, %" PRIu32 " wrong",
		 (k->r->bytes_written + k->r->bytes_read) >> 20, k->r->n_wrong);
	k->o->progress(k->o->user, text);
}

static int fill(struct msc_soak_talk *k, struct msc_err *err)
{
	uint32_t n;

	limit(k);
	for (uint32_t at = 0; at < k->r->blocks && !is_over(k); at += n) {
		uint64_t lba = k->r->first + at;

		n = least(least(k->r->blocks - at, k->most), MSC_SOAK_CHUNK);
		while (n > 1 && !is_free(k, lba, n))
			n--;
		if (is_free(k, lba, n) && msc_soak_write(k, lba, n, err) < 0)
			return -1;
	}
	return msc_soak_sweep(k, err);
}

/* Round 0 of a seed is drawn from the seed as it is. */
static void begin_round(struct msc_soak_talk *k, uint64_t number)
{
	struct msc_rng mix = { .state = number };

	k->rng.state = k->o->seed ^ (number ? msc_rng_next(&mix) : 0);
}

static int converse(struct msc_soak_talk *k, struct msc_err *err)
{
	uint32_t drawn = 0;
	uint64_t lba;
	uint32_t n;

	begin_round(k, k->r->from);
	while (!is_over(k)) {
		bool writes = msc_rng_below(&k->rng, 5) < 4;

		show_progress(k);
		if (!msc_soak_choose(k, &lba, &n)) {
			snprintf(k->r->failure, sizeof k->r->failure,
				 "too many blocks are one and the same to write any");
			return 0;
		}
		if (writes && msc_soak_write(k, lba, n, err) < 0)
			return -1;
		/* as filesystems write what they keep their books in */
		if (writes && n <= AGAIN_MOST && !msc_rng_below(&k->rng, 4) &&
		    msc_soak_write(k, lba, n, err) < 0)
			return -1;
		if ((!writes || msc_rng_below(&k->rng, 4)) && msc_soak_read(k, lba, n, err) < 0)
			return -1;
		if (k->r->bytes_written + k->r->bytes_read - k->swept > SWEEP_BYTES &&
		    msc_soak_sweep(k, err) < 0)
			return -1;
		if (++drawn % ROUND == 0)
			begin_round(k, k->r->from + ++k->r->rounds);
	}
	return 0;
}

/* ---- from outside --------------------------------------------------------------------------------- */

static int run(struct msc_soak_talk *k, struct msc_err *err)
{
	if (msc_medium_stamp(k->m, k->o->seed, err) < 0 || fill(k, err) < 0 || converse(k, err) < 0)
		return -1;
	if (has_failed(k))
		return 0;
	if (msc_soak_sweep(k, err) < 0)
		return -1;
	k->r->compared_all = !msc_soak_ends_early(k);
	return k->r->compared_all ? msc_soak_end(k, err) : 0;
}

int msc_soak_run(struct msc_session *s, struct msc_medium *m, const struct msc_soak_options *o,
		 struct msc_soak *r, struct msc_err *err)
{
	uint32_t size = msc_session_unit(s, o->lun)->block_size;
	struct msc_soak_talk k = { .s = s, .m = m, .o = o, .r = r };
	int rc = -1;

	r->first = msc_medium_first(m);
	r->blocks = msc_medium_blocks(m);
	r->block_size = size;
	r->seed = o->seed;
	r->from = o->from;
	k.most = MSC_SOAK_LONGEST;
	k.read_most = MSC_SOAK_LONGEST;
	if (!r->blocks || size < MSC_STAMP_LEAST)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: unit %u has no medium to write to",
				msc_session_target(s)->device.name, o->lun);
	/* long ones are at two places at least */
	while (k.most > r->blocks || (k.most > MSC_SOAK_CHUNK && k.most > r->blocks / 2) ||
	       (k.most > 1 && (uint64_t)k.most * size > COMMAND_MOST))
		k.most = msc_soak_shorter(k.most);
	k.cell = calloc(r->blocks, sizeof *k.cell);
	k.data = malloc((size_t)(k.most < MSC_SOAK_LAST ? MSC_SOAK_LAST : k.most) * size);
	k.expected = malloc(size);
	k.before = malloc(size);
	r->wrong = calloc(MSC_SOAK_KEPT, sizeof *r->wrong);
	if (k.cell && k.data && k.expected && k.before && r->wrong) {
		k.began_ns = msc_now(clock_of(&k));
		rc = run(&k, err);
		r->elapsed_ns = msc_now(clock_of(&k)) - k.began_ns;
		for (uint32_t i = 0; i < r->blocks; i++)
			forget(r, &k.cell[i]);
		msc_soak_sum(r);
	} else {
		msc_nomem(err);
	}
	free(k.cell);
	free(k.data);
	free(k.expected);
	free(k.before);
	return rc;
}

void msc_soak_free(struct msc_soak *r)
{
	free(r->wrong);
	*r = (struct msc_soak){ .wrong = NULL };
}
