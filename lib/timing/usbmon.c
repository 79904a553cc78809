/* SPDX-License-Identifier: BSD-2-Clause */
/* Timestamps of the kernel's USB monitor: when the host controller's driver was given a transfer
 * and when it gave it back, without the way to this program and its turn on the processor. They
 * come from the binary device, in microseconds; only headers are read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "timing/bench.h"

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

struct usbmon {
	int fd;
	unsigned bus, address;
	uint8_t ep_in, ep_out;
	char path[32];
};

/* The next event of this device's bulk pipes; false: there is none yet. */
static int next_event(struct usbmon *m, struct packet *p, bool *found, struct msc_err *err)
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

static int start(void *state, struct msc_err *err)
{
	struct packet p;
	bool found;

	do {
		if (next_event(state, &p, &found, err) < 0)
			return -1;
	} while (found);
	return 0;
}

/* The first submission is the CBW's; of the completions, the first is the CBW's, the last the
 * CSW's, and the one before that ends the data. */
static int stop(void *state, struct msc_bench_sample *sample, struct msc_err *err)
{
	int64_t began = 0, cbw = 0, data = 0, csw = 0;
	struct usbmon *m = state;
	unsigned ends = 0;
	struct packet p;
	bool found;

	for (;;) {
		int64_t at;

		if (next_event(m, &p, &found, err) < 0)
			return -1;
		if (!found)
			break;
		at = p.ts_sec * MSC_S + p.ts_usec * MSC_US;
		if (p.type == 'S' && !began)
			began = at;
		if (p.type != 'C')
			continue;
		data = ends ? csw : at;
		cbw = ends++ ? cbw : at;
		csw = at;
	}
	if (!began || ends < 2)
		return msc_fail(err, MSC_E_IO, "%s: events are missing", m->path);
	*sample = (struct msc_bench_sample){ csw - began, cbw - began, data - cbw, csw - data };
	return 0;
}

/* Bus and address from the path "1-2.3" and sysfs. */
static int locate(struct usbmon *m, const struct msc_device *d, struct msc_err *err)
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
		return msc_fail(err, MSC_E_USAGE, "--clock usbmon: %s is not on a bus of this host",
				d->name);
	return 0;
}

int msc_usbmon_open(const struct msc_device *d, struct msc_bench_clock *clock, struct msc_err *err)
{
	struct usbmon *m = calloc(1, sizeof *m);

	if (!m)
		return msc_nomem(err);
	m->fd = -1;
	*clock = (struct msc_bench_clock){ "usbmon", m, start, stop };
	m->ep_in = d->ep_in;
	m->ep_out = d->ep_out;
	if (locate(m, d, err) < 0)
		return -1;
	snprintf(m->path, sizeof m->path, "/dev/usbmon%u", m->bus);
	m->fd = open(m->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (m->fd < 0)
		return msc_fail_errno(err, errno == ENOENT ? MSC_E_NOTFOUND : MSC_E_ACCESS,
				      "--clock usbmon needs the module usbmon, and permission to "
				      "read %s",
				      m->path);
	return 0;
}

void msc_usbmon_close(struct msc_bench_clock *clock)
{
	struct usbmon *m = clock->state;

	if (m && m->fd >= 0)
		close(m->fd);
	free(m);
	clock->state = NULL;
}
