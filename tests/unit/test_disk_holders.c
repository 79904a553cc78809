/* SPDX-License-Identifier: BSD-2-Clause */
/* Who uses a disk, from a sysfs and a /proc made of files. Claims and open block devices need real ones:
 * tests/vm/test_holders.py. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "made_of_files.h"
#include "transport/disk_holders.h"

#define SCSI  "pci0/usb1/1-1/1-1.10/1-1.10:1.0/host0/target0/0:0:0:0/"
#define STICK SCSI "block/sda"
#define OTHER "pci0/usb2/2-1/2-1:1.1/host1/target1/1:0:0:0/block/sdb"
#define LUN_1 "pci0/usb1/1-1/1-1.10/1-1.10:1.0/host0/target0/0:0:0:1/block/sdc"
#define DISK  "virtual/nvme/nvme0/nvme0n1"

struct host {
	char root[64];
};

static void add_node(const char *root, const char *class, const char *place, const char *number)
{
	const char *name = strrchr(place, '/') + 1;
	char path[256], target[256], line[32];

	snprintf(path, sizeof(path), "sys/devices/%s/dev", place);
	snprintf(line, sizeof(line), "%s\n", number);
	put(root, path, line);
	snprintf(path, sizeof(path), "sys/class/%s/%s", class, name);
	snprintf(target, sizeof(target), "../../devices/%s", place);
	link_to(root, path, target);
}

static void add_virtual(const char *root, const char *name, const char *number)
{
	char place[128];

	snprintf(place, sizeof(place), "virtual/block/%s", name);
	add_node(root, "block", place, number);
}

static void put_in(const char *root, const char *name, const char *file, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "sys/devices/virtual/block/%s/%s", name, file);
	put(root, path, text);
}

static int make_host(void **state)
{
	struct host *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	files_begin(h->root, sizeof(h->root));
	add_node(h->root, "block", STICK, "8:0");
	add_node(h->root, "block", STICK "/sda1", "8:1");
	add_node(h->root, "block", OTHER, "8:16");
	add_node(h->root, "block", LUN_1, "8:32");
	add_node(h->root, "block", DISK, "259:0");
	add_node(h->root, "block", DISK "/nvme0n1p1", "259:1");
	add_node(h->root, "scsi_generic", SCSI "scsi_generic/sg0", "21:0");
	*state = h;
	return 0;
}

static int remove_host(void **state)
{
	struct host *h = *state;

	files_end(h->root);
	free(h);
	return 0;
}

static void check(const char *root, const char *disk, const char *name, const char *msg)
{
	struct msc_err err = MSC_ERR_INIT;
	int r = strchr(disk, '-') ? msc_usb_not_held(root, disk, &err)
				  : msc_disk_not_held(root, disk, &err);

	if (r != (msg ? -1 : 0) || strcmp(err.msg, msg ? msg : ""))
		fail_msg("%s, %s: '%s'", disk, name, err.msg);
	assert_int_equal(err.code, msg ? MSC_E_BUSY : MSC_OK);
}

/* ---- mounts and swap ---------------------------------------------------------------------- */

