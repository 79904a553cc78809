/* SPDX-License-Identifier: BSD-2-Clause */
/* The scratch range: the only blocks that scenarios write. It is read and put into the journal
 * before the first write, put back after every scenario that may have written, and read again.
 * None of this traffic is judged.
 *
 * The range ends 64 blocks before the end of the medium. The last 33 blocks may hold the second
 * copy of a GUID partition table; before them is, on most media, the part of a MiB that
 * partitioning programs leave free because partitions begin and end on whole MiB.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenario/journal.h"
#include "scenario/run.h"

#define SCRATCH_BLOCKS MSC_JOURNAL_BLOCKS_MAX
#define TAIL_BLOCKS    64
#define PIECE_BYTES    65536u /* moved by one command */
#define TRIES	       3

void msc_scratch_choose(struct msc_scratch *s, const struct msc_unit *u)
{
	uint64_t capacity = u->last_lba + 1;

	*s = (struct msc_scratch){ .block_size = u->block_size };
	if (!u->have_capacity || !capacity)
		return;
	s->blocks = capacity < SCRATCH_BLOCKS ? (uint32_t)capacity : SCRATCH_BLOCKS;
	if (capacity >= 2 * (SCRATCH_BLOCKS + TAIL_BLOCKS))
		s->first = capacity - TAIL_BLOCKS - s->blocks;
	else
		s->first = capacity - s->blocks;
}

/* One command over some blocks of the range. *good: it passed and moved all. */
static int move(struct msc_runner *r, bool write, uint32_t block, uint32_t blocks, uint8_t *data,
		bool *good, struct msc_err *err)
{
	uint64_t lba = r->scratch.first + block;
	const struct msc_cdb_def *def = msc_cdb_by_name(lba + blocks <= UINT32_MAX
								? (write ? "write10" : "read10")
								: (write ? "write16" : "read16"));
	uint32_t len = blocks * r->scratch.block_size;
	const struct msc_record *x;
	struct msc_request rq;
	uint8_t cdb[MSC_CBW_CB_MAX];

	msc_cdb_begin(def, cdb);
	if (msc_cdb_set(def, cdb, msc_cdb_field(def, "lba"), lba, err) < 0 ||
	    msc_cdb_set(def, cdb, msc_cdb_field(def, "blocks"), blocks, err) < 0)
		return -1;
	msc_request_init(&rq, cdb, def->length, write ? MSC_DIR_OUT : MSC_DIR_IN, len);
	rq.cbw.h.lun = r->o->lun;
	rq.out = data;
	if (msc_session_exchange(r->session, &rq, &x, err) < 0)
		return -1;
	*good = !x->u.exchange.needs_reset && x->u.exchange.csw.status == MSC_CSW_PASSED &&
		x->u.exchange.data_len == len;
	if (*good && !write)
		memcpy(data, x->u.exchange.data, len);
	return 0;
}

/* The whole range, in pieces; tried again after the device has been brought back. */
static int transfer(struct msc_runner *r, bool write, uint8_t *data, bool *good,
		    struct msc_err *err)
{
	const struct msc_scratch *s = &r->scratch;
	uint32_t piece = s->block_size < PIECE_BYTES ? PIECE_BYTES / s->block_size : 1;
	int tries = TRIES, rung;

	for (uint32_t at = 0; at < s->blocks;) {
		uint32_t n = s->blocks - at < piece ? s->blocks - at : piece;

		if (move(r, write, at, n, data + (size_t)at * s->block_size, good, err) < 0)
			return -1;
		if (*good)
			at += n;
		else if (--tries == 0)
			return 0;
		else if (msc_session_settle(r->session, &rung, err) < 0)
			return -1;
	}
	*good = true;
	return 0;
}

/* A device without a serial number is known by its first block, which holds the partition table and
 * is never written here. */
static int first_block(struct msc_runner *r, uint32_t *hash, struct msc_err *err)
{
	const struct msc_scratch keep = r->scratch;
	uint8_t *block = calloc(1, keep.block_size);
	bool good = false;
	int rc;

	if (!block)
		return msc_nomem(err);
	r->scratch = (struct msc_scratch){ .blocks = 1, .block_size = keep.block_size };
	rc = transfer(r, false, block, &good, err);
	r->scratch = keep;
	*hash = good ? msc_journal_hash(block, keep.block_size) : 0;
	free(block);
	return rc;
}

/* A simulated device is known by the file that holds its medium; one whose medium ends with this
 * process gets a journal that no other run meets. */
