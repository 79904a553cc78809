/* SPDX-License-Identifier: BSD-2-Clause */
/* What was overwritten in files is put back, and takes no more room the more often it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/kept.h"

enum { SIZE = 64 * 1024 };

static off_t length(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_size;
}

static void fill(FILE *f, uint8_t *first, unsigned n)
{
	for (size_t i = 0; i < SIZE; i++)
		first[i] = (uint8_t)(i * n + i / 251);
	assert_int_equal(pwrite(fileno(f), first, SIZE, 0), SIZE);
}

static void overwrite(struct msc_kept *k, FILE *f, off_t at, size_t len, uint8_t value)
{
	uint8_t junk[4096];

	memset(junk, value, len);
	assert_true(msc_kept_add(k, fileno(f), at, len));
	assert_int_equal(pwrite(fileno(f), junk, len, at), (ssize_t)len);
}

static void check(FILE *f, const uint8_t *first)
{
	uint8_t now[SIZE];

	assert_int_equal(pread(fileno(f), now, SIZE, 0), SIZE);
	assert_memory_equal(now, first, SIZE);
}

static void it_is_put_back_and_kept_once(void **state)
{
	static uint8_t first[2][SIZE];
	FILE *f[2] = { tmpfile(), tmpfile() };
	struct msc_kept k = { .fd = -1 };
	off_t once;

	(void)state;
	assert_true(f[0] && f[1]);
	fill(f[0], first[0], 7);
	fill(f[1], first[1], 11);
	for (int step = 0; step < 2; step++) {
		assert_true(msc_kept_begin(&k));
		assert_int_equal(length(k.fd), 0);
		for (unsigned i = 0; i < 40; i++) {
			overwrite(&k, f[i % 2], 1024 * i + 100, 4096 - 100, (uint8_t)i);
			overwrite(&k, f[i % 2], 1024 * i, 1, (uint8_t)i);
		}
		once = length(k.fd);
		assert_in_range(once, SIZE, 4 * SIZE);
		for (unsigned i = 0; i < 1000; i++)
			overwrite(&k, f[i % 2], 1024 * (i % 40), 512, (uint8_t)i);
		assert_int_equal(length(k.fd), once);
		assert_true(msc_kept_put_back(&k));
		check(f[0], first[0]);
		check(f[1], first[1]);
	}
	fclose(f[0]);
	fclose(f[1]);
	close(k.fd);
	free(k.unit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_put_back_and_kept_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
