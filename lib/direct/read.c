/* SPDX-License-Identifier: BSD-2-Clause */
/* See read.h. Some threads read, each a chunk at a time, and the caller's passes the chunks on in
 * order. They speak by two pipes, through which the number of a slot goes: nothing else is shared
 * while a slot is on its way. */
#include "direct/read.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "direct/block.h"

#define CHUNK	   (2u << 20) /* a large page of most machines: one piece of memory for the disk */
#define SLOTS	   4	/* chunks in flight */
#define ALIGN	   4096 /* where nothing is told: no disk's logical block is larger */
#define FILE_BLOCK 512
#define LEAVES_MS \
	500 /* from the first error of a disk that is pulled until the kernel has taken it away: some 20 */
#define WAIT_MS	   20

struct slot {
	uint8_t *data;
	uint64_t at;
	size_t want, got;
	int sys; /* errno of the read that ended it; 0: none failed */
	bool done;
};

struct engine {
	const struct msc_direct *d;
	const struct msc_direct_user *u;
	struct slot slot[SLOTS];
	int todo[2], done[2]; /* pipes */
	pthread_t thread[SLOTS];
	size_t threads;
};

/* ---- opening ------------------------------------------------------------------------------------ */

static void is_cached(struct msc_direct *d, const char *why)
{
	int flags = fcntl(d->fd, F_GETFL);

	if (flags >= 0 && flags & O_DIRECT)
		(void)fcntl(d->fd, F_SETFL, flags & ~O_DIRECT);
	d->direct = false;
	d->align = 1;
	snprintf(d->why, sizeof d->why, "%s", why);
}

/* What the kernel says O_DIRECT needs here: Linux 6.1 and later, and not of every filesystem. */
static void ask_alignment(struct msc_direct *d)
{
	uint32_t align = d->is_device ? d->block_size : ALIGN;
#ifdef STATX_DIOALIGN
	struct statx x;

	if (statx(d->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &x) == 0 &&
	    x.stx_mask & STATX_DIOALIGN) {
		align = x.stx_dio_offset_align > x.stx_dio_mem_align ? x.stx_dio_offset_align
								     : x.stx_dio_mem_align;
		if (!x.stx_dio_offset_align) {
			is_cached(d, "the kernel has no direct reads for it");
			return;
		}
	}
#endif
	if (!align || align & (align - 1) || align > CHUNK)
		is_cached(d, "it wants an odd alignment");
	else
		d->align = align;
}

static int ask_size(struct msc_direct *d, struct msc_err *err)
{
	struct stat st;
	int block = 0;

	if (fstat(d->fd, &st) < 0)
		return msc_fail_errno(err, MSC_E_IO, "cannot read %s", d->path);
	d->is_device = S_ISBLK(st.st_mode);
	d->size = (uint64_t)st.st_size;
	d->block_size = FILE_BLOCK;
	if (!d->is_device)
		return 0;
	if (ioctl(d->fd, BLKSSZGET, &block) < 0 || block <= 0 ||
	    ioctl(d->fd, BLKGETSIZE64, &d->size) < 0)
		return msc_fail_errno(err, MSC_E_IO, "%s: cannot ask for its size", d->path);
	d->block_size = (uint32_t)block;
	if (!d->size)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: there is no medium", d->path);
	return 0;
}

int msc_direct_open(struct msc_direct *d, const char *path, struct msc_err *err)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY;
	struct stat st;

	*d = (struct msc_direct){ .path = path, .fd = -1, .direct = true };
	if (stat(path, &st) < 0)
		return msc_fail_errno(err, MSC_E_IO, "cannot read %s", path);
	if (S_ISDIR(st.st_mode))
		return msc_fail(err, MSC_E_IO, "%s is a directory", path);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return msc_fail(err, MSC_E_IO, "%s is neither a file nor a block device", path);
	d->fd = open(path, flags | O_DIRECT);
	if (d->fd < 0 && (errno == EINVAL || errno == EOPNOTSUPP)) {
		d->fd = open(path, flags);
		if (d->fd >= 0)
			is_cached(d, "the filesystem refuses O_DIRECT");
	}
	if (d->fd < 0)
		return msc_fail_errno(err, MSC_E_IO, "cannot read %s", path);
	if (ask_size(d, err) < 0)
		return -1;
	if (d->direct)
		ask_alignment(d);
	return 0;
}

