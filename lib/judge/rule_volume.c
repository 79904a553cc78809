/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules that hold the capacity against what lies on the medium: a partition table or a boot sector says how
 * far the medium reached for whoever wrote it. */
#include <stdio.h>
#include <string.h>

#include "judge/facts.h"

struct extent {
	char what[48]; /* whose end it is: "partition 1" */
	uint64_t end;  /* the block behind it */
};

/* Of four entries that are all in order, the one that reaches farthest. */
static bool partition_table(const uint8_t *sector, struct extent *e)
{
	struct msc_part parts[4];
	size_t n;

	e->end = 0;
	if (!msc_mbr_entries(sector, parts, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].first + parts[i].blocks <= e->end)
			continue;
		snprintf(e->what, sizeof e->what, "partition %u", parts[i].number);
		e->end = parts[i].first + parts[i].blocks;
	}
	return e->end != 0;
}

/* How far the medium reached for whoever wrote its first blocks. */
static bool first_blocks(const struct msc_exchange *x, struct extent *e)
{
	uint32_t size = x->unit.block_size;

	/* the second header of a GPT is in the last block there is */
	if (x->data_kept > size) {
		e->end = msc_gpt_last(x->data + size, x->data_kept - size) + 1;
		snprintf(e->what, sizeof e->what, "the GPT");
		if (e->end > 2)
			return true;
	}
	e->end = msc_boot_blocks(x->data, size);
	snprintf(e->what, sizeof e->what, "the volume");
	return e->end || partition_table(x->data, e);
}

/* Of the first block of a partition, how far its volume reaches; of a table, the logical partition. */
static bool first_of_part(const struct msc_exchange *x, const struct msc_part *part,
			  struct extent *e)
{
	struct msc_part logical;
	uint64_t blocks;

	if (part->table) {
		if (!msc_logical(x->data, part, &logical))
			return false;
		snprintf(e->what, sizeof e->what, "partition %u", logical.number);
		e->end = logical.first + logical.blocks;
		return true;
	}
	blocks = msc_boot_blocks(x->data, x->unit.block_size);
	if (!blocks || blocks > UINT64_MAX - part->first)
		return false;
	snprintf(e->what, sizeof e->what, "the volume in partition %u", part->number);
	e->end = part->first + blocks;
	return true;
}

static bool is_read(const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	uint8_t opcode = x->cbw.cb[0];

	return msc_has_status(r, MSC_CSW_PASSED) && x->view.moves_blocks && x->unit.have_capacity &&
	       x->unit.block_size >= MSC_SECTOR && x->data_kept >= MSC_SECTOR &&
	       (opcode == MSC_OP_READ_10 || opcode == MSC_OP_READ_12 || opcode == MSC_OP_READ_16);
}

/* More blocks than READ CAPACITY tells of, as the table counts them: an image for CDs counts in 512 bytes. */
static bool goes_beyond(const struct msc_record *r, struct extent *e, uint64_t *missing)
{
	const struct msc_exchange *x = &r->u.exchange;
	uint64_t blocks = x->unit.last_lba + 1;
	const struct msc_part *part;

	if (!is_read(r) || blocks == 0)
		return false;
	part = x->view.lba ? msc_history_part(r) : NULL;
	if (x->view.lba ? !part || !first_of_part(x, part, e) : !first_blocks(x, e))
		return false;
	if (e->end <= blocks || e->end / (x->unit.block_size / MSC_SECTOR) <= blocks)
		return false;
	*missing = e->end - blocks;
	return true;
}

/* A volume that has more blocks than its partition, all of them on the medium. */
static bool leaves_partition(const struct msc_record *r, const struct msc_part **part,
			     uint64_t *blocks)
{
	const struct msc_exchange *x = &r->u.exchange;

	*part = is_read(r) && x->view.lba ? msc_history_part(r) : NULL;
	if (!*part || (*part)->table)
		return false;
	*blocks = msc_boot_blocks(x->data, x->unit.block_size);
	return *blocks > (*part)->blocks;
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
	const struct msc_part *part;
	uint64_t missing, blocks;

	if (goes_beyond(r, &e, &missing)) {
		if (missing > 1)
			told(j, r, &e);
	} else if (leaves_partition(r, &part, &blocks)) {
		msc_found(j,
			  "by its boot sector the volume in partition %u has %llu blocks, and the "
			  "partition has %llu; unless it was written so, one of the two is not "
			  "what lies on the medium",
			  part->number, (unsigned long long)blocks,
			  (unsigned long long)part->blocks);
		msc_expected(j, "%llu blocks or fewer", (unsigned long long)part->blocks);
		msc_actual(j, "%llu", (unsigned long long)blocks);
	}
}

const struct msc_rule msc_rule_scsi_volume_fits = {
	.id = "scsi.volume.fits",
	.title =
		"what partition tables and boot sectors tell of lies within the capacity, and a volume within "
		"its partition",
	.spec = "SBC-3, 5.15 READ CAPACITY (10); UEFI 2.10, 5.2.1 and 5.3.2",
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
	.title =
		"the last block of what partition tables and boot sectors tell of is not left out of the "
		"capacity",
	.spec = "SBC-3, 5.15 READ CAPACITY (10); UEFI 2.10, 5.2.1 and 5.3.2",
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
