/* SPDX-License-Identifier: BSD-2-Clause */
/* A process that gives the kernel's driver back when ours cannot: see usb_guardian.h. It may have been
 * forked from a program with threads and never executes another, so it calls what is safe in a signal
 * handler; snprintf with numbers and names is, in the C libraries of Linux. */
#include "transport/usb_guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/usbdevice_fs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"

#define DEVICES	 "/sys/bus/usb/devices"
#define TRIES	 1500 /* half a minute: the kernel still ends what the dead process had begun */
#define PAUSE_MS 20

static int number(const char *path, const char *name)
{
	char file[192], text[16];
	ssize_t len;
	int fd;

	snprintf(file, sizeof(file), DEVICES "/%s/%s", path, name);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return -1;
	text[len] = '\0';
	return atoi(text);
}

enum bound { NOBODY, TAKEN, DRIVER };

/* Who has the interface now? usbfs stands for a program, perhaps the dead one. */
static enum bound bound_to(const char *path, int configuration, uint8_t interface)
{
	char link[192], target[256];
	ssize_t len;

	snprintf(link, sizeof(link), DEVICES "/%s:%d.%u/driver", path, configuration, interface);
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return NOBODY;
	target[len] = '\0';
	return strcmp(strrchr(target, '/') ? strrchr(target, '/') : target, "/usbfs") ? DRIVER
										      : TAKEN;
}

/* One try; true when there is nothing left to do. */
static bool give_back(const char *path, uint8_t interface)
{
	int bus = number(path, "busnum"), address = number(path, "devnum");
	int configuration = number(path, "bConfigurationValue");
	struct usbdevfs_ioctl connect = { .ifno = interface, .ioctl_code = USBDEVFS_CONNECT };
	enum bound now = bound_to(path, configuration, interface);
	char node[64];
	bool done;
	int fd;

	if (bus < 0 || address < 0 || now == DRIVER)
		return true; /* unplugged: the driver finds it when it comes again */
	if (now == TAKEN)
		return false;
	snprintf(node, sizeof(node), "/dev/bus/usb/%03d/%03d", bus, address);
	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (ioctl(fd, USBDEVFS_RESET, 0) < 0 && errno == ENODEV)
		done = false; /* another device now, by its descriptors */
	else
		done = ioctl(fd, USBDEVFS_IOCTL, &connect) >= 0;
	close(fd);
	return done;
}

static bool put(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	if (fd >= 0)
		close(fd);
	return done;
}

static void put_setting(const char *path, const char *name, const char *value)
{
	char file[192];

	snprintf(file, sizeof(file), DEVICES "/%s/power/%s", path, name);
	(void)!put(file, value);
}

bool msc_guardian_put_port(const char *root, const char *port, bool on)
{
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "%s" DEVICES "/%s/disable", root, port);
	return put(file, on ? "0" : "1");
}

/* What the guardian is told: a word, and what is to be kept. */
struct message {
	char word; /* 'd': dismissed, 'k': keep this */
	struct msc_usb_power power; /* empty: nothing */
	struct msc_usb_port port;   /* without power; empty: none */
};

static void put_back(const struct message *m, const char *path)
{
	if (m->power.control[0]) {
		put_setting(path, "autosuspend_delay_ms", m->power.delay);
		put_setting(path, "control", m->power.control);
	}
	if (m->port.peer[0])
		(void)!msc_guardian_put_port("", m->port.peer, true);
	if (m->port.port[0])
		(void)!msc_guardian_put_port("", m->port.port, true);
}

static void guard(int line, const char *path, uint8_t interface)
{
	struct message m = { .word = 'k' }, next;
	ssize_t got;

	prctl(PR_SET_NAME, "mscope-guardian");
	do {
		got = read(line, &next, sizeof(next));
		if (got == sizeof(next))
			m = next;
	} while ((got < 0 && errno == EINTR) || (got > 0 && m.word != 'd'));
	if (got == 0) {
		put_back(&m, path);
		for (int i = 0; i < TRIES && !give_back(path, interface); i++)
			poll(NULL, 0, PAUSE_MS);
	}
	_exit(0);
}

bool msc_guardian_start(struct msc_guardian *g, const char *path, uint8_t interface)
{
	int ends[2], status = 0;
	pid_t pid;

	if (g->on)
		return true;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return false;
	pid = msc_fork_bare(ends[1]);
	if (pid == 0) { /* whose child has no parent to be reaped by */
		pid = fork();
		if (pid == 0)
			guard(ends[1], path, interface);
		_exit(pid < 0);
	}
	close(ends[1]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	g->on = pid > 0 && status == 0;
	g->line = ends[0];
	if (!g->on)
		close(ends[0]);
	return g->on;
}

/* If it has been killed there is nobody to tell. */
static void tell(struct msc_guardian *g, const struct message *m)
{
	(void)!send(g->line, m, sizeof(*m), MSG_NOSIGNAL);
}

void msc_guardian_keep(struct msc_guardian *g, const struct msc_usb_power *power)
{
	struct message m = { .word = 'k' };

	if (power)
		m.power = *power;
	if (g->on)
		tell(g, &m);
}

void msc_guardian_keep_port(struct msc_guardian *g, const struct msc_usb_port *port)
{
	struct message m = { .word = 'k' };

	if (port)
		m.port = *port;
	if (g->on)
		tell(g, &m);
}

void msc_guardian_dismiss(struct msc_guardian *g)
{
	if (!g->on)
		return;
	tell(g, &(struct message){ .word = 'd' });
	close(g->line);
	g->on = false;
}
