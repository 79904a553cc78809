/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads shared objects so that each device has globals of its own: the file itself while nobody else has it,
 * which is what a debugger finds and coverage is written for; else a copy of it in memory. */
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/coverage.h"
#include "base/isolate.h"
#include "firmware/external/external.h"
#include "firmware/external/guard.h"

#define SYMBOL "mscope_firmware"
#define HOW    (RTLD_NOW | RTLD_LOCAL)

static int copy_file(const char *path, struct msc_err *err)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("firmware", MFD_CLOEXEC);
	struct stat st = { 0 };
	ssize_t n = 1;

	if (from >= 0 && to >= 0 && fstat(from, &st) == 0)
		for (off_t left = st.st_size; left > 0 && n > 0; left -= n)
			n = sendfile(to, from, NULL, (size_t)left);
	if (from < 0 || to < 0 || n <= 0) {
		msc_fail_errno(err, MSC_E_IO, "cannot read %s", path);
		if (to >= 0)
			close(to);
		to = -1;
	}
	if (from >= 0)
		close(from);
	return to;
}

static uintptr_t page(void)
{
	return (uintptr_t)sysconf(_SC_PAGESIZE);
}

static uintptr_t pages(uintptr_t bytes)
{
	return (bytes + page() - 1) / page() * page();
}

/* What the loader maps lies within the file: of one that was cut short it would touch what is not there, and
 * die. Whether it is for this machine at all is left to the loader, which has the words. `span`: of what it
 * maps, bytes. */
static int check_file(const char *path, size_t *span, struct msc_err *err)
{
	ElfW(Addr) first = UINTPTR_MAX, end = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	ElfW(Ehdr) head = { 0 };
	ElfW(Phdr) part;
	bool whole = true;

	if (fd < 0 || fstat(fd, &st) < 0 ||
	    pread(fd, &head, sizeof head, 0) < (ssize_t)sizeof head ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof part)
		head.e_phnum = 0;
	for (unsigned i = 0; i < head.e_phnum && whole; i++) {
		off_t at = (off_t)(head.e_phoff + (ElfW(Off))i * sizeof part);

		whole = pread(fd, &part, sizeof part, at) == (ssize_t)sizeof part &&
			(part.p_type != PT_LOAD ||
			 (part.p_offset <= (ElfW(Off))st.st_size &&
			  part.p_filesz <= (ElfW(Off))st.st_size - part.p_offset));
		if (!whole || part.p_type != PT_LOAD)
			continue;
		first = part.p_vaddr < first ? part.p_vaddr : first;
		end = part.p_vaddr + part.p_memsz > end ? part.p_vaddr + part.p_memsz : end;
	}
	*span = end > first ? pages(end) - first / page() * page() : 0;
	if (fd >= 0)
		close(fd);
	return whole ? 0
		     : msc_fail(err, MSC_E_USAGE, "cannot load firmware: %s is cut short", path);
}

/* ---- a guard behind its globals ----------------------------------------------------------------- */

/* A buffer that firmware overruns lies before the end of its globals, and what lies behind them is memory of
 * ours, the loader's own for one. Pages there that nobody may touch make SIGSEGV of it, which is caught and
 * told. The loader gets the highest hole that is large enough: one is made below the guard, and all others
 * above are filled meanwhile. */
#define FILLERS_MAX 64

struct place {
	char *slot; /* where the file is to go; behind it the guard. NULL: wherever it goes */
	void *filler[FILLERS_MAX];
	size_t span, n;
};

static char *reserve(size_t len)
{
	void *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void place_begin(struct place *p, size_t span)
{
	char *at;

	*p = (struct place){ .span = span, .slot = span ? reserve(span + GUARD_FENCE) : NULL };
	if (!p->slot)
		return;
	munmap(p->slot, span);
	for (at = reserve(span); at && at != p->slot && p->n < FILLERS_MAX; at = reserve(span))
		p->filler[p->n++] = at;
	if (at)
		munmap(at, span);
}

/* Returns the guard; NULL: the file went elsewhere. */
static void *place_end(struct place *p, const void *inside)
{
	const char *at = inside;
	bool here = p->slot && at >= p->slot && at < p->slot + p->span;

	while (p->n > 0)
		munmap(p->filler[--p->n], p->span);
	if (here)
		return p->slot + p->span;
	if (p->slot)
		munmap(p->slot + p->span, GUARD_FENCE);
	return NULL;
}

static void *load(const char *path, struct msc_err *err)
{
	void *other = dlopen(path, HOW | RTLD_NOLOAD);
	char name[64];
	void *handle;
	int fd;

	if (!other) {
		handle = dlopen(path, HOW);
	} else {
		dlclose(other);
		fd = copy_file(path, err);
		if (fd < 0)
			return NULL;
		snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
		handle = dlopen(name, HOW);
		close(fd);
	}
	if (!handle)
		msc_fail(err, MSC_E_USAGE, "cannot load firmware: %s", dlerror());
	return handle;
}

static int check(const char *path, const struct mscope_firmware *fw, struct msc_err *err)
{
	if (!fw)
		return msc_fail(err, MSC_E_USAGE,
				"%s does not export 'mscope_firmware' (mscope_firmware.h)", path);
	if (fw->abi != MSCOPE_FIRMWARE_ABI || fw->size < sizeof *fw)
		return msc_fail(err, MSC_E_USAGE,
				"%s was built for version %u of mscope_firmware.h, and this is %u",
				path, fw->abi, MSCOPE_FIRMWARE_ABI);
	return 0;
}

int external_load(struct external_copy *c, struct msc_err *err)
{
	const char *outer;
	struct place place;
	size_t span;

	external_unload(c);
	if (check_file(c->path, &span, err) < 0)
		return -1;
	place_begin(&place, span);
	outer = msc_isolate_enter("a constructor");
	c->handle = load(c->path, err);
	msc_isolate_enter(outer);
	msc_coverage_moved();
	c->fw = c->handle ? dlsym(c->handle, SYMBOL) : NULL;
	c->guard = place_end(&place, c->fw);
	if (!c->handle)
		return -1;
	if (check(c->path, c->fw, err) == 0)
		return 0;
	external_unload(c);
	return -1;
}

/* The code of a thread that goes on stays. */
void external_unload(struct external_copy *c)
{
	const char *outer = msc_isolate_enter("a destructor");
	bool gone = c->handle && !msc_isolate_has_threads();

	if (gone)
		dlclose(c->handle);
	msc_isolate_enter(outer);
	msc_coverage_moved();
	if (c->guard && gone)
		munmap(c->guard, GUARD_FENCE);
	c->handle = c->guard = NULL;
	c->fw = NULL;
}

void external_timers_free(struct external_copy *copy)
{
	struct external_timer *t;

	while ((t = copy->timers)) {
		copy->timers = t->next;
		free(t);
	}
}
