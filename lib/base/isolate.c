/* SPDX-License-Identifier: BSD-2-Clause */
/* See isolate.h. What the processes know of each other is a page that they share; a pipe tells of an end, for
 * its last writer is gone then. */
#include "base/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/kept.h"
#include "base/text.h"

#define LOOK_MS	  500	/* between two looks at a process that says nothing */
#define END_MS	  5	/* the same, when it is about to end */
#define HUNG_MS	  10000 /* without an end of the code of others: it does not come back */
#define AGAIN_MS  1000	/* the same, once it has been seen, or when the work is to stop */
#define FILES_MAX 256 /* descriptors that are looked at */
#define CLOSED	  113 /* exit status of a worker whose descriptors were closed */

struct page {
	volatile pid_t worker;
	volatile bool over;	      /* the worker has done its work, and ends so: */
	volatile int status, number;
	volatile bool hung;	      /* it has been ended, for it did not come back */
	volatile bool has_hung;	      /* at any time */
	volatile int stopping;	      /* the signal that is passed on; 0: none */
	volatile unsigned long beats; /* calls of the code of others, and their ends */
	const char
		*volatile inside; /* of these, the one that runs; the same address in all processes */
	const char *volatile last;    /* that ran */
	char doing[96];
};

static struct page *page; /* NULL: nobody is isolated */
static FILE *results;	  /* standard output, that is not for what code of others prints */
static struct rlimit growth; /* of files, before others came */
static int past = -1;	  /* where the worker tells the one before it that its step is over */
static struct msc_kept kept = { .fd = -1 }; /* what the step has overwritten in files */

/* ---- what is told ---------------------------------------------------------------------------- */

const char *msc_isolate_enter(const char *what)
{
	const char *before;

	if (!page)
		return NULL;
	before = page->inside;
	page->beats++;
	page->inside = what;
#ifdef __GLIBC__ /* elsewhere it cannot be assigned */
	stdout = what ? stderr : results;
#endif
	if (what)
		page->last = what;
	return before;
}

void msc_isolate_doing(const char *text)
{
	if (!page)
		return;
	snprintf(page->doing, sizeof page->doing, "%s", text);
	/* What the commands before may have done to it: results could not be written. */
	setrlimit(RLIMIT_FSIZE, &growth);
}

bool msc_isolated(void)
{
	return page && page->worker == getpid();
}

void msc_isolate_over(int status, int number)
{
	if (!msc_isolated())
		return;
	page->status = status;
	page->number = number;
	page->over = true;
	msc_isolate_enter("a destructor");
}

bool msc_isolate_has_threads(void)
{
	struct stat st;

	return stat("/proc/self/task", &st) < 0 || st.st_nlink > 3; /* ".", ".." and each thread */
}

/* ---- how it died ------------------------------------------------------------------------------ */

static void say(char *why, size_t size, int status)
{
	char how[96];

	if (page->hung)
		snprintf(how, sizeof how, "it does not come back");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == CLOSED)
		snprintf(how, sizeof how, "it has closed descriptors of the process");
	else if (WIFEXITED(status))
		snprintf(how, sizeof how, "it has ended the process, with exit status %d",
			 WEXITSTATUS(status));
	else
		snprintf(how, sizeof how, "signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	if (page->inside)
		snprintf(why, size, "the firmware has died in %s: %s", page->inside, how);
	else
		snprintf(why, size, "the firmware has died after %s, outside of its own code: %s",
			 page->last ? page->last : "it was loaded", how);
	if (*page->doing) {
		size_t len = strlen(why);

		snprintf(why + len, size - len, "; under way was %s", page->doing);
	}
	page->hung = false;
	page->inside = NULL;
	page->doing[0] = '\0';
}

struct look { /* at a process that says nothing */
	unsigned long beats;
	int waited_ms;
};

/* Ends it when it was in the code of others all the time. */
static void look_at(struct look *l, pid_t worker, int ms)
{
	if (!page->inside || page->beats != l->beats) {
		l->beats = page->beats;
		l->waited_ms = 0;
	} else if ((l->waited_ms += ms) >=
		   (page->has_hung || page->stopping ? AGAIN_MS : HUNG_MS)) {
		page->hung = page->has_hung = true;
		kill(worker, SIGKILL);
	}
}

/* ---- a step ------------------------------------------------------------------------------------ */

/* What is open at the beginning of the step. */
static struct file {
	bool is_ours; /* the standard streams: they stay open */
	off_t at;     /* of a file that is written at its end: its length; -1: it is none */
	dev_t dev;
	ino_t ino;
} file[FILES_MAX];

static void note_files(void)
{
	for (int fd = 0; fd < FILES_MAX; fd++) {
		int flags = fcntl(fd, F_GETFL);
		struct stat st;

		file[fd] = (struct file){ .at = -1 };
		if (flags < 0 || fstat(fd, &st) < 0)
			continue;
		if ((flags & O_ACCMODE) != O_RDONLY && S_ISREG(st.st_mode) &&
		    lseek(fd, 0, SEEK_CUR) == st.st_size)
			file[fd].at = st.st_size;
		file[fd].is_ours = fd <= STDERR_FILENO;
		file[fd].dev = st.st_dev;
		file[fd].ino = st.st_ino;
	}
}

static bool has_files(void)
{
	for (int fd = 0; fd < FILES_MAX; fd++) {
		struct stat st;

		if (file[fd].is_ours &&
		    (fstat(fd, &st) < 0 || st.st_dev != file[fd].dev || st.st_ino != file[fd].ino))
			return false;
	}
	return true;
}

