/* SPDX-License-Identifier: BSD-2-Clause */
/* dread FILE: prints what is in the file now, not what the system
 * remembers of it.
 *
 *	cc -x c -o dread DREAD.C
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM (64 * 1024)
#define ALIGNMENT 4096

static int fail(const char *what)
{
	fprintf(stderr, "dread: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	void *room;
	ssize_t len;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: dread FILE\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_DIRECT);
	if (fd < 0)
		return fail(argv[1]);
	errno = posix_memalign(&room, ALIGNMENT, ROOM);
	if (errno)
		return fail("memory");
	while ((len = read(fd, room, ROOM)) > 0)
		if (fwrite(room, 1, (size_t)len, stdout) != (size_t)len)
			return fail("output");
	if (len < 0)
		return fail(argv[1]);
	return fflush(stdout) ? fail("output") : 0;
}
