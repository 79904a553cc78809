/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules that hold the capacity against what lies in the first blocks: a partition table or a boot sector
 * says how far the medium reached for whoever wrote it. Sources: UEFI 2.10, 5.2.1 (MBR), 5.3.2 (GPT);
 * Microsoft's FAT32 specification 1.03, boot sector; its exFAT specification, 3.1. All numbers are
 * little-endian, and addresses count blocks. */
#include <stdio.h>
#include <string.h>

#include "judge/facts.h"

enum {
	SECTOR = 512, /* bytes that any of them needs; what an MBR counts in, whatever the block */
	SIGNATURE = 510,   /* 55h AAh */
	TABLE = 446, /* four entries of 16 bytes: status at 0, type at 4, first at 8, count at 12 */
	GPT_LEAST = 92,	   /* bytes of a GPT header */
	PROTECTIVE = 0xee, /* the type of an entry that stands for a GPT, and may count anything */
};

struct extent {
	char what[32]; /* whose end it is: "partition 1" */
	uint64_t end;  /* the block behind it */
};

static bool is_power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

/* A volume that begins with the medium. */
static bool boot_sector(const uint8_t *s, uint32_t block_size, struct extent *e)
{
	uint64_t blocks;

	if (s[0] != 0xeb && s[0] != 0xe9)
		return false;
	if (!memcmp(s + 3, "EXFAT   ", 8)) {
		if (s[108] > 12 || 1u << s[108] != block_size)
			return false;
		blocks = msc_get_le64(s + 72);
	} else if (msc_get_le16(s + 11) != block_size || !is_power_of_two(s[13]) || s[21] < 0xf0) {
		return false;
	} else if (!memcmp(s + 3, "NTFS    ", 8)) {
		blocks = msc_get_le64(s + 40) + 1; /* its own last block is not counted */
	} else {
		if (s[16] < 1 || s[16] > 2 || !msc_get_le16(s + 14))
			return false;
		blocks = msc_get_le16(s + 19) ? msc_get_le16(s + 19) : msc_get_le32(s + 32);
	}
	snprintf(e->what, sizeof e->what, "the volume");
	e->end = blocks;
	return blocks != 0;
}

/* Of four entries that are all in order, the one that reaches farthest. */
static bool partition_table(const uint8_t *s, struct extent *e)
{
	static const uint8_t none[16];

	e->end = 0;
	for (int i = 0; i < 4; i++) {
		const uint8_t *entry = s + TABLE + 16 * i;
		uint32_t first = msc_get_le32(entry + 8), count = msc_get_le32(entry + 12);

		if (!memcmp(entry, none, sizeof none))
			continue;
		if ((entry[0] != 0 && entry[0] != 0x80) || !entry[4] || !first || !count)
			return false;
		if (entry[4] == PROTECTIVE || (uint64_t)first + count <= e->end)
			continue;
		snprintf(e->what, sizeof e->what, "partition %d", i + 1);
		e->end = (uint64_t)first + count;
	}
	return e->end != 0;
}

/* The second header of a GPT is in the last block there is. */
static bool guid_table(const uint8_t *header, size_t len, struct extent *e)
{
	if (len < GPT_LEAST || memcmp(header, "EFI PART", 8) != 0 || msc_get_le64(header + 24) != 1)
		return false;
	snprintf(e->what, sizeof e->what, "the GPT");
	e->end = msc_get_le64(header + 32) + 1;
	return e->end > 2;
}

/* How far the medium reached for whoever wrote its first blocks. */
static bool written_for(const struct msc_exchange *x, struct extent *e)
{
	uint32_t size = x->unit.block_size;

	if (x->data_kept < SECTOR || size < SECTOR || x->data[SIGNATURE] != 0x55 ||
	    x->data[SIGNATURE + 1] != 0xaa)
		return false;
	if (x->data_kept > size && guid_table(x->data + size, x->data_kept - size, e))
		return true;
	return boot_sector(x->data, size, e) || partition_table(x->data, e);
}

static bool is_read_of_first(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	uint8_t opcode = x->cbw.cb[0];

	return msc_has_status(r, MSC_CSW_PASSED) && x->view.moves_blocks && x->view.lba == 0 &&
	       (opcode == MSC_OP_READ_10 || opcode == MSC_OP_READ_12 || opcode == MSC_OP_READ_16);
}

/* More blocks than READ CAPACITY tells of, as the table counts them: an image for CDs counts in 512 bytes. */
static bool goes_beyond(const struct msc_record *r, struct extent *e, uint64_t *missing)
{
	const struct msc_exchange *x = &r->u.exchange;
	uint64_t blocks = x->unit.last_lba + 1;

	if (!is_read_of_first(r) || !x->unit.have_capacity || blocks == 0 || !written_for(x, e))
		return false;
	if (e->end <= blocks || e->end / (x->unit.block_size / SECTOR) <= blocks)
		return false;
	*missing = e->end - blocks;
	return true;
}

static void told(struct msc_judging *j, const struct msc_record *r, const struct extent *e)
{
	msc_found(j,
		  "%s ends with block %llu, and READ CAPACITY says that block %llu is the last; "
		  "unless it was written for a larger medium, the capacity is too small",
		  e->what, (unsigned long long)e->end - 1,
		  (unsigned long long)r->u.exchange.unit.last_lba);
	msc_expected(j, "block %llu or a later one is the last", (unsigned long long)e->end - 1);
	msc_actual(j, "%llu", (unsigned long long)r->u.exchange.unit.last_lba);
}

static void volume_fits(struct msc_judging *j, const struct msc_record *r)
{
	struct extent e;
	uint64_t missing;

	if (goes_beyond(r, &e, &missing) && missing > 1)
		told(j, r, &e);
}

const struct msc_rule msc_rule_scsi_volume_fits = {
	.id = "scsi.volume.fits",
	.title = "what the first blocks tell of lies within the capacity",
	.spec = "SBC-3, READ CAPACITY (10); UEFI 2.10, 5.2.1 and 5.3.2",
	.severity = {MSC_WARN, MSC_WARN, MSC_WARN},
	.why = "hosts refuse the volume or cut it off: Linux says that a partition extends beyond the "
	       "end of the device",
	.mistake =
		"the size of the card is computed in too few bits, or from the wrong field of its CSD",
	.doubtful = true,
	.fact = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_READ_10, MSC_OP_READ_12, MSC_OP_READ_16),
	.judge = volume_fits,
};

static void volume_last(struct msc_judging *j, const struct msc_record *r)
{
	struct extent e;
	uint64_t missing;

	if (goes_beyond(r, &e, &missing) && missing == 1)
		told(j, r, &e);
}

const struct msc_rule msc_rule_scsi_volume_last = {
	.id = "scsi.volume.last",
	.title = "the last block of what the first blocks tell of is not left out of the capacity",
	.spec = "SBC-3, READ CAPACITY (10); UEFI 2.10, 5.2.1 and 5.3.2",
	.severity = {MSC_WARN, MSC_WARN, MSC_WARN},
	.why = "hosts refuse the volume, or its last block cannot be read",
	.mistake =
		"what the medium gives as its last block is taken for the number of blocks, and one is "
		"subtracted again",
	.doubtful = true,
	.fact = true,
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_READ_10, MSC_OP_READ_12, MSC_OP_READ_16),
	.judge = volume_last,
};