static void simulated_identity(const struct msc_device *d, char *buf, size_t size)
{
	const char *file = strstr(d->name, "file=");

	if (d->forgets || !file)
		snprintf(buf, size, "sim-%ld", (long)getpid());
	else
		snprintf(buf, size, "sim-file-%08x", msc_journal_hash(file, strcspn(file, ",")));
}

/* Whose blocks these are. */
static int identity(struct msc_runner *r, struct msc_journal_head *h, struct msc_err *err)
{
	const struct msc_device *d = &r->target->device;
	uint32_t hash = 0;

	*h = (struct msc_journal_head){ .lun = r->o->lun,
					.capacity = r->unit.last_lba + 1,
					.block_size = r->scratch.block_size,
					.first = r->scratch.first,
					.blocks = r->scratch.blocks };
	if (!d->simulated && !*d->serial && first_block(r, &hash, err) < 0)
		return -1;
	if (d->simulated)
		simulated_identity(d, h->device, sizeof h->device);
	else if (*d->serial)
		snprintf(h->device, sizeof h->device, "%04x:%04x:%.100s", d->desc.vendor,
			 d->desc.product, d->serial);
	else
		snprintf(h->device, sizeof h->device, "%04x:%04x:block0-%08x", d->desc.vendor,
			 d->desc.product, hash);
	for (size_t i = 0; h->device[i]; i++)
		if (h->device[i] <= ' ' || h->device[i] > '~')
			h->device[i] = '_';
	return 0;
}

static int directory(const struct msc_runner *r, char *buf, size_t size, struct msc_err *err)
{
	if (!r->o->journal_dir)
		return msc_journal_default_dir(buf, size, err);
	snprintf(buf, size, "%s", r->o->journal_dir);
	return 0;
}

static int save(struct msc_runner *r, bool *readable, struct msc_err *err)
{
	struct msc_scratch *s = &r->scratch;
	size_t len = (size_t)s->blocks * s->block_size;
	struct msc_journal_head head;
	char dir[3072];

	s->data = malloc(len);
	if (!s->data)
		return msc_nomem(err);
	if (transfer(r, false, s->data, readable, err) < 0)
		return -1;
	if (!*readable) {
		free(s->data);
		s->data = NULL;
		return 0;
	}
	if (identity(r, &head, err) < 0 || directory(r, dir, sizeof dir, err) < 0)
		return -1;
	return msc_journal_create(dir, &head, s->data, &s->journal, err);
}

int msc_scratch_save(struct msc_runner *r, bool *readable, struct msc_err *err)
{
	int rc;

	*readable = true;
	if (r->scratch.journal || !r->scratch.blocks)
		return 0;
	msc_run_mute(r, true);
	rc = save(r, readable, err);
	msc_run_mute(r, false);
	if (rc < 0) {
		/* Without a journal nothing has been written. */
		free(r->scratch.data);
		r->scratch.data = NULL;
	}
	return rc;
}

static int restore(struct msc_runner *r, uint8_t *now, bool *good, struct msc_err *err)
{
	const struct msc_scratch *s = &r->scratch;
	size_t len = (size_t)s->blocks * s->block_size;
	int rung;

	for (int i = 0; i < TRIES; i++) {
		if (transfer(r, false, now, good, err) < 0)
			return -1;
		if (*good && memcmp(now, s->data, len) == 0)
			return 0;
		if (transfer(r, true, s->data, good, err) < 0 ||
		    msc_session_settle(r->session, &rung, err) < 0)
			return -1;
	}
	*good = false;
	return 0;
}

int msc_scratch_restore(struct msc_runner *r, bool *good, struct msc_err *err)
{
	const struct msc_scratch *s = &r->scratch;
	uint8_t *now;
	int rc;

	*good = true;
	if (!s->data)
		return 0;
	now = malloc((size_t)s->blocks * s->block_size);
	if (!now)
		return msc_nomem(err);
	msc_run_mute(r, true);
	rc = restore(r, now, good, err);
	msc_run_mute(r, false);
	free(now);
	return rc;
}

/* Puts back what an earlier run saved, into whatever place it says. */
static int restore_old(struct msc_runner *r, struct msc_journal *j,
		       const struct msc_journal_head *h, uint8_t *data, struct msc_err *err)
{
	struct msc_scratch now = r->scratch;
	bool good = false;
	int rc;

	r->scratch = (struct msc_scratch){
		.first = h->first, .blocks = h->blocks, .block_size = h->block_size, .data = data
	};
	rc = msc_scratch_restore(r, &good, err);
	r->scratch = now;
	if (rc == 0 && !good)
		rc = msc_fail(err, MSC_E_IO,
			      "the blocks that an earlier run saved in %s cannot be put back",
			      msc_journal_path(j));
	if (rc < 0) {
		msc_journal_close(j);
		return -1;
	}
	msc_run_note(r,
		     "an earlier run was cut short: its scratch blocks %" PRIu64 " to %" PRIu64
		     " were put back from %s",
		     h->first, h->first + h->blocks - 1, msc_journal_path(j));
	return msc_journal_remove(j, err);
}

