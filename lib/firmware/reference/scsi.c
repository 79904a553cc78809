/* SPDX-License-Identifier: BSD-2-Clause */
/* The SCSI half of `reference`: which commands there are, when they may run, and those that touch
 * the medium. SPC-2 for what every device does, SBC-2 for what a disk does.
 *
 * Promises: nothing is transferred and nothing changes when a command fails its checks; LBA checks
 * cannot wrap; sense data is kept for each unit until REQUEST SENSE or the next other command.
 */
#include "firmware/reference/reference.h"

#include <string.h>

#include "base/err.h"

#define VERIFY_CHUNK 4096
#define PROTECT	     0xe0 /* RDPROTECT, WRPROTECT, VRPROTECT: protection information, not here */

/* -- sense data and the medium --------------------------------------------------------------- */

void scsi_fail(struct scsi *s, enum scsi_sense sense)
{
	if (s->job.lun < s->config.luns)
		s->units[s->job.lun].sense = sense;
	s->job.failed = true;
}

void scsi_answer(struct scsi *s, size_t len, uint64_t allocation)
{
	s->job.dir = SCSI_IN;
	s->job.place = SCSI_REPLY;
	s->job.length = len < allocation ? len : allocation;
}

bool scsi_medium_present(struct mcu *m, const struct scsi *s, uint8_t lun)
{
	return card_present(m, lun) && !s->units[lun].ejected;
}

uint64_t scsi_blocks(struct mcu *m, const struct scsi *s, uint8_t lun)
{
	return scsi_medium_present(m, s, lun) ? card_blocks(m, lun) : 0;
}

/* Why the medium could not be read or written: it may have left in between. */
static void fail_medium(struct mcu *m, struct scsi *s, enum scsi_sense sense)
{
	bool here = scsi_medium_present(m, s, s->job.lun) && !s->units[s->job.lun].changed;

	scsi_fail(s, here ? sense : MEDIUM_NOT_PRESENT);
}

/* The command goes on with the medium that it began with, or not at all. */
static bool move(struct mcu *m, struct scsi *s, uint32_t blocks, uint8_t *to, const uint8_t *from)
{
	uint8_t lun = s->job.lun;

	if (s->units[lun].changed || !scsi_medium_present(m, s, lun))
		return false;
	return from ? card_write(m, lun, s->job.lba, blocks, from)
		    : card_read(m, lun, s->job.lba, blocks, to);
}

static bool write_protected(struct mcu *m, const struct scsi *s)
{
	return s->config.write_protect || card_read_only(m, s->job.lun);
}

/* SBC-2, 4.4 and 5.x: every block that a command names must exist. The sum is never formed, so it
 * cannot wrap. Also for no blocks at all, the LBA must exist. */
static bool within_medium(struct mcu *m, struct scsi *s, uint64_t lba, uint64_t blocks)
{
	uint64_t total = scsi_blocks(m, s, s->job.lun);

	if (lba < total && blocks <= total - lba)
		return true;
	scsi_fail(s, LBA_OUT_OF_RANGE);
	return false;
}

/* -- READ, WRITE, VERIFY, SYNCHRONIZE CACHE --------------------------------------------------- */

struct extent {
	uint64_t lba;
	uint32_t blocks;
	uint8_t flags; /* byte 1 where it holds flags */
};

static struct extent cdb_extent(const uint8_t *cb)
{
	switch (cb[0]) {
	case MSC_OP_READ_6: /* SBC-2, 5.5: 21 bits of LBA, and 0 blocks means 256 */
	case MSC_OP_WRITE_6:
		return (struct extent){ .lba = msc_get_be24(cb + 1) & 0x1fffff,
					.blocks = cb[4] ? cb[4] : 256 };
	case MSC_OP_READ_12:
	case MSC_OP_WRITE_12:
		return (struct extent){ msc_get_be32(cb + 2), msc_get_be32(cb + 6), cb[1] };
	case MSC_OP_READ_16:
	case MSC_OP_WRITE_16:
		return (struct extent){ msc_get_be64(cb + 2), msc_get_be32(cb + 10), cb[1] };
	default: return (struct extent){ msc_get_be32(cb + 2), msc_get_be16(cb + 7), cb[1] };
	}
}

