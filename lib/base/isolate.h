/* SPDX-License-Identifier: BSD-2-Clause */
/* Code of others in a process that it may end: exit(), a signal that nobody catches, memory or descriptors of ours that
 * it spoils. One process watches; another does the work, step by step. At each step the worker is copied: the copy goes
 * on, and the original waits as what the step began with. When the copy gets to the next step the original
 * ends; when the copy dies the original goes on in its place and knows of what it died. So nothing is passed between
 * processes while the work goes well, and nothing that was done before the step is lost.
 *
 * The work has one thread: others would not be copied. Files that are written at their end are cut to what they were before the
 * step, and what msc_isolate_keep was told of is put back; whatever else the step has done outside of the process stays
 * done.
 */
#ifndef MSC_BASE_ISOLATE_H
#define MSC_BASE_ISOLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSC_ISOLATE_WHY 256 /* bytes that a reason may need */

/* Forks. False: the caller goes on, as the worker, or unwatched where there can be none: under a debugger,
 * which would lose the process that it follows, or when the system does not give a process. True, in the one
 * that watches: the worker has died outside of any step, and why says of what. When the worker has ended its
 * work (msc_isolate_over) the one that watches ends as it said, without returning. `caught` names a
 * signal that is to be passed on to the worker; 0: there is none. */
bool msc_isolate_begin(int (*caught)(void), char *why, size_t size);
/* The process has threads, and so cannot be copied. */
bool msc_isolate_has_threads(void);
/* The caller is the worker. */
bool msc_isolated(void);
/* The worker's: a step begins, and the one before it is over. True: it has died in this step, which is not
 * to be tried again. False also when nobody is isolated. */
bool msc_isolate_step(char *why, size_t size);
/* The bytes of a file from before the step are about to be overwritten. False: they cannot be kept, and must not be. */
bool msc_isolate_keep(int fd, int64_t at, size_t len);
/* The work is done: what follows is the end of the process with that exit status, or of that signal when it is not
 * 0, whatever destructors of others make of it. */
void msc_isolate_over(int status, int number);

/* For whoever calls the code of others: what of it runs from here on ("received"); NULL: none. Returns what ran
 * until now. What it prints goes to standard error. Without an end of it for 10 s, or 1 s once that has been
 * seen, the worker is ended from outside. */
const char *msc_isolate_enter(const char *what);
/* What is going on, for the reason: "READ(10) lba 0 blocks 1". Empty: nothing. */
void msc_isolate_doing(const char *text);

#endif
