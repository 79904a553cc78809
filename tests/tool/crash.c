/* SPDX-License-Identifier: BSD-2-Clause */
/* Kills the program that it is preloaded into, for test_crash.py: at the CRASH_AT-th of the calls
 * that change a file or make a change last, before it, after it, or (a write) in the middle of it,
 * as CRASH_HOW says. Every such call is appended to CRASH_LOG as a letter: j a write to another file
 * than the medium, m one to the medium, f fsync of a file, d of a directory, r a file gets its name,
 * u it loses it. CRASH_AT 0 only logs. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long calls;

static void note(char letter)
{
	const char *path = getenv("CRASH_LOG");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");

	if (fd < 0)
		return;
	if (real(fd, &letter, 1) < 0)
		_exit(99);
	close(fd);
}

static int due(char letter)
{
	const char *at = getenv("CRASH_AT");

	note(letter);
	return ++calls == (at ? atol(at) : 0);
}

static int how(const char *word)
{
	const char *h = getenv("CRASH_HOW");

	return h && strcmp(h, word) == 0;
}

static void before(int now)
{
	if (now && how("before"))
		kill(getpid(), SIGKILL);
}

static void after(int now)
{
	if (now)
		kill(getpid(), SIGKILL);
}

static int is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

ssize_t write(int fd, const void *data, size_t len)
{
	ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
	int now = fd > 2 && is_file(fd) ? due('j') : 0;
	ssize_t n;

	before(now);
	n = real(fd, data, now && how("middle") ? len / 2 : len);
	after(now);
	return n;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
	int now = due('m');
	ssize_t n;

	before(now);
	n = real(fd, data, now && how("middle") ? len / 2 : len, at);
	after(now);
	return n;
}

int fsync(int fd)
{
	int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
	int now = due(is_file(fd) ? 'f' : 'd');
	int rc;

	before(now);
	rc = real(fd);
	after(now);
	return rc;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	int (*real)(int, const char *, int, const char *, unsigned) = dlsym(RTLD_NEXT, "renameat2");
	int now = due('r');
	int rc;

	before(now);
	rc = real(from_dir, from, to_dir, to, flags);
	after(now);
	return rc;
}

int unlink(const char *path)
{
	int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
	int now = due('u');
	int rc;

	before(now);
	rc = real(path);
	after(now);
	return rc;
}
