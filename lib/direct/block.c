/* SPDX-License-Identifier: BSD-2-Clause */
/* See block.h. */
#include "direct/block.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "transport/usb_host.h"

#define ALIGNMENT 4096 /* of buffers for O_DIRECT: no device asks for more */

/* Its place in sysfs names the USB device. */
void msc_block_identify(const struct msc_block *k, struct msc_device *d)
{
	char link[64], place[PATH_MAX];
	struct msc_usb_found f;
	struct stat st;

	if (fstat(k->fd, &st) < 0)
		return;
	snprintf(link, sizeof link, "/sys/dev/block/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	if (!realpath(link, place) || !msc_usb_behind("", place, &f))
		return;
	d->speed = f.speed;
	d->desc.vendor = f.vendor;
	d->desc.product = f.product;
	memcpy(d->serial, f.serial, sizeof d->serial);
	memcpy(d->path, f.path, sizeof d->path);
	msc_usb_host_controller("", f.bus, d->host, sizeof d->host);
}

int msc_block_open(struct msc_block *k, const char *path, struct msc_err *err)
{
	struct stat st;
	int size = 0;

	*k = (struct msc_block){ .path = path, .fd = -1 };
	if (stat(k->path, &st) == 0 && !S_ISBLK(st.st_mode))
		return msc_fail(err, MSC_E_NOTFOUND, "%s is not a block device", k->path);
	k->fd = open(k->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (k->fd < 0)
		return msc_fail_errno(
			err, errno == EACCES || errno == EPERM ? MSC_E_ACCESS : MSC_E_NOTFOUND,
			"%s: cannot open it for direct reads", k->path);
	if (fstat(k->fd, &st) < 0 || ioctl(k->fd, BLKSSZGET, &size) < 0 ||
	    ioctl(k->fd, BLKGETSIZE64, &k->blocks) < 0 || size <= 0)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s has no size", k->path);
	k->block_size = (uint32_t)size;
	k->blocks /= k->block_size;
	return k->blocks ? 0 : msc_fail(err, MSC_E_UNSUPPORTED, "%s: there is no medium", k->path);
}

void msc_block_close(struct msc_block *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

void *msc_block_buffer(size_t len, struct msc_err *err)
{
	void *data;

	if (posix_memalign(&data, ALIGNMENT, len)) {
		(void)msc_nomem(err);
		return NULL;
	}
	return data;
}

bool msc_block_has_left(int fd)
{
	uint64_t bytes = 0;

	return ioctl(fd, BLKGETSIZE64, &bytes) < 0 || bytes == 0;
}

int msc_block_read(const struct msc_block *k, uint64_t lba, uint32_t blocks, void *data,
		   const char **why, char *text, struct msc_err *err)
{
	size_t len = (size_t)blocks * k->block_size;
	ssize_t n = pread(k->fd, data, len, (off_t)(lba * k->block_size));

	*why = NULL;
	if ((n < 0 && (errno == ENODEV || errno == ENXIO)) ||
	    (n == 0 && len && msc_block_has_left(k->fd)))
		return msc_fail(err, MSC_E_GONE, "%s: the device went away", k->path);
	if (n == (ssize_t)len)
		return 0;
	snprintf(text, 128, "%s", n < 0 ? strerror(errno) : "less data than asked for");
	*why = text;
	return 0;
}
