/* SPDX-License-Identifier: BSD-2-Clause */
/* A bench as data: runs, their samples, what follows from them, and the order of addresses. Who
 * measures is elsewhere: bench.c over the wire, block.c through the kernel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/text.h"
#include "stats/change.h"
#include "timing/bench.h"

#define CONFIDENCE  0.95
#define SAMPLES_MAX 1000000u /* of one size: 32 MB of memory */

const char *const msc_bench_op_names[] = { "read", "write", "mixed-read", "mixed-write", NULL };
const char *const msc_bench_mode_names[] = { "serial", "queued", "kernel", NULL };
const char *const msc_bench_order_names[] = { "sequential", "random", NULL };

struct msc_bench_run *msc_bench_add_run(struct msc_bench *b, const struct msc_bench_run *like,
					struct msc_err *err)
{
	struct msc_bench_run *grown = realloc(b->run, (b->n_runs + 1) * sizeof *grown), *r;

	if (!grown) {
		msc_nomem(err);
		return NULL;
	}
	b->run = grown;
	r = &grown[b->n_runs++];
	*r = (struct msc_bench_run){ .op = like->op,
				     .mode = like->mode,
				     .order = like->order,
				     .blocks = like->blocks,
				     .block_size = like->block_size,
				     .naks = -1,
				     .host_cpu_ns = -1,
				     .device_cpu = -1 };
	return r;
}

void msc_bench_free(struct msc_bench *b)
{
	for (size_t i = 0; i < b->n_runs; i++)
		free(b->run[i].sample);
	free(b->run);
	*b = (struct msc_bench){ .n_runs = 0 };
}

int msc_bench_add_sample(struct msc_bench_run *r, const struct msc_bench_sample *sample,
			 struct msc_err *err)
{
	if (r->samples == r->room) {
		uint32_t room = r->room ? 2 * r->room : 128;
		struct msc_bench_sample *grown = realloc(r->sample, room * sizeof *grown);

		if (!grown)
			return msc_nomem(err);
		r->sample = grown;
		r->room = room;
	}
	r->sample[r->samples++] = *sample;
	return 0;
}

double *msc_bench_times(const struct msc_bench_run *r, struct msc_err *err)
{
	double *x = malloc((r->samples ? r->samples : 1) * sizeof *x);

	if (!x)
		msc_nomem(err);
	for (uint32_t i = 0; x && i < r->samples; i++)
		x[i] = (double)r->sample[i].ns;
	return x;
}

int msc_bench_find_clumps(const struct msc_bench_options *o, struct msc_bench_run *r,
			  struct msc_err *err)
{
	double *x = msc_bench_times(r, err);
	int rc = x ? msc_change_clumps(x, r->samples, o->clumps, &r->clumped, err) : -1;

	free(x);
	return rc;
}

int msc_bench_conclude(struct msc_bench_run *r, struct msc_err *err)
{
	double bytes = (double)r->blocks * r->block_size, low, high, *x;

	r->median_ns = r->bytes_per_second = r->low = r->high = 0;
	if (!r->samples)
		return 0;
	x = msc_bench_times(r, err);
	if (!x)
		return -1;
	r->median_ns = msc_median(x, r->samples);
	r->bytes_per_second = bytes * 1e9 / r->median_ns;
	if (msc_median_interval(x, r->samples, CONFIDENCE, &low, &high)) {
		r->low = bytes * 1e9 / high;
		r->high = bytes * 1e9 / low;
	}
	free(x);
	return 0;
}

const struct msc_bench_run *msc_bench_find(const struct msc_bench *b,
					   const struct msc_bench_run *like)
{
	for (size_t i = 0; i < b->n_runs; i++) {
		const struct msc_bench_run *r = &b->run[i];

		if (r->op == like->op && r->mode == like->mode && r->order == like->order &&
		    r->blocks == like->blocks && r->block_size == like->block_size)
			return r;
	}
	return NULL;
}

char *msc_bench_run_name(char *buf, size_t size, const struct msc_bench_run *r)
{
	snprintf(buf, size, "%s/%s%s/%u", msc_bench_op_names[r->op],
		 r->order == MSC_BENCH_RANDOM ? "random/" : "", msc_bench_mode_names[r->mode],
		 r->blocks);
	return buf;
}

int msc_bench_check_sizes(const struct msc_bench_options *o, uint32_t block_size, uint64_t blocks,
			  struct msc_bench *b, struct msc_err *err)
{
	uint32_t most = MSC_BENCH_BYTES_MAX / block_size;

	if (o->first_lba >= blocks)
		return msc_fail(err, MSC_E_USAGE, "the medium has only %llu block%s",
				(unsigned long long)blocks, MSC_PLURAL(blocks));
	if (most > UINT16_MAX)
		most = UINT16_MAX;
	b->room = o->span ? o->span : blocks - o->first_lba;
	b->n_left_out = 0;
	for (size_t i = 0; i < o->n_blocks; i++) {
		if (!o->blocks[i] || o->blocks[i] > most)
			return msc_fail(err, MSC_E_USAGE,
					"%u blocks in one command: expected 1 to %u of %u bytes",
					o->blocks[i], most, block_size);
		if (o->blocks[i] > b->room && b->n_left_out < MSC_COUNT(b->left_out))
			b->left_out[b->n_left_out++] = o->blocks[i];
	}
	if (b->n_left_out == o->n_blocks)
		return msc_fail(err, MSC_E_USAGE,
				"%u block%s in one command: there are only %llu to %s",
				o->blocks[0], MSC_PLURAL(o->blocks[0]), (unsigned long long)b->room,
				msc_bench_op_names[o->op]);
	return 0;
}

