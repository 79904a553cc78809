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
static char synced[8];

int __wrap_fsync(int fd)
{
	(void)fd;
	if (watched && strlen(synced) + 1 < sizeof synced)
		strcat(synced, access(watched, F_OK) == 0 ? "d" : "f");
	return 0;
}

static const struct msc_journal_head head = { .device = "0525:a4a5:A/B_c\"",
					      .lun = 2,
					      .capacity = 8192,
					      .block_size = 512,
					      .first = 8064,
					      .blocks = 3,
					      .block_0 = 0x89abcdef };
static uint8_t blocks[3 * 512];

struct place {
	char base[32], dir[64], file[96];
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
	snprintf(p->file, sizeof p->file, "%s/0525_a4a5_A_B_c_-lun2.journal", p->dir);
	for (size_t i = 0; i < sizeof blocks; i++)
		blocks[i] = (uint8_t)(i * 7);
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
	    msc_journal_write(j, &head, blocks, &err) < 0)
		fail_msg("%s", err.msg);
	return j;
}

/* Looks for the journal; the message of the failure, "" when there is none. */
static const char *find(const struct place *p, struct msc_err *err)
{
	struct msc_journal_head found;
	struct msc_journal *j;
	uint8_t *data = NULL;

	*err = (struct msc_err)MSC_ERR_INIT;
	if (msc_journal_find(p->dir, head.device, head.lun, &j, &found, &data, err) < 0)
		return strrchr(err->msg, '/') + 1;
	if (!j)
		return "";
	assert_string_equal(msc_journal_path(j), p->file);
	assert_string_equal(found.device, head.device);
	assert_int_equal(found.lun, head.lun);
	assert_int_equal(found.capacity, head.capacity);
	assert_int_equal(found.block_size, head.block_size);
	assert_int_equal(found.first, head.first);
	assert_int_equal(found.blocks, head.blocks);
	assert_int_equal(found.n_probes, head.n_probes);
	assert_memory_equal(found.probe, head.probe, sizeof head.probe);
	assert_int_equal(found.block_0, head.block_0);
	assert_memory_equal(data, blocks, sizeof blocks);
	free(data);
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

/* The file before it gets its name, the directory after. */
static void test_synced(void **state)
{
	struct place *p = *state;

	watched = p->file;
	synced[0] = '\0';
	msc_journal_close(create(p));
	watched = NULL;
	assert_string_equal(synced, "fd");
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

	assert_string_equal(find(p, &err),
			    "0525_a4a5_A_B_c_-lun2.journal: another run of mscope uses "
			    "this device");
	assert_int_equal(err.code, MSC_E_BUSY);
	err = (struct msc_err)MSC_ERR_INIT;
	assert_int_equal(msc_journal_reserve(p->dir, head.device, head.lun, &other, &err), -1);
	assert_int_equal(err.code, MSC_E_BUSY);
	msc_journal_close(j);
	assert_string_equal(find(p, &err), "found");
}

/* Each byte of the file wrong in turn, and each length too short: never taken for a journal of
 * other blocks. */
static void test_damage(void **state)
{
	struct place *p = *state;
	char text[4096];
	struct msc_err err;
	size_t len;
	FILE *f;

	msc_journal_close(create(p));
	f = fopen(p->file, "r+b");
	assert_non_null(f);
	len = fread(text, 1, sizeof text, f);
	assert_true(len > sizeof blocks && len < sizeof text);
	for (size_t i = 0; i < len; i += 3) {
		text[i] ^= 0x11;
		rewind(f);
		fwrite(text, 1, len, f);
		fflush(f);
		text[i] ^= 0x11;
		if (i < len - sizeof blocks - 60) /* who and where: another, but never a crash */
			continue;
		find(p, &err);
		assert_int_equal(err.code, MSC_E_FORMAT);
	}
	rewind(f);
	fwrite(text, 1, len, f);
	fflush(f);
	assert_string_equal(find(p, &err), "found");
	for (size_t cut = 1; cut < len; cut += 101) {
		assert_int_equal(ftruncate(fileno(f), (off_t)(len - cut)), 0);
		assert_string_equal(
			find(p, &err),
			"0525_a4a5_A_B_c_-lun2.journal: expected a journal of mscope, "
			"found something else; --forget-journal removes the file if nothing in it "
			"is wanted");
	}
	fclose(f);
}

#define P8 "\nprobe 1\nprobe 1\nprobe 1\nprobe 1\nprobe 1\nprobe 1\nprobe 1\nprobe 1"

static void test_heads(void **state)
{
	static const char *const bad[] = {
		"",
		"mscope journal 2\n",
		"mscope journal 1\ndevice x\nlun 2\ncapacity 8192\nblock_size 512\nfirst 0\n"
		"blocks 0\nchecksum 811c9dc5\n\n",
		"mscope journal 1\ndevice x\nlun 2\ncapacity 8192\nblock_size 512\nfirst 0\n"
		"blocks 4294967295\nchecksum 811c9dc5\n\n",
		"mscope journal 1\ndevice x\nlun 2\ncapacity 8192\nblock_size 4294967295\nfirst 0\n"
		"blocks 1\nchecksum 811c9dc5\n\n",
		"mscope journal 1\ndevice x\nlun 2\ncapacity 10\nblock_size 1\nfirst 10\n"
		"blocks 1\nchecksum 0b0c0d0e\n\nx",
		"mscope journal 1\ndevice x\nlun 2\ncapacity 10\nblock_size 1\nfirst "
		"18446744073709551615\nblocks 2\nchecksum 811c9dc5\n\nxx",
		"mscope journal 1\ndevice x\nlun 2\ncapacity 10\nblock_size 1\nfirst 0\nblocks 1\n"
		"checksum 811c9dc5",
		/* a probe beyond the end, no number, one whose block is missing, too many */
		"mscope journal 1\ndevice x\nlun 2\ncapacity 10\nblock_size 1\nfirst 0\nblocks 1\n"
		"checksum 0b0c0d0e\nprobe 10\n\nxx",
		"mscope journal 1\ndevice x\nlun 2\ncapacity 10\nblock_size 1\nfirst 0\nblocks 1\n"
		"checksum 0b0c0d0e\nprobe x\n\nxx",
		"mscope journal 1\ndevice x\nlun 2\ncapacity 10\nblock_size 1\nfirst 0\nblocks 1\n"
		"checksum 050c5d1f\nprobe 9\n\na",
		"mscope journal 1\ndevice x\nlun 2\ncapacity 10\nblock_size 1\nfirst 0\nblocks 1\n"
		"checksum 0b0c0d0e" P8 P8 P8 "\nprobe 1\n\nx",
	};
	struct place *p = *state;
	struct msc_err err;

	msc_journal_close(create(p));
	for (size_t i = 0; i < MSC_COUNT(bad); i++) {
		FILE *f = fopen(p->file, "wb");

		assert_non_null(f);
		fputs(bad[i], f);
		fclose(f);
		find(p, &err);
		if (err.code != MSC_E_FORMAT)
			fail_msg("accepted: %s", bad[i]);
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
			    "/dev/null/x: cannot make the journal directory: Not a directory");
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
			    "no directory for the journal of the scratch range: HOME is not "
			    "set; name one");
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
		cmocka_unit_test_setup_teardown(test_heads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_place, setup, teardown),
		cmocka_unit_test(test_default_dir),
	};

	return cmocka_run_group_tests_name("scenario_journal", tests, NULL, NULL);
}
