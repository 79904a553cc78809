/* SPDX-License-Identifier: BSD-2-Clause */
/* A /sys and a /proc made of files, below a folder of their own. */
#ifndef MSC_TESTS_MADE_OF_FILES_H
#define MSC_TESTS_MADE_OF_FILES_H

#include <stddef.h>

void files_begin(char *root, size_t size); /* makes the folder, and says which */
void files_end(const char *root);

/* Paths are below the root; folders are made as needed. */
void put(const char *root, const char *path, const char *text);
void link_to(const char *root, const char *path, const char *target);

#endif
