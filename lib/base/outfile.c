/* SPDX-License-Identifier: BSD-2-Clause */
/* Result files: see outfile.h. */
#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as many as the kernel follows */
#define NAMES_MAX 1000

/* ---- where it is ------------------------------------------------------------------------------- */

static size_t directory_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Follows links whose last one may lead to nothing yet. */
static char *follow(const char *path)
{
	char *at = strdup(path), *next, target[PATH_MAX];

	for (int i = 0; i < LINKS_MAX; i++) {
		ssize_t n = at ? readlink(at, target, sizeof target - 1) : -1;

		if (n < 0)
			return at;
		target[n] = '\0';
		if (asprintf(&next, "%.*s%s", target[0] == '/' ? 0 : (int)directory_len(at), at,
			     target) < 0)
			next = NULL;
		free(at);
		at = next;
	}
	free(at);
	errno = ELOOP;
	return NULL;
}

/* The same place has the same name, however it was written. */
static char *resolve(const char *path)
{
	char *name = follow(path), *dir, *real = NULL, *result = NULL;
	size_t len;

	if (!name)
		return NULL;
	len = directory_len(name);
	dir = len ? strndup(name, len) : strdup(".");
	real = dir ? realpath(dir, NULL) : NULL;
	if (real && asprintf(&result, "%s/%s", strcmp(real, "/") ? real : "", name + len) < 0)
		result = NULL;
	free(real);
	free(dir);
	free(name);
	return result;
}

/* ---- opening ----------------------------------------------------------------------------------- */

static int open_in_place(struct msc_outfile *o, const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	o->f = fd < 0 ? NULL : fdopen(fd, "w");
	if (fd >= 0 && !o->f)
		close(fd);
	return o->f ? 0 : -1;
}

/* A new file beside the name, with the mode that the file has or would have. */
static int open_beside(struct msc_outfile *o)
{
	int fd = -1;

	for (int i = 0; fd < 0 && i < NAMES_MAX; i++) {
		free(o->temporary);
		if (asprintf(&o->temporary, "%.*s.mscope-%ld-%d", (int)directory_len(o->path),
			     o->path, (long)getpid(), i) < 0) {
			o->temporary = NULL;
			return -1;
		}
		fd = open(o->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0) {
		int why = errno;

		free(o->temporary);
		o->temporary = NULL;
		errno = why;
		return -1;
	}
	/* Another's file stays his where we may say so; the mode last, as a change of owner cuts it. */
	if (o->there &&
	    (fchown(fd, o->st.st_uid, o->st.st_gid) < 0 || fchmod(fd, o->st.st_mode & 07777) < 0))
		(void)fchmod(fd, o->st.st_mode & 0777);
	o->f = fdopen(fd, "w+");
	if (!o->f)
		close(fd);
	return o->f ? 0 : -1;
}

static int open_regular(struct msc_outfile *o, const char *path)
{
	o->path = resolve(path);
	if (!o->path)
		return -1;
	if (o->there && access(path, W_OK) < 0)
		return -1;
	if (open_beside(o) == 0)
		return 0;
	if (!o->there || (errno != EACCES && errno != EPERM && errno != EROFS))
		return -1;
	o->at_end = true;
	o->f = tmpfile();
	return o->f ? 0 : -1;
}

int msc_outfile_open(struct msc_outfile *o, const char *path, struct msc_err *err)
{
	*o = (struct msc_outfile){ .there = false };
	o->there = stat(path, &o->st) == 0;
	if (o->there && !S_ISREG(o->st.st_mode)) {
		o->path = strdup(path);
		if (o->path && open_in_place(o, path) == 0)
			return 0;
	} else if (!*path) {
		errno = ENOENT;
	} else if (open_regular(o, path) == 0) {
		return 0;
	}
	msc_fail_errno(err, MSC_E_IO, "cannot write %s", path);
	msc_outfile_discard(o);
	return -1;
}

bool msc_outfile_is_same(const struct msc_outfile *a, const struct msc_outfile *b)
{
	if (a->there && b->there && a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino)
		return !S_ISCHR(a->st.st_mode); /* of /dev/null there is enough for all */
	return !strcmp(a->path, b->path);
}

/* ---- ending ------------------------------------------------------------------------------------ */

static int copy_over(struct msc_outfile *o)
{
	FILE *out = fopen(o->path, "we");
	char buffer[1 << 14];
	bool failed;
	size_t n;

	if (!out)
		return -1;
	rewind(o->f);
	while ((n = fread(buffer, 1, sizeof buffer, o->f)) > 0)
		fwrite(buffer, 1, n, out);
	failed = ferror(o->f) || ferror(out) || fflush(out);
	return fclose(out) || failed ? -1 : 0;
}

/* The name is a mount point, as a file that a container was given is. */
static bool is_mount_point(int why)
{
	return why == EBUSY || why == EXDEV;
}

static int put_in_place(struct msc_outfile *o)
{
	if (fflush(o->f) || ferror(o->f))
		return -1;
	if (o->at_end)
		return copy_over(o);
	if (!o->temporary)
		return 0;
	if (fsync(fileno(o->f)) < 0 && errno != EINVAL && errno != ENOSYS)
		return -1;
	if (rename(o->temporary, o->path) == 0) {
		free(o->temporary);
		o->temporary = NULL;
		return 0;
	}
	return is_mount_point(errno) ? copy_over(o) : -1;
}

int msc_outfile_keep(struct msc_outfile *o, struct msc_err *err)
{
	int result = put_in_place(o);

	if (result < 0)
		msc_fail_errno(err, MSC_E_IO, "cannot write %s", o->path);
	msc_outfile_discard(o);
	return result;
}

void msc_outfile_blame(const struct msc_outfile *o, struct msc_err *err)
{
	if (o->f && err->code == MSC_E_IO)
		msc_err_prefix(err, "%s: ", o->path);
}

void msc_outfile_discard(struct msc_outfile *o)
{
	if (o->f)
		fclose(o->f);
	if (o->temporary)
		unlink(o->temporary);
	free(o->temporary);
	free(o->path);
	*o = (struct msc_outfile){ .there = false };
}