void msc_direct_close(struct msc_direct *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

/* ---- the threads -------------------------------------------------------------------------------- */

/* Short of the end a read may still be short; an odd length is the end of the file. One that fails is asked
 * for in ever smaller pieces: what lies before the block that cannot be read is wanted. Of a page that is
 * cached there is no part, and each try may cost the disk seconds. */
static void fill(const struct msc_direct *d, struct slot *s)
{
	const size_t least = d->direct ? d->align : ALIGN;
	size_t piece = CHUNK;

	s->got = 0;
	s->sys = 0;
	while (s->got < s->want) {
		size_t left = s->want - s->got;
		ssize_t n = pread(d->fd, s->data + s->got, left < piece ? left : piece,
				  (off_t)(s->at + s->got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EIO && piece / 2 >= least) {
			piece /= 2;
			continue;
		}
		if (n < 0)
			s->sys = errno;
		if (n <= 0)
			break;
		s->got += (size_t)n;
		if (s->got % d->align)
			break;
	}
}

static void *work(void *user)
{
	struct engine *e = user;
	uint8_t i;

	while (read(e->todo[0], &i, 1) == 1) {
		fill(e->d, &e->slot[i]);
		if (write(e->done[1], &i, 1) != 1)
			break;
	}
	return NULL;
}

static void end(struct engine *e)
{
	if (e->todo[1] >= 0)
		close(e->todo[1]); /* what a thread waits for ends with it */
	for (size_t i = 0; i < e->threads; i++)
		pthread_join(e->thread[i], NULL);
	if (e->todo[0] >= 0)
		close(e->todo[0]);
	for (size_t i = 0; i < 2; i++)
		if (e->done[i] >= 0)
			close(e->done[i]);
	for (size_t i = 0; i < SLOTS; i++)
		free(e->slot[i].data);
}

/* Signals are for the caller's thread. */
static int start(struct engine *e, size_t threads, struct msc_err *err)
{
	size_t align = threads > 1 ? CHUNK : e->d->align > ALIGN ? e->d->align : ALIGN;
	sigset_t all, before;
	void *data;
	int rc = 0;

	if (pipe2(e->todo, O_CLOEXEC) < 0 || pipe2(e->done, O_CLOEXEC) < 0)
		return msc_fail_errno(err, MSC_E_NOMEM, "cannot make a pipe");
	for (size_t i = 0; i < threads; i++) {
		if (posix_memalign(&data, align, CHUNK))
			return msc_nomem(err);
		e->slot[i].data = data;
		if (threads > 1)
			(void)madvise(data, CHUNK, MADV_HUGEPAGE);
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (rc == 0 && e->threads < threads) {
		rc = pthread_create(&e->thread[e->threads], NULL, work, e);
		e->threads += rc == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (e->threads)
		return 0;
	errno = rc;
	return msc_fail_errno(err, MSC_E_NOMEM, "cannot start a thread");
}

/* ---- the caller's thread ------------------------------------------------------------------------ */

static int issue(struct engine *e, unsigned i, uint64_t at, uint64_t until, struct msc_err *err)
{
	uint64_t align = e->d->align, rest = until - at;
	uint8_t number = (uint8_t)i;

	rest += (align - rest % align) % align;
	e->slot[i].at = at;
	e->slot[i].want = rest < CHUNK ? (size_t)rest : CHUNK;
	e->slot[i].done = false;
	if (write(e->todo[1], &number, 1) == 1)
		return 0;
	return msc_fail_errno(err, MSC_E_INTERNAL, "cannot ask a thread to read");
}

static bool stops(const struct msc_direct_user *u)
{
	return u->stop && u->stop(u->user);
}

static int await(struct engine *e, const struct slot *s, struct msc_err *err)
{
	struct pollfd p = { .fd = e->done[0], .events = POLLIN };
	uint8_t i;

	while (!s->done) {
		if (stops(e->u))
			return msc_fail(err, MSC_E_INTERRUPTED, "%s: stopped at byte %llu",
					e->d->path, (unsigned long long)s->at);
		if (poll(&p, 1, (int)(MSC_SLICE_NS / MSC_MS)) > 0 && read(p.fd, &i, 1) == 1)
			e->slot[i].done = true;
	}
	return 0;
}

/* A disk that is pulled fails what is under way (EIO), and is taken away soon after; then it has an end
 * where there was none. */
static bool has_left(const struct msc_direct *d, const struct slot *s)
{
	int waits = s->sys == EIO ? LEAVES_MS / WAIT_MS : 0;

	if (s->sys == ENODEV || s->sys == ENXIO || s->sys == ENOMEDIUM)
		return true;
	if (!d->is_device || (s->sys && s->sys != EIO))
		return false;
	while (!msc_block_has_left(d->fd)) {
		if (waits-- == 0)
			return false;
		(void)poll(NULL, 0, WAIT_MS);
	}
	return true;
}

/* A chunk that is not whole, and not because the file ends there. */
static int explain(const struct msc_direct *d, const struct slot *s, struct msc_err *err)
{
	unsigned long long at = s->at + s->got;
	struct stat st;

	if (has_left(d, s))
		return msc_fail(err, MSC_E_GONE, "%s: the device went away at byte %llu", d->path,
				at);
	errno = s->sys;
	if (s->sys)
		return msc_fail_errno(err, MSC_E_IO, "%s: cannot read on at byte %llu", d->path,
				      at);
	/* Files of sysfs have the size of a page, whatever is in them. */
	if (!d->direct && fstat(d->fd, &st) == 0 && (uint64_t)st.st_size == d->size)
		return 0;
	return msc_fail(err, MSC_E_IO, "%s shrank while it was read: it ends at byte %llu of %llu",
			d->path, at, (unsigned long long)d->size);
}

/* The part of a chunk that was asked for; *pos moves on. 1: there is no more. */
static int pass_on(struct engine *e, const struct slot *s, uint64_t *pos, uint64_t until,
		   struct msc_err *err)
{
	uint64_t up_to = s->at + s->got < until ? s->at + s->got : until;

	if (up_to > *pos) {
		if (e->u->sink(e->u->user, s->data + (*pos - s->at), (size_t)(up_to - *pos), err) <
		    0)
			return -1;
		*pos = up_to;
	}
	if (s->got == s->want || *pos == until)
		return 0;
	return explain(e->d, s, err) < 0 ? -1 : 1;
}

/* 1: it is refused after all, and *pos says what is still to be read. */
static int run(struct engine *e, uint64_t *pos, uint64_t until, struct msc_err *err)
{
	uint64_t base = *pos - *pos % e->d->align, chunks = (until - base + CHUNK - 1) / CHUNK;
	uint64_t issued = 0;
	size_t n = chunks < SLOTS ? (size_t)chunks : SLOTS;
	int rc = 0;

	if (start(e, n, err) < 0)
		return -1;
	for (uint64_t c = 0; c < chunks && rc == 0; c++) {
		const struct slot *s = &e->slot[c % n];

		for (; issued < chunks && issued < c + n; issued++)
			if (issue(e, (unsigned)(issued % n), base + issued * CHUNK, until, err) < 0)
				return -1;
		if (await(e, s, err) < 0)
			return -1;
		if (s->sys == EINVAL && e->d->direct)
			return 1;
		rc = pass_on(e, s, pos, until, err);
	}
	return rc < 0 ? -1 : 0;
}

/* Its size is not known: one chunk after the other, until there is no more. */
static int run_unsized(struct msc_direct *d, uint64_t pos, uint64_t len,
		       const struct msc_direct_user *u, struct msc_err *err)
{
	struct slot s = { .at = pos - pos % d->align };
	uint64_t until = len > UINT64_MAX - pos ? UINT64_MAX : pos + len, up_to;
	void *data;
	int rc = 0;

	if (posix_memalign(&data, d->align > ALIGN ? d->align : ALIGN, CHUNK))
		return msc_nomem(err);
	s.data = data;
	s.want = CHUNK;
	do {
		if (stops(u))
			rc = msc_fail(err, MSC_E_INTERRUPTED, "%s: stopped", d->path);
		else
			fill(d, &s);
		up_to = s.at + s.got < until ? s.at + s.got : until;
		if (rc == 0 && up_to > pos)
			rc = u->sink(u->user, s.data + (pos - s.at), (size_t)(up_to - pos), err);
		if (rc == 0 && s.sys)
			rc = explain(d, &s, err);
		pos = up_to > pos ? up_to : pos;
		s.at += s.got;
	} while (rc == 0 && s.got == CHUNK && pos < until);
	free(data);
	return rc;
}

int msc_direct_copy(struct msc_direct *d, uint64_t offset, uint64_t len,
		    const struct msc_direct_user *u, struct msc_err *err)
{
	uint64_t until = offset < d->size && len < d->size - offset ? offset + len : d->size;
	int rc = 1;

	while (rc == 1) {
		struct engine e = { .d = d, .u = u, .todo = { -1, -1 }, .done = { -1, -1 } };

		if (!d->direct) {
			(void)posix_fadvise(d->fd, 0, 0, POSIX_FADV_DONTNEED);
			if (u->cached)
				u->cached(u->user, d);
		}
		if (!d->size)
			return run_unsized(d, offset, len, u, err);
		if (offset >= until)
			return 0;
		rc = run(&e, &offset, until, err);
		end(&e);
		if (rc == 1)
			is_cached(d, "the filesystem refuses direct reads");
	}
	return rc;
}