/* The job's direction and length come from the command block alone, before anything can fail: the
 * Bulk-Only half compares them with what the host expects. */
static bool transfer_blocks(struct mcu *m, struct scsi *s, const uint8_t *cb, enum scsi_dir dir)
{
	const struct extent e = cdb_extent(cb);

	s->job.dir = dir;
	s->job.place = SCSI_MEDIUM;
	s->job.lba = e.lba;
	s->job.length = (uint64_t)e.blocks * s->config.block_size;
	if (e.flags & PROTECT) {
		scsi_fail(s, INVALID_FIELD_IN_CDB); /* SBC-2, 5.6: no protection information */
		return false;
	}
	return within_medium(m, s, e.lba, e.blocks);
}

static void read_blocks(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	transfer_blocks(m, s, cb, SCSI_IN);
}

static void write_blocks(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	if (transfer_blocks(m, s, cb, SCSI_OUT) && write_protected(m, s))
		scsi_fail(s, WRITE_PROTECTED); /* SBC-2, 4.7 */
}

/* SBC-2, 5.20 with BYTCHK 0: are the blocks readable? No data moves. */
static void verify_readable(struct mcu *m, struct scsi *s, uint64_t lba, uint32_t blocks)
{
	const uint32_t most = VERIFY_CHUNK / s->config.block_size;
	uint8_t data[VERIFY_CHUNK];

	while (blocks) {
		uint32_t n = blocks < most ? blocks : most;

		if (!card_read(m, s->job.lun, lba, n, data)) {
			fail_medium(m, s, UNRECOVERED_READ_ERROR);
			return;
		}
		lba += n;
		blocks -= n;
	}
}

static void verify(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	const struct extent e = cdb_extent(cb);

	if (e.flags &
	    MSC_VERIFY_BYTCHK) { /* SBC-2, 5.20 with BYTCHK 1: compare with the data from the host */
		transfer_blocks(m, s, cb, SCSI_OUT);
		s->job.place = SCSI_COMPARE;
	} else if (e.flags & PROTECT) {
		scsi_fail(s, INVALID_FIELD_IN_CDB);
	} else if (within_medium(m, s, e.lba, e.blocks)) {
		verify_readable(m, s, e.lba, e.blocks);
	}
}

/* SBC-2, 5.18: whatever was written is on the medium already; 0 blocks means all that follow. */
static void synchronize_cache(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	const struct extent e = cdb_extent(cb);

	within_medium(m, s, e.lba, e.blocks);
}

bool scsi_get(struct mcu *m, struct scsi *s, uint8_t *buf, size_t len)
{
	uint32_t blocks = (uint32_t)(len / s->config.block_size);

	if (s->job.place == SCSI_REPLY) {
		memcpy(buf, s->reply + s->job.offset, len);
		s->job.offset += len;
		return true;
	}
	if (!move(m, s, blocks, buf, NULL)) {
		fail_medium(m, s, UNRECOVERED_READ_ERROR);
		return false;
	}
	s->job.lba += blocks;
	return true;
}

static bool same_as_medium(struct mcu *m, struct scsi *s, const uint8_t *buf)
{
	uint8_t block[VERIFY_CHUNK];

	if (!move(m, s, 1, block, NULL))
		fail_medium(m, s, UNRECOVERED_READ_ERROR);
	else if (memcmp(block, buf, s->config.block_size) != 0)
		scsi_fail(s, MISCOMPARE);
	return !s->job.failed;
}

size_t scsi_put(struct mcu *m, struct scsi *s, const uint8_t *buf, size_t len)
{
	const uint32_t size = s->config.block_size;
	uint32_t blocks = (uint32_t)(len / size), used = 0;

	switch (s->job.place) {
	case SCSI_PARAMETERS:
		scsi_mode_parameters(s, buf, len);
		return s->job.failed ? 0 : len;
	case SCSI_COMPARE:
		while (used < blocks && same_as_medium(m, s, buf + (size_t)used * size)) {
			s->job.lba++;
			used++;
		}
		return (size_t)used * size;
	case SCSI_MEDIUM:
	default:
		if (blocks && !move(m, s, blocks, NULL, buf)) {
			fail_medium(m, s, WRITE_ERROR);
			return 0;
		}
		s->job.lba += blocks;
		return (size_t)blocks * size;
	}
}

