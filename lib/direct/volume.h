/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of a medium that nobody has mounted: FAT12, 16 and 32, exFAT, NTFS, ext, HFS+, ISO 9660,
 * UFS, on the whole medium or in the first partition that has one. libtsk finds them; it is loaded
 * when a volume is opened, for it brings some forty other libraries. Only reads. */
#ifndef MSC_DIRECT_VOLUME_H
#define MSC_DIRECT_VOLUME_H

#include "direct/bytes.h"

struct msc_volume;

/* NULL: MSC_E_UNSUPPORTED, there is no libtsk; MSC_E_FORMAT, no filesystem that it knows; or what
 * msc_bytes_read failed with. The bytes stay the caller's, and are needed until it is closed. */
struct msc_volume *msc_volume_open(struct msc_bytes *, struct msc_err *);
void msc_volume_close(struct msc_volume *); /* NULL is nothing to close */

struct msc_volume_file {
	const char *path; /* from the root, as it is on the medium: any bytes */
	bool is_directory;
	uint64_t size;
};
/* All below this directory, in the order of the medium. each returns -1 to end it. MSC_E_IO: there is
 * no such directory. */
int msc_volume_list(struct msc_volume *, const char *directory,
		    int (*each)(void *user, const struct msc_volume_file *, struct msc_err *),
		    void *user, struct msc_err *) MSC_MUST_CHECK;

/* The bytes of a file, read from the medium now. MSC_E_IO: there is no such file, it is a directory, or
 * its chain is damaged. */
int msc_volume_copy(struct msc_volume *, const char *path,
		    int (*sink)(void *user, const uint8_t *data, size_t len, struct msc_err *),
		    void *user, struct msc_err *) MSC_MUST_CHECK;

/* Where the bytes of a file lie, from its first to its last: `len` bytes of it from `at` on are on the
 * medium at `offset`. MSC_E_UNSUPPORTED: it has no blocks for all of them (sparse, compressed, kept in its
 * entry); MSC_E_IO as above. */
int msc_volume_places(struct msc_volume *, const char *path,
		      int (*each)(void *user, uint64_t at, uint64_t offset, uint64_t len,
				  struct msc_err *),
		      void *user, struct msc_err *) MSC_MUST_CHECK;

#endif
