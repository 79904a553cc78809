/* SPDX-License-Identifier: BSD-2-Clause */
/* What an earlier run has left: whose blocks a journal holds, and what becomes of one that is found.
 *
 * A run that may write puts the blocks back before it does anything else; so does one that was told
 * to (--restore). Any other run says that the journal is there, and leaves it. A journal is never
 * applied to another medium than it was taken from: the capacity must be the same, and unless the
 * user insists the first block as well, for a medium that has been partitioned or formatted since
 * no longer wants its old blocks.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/runner.h"
#include "session/gate.h"

/* A simulated device is known by the file that holds its medium; one whose medium ends with this
 * process gets a journal that no other run meets. */
static void simulated_identity(const struct msc_device *d, char *buf, size_t size)
{
	const char *file = strstr(d->name, "file=");
	char path[1024];
	struct stat st;

	if (file)
		snprintf(path, sizeof path, "%.*s", (int)strcspn(file + 5, ","), file + 5);
	if (d->forgets || !file || stat(path, &st) < 0)
		snprintf(buf, size, "sim-%ld", (long)getpid());
	else
		snprintf(buf, size, "sim-file-%jx-%jx", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
}

int msc_scratch_identity(struct msc_runner *r, struct msc_journal_head *h, struct msc_err *err)
{
	const struct msc_device *d = &r->target->device;

	*h = (struct msc_journal_head){ .lun = r->o->lun,
					.capacity = r->unit.last_lba + 1,
					.block_size = r->scratch.block_size,
					.first = r->scratch.first,
					.blocks = r->scratch.blocks,
					.n_probes = r->scratch.n_probes };
	memcpy(h->probe, r->scratch.probe, sizeof h->probe);
	if (msc_scratch_block_0(r, &h->block_0, err) < 0)
		return -1;
	if (d->simulated)
		simulated_identity(d, h->device, sizeof h->device);
	else if (*d->serial)
		snprintf(h->device, sizeof h->device, "%04x:%04x:%.100s", d->desc.vendor,
			 d->desc.product, d->serial);
	else
		snprintf(h->device, sizeof h->device, "%04x:%04x:block0-%08x", d->desc.vendor,
			 d->desc.product, h->block_0);
	for (size_t i = 0; h->device[i]; i++)
		if (h->device[i] <= ' ' || h->device[i] > '~')
			h->device[i] = '_';
	return 0;
}

int msc_scratch_directory(const struct msc_runner *r, char *buf, size_t size, struct msc_err *err)
{
	if (!r->o->journal_dir)
		return msc_journal_default_dir(buf, size, err);
	snprintf(buf, size, "%s", r->o->journal_dir);
	return 0;
}

int msc_scratch_hold(struct msc_runner *r, struct msc_err *err)
{
	struct msc_journal_head mine;
	char dir[3072];
	int rc;

	if (r->scratch.journal || !r->scratch.blocks)
		return 0;
	msc_run_mute(r, true);
	rc = msc_scratch_identity(r, &mine, err);
	msc_run_mute(r, false);
	if (rc < 0 || msc_scratch_directory(r, dir, sizeof dir, err) < 0)
		return -1;
	return msc_journal_reserve(dir, mine.device, mine.lun, &r->scratch.journal, err);
}

static bool may_put_back(const struct msc_runner *r)
{
	return r->o->allow_writes || r->o->restore;
}

/* Puts the blocks back into whatever place the journal says. */
static int put_back(struct msc_runner *r, const struct msc_journal *j,
		    const struct msc_journal_head *h, uint8_t *data, struct msc_err *err)
{
	struct msc_scratch now = r->scratch;
	bool good = false;
	int rc;

	if (msc_not_mounted(r->target, err) < 0)
		return -1;
	r->scratch = (struct msc_scratch){ .first = h->first,
					   .blocks = h->blocks,
					   .block_size = h->block_size,
					   .n_probes = h->n_probes,
					   .data = data,
					   .dirty = true,
					   .dirty_probes = true };
	memcpy(r->scratch.probe, h->probe, sizeof h->probe);
	rc = msc_scratch_permit(r, err);
	if (rc == 0)
		rc = msc_scratch_restore(r, &good, err);
	msc_gate_revoke_all(r->session);
	r->scratch = now;
	if (rc == 0 && !good)
		rc = msc_fail(err, MSC_E_DEVICE,
			      "the blocks that an earlier run saved in %s cannot be put back",
			      msc_journal_path(j));
	return rc;
}

/* Whether the journal is of the medium that is there now. */
static int same_medium(const struct msc_runner *r, const struct msc_journal *j,
		       const struct msc_journal_head *h, const struct msc_journal_head *mine,
		       struct msc_err *err)
{
	if (!r->unit.have_capacity || h->capacity != mine->capacity ||
	    h->block_size != mine->block_size)
		return msc_fail(err, MSC_E_BUSY,
				"%s holds blocks of another medium of this device (%" PRIu64
				" blocks of %" PRIu32 " bytes): insert it, or give "
				"--forget-journal if they are not wanted",
				msc_journal_path(j), h->capacity, h->block_size);
	if (h->first && h->block_0 != mine->block_0 && !r->o->restore)
		return msc_fail(err, MSC_E_BUSY,
				"%s holds blocks of this medium, but its first block has been "
				"written since: give --restore to put them back all the same, or "
				"--forget-journal if they are not wanted",
				msc_journal_path(j));
	return 0;
}

/* A journal that is whole, and held. */
static int settle(struct msc_runner *r, struct msc_journal *j, const struct msc_journal_head *h,
		  const struct msc_journal_head *mine, uint8_t *data, struct msc_err *err)
{
	if (!may_put_back(r)) {
		msc_run_note(r,
			     "an earlier run was cut short while it was writing: give --restore "
			     "to put the %" PRIu32 " blocks back that %s holds, or "
			     "--forget-journal to leave the medium as it is",
			     h->blocks + h->n_probes, msc_journal_path(j));
		msc_journal_close(j);
		return 0;
	}
	if (same_medium(r, j, h, mine, err) < 0 || put_back(r, j, h, data, err) < 0) {
		msc_journal_close(j);
		return -1;
	}
	msc_run_note(r,
		     "an earlier run was cut short: its scratch blocks %" PRIu64 " to %" PRIu64
		     " were put back from %s",
		     h->first, h->first + h->blocks - 1, msc_journal_path(j));
	return msc_journal_remove(j, err);
}

static int forget(struct msc_runner *r, const char *dir, const struct msc_journal_head *mine,
		  struct msc_err *err)
{
	char path[4096] = "";

	if (msc_journal_forget(dir, mine->device, mine->lun, path, sizeof path, err) < 0)
		return -1;
	if (*path)
		msc_run_note(r, "%s was removed; the medium stays as it is", path);
	else
		msc_run_note(r, "no earlier run has left a journal of this device");
	return 0;
}

static int find_old(struct msc_runner *r, struct msc_err *err)
{
	struct msc_err unknown = MSC_ERR_INIT;
	struct msc_journal_head mine, found;
	struct msc_journal *j;
	uint8_t *data = NULL;
	char dir[3072];
	int rc;

	if (msc_scratch_directory(r, dir, sizeof dir, &unknown) < 0) /* then there can be none */
		return 0;
	if (msc_scratch_identity(r, &mine, err) < 0)
		return -1;
	if (r->o->forget_journal)
		return forget(r, dir, &mine, err);
	rc = msc_journal_find(dir, mine.device, mine.lun, &j, &found, &data, err);
	if (rc < 0 && err->code == MSC_E_FORMAT && !may_put_back(r)) {
		msc_run_note(r, "%s", err->msg);
		*err = (struct msc_err)MSC_ERR_INIT;
		return 0;
	}
	if (rc == 0 && j)
		rc = settle(r, j, &found, &mine, data, err);
	else if (rc == 0 && r->o->restore)
		msc_run_note(r, "no earlier run has left anything to put back on this device");
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
