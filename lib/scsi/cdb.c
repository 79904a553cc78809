/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of command descriptor blocks, and what follows from it alone: lookup and fields.
 * Layouts are those of SPC-4, SBC-3 and MMC-5. What a command may change is in effect.c; a row there
 * and a row here are all that a new one needs. */
#include "scsi/scsi.h"

#include <string.h>

#define BE(name, byte, bytes)	      {name, byte, bytes, 0, 0}
#define BITS(name, byte, shift, bits) {name, byte, 0, shift, bits}

#define LBA_BLOCKS_10 BE("lba", 2, 4), BE("blocks", 7, 2)
#define LBA_BLOCKS_12 BE("lba", 2, 4), BE("blocks", 6, 4)
#define LBA_BLOCKS_16 BE("lba", 2, 8), BE("blocks", 10, 4)
#define LBA_BLOCKS_6  {"lba", 1, 3, 0, 21}, BE("blocks", 4, 1)
#define CACHE_BITS    BITS("protect", 1, 5, 3), BITS("dpo", 1, 4, 1), BITS("fua", 1, 3, 1)
#define MODE_PAGE \
	BITS("dbd", 1, 3, 1), BITS("pc", 2, 6, 2), BITS("page", 2, 0, 6), BE("subpage", 3, 1)
#define MODE_SELECT   BITS("pf", 1, 4, 1), BITS("sp", 1, 0, 1)

#define IN   MSC_DIR_IN
#define OUT  MSC_DIR_OUT
#define NONE MSC_DIR_NONE

