/* SPDX-License-Identifier: BSD-2-Clause */
/* The public interface from C: what an outside program sees. tests/tool/test_public.py says the
 * same from outside; here it runs under the sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mscope.h"

#include <cmocka.h>

static struct mscope *opened(const char *target, unsigned flags)
{
	struct mscope *m;

	assert_int_equal(mscope_open(&m, target, flags), MSCOPE_PASSED);
	assert_string_equal(mscope_error(m), "");
	return m;
}

static int count(void *user, const char *json)
{
	int *cases = user;

	assert_non_null(strstr(json, "\"verdict\""));
	return ++*cases == 2;
}

static void check(void **unused)
{
	static const char *const select[] = { "bot.case05.*", NULL };
	static const char *const nothing[] = { "bot.nothing-like-it", NULL };
	static const struct {
		const char *target, *profile;
		const char *const *select;
		mscope_case_fn *done;
		int status;
		const char *error, *result; /* a piece of it; NULL: none */
	} rows[] = {
		{ "sim:reference", NULL, select, NULL, MSCOPE_PASSED, "", "\"fail\": 0" },
		{ "sim:reference,fault=residue-zero", "spec", select, NULL, MSCOPE_FAILED, "",
		  "\"rule\": \"bot.residue.in\"" },
		{ "sim:reference", "sepc", select, NULL, MSCOPE_USAGE, "no profile called 'sepc'",
		  NULL },
		{ "sim:reference", NULL, nothing, NULL,
		  MSCOPE_USAGE, "no scenario called", NULL },
		{ "sim:reference", NULL, select, count, MSCOPE_FAILED, "interrupted", "\"cases\"" },
		{ "sim:reference,unplug=25ms", NULL, NULL, NULL, MSCOPE_TARGET, "",
		  "\"reason\": \"" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int cases = 0;
		const struct mscope_check options = { .profile = rows[i].profile,
						      .select = rows[i].select,
						      .done = rows[i].done,
						      .user = &cases };
		struct mscope *m = opened(rows[i].target, 0);
		char *result;

		assert_int_equal(mscope_check(m, &options, &result), rows[i].status);
		assert_non_null(strstr(mscope_error(m), rows[i].error));
		if (rows[i].result)
			assert_non_null(strstr(result, rows[i].result));
		else
			assert_null(result);
		mscope_free(result);
		mscope_close(m);
	}
}

static void open_says_why_not(void **unused)
{
	static const struct {
		const char *target;
		int status;
		const char *says;
	} rows[] = {
		{ "sim:reverence", MSCOPE_USAGE, "did you mean 'reference'?" },
		{ "", MSCOPE_USAGE, "" },
		{ "sim:linux-gadget,file=/no/such/file", MSCOPE_FILE, "/no/such/file" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mscope *m;
		char *json;

		assert_int_equal(mscope_open(&m, rows[i].target, 0), rows[i].status);
		assert_non_null(strstr(mscope_error(m), rows[i].says));
		assert_int_equal(mscope_device(m, &json), MSCOPE_USAGE);
		assert_null(json);
		assert_string_equal(mscope_error(m), "the target is not open");
		mscope_close(m);
	}
	mscope_close(NULL);
	mscope_free(NULL);
	assert_string_equal(mscope_error(NULL), "out of memory");
}

static void send_commands(void **unused)
{
	static const uint8_t inquiry[] = { 0x12, 0, 0, 0, 36, 0 }, ready[6];
	static const uint8_t write[] = { 0x2a, 0, 0, 0, 0, 9, 0, 0, 1, 0 };
	struct mscope *m = opened("sim:reference", 0);
	uint8_t data[36] = { 0 };
	char *json;

	(void)unused;
	assert_int_equal(mscope_send(m, 0, inquiry, sizeof inquiry, data, sizeof data, NULL, 0,
				     &json),
			 MSCOPE_PASSED);
	assert_memory_equal(data + 8, "mscope", 6);
	assert_non_null(strstr(json, "\"command\": \"INQUIRY alloc 36\""));
	mscope_free(json);
	assert_int_equal(mscope_send(m, 0, ready, sizeof ready, NULL, 0, NULL, 0, &json),
			 MSCOPE_FAILED);
	assert_non_null(strstr(json, "\"status\": 1"));
	mscope_free(json);
	assert_int_equal(mscope_send(m, 0, write, sizeof write, NULL, 0, data, 36, &json),
			 MSCOPE_USAGE);
	assert_non_null(strstr(mscope_error(m), "MSCOPE_ALLOW_WRITES"));
	assert_int_equal(mscope_send(m, 0, inquiry, sizeof inquiry, data, 1, data, 1, &json),
			 MSCOPE_USAGE);
	assert_int_equal(mscope_send(m, 16, ready, sizeof ready, NULL, 0, NULL, 0, &json),
			 MSCOPE_USAGE);
	assert_int_equal(mscope_send(m, 0, ready, 0, NULL, 0, NULL, 0, &json), MSCOPE_USAGE);
	assert_null(json);
	mscope_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check),
		cmocka_unit_test(open_says_why_not),
		cmocka_unit_test(send_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
