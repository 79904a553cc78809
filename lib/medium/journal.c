/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal file: lines of text that say whose blocks these are, an empty line, the blocks: those
 * in a row and then, one for each line "probe", single ones. It
 * is written under another name, synced, and renamed, so that a journal that exists is whole. */
#include "medium/journal.h"

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

#define BLOCK_SIZE_MAX 65536u
#define HEAD_MAX       1024

struct msc_journal {
	int fd; /* locked */
	char dir[3072];
	char path[3584];
	char temporary[3600]; /* while it is held and not written: what is locked */
};

/* FNV-1a */
uint32_t msc_journal_hash(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
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
		return msc_fail(err, MSC_E_USAGE,
				"no directory for the journal of the scratch range: HOME is not "
				"set; name one");
	if ((size_t)len >= size)
		return msc_fail(err, MSC_E_USAGE, "the journal directory's name is too long");
	return 0;
}

static int make_dirs(const char *dir, struct msc_err *err)
{
	char path[3072];

	if ((size_t)snprintf(path, sizeof path, "%s", dir) >= sizeof path || !*dir)
		return msc_fail(err, MSC_E_USAGE,
				"the journal directory's name is empty or too long");
	for (char *p = path + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return msc_fail_errno(err, MSC_E_IO,
					      "%s: cannot make the journal directory", path);
		*p = c;
		if (!c)
			return 0;
	}
}

static struct msc_journal *new_journal(const char *dir, const char *device, uint8_t lun,
				       struct msc_err *err)
{
	struct msc_journal *j = calloc(1, sizeof *j);
	char name[160];
	size_t i;

	if (!j) {
		msc_nomem(err);
		return NULL;
	}
	snprintf(name, sizeof name, "%s", device);
	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-')
			name[i] = '_';
	j->fd = -1;
	snprintf(j->dir, sizeof j->dir, "%s", dir);
	snprintf(j->path, sizeof j->path, "%s/%s-lun%u.journal", j->dir, name, lun);
	return j;
}

static void free_journal(struct msc_journal *j)
{
	if (j && *j->temporary)
		unlink(j->temporary);
	if (j && j->fd >= 0)
		close(j->fd); /* and with it the lock */
	free(j);
}

