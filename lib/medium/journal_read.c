/* SPDX-License-Identifier: BSD-2-Clause */
/* What a journal says, and whether it is to be believed: every byte of it lies under a checksum, and
 * every number is held against the others before it is used. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "medium/journal_file.h"
#include "medium/stamp.h"

#define BLOCK_SIZE_MAX 65536u
#define FILE_MAX       ((size_t)256 << 20)

void msc_journal_content_free(struct msc_journal_content *c)
{
	free(c->file);
	free(c->block);
	free(c->wrote);
	free(c->tried);
	*c = (struct msc_journal_content){ .file = NULL };
}

static int damaged(const struct msc_journal *j, const char *what, struct msc_err *err)
{
	return msc_fail(err, MSC_E_FORMAT,
			"%s is damaged (%s), and is not applied: it may be the only copy of blocks "
			"of this device, so it is kept; --forget-journal removes it if nothing in "
			"it is wanted",
			j->path, what);
}

/* The whole file, NUL-terminated. */
static uint8_t *read_file(const struct msc_journal *j, size_t *len, struct msc_err *err)
{
	struct stat st;
	uint8_t *text;
	ssize_t n;

	if (fstat(j->fd, &st) < 0) {
		msc_fail_errno(err, MSC_E_IO, "%s: cannot read the journal", j->path);
		return NULL;
	}
	*len = (uint64_t)st.st_size < FILE_MAX ? (size_t)st.st_size : FILE_MAX;
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

/* ---- the head --------------------------------------------------------------------------------- */

static bool parse_print(struct msc_journal_head *h, const char *line)
{
	struct msc_print *p = &h->print[h->n_prints];

	if (h->n_prints == MSC_JOURNAL_PRINTS_MAX ||
	    sscanf(line, "print %" SCNu64 " %" SCNx64, &p->lba, &p->hash) != 2 ||
	    p->lba >= h->capacity)
		return false;
	h->n_prints++;
	return true;
}

static bool parse_head(struct msc_journal_head *h, const uint8_t *data, size_t len)
{
	char *text = strndup((const char *)data, len), *save = NULL, *line;
	unsigned lun = 0;
	int used = 0;
	bool good;

	if (!text)
		return false;
	good = sscanf(text,
		      "device %255[!-~]\nlun %u\ncapacity %" SCNu64 "\nblock_size %" SCNu32 "%n",
		      h->device, &lun, &h->capacity, &h->block_size, &used) == 4 &&
	       used && h->block_size && h->block_size <= BLOCK_SIZE_MAX && h->capacity;
	h->lun = (uint8_t)lun;
	for (line = good ? strtok_r(text + used, "\n", &save) : NULL; good && line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "mark ", 5))
			good = sscanf(line, "mark %" SCNu64 " %23[0-9a-f]", &h->mark, h->nonce) ==
				       2 &&
			       h->mark < h->capacity;
		else
			good = parse_print(h, line);
	}
	free(text);
	return good;
}

/* ---- entries ---------------------------------------------------------------------------------- */

static int add_blocks(struct msc_journal_content *c, const uint8_t *data, size_t len,
		      const char **what, struct msc_err *err)
{
	size_t each = 8 + (size_t)c->head.block_size, n = len / each;
	struct msc_journal_block *grown;

	if (len % each) {
		*what = "the length of its blocks";
		return 0;
	}
	grown = reallocarray(c->block, c->n_blocks + n + 1, sizeof *grown);
	if (!grown)
		return msc_nomem(err);
	c->block = grown;
	for (size_t i = 0; i < n; i++, data += each) {
		grown[c->n_blocks++] = (struct msc_journal_block){ msc_get_be64(data), data + 8 };
		if (msc_get_be64(data) >= c->head.capacity)
			*what = "a block lies beyond the end";
	}
	return 0;
}

/* Whatever else was written, it is not the mark alone any more. */
static void end_trial(struct msc_journal_content *c)
{
	c->n_tried = 0;
}

static int add_wrote(struct msc_journal_content *c, const uint8_t *data, size_t len,
		     const char **what, struct msc_err *err)
{
	size_t n = len / c->head.block_size;
	const uint8_t **grown;

	end_trial(c);
	if (len % c->head.block_size) {
		*what = "the length of its blocks";
		return 0;
	}
	grown = reallocarray(c->wrote, c->n_wrote + n + 1, sizeof *grown);
	if (!grown)
		return msc_nomem(err);
	c->wrote = grown;
	for (size_t i = 0; i < n; i++)
		grown[c->n_wrote++] = data + i * c->head.block_size;
	return 0;
}

static int add_begin(struct msc_journal_content *c, const uint8_t *data, size_t len,
		     const char **what, struct msc_err *err)
{
	uint64_t *grown;

	c->began = true;
	if (!len)
		return 0;
	if (len != 8 || msc_get_be64(data) >= c->head.capacity) {
		*what = "where it begins to write";
		return 0;
	}
	grown = reallocarray(c->tried, c->n_tried + 1, sizeof *grown);
	if (!grown)
		return msc_nomem(err);
	c->tried = grown;
	grown[c->n_tried++] = msc_get_be64(data);
	return 0;
}

static void add_stamp(struct msc_journal_content *c, const uint8_t *seed)
{
	end_trial(c);
	c->has_stamp = true;
	c->stamp = msc_get_be64(seed);
}

