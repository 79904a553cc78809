/* SPDX-License-Identifier: BSD-2-Clause */
/* Storage: a file of the host or memory, in pages that exist once they are written. A file that
 * may not be written keeps the firmware's writes in such pages instead. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/copy.h"
#include "base/isolate.h"
#include "base/rng.h"
#include "sim/internal.h"

enum { PAGE_BYTES = 64 * 1024 };

/* A page that has been written; others hold what the file, or the fill, has. */
struct page {
	uint64_t number; /* its first byte is at number * PAGE_BYTES */
	uint8_t data[PAGE_BYTES];
};

struct card {
	struct card_geometry g;
	uint64_t id;	 /* no other card of this run has it */
	int fd;		 /* -1: memory only */
	bool write_file; /* else writes stay in pages */
	/* by number, in a table with a power of two of places, at most half of them taken */
	struct page **page;
	size_t places, written;
	const struct page *last; /* found last: neighbours follow each other */
	struct flash *flash;
};

void card_free(struct card *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	flash_free(c->flash);
	for (size_t i = 0; i < c->places; i++)
		free(c->page[i]);
	free(c->page);
	free(c);
}

static int open_file(struct mcu *m, struct card *c)
{
	struct stat st;

	c->write_file = m->config->allow_writes && !c->g.read_only;
	/* a FIFO is refused, not waited for */
	c->fd = open(c->g.path, (c->write_file ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	if (c->fd < 0 || fstat(c->fd, &st) < 0)
		return msc_fail_errno(m->err, MSC_E_IO, "cannot open %s as a medium", c->g.path);
	if (!S_ISREG(st.st_mode))
		return msc_fail(m->err, MSC_E_IO, "%s cannot hold a medium: it is not a file",
				c->g.path);
	if (!c->g.blocks)
		c->g.blocks = (uint64_t)st.st_size / c->g.block_size;
	if (!c->g.blocks)
		return msc_fail(m->err, MSC_E_IO, "%s is smaller than one block of %u bytes",
				c->g.path, c->g.block_size);
	return 0;
}

/* NULL: *m->err says why. */
static struct card *card_new(struct mcu *m, const struct card_geometry *g)
{
	struct card *c = calloc(1, sizeof *c);

	if (!c) {
		msc_nomem(m->err);
		return NULL;
	}
	c->g = *g;
	c->fd = -1;
	c->id = ++m->cards;
	c->flash = flash_new(&m->config->flash, g->block_size, m->err);
	if (!c->flash)
		goto fail;
	if (g->path && open_file(m, c) < 0)
		goto fail;
	/* its last byte has an address in 63 bits, as a file's has */
	if (c->g.blocks > (uint64_t)INT64_MAX / c->g.block_size) {
		msc_fail(m->err, MSC_E_USAGE, "a medium of %llu blocks of %u bytes is too large",
			 (unsigned long long)c->g.blocks, c->g.block_size);
		goto fail;
	}
	return c;
fail:
	card_free(c);
	return NULL;
}

void card_insert(struct mcu *m, uint8_t slot, const struct card_geometry *g)
{
	if (slot >= MCU_SLOTS || !g->block_size || !m->err) {
		mcu_misuse(m, "card_insert: slot %u, blocks of %u bytes", slot, g->block_size);
		return;
	}
	if (m->again) /* the power had gone; what is in the slot is in it */
		return;
	m->socket[slot] = *g;
	card_eject(m, slot);
	if (g->blocks || g->path)
		m->card[slot] = card_new(m, g);
}

struct flash *card_flash(struct mcu *m, uint8_t slot)
{
	return card_present(m, slot) ? m->card[slot]->flash : NULL;
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

/* Eight bytes that are nowhere else on the medium, whatever its size. */
static void make_noise(const struct card *c, uint64_t at, uint8_t *p, size_t n)
{
	while (n) {
		struct msc_rng word = { .state = c->g.noise + at / 8 };
		uint8_t bytes[8];
		size_t from = at % 8, part = sizeof bytes - from;

		if (part > n)
			part = n;
		msc_put_be64(bytes, msc_rng_next(&word));
		memcpy(p, bytes + from, part);
		p += part;
		at += part;
		n -= part;
	}
}

/* An MBR with one partition of FAT32, from the eighth block to the last (UEFI 2.10, 5.2.1). */
static void add_partition(const struct card *c, uint64_t at, uint8_t *p, size_t n)
{
	enum { FIRST = 8, ENTRY = 446, SIGNATURE = 510, SECTOR = 512 };
	uint8_t mbr[SECTOR] = { [ENTRY + 4] = 0x0c, [SIGNATURE] = 0x55, [SIGNATURE + 1] = 0xaa };

	if (at >= SECTOR || c->g.blocks <= FIRST || c->g.blocks > UINT32_MAX)
		return;
	msc_put_le32(mbr + ENTRY + 8, FIRST);
	msc_put_le32(mbr + ENTRY + 12, (uint32_t)c->g.blocks - FIRST);
	memcpy(p, mbr + at, n < SECTOR - at ? n : SECTOR - at);
}

/* What was there before anything was written. */
static bool load_first(const struct card *c, uint64_t at, uint8_t *p, size_t n)
{
	if (c->fd >= 0)
		return read_file(c, at, p, n);
	if (c->g.noise)
		make_noise(c, at, p, n);
	else
		memset(p, 0, n);
	if (c->g.partition)
		add_partition(c, at, p, n);
	return true;
}

/* Where the page is, or where it belongs. */
static struct page **place_of(struct page **table, size_t places, uint64_t number)
{
	struct msc_rng hash = { .state = number };
	size_t i = (size_t)msc_rng_next(&hash) & (places - 1);

	while (table[i] && table[i]->number != number)
		i = (i + 1) & (places - 1);
	return &table[i];
}

static const struct page *find_page(struct card *c, uint64_t number)
{
	if (!c->written)
		return NULL;
	if (!c->last || c->last->number != number)
		c->last = *place_of(c->page, c->places, number);
	return c->last;
}

static bool make_room(struct card *c)
{
	size_t places = c->places ? 2 * c->places : 64;
	struct page **table;

	if (2 * c->written < c->places)
		return true;
	table = calloc(places, sizeof(*table));
	if (!table)
		return false;
	for (size_t i = 0; i < c->places; i++)
		if (c->page[i])
			*place_of(table, places, c->page[i]->number) = c->page[i];
	free(c->page);
	c->page = table;
	c->places = places;
	return true;
}

/* The page, made when it is not there yet. */
static struct page *get_page(struct card *c, uint64_t number)
{
	struct page **place, *new;

	if (!make_room(c))
		return NULL;
	place = place_of(c->page, c->places, number);
	new = *place;
	if (new)
		return new;
	new = malloc(sizeof *new);
	if (!new || !load_first(c, number * PAGE_BYTES, new->data, PAGE_BYTES)) {
		free(new);
		return NULL;
	}
	new->number = number;
	c->written++;
	*place = new;
	return new;
}

static bool load(struct card *c, uint64_t at, uint8_t *p, size_t n)
{
	const struct page *page = find_page(c, at / PAGE_BYTES);

	if (!page)
		return load_first(c, at, p, n);
	msc_copy(p, page->data + at % PAGE_BYTES, n);
	return true;
}

static bool store(struct card *c, uint64_t at, const uint8_t *p, size_t n)
{
	struct page *page;

	if (c->write_file)
		return msc_isolate_keep(c->fd, (int64_t)at, n) &&
		       pwrite(c->fd, p, n, (off_t)at) == (ssize_t)n;
	page = get_page(c, at / PAGE_BYTES);
	if (!page)
		return false;
	msc_copy(page->data + at % PAGE_BYTES, p, n);
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

static struct card *reach(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks)
{
	struct card *c = slot < MCU_SLOTS && !m->off ? m->card[slot] : NULL;

	return c && lba <= c->g.blocks && blocks <= c->g.blocks - lba ? c : NULL;
}

/* Blocks that lie one after the other, and that no event comes between. */
static bool move_blocks(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks,
			const uint8_t *in, uint8_t *out)
{
	struct card *c = reach(m, slot, lba, blocks);
	size_t len = c ? (size_t)blocks * c->g.block_size : 0;
	int64_t flash_ns;

	if (!c || !move(c, lba * c->g.block_size, len, in, out))
		return false;
	world_moved(m, in != NULL, blocks);
	task_wait_for_medium(m, (in ? c->g.write_ns : c->g.read_ns) * blocks);
	flash_ns = flash_move(c->flash, in != NULL, lba, blocks);
	if (m->medium_ns) /* its driver adds them up */
		*m->medium_ns += flash_ns;
	else
		task_wait_for_medium(m, flash_ns);
	return true;
}

/* What a firmware asks for, in as many pieces as mutants and events make of it. It fails as soon as
 * the card is another. */
static bool transfer(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks, const uint8_t *in,
		     uint8_t *out)
{
	uint64_t id = m->card[slot]->id;
	uint32_t size = m->card[slot]->g.block_size;

	while (blocks) {
		uint32_t most = mutate_has_address(m) ? 1 : blocks, torn;
		uint32_t n = world_blocks(m, in != NULL, most, &torn);
		uint64_t at = mutate_address(m, lba, in != NULL);
		uint32_t good = world_good(m, slot, at, n);

		if ((good && !move_blocks(m, slot, at, good, in, out)) || good < n)
			return false;
		if (n < most) { /* something happens to the next block, or in the middle of it */
			struct card *c = reach(m, slot, at + n, 1);

			if (in && torn && torn < size && c)
				move(c, (at + n) * size, torn, in + (size_t)n * size, NULL);
			world_block_is_due(m, in != NULL);
		}
		if (m->off || !m->card[slot] || m->card[slot]->id != id)
			return false;
		lba += n;
		blocks -= n;
		if (in)
			in += (size_t)n * size;
		else
			out += (size_t)n * size;
	}
	return true;
}

bool card_read(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks, void *buf)
{
	struct card *c = reach(m, slot, lba, blocks);

	if (!c)
		return false;
	if (udc_uses(m->udc, buf, (size_t)blocks * c->g.block_size))
		mcu_misuse(m, "card_read: into a buffer that the USB peripheral still uses");
	return transfer(m, slot, lba, blocks, NULL, buf) && mutate_card_read(m, lba, blocks, buf);
}

/* Tests watch that nothing is written that mscope has not permitted. */
static void watch(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks)
{
	const struct sim_device_config *c = m->config;

	if (c->watch && !mutate_has_garbled(m) && !c->watch(c->watch_user, slot, lba, blocks))
		sim_fault(m->sim, "without a permit, blocks %llu to %llu of unit %u were written",
			  (unsigned long long)lba, (unsigned long long)(lba + blocks - 1), slot);
}

/* As mutants leave it. */
static bool write_changed(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks,
			  const void *buf)
{
	uint32_t size = m->card[slot]->g.block_size;
	uint8_t *copy = malloc((size_t)blocks * size + 1);
	bool ok;

	if (!copy) {
		sim_fault(m->sim, "out of memory");
		return false;
	}
	memcpy(copy, buf, (size_t)blocks * size);
	for (uint32_t i = 0; i < blocks; i++)
		mutate_card_data(m, slot, lba + i, copy + (size_t)i * size, size);
	ok = transfer(m, slot, lba, blocks, copy, NULL);
	free(copy);
	return ok;
}

bool card_write(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks, const void *buf)
{
	struct card *c = reach(m, slot, lba, blocks);

	if (!c || c->g.read_only)
		return false;
	watch(m, slot, lba, blocks);
	if (!mutate_card_write(m, &lba, &blocks))
		return false;
	if (!reach(m, slot, lba, blocks))
		return false;
	if (mutate_has_card_data(m))
		return write_changed(m, slot, lba, blocks, buf);
	return transfer(m, slot, lba, blocks, buf, NULL);
}

bool card_preload(struct mcu *m, uint8_t slot, uint64_t lba, uint32_t blocks, const void *buf)
{
	struct card *c = reach(m, slot, lba, blocks);

	if (m->err && m->again)
		return true;
	return c && move(c, lba * c->g.block_size, (size_t)blocks * c->g.block_size, buf, NULL);
}

bool card_peek(struct mcu *m, uint8_t slot, uint64_t lba, void *block)
{
	struct card *c = reach(m, slot, lba, 1);

	return c && move(c, lba * c->g.block_size, c->g.block_size, NULL, block);
}

void card_hold(struct mcu *m, uint8_t slot, bool hold)
{
	world_hold(m, slot, hold);
}

/* -- cards that events bring ----------------------------------------------------------------- */

struct card *card_ready(struct mcu *m, uint8_t slot, const struct sim_medium *medium)
{
	const struct card *present = m->card[slot];
	struct card_geometry g = m->socket[slot];

	if (!g.block_size) {
		msc_fail(m->err, MSC_E_USAGE, "an event is about slot %u, which there is not",
			 slot);
		return NULL;
	}
	g.path = medium->path[0] ? medium->path : NULL;
	g.blocks = medium->blocks || g.path || !present ? medium->blocks : present->g.blocks;
	g.read_only = medium->read_only;
	g.partition = false;
	g.noise = medium->noise ? NOISE + (m->cards << 32) : 0;
	if (!g.blocks && !g.path) {
		msc_fail(m->err, MSC_E_USAGE,
			 "an event brings a card into empty slot %u: it needs blocks= or file=",
			 slot);
		return NULL;
	}
	return card_new(m, &g);
}

void card_pass_for(struct card *c, const struct card *other)
{
	c->id = other->id;
	c->g.read_only = other->g.read_only;
}

bool card_copy_first(struct card *c, struct card *from, uint64_t blocks)
{
	uint8_t block[512];
	uint64_t bytes = blocks * c->g.block_size;

	for (uint64_t at = 0; from && at < bytes; at += sizeof block) {
		if (at + sizeof block > from->g.blocks * from->g.block_size ||
		    at + sizeof block > c->g.blocks * c->g.block_size)
			break;
		if (!load(from, at, block, sizeof block) || !store(c, at, block, sizeof block))
			return false;
	}
	return true;
}
