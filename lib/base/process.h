/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes of our own that must not hold on to anything of the one that started them. */
#ifndef MSC_BASE_PROCESS_H
#define MSC_BASE_PROCESS_H

#include <sys/types.h>

/* As fork(), but the child has a session of its own, "/" as its directory, no signal that could be
 * blocked, /dev/null for its standard streams, and no open file but `keep`: neither a device nor the
 * pipe that somebody reads our output from. The caller may have threads, so until _exit() the child
 * may only call what is safe in a signal handler. */
pid_t msc_fork_bare(int keep);

#endif
