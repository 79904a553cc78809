/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's SCSI path to a disk: /dev/sdX and /dev/sgN, by the pass-through of libsgutils2. CDB,
 * data, SCSI status, sense and times; neither CBW nor CSW nor bus. The kernel's driver stays where it
 * is, so who reads may do so beside a mounted filesystem. Who may write is alone: holders of the disk
 * are asked first (disk_holders.h), and then it is claimed, so that nobody mounts it meanwhile.
 *
 * Without CAP_SYS_RAWIO the kernel lets through what it knows to be harmless. A command that takes
 * too long is ended by the kernel, which resets what it has to, the device too.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <scsi/sg_pt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "transport/command.h"
#include "transport/disk_holders.h"
#include "transport/usb_host.h"

/* The kernel's host bytes, include/scsi/scsi_status.h of Linux. */
#define DID_NO_CONNECT 0x01
#define DID_BAD_TARGET 0x04
#define DID_TIME_OUT   0x03

struct disk {
	int fd;
	int claim; /* on the block device; -1: none */
	struct sg_pt_base *pt;
	struct msc_real_clock clock;
};

/* ---- commands ----------------------------------------------------------------------------- */

static int refused(struct msc_target *t, const struct msc_command *c, int number,
		   struct msc_err *err)
{
	/* More data than a block device's queue takes at once: sg_io() of Linux. What a device or a bus
	 * does is never told so. */
	if (number == EIO && c->len)
		number = E2BIG;
	switch (number) {
	case ENODEV:
	case ENXIO:
		return msc_fail(err, MSC_E_GONE, "%s: the device has left", t->device.name);
	case EPERM:
	case EACCES:
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s: the kernel lets operation code %02xh through for root only",
				t->device.name, c->cdb[0]);
	case EINVAL:
	case ENOMEM:
	case E2BIG:
	case EMSGSIZE:
		return msc_fail(
			err, MSC_E_UNSUPPORTED,
			"%s: the kernel does not let a command of %u bytes with %zu byte%s of "
			"data through",
			t->device.name, c->cdb_len, c->len, MSC_PLURAL(c->len));
	case EINTR: return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	default:
		errno = number;
		return msc_fail_errno(err, MSC_E_DEVICE, "%s: cannot send a command",
				      t->device.name);
	}
}

static enum msc_outcome outcome_of(const struct sg_pt_base *pt, unsigned *host)
{
	if (get_scsi_pt_result_category(pt) != SCSI_PT_RESULT_TRANSPORT_ERR)
		return MSC_OUT_DONE;
	*host = (unsigned)get_scsi_pt_transport_err(pt);
	switch (*host) {
	case DID_NO_CONNECT:
	case DID_BAD_TARGET: return MSC_OUT_GONE;
	case DID_TIME_OUT:   return MSC_OUT_TIMEOUT;
	default:	     return MSC_OUT_ERROR;
	}
}

static int command(struct msc_target *t, struct msc_command *c, int64_t timeout_ns,
		   struct msc_err *err)
{
	struct disk *d = msc_target_state(t);
	int64_t seconds = (timeout_ns + MSC_S - 1) / MSC_S;
	int r, residue, sense;

	if (c->len > INT_MAX)
		return refused(t, c, E2BIG, err);
	clear_scsi_pt_obj(d->pt);
	set_scsi_pt_cdb(d->pt, c->cdb, c->cdb_len);
	set_scsi_pt_sense(d->pt, c->sense, sizeof(c->sense));
	if (c->dir == MSC_DIR_IN && c->len)
		set_scsi_pt_data_in(d->pt, c->data, (int)c->len);
	else if (c->dir == MSC_DIR_OUT && c->len)
		set_scsi_pt_data_out(d->pt, c->data, (int)c->len);
	r = do_scsi_pt(d->pt, d->fd,
		       seconds < 1                ? 1
		       : seconds > INT_MAX / 1000 ? INT_MAX / 1000
						  : (int)seconds,
		       0);
	if (r < 0)
		return refused(t, c, -r, err);
	if (r > 0)
		return refused(t, c, EINVAL, err);
	if (get_scsi_pt_result_category(d->pt) == SCSI_PT_RESULT_OS_ERR)
		return refused(t, c, get_scsi_pt_os_err(d->pt), err);
	c->outcome = outcome_of(d->pt, &c->host);
	c->status = (uint8_t)get_scsi_pt_status_response(d->pt);
	sense = get_scsi_pt_sense_len(d->pt);
	c->sense_len = sense < 0                          ? 0
		       : (size_t)sense > sizeof(c->sense) ? sizeof(c->sense)
							  : (size_t)sense;
	residue = get_scsi_pt_resid(d->pt);
	if (c->dir != MSC_DIR_NONE && residue >= 0 && (size_t)residue <= c->len)
		c->actual = c->len - (size_t)residue;
	return 0;
}