/* What is looked up most stands first; "lba" and "blocks", in what moves blocks. */
const struct msc_cdb_def msc_cdbs[] = {
	{ "read10", MSC_OP_READ_10, 0, false, 10, IN, MSC_AMOUNT_BLOCKS,
	  { LBA_BLOCKS_10, CACHE_BITS } },
	{ "write10", MSC_OP_WRITE_10, 0, false, 10, OUT, MSC_AMOUNT_BLOCKS,
	  { LBA_BLOCKS_10, CACHE_BITS } },
	{ "test_unit_ready", MSC_OP_TEST_UNIT_READY, 0, false, 6, NONE, MSC_AMOUNT_NONE,
	  { { 0 } } },
	{ "request_sense", MSC_OP_REQUEST_SENSE, 0, false, 6, IN, MSC_AMOUNT_ALLOCATION,
	  { BITS("desc", 1, 0, 1), BE("alloc", 4, 1) } },
	{ "format_unit", MSC_OP_FORMAT_UNIT, 0, false, 6, NONE, MSC_AMOUNT_NONE, { { 0 } } },
	{ "read6", MSC_OP_READ_6, 0, false, 6, IN, MSC_AMOUNT_BLOCKS, { LBA_BLOCKS_6 } },
	{ "write6", MSC_OP_WRITE_6, 0, false, 6, OUT, MSC_AMOUNT_BLOCKS, { LBA_BLOCKS_6 } },
	{ "inquiry", MSC_OP_INQUIRY, 0, false, 6, IN, MSC_AMOUNT_ALLOCATION,
	  { BITS("cmddt", 1, 1, 1), BITS("evpd", 1, 0, 1), BE("page", 2, 1), BE("alloc", 3, 2) } },
	{ "mode_select6", MSC_OP_MODE_SELECT_6, 0, false, 6, OUT, MSC_AMOUNT_PARAMETERS,
	  { MODE_SELECT, BE("alloc", 4, 1) } },
	{ "mode_sense6", MSC_OP_MODE_SENSE_6, 0, false, 6, IN, MSC_AMOUNT_ALLOCATION,
	  { MODE_PAGE, BE("alloc", 4, 1) } },
	{ "start_stop_unit", MSC_OP_START_STOP_UNIT, 0, false, 6, NONE, MSC_AMOUNT_NONE,
	  { BITS("immed", 1, 0, 1), BITS("power", 4, 4, 4), BITS("no_flush", 4, 2, 1),
	    BITS("loej", 4, 1, 1), BITS("start", 4, 0, 1) } },
	{ "send_diagnostic", MSC_OP_SEND_DIAGNOSTIC, 0, false, 6, OUT, MSC_AMOUNT_PARAMETERS,
	  { BITS("selftest", 1, 2, 1), BE("alloc", 3, 2) } },
	{ "prevent_allow", MSC_OP_PREVENT_ALLOW, 0, false, 6, NONE, MSC_AMOUNT_NONE,
	  { BITS("prevent", 4, 0, 2) } },
	{ "read_format_capacities", MSC_OP_READ_FORMAT_CAPACITIES, 0, false, 10, IN,
	  MSC_AMOUNT_ALLOCATION,
	  { BE("alloc", 7, 2) } },
	{ "read_capacity10", MSC_OP_READ_CAPACITY_10, 0, false, 10, IN, MSC_AMOUNT_CAPACITY,
	  { BE("lba", 2, 4), BITS("pmi", 8, 0, 1) } },
	{ "seek10", MSC_OP_SEEK_10, 0, false, 10, NONE, MSC_AMOUNT_NONE, { BE("lba", 2, 4) } },
	{ "write_and_verify10", MSC_OP_WRITE_AND_VERIFY_10, 0, false, 10, OUT, MSC_AMOUNT_BLOCKS,
	  { LBA_BLOCKS_10, BITS("bytchk", 1, 1, 2) } },
	{ "verify10", MSC_OP_VERIFY_10, 0, false, 10, NONE, MSC_AMOUNT_NONE,
	  { BITS("bytchk", 1, 1, 2), LBA_BLOCKS_10 } },
	{ "synchronize_cache10", MSC_OP_SYNCHRONIZE_CACHE_10, 0, false, 10, NONE, MSC_AMOUNT_NONE,
	  { BITS("immed", 1, 1, 1), LBA_BLOCKS_10 } },
	{ "read_toc", MSC_OP_READ_TOC, 0, false, 10, IN, MSC_AMOUNT_ALLOCATION,
	  { BITS("msf", 1, 1, 1), BITS("format", 2, 0, 4), BE("track", 6, 1), BE("alloc", 7, 2) } },
	{ "get_configuration", MSC_OP_GET_CONFIGURATION, 0, false, 10, IN, MSC_AMOUNT_ALLOCATION,
	  { BITS("rt", 1, 0, 2), BE("feature", 2, 2), BE("alloc", 7, 2) } },
	{ "get_event_status", MSC_OP_GET_EVENT_STATUS, 0, false, 10, IN, MSC_AMOUNT_ALLOCATION,
	  { BITS("polled", 1, 0, 1), BE("class", 4, 1), BE("alloc", 7, 2) } },
	{ "log_sense", MSC_OP_LOG_SENSE, 0, false, 10, IN, MSC_AMOUNT_ALLOCATION,
	  { BITS("pc", 2, 6, 2), BITS("page", 2, 0, 6), BE("subpage", 3, 1), BE("alloc", 7, 2) } },
	{ "mode_select10", MSC_OP_MODE_SELECT_10, 0, false, 10, OUT, MSC_AMOUNT_PARAMETERS,
	  { MODE_SELECT, BE("alloc", 7, 2) } },
	{ "mode_sense10", MSC_OP_MODE_SENSE_10, 0, false, 10, IN, MSC_AMOUNT_ALLOCATION,
	  { BITS("llbaa", 1, 4, 1), MODE_PAGE, BE("alloc", 7, 2) } },
	{ "read16", MSC_OP_READ_16, 0, false, 16, IN, MSC_AMOUNT_BLOCKS,
	  { LBA_BLOCKS_16, CACHE_BITS } },
	{ "write16", MSC_OP_WRITE_16, 0, false, 16, OUT, MSC_AMOUNT_BLOCKS,
	  { LBA_BLOCKS_16, CACHE_BITS } },
	{ "read_capacity16", MSC_OP_SERVICE_ACTION_IN_16, 0x10, true, 16, IN, MSC_AMOUNT_ALLOCATION,
	  { BE("lba", 2, 8), BE("alloc", 10, 4), BITS("pmi", 14, 0, 1) } },
	{ "report_luns", MSC_OP_REPORT_LUNS, 0, false, 12, IN, MSC_AMOUNT_ALLOCATION,
	  { BE("select", 2, 1), BE("alloc", 6, 4) } },
	{ "report_opcodes", MSC_OP_MAINTENANCE_IN, 0x0c, true, 12, IN, MSC_AMOUNT_ALLOCATION,
	  { BITS("options", 2, 0, 3), BE("opcode", 3, 1), BE("action", 4, 2), BE("alloc", 6, 4) } },
	{ "read12", MSC_OP_READ_12, 0, false, 12, IN, MSC_AMOUNT_BLOCKS,
	  { LBA_BLOCKS_12, CACHE_BITS } },
	{ "write12", MSC_OP_WRITE_12, 0, false, 12, OUT, MSC_AMOUNT_BLOCKS,
	  { LBA_BLOCKS_12, CACHE_BITS } },
	{ "verify12", MSC_OP_VERIFY_12, 0, false, 12, NONE, MSC_AMOUNT_NONE,
	  { BITS("bytchk", 1, 1, 2), LBA_BLOCKS_12 } },
	{ "verify16", MSC_OP_VERIFY_16, 0, false, 16, NONE, MSC_AMOUNT_NONE,
	  { BITS("bytchk", 1, 1, 2), LBA_BLOCKS_16 } },
	{ "synchronize_cache16", MSC_OP_SYNCHRONIZE_CACHE_16, 0, false, 16, NONE, MSC_AMOUNT_NONE,
	  { BITS("immed", 1, 1, 1), LBA_BLOCKS_16 } },
	{ "pre_fetch10", MSC_OP_PRE_FETCH_10, 0, false, 10, NONE, MSC_AMOUNT_NONE,
	  { BITS("immed", 1, 1, 1), LBA_BLOCKS_10 } },
	{ "receive_diagnostic", MSC_OP_RECEIVE_DIAGNOSTIC, 0, false, 6, IN, MSC_AMOUNT_ALLOCATION,
	  { BITS("pcv", 1, 0, 1), BE("page", 2, 1), BE("alloc", 3, 2) } },
	{ "read_defect10", MSC_OP_READ_DEFECT_10, 0, false, 10, IN, MSC_AMOUNT_ALLOCATION,
	  { BITS("lists", 2, 3, 2), BITS("format", 2, 0, 3), BE("alloc", 7, 2) } },
	{ "read_buffer", MSC_OP_READ_BUFFER, 0, false, 10, IN, MSC_AMOUNT_ALLOCATION,
	  { BITS("mode", 1, 0, 5), BE("buffer", 2, 1), BE("offset", 3, 3), BE("alloc", 6, 3) } },
	{ "persistent_reserve_in", MSC_OP_PERSISTENT_RESERVE_IN, 0, false, 10, IN,
	  MSC_AMOUNT_ALLOCATION,
	  { BITS("action", 1, 0, 5), BE("alloc", 7, 2) } },
};
const size_t msc_cdb_count = MSC_COUNT(msc_cdbs);

