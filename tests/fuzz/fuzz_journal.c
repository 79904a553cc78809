/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as the journal that an earlier run has left. The first byte says how: 0, as they are; else as entries whose checksums
 * are right: a byte for the kind, two for the length, and so many bytes. The bytes of a head are text behind the line
 * that names the device. What then may be written back comes from the journal; nothing else is. */
#include <stdlib.h>
#include <string.h>

#include "fuzz_file.h"
#include "medium/journal_file.h"
#include "medium/medium.h"
#include "transport/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const kinds[] = { "save", "begin", "wrote", "stamp", "head", "odd" };

static void put_entry(FILE *f, const char *kind, const uint8_t *data, size_t len)
{
	char line[MSC_JOURNAL_LINE_MAX];
	int n = msc_journal_line(line, kind, len, msc_journal_hash(data, len));

	fwrite(line, 1, (size_t)n, f);
	fwrite(data, 1, len, f);
}

static void put_head(FILE *f, const char *device, const uint8_t *data, size_t len)
{
	char *text = NULL;
	size_t size = 0;
	FILE *head = open_memstream(&text, &size);

	if (!head)
		abort();
	fprintf(head, "device %s\n", device);
	fwrite(data, 1, len, head);
	fclose(head);
	put_entry(f, "head", (const uint8_t *)text, size);
	free(text);
}

static void put_journal(const char *path, const char *device, const uint8_t *data, size_t size)
{
	const bool bare = !*data;
	FILE *f = fopen(path, "we");

	if (!f)
		abort();
	data++, size--;
	if (bare)
		fwrite(data, 1, size, f);
	else
		fputs(MSC_JOURNAL_MAGIC, f);
	while (!bare && size >= 3) {
		const char *kind = kinds[data[0] % MSC_COUNT(kinds)];
		size_t len = msc_get_le16(data + 1);

		data += 3, size -= 3;
		len = len < size ? len : size;
		if (!strcmp(kind, "head"))
			put_head(f, device, data, len);
		else
			put_entry(f, kind, data, len);
		data += len, size -= len;
	}
	fclose(f);
}

/* Every block is what it was, or what the journal may have given it. */
static void look(const uint8_t *now, const uint8_t *copy, const uint8_t *journal, size_t size)
{
	for (size_t at = 0; at < FUZZ_MEDIUM_SIZE; at += 512)
		if (memcmp(now + at, copy + at, 512) != 0 && !memmem(journal, size, now + at, 512))
			abort();
}

static void restore(struct msc_target *t, const char *dir, enum msc_earlier how)
{
	const struct msc_session_options so = { .allow_writes = true };
	const struct msc_medium_options mo = { .journal_dir = dir };
	struct msc_session *s = msc_session_new(t, &so);
	struct msc_err err = MSC_ERR_INIT;
	struct msc_medium *m;
	struct msc_medium_end end;

	if (!s || msc_session_learn(s, 0, &err) < 0)
		abort();
	m = msc_medium_new(s, &mo, &err);
	if (!m)
		abort();
	if (msc_medium_earlier(m, how, &err) < 0 && !*err.msg)
		abort(); /* a refusal without a word */
	msc_medium_finish(m, &end);
	msc_medium_free(m);
	msc_session_free(s);
}

static void read_it(const char *path, struct msc_err *err)
{
	struct msc_journal_content c;
	struct msc_journal *j;

	if (msc_journal_open(path, &j, &c, err) < 0) {
		if (!*err->msg)
			abort();
		return;
	}
	for (size_t i = 0; i < c.n_blocks; i++)
		if (c.block[i].lba >= c.head.capacity)
			abort();
	msc_journal_content_free(&c);
	msc_journal_close(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t copy[FUZZ_MEDIUM_SIZE], now[FUZZ_MEDIUM_SIZE];
	static const char *dir;
	static struct fuzz_file medium;
	struct msc_err err = MSC_ERR_INIT;
	char path[512];
	struct msc_target *t;

	if (!size)
		return 0;
	if (!medium.fd) {
		dir = fuzz_journals();
		medium = fuzz_medium(copy);
	}
	t = fuzz_open(&medium, true);
	msc_journal_name(dir, t->device.medium_id, 0, path, sizeof path);
	put_journal(path, t->device.medium_id, data, size);
	read_it(path, &err);
	restore(t, dir, *data & 2 ? MSC_EARLIER_RESTORE : MSC_EARLIER_PUT_BACK);
	msc_target_close(t);
	unlink(path);
	if (pread(medium.fd, now, sizeof now, 0) != sizeof now)
		abort();
	look(now, copy, data, size);
	if (memcmp(now, copy, sizeof now) != 0 &&
	    pwrite(medium.fd, copy, sizeof copy, 0) != sizeof copy)
		abort();
	return 0;
}