/* What to do with a journal that is there: *restore, or leave it alone and say so. */
static int consider(struct msc_runner *r, const struct msc_journal *j,
		    const struct msc_journal_head *h, bool *put_back, struct msc_err *err)
{
	bool same = r->unit.have_capacity && h->capacity == r->unit.last_lba + 1 &&
		    h->block_size == r->unit.block_size;

	*put_back = r->o->allow_writes && same;
	if (r->o->allow_writes && !same)
		return msc_fail(err, MSC_E_BUSY,
				"%s holds blocks of another medium of this device (%" PRIu64
				" blocks of %" PRIu32 " bytes): insert it, or remove the file if "
				"they are not wanted",
				msc_journal_path(j), h->capacity, h->block_size);
	if (!*put_back)
		msc_run_note(r,
			     "an earlier run was cut short while it was writing: give "
			     "--allow-writes once to put the %" PRIu32 " blocks back that %s holds",
			     h->blocks, msc_journal_path(j));
	return 0;
}

static int find_old(struct msc_runner *r, struct msc_err *err)
{
	struct msc_err unknown = MSC_ERR_INIT;
	struct msc_journal_head mine, found;
	struct msc_journal *j;
	uint8_t *data = NULL;
	bool put_back = false;
	char dir[3072];
	int rc;

	if (directory(r, dir, sizeof dir, &unknown) < 0) /* then nobody can have left one */
		return 0;
	if (identity(r, &mine, err) < 0 ||
	    msc_journal_find(dir, mine.device, mine.lun, &j, &found, &data, err) < 0)
		return -1;
	if (!j)
		return 0;
	rc = consider(r, j, &found, &put_back, err);
	if (rc == 0 && put_back)
		rc = restore_old(r, j, &found, data, err);
	else
		msc_journal_close(j);
	free(data);
	return rc;
}

int msc_scratch_old(struct msc_runner *r, struct msc_err *err)
{
	int rc;

	if (r->target->device.forgets || !r->scratch.blocks)
		return 0;
	msc_run_mute(r, true);
	rc = find_old(r, err);
	msc_run_mute(r, false);
	return rc;
}

void msc_scratch_finish(struct msc_runner *r)
{
	struct msc_scratch *s = &r->scratch;
	struct msc_err err = MSC_ERR_INIT;
	bool good = false;

	if (s->journal) {
		if (!r->target->gone) {
			msc_session_set_stop(r->session, NULL, NULL);
			if (msc_scratch_restore(r, &good, &err) < 0)
				good = false;
		}
		if (!good)
			msc_run_note(r,
				     "blocks %" PRIu64 " to %" PRIu64 " could not be put back%s%s",
				     s->first, s->first + s->blocks - 1,
				     r->target->device.forgets ? "" : "; they are kept in ",
				     r->target->device.forgets ? "" : msc_journal_path(s->journal));
		if (!good && !r->target->device.forgets)
			msc_journal_close(s->journal);
		else if (msc_journal_remove(s->journal, &err) < 0)
			msc_run_note(r, "%s", err.msg);
	}
	free(s->data);
	*s = (struct msc_scratch){ 0 };
}

bool msc_scratch_allows(const struct msc_runner *r, const uint8_t cdb[MSC_CBW_CB_MAX], size_t len,
			char *why, size_t size)
{
	const struct msc_cdb_def *def = msc_cdb_by_bytes(cdb, len);
	const struct msc_scratch *s = &r->scratch;
	uint64_t lba, blocks, capacity = r->unit.last_lba + 1;
	bool inside, starts_inside, past_end;
	char text[128];

	if (!msc_cdb_may_write(cdb, len) || !def || def->amount != MSC_AMOUNT_BLOCKS ||
	    !r->unit.have_capacity)
		return true;
	lba = msc_cdb_value(cdb, "lba");
	blocks = msc_cdb_value(cdb, "blocks");
	starts_inside = s->data && lba >= s->first && lba - s->first < s->blocks;
	inside = starts_inside && blocks <= s->blocks - (lba - s->first);
	past_end = lba >= capacity || (starts_inside && blocks > capacity - lba);
	if (!blocks || inside || past_end)
		return true;
	snprintf(why, size, "%s would write outside of the scratch range",
		 msc_cdb_text(text, sizeof text, cdb, len));
	return false;
}