static void mounted(void **state)
{
	static const struct {
		const char *name, *mountinfo, *swaps, *msg; /* NULL: free */
	} rows[] = {
		{ "nothing", "22 1 0:5 / /proc rw - proc proc rw\n", "Filename Type\n", NULL },
		{ "a partition", "22 1 8:1 / /mnt rw - vfat /dev/sda1 rw\n", "",
		  "/dev/sda1 is mounted on /mnt; unmount it first" },
		{ "the disk, in another place",
		  "1 1 8:0 / /a\\040b rw shared:1 - ext4 /dev/root rw\n", "",
		  "/dev/sda is mounted on /a\\040b; unmount it first" },
		{ "a number of its own", "1 1 0:31 / /data rw - btrfs /dev/sda1 rw\n", "",
		  "/dev/sda1 is mounted on /data; unmount it first" },
		{ "another device", "1 1 8:16 / /other rw - vfat /dev/sdb rw\n", "", NULL },
		{ "a number that begins alike", "1 1 8:10 / /other rw - vfat /dev/sda10 rw\n", "",
		  NULL },
		{ "swap", "", "Filename\n/dev/sda1 partition 8188 0 -2\n",
		  "/dev/sda1 is used as swap; swapoff it first" },
		{ "swap elsewhere", "", "Filename\n/dev/sdb partition 8188 0 -2\n", NULL },
		{ "nonsense", "garbage\n\n1 2\n - \n1 1 8:1\n", "\n/dev/\n", NULL },
	};
	const struct host *h = *state;

	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		put(h->root, "proc/self/mountinfo", rows[i].mountinfo);
		put(h->root, "proc/swaps", rows[i].swaps);
		check(h->root, "1-1.10", rows[i].name, rows[i].msg);
		check(h->root, "sda", rows[i].name, rows[i].msg);
		check("/nonexistent", "1-1.10", rows[i].name, NULL);
		check("/nonexistent", "sda", rows[i].name, NULL);
	}
}

/* Who takes the interface takes all units of it; who takes a disk takes that. */
static void units(void **state)
{
	const struct host *h = *state;

	put(h->root, "proc/self/mountinfo", "1 1 8:32 / /mnt rw - vfat /dev/sdc rw\n");
	check(h->root, "1-1.10", "its second unit",
	      "/dev/sdc is mounted on /mnt; unmount it first");
	check(h->root, "sda", "the second unit", NULL);
	check(h->root, "sdc", "itself", "/dev/sdc is mounted on /mnt; unmount it first");
	put(h->root, "proc/self/mountinfo", "1 1 259:1 / /mnt rw - vfat /dev/nvme0n1p1 rw\n");
	check(h->root, "nvme0n1", "no SCSI", "/dev/nvme0n1p1 is mounted on /mnt; unmount it first");
	check(h->root, "sda", "another", NULL);
}

static void mounted_by_another_process(void **state)
{
	const struct host *h = *state;

	put(h->root, "proc/self/mountinfo", "1 1 0:5 / /proc rw - proc proc rw\n");
	put(h->root, "proc/7/mountinfo", "1 1 0:5 / /proc rw - proc proc rw\n");
	put(h->root, "proc/4194000/mountinfo", "1 1 8:1 / /inside rw - vfat /dev/sda1 rw\n");
	put(h->root, "proc/4194000/comm", "name\x1b[2J\n");
	check(h->root, "1-1.10", "another namespace",
	      "/dev/sda1 is mounted on /inside in the mount namespace of process 4194000 "
	      "(name.[2J); unmount it there first (nsenter --target 4194000 --mount umount /inside)");
	check(h->root, "2-1", "another device", NULL);
}

/* ---- what is built upon it ---------------------------------------------------------------- */

static void built_upon(void **state)
{
	const struct host *h = *state;

	add_virtual(h->root, "dm-1", "254:1");
	put_in(h->root, "dm-1", "slaves/dm-0", "");
	put_in(h->root, "dm-1", "dm/name", "vg-root\n");
	put_in(h->root, "dm-1", "dm/uuid", "LVM-abc\n");
	check(h->root, "1-1.10", "upon nothing of ours", NULL);
	add_virtual(h->root, "dm-0", "254:0");
	put_in(h->root, "dm-0", "slaves/sda1", "");
	put_in(h->root, "dm-0", "dm/name", "secret\n");
	put_in(h->root, "dm-0", "dm/uuid", "CRYPT-LUKS2-1\n");
	check(h->root, "1-1.10", "LVM upon LUKS",
	      "/dev/dm-0 is used by /dev/dm-1, a logical volume called vg-root; close that first "
	      "(lvchange --activate n /dev/mapper/vg-root)");
	put(h->root, "proc/self/mountinfo", "1 1 254:1 / /crypt rw - ext4 /dev/mapper/x rw\n");
	check(h->root, "sda", "mounted",
	      "/dev/dm-1, which lies upon /dev/sda1, is mounted on /crypt; unmount it first");
	check(h->root, "sdb", "another", NULL);
}

