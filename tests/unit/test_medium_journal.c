/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal: what is written is found again after the run that wrote it is no more, damage is
 * seen, and two runs do not share one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "medium/journal.h"

/* link: -Wl,--wrap=fsync */
int __wrap_fsync(int fd);

/* For test_synced: whether the journal had its name at each call. */
static const char *watched;
static char synced[16];

int __wrap_fsync(int fd)
{
	(void)fd;
	if (watched && strlen(synced) + 1 < sizeof synced)
		strcat(synced, access(watched, F_OK) == 0 ? "d" : "f");
	return 0;
}

enum { SIZE = 512, BLOCKS = 3 };
static const struct msc_journal_head head = {
	.device = "0525:a4a5:A/B_c\"@5-1",
	.lun = 2,
	.capacity = 8192,
	.block_size = SIZE,
	.mark = 8100,
	.nonce = "0123456789abcdef",
	.print = { { 0, UINT64_C(0x89abcdef01234567) }, { 77, 1 } },
	.n_prints = 2,
};
static uint8_t bytes[BLOCKS * SIZE], written[2 * SIZE];
static const struct msc_journal_block blocks[BLOCKS] = { { 8064, bytes },
							 { 8065, bytes + SIZE },
							 { 0, bytes + 2 * SIZE } };

struct place {
	char base[32], dir[64], file[128];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	if (!p)
		return -1;
	snprintf(p->base, sizeof p->base, "/tmp/mscope-test-XXXXXX");
	if (!mkdtemp(p->base))
		return -1;
	snprintf(p->dir, sizeof p->dir, "%s/new/state", p->base);
	snprintf(p->file, sizeof p->file, "%s/0525_a4a5_A_B_c__5-1-lun2.journal", p->dir);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7);
	memset(written, 0x55, sizeof written);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char parent[64];

	unlink(p->file);
	rmdir(p->dir);
	snprintf(parent, sizeof parent, "%s/new", p->base);
	rmdir(parent);
	if (rmdir(p->base) < 0)
		return -1; /* something else was left there */
	free(p);
	return 0;
}

static struct msc_journal *create(const struct place *p)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_journal *j = NULL;

	if (msc_journal_reserve(p->dir, head.device, head.lun, &j, &err) < 0 ||
	    msc_journal_write(j, &head, blocks, BLOCKS - 1, &err) < 0 ||
	    msc_journal_add_blocks(j, SIZE, blocks + BLOCKS - 1, 1, &err) < 0 ||
	    msc_journal_begin(j, &head.mark, &err) < 0 ||
	    msc_journal_add_wrote(j, written, sizeof written, &err) < 0)
		fail_msg("%s", err.msg);
	return j;
}

/* Looks for the journal; the message of the failure, "" when there is none. */
static const char *find(const struct place *p, struct msc_err *err)
{
	struct msc_journal_content c;
	struct msc_journal *j;

	*err = (struct msc_err)MSC_ERR_INIT;
	if (msc_journal_find(p->dir, head.device, head.lun, &j, &c, err) < 0)
		return err->msg;
	if (!j)
		return "";
	assert_string_equal(msc_journal_path(j), p->file);
	assert_memory_equal(&c.head, &head, sizeof head);
	assert_true(c.n_blocks == BLOCKS || c.n_blocks == BLOCKS - 1);
	for (size_t i = 0; i < c.n_blocks; i++) {
		assert_int_equal(c.block[i].lba, blocks[i].lba);
		assert_memory_equal(c.block[i].data, blocks[i].data, SIZE);
	}
	for (size_t i = 0; i < c.n_wrote; i++)
		assert_memory_equal(c.wrote[i], written, SIZE);
	if (c.n_blocks == BLOCKS && c.n_wrote == 2)
		err->sys = 1; /* all of it */
	msc_journal_content_free(&c);
	msc_journal_close(j);
	return "found";
}

static void test_round(void **state)
{
	struct place *p = *state;
	struct msc_err err;
	struct msc_journal *j;

	assert_string_equal(find(p, &err), "");
	j = create(p);
	assert_int_equal(msc_journal_remove(j, &err), 0);
	assert_string_equal(find(p, &err), "");
}

/* The directories that are made, each in the one above it; the file before it gets its name, its
 * directory after; and each entry that follows. */
static void test_synced(void **state)
{
	struct place *p = *state;

	watched = p->file;
	synced[0] = '\0';
	msc_journal_close(create(p));
	watched = NULL;
	assert_string_equal(synced, "fffdddd");
}

/* The run ends without removing it, as one that was killed does. */
static void test_crash(void **state)
{
	struct place *p = *state;
	struct msc_err err;

	msc_journal_close(create(p));
	assert_string_equal(find(p, &err), "found");
	assert_string_equal(find(p, &err), "found");
}

