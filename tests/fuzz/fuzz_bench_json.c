/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as the file of a bench; what can be read can be compared with itself. */
#include <stdint.h>
#include <stdlib.h>

#include "report/bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct msc_bench *b)
{
	const struct msc_compare_options o = { .threshold = 0.05 };
	struct msc_comparison c = { .n_runs = 0 };
	struct msc_err err = MSC_ERR_INIT;

	if (msc_compare(b, b, &o, &c, &err) < 0 && !*err.msg)
		abort();
	msc_comparison_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msc_bench b = { .n_runs = 0 };
	struct msc_err err = MSC_ERR_INIT;
	FILE *f = size ? fmemopen((void *)data, size, "r") : NULL;

	if (!f)
		return 0;
	if (msc_bench_read_from(f, "fuzz.json", &b, &err) == 0)
		use(&b);
	else if (!*err.msg)
		abort(); /* a refusal without a word */
	msc_bench_free(&b);
	fclose(f);
	return 0;
}
