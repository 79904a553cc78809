/* SPDX-License-Identifier: BSD-2-Clause */
/* What uses a disk, from sysfs and /proc: see disk_holders.h. First the nodes are collected: the
 * disk's own, by their place in sysfs, then what is built upon them, until there are no more. What is
 * built upon a disk holds it, used or not; who uses it is said because that has to end first. */
#include "transport/disk_holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define LOOKS	   10		  /* at those that open a disk for a moment only, as udev does */
#define LOOK_PAUSE (100 * MSC_MS) /* between them */

static bool read_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(buf, (int)size, f);

	if (f)
		fclose(f);
	if (ok)
		buf[strcspn(buf, "\n")] = '\0';
	return ok;
}

static int find(const struct msc_nodes *nodes, const char *name)
{
	for (size_t i = 0; i < nodes->count; i++)
		if (!nodes->list[i].character && !strcmp(nodes->list[i].name, name))
			return (int)i;
	return -1;
}

/* ---- the disk's own ----------------------------------------------------------------------- */

static bool place_of(const char *root, const char *class, const char *name, char *buf, size_t size)
{
	char link[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "%s/sys/class/%s/%s", root, class, name);
	len = readlink(link, buf, size - 1);
	buf[len > 0 ? len : 0] = '\0';
	return len > 0;
}

/* Does the place of a node lie in `area`, a part of a path that ends with a whole name or a colon? */
static bool is_in(const char *place, const char *area)
{
	const char *p = strstr(place, area);
	size_t len = strlen(area);

	return p && len && (area[len - 1] == ':' || p[len] == '\0' || p[len] == '/');
}

static void add(struct msc_nodes *nodes, const char *root, const char *class, const char *name,
		int upon)
{
	struct msc_node *new = &nodes->list[nodes->count];
	char file[PATH_MAX], number[24];

	*new = (struct msc_node){ .character = strcmp(class, "block") != 0, .upon = upon };
	snprintf(file, sizeof(file), "%s/sys/class/%s/%s/dev", root, class, name);
	if (!read_line(file, number, sizeof(number)) ||
	    sscanf(number, "%u:%u", &new->major, &new->minor) != 2)
		return;
	snprintf(new->name, sizeof(new->name), "%s%.48s", strcmp(class, "bsg") ? "" : "bsg/", name);
	nodes->count++;
}

/* ---- what is built upon them -------------------------------------------------------------- */

/* device-mapper, RAID, bcache and their like */
static int by_slaves(const struct msc_nodes *nodes, const char *root, const char *name)
{
	char path[PATH_MAX];
	struct dirent *e;
	int under = -1;
	DIR *d;

	snprintf(path, sizeof(path), "%s/sys/class/block/%s/slaves", root, name);
	d = opendir(path);
	while (d && under < 0 && (e = readdir(d)))
		under = find(nodes, e->d_name);
	if (d)
		closedir(d);
	return under;
}

/* A loop device's file, by its name or, where that is another name for the node, by its number. */
static int by_file(const struct msc_nodes *nodes, const char *root, const char *name)
{
	char path[PATH_MAX], file[PATH_MAX];
	struct statx st;

	snprintf(path, sizeof(path), "%s/sys/class/block/%s/loop/backing_file", root, name);
	if (!read_line(path, file, sizeof(file)))
		return -1;
	if (!strncmp(file, "/dev/", 5) && find(nodes, file + 5) >= 0)
		return find(nodes, file + 5);
	if (statx(AT_FDCWD, file, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) ||
	    !S_ISBLK(st.stx_mode))
		return -1;
	for (size_t i = 0; i < nodes->count; i++)
		if (!nodes->list[i].character && nodes->list[i].major == st.stx_rdev_major &&
		    nodes->list[i].minor == st.stx_rdev_minor)
			return (int)i;
	return -1;
}

