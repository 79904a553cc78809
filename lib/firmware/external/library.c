/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads shared objects so that each device has globals of its own: the file itself while nobody else has it,
 * which is what a debugger finds and coverage is written for; else a copy of it in memory. */
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/external/external.h"

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

/* What the loader maps lies within the file: of one that was cut short it would touch what is not there, and die.
 * Whether it is for this machine at all is left to the loader, which has the words. */
static int check_file(const char *path, struct msc_err *err)
{
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
	}
	if (fd >= 0)
		close(fd);
	return whole ? 0
		     : msc_fail(err, MSC_E_USAGE, "cannot load firmware: %s is cut short", path);
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
	external_unload(c);
	if (check_file(c->path, err) < 0)
		return -1;
	c->handle = load(c->path, err);
	if (!c->handle)
		return -1;
	c->fw = dlsym(c->handle, SYMBOL);
	if (check(c->path, c->fw, err) == 0)
		return 0;
	external_unload(c);
	return -1;
}

void external_unload(struct external_copy *c)
{
	if (c->handle)
		dlclose(c->handle);
	c->handle = NULL;
	c->fw = NULL;
}