/* ---- which disk --------------------------------------------------------------------------- */

/* Its place in sysfs, without the node itself: the SCSI device. False: there is no such node. */
static bool scsi_device(const char *node, char *place, size_t size)
{
	static const char *const classes[] = { "block", "scsi_generic" };
	char link[PATH_MAX], *real, *end;
	bool found = false;

	for (size_t i = 0; i < MSC_COUNT(classes) && !found; i++) {
		snprintf(link, sizeof(link), "/sys/class/%s/%s/device", classes[i], node);
		real = realpath(link, NULL);
		end = real ? strrchr(real, '/') : NULL;
		found = end && isdigit((unsigned char)end[1]) && strchr(end, ':');
		if (found)
			snprintf(place, size, "%s", real);
		free(real);
	}
	return found;
}

/* The name of its block device, "" when it has none, or another driver. */
static void block_of(const char *place, char *name, size_t size)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d;

	name[0] = '\0';
	snprintf(path, sizeof(path), "%s/block", place);
	d = opendir(path);
	while (d && !name[0] && (e = readdir(d)))
		if (e->d_name[0] != '.')
			snprintf(name, size, "%.31s", e->d_name);
	if (d)
		closedir(d);
}

/* A disk that is not on USB is known by the name that the kernel has found for it, else by its place. Of
 * a device with several units each is a medium of its own. */
static void name_medium(struct msc_device *d, const char *place, bool usb)
{
	const char *lun = strrchr(place, ':');
	char path[PATH_MAX], name[128] = "";
	FILE *f;

	if (usb && (!lun || !strcmp(lun, ":0")))
		return; /* as over USB */
	snprintf(path, sizeof(path), "%s/wwid", place);
	f = usb ? NULL : fopen(path, "re");
	if (f && fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
	if (usb)
		snprintf(d->medium_id, sizeof(d->medium_id), "%04x:%04x:%s@%s/%s", d->desc.vendor,
			 d->desc.product, d->serial, d->path, lun + 1);
	else
		snprintf(d->medium_id, sizeof(d->medium_id), "scsi:%.200s",
			 *name ? name : strrchr(place, '/') + 1);
}

static void take_facts(struct msc_target *t, const char *place)
{
	struct msc_device *d = &t->device;
	struct msc_usb_found f;

	d->commands_only = true;
	if (!msc_usb_behind("", place, &f)) {
		name_medium(d, place, false);
		return;
	}
	d->speed = f.speed;
	d->desc.vendor = f.vendor;
	d->desc.product = f.product;
	memcpy(d->serial, f.serial, sizeof(d->serial));
	memcpy(d->path, f.path, sizeof(d->path));
	msc_usb_host_controller("", f.bus, d->host, sizeof(d->host));
	name_medium(d, place, true);
}

/* ---- open, close, list -------------------------------------------------------------------- */

static int open_node(struct msc_target *t, const char *path, int flags, struct msc_err *err)
{
	int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == EACCES || errno == EPERM)
		msc_fail(
			err, MSC_E_ACCESS,
			"%s: no permission; join the group that owns it (\"ls -l %s\"; disk, as a rule) "
			"or run as root",
			t->device.name, path);
	else if (errno == ENXIO || errno == ENODEV)
		msc_fail(err, MSC_E_GONE, "%s: the device has left", t->device.name);
	else
		msc_fail_errno(err, errno == EBUSY ? MSC_E_BUSY : MSC_E_NOTFOUND,
			       "%s: cannot open it", t->device.name);
	return -1;
}

/* Nobody else may have it, and from here on nobody can. */
static int claim(struct msc_target *t, const char *block, struct msc_err *err)
{
	struct disk *d = msc_target_state(t);
	char path[64];

	if (!block[0])
		return 0;
	if (msc_disk_not_held("", block, err)) {
		msc_err_prefix(err, "%s: ", t->device.name);
		return -1;
	}
	snprintf(path, sizeof(path), "/dev/%.31s", block);
	d->claim = open_node(t, path, O_RDONLY | O_EXCL, err);
	return d->claim < 0 ? -1 : 0;
}