const char *msc_dir_name(enum msc_dir dir)
{
	static const char *const names[] = { "none", "in", "out" };

	return (size_t)dir < MSC_COUNT(names) ? names[dir] : "?";
}

const struct msc_cdb_def *msc_cdb_by_name(const char *name)
{
	for (size_t i = 0; i < msc_cdb_count; i++)
		if (!strcmp(msc_cdbs[i].name, name))
			return &msc_cdbs[i];
	return NULL;
}

const struct msc_cdb_def *msc_cdb_by_bytes(const uint8_t *cdb, size_t len)
{
	for (size_t i = 0; i < msc_cdb_count; i++) {
		const struct msc_cdb_def *d = &msc_cdbs[i];

		if (len && cdb[0] == d->opcode &&
		    (!d->has_service_action || (len > 1 && (cdb[1] & 0x1f) == d->service_action)))
			return d;
	}
	return NULL;
}

const struct msc_cdb_field *msc_cdb_field(const struct msc_cdb_def *def, const char *name)
{
	for (const struct msc_cdb_field *f = def->fields; f->name; f++)
		if (*f->name == *name && !strcmp(f->name, name))
			return f;
	return NULL;
}

void msc_cdb_begin(const struct msc_cdb_def *def, uint8_t cdb[MSC_CBW_CB_MAX])
{
	memset(cdb, 0, MSC_CBW_CB_MAX);
	cdb[0] = def->opcode;
	if (def->has_service_action)
		cdb[1] = def->service_action;
}

