/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of what is stored: data that is changed, doubled or lost on its way to the medium. */
#include "firmware/fault/fault.h"

#include <string.h>

#define MIB	(1u << 20)
#define KIB_32	(32u << 10)
#define KIB_4	(4u << 10)
#define PACKET	512 /* of high speed, the longest */

/* -- buffers in RAM ------------------------------------------------------------------------------ */

struct ring {
	uint32_t command; /* to which `at` belongs */
	uint64_t at;	  /* bytes that have gone by: of the command, or of all */
	uint8_t packet[PACKET]; /* the last one of the block before */
};

/* A packet that comes where the buffer ends is stored as the one before it. */
static void double_packet(struct mcu *m, struct ring *r, uint8_t *block, uint32_t size,
			  uint64_t round)
{
	uint32_t packet = fault_max_packet(m);
	uint8_t last[PACKET];

	memcpy(last, block + size - packet, packet);
	if (r->at && r->at % round == 0)
		memcpy(block, r->packet, packet);
	memcpy(r->packet, last, packet);
	r->at += size;
}

ON_CARD_DATA(buffer_ends)
{
	struct ring *r = state;

	if (r->command != v->commands)
		r->at = 0;
	r->command = v->commands;
	double_packet(m, r, block, size, KIB_32);
}

const struct msc_fault msc_fault_buffer_end = {
	.id = "buffer-end",
	.title = "the first packet after each 32 KiB of a write is stored as the one before it",
	.seen = "https://github.com/hathach/tinyusb/commit/e49cad84e: a packet that comes while no "
		"buffer is armed",
	.caught_by = "scsi.medium.alias",
	.mistake =
		"the endpoint takes a packet while its buffer is full: arm it only when there is "
		"room",
	.needs_writes = true,
	.ops = {.state_size = sizeof(struct ring), .card_data = buffer_ends},
};

ON_CARD_DATA(ring_ends)
{
	double_packet(m, state, block, size, MIB);
}

const struct msc_fault msc_fault_ring_end = {
	.id = "ring-end",
	.title = "once in each MiB that is written a packet is stored as the one before it",
	.seen = "https://github.com/hathach/tinyusb/commit/439a60a87: a second buffer that was "
		"left armed",
	.caught_by = "scsi.medium.alias",
	.mistake = "a ring of buffers comes round while one of them is still in use",
	.needs_writes = true,
	.ops = {.state_size = sizeof(struct ring), .card_data = ring_ends},
};

/* -- the medium ------------------------------------------------------------------------------------ */

#define WORN_BLOCK 1000 /* of each MiB */
#define WORN_BYTE  142

ON_CARD_DATA(worn)
{
	if (lba % (MIB / size) == WORN_BLOCK % (MIB / size))
		block[WORN_BYTE % size] &= 0x0f;
}

const struct msc_fault msc_fault_block_worn = {
	.id = "block-worn",
	.title = "one block of each MiB has bits that are stuck at 0, and its writes pass",
	.breaks = "SBC-3, 5.33 WRITE (10)",
	.caught_by = "expect.data",
	.mistake = "a block is programmed without a look at its status, and is not read back",
	.needs_writes = true,
	.ops = {.card_data = worn},
};

ON_ADDRESS(repeats_mib)
{
	return lba % (MIB / card_block_size(m, 0));
}

const struct msc_fault msc_fault_medium_wraps_1m = {
	.id = "medium-wraps-1m",
	.title = "the medium begins again after each MiB",
	.seen = "forged sticks, as f3 imitates them: https://github.com/AltraMayor/f3, "
		"--debug-wrap",
	.caught_by = "scsi.medium.alias",
	.mistake = "the medium is smaller than it says and its address lines wrap",
	.needs_writes = true,
	.ops = {.address = repeats_mib},
};

/* -- what is kept in memory ----------------------------------------------------------------------- */

struct kept {
	uint64_t number; /* of the block, plus 1; 0: none */
	uint8_t data[512];
};

/* A write goes past it to the medium. */
ON_CARD_READ(read_kept)
{
	struct kept *k = state;

	if (!v->in_command || blocks != 1 || card_block_size(m, v->cbw.h.lun) != sizeof k->data)
		return true;
	if (k->number == lba + 1) {
		memcpy(data, k->data, sizeof k->data);
	} else {
		k->number = lba + 1;
		memcpy(k->data, data, sizeof k->data);
	}
	return true;
}