/* A partition of something built upon the disk lies below it in sysfs. */
static int by_parent(const struct msc_nodes *nodes, const char *place)
{
	const char *end = strrchr(place, '/'), *begin = end;
	char parent[64];

	while (begin && begin > place && begin[-1] != '/')
		begin--;
	if (!begin || (size_t)(end - begin) >= sizeof(parent))
		return -1;
	snprintf(parent, sizeof(parent), "%.*s", (int)(end - begin), begin);
	return find(nodes, parent);
}

static int built_upon(const struct msc_nodes *nodes, const char *root, const char *name,
		      const char *place)
{
	int under = by_slaves(nodes, root, name);

	if (under < 0)
		under = by_file(nodes, root, name);
	return under >= 0 ? under : by_parent(nodes, place);
}

/* One pass over a class: adds the nodes in `area` or, without one, those that are built upon nodes
 * that are already there. True when there were new ones. */
static bool collect(struct msc_nodes *nodes, const char *root, const char *class, const char *area)
{
	char dir[PATH_MAX], place[PATH_MAX];
	size_t before = nodes->count;
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/sys/class/%s", root, class);
	d = opendir(dir);
	while (d && nodes->count < MSC_COUNT(nodes->list) && (e = readdir(d))) {
		const char *name = e->d_name;
		int upon = -1;

		if (name[0] == '.' || strlen(name) >= sizeof(nodes->list[0].name) ||
		    (!strcmp(class, "block") && find(nodes, name) >= 0) ||
		    !place_of(root, class, name, place, sizeof(place)))
			continue;
		if (!area)
			upon = built_upon(nodes, root, name, place);
		if (area ? is_in(place, area) : upon >= 0)
			add(nodes, root, class, name, upon);
	}
	if (d)
		closedir(d);
	return nodes->count > before;
}

/* ---- filesystems and swap ----------------------------------------------------------------- */

struct mount {
	const struct msc_nodes *nodes;
	const struct msc_node *node; /* NULL: none is mounted */
	char point[256];
	int pid; /* a process that has it mounted; 0: we ourselves */
	uint64_t seen[64];
	size_t n_seen;
};

/* A line of mountinfo: id parent MAJOR:MINOR root MOUNTPOINT options ... - type SOURCE options.
 * Some filesystems have a number of their own, so the source counts too. */
static void look_at_mount(struct mount *m, const char *line)
{
	char point[512], source[512] = "";
	const char *rest = strstr(line, " - ");
	unsigned major, minor;

	if (sscanf(line, "%*s %*s %u:%u %*s %511s", &major, &minor, point) != 3)
		return;
	if (!rest || sscanf(rest, " - %*s %511s", source) != 1)
		source[0] = '\0';
	for (size_t i = 0; i < m->nodes->count && !m->node; i++) {
		const struct msc_node *n = &m->nodes->list[i];

		if (n->character ||
		    !((n->major == major && n->minor == minor) ||
		      (!strncmp(source, "/dev/", 5) && !strcmp(source + 5, n->name))))
			continue;
		m->node = n;
		msc_printable(m->point, sizeof(m->point), point, strlen(point));
	}
}

static void look_at_mounts(struct mount *m, const char *root, const char *process)
{
	char path[PATH_MAX], *line = NULL;
	size_t room = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/%s/mountinfo", root, process);
	f = fopen(path, "re");
	while (f && !m->node && getline(&line, &room, f) > 0)
		look_at_mount(m, line);
	free(line);
	if (f)
		fclose(f);
}

/* Many processes share a namespace. What cannot be told apart is looked at again. */
static bool is_new_namespace(struct mount *m, const char *root, const char *process)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/proc/%s/ns/mnt", root, process);
	if (stat(path, &st))
		return true;
	for (size_t i = 0; i < m->n_seen; i++)
		if (m->seen[i] == st.st_ino)
			return false;
	if (m->n_seen < MSC_COUNT(m->seen))
		m->seen[m->n_seen++] = st.st_ino;
	return true;
}