static unsigned field_width(const struct msc_cdb_field *f)
{
	return f->bits ? f->bits : 8u * f->bytes;
}

static uint64_t field_mask(const struct msc_cdb_field *f)
{
	unsigned width = field_width(f);

	return width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

/* The bytes that the field lies in, as one number. */
static uint64_t field_bytes(const uint8_t *cdb, const struct msc_cdb_field *f)
{
	uint64_t v = cdb[f->byte];

	for (unsigned i = 1; i < f->bytes; i++)
		v = v << 8 | cdb[f->byte + i];
	return v;
}

int msc_cdb_set(const struct msc_cdb_def *def, uint8_t cdb[MSC_CBW_CB_MAX],
		const struct msc_cdb_field *f, uint64_t value, struct msc_err *err)
{
	uint64_t mask = field_mask(f), v;
	unsigned n = f->bytes ? f->bytes : 1;

	if (value > mask)
		return msc_fail(err, MSC_E_USAGE, "%s: %s is at most %llu, not %llu", def->name,
				f->name, (unsigned long long)mask, (unsigned long long)value);
	v = (field_bytes(cdb, f) & ~(mask << f->shift)) | value << f->shift;
	for (unsigned i = n; i-- > 0; v >>= 8)
		cdb[f->byte + i] = (uint8_t)v;
	return 0;
}

uint64_t msc_cdb_get(const uint8_t cdb[MSC_CBW_CB_MAX], const struct msc_cdb_field *f)
{
	return field_bytes(cdb, f) >> f->shift & field_mask(f);
}

/* SBC-2, READ (6) and WRITE (6): no blocks means 256. */
static uint64_t blocks_or_256(const struct msc_cdb_def *def, uint64_t blocks)
{
	return !blocks && def->length == 6 && def->amount == MSC_AMOUNT_BLOCKS ? 256 : blocks;
}

uint64_t msc_cdb_value(const uint8_t cdb[MSC_CBW_CB_MAX], const char *field)
{
	return msc_cdb_value_of(msc_cdb_by_bytes(cdb, MSC_CBW_CB_MAX), cdb, field);
}

uint64_t msc_cdb_value_of(const struct msc_cdb_def *def, const uint8_t cdb[MSC_CBW_CB_MAX],
			  const char *field)
{
	const struct msc_cdb_field *f = def ? msc_cdb_field(def, field) : NULL;
	uint64_t value = f ? msc_cdb_get(cdb, f) : 0;

	if (f && !strcmp(field, "blocks"))
		return blocks_or_256(def, value);
	return value;
}

struct msc_cdb_meant msc_cdb_look(const uint8_t cdb[MSC_CBW_CB_MAX])
{
	struct msc_cdb_meant m = { .def = msc_cdb_by_bytes(cdb, MSC_CBW_CB_MAX) };

	if (m.def && m.def->amount == MSC_AMOUNT_BLOCKS) {
		m.lba = msc_cdb_get(cdb, &m.def->fields[0]);
		m.blocks = blocks_or_256(m.def, msc_cdb_get(cdb, &m.def->fields[1]));
	}
	return m;
}

uint8_t msc_cdb_group_length(uint8_t opcode)
{
	static const uint8_t length[8] = { 6, 10, 10, 0, 16, 12, 0, 0 };

	return length[opcode >> 5];
}