/* -- the unit as a whole --------------------------------------------------------------------- */

static void test_unit_ready(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	(void)m, (void)s, (void)cb; /* SPC-2, 7.25: the checks before every command are the test */
}

/* SBC-2, 5.17: only LOEJ moves the medium; there is no motor to start or stop. */
static void start_stop_unit(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	struct scsi_unit *u = &s->units[s->job.lun];

	if (!(cb[4] & MSC_START_LOEJ)) {
		if (cb[4] & MSC_START_START && !scsi_medium_present(m, s, s->job.lun))
			scsi_fail(s, MEDIUM_NOT_PRESENT);
	} else if (!s->config.removable) {
		scsi_fail(s, INVALID_FIELD_IN_CDB);
	} else if (cb[4] & MSC_START_START) {
		if (u->ejected)
			u->attention = MEDIUM_CHANGED; /* SAM-2, 5.9.7: told once */
		u->ejected = false;
		if (!card_present(m, s->job.lun))
			scsi_fail(s, MEDIUM_NOT_PRESENT);
	} else if (u->removal_prevented) {
		scsi_fail(s, REMOVAL_PREVENTED);
	} else {
		u->ejected = true;
	}
}

/* SPC-2, 7.12; a unit whose medium stays has nothing to prevent. */
static void prevent_allow(struct mcu *m, struct scsi *s, const uint8_t *cb)
{
	(void)m;
	if (!s->config.removable)
		scsi_fail(s, INVALID_OPCODE);
	else if (cb[4] & ~0x01)
		scsi_fail(s, INVALID_FIELD_IN_CDB);
	else
		s->units[s->job.lun].removal_prevented = cb[4];
}

/* -- the commands ---------------------------------------------------------------------------- */

enum command_flags {
	NEEDS_MEDIUM = 1,
	ANY_UNIT = 2,	 /* also answers for units that do not exist: SPC-2, 7.3 and 7.20 */
	NO_ATTENTION = 4, /* does not tell of unit attentions, and leaves them: SAM-2, 5.9.7 */
	KEEPS_SENSE = 8, /* is how the sense data is asked for */
};

struct command {
	uint8_t opcode, length; /* of the CDB */
	uint8_t flags;
	scsi_command_fn *run;
};

static const struct command *find_command(uint8_t opcode)
{
	static const struct command commands[] = {
		{ MSC_OP_TEST_UNIT_READY, 6, NEEDS_MEDIUM, test_unit_ready },
		{ MSC_OP_REQUEST_SENSE, 6, ANY_UNIT | NO_ATTENTION | KEEPS_SENSE,
		  scsi_request_sense },
		{ MSC_OP_READ_6, 6, NEEDS_MEDIUM, read_blocks },
		{ MSC_OP_WRITE_6, 6, NEEDS_MEDIUM, write_blocks },
		{ MSC_OP_INQUIRY, 6, ANY_UNIT | NO_ATTENTION, scsi_inquiry },
		{ MSC_OP_MODE_SELECT_6, 6, 0, scsi_mode_select_6 },
		{ MSC_OP_MODE_SENSE_6, 6, 0, scsi_mode_sense_6 },
		{ MSC_OP_START_STOP_UNIT, 6, 0, start_stop_unit },
		{ MSC_OP_PREVENT_ALLOW, 6, 0, prevent_allow },
		{ MSC_OP_READ_FORMAT_CAPACITIES, 10, 0, scsi_read_format_capacities },
		{ MSC_OP_READ_CAPACITY_10, 10, NEEDS_MEDIUM, scsi_read_capacity_10 },
		{ MSC_OP_READ_10, 10, NEEDS_MEDIUM, read_blocks },
		{ MSC_OP_WRITE_10, 10, NEEDS_MEDIUM, write_blocks },
		{ MSC_OP_VERIFY_10, 10, NEEDS_MEDIUM, verify },
		{ MSC_OP_SYNCHRONIZE_CACHE_10, 10, NEEDS_MEDIUM, synchronize_cache },
		{ MSC_OP_MODE_SELECT_10, 10, 0, scsi_mode_select_10 },
		{ MSC_OP_MODE_SENSE_10, 10, 0, scsi_mode_sense_10 },
		{ MSC_OP_READ_16, 16, NEEDS_MEDIUM, read_blocks },
		{ MSC_OP_WRITE_16, 16, NEEDS_MEDIUM, write_blocks },
		{ MSC_OP_SERVICE_ACTION_IN_16, 16, NEEDS_MEDIUM, scsi_service_action_in },
		{ MSC_OP_REPORT_LUNS, 12, NO_ATTENTION, scsi_report_luns },
		{ MSC_OP_READ_12, 12, NEEDS_MEDIUM, read_blocks },
		{ MSC_OP_WRITE_12, 12, NEEDS_MEDIUM, write_blocks },
	};

	for (size_t i = 0; i < MSC_COUNT(commands); i++)
		if (commands[i].opcode == opcode)
			return &commands[i];
	return NULL;
}