const struct msc_fault msc_fault_cache_stale = {
	.id = "cache-stale",
	.title =
		"a block that was read alone is read from memory again, also when it was written since",
	.seen = "https://github.com/ZuluSCSI/ZuluSCSI-firmware/commit/2f86598: a write did not "
		"end what had been read ahead",
	.caught_by = "expect.data",
	.mistake = "a write does not drop the cached sector, or does not put its data there",
	.needs_writes = true,
	.ops = {.state_size = sizeof(struct kept), .card_read = read_kept},
};

/* -- the last one ------------------------------------------------------------------------------- */

/* A piece that ends where the command does is stored without its last block. */
static bool without_last(const struct mutant_view *v, uint64_t lba, uint32_t *blocks)
{
	uint64_t end = msc_get_be32(v->cbw.cb + 2) + (uint64_t)msc_get_be16(v->cbw.cb + 7);

	if (fault_is_write(v) && *blocks && lba + *blocks == end)
		--*blocks;
	return true;
}

ON_CARD_WRITE(last_is_lost)
{
	return without_last(v, *lba, blocks);
}

const struct msc_fault msc_fault_write_last_lost = {
	.id = "write-last-lost",
	.title = "the last block of a write is not stored, nor is a single one",
	.breaks = "SBC-3, 5.33 WRITE (10)",
	.caught_by = "expect.data",
	.mistake =
		"a block is stored when the next one comes, and nothing comes behind the last; or the "
		"loop ends one too early",
	.needs_writes = true,
	.ops = {.card_write = last_is_lost},
};

ON_CARD_WRITE(last_of_several_is_lost)
{
	return msc_get_be16(v->cbw.cb + 7) < 2 || without_last(v, *lba, blocks);
}

const struct msc_fault msc_fault_write_tail_lost = {
	.id = "write-tail-lost",
	.title = "of a write of several blocks the last one is not stored",
	.breaks = "SBC-3, 5.33 WRITE (10)",
	.caught_by = "expect.data",
	.mistake =
		"the CSW is sent when the last block has come, before it is stored, and what is left "
		"in the buffer is forgotten",
	.needs_writes = true,
	.ops = {.card_write = last_of_several_is_lost},
};

enum { COUNT_IN_8_BITS = 256 };

ON_CARD_WRITE(last_of_many_is_lost)
{
	return msc_get_be16(v->cbw.cb + 7) < COUNT_IN_8_BITS || without_last(v, *lba, blocks);
}

const struct msc_fault msc_fault_write_long_last_lost = {
	.id = "write-long-last-lost",
	.title = "of a write of 256 blocks or more the last one is not stored",
	.breaks = "SBC-3, 5.33 WRITE (10)",
	.caught_by = "expect.data",
	.mistake =
		"the blocks that are left are counted in 8 bits, or a long write is cut into commands "
		"to the card of which the last is one too short",
	.needs_writes = true,
	.ops = {.card_write = last_of_many_is_lost},
};

ON_CARD_WRITE(last_from_odd_is_lost)
{
	return !(msc_get_be32(v->cbw.cb + 2) & 1) || msc_get_be16(v->cbw.cb + 7) < 2 ||
	       without_last(v, *lba, blocks);
}

const struct msc_fault msc_fault_write_odd_last_lost = {
	.id = "write-odd-last-lost",
	.title =
		"of a write of several blocks that begins at an odd address the last one is not stored",
	.breaks = "SBC-3, 5.33 WRITE (10)",
	.caught_by = "expect.data",
	.mistake =
		"pages of two blocks are counted from the length alone, without the half that lies in "
		"front of the first whole one",
	.needs_writes = true,
	.ops = {.card_write = last_from_odd_is_lost},
};

/* -- flash that is not erased ------------------------------------------------------------------------ */

enum { PAGE_BLOCKS = 8, UNIT_BLOCKS = 128, PAGES = 64 };

struct erased {
	uint64_t number[PAGES];	 /* of pages, plus 1; the oldest is given up, and is whole again */
	uint64_t written[PAGES][UNIT_BLOCKS / 64]; /* blocks that were since it was erased */
	unsigned next;
	uint32_t command; /* that wrote last */
};

