/* SPDX-License-Identifier: BSD-2-Clause */
#include "made_of_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void files_begin(char *root, size_t size)
{
	snprintf(root, size, "/tmp/mscope-test-XXXXXX");
	assert_non_null(mkdtemp(root));
}

void files_end(const char *root)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	assert_int_equal(system(command), 0);
}

static void make_folders(const char *root, const char *path)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (char *p = whole + strlen(root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(whole, 0700);
	}
}

void put(const char *root, const char *path, const char *text)
{
	char whole[512];
	FILE *f;

	make_folders(root, path);
	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

void link_to(const char *root, const char *path, const char *target)
{
	char whole[512];

	make_folders(root, path);
	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	unlink(whole);
	assert_int_equal(symlink(target, whole), 0);
}
