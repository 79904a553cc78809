/* SPDX-License-Identifier: BSD-2-Clause */
/* Who on this host uses a disk? Asked before a disk is taken from the kernel or written past it: to
 * a filesystem the first is a pulled cable, the second silent corruption.
 *
 * Found, for the disk, its partitions, its SCSI generic node, and whatever is built upon these:
 *  - filesystems mounted in the mount namespace of any process that is to be seen in /proc;
 *  - swap areas;
 *  - loop devices, device-mapper (LVM, LUKS), RAID, and all others that the kernel calls slaves;
 *  - processes that have it open, where /proc lets us look: our own, and as root everybody's;
 *  - as root, whatever else has claimed it, by asking for it exclusively as these do: filesystems
 *    that were unmounted lazily or in a namespace without a process, further members of a btrfs,
 *    ZFS, a kernel's iSCSI target.
 *
 * Not found: processes outside of our PID namespace; users whom we may not look at; a kernel service
 * that opened the disk by name and claimed nothing (a mass-storage gadget that exports it); a mapping
 * or an io_uring that outlives its file descriptor; and whoever comes after the question. Asking
 * opens the disk, for which the kernel sends TEST UNIT READY; a disk that does not let itself be
 * opened in time counts as not claimed.
 *
 * `root` is put before "/sys", "/proc" and "/dev": "" but in tests. Both fail with MSC_E_BUSY, who it
 * is, and what to do. They may wait a second for one that only looks in, as udev does.
 */
#ifndef MSC_TRANSPORT_DISK_HOLDERS_H
#define MSC_TRANSPORT_DISK_HOLDERS_H

#include <stddef.h>

#include "base/err.h"

/* One disk by its kernel name, such as "sda". */
int msc_disk_not_held(const char *root, const char *disk, struct msc_err *) MSC_MUST_CHECK;

/* All disks of all units, of every interface of the USB device at `path`, such as "1-2.3". */
int msc_usb_not_held(const char *root, const char *path, struct msc_err *) MSC_MUST_CHECK;

/* ---- for disk_users.c, which knows of open files ------------------------------------------------ */

struct msc_node {
	char name[64]; /* below /dev: "sda1", "sg0" */
	unsigned major, minor;
	bool character; /* a character device, not a block device */
	int upon;	/* what it is built upon, by number in the list; -1: of the disk itself */
};

struct msc_nodes {
	struct msc_node list[256]; /* more are not looked at */
	size_t count;
};

/* A process other than ours that has one of the nodes open: its number and name, and the node; or
 * NULL. */
const struct msc_node *msc_nodes_user(const char *root, const struct msc_nodes *, int *pid,
				      char *command, size_t size);
/* A node that somebody has claimed, or NULL. */
const struct msc_node *msc_nodes_claimed(const char *root, const struct msc_nodes *);

/* Looks into one process after the other until it answers false; without our own. */
typedef bool msc_process_fn(void *user, const char *root, int pid);
void msc_each_process(const char *root, msc_process_fn *, void *user);
/* "bash"; "?" if it has gone. */
void msc_process_name(const char *root, int pid, char *buf, size_t size);

#endif
