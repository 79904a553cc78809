/* SPDX-License-Identifier: BSD-2-Clause */
/* Storage: a file of the host or memory, in pages that exist once they are written. A file that
 * may not be written keeps the firmware's writes in such pages instead. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/internal.h"

enum { PAGE_BYTES = 64 * 1024 };

struct card {
	struct card_geometry g;
	int fd;		 /* -1: memory only */
	bool write_file; /* else writes stay in pages */
	uint8_t **page;	 /* NULL: not written yet */
	uint64_t pages, written;
};

void card_free(struct card *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	for (uint64_t i = 0; c->written; i++) {
		c->written -= c->page[i] != NULL;
		free(c->page[i]);
	}
	free(c->page);
	free(c);
}

static int open_file(struct mcu *m, struct card *c)
{
	struct stat st;

	c->write_file = m->config->allow_writes && !c->g.read_only;
	c->fd = open(c->g.path, (c->write_file ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (c->fd < 0 || fstat(c->fd, &st) < 0)
		return msc_fail_errno(m->err, MSC_E_IO, "cannot open %s as a medium", c->g.path);
	if (!c->g.blocks)
		c->g.blocks = (uint64_t)st.st_size / c->g.block_size;
	if (!c->g.blocks)
		return msc_fail(m->err, MSC_E_IO, "%s is smaller than one block of %u bytes",
				c->g.path, c->g.block_size);
	return 0;
}

static struct card *card_new(struct mcu *m, const struct card_geometry *g)
{
	struct card *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->g = *g;
	c->fd = -1;
	if (g->path && open_file(m, c) < 0)
		goto fail;
	c->pages = (c->g.blocks * c->g.block_size + PAGE_BYTES - 1) / PAGE_BYTES;
	c->page = calloc(c->pages ? c->pages : 1, sizeof *c->page);
	if (!c->page)
		goto fail;
	return c;
fail:
	card_free(c);
	return NULL;
}

void card_insert(struct mcu *m, uint8_t slot, const struct card_geometry *g)
{
	if (slot >= MCU_SLOTS || !g->block_size) {
		mcu_misuse(m, "card_insert: slot %u, blocks of %u bytes", slot, g->block_size);
		return;
	}
	card_eject(m, slot);
	m->card[slot] = card_new(m, g);
	if (!m->card[slot] && (!m->err || m->err->code == MSC_OK))
		sim_fault(m->sim, "no memory for a medium of %llu blocks",
			  (unsigned long long)g->blocks);
}

void card_eject(struct mcu *m, uint8_t slot)
{
	card_free(m->card[slot]);
	m->card[slot] = NULL;
}

bool card_present(struct mcu *m, uint8_t slot)
{
	return slot < MCU_SLOTS && m->card[slot];
}

bool card_read_only(struct mcu *m, uint8_t slot)
{
	return card_present(m, slot) && m->card[slot]->g.read_only;
}

uint64_t card_blocks(struct mcu *m, uint8_t slot)
{
	return card_present(m, slot) ? m->card[slot]->g.blocks : 0;
}

uint32_t card_block_size(struct mcu *m, uint8_t slot)
{
	return card_present(m, slot) ? m->card[slot]->g.block_size : 0;
}

static bool read_file(const struct card *c, uint64_t at, uint8_t *p, size_t n)
{
	while (n) {
		ssize_t got = pread(c->fd, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0) { /* the file ends inside the last block */
			memset(p, 0, n);
			return true;
		}
		p += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return true;
}

static bool load(const struct card *c, uint64_t at, uint8_t *p, size_t n)
{
	const uint8_t *page = c->page[at / PAGE_BYTES];

	if (page)
		memcpy(p, page + at % PAGE_BYTES, n);
	else if (c->fd >= 0)
		return read_file(c, at, p, n);
	else
		memset(p, 0, n);
	return true;
}

static bool store(struct card *c, uint64_t at, const uint8_t *p, size_t n)
{
	uint8_t **page = &c->page[at / PAGE_BYTES];

	if (c->write_file)
		return pwrite(c->fd, p, n, (off_t)at) == (ssize_t)n;
	if (!*page) {
		*page = calloc(1, PAGE_BYTES);
		c->written += *page != NULL;
		if (!*page ||
		    (c->fd >= 0 && !read_file(c, at - at % PAGE_BYTES, *page, PAGE_BYTES)))
			return false;
	}
	memcpy(*page + at % PAGE_BYTES, p, n);
	return true;
}

/* Walks a byte range page by page. `in` or `out` is NULL. */
static bool move(struct card *c, uint64_t at, size_t n, const uint8_t *in, uint8_t *out)
{
	while (n) {
		size_t part = PAGE_BYTES - at % PAGE_BYTES;

		if (part > n)
			part = n;
		if (!(in ? store(c, at, in, part) : load(c, at, out, part)))
			return false;
		at += part;
		n -= part;
		if (in)
			in += part;
		else
			out += part;
	}
	return true;
}

void card_pass_time(struct mcu *m, int64_t ns)
{
	if (!ns)
		return;
	if (m->in_irq)
		mcu_spin(m, ns);
	else if (tasks_inside(m->tasks))
		task_sleep(m, ns);
}

static struct card *reach(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks)
{
	struct card *c = slot < MCU_SLOTS ? m->card[slot] : NULL;

	return c && lba <= c->g.blocks && blocks <= c->g.blocks - lba ? c : NULL;
}

bool card_read(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks, void *buf)
{
	struct card *c = reach(m, slot, lba, blocks);
	size_t len;

	if (!c)
		return false;
	len = (size_t)blocks * c->g.block_size;
	if (udc_uses(m->udc, buf, len))
		mcu_misuse(m, "card_read: into a buffer that the USB peripheral still uses");
	if (!move(c, lba * c->g.block_size, len, NULL, buf))
		return false;
	card_pass_time(m, c->g.read_ns * blocks);
	return mutate_card_read(m, lba, blocks, buf);
}

bool card_preload(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks, const void *buf)
{
	struct card *c = reach(m, slot, lba, blocks);

	return c && move(c, lba * c->g.block_size, (size_t)blocks * c->g.block_size, buf, NULL);
}

bool card_peek(struct mcu *m, uint8_t slot, uint64_t lba, void *block)
{
	struct card *c = reach(m, slot, lba, 1);

	return c && move(c, lba * c->g.block_size, c->g.block_size, NULL, block);
}

bool card_write(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks, const void *buf)
{
	struct card *c = reach(m, slot, lba, blocks);

	if (!c || c->g.read_only || !mutate_card_write(m, &lba, &blocks))
		return false;
	c = reach(m, slot, lba, blocks);
	if (!c || !move(c, lba * c->g.block_size, (size_t)blocks * c->g.block_size, buf, NULL))
		return false;
	card_pass_time(m, c->g.write_ns * blocks);
	return true;
}
