/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's path to the same device: O_DIRECT reads of its block device, one at a time, so that
 * what the host's own driver makes of the device can stand beside what mscope makes of it. Reads
 * only. What the kernel says of the device comes from sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "timing/bench.h"
#include "transport/usb_host.h"

#define ALIGNMENT 4096 /* of buffers for O_DIRECT: no device asks for more */

struct block {
	const char *path;
	int fd;
	uint32_t block_size;
	uint64_t blocks;
	uint8_t *data;
	struct msc_real_clock clock;
	struct msc_bench_walk walk;
	const struct msc_bench_options *o;
	struct msc_bench *b;
};

/* The USB device whose disk this is: its place in sysfs names it. */
static void identify(struct block *k, dev_t number)
{
	struct msc_device *d = &k->b->device;
	char link[64], place[PATH_MAX];
	struct msc_usb_found f;

	snprintf(link, sizeof link, "/sys/dev/block/%u:%u", major(number), minor(number));
	if (!realpath(link, place) || !msc_usb_behind("", place, &f))
		return;
	d->speed = f.speed;
	d->desc.vendor = f.vendor;
	d->desc.product = f.product;
	memcpy(d->serial, f.serial, sizeof d->serial);
	memcpy(d->path, f.path, sizeof d->path);
	msc_usb_host_controller("", f.bus, d->host, sizeof d->host);
}

static int open_block(struct block *k, struct msc_err *err)
{
	struct stat st;
	int size = 0;

	if (stat(k->path, &st) == 0 && !S_ISBLK(st.st_mode))
		return msc_fail(err, MSC_E_NOTFOUND, "%s is not a block device", k->path);
	k->fd = open(k->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (k->fd < 0)
		return msc_fail_errno(
			err, errno == EACCES || errno == EPERM ? MSC_E_ACCESS : MSC_E_NOTFOUND,
			"%s: cannot open it for direct reads", k->path);
	if (fstat(k->fd, &st) < 0 || ioctl(k->fd, BLKSSZGET, &size) < 0 ||
	    ioctl(k->fd, BLKGETSIZE64, &k->blocks) < 0 || size <= 0)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s has no size", k->path);
	k->block_size = (uint32_t)size;
	k->blocks /= k->block_size;
	identify(k, st.st_rdev);
	return k->blocks ? 0 : msc_fail(err, MSC_E_UNSUPPORTED, "%s: there is no medium", k->path);
}

/* One read; *good false: the kernel reports an error of the device, or less data. */
static int one_read(struct block *k, const struct msc_bench_run *r, struct msc_bench_sample *sample,
		    bool *good, struct msc_err *err)
{
	uint64_t lba = msc_bench_walk_next(&k->walk, r->blocks);
	size_t len = (size_t)r->blocks * r->block_size;
	int64_t began_ns;
	ssize_t n;

	if (k->o->stop && k->o->stop(k->o->user))
		return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	began_ns = msc_now(&k->clock.clock);
	n = pread(k->fd, k->data, len, (off_t)(lba * r->block_size));
	*sample = (struct msc_bench_sample){ .ns = msc_now(&k->clock.clock) - began_ns };
	*good = n == (ssize_t)len;
	if (n < 0 && (errno == ENODEV || errno == ENXIO))
		return msc_fail(err, MSC_E_GONE, "%s: the device went away", k->path);
	if (*good)
		msc_bench_see_payload(k->b, k->data, len);
	else
		snprintf(k->b->failure, sizeof k->b->failure, "%u blocks at %llu: %s", r->blocks,
			 (unsigned long long)lba,
			 n < 0 ? strerror(errno) : "less data than asked for");
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
	}
	r->elapsed_ns = msc_now(&k->clock.clock) - began_ns;
	r->host_cpu_ns = msc_cpu_time_ns() - cpu_ns;
	return 0;
}

static int run(struct block *k, uint32_t blocks, struct msc_err *err)
{
	const struct msc_bench_run like = { .op = MSC_BENCH_READ,
					    .mode = MSC_BENCH_KERNEL,
					    .order = k->o->order,
					    .blocks = blocks,
					    .block_size = k->block_size };
	struct msc_bench_run *r = msc_bench_add_run(k->b, &like, err);
	struct msc_err later = MSC_ERR_INIT;
	char name[64];
	int result;

	if (!r)
		return -1;
	if (k->o->progress)
		k->o->progress(k->o->user, msc_bench_run_name(name, sizeof name, r));
	msc_bench_walk_begin(&k->walk, k->o, k->blocks);
	result = samples(k, r, err);
	if (msc_bench_conclude(r, result < 0 ? &later : err) < 0)
		return -1;
	return result;
}

static int measure(struct block *k, struct msc_err *err)
{
	uint32_t most = 0;
	void *data;

	if (open_block(k, err) < 0 ||
	    msc_bench_check_sizes(k->o, k->block_size, k->blocks, err) < 0)
		return -1;
	for (size_t i = 0; i < k->o->n_blocks; i++)
		most = k->o->blocks[i] > most ? k->o->blocks[i] : most;
	if (posix_memalign(&data, ALIGNMENT, (size_t)most * k->block_size))
		return msc_nomem(err);
	k->data = data;
	for (size_t i = 0; i < k->o->n_blocks && !*k->b->failure; i++)
		if (run(k, k->o->blocks[i], err) < 0)
			return -1;
	return 0;
}

int msc_block_measure(const char *path, const struct msc_bench_options *o, struct msc_bench *b,
		      struct msc_err *err)
{
	struct block k = { .path = path, .fd = -1, .o = o, .b = b };
	int result;

	snprintf(b->device.name, sizeof b->device.name, "%s", path);
	snprintf(b->clock, sizeof b->clock, "kernel");
	msc_bench_host_of(&b->host);
	if (o->op != MSC_BENCH_READ)
		return msc_fail(
			err, MSC_E_USAGE,
			"%s: only reads go through the kernel; name the USB device to write", path);
	msc_real_clock_init(&k.clock);
	result = measure(&k, err);
	free(k.data);
	if (k.fd >= 0)
		close(k.fd);
	return result;
}
