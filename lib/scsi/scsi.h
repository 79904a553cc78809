/* SPDX-License-Identifier: BSD-2-Clause */
/* Command descriptor blocks: one table says how each command is built and what it transfers, one what
 * it may change; from them come the builders, the text, the device's intent, and what is allowed.
 * Names of operation codes and the words for sense data are libsgutils2's. */
#ifndef MSC_SCSI_SCSI_H
#define MSC_SCSI_SCSI_H

#include "base/err.h"
#include "wire/bot.h"
#include "wire/scsi.h"

enum msc_dir { MSC_DIR_NONE, MSC_DIR_IN, MSC_DIR_OUT };
const char *msc_dir_name(enum msc_dir); /* "none", "in", "out" */

/* How much a command block means to transfer. */
enum msc_amount {
	MSC_AMOUNT_NONE,
	MSC_AMOUNT_BLOCKS,     /* the field "blocks" times the block size */
	MSC_AMOUNT_ALLOCATION, /* up to the field "alloc": the device may have less */
	MSC_AMOUNT_PARAMETERS, /* exactly the field "alloc", a parameter list length */
	MSC_AMOUNT_CAPACITY,   /* eight bytes: READ CAPACITY(10) */
};

struct msc_cdb_field {
	const char *name; /* "lba", "blocks", "alloc", "page", ...; NULL ends a list */
	uint8_t byte;	  /* of the most significant byte */
	uint8_t bytes;	  /* 1 to 8, big-endian; 0: a field of bits within one byte */
	uint8_t shift, bits; /* bits 0: all of the bytes */
};

struct msc_cdb_def {
	const char *name; /* in scenarios: "read10" */
	uint8_t opcode;
	uint8_t service_action; /* byte 1 bits 4..0, when .has_service_action */
	bool has_service_action;
	uint8_t length; /* of the CDB, bytes */
	enum msc_dir dir;
	enum msc_amount amount;
	struct msc_cdb_field fields[8];
};

extern const struct msc_cdb_def msc_cdbs[];
extern const size_t msc_cdb_count;

/* NULL: not in the table. */
const struct msc_cdb_def *msc_cdb_by_name(const char *name);
const struct msc_cdb_def *msc_cdb_by_bytes(const uint8_t *cdb, size_t len);
const struct msc_cdb_field *msc_cdb_field(const struct msc_cdb_def *, const char *name);

void msc_cdb_begin(const struct msc_cdb_def *, uint8_t cdb[MSC_CBW_CB_MAX]);
/* MSC_E_USAGE when the value does not fit the field. */
int msc_cdb_set(const struct msc_cdb_def *, uint8_t cdb[MSC_CBW_CB_MAX],
		const struct msc_cdb_field *, uint64_t value, struct msc_err *err) MSC_MUST_CHECK;
uint64_t msc_cdb_get(const uint8_t cdb[MSC_CBW_CB_MAX], const struct msc_cdb_field *);
/* 0 when the command has no such field. READ(6) and WRITE(6) give 256 for 0 blocks. */
uint64_t msc_cdb_value(const uint8_t cdb[MSC_CBW_CB_MAX], const char *field);
/* The same of a command that has been looked up; def may be NULL. */
uint64_t msc_cdb_value_of(const struct msc_cdb_def *def, const uint8_t cdb[MSC_CBW_CB_MAX],
			  const char *field);

bool msc_cdb_verifies(const uint8_t cdb[MSC_CBW_CB_MAX]); /* VERIFY (10), (12) or (16) */

/* What a command block names. */
struct msc_cdb_meant {
	const struct msc_cdb_def *def; /* NULL: it is in no table */
	uint64_t lba, blocks; /* of those that name blocks; 0 otherwise */
};
struct msc_cdb_meant msc_cdb_look(const uint8_t cdb[MSC_CBW_CB_MAX]);

/* Length that the operation code's group gives: SPC-4 4.2.5.1; 0: vendor specific or unknown. */
uint8_t msc_cdb_group_length(uint8_t opcode);

/* "READ(10)", into buf of at least 48 bytes; returns buf. */
char *msc_cdb_name(char *buf, size_t size, const uint8_t *cdb);
/* "READ(10) lba 0 blocks 1"; returns buf. */
char *msc_cdb_text(char *buf, size_t size, const uint8_t *cdb, size_t len);

/* What is known of a logical unit, learned from its own answers. */
struct msc_unit {
	bool have_capacity;
	uint64_t last_lba;
	uint32_t block_size; /* bytes */
	bool have_inquiry;
	uint8_t device_type; /* peripheral device type, 0 a disk */
	bool removable;
	bool have_mode;
	bool write_protected;
	bool dpofua; /* DPO and FUA are supported */
};
/* All of these blocks are on its medium, whose capacity is known. */
bool msc_unit_holds(const struct msc_unit *, uint64_t lba, uint64_t blocks);

/* What the command block means by itself: the Dn, Di, Do of BOT 1.0, 6.7, and how many bytes.
 * The device may mean anything from min to max; known is false when nothing can be said. */
struct msc_intent {
	bool known;
	enum msc_dir dir;
	uint64_t min, max;
};
struct msc_intent msc_cdb_intent(const uint8_t cdb[MSC_CBW_CB_MAX], size_t len,
				 const struct msc_unit *);
/* The same of one that has been looked at. */
struct msc_intent msc_cdb_intent_of(const struct msc_cdb_meant *, const uint8_t cdb[MSC_CBW_CB_MAX],
				    size_t len, const struct msc_unit *);

/* What a command may change for good. The order is that of harm. */
enum msc_effect {
	MSC_EFFECT_NONE,   /* nothing that the next reset or the next command does not undo */
	MSC_EFFECT_STATE,  /* no block, but the device is not as it was: a medium ejected, a motor
			      stopped; or nobody knows, and every standard wants it refused */
	MSC_EFFECT_BLOCKS, /* the blocks that it names */
	MSC_EFFECT_UNSAFE, /* more than that, or nobody knows: formatting, firmware, passwords */
};
/* An allow-list: what is not in the table is UNSAFE, and so is a block that is too short to say
 * what it does. *why, which may be NULL, becomes a static sentence. The device type of the unit
 * matters where an operation code means something else to another kind of device; a unit whose type
 * is not known is taken for the worse. */
enum msc_effect msc_cdb_effect(const uint8_t *cdb, size_t len, const struct msc_unit *,
			       const char **why);
/* Whatever the unit is known to be: as of a disk, it writes the blocks that it names. */
bool msc_cdb_writes_blocks(const uint8_t cdb[MSC_CBW_CB_MAX]);
/* The blocks that a command of effect BLOCKS writes, by its own account. */
void msc_cdb_written(const uint8_t cdb[MSC_CBW_CB_MAX], uint64_t *lba, uint64_t *blocks);
extern const struct msc_unit msc_any_disk; /* a unit of which nothing is known but its type, 00h */

/* Sense data in either format. */
struct msc_sense_data {
	bool valid; /* a response code that exists, and long enough to hold the rest */
	bool deferred;
	uint8_t key, asc, ascq;
};
struct msc_sense_data msc_sense_decode(const uint8_t *data, size_t len);
/* It says nothing of a command: 0/00/00, or pollable sense data, which REQUEST SENSE gives for as long as a
 * condition lasts (SPC-4, 6.39): a predicted failure or a warning with MRIE 6, a low power condition. */
bool msc_sense_is_idle(const struct msc_sense_data *);
/* "ILLEGAL REQUEST, logical block address out of range (5/21/00)"; returns buf (128 bytes). */
char *msc_sense_text(char *buf, size_t size, const struct msc_sense_data *);

#endif