bool msc_bench_has_size(const struct msc_bench *b, uint32_t blocks)
{
	for (size_t i = 0; i < b->n_left_out; i++)
		if (b->left_out[i] == blocks)
			return false;
	return true;
}

bool msc_bench_enough(const struct msc_bench_options *o, const struct msc_bench_run *r,
		      int64_t elapsed_ns)
{
	uint32_t count = r->clumped ? o->clumped_count : o->count;

	return r->samples >= SAMPLES_MAX || (count && r->samples >= count) ||
	       (r->samples && o->duration_ns && elapsed_ns >= o->duration_ns);
}

void msc_bench_see_payload(struct msc_bench *b, const uint8_t *data, size_t len)
{
	if (!len || (b->payload_seen && !b->pattern_known))
		return;
	if (!b->payload_seen)
		b->pattern = data[0];
	b->payload_seen = true;
	b->pattern_known = data[0] == b->pattern && !memcmp(data, data + 1, len - 1);
}

/* ---- the host ---------------------------------------------------------------------------------- */

/* What follows the colon of the first line that begins so. */
static void find_line(const char *path, const char *name, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	char line[256];

	while (f && fgets(line, sizeof line, f)) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, name, strlen(name)) || !colon)
			continue;
		colon += 1 + strspn(colon + 1, " \t");
		msc_printable(buf, size, colon, strcspn(colon, "\n"));
		break;
	}
	if (f)
		fclose(f);
}

void msc_bench_host_of(struct msc_bench_host *h)
{
	struct utsname u;

	*h = (struct msc_bench_host){ .system = "" };
	if (uname(&u) == 0)
		snprintf(h->system, sizeof h->system, "%.24s %.64s %.24s", u.sysname, u.release,
			 u.machine);
	find_line("/proc/cpuinfo", "model name", h->cpu, sizeof h->cpu);
}

/* ---- progress ---------------------------------------------------------------------------------- */

#define TELL_NS (500 * MSC_MS)

void msc_bench_progress_begin(struct msc_bench_progress *p, const struct msc_bench_options *o,
			      unsigned modes, const struct msc_bench *b)
{
	*p = (struct msc_bench_progress){ .runs = modes * (unsigned)(o->n_blocks - b->n_left_out) };
	msc_real_clock_init(&p->clock);
}

/* How much of a run is done: by the number of its commands, or by their time, whichever ends it first. */
static double share_done(const struct msc_bench_options *o, uint32_t samples, int64_t elapsed_ns)
{
	double count = o->count ? (double)samples / o->count : 0;
	double time = o->duration_ns ? (double)elapsed_ns / (double)o->duration_ns : 0;

	return count > time ? count : time;
}

void msc_bench_progress_tell(struct msc_bench_progress *p, const struct msc_bench_options *o,
			     const struct msc_bench_run *r, bool begins, uint32_t samples,
			     int64_t elapsed_ns)
{
	int64_t now;
	double done;
	char text[160], name[64], left[24];

	if (!o->progress)
		return;
	now = msc_now(&p->clock.clock);
	if (begins) {
		p->began_ns = now;
		p->run++;
	} else if (now - p->told_ns < TELL_NS) {
		return;
	}
	p->told_ns = now;
	msc_bench_run_name(name, sizeof name, r);
	done = share_done(o, samples, elapsed_ns);
	if (begins || done <= 0 || done >= 1) {
		snprintf(text, sizeof text, "%s (%u of %u)", name, p->run, p->runs);
	} else {
		double ns = (double)(now - p->began_ns) * (1 - done) / done;

		/* the other runs, when each has so long */
		if (!o->count && p->runs > p->run)
			ns += (double)(now - p->began_ns) / done * (p->runs - p->run);
		snprintf(text, sizeof text, "%s (%u of %u): %u command%s, %.0f %%, about %s left%s",
			 name, p->run, p->runs, samples, MSC_PLURAL(samples), 100 * done,
			 msc_format_ns(left, sizeof left, ((int64_t)ns / MSC_S + 1) * MSC_S),
			 o->count && p->runs > p->run ? " of this size" : "");
	}
	o->progress(o->user, text);
}

/* ---- addresses --------------------------------------------------------------------------------- */

void msc_bench_walk_begin(struct msc_bench_walk *w, const struct msc_bench_options *o,
			  uint64_t blocks_of_medium)
{
	*w = (struct msc_bench_walk){ .order = o->order,
				      .first = o->first_lba,
				      .span = o->span ? o->span : blocks_of_medium - o->first_lba,
				      .rng = { .state = o->seed } };
}

/* Places are multiples of the size, where there is room for one that is. */
uint64_t msc_bench_walk_next(struct msc_bench_walk *w, uint32_t blocks)
{
	uint64_t skip = (blocks - w->first % blocks) % blocks, first = w->first, span = w->span, at;

	if (span >= skip && span - skip >= blocks) {
		first += skip;
		span -= skip;
	}
	if (w->order == MSC_BENCH_RANDOM)
		return first + msc_rng_next(&w->rng) % (span / blocks) * blocks;
	if (blocks > span || w->next > span - blocks)
		w->next = 0;
	at = first + w->next;
	w->next += blocks;
	return at;
}