/* A damaged one goes as well, one that is held does not. */
static void test_forget(void **state)
{
	struct place *p = *state;
	struct msc_err err = MSC_ERR_INIT;
	char path[128] = "x";
	struct msc_journal *j;
	FILE *f;

	assert_int_equal(msc_journal_forget(p->dir, head.device, head.lun, path, sizeof path, &err),
			 0);
	assert_string_equal(path, "");
	j = create(p);
	assert_int_equal(msc_journal_forget(p->dir, head.device, head.lun, path, sizeof path, &err),
			 -1);
	assert_int_equal(err.code, MSC_E_BUSY);
	msc_journal_close(j);
	f = fopen(p->file, "wb");
	assert_non_null(f);
	fclose(f);
	err = (struct msc_err)MSC_ERR_INIT;
	assert_int_equal(msc_journal_forget(p->dir, head.device, head.lun, path, sizeof path, &err),
			 0);
	assert_string_equal(path, p->file);
	assert_int_equal(access(p->file, F_OK), -1);
}

static void test_held(void **state)
{
	struct place *p = *state;
	struct msc_journal *j = create(p), *other = NULL;
	struct msc_err err;

	assert_non_null(strstr(find(p, &err), ": another run of mscope uses this device"));
	assert_int_equal(err.code, MSC_E_BUSY);
	err = (struct msc_err)MSC_ERR_INIT;
	assert_int_equal(msc_journal_reserve(p->dir, head.device, head.lun, &other, &err), -1);
	assert_int_equal(err.code, MSC_E_BUSY);
	msc_journal_close(j);
	assert_string_equal(find(p, &err), "found");
}

static size_t read_whole(const struct place *p, char *text, size_t size)
{
	FILE *f = fopen(p->file, "rb");
	size_t len;

	assert_non_null(f);
	len = fread(text, 1, size, f);
	fclose(f);
	return len;
}

static void write_whole(const struct place *p, const char *text, size_t len)
{
	FILE *f = fopen(p->file, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

/* Each bit of the file wrong in turn: never taken for a journal, and called damaged. */
static void test_damage(void **state)
{
	struct place *p = *state;
	char text[8192];
	struct msc_err err;
	size_t len;

	msc_journal_close(create(p));
	len = read_whole(p, text, sizeof text);
	assert_true(len > sizeof bytes && len < sizeof text);
	for (size_t i = 0; i < len; i++) {
		text[i] ^= (char)(1 << i % 8);
		write_whole(p, text, len);
		text[i] ^= (char)(1 << i % 8);
		find(p, &err);
		if (err.code != MSC_E_FORMAT)
			fail_msg("byte %zu: accepted", i);
		if (i >= 17 && !strstr(err.msg, "is damaged (checksum)"))
			fail_msg("byte %zu: %s", i, err.msg);
	}
	write_whole(p, text, len);
	assert_string_equal(find(p, &err), "found");
	assert_int_equal(err.sys, 1);
}

/* Cut anywhere: without its first blocks it is damaged; an entry that a crash cut off later is passed
 * over, and what is appended then takes its place. */
static void test_cut(void **state)
{
	const size_t whole = sizeof "mscope journal 3\n" - 1 + 2 * (8 + SIZE);
	struct place *p = *state;
	struct msc_journal_content c;
	struct msc_err err;
	struct msc_journal *j;
	unsigned damaged = 0, found = 0;
	char text[8192];
	size_t len;

	msc_journal_close(create(p));
	len = read_whole(p, text, sizeof text);
	for (size_t cut = 0; cut < len; cut++) {
		write_whole(p, text, cut);
		if (strcmp(find(p, &err), "found") != 0) {
			assert_int_equal(found, 0);
			assert_int_equal(err.code, MSC_E_FORMAT);
			assert_non_null(strstr(err.msg, "is damaged (length)"));
			damaged++;
			continue;
		}
		found++;
		assert_int_equal(msc_journal_find(p->dir, head.device, head.lun, &j, &c, &err), 0);
		msc_journal_content_free(&c);
		assert_int_equal(msc_journal_add_wrote(j, written, SIZE, &err), 0);
		msc_journal_close(j);
		assert_string_equal(find(p, &err), "found");
	}
	assert_true(damaged > whole && found > 2 * SIZE);
}

/* Where the mark alone has been written, until anything else is announced. */
static void test_tried(void **state)
{
	const uint64_t tried[] = { 8100, 4004, 8192 };
	struct place *p = *state;
	struct msc_journal_content c;
	struct msc_err err = MSC_ERR_INIT;
	struct msc_journal *j = NULL;

	assert_int_equal(msc_journal_reserve(p->dir, head.device, head.lun, &j, &err), 0);
	assert_int_equal(msc_journal_write(j, &head, blocks, BLOCKS, &err), 0);
	for (size_t n = 1; n <= 2; n++) {
		assert_int_equal(msc_journal_begin(j, &tried[n - 1], &err), 0);
		msc_journal_close(j);
		assert_int_equal(msc_journal_find(p->dir, head.device, head.lun, &j, &c, &err), 0);
		assert_true(c.began);
		assert_int_equal(c.n_tried, n);
		assert_memory_equal(c.tried, tried, n * sizeof *tried);
		msc_journal_content_free(&c);
	}
	assert_int_equal(msc_journal_add_wrote(j, written, SIZE, &err), 0);
	msc_journal_close(j);
	assert_int_equal(msc_journal_find(p->dir, head.device, head.lun, &j, &c, &err), 0);
	assert_true(c.began);
	assert_int_equal(c.n_tried, 0);
	msc_journal_content_free(&c);
	assert_int_equal(msc_journal_begin(j, &tried[2], &err), 0);
	msc_journal_close(j);
	find(p, &err);
	assert_non_null(strstr(err.msg, "is damaged (where it begins to write)"));
}

static void test_heads(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "", "is damaged (length)" },
		{ "a letter to somebody", "is damaged (it does not begin as a journal)" },
		{ "mscope journal 3\n", "is damaged (length)" },
		{ "mscope journal 3\nhead 0 cbf29ce484222325 0000000000000000\n",
		  "is damaged (checksum)" },
		{ "mscope journal 1\ndevice x\nlun 2\ncapacity 8192\n",
		  "was left by an older mscope (format 1)" },
	};
	struct place *p = *state;
	struct msc_err err;

	msc_journal_close(create(p));
	for (size_t i = 0; i < MSC_COUNT(bad); i++) {
		write_whole(p, bad[i].text, strlen(bad[i].text));
		find(p, &err);
		assert_int_equal(err.code, MSC_E_FORMAT);
		if (!strstr(err.msg, bad[i].message))
			fail_msg("%zu: %s", i, err.msg);
	}
}