static void cut_files(void)
{
	for (int fd = 0; fd < FILES_MAX; fd++)
		if (file[fd].at >= 0 && ftruncate(fd, file[fd].at) == 0)
			lseek(fd, file[fd].at, SEEK_SET);
}

bool msc_isolate_keep(int fd, int64_t at, size_t len)
{
	return past < 0 || msc_kept_add(&kept, fd, at, len);
}

static _Noreturn void end(void)
{
	if (page->number) {
		signal(page->number, SIG_DFL);
		raise(page->number);
	}
	_exit(page->status);
}

/* The worker has told that the step is over. */
static bool is_past(int line)
{
	struct pollfd p = { .fd = line, .events = POLLIN };
	char byte;

	return poll(&p, 1, 0) == 1 && read(line, &byte, 1) == 1;
}

/* Ends with the step, unless the copy dies in it. */
static void wait_for(pid_t copy, int line, char *why, size_t size)
{
	struct look l = { .beats = page->beats };
	struct pollfd p = { .fd = line, .events = POLLIN };
	int status = 0;

	while (waitpid(copy, &status, WNOHANG) != copy) {
		int ms = p.fd < 0 ? END_MS : LOOK_MS, n = poll(&p, 1, ms);

		if (n == 0)
			look_at(&l, copy, ms);
		if (n > 0 && is_past(line))
			_exit(0);
		if (n > 0)
			p.fd = -1; /* nobody is left to write, or it has closed it */
	}
	if (is_past(line)) /* and waited for the next one meanwhile */
		_exit(0);
	if (page->over) { /* within its last step, as it should */
		page->worker = getpid();
		end();
	}
	close(line);
	say(why, size, status);
}

/* The caller works from here on, and is told of a signal that went to the one before it. */
static void take_place(void)
{
	page->worker = getpid();
	if (page->stopping)
		raise(page->stopping);
}

/* The step before is over. */
static void tell_past(void)
{
	if (past < 0)
		return;
	if (!has_files() || write(past, "", 1) != 1)
		_exit(CLOSED);
	close(past);
	past = -1;
}

bool msc_isolate_step(char *why, size_t size)
{
	int line[2];
	pid_t copy;

	if (!msc_isolated())
		return false;
	tell_past();
	page->doing[0] = '\0';
	if (!msc_kept_begin(&kept) || msc_isolate_has_threads() || pipe2(line, O_CLOEXEC) < 0)
		return false;
	fflush(NULL); /* or both would write it */
	note_files();
	copy = fork();
	if (copy == 0) {
		take_place();
		past = line[1];
		close(line[0]);
		return false;
	}
	close(line[1]);
	if (copy < 0) {
		close(line[0]);
		return false;
	}
	wait_for(copy, line[0], why, size);
	take_place();
	if (!msc_kept_put_back(&kept))
		msc_append(why, size, "; what it has written to a file cannot be put back");
	cut_files();
	return true;
}

/* ---- the one that watches ----------------------------------------------------------------------- */

static bool is_traced(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	int tracer = 0;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (f)
		fclose(f);
	return tracer != 0;
}

/* Takes those that have ended. True: the worker is among them. Who that is, is asked once it has ended: the
 * copy says so of itself before the one before it ends. */
static bool reap(int *status)
{
	pid_t pid;
	int one;

	while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
		if (pid != page->worker)
			continue;
		*status = one;
		return true;
	}
	return pid < 0 && errno == ECHILD;
}

/* Processes that the firmware has started would keep our output open. */
static void end_strays(void)
{
	char name[64];
	FILE *f;
	long pid;

	snprintf(name, sizeof name, "/proc/self/task/%d/children", (int)getpid());
	f = fopen(name, "re");
	while (f && fscanf(f, "%ld", &pid) == 1)
		if (getsid((pid_t)pid) == getsid(0))
			kill((pid_t)pid, SIGKILL);
	if (f)
		fclose(f);
}

static void watch(int line, int (*caught)(void), char *why, size_t size)
{
	struct look l = { .beats = page->beats };
	struct pollfd p = { .fd = line, .events = POLLIN };
	bool told = false;
	int status = 0;

	while (!reap(&status)) {
		int ms = p.fd < 0 ? END_MS : LOOK_MS, n = poll(&p, 1, ms);

		page->stopping = caught();
		if (page->stopping && !told)
			told = kill(page->worker, page->stopping) == 0;
		if (n == 0)
			look_at(&l, page->worker, ms);
		if (n > 0)
			p.fd = -1;
	}
	end_strays();
	if (page->over)
		end();
	say(why, size, status);
}

bool msc_isolate_begin(int (*caught)(void), char *why, size_t size)
{
	int line[2];
	pid_t pid;

	if (page || is_traced() || pipe2(line, O_CLOEXEC) < 0)
		return false;
	page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		page = NULL;
	else
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	results = stdout;
	getrlimit(RLIMIT_FSIZE, &growth);
	fflush(NULL);
	pid = page ? fork() : -1;
	if (pid > 0) {
		close(line[1]);
		if (!page->worker) /* as the child does */
			page->worker = pid;
		watch(line[0], caught, why, size);
		close(line[0]);
		page->worker = 0;
		return true;
	}
	close(line[0]);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
		page->worker = getpid();
		return false; /* line[1] stays open as long as any of them lives */
	}
	close(line[1]);
	page = NULL;
	return false;
}