static unsigned find_page(struct erased *e, uint64_t number)
{
	unsigned i = 0;

	while (i < PAGES && e->number[i] != number + 1)
		i++;
	if (i == PAGES) {
		i = e->next++ % PAGES;
		e->number[i] = number + 1;
		memset(e->written[i], 0, sizeof e->written[i]);
	}
	return i;
}

/* The first block of a page that a command writes erases it. */
static void erase(struct erased *e, uint32_t command, uint64_t lba, unsigned page)
{
	unsigned i = find_page(e, lba / page), at = (unsigned)(lba % page);

	if (e->command != command || at == 0)
		memset(e->written[i], 0, sizeof e->written[i]);
	e->command = command;
	e->written[i][at / 64] |= UINT64_C(1) << at % 64;
}

static bool is_lost(const struct erased *e, uint64_t lba, unsigned page)
{
	unsigned i = 0, at = (unsigned)(lba % page);

	while (i < PAGES && e->number[i] != lba / page + 1)
		i++;
	return i < PAGES && !(e->written[i][at / 64] >> at % 64 & 1);
}

#define ERASED(name, page)                                                                         \
	ON_CARD_DATA(name##_data)                                                                  \
	{                                                                                          \
		erase(state, v->commands, lba, page);                                              \
	}                                                                                          \
	ON_CARD_READ(name##_read)                                                                  \
	{                                                                                          \
		uint32_t size = card_block_size(m, v->cbw.h.lun);                                  \
                                                                                                   \
		for (uint32_t n = 0; n < blocks; n++)                                              \
			if (is_lost(state, lba + n, page))                                         \
				memset(data + (size_t)n * size, 0xff, size);                       \
		return true;                                                                       \
	}

ERASED(page_lost, PAGE_BLOCKS)
ERASED(unit_lost, UNIT_BLOCKS)

const struct msc_fault msc_fault_page_rest_lost = {
	.id = "page-rest-lost",
	.title = "a write erases the page of eight blocks that it lies in, and the others are lost",
	.breaks = "SBC-3, 5.33 WRITE (10)",
	.caught_by = "expect.medium",
	.mistake =
		"what a page holds is read before it is erased, and written back with what is new",
	.needs_writes = true,
	.ops = {.state_size = sizeof(struct erased),
		.card_data = page_lost_data,
		.card_read = page_lost_read},
};

const struct msc_fault msc_fault_unit_rest_lost = {
	.id = "unit-rest-lost",
	.title = "a write erases the 64 KiB that it lies in, and the other blocks are lost",
	.caught_by = "scsi.write.readback",
	.mistake =
		"the erase command is that of the larger unit, of which nothing was read before",
	.needs_writes = true,
	.ops = {.state_size = sizeof(struct erased),
		.card_data = unit_lost_data,
		.card_read = unit_lost_read},
};

struct page {
	uint64_t number; /* plus 1: the one that was erased last */
	uint64_t programmed; /* its blocks that were since, a bit each */
};

/* What was programmed once since its page was erased holds the AND of both. */
ON_CARD_DATA(not_erased)
{
	uint32_t blocks = size < KIB_4 ? KIB_4 / size : 1;
	struct page *p = state;
	uint64_t bit = UINT64_C(1) << lba % blocks;
	uint8_t old[KIB_4];

	if (p->number != lba / blocks + 1)
		*p = (struct page){ lba / blocks + 1, 0 };
	if (p->programmed & bit && size <= sizeof old && card_peek(m, slot, lba, old))
		for (uint32_t i = 0; i < size; i++)
			block[i] &= old[i];
	p->programmed |= bit;
}

const struct msc_fault msc_fault_page_not_erased = {
	.id = "page-not-erased",
	.title = "a block that is written again right away is programmed over what it holds",
	.seen = "https://github.com/tinygo-org/tinygo/issues/5454: flash is programmed without "
		"being erased",
	.caught_by = "expect.data",
	.mistake =
		"a page of flash is erased when another one was written before, and not when it "
		"is written again: only zeros can be added to what is there",
	.needs_writes = true,
	.ops = {.state_size = sizeof(struct page), .card_data = not_erased},
};

/* -- a cache that is lost ------------------------------------------------------------------------------ */

enum { CACHED = 32, CACHED_BLOCK = 512 };

struct cache { /* what was on the medium before each of the newest writes */
	struct {
		uint64_t lba;
		uint8_t slot;
		uint8_t data[CACHED_BLOCK];
	} old[CACHED];
	uint32_t first, used;
};

ON_CARD_DATA(remember)
{
	struct cache *c = state;
	uint32_t at = (c->first + c->used) % CACHED;

	if (size != CACHED_BLOCK)
		return;
	for (uint32_t i = 0; i < c->used; i++) {
		uint32_t k = (c->first + i) % CACHED;

		if (c->old[k].lba == lba && c->old[k].slot == slot)
			return;
	}
	if (c->used == CACHED)
		c->first = (c->first + 1) % CACHED; /* it is on the medium by now */
	else
		c->used++;
	c->old[at].lba = lba;
	c->old[at].slot = slot;
	card_peek(m, slot, lba, c->old[at].data);
}

ON_POWER_OFF(lose)
{
	struct cache *c = state;

	for (uint32_t i = 0; i < c->used; i++) {
		uint32_t k = (c->first + i) % CACHED;

		card_preload(m, c->old[k].slot, c->old[k].lba, 1, c->old[k].data);
	}
	c->used = 0;
}

ON_COMMAND(flush)
{
	if (seen->cb[0] == MSC_OP_SYNCHRONIZE_CACHE_10)
		((struct cache *)state)->used = 0;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_cache_lost = {
	.id = "cache-lost",
	.title = "the newest 32 blocks that were written are lost with the power, and no cache is "
		 "reported",
	.seen = "of the same kind: https://github.com/Foundation-Devices/KeyOS/issues/9: what is in "
		"the cache when a card is pulled is lost",
	.caught_by = "expect.data",
	.mistake =
		"written blocks stay in RAM until more come: write them out after a short pause, "
		"or report a write cache",
	.needs_writes = true,
	.ops = {.state_size = sizeof(struct cache),
		.card_data = remember,
		.power_off = lose,
		.command = flush},
};

/* -- a cache that a reset empties ------------------------------------------------------------------------ */

enum { HELD = 64, HELD_BLOCK = 512 };

struct held {
	uint64_t lba[HELD];
	uint32_t used;
	uint8_t data[HELD][HELD_BLOCK];
};

static uint8_t *held(struct held *c, uint64_t lba)
{
	for (uint32_t i = 0; i < c->used; i++)
		if (c->lba[i] == lba)
			return c->data[i];
	return NULL;
}

/* What a command has written is known only once it is on the medium: there it is taken away again
 * when the bus is reset. state keeps what was there before. */
ON_CARD_WRITE(remember_old)
{
	struct held *c = state;

	for (uint32_t i = 0; i < *blocks && c->used < HELD; i++) {
		if (held(c, *lba + i) || card_block_size(m, 0) != HELD_BLOCK)
			continue;
		c->lba[c->used] = *lba + i;
		if (!card_peek(m, 0, *lba + i, c->data[c->used]))
			return false;
		c->used++;
	}
	return true;
}

ON_RESET(lose_new)
{
	struct held *c = state;

	for (uint32_t i = 0; i < c->used; i++)
		card_preload(m, 0, c->lba[i], 1, c->data[i]);
	c->used = 0;
}

ON_COMMAND(flush_held)
{
	if (seen->cb[0] == MSC_OP_SYNCHRONIZE_CACHE_10)
		((struct held *)state)->used = 0;
	return MUTANT_PASS;
}

const struct msc_fault msc_fault_write_cached = {
	.id = "write-cached",
	.title = "what was written is lost in a reset, although no write cache is reported",
	.seen = "Linux quirks WRITE_CACHE and ALWAYS_SYNC: " LINUX_UNUSUAL " (0bc2:2300, "
		"0480:d010)",
	.caught_by = "expect.data",
	.mistake =
		  "a write buffer is lost in a reset: flush it, or report a write cache",
	.needs_writes = true,
	.ops = {.state_size = sizeof(struct held),
		.card_write = remember_old,
		.reset = lose_new,
		.command = flush_held},
};
