/* SPDX-License-Identifier: BSD-2-Clause */
/* A fuzzer on its corpus, without libFuzzer: each file whole, cut short everywhere, and with one byte after
 * the other changed. The program is called like the fuzzer; "make fuzz" goes on from there. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MAX 65536
#define TRIES	 1024 /* cuts and changes of all files, spread over them */

/* In memory of just this size, so that a byte too far is noticed. */
static void run_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, data, size);
	assert_int_equal(LLVMFuzzerTestOneInput(copy, size), 0);
	free(copy);
}

static void run_file(const char *path, size_t tries)
{
	static uint8_t data[FILE_MAX];
	FILE *in = fopen(path, "rb");
	size_t size, step;

	assert_non_null(in);
	size = fread(data, 1, sizeof data, in);
	fclose(in);
	run_copy(data, size);
	step = size / tries + 1;
	for (size_t i = 0; i < size; i += step) {
		uint8_t was = data[i];

		run_copy(data, i);
		data[i] ^= (uint8_t)(1 + i % 255);
		run_copy(data, size);
		data[i] = was;
	}
}

static void corpus(void **unused)
{
	char dir[96], path[512];
	struct dirent **files;
	int n;

	(void)unused;
	snprintf(dir, sizeof dir, "tests/fuzz/corpus/%s", program_invocation_short_name);
	n = scandir(dir, &files, NULL, alphasort);
	assert_true(n > 2); /* "." and ".." */
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, files[i]->d_name);
		if (files[i]->d_name[0] != '.')
			run_file(path, TRIES / 2 / (size_t)n + 1);
		free(files[i]);
	}
	free(files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