static int sync_dir(const struct msc_journal *j, struct msc_err *err)
{
	int fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (rc < 0)
		msc_fail_errno(err, MSC_E_IO, "%s: cannot sync the journal directory", j->dir);
	if (fd >= 0)
		close(fd);
	return rc;
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

/* False: whoever held the file has given it another name, or removed it. */
static bool still_named(const struct msc_journal *j)
{
	struct stat open_file, named;

	return fstat(j->fd, &open_file) == 0 && stat(j->temporary, &named) == 0 &&
	       open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

static int reserve(struct msc_journal *j, struct msc_err *err)
{
	char temporary[sizeof j->temporary];

	snprintf(temporary, sizeof temporary, "%s.new", j->path);
	j->fd = open(temporary, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->fd < 0)
		return msc_fail_errno(err, MSC_E_IO, "%s: cannot create the journal", temporary);
	if (flock(j->fd, LOCK_EX | LOCK_NB) < 0)
		return msc_fail(err, MSC_E_BUSY, "%s: another run of mscope uses this device",
				temporary);
	memcpy(j->temporary, temporary, sizeof temporary);
	if (!still_named(j)) {
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
	struct msc_journal *j;

	if (make_dirs(dir, err) < 0)
		return -1;
	j = new_journal(dir, device, lun, err);
	if (!j)
		return -1;
	if (reserve(j, err) < 0) {
		free_journal(j);
		return -1;
	}
	*out = j;
	return 0;
}

int msc_journal_write(struct msc_journal *j, const struct msc_journal_head *h, const uint8_t *data,
		      struct msc_err *err)
{
	size_t len = ((size_t)h->blocks + h->n_probes) * h->block_size;
	char text[HEAD_MAX];
	int n = snprintf(text, sizeof text,
			 "mscope journal 1\ndevice %s\nlun %u\ncapacity %" PRIu64
			 "\nblock_size %" PRIu32 "\nfirst %" PRIu64 "\nblocks %" PRIu32
			 "\nblock_0 %08" PRIx32 "\nchecksum %08" PRIx32,
			 h->device, h->lun, h->capacity, h->block_size, h->first, h->blocks,
			 h->block_0, msc_journal_hash(data, len));

	for (uint32_t i = 0; i < h->n_probes; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "\nprobe %" PRIu64, h->probe[i]);
	n += snprintf(text + n, sizeof text - (size_t)n, "\n\n");
	if (ftruncate(j->fd, 0) < 0 || write_all(j->fd, text, (size_t)n) < 0 ||
	    write_all(j->fd, data, len) < 0 || fsync(j->fd) < 0 ||
	    publish(j->temporary, j->path) < 0)
		return msc_fail_errno(err, MSC_E_IO, "%s: cannot write the journal", j->temporary);
	j->temporary[0] = '\0';
	return sync_dir(j, err);
}

/* The whole file, NUL-terminated; NULL and *err otherwise. */
static uint8_t *read_file(const struct msc_journal *j, size_t *len, struct msc_err *err)
{
	const size_t blocks = MSC_JOURNAL_BLOCKS_MAX + MSC_JOURNAL_PROBES_MAX;
	const size_t max = HEAD_MAX + blocks * BLOCK_SIZE_MAX;
	struct stat st;
	uint8_t *text;
	ssize_t n;

	if (fstat(j->fd, &st) < 0) {
		msc_fail_errno(err, MSC_E_IO, "%s: cannot read the journal", j->path);
		return NULL;
	}
	*len = (uint64_t)st.st_size < max ? (size_t)st.st_size : max;
	text = calloc(1, *len + 1);
	if (!text) {
		msc_nomem(err);
		return NULL;
	}
	for (size_t at = 0; at < *len; at += (size_t)n) {
		n = pread(j->fd, text + at, *len - at, (off_t)at);
		if (n <= 0) {
			msc_fail_errno(err, MSC_E_IO, "%s: cannot read the journal", j->path);
			free(text);
			return NULL;
		}
	}
	return text;
}

static int not_ours(const struct msc_journal *j, struct msc_err *err)
{
	return msc_fail(
		err, MSC_E_FORMAT,
		"%s: expected a journal of mscope, found something else; --forget-journal removes "
		"the file if nothing in it is wanted",
		j->path);
}

/* The lines "probe"; returns what of the text they take, or -1. */
static int parse_probes(const char *text, struct msc_journal_head *h)
{
	int used = 0, n = 0;

	while (!strncmp(text + used, "\nprobe ", 7)) {
		uint64_t *lba = &h->probe[h->n_probes];

		if (h->n_probes == MSC_JOURNAL_PROBES_MAX ||
		    sscanf(text + used, " probe %" SCNu64 "%n", lba, &n) != 1 ||
		    *lba >= h->capacity)
			return -1;
		h->n_probes++;
		used += n;
	}
	return used;
}

static int parse(const struct msc_journal *j, const uint8_t *text, size_t len,
		 struct msc_journal_head *h, uint8_t **data, struct msc_err *err)
{
	unsigned lun = 0;
	uint32_t sum = 0;
	int used = 0, probes;
	size_t size;

	*h = (struct msc_journal_head){ 0 };
	sscanf((const char *)text,
	       "mscope journal 1\ndevice %119[!-~]\nlun %u\ncapacity %" SCNu64
	       "\nblock_size %" SCNu32 "\nfirst %" SCNu64 "\nblocks %" SCNu32 "\nblock_0 %" SCNx32
	       "\nchecksum %" SCNx32 "%n",
	       h->device, &lun, &h->capacity, &h->block_size, &h->first, &h->blocks, &h->block_0,
	       &sum, &used);
	h->lun = (uint8_t)lun;
	probes = used ? parse_probes((const char *)text + used, h) : -1;
	if (probes < 0 || strncmp((const char *)text + used + probes, "\n\n", 2) != 0)
		return not_ours(j, err);
	used += probes + 2;
	if (!h->blocks || h->blocks > MSC_JOURNAL_BLOCKS_MAX || !h->block_size ||
	    h->block_size > BLOCK_SIZE_MAX || h->first >= h->capacity ||
	    h->blocks > h->capacity - h->first)
		return not_ours(j, err);
	size = ((size_t)h->blocks + h->n_probes) * h->block_size;
	if (len - (size_t)used != size || msc_journal_hash(text + used, size) != sum)
		return not_ours(j, err);
	*data = malloc(size);
	if (!*data)
		return msc_nomem(err);
	memcpy(*data, text + used, size);
	return 0;
}

/* Opens and locks the file; 0: there is none. */
static int hold(struct msc_journal *j, struct msc_err *err)
{
	struct stat st;

	j->fd = open(j->path, O_RDWR | O_CLOEXEC);
	if (j->fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (j->fd < 0)
		return msc_fail_errno(err, MSC_E_IO, "%s: cannot open the journal", j->path);
	if (flock(j->fd, LOCK_EX | LOCK_NB) < 0)
		return msc_fail(err, MSC_E_BUSY, "%s: another run of mscope uses this device",
				j->path);
	/* whoever held it may have removed it between the two */
	return fstat(j->fd, &st) < 0 || st.st_nlink ? 1 : 0;
}

int msc_journal_find(const char *dir, const char *device, uint8_t lun, struct msc_journal **out,
		     struct msc_journal_head *head, uint8_t **data, struct msc_err *err)
{
	struct msc_journal *j = new_journal(dir, device, lun, err);
	uint8_t *text = NULL;
	size_t len = 0;
	int rc;

	*out = NULL;
	if (!j)
		return -1;
	rc = hold(j, err);
	if (rc <= 0) {
		free_journal(j);
		return rc;
	}
	text = read_file(j, &len, err);
	rc = -1;
	if (text)
		rc = parse(j, text, len, head, data, err);
	free(text);
	if (rc < 0)
		free_journal(j);
	else
		*out = j;
	return rc;
}

int msc_journal_forget(const char *dir, const char *device, uint8_t lun, char *path, size_t size,
		       struct msc_err *err)
{
	struct msc_journal *j = new_journal(dir, device, lun, err);
	int rc;

	if (!j)
		return -1;
	rc = hold(j, err);
	snprintf(path, size, "%s", rc > 0 ? j->path : "");
	if (rc > 0)
		return msc_journal_remove(j, err);
	free_journal(j);
	return rc;
}

const char *msc_journal_path(const struct msc_journal *j)
{
	return j->path;
}

void msc_journal_close(struct msc_journal *j)
{
	free_journal(j);
}

int msc_journal_remove(struct msc_journal *j, struct msc_err *err)
{
	int rc = *j->temporary ? 0 : unlink(j->path);

	if (rc < 0)
		msc_fail_errno(err, MSC_E_IO, "%s: cannot remove the journal", j->path);
	else
		rc = sync_dir(j, err);
	free_journal(j);
	return rc;
}
