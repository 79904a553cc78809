/* SPDX-License-Identifier: BSD-2-Clause */
/* A child that keeps nothing of its parent's: see process.h. */
#include "base/process.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

static void let_go(int keep)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		if (fd != keep && (null < 0 || dup2(null, fd) < 0))
			close(fd);
	if (keep > 3)
		close_range(3, (unsigned)keep - 1, 0);
	close_range(keep < 3 ? 3 : (unsigned)keep + 1, UINT_MAX, 0);
	setsid();
	if (chdir("/")) /* then it keeps a filesystem busy, and nothing worse */
		return;
}

pid_t msc_fork_bare(int keep)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* none of them may reach the child */
	pid = fork();
	if (pid == 0)
		let_go(keep);
	else
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}