static void one_built_upon(void **state)
{
	static const struct {
		const char *name, *number, *file, *text, *more, *more_text, *msg;
	} rows[] = {
		{ "loop5", "7:5", "loop/backing_file", "/dev/sda\n", NULL, NULL,
		  "/dev/sda is used by the loop device /dev/loop5; detach that first "
		  "(losetup -d /dev/loop5)" },
		{ "loop6", "7:6", "loop/backing_file", "/home/image\n", NULL, NULL, NULL },
		{ "loop7", "7:7", "loop/backing_file", "/dev/sda10\n", NULL, NULL, NULL },
		{ "md0", "9:0", "slaves/sda1", "", NULL, NULL,
		  "/dev/sda1 is used by the RAID /dev/md0; stop that first (mdadm --stop /dev/md0)" },
		{ "dm-3", "254:3", "slaves/sda", "", "dm/name", "plain\n",
		  "/dev/sda is used by /dev/dm-3, a device-mapper device called plain; close that "
		  "first (dmsetup remove /dev/mapper/plain)" },
		{ "bcache0", "252:0", "slaves/sda1", "", NULL, NULL,
		  "/dev/sda1 is used by /dev/bcache0; stop that first" },
	};

	for (size_t i = 0; i < MSC_COUNT(rows); i++) {
		const struct host *h;

		if (i) {
			remove_host(state);
			make_host(state);
		}
		h = *state;
		add_virtual(h->root, rows[i].name, rows[i].number);
		put_in(h->root, rows[i].name, rows[i].file, rows[i].text);
		if (rows[i].more)
			put_in(h->root, rows[i].name, rows[i].more, rows[i].more_text);
		check(h->root, "1-1.10", rows[i].name, rows[i].msg);
		check(h->root, "2-1", rows[i].name, NULL);
	}
}

/* A loop device can have partitions. */
static void a_partition_of_what_is_built_upon(void **state)
{
	const struct host *h = *state;

	add_virtual(h->root, "loop5", "7:5");
	put_in(h->root, "loop5", "loop/backing_file", "/dev/sda\n");
	add_node(h->root, "block", "virtual/block/loop5/loop5p1", "259:7");
	put(h->root, "proc/self/mountinfo", "1 1 259:7 / /mnt rw - vfat /dev/loop5p1 rw\n");
	check(h->root, "1-1.10", "partition",
	      "/dev/loop5p1, which lies upon /dev/sda, is mounted on /mnt; unmount it first");
}

/* ---- open files --------------------------------------------------------------------------- */

/* /dev/null stands for a SCSI generic node: what counts is the number of what is open. */
static void open_in_a_process(void **state)
{
	const struct host *h = *state;
	char path[64];

	link_to(h->root, "proc/4194000/fd/3", "/dev/null");
	link_to(h->root, "proc/4194000/fd/4", "/nowhere");
	put(h->root, "proc/4194000/comm", "dd\n");
	check(h->root, "1-1.10", "another node", NULL);
	add_node(h->root, "scsi_generic", SCSI "scsi_generic/sg0", "1:3");
	check(h->root, "1-1.10", "its node",
	      "/dev/sg0 is open in process 4194000 (dd); end it first");
	check(h->root, "sda", "its node", "/dev/sg0 is open in process 4194000 (dd); end it first");
	check(h->root, "sdc", "the other unit's", NULL);

	remove_host(state);
	make_host(state);
	h = *state;
	add_node(h->root, "scsi_generic", SCSI "scsi_generic/sg0", "1:3");
	snprintf(path, sizeof(path), "proc/%d/fd/3", getpid());
	link_to(h->root, path, "/dev/null");
	check(h->root, "1-1.10", "we ourselves", NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_host, remove_host)
	const struct CMUnitTest tests[] = {
		TEST(mounted),
		TEST(units),
		TEST(mounted_by_another_process),
		TEST(built_upon),
		TEST(one_built_upon),
		TEST(a_partition_of_what_is_built_upon),
		TEST(open_in_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
