/* SPDX-License-Identifier: BSD-2-Clause */
/* See volume.h. What libtsk reads it reads through read_image(), whose first failure is kept: it says
 * more than what libtsk makes of it. */
#include "direct/volume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tsk/libtsk.h>

#include "base/library.h"

#define PIECE	(64u << 10)

#define FUNCTIONS(X)                                                                         \
	X(tsk_img_open_external)                                                             \
	X(tsk_img_close)                                                                     \
	X(tsk_vs_open)                                                                       \
	X(tsk_vs_part_get)                                                                   \
	X(tsk_vs_close)                                                                      \
	X(tsk_fs_open_img)                                                                   \
	X(tsk_fs_close)                                                                      \
	X(tsk_fs_path2inum)                                                                  \
	X(tsk_fs_file_open_meta)                                                             \
	X(tsk_fs_file_read)                                                                  \
	X(tsk_fs_file_walk)                                                                  \
	X(tsk_fs_file_close)                                                                 \
	X(tsk_fs_dir_walk)                                                                   \
	X(tsk_error_get)

struct api {
	FUNCTIONS(MSC_POINTER)
};

static const struct msc_import imports[] = { FUNCTIONS(MSC_IMPORT) };

static const struct msc_library library = {
	.sonames = { "libtsk.so.19" }, /* what the headers of 4.11 and 4.12 belong to */
	.package = "libtsk19",
	.what = "finding files",
	.imports = imports,
	.n_imports = MSC_COUNT(imports),
};

struct msc_volume {
	TSK_IMG_INFO img; /* first: libtsk hands out a pointer to it */
	struct api api;
	struct msc_bytes *bytes;
	struct msc_err read_err; /* of the medium, the first */
	TSK_FS_INFO *fs;
	bool image_open;
};

/* ---- opening ------------------------------------------------------------------------------------ */

static ssize_t read_image(TSK_IMG_INFO *img, TSK_OFF_T at, char *buf, size_t len)
{
	struct msc_volume *v = (struct msc_volume *)img;
	uint64_t offset = (uint64_t)at;

	if (at < 0 || offset >= v->bytes->size || v->read_err.code)
		return -1;
	if (len > v->bytes->size - offset)
		len = (size_t)(v->bytes->size - offset);
	return msc_bytes_read(v->bytes, offset, buf, len, &v->read_err) < 0 ? -1 : (ssize_t)len;
}

static void close_image(TSK_IMG_INFO *img)
{
	(void)img; /* msc_volume_close frees it */
}

static void describe_image(TSK_IMG_INFO *img, FILE *f)
{
	(void)img;
	(void)f;
}

/* What the medium said, or else what libtsk says. */
static int explain(struct msc_volume *v, enum msc_code code, const char *what, struct msc_err *err)
{
	const char *text;

	if (v->read_err.code) {
		*err = v->read_err;
		return -1;
	}
	text = v->api.tsk_error_get();
	return msc_fail(err, code, "%s%s%s", what, text ? ": " : "", text ? text : "");
}

static void find_partition(struct msc_volume *v)
{
	TSK_VS_INFO *vs = v->api.tsk_vs_open(&v->img, 0, TSK_VS_TYPE_DETECT);

	if (!vs)
		return;
	for (TSK_PNUM_T i = 0; !v->fs && !v->read_err.code && i < vs->part_count; i++) {
		const TSK_VS_PART_INFO *p = v->api.tsk_vs_part_get(vs, i);

		if (p && p->flags & TSK_VS_PART_FLAG_ALLOC)
			v->fs = v->api.tsk_fs_open_img(&v->img,
						       (TSK_OFF_T)(p->start * vs->block_size),
						       TSK_FS_TYPE_DETECT);
	}
	v->api.tsk_vs_close(vs);
}

struct msc_volume *msc_volume_open(struct msc_bytes *b, struct msc_err *err)
{
	struct msc_volume *v = calloc(1, sizeof *v);

	if (!v) {
		(void)msc_nomem(err);
		return NULL;
	}
	v->bytes = b;
	if (msc_library_load(&library, &v->api, err) < 0) {
		free(v);
		return NULL;
	}
	v->image_open = v->api.tsk_img_open_external(v, (TSK_OFF_T)b->size, b->block_size,
						     read_image, close_image, describe_image);
	if (v->image_open)
		v->fs = v->api.tsk_fs_open_img(&v->img, 0, TSK_FS_TYPE_DETECT);
	if (v->image_open && !v->fs && !v->read_err.code)
		find_partition(v);
	if (!v->fs) {
		(void)explain(v, MSC_E_FORMAT, "there is no filesystem that could be read", err);
		msc_volume_close(v);
		return NULL;
	}
	return v;
}

