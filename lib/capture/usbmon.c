/* SPDX-License-Identifier: BSD-2-Clause */
/* See usbmon.h. */
#include "capture/usbmon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Documentation/usb/usbmon.rst: struct usbmon_packet, 64 bytes, in the host's byte order. */
struct packet {
	uint64_t id;
	uint8_t type, xfer_type, epnum, devnum;
	uint16_t busnum;
	char flag_setup, flag_data;
	int64_t ts_sec;
	int32_t ts_usec, status;
	uint32_t length, len_cap;
	uint8_t setup[8];
	int32_t interval, start_frame;
	uint32_t xfer_flags, ndesc;
};
_Static_assert(sizeof(struct packet) == 64, "as the kernel lays it out");

struct get_arg {
	struct packet *hdr;
	void *data;
	size_t alloc;
};
#define IOCX_GETX _IOW(0x92, 10, struct get_arg)

enum { BULK = 3 };

struct msc_usbmon {
	int fd;
	unsigned bus, address;
	uint8_t ep_in, ep_out;
	char path[32];
};

/* The next packet of this device's bulk pipes; false: there is none yet. */
static int next_packet(struct msc_usbmon *m, struct packet *p, bool *found, struct msc_err *err)
{
	struct get_arg get = { .hdr = p };

	*found = false;
	*p = (struct packet){ .id = 0 };
	for (;;) {
		if (ioctl(m->fd, IOCX_GETX, &get) < 0) {
			if (errno == EAGAIN)
				return 0;
			if (errno == EINTR)
				continue;
			return msc_fail_errno(err, MSC_E_IO, "cannot read %s", m->path);
		}
		if (p->xfer_type == BULK && p->busnum == m->bus && p->devnum == m->address &&
		    (p->epnum == m->ep_in || p->epnum == m->ep_out)) {
			*found = true;
			return 0;
		}
	}
}

int msc_usbmon_next(struct msc_usbmon *m, struct msc_usbmon_event *e, bool *found,
		    struct msc_err *err)
{
	struct packet p;

	do {
		if (next_packet(m, &p, found, err) < 0)
			return -1;
	} while (*found && p.type != 'S' && p.type != 'C');
	*e = (struct msc_usbmon_event){ .completed = p.type == 'C',
					.at_ns = p.ts_sec * MSC_S + p.ts_usec * MSC_US,
					.ep = p.epnum };
	return 0;
}

/* Bus and address from the path "1-2.3" and sysfs. */
static int locate(struct msc_usbmon *m, const struct msc_device *d, struct msc_err *err)
{
	char path[128];
	FILE *f;
	bool found;

	snprintf(path, sizeof path, "/sys/bus/usb/devices/%s/devnum", d->path);
	f = fopen(path, "re");
	found = sscanf(d->path, "%u-", &m->bus) == 1 && f && fscanf(f, "%u", &m->address) == 1;
	if (f)
		fclose(f);
	if (!found)
		return msc_fail(err, MSC_E_USAGE, "%s is not on a bus of this host", d->name);
	return 0;
}

static int open_bus(struct msc_usbmon *m, const struct msc_device *d, struct msc_err *err)
{
	if (locate(m, d, err) < 0)
		return -1;
	snprintf(m->path, sizeof m->path, "/dev/usbmon%u", m->bus);
	m->fd = open(m->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (m->fd < 0)
		return msc_fail_errno(err, errno == ENOENT ? MSC_E_NOTFOUND : MSC_E_ACCESS,
				      "it needs the module usbmon, and permission to read %s",
				      m->path);
	return 0;
}

struct msc_usbmon *msc_usbmon_open(const struct msc_device *d, struct msc_err *err)
{
	struct msc_usbmon *m = calloc(1, sizeof *m);

	if (!m) {
		(void)msc_nomem(err);
		return NULL;
	}
	m->fd = -1;
	m->ep_in = d->ep_in;
	m->ep_out = d->ep_out;
	if (open_bus(m, d, err) < 0) {
		msc_usbmon_close(m);
		return NULL;
	}
	return m;
}

void msc_usbmon_close(struct msc_usbmon *m)
{
	if (m && m->fd >= 0)
		close(m->fd);
	free(m);
}

const char *msc_usbmon_path(const struct msc_usbmon *m)
{
	return m->path;
}
