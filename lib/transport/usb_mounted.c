/* SPDX-License-Identifier: BSD-2-Clause */
/* Is anything on a USB device in use by this host? Looks for the block devices below it in sysfs,
 * and for those built upon them, in /proc/self/mountinfo and /proc/swaps. What the answer depends
 * on can change at any time; the caller asks just before taking the device. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/usb_host.h"

#define BLOCKS_MAX 256 /* more are not looked at */

struct block {
	char name[64];	 /* "sda1" */
	char number[24]; /* "8:1" */
};

struct blocks {
	struct block list[BLOCKS_MAX];
	size_t count;
};

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

static bool has(const struct blocks *b, const char *name)
{
	for (size_t i = 0; i < b->count; i++)
		if (!strcmp(b->list[i].name, name))
			return true;
	return false;
}

/* Is it a disk of the device, or a partition of one? Its place in sysfs tells. */
static bool is_below(const char *root, const char *name, const char *path)
{
	char link[PATH_MAX], target[PATH_MAX], part[80];
	ssize_t len;

	snprintf(link, sizeof(link), "%s/sys/class/block/%s", root, name);
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	snprintf(part, sizeof(part), "/%s/%s:", path, path);
	return strstr(target, part);
}

/* Is it built upon one that is already known: device-mapper, RAID? */
static bool is_upon(const char *root, const char *name, const struct blocks *b)
{
	char path[PATH_MAX];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "%s/sys/class/block/%s/slaves", root, name);
	d = opendir(path);
	while (d && !found && (e = readdir(d)))
		found = has(b, e->d_name);
	if (d)
		closedir(d);
	return found;
}

/* One pass over all block devices; true when it found new ones. */
static bool collect(struct blocks *b, const char *root, const char *path)
{
	char dir[PATH_MAX];
	struct dirent *e;
	size_t before = b->count;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/sys/class/block", root);
	d = opendir(dir);
	while (d && b->count < BLOCKS_MAX && (e = readdir(d))) {
		struct block *new = &b->list[b->count];
		char file[PATH_MAX];

		if (e->d_name[0] == '.' || strlen(e->d_name) >= sizeof(new->name) ||
		    has(b, e->d_name) ||
		    !(is_below(root, e->d_name, path) || is_upon(root, e->d_name, b)))
			continue;
		snprintf(file, sizeof(file), "%s/sys/class/block/%s/dev", root, e->d_name);
		if (!read_line(file, new->number, sizeof(new->number)))
			continue;
		snprintf(new->name, sizeof(new->name), "%.63s", e->d_name);
		b->count++;
	}
	if (d)
		closedir(d);
	return b->count > before;
}

/* A line of mountinfo: id parent MAJOR:MINOR root MOUNTPOINT options ... - type SOURCE options.
 * Some filesystems have a number of their own, so the source counts too. */
static const struct block *mount_of(const struct blocks *b, const char *line, char *where,
				    size_t size)
{
	char number[24], point[512], source[512] = "";
	const char *rest = strstr(line, " - ");

	if (sscanf(line, "%*s %*s %23s %*s %511s", number, point) != 2)
		return NULL;
	if (!rest || sscanf(rest, " - %*s %511s", source) != 1)
		source[0] = '\0';
	for (size_t i = 0; i < b->count; i++)
		if (!strcmp(b->list[i].number, number) ||
		    (!strncmp(source, "/dev/", 5) && !strcmp(source + 5, b->list[i].name))) {
			snprintf(where, size, "%.200s", point);
			return &b->list[i];
		}
	return NULL;
}

static const struct block *swap_of(const struct blocks *b, const char *line)
{
	char file[512];

	if (sscanf(line, "/dev/%511s", file) != 1)
		return NULL;
	for (size_t i = 0; i < b->count; i++)
		if (!strcmp(b->list[i].name, file))
			return &b->list[i];
	return NULL;
}

static int check(const struct blocks *b, const char *root, struct msc_err *err)
{
	static const char *const files[] = { "/proc/self/mountinfo", "/proc/swaps" };
	const struct block *used = NULL;
	char path[PATH_MAX], where[256] = "";
	char *line = NULL;
	size_t room = 0, i;

	for (i = 0; i < MSC_COUNT(files) && !used; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s%s", root, files[i]);
		f = fopen(path, "re");
		while (f && !used && getline(&line, &room, f) > 0)
			used = i == 0 ? mount_of(b, line, where, sizeof(where)) : swap_of(b, line);
		if (f)
			fclose(f);
	}
	free(line);
	if (!used)
		return 0;
	if (where[0])
		return msc_fail(err, MSC_E_BUSY, "/dev/%s is mounted on %s; unmount it first",
				used->name, where);
	return msc_fail(err, MSC_E_BUSY, "/dev/%s is used as swap; swapoff it first", used->name);
}

int msc_usb_not_mounted(const char *root, const char *path, struct msc_err *err)
{
	struct blocks *b = calloc(1, sizeof(*b));
	int result;

	if (!b)
		return msc_nomem(err);
	while (collect(b, root, path))
		continue;
	result = check(b, root, err);
	free(b);
	return result;
}
