/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzers on their corpus, without a fuzzer: each file whole, cut short everywhere, and with one
 * byte after the other changed. "make fuzz" goes on from there. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#define LLVMFuzzerTestOneInput fuzz_scenario
#include "../fuzz/fuzz_scenario.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_bench_json
#include "../fuzz/fuzz_bench_json.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_target
#include "../fuzz/fuzz_target.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_usb
#include "../fuzz/fuzz_usb.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_usbip
#include "../fuzz/fuzz_usbip.c"
#undef LLVMFuzzerTestOneInput

#define FILE_MAX 65536
#define TRIES	 64 /* cuts and changes of a file, spread over it */

static const struct fuzzer {
	const char *name;
	int (*run)(const uint8_t *, size_t);
} fuzzers[] = {
	{ "fuzz_scenario", fuzz_scenario },
	{ "fuzz_bench_json", fuzz_bench_json },
	{ "fuzz_target", fuzz_target },
	{ "fuzz_usb", fuzz_usb },
	{ "fuzz_usbip", fuzz_usbip },
};

/* In memory of just this size, so that a byte too far is noticed. */
static void run_copy(const struct fuzzer *f, const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, data, size);
	assert_int_equal(f->run(copy, size), 0);
	free(copy);
}

static void run_file(const struct fuzzer *f, const char *path)
{
	static uint8_t data[FILE_MAX];
	FILE *in = fopen(path, "rb");
	size_t size, step;

	assert_non_null(in);
	size = fread(data, 1, sizeof data, in);
	fclose(in);
	run_copy(f, data, size);
	step = size / TRIES + 1;
	for (size_t i = 0; i < size; i += step) {
		uint8_t was = data[i];

		run_copy(f, data, i);
		data[i] ^= (uint8_t)(1 + i % 255);
		run_copy(f, data, size);
		data[i] = was;
	}
}

static void corpus(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < MSC_COUNT(fuzzers); i++) {
		char dir[64], path[512];
		unsigned files = 0;
		struct dirent *e;
		DIR *d;

		snprintf(dir, sizeof dir, "tests/fuzz/corpus/%s", fuzzers[i].name);
		d = opendir(dir);
		assert_non_null(d);
		while ((e = readdir(d))) {
			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
			run_file(&fuzzers[i], path);
			files++;
		}
		closedir(d);
		assert_true(files > 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
