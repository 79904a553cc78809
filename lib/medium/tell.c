/* SPDX-License-Identifier: BSD-2-Clause */
/* Saying that an earlier run has left something to put back, by whoever only reads. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "medium/care.h"

static void say(msc_medium_note_fn *note, void *user, const char *fmt, ...) MSC_PRINTF(3, 4);
static void say(msc_medium_note_fn *note, void *user, const char *fmt, ...)
{
	char text[4096];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	note(user, true, text);
}

static void tell_of(const char *dir, const char *device, uint8_t lun, msc_medium_note_fn *note,
		    void *user)
{
	struct msc_err err = MSC_ERR_INIT;
	struct msc_journal_content c;
	struct msc_journal *j;

	if (msc_journal_find(dir, device, lun, &j, &c, &err) < 0) {
		if (err.code != MSC_E_BUSY) /* whoever holds it looks after it */
			say(note, user, "%s", err.msg);
		return;
	}
	if (!j)
		return;
	if (c.began)
		say(note, user,
		    "an earlier run was cut short while it was writing: \"mscope check "
		    "--restore\" puts the %zu blocks back that %s holds (of a medium of %" PRIu64
		    " blocks of %" PRIu32 " bytes), --forget-journal leaves the medium as it is",
		    c.n_blocks, msc_journal_path(j), c.head.capacity, c.head.block_size);
	msc_journal_content_free(&c);
	msc_journal_close(j);
}

void msc_medium_tell(const struct msc_device *d, const char *dir, msc_medium_note_fn *note,
		     void *user)
{
	struct msc_err unknown = MSC_ERR_INIT;
	char own[3072];

	if (d->forgets || (!dir && msc_journal_default_dir(own, sizeof own, &unknown) < 0))
		return;
	for (unsigned lun = 0; lun <= MSC_LUN_MAX; lun++)
		tell_of(dir ? dir : own, d->medium_id, (uint8_t)lun, note, user);
}