/* One entry that is whole; *what says what is wrong with it. */
static int take_entry(struct msc_journal_content *c, size_t index, const char *kind,
		      const uint8_t *data, size_t len, const char **what, struct msc_err *err)
{
	if (index == 0)
		*what = strcmp(kind, "head") || !parse_head(&c->head, data, len) ? "its head"
										 : NULL;
	else if (!strcmp(kind, "save"))
		return add_blocks(c, data, len, what, err);
	else if (index == 1)
		*what = "no blocks";
	else if (!strcmp(kind, "begin"))
		return add_begin(c, data, len, what, err);
	else if (!strcmp(kind, "wrote"))
		return add_wrote(c, data, len, what, err);
	else if (!strcmp(kind, "stamp") && len == 8 && c->head.block_size >= MSC_STAMP_LEAST)
		add_stamp(c, data);
	else
		*what = "an entry that this mscope does not know";
	return 0;
}

/* The line of an entry. 1: it is there; 0: the file ends within it; -1: it is no such line. */
static int take_line(const uint8_t *p, size_t left, char kind[8], size_t *len, uint64_t *sum,
		     size_t *used)
{
	size_t room = left < MSC_JOURNAL_LINE_MAX ? left : MSC_JOURNAL_LINE_MAX - 1;
	const uint8_t *end = memchr(p, '\n', room);
	char line[MSC_JOURNAL_LINE_MAX], again[MSC_JOURNAL_LINE_MAX];

	if (!end)
		return left < MSC_JOURNAL_LINE_MAX - 1 ? 0 : -1;
	*used = (size_t)(end - p) + 1;
	memcpy(line, p, *used);
	line[*used] = '\0';
	if (sscanf(line, "%7[a-z] %zu %" SCNx64, kind, len, sum) != 3)
		return -1;
	return msc_journal_line(again, kind, *len, *sum) == (int)*used && !strcmp(line, again) ? 1
											       : -1;
}

static int parse(struct msc_journal *j, struct msc_journal_content *c, size_t size,
		 struct msc_err *err)
{
	size_t at = strlen(MSC_JOURNAL_MAGIC), index = 0;
	const char *what = NULL;

	if (size >= at && (!memcmp(c->file, "mscope journal 1\n", at) ||
			   !memcmp(c->file, "mscope journal 2\n", at)))
		return msc_fail(
			err, MSC_E_FORMAT,
			"%s was left by an older mscope (format %c), which did not note all "
			"that it takes to put the blocks back; it is kept, and "
			"--forget-journal removes it",
			j->path, c->file[at - 2]);
	if (size < at || memcmp(c->file, MSC_JOURNAL_MAGIC, at) != 0)
		return damaged(j, size < at ? "length" : "it does not begin as a journal", err);
	while (at < size) {
		size_t len = 0, used = 0;
		char kind[8] = "";
		uint64_t sum = 0;
		int rc = take_line(c->file + at, size - at, kind, &len, &sum, &used);

		if (rc < 0)
			return damaged(j, "checksum", err);
		if (rc == 0 || len > size - at - used)
			break; /* a crash cut it off */
		at += used;
		if (msc_journal_hash(c->file + at, len) != sum)
			return damaged(j, "checksum", err);
		if (take_entry(c, index++, kind, c->file + at, len, &what, err) < 0)
			return -1;
		if (what)
			return damaged(j, what, err);
		at += len;
		j->end = (int64_t)at;
	}
	return index < 2 ? damaged(j, "length", err) : 0;
}

/* ---- files ------------------------------------------------------------------------------------ */

/* Opens and locks the file; 0: there is none. */
static int hold(struct msc_journal *j, struct msc_err *err)
{
	struct stat st;

	j->fd = open(j->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (j->fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (j->fd < 0)
		return msc_fail_errno(err, MSC_E_IO, "%s: cannot open the journal", j->path);
	if (fstat(j->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return msc_fail(err, MSC_E_IO, "%s: cannot open the journal: it is no file",
				j->path);
	if (flock(j->fd, LOCK_EX | LOCK_NB) < 0)
		return msc_fail(err, MSC_E_BUSY, "%s: another run of mscope uses this device",
				j->path);
	/* whoever held it may have removed it between the two */
	return fstat(j->fd, &st) < 0 || st.st_nlink ? 1 : 0;
}

int msc_journal_open(const char *path, struct msc_journal **out, struct msc_journal_content *c,
		     struct msc_err *err)
{
	struct msc_journal *j = msc_journal_new(path, err);
	size_t len = 0;
	int rc;

	*out = NULL;
	*c = (struct msc_journal_content){ .file = NULL };
	if (!j)
		return -1;
	rc = hold(j, err);
	if (rc > 0) {
		c->file = read_file(j, &len, err);
		rc = c->file ? parse(j, c, len, err) : -1;
		if (rc == 0) {
			*out = j;
			return 0;
		}
	}
	msc_journal_content_free(c);
	msc_journal_free(j);
	return rc;
}

int msc_journal_find(const char *dir, const char *device, uint8_t lun, struct msc_journal **out,
		     struct msc_journal_content *c, struct msc_err *err)
{
	char path[3584];

	msc_journal_name(dir, device, lun, path, sizeof path);
	if (msc_journal_open(path, out, c, err) < 0)
		return -1;
	if (*out && (strcmp(c->head.device, device) != 0 || c->head.lun != lun)) {
		msc_fail(err, MSC_E_FORMAT, "%s is the journal of another device (%s, unit %u)",
			 path, c->head.device, c->head.lun);
		msc_journal_content_free(c);
		msc_journal_close(*out);
		*out = NULL;
		return -1;
	}
	return 0;
}

int msc_journal_forget(const char *dir, const char *device, uint8_t lun, char *path, size_t size,
		       struct msc_err *err)
{
	struct msc_journal *j;
	int rc;

	msc_journal_name(dir, device, lun, path, size);
	j = msc_journal_new(path, err);
	if (!j)
		return -1;
	rc = hold(j, err);
	if (rc > 0)
		return msc_journal_remove(j, err);
	*path = '\0';
	msc_journal_free(j);
	return rc;
}
