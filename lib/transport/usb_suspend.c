/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/usb_suspend.h"

#include <errno.h>
#include <fcntl.h>
#include <libusb.h>
#include <limits.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FALL_ASLEEP_NS \
	(3 * MSC_S) /* at most: Linux does it at once, unless something is in the way */
#define PAUSE_NS       (2 * MSC_MS)

/* ---- sysfs -------------------------------------------------------------------------------- */

static int open_setting(const struct msc_usb_sleeper *s, const char *name, int flags)
{
	char file[PATH_MAX];

	if ((size_t)snprintf(file, sizeof file, "%s/sys/bus/usb/devices/%s/power/%s", s->root,
			     s->path, name) >= sizeof file)
		return -1;
	return open(file, flags | O_CLOEXEC);
}

/* Without its newline; false: there is no such setting, or it cannot be read now. */
static bool get(const struct msc_usb_sleeper *s, const char *name, char *buf, size_t size)
{
	int fd = open_setting(s, name, O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[len < 0 ? 0 : len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return len > 0;
}

static bool put(const struct msc_usb_sleeper *s, const char *name, const char *value)
{
	int fd = open_setting(s, name, O_WRONLY | O_TRUNC);
	bool done = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	if (fd >= 0)
		close(fd);
	return done;
}

static bool is_suspended(const struct msc_usb_sleeper *s)
{
	char status[16];

	return get(s, "runtime_status", status, sizeof status) && !strcmp(status, "suspended");
}

/* ---- settings ----------------------------------------------------------------------------- */

static void put_back(const struct msc_usb_sleeper *s, const struct msc_usb_power *was)
{
	char now[16];

	if (get(s, "autosuspend_delay_ms", now, sizeof now) && strcmp(now, was->delay))
		(void)!put(s, "autosuspend_delay_ms", was->delay);
	if (get(s, "control", now, sizeof now) && strcmp(now, was->control))
		(void)!put(s, "control", was->control);
	msc_guardian_keep(s->guardian, NULL);
}

/* A device that suspends itself soon by the settings that it has needs no other. */
static bool suspends_soon(const struct msc_usb_power *now)
{
	long delay_ms = strtol(now->delay, NULL, 10);

	return !strcmp(now->control, "auto") && delay_ms >= 0 &&
	       delay_ms < FALL_ASLEEP_NS / MSC_MS / 2;
}

static int prepare(const struct msc_usb_sleeper *s, struct msc_usb_power *was, struct msc_err *err)
{
	if (!get(s, "control", was->control, sizeof was->control) ||
	    !get(s, "autosuspend_delay_ms", was->delay, sizeof was->delay))
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"this kernel does not suspend single devices: it shows no "
				"power/control of this one");
	msc_guardian_keep(s->guardian, was);
	if (put(s, "autosuspend_delay_ms", "0") && put(s, "control", "auto"))
		return 0;
	if (suspends_soon(was))
		return 0;
	msc_fail(err, MSC_E_UNSUPPORTED,
		 "its power/control in sysfs cannot be set (%s); that is root's", strerror(errno));
	put_back(s, was);
	return -1;
}

/* ---- asleep and awake --------------------------------------------------------------------- */

static int fall_asleep(const struct msc_usb_sleeper *s, struct msc_err *err)
{
	int64_t until = msc_now(s->clock) + FALL_ASLEEP_NS;

	if (ioctl(s->fd, USBDEVFS_ALLOW_SUSPEND) < 0)
		return errno == ENODEV
			       ? 0 /* which waking it will tell */
			       : msc_fail(err, MSC_E_UNSUPPORTED,
					  "this kernel, older than Linux 5.6, holds a device "
					  "awake that a program has open");
	while (!is_suspended(s)) {
		if (msc_now(s->clock) >= until)
			return msc_fail(
				err, MSC_E_UNSUPPORTED,
				"the kernel did not suspend it within 3 s: a driver of another "
				"interface, another program or its host controller keeps it awake");
		msc_wait_until(s->clock, msc_now(s->clock) + PAUSE_NS);
	}
	return 0;
}

static int sleep_for(const struct msc_usb_sleeper *s, int64_t ns, struct msc_suspended *how,
		     struct msc_err *err)
{
	int64_t until;

	how->silent_ns = msc_now(s->clock);
	until = how->silent_ns + ns;
	while (msc_now(s->clock) < until && !(s->stop && s->stop(s->stop_user))) {
		int64_t next = msc_now(s->clock) + MSC_SLICE_NS;

		msc_wait_until(s->clock, next < until ? next : until);
	}
	how->resumed_ns = msc_now(s->clock);
	return is_suspended(s)
		       ? 0
		       : msc_fail(err, MSC_E_UNSUPPORTED,
				  "it did not stay suspended: it, another program or the kernel "
				  "resumed the bus before");
}

/* Resumes it. Linux then asks it for its status, and gives up a device that does not answer. */
static int wake(const struct msc_usb_sleeper *s, struct msc_err *err)
{
	if (ioctl(s->fd, USBDEVFS_FORBID_SUSPEND) == 0)
		return 0;
	*err = (struct msc_err)MSC_ERR_INIT;
	return msc_fail(err, MSC_E_GONE, "the device left while it was suspended (%s)",
			strerror(errno));
}

int msc_usb_suspend(const struct msc_usb_sleeper *s, int64_t ns, struct msc_suspended *how,
		    struct msc_err *err)
{
	struct msc_usb_power was;
	int rc;

	if (prepare(s, &was, err) < 0)
		return -1;
	rc = fall_asleep(s, err);
	if (!rc)
		rc = sleep_for(s, ns, how, err);
	if (wake(s, err) < 0)
		rc = -1;
	put_back(s, &was);
	return rc;
}

int msc_usb_node(libusb_context *context)
{
	const struct libusb_pollfd **list = libusb_get_pollfds(context);
	uint32_t capabilities;
	int fd = -1;

	for (size_t i = 0; list && list[i] && fd < 0; i++)
		if (ioctl(list[i]->fd, USBDEVFS_GET_CAPABILITIES, &capabilities) == 0)
			fd = list[i]->fd;
	libusb_free_pollfds(list);
	return fd;
}
