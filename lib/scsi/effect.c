/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command may change, one operation code after the other, each with the reason. What is not
 * here may do anything. Everything that the USB-IF's tests, the attach sequences and the sweeps of
 * operation codes send has a row; so have the dangerous ones that people know by name, so that a
 * refusal can say what was refused. */
#include "scsi/scsi.h"

#include <string.h>

const struct msc_unit msc_any_disk = { .have_inquiry = true, .device_type = 0x00 };

/* The row holds only where this is true; elsewhere the command is UNSAFE. */
typedef bool only_fn(const uint8_t *cdb, size_t len);

struct row {
	uint8_t first, last; /* operation codes */
	enum msc_effect effect;
	const char *why;
	only_fn *only;
	bool disk; /* of a disk (device type 00h) alone: to others the code means something else */
};

/* Starting the motor or loading a medium: every host does it when a unit is not ready. */
static bool starts(const uint8_t *cdb, size_t len)
{
	return len > 4 && (cdb[4] & 0xf1) == 0x01;
}

/* SPC-4, SEND DIAGNOSTIC: SELFTEST with neither DEVOFFL nor UNITOFFL: the default self-test leaves the
 * medium alone. */
static bool tests_itself(const uint8_t *cdb, size_t len)
{
	return len > 4 && (cdb[1] & 0xe7) == 0x04 && !cdb[3] && !cdb[4];
}

static bool saves_no_parameters(const uint8_t *cdb, size_t len)
{
	return len > 1 && !(cdb[1] & 0x01);
}

/* SPC-4, 6.11 and 6.12: an empty parameter list changes nothing. */
static bool selects_nothing_6(const uint8_t *cdb, size_t len)
{
	return len > 4 && !cdb[4];
}

static bool selects_nothing_10(const uint8_t *cdb, size_t len)
{
	return len > 8 && !cdb[7] && !cdb[8];
}

/* SPC-4, 6.18: combined header and data, data, descriptor, echo buffer and its descriptor. Mode
 * 1 is the vendor's. */
static bool reads_buffer(const uint8_t *cdb, size_t len)
{
	uint8_t mode = len > 1 ? cdb[1] & 0x1f : 0x1f;

	return mode == 0x00 || mode == 0x02 || mode == 0x03 || mode == 0x0a || mode == 0x0b;
}

/* READ CAPACITY(16), GET LBA STATUS */
static bool asks_service_16(const uint8_t *cdb, size_t len)
{
	return len > 1 && ((cdb[1] & 0x1f) == 0x10 || (cdb[1] & 0x1f) == 0x12);
}

/* 1Fh is the vendor's. */
static bool asks_maintenance(const uint8_t *cdb, size_t len)
{
	return len > 1 && (cdb[1] & 0x1f) != 0x1f;
}

/* SAT-3, 12.2: PIO data-in, IDENTIFY DEVICE */
static bool identifies_16(const uint8_t *cdb, size_t len)
{
	return len > 14 && (cdb[1] & 0x1e) == 0x08 && cdb[14] == 0xec;
}

static bool identifies_12(const uint8_t *cdb, size_t len)
{
	return len > 9 && (cdb[1] & 0x1e) == 0x08 && cdb[9] == 0xec;
}

#define NONE   MSC_EFFECT_NONE
#define STATE  MSC_EFFECT_STATE
#define BLOCKS MSC_EFFECT_BLOCKS
#define UNSAFE MSC_EFFECT_UNSAFE

