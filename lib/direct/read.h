/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of a mounted filesystem, an image or a block device, past the page cache: O_DIRECT, with
 * several large aligned reads in flight, and exactly the bytes that are asked for. Never a write.
 *
 * What a filesystem keeps of a file besides its bytes (where they lie, how many they are) is as the
 * kernel knows it: a length that a device changes by itself is seen when the kernel looks again.
 *
 * A filesystem may refuse O_DIRECT. Then the cache is dropped before each reading, as far as the
 * kernel lets go of it, and the caller is told that what it gets may be cached. */
#ifndef MSC_DIRECT_READ_H
#define MSC_DIRECT_READ_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct msc_direct {
	const char *path; /* the caller's */
	int fd;		  /* below 0: not open */
	bool is_device;
	uint64_t size;	     /* bytes, when it was opened */
	uint32_t block_size; /* a device's logical block; 512 of a file */
	uint32_t align;	     /* of addresses, offsets and lengths: a power of two */
	bool direct;	     /* false: what is read may be cached, */
	char why[128];	     /* because */
};

/* MSC_E_IO: it is not there, may not be read, or is neither a file nor a block device; the same
 * MSC_E_UNSUPPORTED for a device without a medium. Close it in any case. */
int msc_direct_open(struct msc_direct *, const char *path, struct msc_err *) MSC_MUST_CHECK;
void msc_direct_close(struct msc_direct *);

struct msc_direct_user {
	/* The next bytes, in order. -1 ends the reading. */
	int (*sink)(void *user, const uint8_t *data, size_t len, struct msc_err *);
	/* Before the first bytes that may be cached: d->why says why. May be NULL. */
	void (*cached)(void *user, const struct msc_direct *d);
	bool (*stop)(void *user); /* true: MSC_E_INTERRUPTED. May be NULL */
	void *user;
};

/* Passes on these bytes; UINT64_MAX: to the end. A file whose size the kernel does not tell (0, as of
 * most in /proc) is read until it ends. Fewer bytes than size promised, or a read that fails, is
 * MSC_E_IO after the bytes before it; a device that has left is MSC_E_GONE. */
int msc_direct_copy(struct msc_direct *, uint64_t offset, uint64_t len,
		    const struct msc_direct_user *, struct msc_err *) MSC_MUST_CHECK;

#endif
