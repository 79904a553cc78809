/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has the nodes of a disk open: processes by /proc/PID/fd, and claims by asking for the same. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "base/text.h"
#include "transport/disk_holders.h"

#define ANSWER_MS 3000 /* for the kernel to open a disk: a few commands of a slow device */

void msc_each_process(const char *root, msc_process_fn *look, void *user)
{
	char path[PATH_MAX];
	struct dirent *e;
	bool more = true;
	DIR *d;

	snprintf(path, sizeof(path), "%s/proc", root);
	d = opendir(path);
	while (d && more && (e = readdir(d))) {
		int pid = isdigit((unsigned char)e->d_name[0]) ? atoi(e->d_name) : 0;

		if (pid > 0 && pid != getpid())
			more = look(user, root, pid);
	}
	if (d)
		closedir(d);
}

void msc_process_name(const char *root, int pid, char *buf, size_t size)
{
	char path[PATH_MAX], raw[64] = "";
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/%d/comm", root, pid);
	f = fopen(path, "re");
	if (f) {
		len = fread(raw, 1, sizeof(raw), f);
		fclose(f);
	}
	len -= len && raw[len - 1] == '\n';
	if (len)
		msc_printable(buf, size, raw, len);
	else
		snprintf(buf, size, "?");
}

/* ---- open files --------------------------------------------------------------------------- */

struct search {
	const struct msc_nodes *nodes;
	const struct msc_node *found;
	int pid;
};

static const struct msc_node *node_of(const struct msc_nodes *nodes, const struct statx *st)
{
	for (size_t i = 0; i < nodes->count; i++) {
		const struct msc_node *n = &nodes->list[i];

		if (st->stx_rdev_major == n->major && st->stx_rdev_minor == n->minor &&
		    (n->character ? S_ISCHR(st->stx_mode) : S_ISBLK(st->stx_mode)))
			return n;
	}
	return NULL;
}

/* The number of the device tells, because a process in another namespace may know it by another
 * name. A server that does not answer must not stop us: what the kernel knows will do. */
static bool look_at_files(void *user, const char *root, int pid)
{
	struct search *s = user;
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/proc/%d/fd", root, pid);
	d = opendir(path);
	while (d && !s->found && (e = readdir(d))) {
		struct statx st;

		if (!isdigit((unsigned char)e->d_name[0]) ||
		    statx(dirfd(d), e->d_name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE,
			  &st))
			continue;
		s->found = node_of(s->nodes, &st);
		s->pid = pid;
	}
	if (d)
		closedir(d);
	return !s->found;
}

const struct msc_node *msc_nodes_user(const char *root, const struct msc_nodes *nodes, int *pid,
				      char *command, size_t size)
{
	struct search s = { .nodes = nodes };

	msc_each_process(root, look_at_files, &s);
	*pid = s.pid;
	if (s.found)
		msc_process_name(root, s.pid, command, size);
	return s.found;
}

/* ---- claims ------------------------------------------------------------------------------- */

#define NOBODY UINT8_MAX

/* In a process of its own, since a device that hangs hangs whoever opens it, deaf to signals. */
static void ask(const char *root, const struct msc_nodes *nodes, int answer)
{
	uint8_t claimed = NOBODY;

	for (size_t i = nodes->count; i-- > 0 && claimed == NOBODY;) {
		char path[PATH_MAX];
		int fd;

		if (nodes->list[i].character || i >= NOBODY)
			continue;
		snprintf(path, sizeof(path), "%s/dev/%s", root, nodes->list[i].name);
		fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
		else if (errno == EBUSY)
			claimed = (uint8_t)i;
	}
	if (write(answer, &claimed, 1) != 1)
		_exit(1);
	_exit(0);
}

static bool wait_for_answer(int from, uint8_t *claimed)
{
	struct pollfd p = { .fd = from, .events = POLLIN };
	int r;

	do {
		r = poll(&p, 1, ANSWER_MS);
	} while (r < 0 && errno == EINTR);
	return r > 0 && read(from, claimed, 1) == 1;
}

const struct msc_node *msc_nodes_claimed(const char *root, const struct msc_nodes *nodes)
{
	uint8_t claimed = NOBODY;
	int ends[2];
	pid_t pid;

	if (!nodes->count || pipe2(ends, O_CLOEXEC))
		return NULL;
	pid = msc_fork_bare(ends[1]);
	if (pid == 0)
		ask(root, nodes, ends[1]);
	close(ends[1]);
	if (pid > 0) {
		bool answered = wait_for_answer(ends[0], &claimed);

		kill(pid, SIGKILL); /* one that hangs in the kernel goes when the device does */
		waitpid(pid, NULL, answered ? 0 : WNOHANG);
	}
	close(ends[0]);
	return claimed < nodes->count ? &nodes->list[claimed] : NULL;
}
