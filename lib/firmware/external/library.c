/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads shared objects so that each device has globals of its own: the file itself while nobody else has it,
 * which is what a debugger finds and coverage is written for; else a copy of it in memory. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
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
