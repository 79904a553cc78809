/* SPDX-License-Identifier: BSD-2-Clause */
/* See library.h. */
#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

int msc_library_load(const struct msc_library *l, void *api, struct msc_err *err)
{
	void *library = NULL, *symbol;

	for (size_t i = 0; !library && i < MSC_COUNT(l->sonames) && l->sonames[i]; i++)
		library = dlopen(l->sonames[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!library)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s needs %s (on Debian: %s), which is not here", l->what,
				l->sonames[0], l->package);
	for (size_t i = 0; i < l->n_imports; i++) {
		symbol = dlsym(library, l->imports[i].name);
		if (!symbol)
			return msc_fail(err, MSC_E_UNSUPPORTED, "%s has no %s", l->sonames[0],
					l->imports[i].name);
		memcpy((char *)api + l->imports[i].at, &symbol, sizeof symbol);
	}
	return 0;
}