void msc_volume_close(struct msc_volume *v)
{
	if (!v)
		return;
	if (v->fs)
		v->api.tsk_fs_close(v->fs);
	if (v->image_open)
		v->api.tsk_img_close(&v->img);
	free(v);
}

/* ---- files -------------------------------------------------------------------------------------- */

/* NULL: there is none. What was deleted is not there. */
static TSK_FS_FILE *find(struct msc_volume *v, const char *path, struct msc_err *err)
{
	TSK_FS_FILE *f = NULL;
	TSK_INUM_T inode;
	int8_t rc = v->api.tsk_fs_path2inum(v->fs, path, &inode, NULL);

	if (rc == 0)
		f = v->api.tsk_fs_file_open_meta(v->fs, NULL, inode);
	if (rc < 0 || (rc == 0 && !f) || v->read_err.code) {
		(void)explain(v, MSC_E_IO, "cannot look for the file", err);
	} else if (f && f->meta && f->meta->flags & TSK_FS_META_FLAG_ALLOC) {
		return f;
	} else {
		(void)msc_fail(err, MSC_E_IO, "there is no %s on it", path);
	}
	if (f)
		v->api.tsk_fs_file_close(f);
	return NULL;
}

static bool is_directory(const TSK_FS_FILE *f)
{
	return TSK_FS_IS_DIR_META(f->meta->type);
}

static int copy(struct msc_volume *v, TSK_FS_FILE *f,
		int (*sink)(void *, const uint8_t *, size_t, struct msc_err *), void *user,
		struct msc_err *err)
{
	uint64_t size = (uint64_t)f->meta->size;
	uint8_t *piece = malloc(PIECE);
	int rc = 0;

	if (!piece)
		return msc_nomem(err);
	for (uint64_t at = 0; rc == 0 && at < size;) {
		size_t want = size - at < PIECE ? (size_t)(size - at) : PIECE;
		ssize_t n = v->api.tsk_fs_file_read(f, (TSK_OFF_T)at, (char *)piece, want,
						    TSK_FS_FILE_READ_FLAG_NONE);

		/* What could not be read it may give as zeros. */
		if (n <= 0 || (size_t)n > want || v->read_err.code)
			rc = explain(v, MSC_E_IO, "the file's blocks cannot be found", err);
		else
			rc = sink(user, piece, (size_t)n, err);
		at += rc == 0 ? (uint64_t)n : 0;
	}
	free(piece);
	return rc;
}

int msc_volume_copy(struct msc_volume *v, const char *path,
		    int (*sink)(void *, const uint8_t *, size_t, struct msc_err *), void *user,
		    struct msc_err *err)
{
	TSK_FS_FILE *f = find(v, path, err);
	int rc;

	if (!f)
		return -1;
	/* libtsk keeps what it came by on its way here; the file is read now. */
	memset(v->img.cache_len, 0, sizeof v->img.cache_len);
	rc = is_directory(f) ? msc_fail(err, MSC_E_IO, "%s is a directory", path)
			     : copy(v, f, sink, user, err);
	v->api.tsk_fs_file_close(f);
	return rc;
}

struct place_walk {
	int (*each)(void *, uint64_t, uint64_t, uint64_t, struct msc_err *);
	void *user;
	struct msc_err *err;
	uint64_t size, next; /* bytes of the file, and of those that have a place */
	bool failed;
};

static TSK_WALK_RET_ENUM place(TSK_FS_FILE *f, TSK_OFF_T at, TSK_DADDR_T block, char *data,
			       size_t len, TSK_FS_BLOCK_FLAG_ENUM flags, void *user)
{
	static const unsigned other = TSK_FS_BLOCK_FLAG_SPARSE | TSK_FS_BLOCK_FLAG_COMP |
				      TSK_FS_BLOCK_FLAG_RES;
	struct place_walk *w = user;
	const TSK_FS_INFO *fs = f->fs_info;

	(void)data;
	if ((uint64_t)at >= w->size)
		return TSK_WALK_STOP;
	if (len > w->size - (uint64_t)at)
		len = (size_t)(w->size - (uint64_t)at);
	if (flags & other || (uint64_t)at != w->next || len > fs->block_size) {
		w->failed = true;
		(void)msc_fail(
			w->err, MSC_E_UNSUPPORTED,
			"the file has no blocks of its own for all that it holds: it is sparse, "
			"compressed, or kept within its entry");
		return TSK_WALK_STOP;
	}
	w->next += len;
	w->failed = w->each(w->user, (uint64_t)at, (uint64_t)fs->offset + block * fs->block_size,
			    len, w->err) < 0;
	return w->failed ? TSK_WALK_STOP : TSK_WALK_CONT;
}

