/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command block means by itself: the Dn, Di and Do of BOT 1.0, 6.7. Stated as a range,
 * because a device may refuse what it need not support and may have less than it is asked for;
 * when in doubt the range is wider. */
#include "scsi/scsi.h"

#define MANDATORY_INQUIRY 36 /* SPC-4, 6.6.2: standard INQUIRY data is at least as long */
#define SHORTEST_SENSE	  8  /* SPC-4, 4.5: the header of either format */

static struct msc_intent intent(enum msc_dir dir, uint64_t min, uint64_t max)
{
	return (struct msc_intent){
		.known = true, .dir = max ? dir : MSC_DIR_NONE, .min = min, .max = max
	};
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Commands that a disk cannot refuse: the six that the compliance tests demand. */
static bool is_mandatory(const uint8_t *cdb, const struct msc_unit *unit)
{
	switch (cdb[0]) {
	case MSC_OP_INQUIRY:
		return !(cdb[1] & 0x03) && !cdb[2]; /* the standard data only */
	case MSC_OP_REQUEST_SENSE: return true;
	case MSC_OP_READ_CAPACITY_10:
		return unit->have_capacity && !msc_cdb_value(cdb, "lba") &&
		       !msc_cdb_value(cdb, "pmi");
	case MSC_OP_READ_10:
	case MSC_OP_WRITE_10:
		return !cdb[1] && unit->have_inquiry &&
		       (unit->device_type == 0x00 || unit->device_type == 0x07 ||
			unit->device_type == 0x0e);
	default: return false;
	}
}

bool msc_unit_holds(const struct msc_unit *unit, uint64_t lba, uint64_t blocks)
{
	return lba <= unit->last_lba && blocks <= unit->last_lba - lba + 1;
}

static struct msc_intent blocks_intent(const uint8_t *cdb, enum msc_dir dir, uint64_t lba,
				       uint64_t blocks, const struct msc_unit *unit)
{
	uint64_t bytes = blocks * unit->block_size;

	if (!blocks)
		return intent(MSC_DIR_NONE, 0, 0);
	if (!unit->have_capacity)
		return (struct msc_intent){ .dir = dir };
	if (!msc_unit_holds(unit, lba, blocks) || !is_mandatory(cdb, unit) ||
	    (dir == MSC_DIR_OUT && (!unit->have_mode || unit->write_protected)))
		return intent(dir, 0, bytes);
	return intent(dir, bytes, bytes);
}

bool msc_cdb_verifies(const uint8_t cdb[MSC_CBW_CB_MAX])
{
	return cdb[0] == MSC_OP_VERIFY_10 || cdb[0] == MSC_OP_VERIFY_12 ||
	       cdb[0] == MSC_OP_VERIFY_16;
}

/* VERIFY compares with data from the host when BYTCHK says so (SBC-3, 5.29). */
static struct msc_intent verify_intent(const struct msc_cdb_def *def, const uint8_t *cdb,
				       const struct msc_unit *unit)
{
	uint64_t lba = msc_cdb_value_of(def, cdb, "lba");

	switch (msc_cdb_value_of(def, cdb, "bytchk")) {
	case 0:	 return intent(MSC_DIR_NONE, 0, 0);
	case 1:
		return blocks_intent(cdb, MSC_DIR_OUT, lba, msc_cdb_value_of(def, cdb, "blocks"),
				     unit);
	case 3:	 return blocks_intent(cdb, MSC_DIR_OUT, lba, 1, unit);
	default: return (struct msc_intent){ .dir = MSC_DIR_OUT };
	}
}

static struct msc_intent allocation_intent(const uint8_t *cdb, const struct msc_unit *unit)
{
	uint64_t alloc = msc_cdb_value(cdb, "alloc"), min = 0;

	if (is_mandatory(cdb, unit))
		min = cdb[0] == MSC_OP_INQUIRY ? MANDATORY_INQUIRY : SHORTEST_SENSE;
	return intent(MSC_DIR_IN, smaller(alloc, min), alloc);
}

struct msc_intent msc_cdb_intent(const uint8_t cdb[MSC_CBW_CB_MAX], size_t len,
				 const struct msc_unit *unit)
{
	const struct msc_cdb_meant m = msc_cdb_look(cdb);

	return msc_cdb_intent_of(&m, cdb, len, unit);
}

struct msc_intent msc_cdb_intent_of(const struct msc_cdb_meant *m,
				    const uint8_t cdb[MSC_CBW_CB_MAX], size_t len,
				    const struct msc_unit *unit)
{
	const struct msc_cdb_def *def = m->def;

	if (!def || len < def->length || def->opcode == MSC_OP_FORMAT_UNIT)
		return (struct msc_intent){ .known = false };
	if (msc_cdb_verifies(cdb))
		return verify_intent(def, cdb, unit);
	switch (def->amount) {
	case MSC_AMOUNT_NONE:	    return intent(MSC_DIR_NONE, 0, 0);
	case MSC_AMOUNT_BLOCKS:	    return blocks_intent(cdb, def->dir, m->lba, m->blocks, unit);
	case MSC_AMOUNT_ALLOCATION: return allocation_intent(cdb, unit);
	case MSC_AMOUNT_PARAMETERS: return intent(def->dir, 0, msc_cdb_value(cdb, "alloc"));
	case MSC_AMOUNT_CAPACITY:
		return intent(MSC_DIR_IN, is_mandatory(cdb, unit) ? MSC_CAPACITY_10_LEN : 0,
			      MSC_CAPACITY_10_LEN);
	}
	return (struct msc_intent){ .known = false };
}