/* Its checksums are right, and its numbers are not. */
static void test_numbers(void **state)
{
	struct msc_journal_head bad[] = { head, head, head, head };
	struct msc_journal_block beyond = { 8192, bytes };
	struct place *p = *state;

	bad[0].mark = 8192;
	bad[1].print[1].lba = 8192;
	bad[2].capacity = 0;
	for (size_t i = 0; i < MSC_COUNT(bad); i++) {
		struct msc_err err = MSC_ERR_INIT;
		struct msc_journal *j;

		unlink(p->file);
		assert_int_equal(msc_journal_reserve(p->dir, head.device, head.lun, &j, &err), 0);
		assert_int_equal(msc_journal_write(j, &bad[i], i == 3 ? &beyond : blocks, 1, &err),
				 0);
		msc_journal_close(j);
		find(p, &err);
		assert_int_equal(err.code, MSC_E_FORMAT);
	}
}

static void test_no_place(void **state)
{
	struct place *p = *state;
	struct msc_journal *j = NULL;
	struct msc_err err = MSC_ERR_INIT;

	(void)p;
	assert_int_equal(msc_journal_reserve("/dev/null/x", head.device, head.lun, &j, &err), -1);
	assert_string_equal(err.msg,
			    "/dev/null/x: cannot make the journal directory; set XDG_STATE_HOME to "
			    "one that can be written: Not a directory");
	assert_int_equal(err.code, MSC_E_IO);
	err = (struct msc_err)MSC_ERR_INIT;
	assert_int_equal(msc_journal_reserve("/dev/full/x", head.device, head.lun, &j, &err), -1);
	assert_int_equal(err.code, MSC_E_IO);
}

static void test_default_dir(void **state)
{
	struct msc_err err = MSC_ERR_INIT;
	char dir[64];

	(void)state;
	setenv("XDG_STATE_HOME", "/a", 1);
	setenv("HOME", "/b", 1);
	assert_int_equal(msc_journal_default_dir(dir, sizeof dir, &err), 0);
	assert_string_equal(dir, "/a/mscope");
	setenv("XDG_STATE_HOME", "relative", 1);
	assert_int_equal(msc_journal_default_dir(dir, sizeof dir, &err), 0);
	assert_string_equal(dir, "/b/.local/state/mscope");
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	assert_int_equal(msc_journal_default_dir(dir, sizeof dir, &err), -1);
	assert_string_equal(err.msg,
			    "no directory for the journal of what is written: HOME is not set; set "
			    "XDG_STATE_HOME to one that can be written");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round, setup, teardown),
		cmocka_unit_test_setup_teardown(test_synced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tried, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_place, setup, teardown),
		cmocka_unit_test(test_default_dir),
	};

	return cmocka_run_group_tests_name("medium_journal", tests, NULL, NULL);
}