static bool look_at_process(void *user, const char *root, int pid)
{
	struct mount *m = user;
	char process[16];

	snprintf(process, sizeof(process), "%d", pid);
	if (is_new_namespace(m, root, process))
		look_at_mounts(m, root, process);
	m->pid = pid;
	return !m->node;
}

static const struct msc_node *find_swap(const struct msc_nodes *nodes, const char *root)
{
	char path[PATH_MAX], file[512], *line = NULL;
	const struct msc_node *found = NULL;
	size_t room = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/swaps", root);
	f = fopen(path, "re");
	while (f && !found && getline(&line, &room, f) > 0)
		if (sscanf(line, "/dev/%511s", file) == 1 && find(nodes, file) >= 0)
			found = &nodes->list[find(nodes, file)];
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* ---- what is said ------------------------------------------------------------------------- */

/* "/dev/dm-1, which lies upon /dev/sda1," */
static const char *described(const struct msc_nodes *nodes, const struct msc_node *n, char *buf,
			     size_t size)
{
	const struct msc_node *own = n;

	while (own->upon >= 0)
		own = &nodes->list[own->upon];
	snprintf(buf, size, "/dev/%s", n->name);
	if (own != n)
		msc_append(buf, size, ", which lies upon /dev/%s,", own->name);
	return buf;
}

static int say_mounted(const struct mount *m, const char *root, struct msc_err *err)
{
	char what[160], who[64];

	described(m->nodes, m->node, what, sizeof(what));
	if (!m->pid)
		return msc_fail(err, MSC_E_BUSY, "%s is mounted on %s; unmount it first", what,
				m->point);
	msc_process_name(root, m->pid, who, sizeof(who));
	return msc_fail(err, MSC_E_BUSY,
			"%s is mounted on %s in the mount namespace of process %d (%s); unmount it "
			"there first (nsenter --target %d --mount umount %s)",
			what, m->point, m->pid, who, m->pid, m->point);
}

static int say_built_upon(const struct msc_nodes *nodes, const struct msc_node *n, const char *root,
			  struct msc_err *err)
{
	static const struct {
		const char *uuid, *what, *undo; /* how the device-mapper's identifier begins */
	} mapped[] = { { "CRYPT-", "an encrypted volume", "cryptsetup close" },
		       { "LVM-", "a logical volume", "lvchange --activate n" },
		       { "", "a device-mapper device", "dmsetup remove" } };
	const char *under = nodes->list[n->upon].name;
	char path[PATH_MAX], name[128], uuid[128] = "";
	size_t i = 0;

	if (!strncmp(n->name, "loop", 4))
		return msc_fail(err, MSC_E_BUSY,
				"/dev/%s is used by the loop device /dev/%s; detach that first "
				"(losetup -d /dev/%s)",
				under, n->name, n->name);
	if (!strncmp(n->name, "md", 2))
		return msc_fail(err, MSC_E_BUSY,
				"/dev/%s is used by the RAID /dev/%s; stop that first "
				"(mdadm --stop /dev/%s)",
				under, n->name, n->name);
	snprintf(path, sizeof(path), "%s/sys/class/block/%s/dm/name", root, n->name);
	if (!read_line(path, name, sizeof(name)))
		return msc_fail(err, MSC_E_BUSY, "/dev/%s is used by /dev/%s; stop that first",
				under, n->name);
	snprintf(path, sizeof(path), "%s/sys/class/block/%s/dm/uuid", root, n->name);
	if (!read_line(path, uuid, sizeof(uuid)))
		uuid[0] = '\0';
	while (strncmp(uuid, mapped[i].uuid, strlen(mapped[i].uuid)))
		i++;
	return msc_fail(err, MSC_E_BUSY,
			"/dev/%s is used by /dev/%s, %s called %s; close that first "
			"(%s /dev/mapper/%s)",
			under, n->name, mapped[i].what, name, mapped[i].undo, name);
}

/* ---- the question ------------------------------------------------------------------------- */

/* What stays until somebody ends it. */
static int settled(const struct msc_nodes *nodes, const char *root, struct msc_err *err)
{
	struct mount m = { .nodes = nodes };
	const struct msc_node *swap;
	char what[160];

	is_new_namespace(&m, root, "self");
	look_at_mounts(&m, root, "self");
	if (!m.node)
		msc_each_process(root, look_at_process, &m);
	if (m.node)
		return say_mounted(&m, root, err);
	swap = find_swap(nodes, root);
	if (swap)
		return msc_fail(err, MSC_E_BUSY, "%s is used as swap; swapoff it first",
				described(nodes, swap, what, sizeof(what)));
	for (size_t i = nodes->count; i-- > 0;) /* the last comes first to be closed */
		if (nodes->list[i].upon >= 0)
			return say_built_upon(nodes, &nodes->list[i], root, err);
	return 0;
}

/* What may be over in a moment. */
static int passing(const struct msc_nodes *nodes, const char *root, struct msc_err *err)
{
	const struct msc_node *n;
	char command[64];
	int pid;

	n = msc_nodes_user(root, nodes, &pid, command, sizeof(command));
	if (n)
		return msc_fail(err, MSC_E_BUSY, "/dev/%s is open in process %d (%s); end it first",
				n->name, pid, command);
	n = msc_nodes_claimed(root, nodes);
	if (n)
		return msc_fail(
			err, MSC_E_BUSY,
			"/dev/%s is claimed by something that is not to be seen from here, "
			"such as a filesystem that was unmounted lazily, or a server in the "
			"kernel; end that first",
			n->name);
	return 0;
}

static int not_held(struct msc_nodes *nodes, const char *root, struct msc_err *err)
{
	struct msc_real_clock clock;

	msc_real_clock_init(&clock);
	while (collect(nodes, root, "block", NULL))
		continue;
	if (settled(nodes, root, err))
		return -1;
	for (int i = 0; nodes->count && i < LOOKS; i++) {
		struct msc_err held = MSC_ERR_INIT;

		if (!passing(nodes, root, &held))
			return 0;
		if (i + 1 == LOOKS) {
			*err = held;
			return -1;
		}
		msc_wait_until(&clock.clock, msc_now(&clock.clock) + LOOK_PAUSE);
	}
	return 0;
}

/* The nodes of an area of sysfs, and who holds them. */
static int area_not_held(const char *root, const char *area, struct msc_err *err)
{
	static const char *const classes[] = { "block", "scsi_generic", "bsg" };
	struct msc_nodes *nodes = calloc(1, sizeof(*nodes));
	int result;

	if (!nodes)
		return msc_nomem(err);
	for (size_t i = 0; i < MSC_COUNT(classes); i++)
		collect(nodes, root, classes[i], area);
	result = not_held(nodes, root, err);
	free(nodes);
	return result;
}

int msc_disk_not_held(const char *root, const char *disk, struct msc_err *err)
{
	char place[PATH_MAX], area[PATH_MAX], *device;
	unsigned lun;

	if (!place_of(root, "block", disk, place, sizeof(place)))
		return 0;
	snprintf(area, sizeof(area), "/%s", disk);
	device = strstr(place, "/block/");
	if (device) { /* a SCSI device, such as 2:0:0:0, has other nodes as well */
		*device = '\0';
		device = strrchr(place, '/');
		if (device && sscanf(device, "/%*u:%*u:%*u:%u", &lun) == 1)
			snprintf(area, sizeof(area), "%s", device);
	}
	return area_not_held(root, area, err);
}

int msc_usb_not_held(const char *root, const char *path, struct msc_err *err)
{
	char area[PATH_MAX];

	snprintf(area, sizeof(area), "/%s/%s:", path, path);
	return area_not_held(root, area, err);
}
