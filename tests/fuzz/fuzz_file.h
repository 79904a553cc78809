/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes as a file with a name, for what opens its files itself; and the medium of a simulated device as a file
 * that is looked at afterwards. Each fuzzer is one program, so this is all of it. */
#ifndef MSC_FUZZ_FILE_H
#define MSC_FUZZ_FILE_H

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transport/transport.h"

struct fuzz_file {
	int fd;
	char path[32];
};

/* In memory; its place in the file is the beginning. */
static inline struct fuzz_file fuzz_file(const void *data, size_t size)
{
	struct fuzz_file f = { .fd = memfd_create("fuzz", MFD_CLOEXEC) };

	if (f.fd < 0 || write(f.fd, data, size) != (ssize_t)size || lseek(f.fd, 0, SEEK_SET) != 0)
		abort();
	snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
	return f;
}

#define FUZZ_MEDIUM_BLOCKS 2048
#define FUZZ_MEDIUM_SIZE   (FUZZ_MEDIUM_BLOCKS * 512)

/* The same bytes each time, every block another. */
static inline struct fuzz_file fuzz_medium(uint8_t *copy)
{
	for (size_t i = 0; i < FUZZ_MEDIUM_SIZE; i++)
		copy[i] = (uint8_t)(i / 512 * 37 + i / 131072 + i % 512);
	return fuzz_file(copy, FUZZ_MEDIUM_SIZE);
}

/* The reference with that medium. */
static inline struct msc_target *fuzz_open(const struct fuzz_file *medium, bool allow_writes)
{
	const struct msc_open_options options = { .allow_writes = allow_writes };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t;
	char name[96];

	snprintf(name, sizeof name, "sim:reference,file=%s,blocks=%d", medium->path,
		 FUZZ_MEDIUM_BLOCKS);
	t = msc_target_open(name, &options, &err);
	if (!t)
		abort();
	return t;
}

/* Whether the medium is as it was. */
static inline int fuzz_medium_is(const struct fuzz_file *f, const uint8_t *copy)
{
	void *now = mmap(NULL, FUZZ_MEDIUM_SIZE, PROT_READ, MAP_SHARED, f->fd, 0);
	int same;

	if (now == MAP_FAILED)
		abort();
	same = !memcmp(now, copy, FUZZ_MEDIUM_SIZE);
	munmap(now, FUZZ_MEDIUM_SIZE);
	return same;
}

static inline int fuzz_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline char *fuzz_dir(void)
{
	static char dir[] = "/dev/shm/mscope-fuzz-XXXXXX";

	return dir;
}

static inline void fuzz_dir_end(void)
{
	nftw(fuzz_dir(), fuzz_remove, 4, FTW_DEPTH | FTW_PHYS);
}

/* A place for journals, in memory, which is gone when the program is. */
static inline const char *fuzz_journals(void)
{
	if (!mkdtemp(fuzz_dir()) || atexit(fuzz_dir_end) != 0)
		abort();
	return fuzz_dir();
}

#endif