/* A command that cannot run must still say what its block means, so that the Bulk-Only half can
 * tell a failed command (cases 4 and 9) from a host that disagrees (cases 2, 3, 7, 8, 10, 13). */
static void fail_but_mean(struct mcu *m, struct scsi *s, const struct command *c, const uint8_t *cb,
			  enum scsi_sense sense)
{
	if (c->run == read_blocks || c->run == write_blocks)
		c->run(m, s, cb);
	scsi_fail(s, sense);
}

void scsi_start(struct mcu *m, struct scsi *s, uint8_t lun, const uint8_t cb[MSC_CBW_CB_MAX],
		uint8_t cb_length)
{
	const struct command *c = find_command(cb[0]);
	struct scsi_unit *u = lun < s->config.luns ? &s->units[lun] : NULL;

	s->job = (struct scsi_job){ .lun = lun };
	if (u)
		u->changed = false;
	if (u && !(c && c->flags & KEEPS_SENSE))
		u->sense = NO_SENSE; /* SPC-2, 7.20: kept until another command */
	if (!c)
		scsi_fail(s, INVALID_OPCODE);
	else if (cb_length < c->length)
		scsi_fail(s, INVALID_FIELD_IN_CDB); /* the rest of the CDB never came */
	else if (!u && !(c->flags & ANY_UNIT))
		scsi_fail(s, LUN_NOT_SUPPORTED);
	else if (u && u->attention && !(c->flags & NO_ATTENTION)) {
		fail_but_mean(m, s, c, cb, u->attention);
		u->attention = NO_SENSE;
	} else if (u && c->flags & NEEDS_MEDIUM && !scsi_medium_present(m, s, lun))
		fail_but_mean(m, s, c, cb, MEDIUM_NOT_PRESENT);
	else
		c->run(m, s, cb);
}

/* SPC-2, 7.12: a new medium may be taken out again. SAM-2, 5.9.7: told once. */
void scsi_card(struct scsi *s, uint8_t lun, bool present)
{
	struct scsi_unit *u = &s->units[lun];

	if (lun >= s->config.luns)
		return;
	u->changed = true;
	u->ejected = false;
	u->removal_prevented = false;
	if (present)
		u->attention = MEDIUM_CHANGED;
}

/* SPC-2, 7.12: a button that is prevented does nothing. */
void scsi_eject(struct scsi *s, uint8_t lun)
{
	if (lun < s->config.luns && s->config.removable && !s->units[lun].removal_prevented) {
		s->units[lun].changed = true;
		s->units[lun].ejected = true;
	}
}

void scsi_reset(struct scsi *s)
{
	for (uint32_t lun = 0; lun < s->config.luns; lun++) {
		s->units[lun].sense = NO_SENSE;
		s->units[lun].attention = s->config.attention ? POWER_ON_OR_RESET : NO_SENSE;
		s->units[lun].removal_prevented = false;
	}
}
