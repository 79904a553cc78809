/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal as a file: its place, its name, who holds it, and how it is written. What it says is
 * read in journal_read.c. It is written under another name, synced, and renamed, so that a journal
 * that exists is whole. */
#include "medium/journal_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

uint64_t msc_journal_hash(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h;
}

int msc_journal_default_dir(char *buf, size_t size, struct msc_err *err)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int len;

	if (state && *state == '/')
		len = snprintf(buf, size, "%s/mscope", state);
	else if (home && *home == '/')
		len = snprintf(buf, size, "%s/.local/state/mscope", home);
	else
		return msc_fail(err, MSC_E_IO,
				"no directory for the journal of what is written: HOME is not set; "
				"set XDG_STATE_HOME to one that can be written");
	if ((size_t)len >= size)
		return msc_fail(err, MSC_E_IO, "the journal directory's name is too long");
	return 0;
}

static int sync_path(const char *dir, struct msc_err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (rc < 0)
		msc_fail_errno(err, MSC_E_IO, "%s: cannot sync the journal directory", dir);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A directory that was made lasts when the one above it has been synced. */
static int sync_above(char *path, struct msc_err *err)
{
	char *slash = strrchr(path, '/');
	int rc;

	if (!slash)
		return sync_path(".", err);
	if (slash == path)
		return sync_path("/", err);
	*slash = '\0';
	rc = sync_path(path, err);
	*slash = '/';
	return rc;
}

static int make_dirs(const char *dir, struct msc_err *err)
{
	char path[3072];

	if ((size_t)snprintf(path, sizeof path, "%s", dir) >= sizeof path || !*dir)
		return msc_fail(err, MSC_E_IO, "the journal directory's name is empty or too long");
	for (char *p = path + 1;; p++) {
		char c = *p;
		bool made;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		made = p[-1] != '/' && mkdir(path, 0700) == 0;
		if (!made && p[-1] != '/' && errno != EEXIST)
			return msc_fail_errno(err, MSC_E_IO,
					      "%s: cannot make the journal directory; set "
					      "XDG_STATE_HOME to one that can be written",
					      path);
		if (made && sync_above(path, err) < 0)
			return -1;
		*p = c;
		if (!c)
			return 0;
	}
}

void msc_journal_name(const char *dir, const char *device, uint8_t lun, char *buf, size_t size)
{
	char name[256];

	snprintf(name, sizeof name, "%s", device);
	for (size_t i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-')
			name[i] = '_';
	snprintf(buf, size, "%s/%s-lun%u.journal", dir, name, lun);
}

struct msc_journal *msc_journal_new(const char *path, struct msc_err *err)
{
	struct msc_journal *j = calloc(1, sizeof *j);

	if (!j) {
		msc_nomem(err);
		return NULL;
	}
	j->fd = -1;
	snprintf(j->path, sizeof j->path, "%s", path);
	return j;
}

void msc_journal_free(struct msc_journal *j)
{
	if (j && *j->temporary)
		unlink(j->temporary);
	if (j && j->fd >= 0)
		close(j->fd); /* and with it the lock */
	free(j);
}

static int sync_dir(struct msc_journal *j, struct msc_err *err)
{
	return sync_above(j->path, err);
}

static int write_all(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Gives the file its name, unless another run was quicker. */
static int publish(const char *temporary, const char *path)
{
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* a filesystem that cannot do both at once */
	if (access(path, F_OK) == 0) {
		errno = EEXIST;
		return -1;
	}
	return rename(temporary, path);
}

static bool is_named(const struct msc_journal *j, const char *name)
{
	struct stat open_file, named;

	return fstat(j->fd, &open_file) == 0 && stat(name, &named) == 0 &&
	       open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

static int reserve(struct msc_journal *j, struct msc_err *err)
{
	char temporary[sizeof j->temporary];

	snprintf(temporary, sizeof temporary, "%s.new", j->path);
	j->fd = open(temporary, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->fd < 0)
		return msc_fail_errno(
			err, MSC_E_IO,
			"%s: cannot create the journal; set XDG_STATE_HOME to a directory "
			"that can be written",
			temporary);
	if (flock(j->fd, LOCK_EX | LOCK_NB) < 0)
		return msc_fail(err, MSC_E_BUSY, "%s: another run of mscope uses this device",
				temporary);
	memcpy(j->temporary, temporary, sizeof temporary);
	if (!is_named(j, j->temporary)) { /* whoever held the file has renamed or removed it */
		j->temporary[0] = '\0';
		return msc_fail(err, MSC_E_BUSY, "%s: another run of mscope uses this device",
				j->path);
	}
	if (access(j->path, F_OK) == 0)
		return msc_fail(err, MSC_E_BUSY, "%s: there is a journal already", j->path);
	return 0;
}

int msc_journal_reserve(const char *dir, const char *device, uint8_t lun, struct msc_journal **out,
			struct msc_err *err)
{
	char path[3584];
	struct msc_journal *j;

	if (make_dirs(dir, err) < 0)
		return -1;
	msc_journal_name(dir, device, lun, path, sizeof path);
	j = msc_journal_new(path, err);
	if (!j)
		return -1;
	if (reserve(j, err) < 0) {
		msc_journal_free(j);
		return -1;
	}
	*out = j;
	return 0;
}

/* Also where a copy of this process, which has died (base/isolate.h), has given it its name. */
static bool has_name(const struct msc_journal *j)
{
	return !*j->temporary || is_named(j, j->path);
}

/* ---- entries ---------------------------------------------------------------------------------- */

int msc_journal_line(char line[MSC_JOURNAL_LINE_MAX], const char *kind, size_t len, uint64_t sum)
{
	int n = snprintf(line, MSC_JOURNAL_LINE_MAX, "%s %zu %016" PRIx64 " ", kind, len, sum);

	return n + snprintf(line + n, MSC_JOURNAL_LINE_MAX - (size_t)n, "%016" PRIx64 "\n",
			    msc_journal_hash(line, (size_t)n));
}

/* One entry in one piece: what is cut off by a crash is one entry. */
static int append(struct msc_journal *j, const char *kind, const void *data, size_t len,
		  struct msc_err *err)
{
	char line[MSC_JOURNAL_LINE_MAX];
	int n = msc_journal_line(line, kind, len, msc_journal_hash(data, len));
	uint8_t *entry = malloc((size_t)n + len);
	int rc;

	if (!entry)
		return msc_nomem(err);
	memcpy(entry, line, (size_t)n);
	if (len)
		memcpy(entry + n, data, len);
	rc = ftruncate(j->fd, j->end) < 0 || lseek(j->fd, j->end, SEEK_SET) < 0
		     ? -1
		     : write_all(j->fd, entry, (size_t)n + len);
	free(entry);
	if (rc < 0)
		return msc_fail_errno(err, MSC_E_IO, "%s: cannot write the journal",
				      *j->temporary ? j->temporary : j->path);
	j->end += (int64_t)n + (int64_t)len;
	return 0;
}

static int append_synced(struct msc_journal *j, const char *kind, const void *data, size_t len,
			 struct msc_err *err)
{
	if (append(j, kind, data, len, err) < 0)
		return -1;
	if (fsync(j->fd) < 0)
		return msc_fail_errno(err, MSC_E_IO, "%s: cannot write the journal", j->path);
	return 0;
}

static uint8_t *pack_blocks(uint32_t block_size, const struct msc_journal_block *b, size_t n,
			    struct msc_err *err)
{
	uint8_t *data = malloc(n * (8 + (size_t)block_size) + 1), *p = data;

	if (!data) {
		msc_nomem(err);
		return NULL;
	}
	for (size_t i = 0; i < n; i++, p += 8 + block_size) {
		msc_put_be64(p, b[i].lba);
		memcpy(p + 8, b[i].data, block_size);
	}
	return data;
}

static int append_head(struct msc_journal *j, const struct msc_journal_head *h, struct msc_err *err)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int rc = -1;

	if (!f)
		return msc_nomem(err);
	fprintf(f, "device %s\nlun %u\ncapacity %" PRIu64 "\nblock_size %" PRIu32 "\n", h->device,
		h->lun, h->capacity, h->block_size);
	if (*h->nonce)
		fprintf(f, "mark %" PRIu64 " %s\n", h->mark, h->nonce);
	for (uint32_t i = 0; i < h->n_prints; i++)
		fprintf(f, "print %" PRIu64 " %016" PRIx64 "\n", h->print[i].lba, h->print[i].hash);
	if (msc_text_end(f, &text))
		rc = append(j, "head", text, len, err);
	else
		msc_nomem(err);
	free(text);
	return rc;
}

int msc_journal_write(struct msc_journal *j, const struct msc_journal_head *h,
		      const struct msc_journal_block *b, size_t n, struct msc_err *err)
{
	uint8_t *data = pack_blocks(h->block_size, b, n, err);
	int rc = data ? 0 : -1;

	if (rc == 0 && (ftruncate(j->fd, 0) < 0 || lseek(j->fd, 0, SEEK_SET) < 0 ||
			write_all(j->fd, MSC_JOURNAL_MAGIC, strlen(MSC_JOURNAL_MAGIC)) < 0))
		rc = msc_fail_errno(err, MSC_E_IO, "%s: cannot write the journal", j->temporary);
	j->end = (int64_t)strlen(MSC_JOURNAL_MAGIC);
	if (rc == 0)
		rc = append_head(j, h, err);
	if (rc == 0)
		rc = append(j, "save", data, n * (8 + (size_t)h->block_size), err);
	free(data);
	if (rc < 0)
		return -1;
	if (fsync(j->fd) < 0 || (!has_name(j) && publish(j->temporary, j->path) < 0))
		return msc_fail_errno(err, MSC_E_IO, "%s: cannot write the journal", j->temporary);
	j->temporary[0] = '\0';
	return sync_dir(j, err);
}

int msc_journal_begin(struct msc_journal *j, const uint64_t *tried, struct msc_err *err)
{
	uint8_t data[8];

	if (tried)
		msc_put_be64(data, *tried);
	return append_synced(j, "begin", data, tried ? sizeof data : 0, err);
}

int msc_journal_add_blocks(struct msc_journal *j, uint32_t block_size,
			   const struct msc_journal_block *b, size_t n, struct msc_err *err)
{
	uint8_t *data = pack_blocks(block_size, b, n, err);
	int rc = data ? append_synced(j, "save", data, n * (8 + (size_t)block_size), err) : -1;

	free(data);
	return rc;
}

int msc_journal_add_wrote(struct msc_journal *j, const void *blocks, size_t len,
			  struct msc_err *err)
{
	return append_synced(j, "wrote", blocks, len, err);
}

int msc_journal_add_stamp(struct msc_journal *j, uint64_t seed, struct msc_err *err)
{
	uint8_t data[8];

	msc_put_be64(data, seed);
	return append_synced(j, "stamp", data, sizeof data, err);
}

const char *msc_journal_path(const struct msc_journal *j)
{
	return j->path;
}

void msc_journal_close(struct msc_journal *j)
{
	msc_journal_free(j);
}

int msc_journal_remove(struct msc_journal *j, struct msc_err *err)
{
	int rc = has_name(j) ? unlink(j->path) : 0;

	if (rc < 0)
		msc_fail_errno(err, MSC_E_IO, "%s: cannot remove the journal", j->path);
	else if (!*j->temporary)
		rc = sync_dir(j, err);
	msc_journal_free(j);
	return rc;
}
