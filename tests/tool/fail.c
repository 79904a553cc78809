/* SPDX-License-Identifier: BSD-2-Clause */
/* Lets one call of the program that it is preloaded into fail, for test_fail.py: the FAIL_AT-th of those that
 * take memory or use a file. Each is a letter: m memory, o opening a file, r reading, w writing, s sync, n a
 * name made, changed or removed; FAIL_KINDS says which are counted (all).
 *
 * FAIL_LOG is a file to which every call is written, or only the one that fails: its letter, and where it was
 * called from, FILE+OFFSET each, the innermost first. FAIL_AT 0 only logs. What is called before main is not
 * counted. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAMES  12
#define PLACES  (1 << 17)
#define NEAR	4 /* callers of what takes memory that are kept */
#define IS_FILE 0x2000 /* _IO_IS_FILEBUF of glibc: not in memory */

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);
extern void *__libc_memalign(size_t, size_t);

static long calls, at;
static int armed, busy, log_fd = -1;
static const char *kinds = "morwsn";

/* Memory that was taken since FAIL_LEFT asks for it: open addressing by its address. */
struct taken {
	void *p;
	void *frame[NEAR]; /* the first: NULL when it was given back */
};
static struct taken *taken;
static int left_fd = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void)
{
	const char *log = getenv("FAIL_LOG"), *n = getenv("FAIL_AT");
	void *frame[2];

	backtrace(frame, 2); /* loads what it needs, which takes memory */
	if (getenv("FAIL_KINDS"))
		kinds = getenv("FAIL_KINDS");
	at = n ? atol(n) : 0;
	if (log)
		log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (getenv("FAIL_LEFT")) {
		left_fd = open(getenv("FAIL_LEFT"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		taken = __libc_calloc(PLACES, sizeof *taken);
	}
	unsetenv("LD_PRELOAD"); /* programs that it starts are not meant */
	armed = 1;
}

static void tell(int fd, char letter, void *const *frame, int n)
{
	char line[FRAMES * 64 + 8];
	int len = snprintf(line, sizeof line, "%c", letter);

	for (int i = 0; i < n; i++) {
		const char *name, *slash;
		Dl_info of;

		if (!dladdr(frame[i], &of))
			continue;
		slash = strrchr(of.dli_fname, '/');
		name = slash ? slash + 1 : of.dli_fname;
		len += snprintf(line + len, sizeof line - (size_t)len, " %.30s+%#lx", name,
				(unsigned long)((char *)frame[i] - (char *)of.dli_fbase));
	}
	line[len++] = '\n';
	if (REAL(write)(fd, line, (size_t)len) < 0)
		_exit(99);
}

/* This call is to fail. */
static int due(char letter, int why)
{
	if (!armed || busy || !strchr(kinds, letter))
		return 0;
	busy = 1;
	calls++;
	if (log_fd >= 0 && (!at || calls == at)) {
		void *frame[FRAMES];

		tell(log_fd, letter, frame + 2, backtrace(frame, FRAMES) - 2);
	}
	busy = 0;
	if (calls != at)
		return 0;
	errno = why;
	return 1;
}

/* ---- memory -------------------------------------------------------------------------------------- */

static struct taken *place_of(void *p)
{
	size_t i = (size_t)p / 16 * 0x9e3779b1u % PLACES;

	while (taken[i].p && taken[i].p != p)
		i = (i + 1) % PLACES;
	return &taken[i];
}

static void *keep(void *p)
{
	void *frame[NEAR + 2] = { NULL };
	struct taken *t;

	if (!p || !taken || busy)
		return p;
	busy = 1;
	t = place_of(p);
	t->p = p;
	backtrace(frame, NEAR + 2);
	memcpy(t->frame, frame + 2, sizeof t->frame);
	busy = 0;
	return p;
}

/* Its place stays its own: the same address comes again. */
static void forget(void *p)
{
	if (p && taken && !busy)
		place_of(p)->frame[0] = NULL;
}

__attribute__((destructor)) static void end(void)
{
	busy = 1;
	for (size_t i = 0; taken && i < PLACES; i++)
		if (taken[i].frame[0])
			tell(left_fd, 'm', taken[i].frame, NEAR);
}

void *malloc(size_t n)
{
	return due('m', ENOMEM) ? NULL : keep(__libc_malloc(n));
}
void *calloc(size_t n, size_t size)
{
	return due('m', ENOMEM) ? NULL : keep(__libc_calloc(n, size));
}

void *realloc(void *p, size_t n)
{
	if (due('m', ENOMEM))
		return NULL;
	forget(p);
	return keep(__libc_realloc(p, n));
}

void free(void *p)
{
	forget(p);
	__libc_free(p);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}

int posix_memalign(void **p, size_t align, size_t n)
{
	if (due('m', ENOMEM))
		return ENOMEM;
	*p = __libc_memalign(align, n);
	return *p ? 0 : ENOMEM;
}

void *mmap64(void *where, size_t n, int protection, int flags, int fd, off64_t a)
{
	return due('m', ENOMEM) ? MAP_FAILED : REAL(mmap64)(where, n, protection, flags, fd, a);
}

/* ---- files --------------------------------------------------------------------------------------- */

static mode_t mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return due('o', EMFILE) ? -1 : REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return due('o', EMFILE) ? -1 : REAL(open64)(path, flags, mode);
}

FILE *fopen64(const char *path, const char *how)
{
	return due('o', EMFILE) ? NULL : REAL(fopen64)(path, how);
}
FILE *fdopen(int fd, const char *how)
{
	return due('o', ENOMEM) ? NULL : REAL(fdopen)(fd, how);
}

ssize_t read(int fd, void *p, size_t n)
{
	return due('r', EIO) ? -1 : REAL(read)(fd, p, n);
}
ssize_t pread64(int fd, void *p, size_t n, off64_t a)
{
	return due('r', EIO) ? -1 : REAL(pread64)(fd, p, n, a);
}
ssize_t write(int fd, const void *p, size_t n)
{
	return due('w', ENOSPC) ? -1 : REAL(write)(fd, p, n);
}
int ftruncate64(int fd, off64_t n)
{
	return due('w', ENOSPC) ? -1 : REAL(ftruncate64)(fd, n);
}
int fsync(int fd)
{
	return due('s', EIO) ? -1 : REAL(fsync)(fd);
}
int fdatasync(int fd)
{
	return due('s', EIO) ? -1 : REAL(fdatasync)(fd);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t a)
{
	return due('w', EIO) ? -1 : REAL(pwrite64)(fd, p, n, a);
}

/* What stdio writes does not pass through write: the stream has failed then, as it says. Streams in memory
 * have no descriptor, and their memory is counted where it is taken. */
static int stream_is_due(FILE *f, char letter, int why)
{
	if (!(f->_flags & IS_FILE) || !due(letter, why))
		return 0;
	f->_flags |= _IO_ERR_SEEN;
	return 1;
}

int fflush(FILE *f)
{
	return f && stream_is_due(f, 'w', ENOSPC) ? EOF : REAL(fflush)(f);
}

size_t fread(void *p, size_t size, size_t n, FILE *f)
{
	return stream_is_due(f, 'r', EIO) ? 0 : REAL(fread)(p, size, n, f);
}

int fclose(FILE *f)
{
	int failed = stream_is_due(f, 'w', ENOSPC), result = REAL(fclose)(f);

	if (failed)
		errno = ENOSPC;
	return failed ? EOF : result;
}

int rename(const char *from, const char *to)
{
	return due('n', EIO) ? -1 : REAL(rename)(from, to);
}
int unlink(const char *path)
{
	return due('n', EIO) ? -1 : REAL(unlink)(path);
}
int mkdir(const char *path, mode_t mode)
{
	return due('n', ENOSPC) ? -1 : REAL(mkdir)(path, mode);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	return due('n', EIO) ? -1 : REAL(renameat2)(a, from, b, to, flags);
}
