/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's path to the same device, timed: what the host's own driver makes of the device can
 * stand beside what mscope makes of it. */
#include <stdio.h>
#include <stdlib.h>

#include "direct/block.h"
#include "timing/bench.h"

struct block {
	struct msc_block disk;
	uint8_t *data;
	struct msc_real_clock clock;
	struct msc_bench_walk walk;
	const struct msc_bench_options *o;
	struct msc_bench *b;
	struct msc_bench_progress progress;
};

/* One read; *good false: the kernel reports an error of the device, or less data. */
static int one_read(struct block *k, const struct msc_bench_run *r, struct msc_bench_sample *sample,
		    bool *good, struct msc_err *err)
{
	uint64_t lba = msc_bench_walk_next(&k->walk, r->blocks);
	const char *why;
	char text[128];
	int64_t began_ns;

	if (k->o->stop && k->o->stop(k->o->user))
		return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	began_ns = msc_now(&k->clock.clock);
	if (msc_block_read(&k->disk, lba, r->blocks, k->data, &why, text, err) < 0)
		return -1;
	*sample = (struct msc_bench_sample){ .ns = msc_now(&k->clock.clock) - began_ns };
	*good = !why;
	if (*good)
		msc_bench_see_payload(k->b, k->data, (size_t)r->blocks * r->block_size);
	else
		snprintf(k->b->failure, sizeof k->b->failure, "%u block%s at %llu: %s", r->blocks,
			 MSC_PLURAL(r->blocks), (unsigned long long)lba, why);
	return 0;
}

static int samples(struct block *k, struct msc_bench_run *r, struct msc_err *err)
{
	const struct msc_bench_options *o = k->o;
	struct msc_bench_sample sample;
	int64_t began_ns, cpu_ns;
	bool good = true;

	for (uint32_t i = 0; good && i < o->warm_up; i++)
		if (one_read(k, r, &sample, &good, err) < 0)
			return -1;
	began_ns = msc_now(&k->clock.clock);
	cpu_ns = msc_cpu_time_ns();
	while (good && !msc_bench_enough(o, r, msc_now(&k->clock.clock) - began_ns)) {
		if (one_read(k, r, &sample, &good, err) < 0 ||
		    (good && msc_bench_add_sample(r, &sample, err) < 0))
			return -1;
		msc_bench_progress_tell(&k->progress, o, r, false, r->samples,
					msc_now(&k->clock.clock) - began_ns);
	}
	r->host_cpu_ns = msc_cpu_time_ns() - cpu_ns; /* within what elapsed */
	r->elapsed_ns = msc_now(&k->clock.clock) - began_ns;
	return 0;
}

static int run(struct block *k, uint32_t blocks, struct msc_err *err)
{
	const struct msc_bench_run like = { .op = MSC_BENCH_READ,
					    .mode = MSC_BENCH_KERNEL,
					    .order = k->o->order,
					    .blocks = blocks,
					    .block_size = k->disk.block_size };
	struct msc_bench_run *r = msc_bench_add_run(k->b, &like, err);
	struct msc_err later = MSC_ERR_INIT;
	int result;

	if (!r)
		return -1;
	msc_bench_progress_tell(&k->progress, k->o, r, true, 0, 0);
	msc_bench_walk_begin(&k->walk, k->o, k->disk.blocks);
	result = samples(k, r, err);
	if (msc_bench_conclude(r, result < 0 ? &later : err) < 0)
		return -1;
	return result;
}

static int measure(struct block *k, const char *path, struct msc_err *err)
{
	uint32_t most = 0;

	if (msc_block_open(&k->disk, path, err) < 0)
		return -1;
	msc_block_identify(&k->disk, &k->b->device);
	if (msc_bench_check_sizes(k->o, k->disk.block_size, k->disk.blocks, k->b, err) < 0)
		return -1;
	msc_bench_progress_begin(&k->progress, k->o, 1, k->b);
	for (size_t i = 0; i < k->o->n_blocks; i++)
		if (msc_bench_has_size(k->b, k->o->blocks[i]) && k->o->blocks[i] > most)
			most = k->o->blocks[i];
	k->data = msc_block_buffer((size_t)most * k->disk.block_size, err);
	if (!k->data)
		return -1;
	for (size_t i = 0; i < k->o->n_blocks && !*k->b->failure; i++)
		if (msc_bench_has_size(k->b, k->o->blocks[i]) && run(k, k->o->blocks[i], err) < 0)
			return -1;
	return 0;
}

int msc_block_measure(const char *path, const struct msc_bench_options *o, struct msc_bench *b,
		      struct msc_err *err)
{
	struct block k = { .disk = { .fd = -1 }, .o = o, .b = b };
	int result;

	snprintf(b->device.name, sizeof b->device.name, "%s", path);
	snprintf(b->clock, sizeof b->clock, "kernel");
	msc_bench_host_of(&b->host);
	if (o->op != MSC_BENCH_READ)
		return msc_fail(
			err, MSC_E_USAGE,
			"%s: only reads go through the kernel; name the USB device to write", path);
	msc_real_clock_init(&k.clock);
	result = measure(&k, path, err);
	msc_bench_tell_impossible(b);
	free(k.data);
	msc_block_close(&k.disk);
	return result;
}
