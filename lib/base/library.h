/* SPDX-License-Identifier: BSD-2-Clause */
/* Libraries that few commands need. Each is loaded by the command that needs it, when it does: to map and
 * relocate it, and those that it brings along, would cost every other command more than all else it does
 * before its work. Types and prototypes are those of the library's own headers.
 *
 *	#define FUNCTIONS(X) X(foo_open) X(foo_close)
 *	struct api { FUNCTIONS(MSC_POINTER) };
 *	static const struct msc_import imports[] = { FUNCTIONS(MSC_IMPORT) };
 */
#ifndef MSC_BASE_LIBRARY_H
#define MSC_BASE_LIBRARY_H

#include <stddef.h>

#include "base/err.h"

struct msc_import {
	const char *name;
	size_t at; /* of the pointer to it, in struct api */
};
#define MSC_POINTER(function) __typeof__(function) *function;
#define MSC_IMPORT(function) { #function, offsetof(struct api, function) },

struct msc_library {
	const char *sonames[3]; /* of the same interface: distributions differ. NULL: no more */
	const char *package;	/* on Debian */
	const char *what;	/* needs it: "finding files" */
	const struct msc_import *imports;
	size_t n_imports;
};

/* Fills in all pointers of *api. The library stays loaded: those that it brings do not all survive an
 * unloading. MSC_E_UNSUPPORTED: it is not here, or has not all of them. */
int msc_library_load(const struct msc_library *, void *api, struct msc_err *) MSC_MUST_CHECK;

#endif
