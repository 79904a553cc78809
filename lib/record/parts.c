/* SPDX-License-Identifier: BSD-2-Clause */
/* Partition tables and boot sectors: see parts.h. */
#include "record/parts.h"

#include <string.h>

#include "wire/bytes.h"

enum {
	SIGNATURE = 510, /* 55h AAh */
	TABLE = 446, /* four entries of 16 bytes: status at 0, type at 4, first at 8, count at 12 */
	PROTECTIVE = 0xee, /* the type of an entry that stands for a GPT, and may count anything */
	GPT_LEAST = 92,	   /* bytes of a GPT header */
	GPT_ENTRY_LEAST = 128,
	FIRST_LOGICAL = 5, /* its number, as hosts count */
};

static bool is_power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

static bool is_signed(const uint8_t *s)
{
	return s[SIGNATURE] == 0x55 && s[SIGNATURE + 1] == 0xaa;
}

uint64_t msc_boot_blocks(const uint8_t *s, uint32_t block_size)
{
	if (!is_signed(s) || (s[0] != 0xeb && s[0] != 0xe9))
		return 0;
	if (!memcmp(s + 3, "EXFAT   ", 8))
		return s[108] > 12 || 1u << s[108] != block_size ? 0 : msc_get_le64(s + 72);
	if (msc_get_le16(s + 11) != block_size || !is_power_of_two(s[13]) || s[21] < 0xf0)
		return 0;
	if (!memcmp(s + 3, "NTFS    ", 8))
		return msc_get_le64(s + 40) + 1; /* its own last block is not counted */
	if (s[16] < 1 || s[16] > 2 || !msc_get_le16(s + 14))
		return 0;
	return msc_get_le16(s + 19) ? msc_get_le16(s + 19) : msc_get_le32(s + 32);
}

static bool is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

bool msc_mbr_entries(const uint8_t *s, struct msc_part out[4], size_t *n)
{
	static const uint8_t none[16];

	*n = 0;
	if (!is_signed(s))
		return false;
	for (unsigned i = 0; i < 4; i++) {
		const uint8_t *entry = s + TABLE + 16 * i;
		uint32_t first = msc_get_le32(entry + 8), count = msc_get_le32(entry + 12);

		if (!memcmp(entry, none, sizeof none))
			continue;
		if ((entry[0] != 0 && entry[0] != 0x80) || !entry[4] || !first || !count)
			return false;
		if (entry[4] != PROTECTIVE)
			out[(*n)++] = (struct msc_part){ .first = first,
							 .blocks = count,
							 .number = i + 1,
							 .table = is_extended(entry[4]) };
	}
	return true;
}

uint64_t msc_gpt_last(const uint8_t *header, size_t len)
{
	if (len < GPT_LEAST || memcmp(header, "EFI PART", 8) != 0 || msc_get_le64(header + 24) != 1)
		return 0;
	return msc_get_le64(header + 32);
}

bool msc_logical(const uint8_t *sector, const struct msc_part *part, struct msc_part *out)
{
	struct msc_part entries[4];
	size_t n;

	if (!msc_mbr_entries(sector, entries, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (entries[i].table)
			continue;
		*out = entries[i];
		out->first += part->first;
		out->number = part->number;
		return true;
	}
	return false;
}

/* ---- what was read ------------------------------------------------------------------------- */

static void add(struct msc_parts *p, const struct msc_part *part)
{
	if (p->count < MSC_PARTS_MAX && !msc_parts_at(p, part->first))
		p->list[p->count++] = *part;
}

static void read_first(struct msc_parts *p, const uint8_t *data, uint32_t block_size)
{
	struct msc_part entries[4];
	size_t n;

	*p = (struct msc_parts){ .count = 0 };
	if (msc_boot_blocks(data, block_size) || !msc_mbr_entries(data, entries, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		if (entries[i].table) {
			entries[i].base = entries[i].first;
			entries[i].number = FIRST_LOGICAL;
		}
		add(p, &entries[i]);
	}
}

static void read_header(struct msc_parts *p, const uint8_t *data, size_t len)
{
	uint32_t size;

	p->entries = 0;
	if (!msc_gpt_last(data, len))
		return;
	size = msc_get_le32(data + 84);
	if (size < GPT_ENTRY_LEAST || !is_power_of_two(size))
		return;
	p->entries = msc_get_le64(data + 72);
	p->n_entries = msc_get_le32(data + 80);
	p->entry_size = size;
}

static void read_entries(struct msc_parts *p, const uint8_t *data, size_t len)
{
	static const uint8_t none[16];

	for (uint32_t i = 0; i < p->n_entries && i < MSC_PARTS_MAX; i++) {
		const uint8_t *entry = data + (size_t)i * p->entry_size;
		uint64_t first, last;

		if (((size_t)i + 1) * p->entry_size > len)
			return;
		first = msc_get_le64(entry + 32);
		last = msc_get_le64(entry + 40);
		if (memcmp(entry, none, sizeof none) != 0 && first && first <= last)
			add(p, &(struct msc_part){ .first = first,
						   .blocks = last - first + 1,
						   .number = i + 1 });
	}
}

/* Its first entry is a logical partition, counted from here; another is the next table, counted from the first. */
static void read_extended(struct msc_parts *p, const struct msc_part *part, const uint8_t *sector)
{
	struct msc_part entries[4], logical, here = *part;
	size_t n;

	if (!msc_mbr_entries(sector, entries, &n))
		return;
	if (msc_logical(sector, &here, &logical)) {
		add(p, &logical);
		here.number++;
	}
	for (size_t i = 0; i < n; i++) {
		if (!entries[i].table)
			continue;
		entries[i].first += here.base;
		entries[i].base = here.base;
		entries[i].number = here.number;
		add(p, &entries[i]);
		return;
	}
}

const struct msc_part *msc_parts_at(const struct msc_parts *p, uint64_t lba)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i].first == lba)
			return &p->list[i];
	return NULL;
}

void msc_parts_follow(struct msc_parts *p, uint64_t lba, const uint8_t *data, size_t len,
		      uint32_t block_size)
{
	const struct msc_part *part;

	if (block_size < MSC_SECTOR || len < block_size)
		return;
	if (lba == 0)
		read_first(p, data, block_size);
	if (lba <= 1 && len > (1 - lba) * block_size)
		read_header(p, data + (1 - lba) * block_size, len - (size_t)(1 - lba) * block_size);
	if (p->entries && p->entries >= lba && p->entries - lba < len / block_size)
		read_entries(p, data + (p->entries - lba) * block_size,
			     len - (size_t)(p->entries - lba) * block_size);
	part = lba ? msc_parts_at(p, lba) : NULL;
	if (part && part->table)
		read_extended(p, part, data);
}
