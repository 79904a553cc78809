/* SPDX-License-Identifier: BSD-2-Clause */
/* Libraries that are loaded on use: the first name that is here, every pointer, and what is said otherwise. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/library.h"

#define FUNCTIONS(X) X(strlen) X(atoi)

struct api {
	FUNCTIONS(MSC_POINTER)
};

static const struct msc_import imports[] = { FUNCTIONS(MSC_IMPORT) };
static const struct msc_import missing[] = { { "msc_nobody_has_this", 0 } };

static void the_first_that_is_here(void **state)
{
	const struct msc_library l = { .sonames = { "libmsc-is-not-here.so.1", "libc.so.6" },
				       .package = "libc6",
				       .what = "counting",
				       .imports = imports,
				       .n_imports = MSC_COUNT(imports) };
	struct msc_err err = MSC_ERR_INIT;
	struct api api = { NULL, NULL };

	(void)state;
	assert_int_equal(msc_library_load(&l, &api, &err), 0);
	assert_int_equal(api.strlen("four"), 4);
	assert_int_equal(api.atoi("17"), 17);
}

static void none_is_here(void **state)
{
	const struct msc_library l = { .sonames = { "libmsc-is-not-here.so.1" },
				       .package = "libmsc1",
				       .what = "counting",
				       .imports = imports,
				       .n_imports = MSC_COUNT(imports) };
	struct msc_err err = MSC_ERR_INIT;
	struct api api;

	(void)state;
	assert_int_equal(msc_library_load(&l, &api, &err), -1);
	assert_int_equal(err.code, MSC_E_UNSUPPORTED);
	assert_string_equal(err.msg, "counting needs libmsc-is-not-here.so.1 (on Debian: libmsc1), "
				     "which is not here");
}

static void a_function_is_missing(void **state)
{
	const struct msc_library l = { .sonames = { "libc.so.6" },
				       .package = "libc6",
				       .what = "counting",
				       .imports = missing,
				       .n_imports = MSC_COUNT(missing) };
	struct msc_err err = MSC_ERR_INIT;
	struct api api;

	(void)state;
	assert_int_equal(msc_library_load(&l, &api, &err), -1);
	assert_string_equal(err.msg, "libc.so.6 has no msc_nobody_has_this");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_is_here),
		cmocka_unit_test(none_is_here),
		cmocka_unit_test(a_function_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