int msc_volume_places(struct msc_volume *v, const char *path,
		      int (*each)(void *, uint64_t, uint64_t, uint64_t, struct msc_err *),
		      void *user, struct msc_err *err)
{
	struct place_walk w = { .each = each, .user = user, .err = err };
	TSK_FS_FILE *f = find(v, path, err);
	int rc;

	if (!f)
		return -1;
	w.size = (uint64_t)f->meta->size;
	rc = is_directory(f) ? msc_fail(err, MSC_E_IO, "%s is a directory", path) : 0;
	if (rc == 0 && w.size &&
	    (v->api.tsk_fs_file_walk(f, TSK_FS_FILE_WALK_FLAG_AONLY, place, &w) ||
	     v->read_err.code))
		rc = w.failed ? -1 : explain(v, MSC_E_IO, "the file's blocks cannot be found", err);
	if (rc == 0 && w.failed)
		rc = -1;
	if (rc == 0 && w.next < w.size)
		rc = msc_fail(err, MSC_E_IO, "%s: not all of its blocks can be found", path);
	v->api.tsk_fs_file_close(f);
	return rc;
}

struct walk {
	int (*each)(void *, const struct msc_volume_file *, struct msc_err *);
	void *user;
	const char *base;
	const struct msc_volume *v;
	struct msc_err *err;
	bool failed;
};

/* FAT keeps the name of the volume as an entry of its root, which libtsk shows as a file. */
static bool is_label(const TSK_FS_FILE *f)
{
	static const char suffix[] = " (Volume Label Entry)";
	size_t len = strlen(f->name->name), n = sizeof suffix - 1;

	return TSK_FS_TYPE_ISFAT(f->fs_info->ftype) && len > n && !f->meta->size &&
	       !strcmp(f->name->name + len - n, suffix);
}

static TSK_WALK_RET_ENUM visit(TSK_FS_FILE *f, const char *path, void *user)
{
	struct walk *w = user;
	struct msc_volume_file file;
	const char *name = f->name ? f->name->name : NULL;
	char *whole;

	if (w->v->read_err.code)
		return TSK_WALK_STOP;
	if (!name || !strcmp(name, ".") || !strcmp(name, "..") || !f->meta ||
	    f->meta->type == TSK_FS_META_TYPE_VIRT || f->meta->type == TSK_FS_META_TYPE_VIRT_DIR ||
	    is_label(f))
		return TSK_WALK_CONT;
	if (asprintf(&whole, "%s/%s%s", w->base, path, name) < 0) {
		w->failed = true;
		(void)msc_nomem(w->err);
		return TSK_WALK_STOP;
	}
	file = (struct msc_volume_file){ .path = whole,
					 .is_directory = is_directory(f),
					 .size = (uint64_t)f->meta->size };
	w->failed = w->each(w->user, &file, w->err) < 0;
	free(whole);
	return w->failed ? TSK_WALK_STOP : TSK_WALK_CONT;
}

int msc_volume_list(struct msc_volume *v, const char *directory,
		    int (*each)(void *, const struct msc_volume_file *, struct msc_err *),
		    void *user, struct msc_err *err)
{
	const int flags = TSK_FS_DIR_WALK_FLAG_ALLOC | TSK_FS_DIR_WALK_FLAG_RECURSE |
			  TSK_FS_DIR_WALK_FLAG_NOORPHAN;
	struct walk w = { .each = each, .user = user, .v = v, .err = err };
	TSK_FS_FILE *f = find(v, directory, err);
	TSK_INUM_T inode;
	char base[1024];
	size_t len;
	int rc;

	if (!f)
		return -1;
	inode = f->meta->addr;
	rc = is_directory(f) ? 0 : msc_fail(err, MSC_E_IO, "%s is no directory", directory);
	v->api.tsk_fs_file_close(f);
	if (rc < 0)
		return -1;
	directory += strspn(directory, "/");
	snprintf(base, sizeof base, "%s%s", *directory ? "/" : "", directory);
	for (len = strlen(base); len && base[len - 1] == '/'; len--)
		base[len - 1] = '\0';
	w.base = base;
	rc = v->api.tsk_fs_dir_walk(v->fs, inode, (TSK_FS_DIR_WALK_FLAG_ENUM)flags, visit, &w);
	if (w.failed)
		return -1;
	return rc || v->read_err.code ? explain(v, MSC_E_IO, "cannot list it", err) : 0;
}
