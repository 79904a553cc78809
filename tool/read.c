/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope read, also called dread: a file, a block device, blocks of a target, or a file inside one,
 * past the host's cache, byte for byte. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "mscope.h"
#include "source.h"

#define FOLLOW_MAX  (64u << 20) /* bytes that --follow keeps to compare with */
#define INTERVAL_NS MSC_S
#define PIECE	    (64u << 10)

struct bytes {
	uint8_t *data;
	size_t len, room;
};

struct job {
	struct tool *tool;
	struct source source;
	const char *file; /* inside it */
	bool follows, ranged;
	uint64_t lba, blocks; /* UINT64_MAX blocks: all of them */
	int64_t interval_ns;
	struct msc_outfile out;
	struct bytes now, before;
};

/* ---- writing ------------------------------------------------------------------------------------ */

/* By itself, for a signal must end it, and no byte may be written twice. */
static int write_stdout(const uint8_t *data, size_t len, struct msc_err *err)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

			(void)poll(&p, 1, (int)(MSC_SLICE_NS / MSC_MS));
		} else if (n < 0 && errno != EINTR) {
			output_lost(errno);
			return msc_fail_errno(err, MSC_E_IO, "cannot write to standard output");
		}
		if (len && caught_signal())
			return msc_fail(err, MSC_E_INTERRUPTED, "stopped while writing");
	}
	return 0;
}

static int write_out(struct job *j, const uint8_t *data, size_t len, struct msc_err *err)
{
	if (!j->out.f)
		return write_stdout(data, len, err);
	if (fwrite(data, 1, len, j->out.f) == len)
		return 0;
	return msc_fail_errno(err, MSC_E_IO, "cannot write %s", arg(&j->tool->args, "output"));
}