/* The first row that holds counts. */
static const struct row rows[] = {
	{ 0x00, 0x00, NONE, "asks whether the unit is ready" },
	{ 0x03, 0x03, NONE, "asks for sense data" },
	{ 0x04, 0x04, UNSAFE, "formats the medium" },
	{ 0x07, 0x07, UNSAFE, "gives blocks another place" },
	{ 0x08, 0x08, NONE, "reads" },
	{ 0x0a, 0x0a, BLOCKS, "writes blocks" },
	{ 0x12, 0x12, NONE, "asks who the unit is" },
	{ 0x15, 0x15, STATE, "an empty list of parameters changes nothing", selects_nothing_6 },
	{ 0x15, 0x15, UNSAFE, "changes the parameters of the unit, and may save them" },
	{ 0x16, 0x17, UNSAFE, "reserves or releases the unit" },
	{ 0x18, 0x18, UNSAFE, "copies blocks" },
	{ 0x19, 0x19, UNSAFE, "erases" },
	{ 0x1a, 0x1a, NONE, "asks for mode pages" },
	{ 0x1b, 0x1b, NONE, "starts the unit, as hosts do when it is not ready", starts },
	{ 0x1b, 0x1b, STATE, "stops the unit, or ejects or loads its medium" },
	{ 0x1c, 0x1c, NONE, "asks for the results of a diagnosis" },
	{ 0x1d, 0x1d, STATE, "the default self-test leaves the medium alone", tests_itself },
	{ 0x1d, 0x1d, UNSAFE, "has a diagnosis of the vendor's carried out" },
	{ 0x1e, 0x1e, NONE, "locks or unlocks the medium, until the next reset" },
	{ 0x23, 0x23, NONE, "asks for the capacities it can be formatted to" },
	{ 0x25, 0x25, NONE, "asks for the capacity" },
	{ 0x28, 0x28, NONE, "reads" },
	{ 0x2a, 0x2a, BLOCKS, "writes blocks" },
	{ 0x2b, 0x2b, NONE, "moves the heads of a disk that has some" },
	{ 0x2c, 0x2c, UNSAFE, "erases" },
	{ 0x2e, 0x2e, BLOCKS, "writes blocks" },
	{ 0x2f, 0x2f, NONE, "reads and compares" },
	{ 0x34, 0x34, NONE, "reads into a cache" },
	{ 0x35, 0x35, NONE, "writes what has been written" },
	{ 0x37, 0x37, NONE, "asks for the list of bad blocks" },
	{ 0x3b, 0x3b, UNSAFE, "writes a buffer of the device, its firmware for one" },
	{ 0x3c, 0x3c, NONE, "reads a buffer of the device", reads_buffer },
	{ 0x3c, 0x3c, UNSAFE, "reads a buffer of the device in a way of the vendor's" },
	{ 0x3f, 0x3f, UNSAFE, "writes a block with its check bytes" },
	{ 0x41, 0x41, UNSAFE, "writes one block to many places" },
	{ 0x42, 0x42, UNSAFE, "gives blocks up" },
	{ 0x43, 0x43, NONE, "asks for the table of contents of a disc" },
	{ 0x46, 0x46, NONE, "asks for the features of a drive" },
	{ 0x48, 0x48, UNSAFE, "destroys all data" },
	{ 0x4a, 0x4a, NONE, "asks what has happened to the medium" },
	{ 0x4d, 0x4d, NONE, "asks for counters", saves_no_parameters },
	{ 0x4d, 0x4d, UNSAFE, "has the device save its counters" },
	{ 0x55, 0x55, STATE, "an empty list of parameters changes nothing", selects_nothing_10 },
	{ 0x55, 0x55, UNSAFE, "changes the parameters of the unit, and may save them" },
	{ 0x56, 0x57, UNSAFE, "reserves or releases the unit" },
	{ 0x5a, 0x5a, NONE, "asks for mode pages" },
	{ 0x5e, 0x5e, NONE, "asks for reservations" },
	{ 0x5f, 0x5f, UNSAFE, "makes reservations, which outlive a reset" },
	/* 7Eh and 7Fh are commands of other lengths; C0h and above are the vendors'. */
	{ 0x60, 0x7d, STATE, "no standard gives this operation code out: it has to be refused" },
	{ 0x85, 0x85, NONE, "asks an ATA disk who it is, as programs do that look for its health",
	  identifies_16 },
	{ 0x85, 0x85, UNSAFE, "passes a command to an ATA disk" },
	{ 0x88, 0x88, NONE, "reads" },
	{ 0x89, 0x89, UNSAFE, "compares and writes" },
	{ 0x8a, 0x8a, BLOCKS, "writes blocks" },
	{ 0x8e, 0x8e, BLOCKS, "writes blocks" },
	{ 0x8f, 0x8f, NONE, "reads and compares" },
	{ 0x91, 0x91, NONE, "writes what has been written", .disk = true },
	{ 0x93, 0x93, UNSAFE, "writes one block to many places" },
	{ 0x9e, 0x9e, NONE, "asks for the capacity, or which blocks are in use", asks_service_16 },
	{ 0xa0, 0xa0, NONE, "asks which units there are" },
	{ 0xa1, 0xa1, NONE, "asks an ATA disk who it is, as programs do that look for its health",
	  identifies_12, .disk = true },
	{ 0xa1, 0xa1, UNSAFE, "passes a command to an ATA disk, or blanks a disc" },
	{ 0xa2, 0xa2, UNSAFE, "speaks a protocol of passwords" },
	{ 0xa3, 0xa3, NONE, "asks what the unit supports", asks_maintenance, .disk = true },
	{ 0xa8, 0xa8, NONE, "reads" },
	{ 0xaa, 0xaa, BLOCKS, "writes blocks" },
	{ 0xac, 0xac, UNSAFE, "erases" },
	{ 0xae, 0xae, BLOCKS, "writes blocks", .disk = true },
	{ 0xaf, 0xaf, NONE, "reads and compares" },
	{ 0xb5, 0xb5, UNSAFE, "sets passwords" },
};

enum msc_effect msc_cdb_effect(const uint8_t *cdb, size_t len, const struct msc_unit *u,
			       const char **why)
{
	static const char unknown[] = "nobody knows what it does";
	const bool is_disk = u->have_inquiry && u->device_type == 0x00;

	if (why)
		*why = unknown;
	for (size_t i = 0; len && i < MSC_COUNT(rows); i++) {
		const struct row *r = &rows[i];

		if (cdb[0] < r->first || cdb[0] > r->last || (r->disk && !is_disk) ||
		    (r->only && !r->only(cdb, len)))
			continue;
		if (r->effect == BLOCKS && len < msc_cdb_group_length(cdb[0]))
			break; /* where it writes is not said */
		if (why)
			*why = r->why;
		return r->effect;
	}
	return UNSAFE;
}

bool msc_cdb_writes_blocks(const uint8_t cdb[MSC_CBW_CB_MAX])
{
	return msc_cdb_effect(cdb, MSC_CBW_CB_MAX, &msc_any_disk, NULL) == MSC_EFFECT_BLOCKS;
}

void msc_cdb_written(const uint8_t cdb[MSC_CBW_CB_MAX], uint64_t *lba, uint64_t *blocks)
{
	uint8_t like[MSC_CBW_CB_MAX];

	/* WRITE AND VERIFY is laid out as the WRITE of its length. */
	memcpy(like, cdb, sizeof like);
	if (like[0] == MSC_OP_WRITE_AND_VERIFY_16)
		like[0] = MSC_OP_WRITE_16;
	if (like[0] == MSC_OP_WRITE_AND_VERIFY_12)
		like[0] = MSC_OP_WRITE_12;
	*lba = msc_cdb_value(like, "lba");
	*blocks = msc_cdb_value(like, "blocks");
}
