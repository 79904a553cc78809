/* SPDX-License-Identifier: BSD-2-Clause */
/* The times of flash: see flash.h. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "sim/internal.h"

#define WORN_MOST 1000000 /* erasures: ten times what flash is sold for */

struct worn {
	uint64_t page; /* number + 1; 0: a free place */
	uint32_t erasures;
};

struct flash {
	const struct sim_flash *c;
	uint32_t block_size;
	uint32_t in_page; /* blocks of a page; 0: there are no pages */
	bool cached; /* `page` is in memory, and the blocks marked in `dirty` are newer there */
	uint64_t page;
	bool *dirty; /* of in_page blocks */
	uint32_t since_pause; /* blocks written */
	/* a table with a power of two of places, at most half of them taken */
	struct worn *worn;
	size_t places, n_worn;
};

struct flash *flash_new(const struct sim_flash *c, uint32_t block_size, struct msc_err *err)
{
	struct flash *f = calloc(1, sizeof *f);

	if (!f) {
		msc_nomem(err);
		return NULL;
	}
	f->c = c;
	f->block_size = block_size;
	if (c->erase_page)
		f->in_page = c->erase_page > block_size ? c->erase_page / block_size : 1;
	f->dirty = calloc(f->in_page + 1, sizeof *f->dirty);
	if (f->dirty)
		return f;
	free(f);
	msc_nomem(err);
	return NULL;
}

void flash_free(struct flash *f)
{
	if (!f)
		return;
	free(f->dirty);
	free(f->worn);
	free(f);
}

void flash_forget(struct flash *f)
{
	f->cached = false;
	memset(f->dirty, 0, f->in_page * sizeof *f->dirty);
}

/* Of so many blocks, ns of a unit each. */
static int64_t units(const struct flash *f, int64_t unit_ns, uint32_t blocks)
{
	return unit_ns * blocks * f->block_size / SIM_FLASH_UNIT;
}

static struct worn *place_of(struct worn *table, size_t places, uint64_t page)
{
	struct msc_rng hash = { .state = page };
	size_t i = (size_t)msc_rng_next(&hash) & (places - 1);

	while (table[i].page && table[i].page != page + 1)
		i = (i + 1) & (places - 1);
	return &table[i];
}

static bool make_room(struct flash *f)
{
	size_t places = f->places ? 2 * f->places : 64;
	struct worn *table;

	if (2 * f->n_worn < f->places)
		return true;
	table = calloc(places, sizeof *table);
	if (!table)
		return false;
	for (size_t i = 0; i < f->places; i++)
		if (f->worn[i].page)
			*place_of(table, places, f->worn[i].page - 1) = f->worn[i];
	free(f->worn);
	f->worn = table;
	f->places = places;
	return true;
}

/* A worn page takes longer: twice as long after `wear` erasures, three times after twice as many. */
static int64_t erase(struct flash *f, uint64_t page)
{
	struct worn *w;

	if (!f->c->wear || !make_room(f))
		return f->c->erase_ns;
	w = place_of(f->worn, f->places, page);
	f->n_worn += !w->page;
	w->page = page + 1;
	w->erasures += w->erasures < WORN_MOST;
	return f->c->erase_ns + f->c->erase_ns * (w->erasures - 1) / f->c->wear;
}

/* So many blocks of a page go to the medium. */
static int64_t program(struct flash *f, uint64_t page, uint32_t blocks)
{
	if (!f->c->merge)
		return units(f, f->c->program_ns, blocks);
	return units(f, f->c->load_ns, f->in_page - blocks) + erase(f, page) +
	       units(f, f->c->program_ns, f->in_page);
}

/* What is kept in memory goes to the medium. */
int64_t flash_flush(struct flash *f)
{
	uint32_t blocks = 0;

	for (uint32_t i = 0; i < f->in_page; i++)
		blocks += f->dirty[i];
	if (!f->cached || !blocks)
		return 0;
	flash_forget(f);
	return program(f, f->page, blocks);
}

/* Into the page in memory, which is another one before if it has to be. */
static int64_t keep(struct flash *f, uint64_t page, uint32_t from, uint32_t blocks)
{
	int64_t ns = f->cached && f->page != page ? flash_flush(f) : 0;

	f->cached = true;
	f->page = page;
	for (uint32_t i = from; i < from + blocks; i++)
		f->dirty[i] = true;
	return ns;
}

static int64_t write_piece(struct flash *f, uint64_t lba, uint32_t blocks)
{
	int64_t ns = f->c->access_ns;

	while (blocks && f->in_page) {
		uint32_t from = (uint32_t)(lba % f->in_page), n = f->in_page - from;

		if (n > blocks)
			n = blocks;
		ns += f->c->cache ? keep(f, lba / f->in_page, from, n)
				  : program(f, lba / f->in_page, n);
		lba += n;
		blocks -= n;
	}
	return ns;
}

/* What lies in memory need not be read. */
static int64_t read_piece(struct flash *f, uint64_t lba, uint32_t blocks)
{
	int64_t ns = f->c->access_ns;

	for (; blocks && f->in_page; blocks--, lba++)
		if (!f->cached || lba / f->in_page != f->page || !f->dirty[lba % f->in_page])
			ns += units(f, f->c->load_ns, 1);
	return ns;
}

static int64_t pauses(struct flash *f, uint32_t blocks)
{
	uint32_t every = f->c->pause_every, n;

	if (!every)
		return 0;
	n = (f->since_pause + blocks) / every;
	f->since_pause = (f->since_pause + blocks) % every;
	return f->c->pause_ns * n;
}

int64_t flash_move(struct flash *f, bool writing, uint64_t lba, uint32_t blocks)
{
	uint32_t piece = f->c->piece / f->block_size, n;
	int64_t ns = writing ? pauses(f, blocks) : 0;

	if (!piece)
		piece = f->c->piece ? 1 : blocks;
	for (; blocks; blocks -= n, lba += n) {
		n = blocks < piece ? blocks : piece;
		ns += writing ? write_piece(f, lba, n) : read_piece(f, lba, n);
	}
	return ns;
}
