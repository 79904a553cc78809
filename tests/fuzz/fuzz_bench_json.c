/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as the files of benches, with a NUL between two; each that can be read is compared with itself and with the
 * newest, and all together are a history. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/bench.h"
#include "timing/series.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BENCHES 8

static void compare(const struct msc_bench *base, const struct msc_bench *new)
{
	const struct msc_compare_options o = { .threshold = 0.05 };
	struct msc_comparison c = { .n_runs = 0 };
	struct msc_err err = MSC_ERR_INIT;

	if (msc_compare(base, new, &o, &c, &err) < 0 && !*err.msg)
		abort(); /* a refusal without a word */
	msc_comparison_free(&c);
}

static void tell_history(const struct msc_bench *benches, size_t n)
{
	const struct msc_compare_options o = { .threshold = 0.05 };
	struct msc_series_entry entry[BENCHES] = { { .name = NULL } };
	struct msc_series h = { .n_runs = 0 };
	struct msc_err err = MSC_ERR_INIT;

	for (size_t i = 0; i < n; i++)
		entry[i] = (struct msc_series_entry){ .name = "fuzz.json", .bench = &benches[i] };
	if (msc_series_of(entry, n, &o, &h, &err) < 0 && !*err.msg)
		abort();
	msc_series_free(&h);
}

static bool read_one(const uint8_t *data, size_t size, struct msc_bench *b)
{
	struct msc_err err = MSC_ERR_INIT;
	FILE *f = size ? fmemopen((void *)data, size, "r") : NULL;
	bool good;

	if (!f)
		return false;
	good = msc_bench_read_from(f, "fuzz.json", b, &err) == 0;
	if (!good && !*err.msg)
		abort();
	if (!good)
		msc_bench_free(b);
	fclose(f);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msc_bench b[BENCHES] = { { .n_runs = 0 } };
	const uint8_t *end = data + size;
	size_t n = 0;

	while (n < BENCHES && data < end) {
		const uint8_t *nul = memchr(data, '\0', (size_t)(end - data));

		n += read_one(data, (size_t)((nul ? nul : end) - data), &b[n]);
		data = nul ? nul + 1 : end;
	}
	for (size_t i = 0; i < n; i++) {
		compare(&b[i], &b[i]);
		compare(&b[i], &b[n - 1]);
	}
	if (n)
		tell_history(b, n);
	while (n)
		msc_bench_free(&b[--n]);
	return 0;
}
