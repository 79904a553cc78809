/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads of a block device past the page cache: O_DIRECT, one at a time, and never a write. */
#ifndef MSC_DIRECT_BLOCK_H
#define MSC_DIRECT_BLOCK_H

#include "transport/transport.h"

struct msc_block {
	const char *path; /* the caller's */
	int fd;		  /* below 0: not open */
	uint32_t block_size;
	uint64_t blocks;
};

/* MSC_E_NOTFOUND: not there, or not a block device; MSC_E_ACCESS; MSC_E_UNSUPPORTED: there is no
 * medium. Close it in any case. */
int msc_block_open(struct msc_block *, const char *path, struct msc_err *) MSC_MUST_CHECK;
void msc_block_close(struct msc_block *);

/* Fills in what sysfs says of the USB device whose disk this is: speed, ids, serial number, path,
 * host controller. Leaves it as it is when the disk is not a USB device's. */
void msc_block_identify(const struct msc_block *, struct msc_device *);

/* Memory that O_DIRECT takes; free() it. NULL: out of memory. */
void *msc_block_buffer(size_t len, struct msc_err *);

/* Reads exactly so many blocks. *why NULL: they are in data; else a sentence part that says what
 * the kernel reported instead, in text (128 bytes). -1, MSC_E_GONE: the device has left. */
int msc_block_read(const struct msc_block *, uint64_t lba, uint32_t blocks, void *data,
		   const char **why, char *text, struct msc_err *) MSC_MUST_CHECK;

/* Has the disk left that this was opened on? The kernel takes its blocks away, and says that they end. */
bool msc_block_has_left(int fd);

#endif