static void close_sg(struct msc_target *t)
{
	struct disk *d = msc_target_state(t);

	if (d->pt)
		destruct_scsi_pt_obj(d->pt);
	if (d->fd >= 0)
		close(d->fd);
	if (d->claim >= 0)
		close(d->claim);
}

static int open_sg(struct msc_target *t, const char *path, const struct msc_open_options *options,
		   struct msc_err *err)
{
	struct disk *d = msc_target_state(t);
	char *real = realpath(path, NULL), place[PATH_MAX] = "", block[32];
	bool known = real && !strncmp(real, "/dev/", 5) &&
		     scsi_device(real + 5, place, sizeof(place));

	d->fd = d->claim = -1;
	msc_real_clock_init(&d->clock);
	t->clock = &d->clock.clock;
	free(real);
	if (!real)
		return msc_fail_errno(err, errno == EACCES ? MSC_E_ACCESS : MSC_E_NOTFOUND, "%s",
				      path);
	if (!known)
		return msc_fail(err, MSC_E_NOTFOUND,
				"%s is no SCSI disk: expected a whole disk such as /dev/sdb, or a "
				"generic node such as /dev/sg1",
				path);
	block_of(place, block, sizeof(block));
	if (options->allow_writes && claim(t, block, err))
		goto fail;
	d->fd = open_node(t, path, options->allow_writes ? O_RDWR : O_RDONLY, err);
	if (d->fd < 0)
		goto fail;
	d->pt = construct_scsi_pt_obj_with_fd(d->fd, 0);
	if (!d->pt) {
		msc_nomem(err);
		goto fail;
	}
	take_facts(t, place);
	return 0;
fail:
	close_sg(t);
	return -1;
}

static int list_sg(msc_found_fn *fn, void *user, struct msc_err *err)
{
	struct dirent **names;
	int n = scandir("/sys/class/scsi_generic", &names, NULL, versionsort);

	(void)err;
	for (int i = 0; i < n; i++) {
		char place[PATH_MAX], block[32], target[64], what[256];
		struct msc_usb_found f;

		if (names[i]->d_name[0] != '.' &&
		    scsi_device(names[i]->d_name, place, sizeof(place))) {
			block_of(place, block, sizeof(block));
			snprintf(target, sizeof(target), "/dev/%.31s", names[i]->d_name);
			snprintf(what, sizeof(what), "%s%s%scommands only",
				 block[0] ? "the same as /dev/" : "", block, block[0] ? ", " : "");
			if (msc_usb_behind("", place, &f))
				msc_append(what, sizeof(what), "; USB %04x:%04x path %s", f.vendor,
					   f.product, f.path);
			fn(user, target, what);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return 0;
}

/* Whoever asks for transfers is told that there are none. */
static int no_transfers(struct msc_target *t, struct msc_err *err)
{
	return msc_fail(err, MSC_E_UNSUPPORTED, MSC_NEEDS_ENDPOINTS, t->device.name);
}

static int submit(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	(void)x;
	return no_transfers(t, err);
}

static int wait_for(struct msc_target *t, struct msc_xfer *x, int64_t deadline_ns,
		    struct msc_err *err)
{
	(void)x, (void)deadline_ns;
	return no_transfers(t, err);
}

static int clear_halt(struct msc_target *t, uint8_t ep, int64_t deadline_ns,
		      enum msc_outcome *outcome, struct msc_err *err)
{
	(void)ep, (void)deadline_ns, (void)outcome;
	return no_transfers(t, err);
}

static int suspend(struct msc_target *t, int64_t ns, bool resume, struct msc_suspended *how,
		   struct msc_err *err)
{
	(void)resume;
	(void)t;
	(void)ns;
	(void)how;
	return msc_fail(err, MSC_E_UNSUPPORTED,
			"the kernel holds a disk awake whose node is open; the target usb: can "
			"suspend it");
}

const struct msc_transport msc_transport_sg = {
	.name = "sg",
	.begins = "/dev/",
	.syntax = "/dev/sdX, /dev/sgN",
	.summary = "a disk through the kernel's SCSI path: commands and sense, no CBW or CSW",
	.times = "kernel",
	.state_size = sizeof(struct disk),
	.open = open_sg,
	.close = close_sg,
	.submit = submit,
	.wait = wait_for,
	.cancel = submit,
	.clear_halt = clear_halt,
	.reset = no_transfers,
	.command = command,
	.suspend = suspend,
	.list = list_sg,
};