static int keep(struct job *j, const uint8_t *data, size_t len, struct msc_err *err)
{
	struct bytes *b = &j->now;

	if (len > FOLLOW_MAX - b->len)
		return msc_fail(err, MSC_E_USAGE,
				"--follow compares at most %u MiB; choose some with --lba and "
				"--blocks",
				FOLLOW_MAX >> 20);
	if (b->len + len > b->room) {
		size_t room = 2 * (b->len + len);
		uint8_t *more = realloc(b->data, room);

		if (!more)
			return msc_nomem(err);
		b->data = more;
		b->room = room;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

static int sink(void *user, const uint8_t *data, size_t len, struct msc_err *err)
{
	struct job *j = user;

	return j->follows ? keep(j, data, len, err) : write_out(j, data, len, err);
}

/* ---- reading ------------------------------------------------------------------------------------ */

static void cached(void *user, const struct msc_direct *d)
{
	struct job *j = user;

	(void)d;
	source_tell_cached(&j->source);
}

/* *offset and *len of the blocks that were asked for. */
static int range(const struct job *j, uint64_t size, uint32_t block_size, uint64_t *offset,
		 uint64_t *len, struct msc_err *err)
{
	uint64_t there = size / block_size + (size % block_size != 0);

	*offset = 0;
	*len = UINT64_MAX;
	if (!j->ranged)
		return 0;
	if (!size && !j->source.direct.direct && j->source.path)
		there = UINT64_MAX / block_size; /* the kernel does not tell */
	if (j->lba >= there || (j->blocks != UINT64_MAX && j->blocks > there - j->lba))
		return msc_fail(err, MSC_E_USAGE, "there are %llu blocks of %u bytes",
				(unsigned long long)there, block_size);
	*offset = j->lba * block_size;
	if (j->blocks != UINT64_MAX)
		*len = j->blocks * block_size;
	return 0;
}

static int read_path(struct job *j, struct msc_err *err)
{
	const struct msc_direct_user u = {
		.sink = sink, .cached = cached, .stop = tool_stop, .user = j
	};
	struct msc_direct *d = &j->source.direct;
	uint64_t offset, len;

	if (range(j, d->size, d->block_size, &offset, &len, err) < 0)
		return -1;
	return msc_direct_copy(d, offset, len, &u, err);
}

static int read_unit(struct job *j, struct msc_err *err)
{
	struct msc_bytes *b = &j->source.bytes;
	uint8_t piece[PIECE];
	uint64_t offset, len;

	if (range(j, b->size, b->block_size, &offset, &len, err) < 0)
		return -1;
	if (len > b->size - offset)
		len = b->size - offset;
	while (len) {
		size_t part = len < sizeof piece ? (size_t)len : sizeof piece;

		if (msc_bytes_read(b, offset, piece, part, err) < 0 ||
		    sink(j, piece, part, err) < 0)
			return -1;
		offset += part;
		len -= part;
	}
	return 0;
}

static int read_inside(struct job *j, struct msc_err *err)
{
	struct msc_volume *v;
	int rc;

	if (!j->source.session && !j->source.direct.direct)
		source_tell_cached(&j->source);
	v = msc_volume_open(&j->source.bytes, err);
	if (!v)
		return -1;
	rc = msc_volume_copy(v, j->file, sink, j, err);
	msc_volume_close(v);
	return rc;
}

static int read_once(struct job *j, struct msc_err *err)
{
	if (source_begin(&j->source, err) < 0)
		return -1;
	if (j->file)
		return read_inside(j, err);
	return j->source.session ? read_unit(j, err) : read_path(j, err);
}

/* ---- following ---------------------------------------------------------------------------------- */

/* What came at the end, where nothing else has changed; else all of it. */
static int show_change(struct job *j, struct msc_err *err)
{
	struct bytes now = j->now;
	size_t same = j->before.len;

	if (now.len < same || (same && memcmp(now.data, j->before.data, same) != 0))
		same = 0;
	if (now.len > same && write_out(j, now.data + same, now.len - same, err) < 0)
		return -1;
	j->now = j->before;
	j->now.len = 0;
	j->before = now;
	return 0;
}

/* In real time, and in that of a simulated device. Ends early when the reader of standard output does. */
static int wait_interval(struct job *j, struct msc_err *err)
{
	struct pollfd p = { .fd = STDOUT_FILENO };
	struct msc_real_clock real;

	if (j->source.target && !strcmp(j->source.target->clock->ops->name, "virtual"))
		msc_wait_until(j->source.target->clock,
			       msc_now(j->source.target->clock) + j->interval_ns);
	msc_real_clock_init(&real);
	for (;;) {
		int64_t left = j->interval_ns - msc_now(&real.clock);

		if (caught_signal())
			return msc_fail(err, MSC_E_INTERRUPTED, "stopped");
		if (left <= 0)
			return 0;
		left = left < MSC_SLICE_NS ? left : MSC_SLICE_NS;
		if (poll(&p, 1, (int)(left / MSC_MS) + 1) > 0 && p.revents & POLLERR) {
			output_lost(EPIPE);
			return msc_fail(err, MSC_E_IO, "nobody reads standard output any more");
		}
	}
}

static int follow(struct job *j, struct msc_err *err)
{
	for (;;) {
		if (read_once(j, err) < 0 || show_change(j, err) < 0 || wait_interval(j, err) < 0)
			return -1;
	}
}

/* ---- the command -------------------------------------------------------------------------------- */

static int open_out(struct job *j, const char *path, struct msc_err *err)
{
	struct stat st;

	if (!path || !strcmp(path, "-"))
		return 0;
	if (stat(path, &st) == 0 && S_ISBLK(st.st_mode))
		return msc_fail(err, MSC_E_USAGE, "--output: %s is a block device", path);
	return msc_outfile_open(&j->out, path, err);
}

static int understand(struct job *j, struct msc_err *err)
{
	const struct args *a = &j->tool->args;

	j->file = arg(a, "file");
	j->follows = arg(a, "follow");
	j->ranged = arg(a, "lba") || arg(a, "blocks");
	if (j->file && j->ranged)
		return msc_fail(err, MSC_E_USAGE, "--file and --lba, --blocks exclude each other");
	if (j->follows && arg(a, "output"))
		return msc_fail(err, MSC_E_USAGE, "--follow and --output exclude each other");
	if (arg(a, "interval") && !j->follows)
		return msc_fail(err, MSC_E_USAGE, "--interval goes with --follow");
	if (arg_size(a, "lba", UINT32_MAX * (uint64_t)UINT16_MAX, &j->lba, err) < 0 ||
	    arg_size(a, "blocks", UINT32_MAX * (uint64_t)UINT16_MAX, &j->blocks, err) < 0)
		return -1;
	if (!j->blocks)
		return msc_fail(err, MSC_E_USAGE, "--blocks: expected at least 1");
	return arg_duration(a, "interval", &j->interval_ns, err);
}

static int read_all(struct job *j, struct msc_err *err)
{
	const struct args *a = &j->tool->args;
	int rc;

	if (a->n_words > j->source.words)
		return msc_fail(err, MSC_E_USAGE, "read takes one file or target, not '%s' too",
				a->words[j->source.words]);
	if (j->follows)
		return follow(j, err);
	if (open_out(j, arg(a, "output"), err) < 0)
		return -1;
	rc = read_once(j, err);
	if (!j->out.f)
		return rc;
	if (rc == 0)
		return msc_outfile_keep(&j->out, err);
	msc_outfile_discard(&j->out);
	return rc;
}

static int read_command(struct tool *tool, struct msc_err *err)
{
	struct job j = { .tool = tool, .blocks = UINT64_MAX, .interval_ns = INTERVAL_NS };
	int rc = understand(&j, err);

	j.source.direct.fd = -1;
	if (rc == 0)
		rc = source_open(&j.source, tool, err);
	if (rc == 0)
		rc = read_all(&j, err);
	source_close(&j.source);
	free(j.now.data);
	free(j.before.data);
	return rc;
}

static const struct opt read_options[] = {
	{ "output", 'o', "FILE", "write to a file, created when everything is read" },
	{ "file", 'f', "PATH", "a file inside the device or image, without mounting it" },
	{ "lba", 0, "N", "the first block; blocks of a file have 512 bytes" },
	{ "blocks", 0, "N", "how many blocks; all that follow unless given" },
	{ "follow", 'F', NULL, "read repeatedly, and print what changes" },
	{ "interval", 0, "TIME", "time between two reads; 1s unless given" },
	{ "lun", 0, "N", "the logical unit of a target; 0 unless given" },
	{ .name = NULL },
};

const struct cmd cmd_read = {
	.name = "read",
	.summary = "read a file, blocks or a file inside a device past the host's cache",
	.usage = "[PATH|DEVICE|TARGET] [OPTION]...",
	.options = { read_options, target_options, log_options },
	.run = read_command,
};
