/* SPDX-License-Identifier: BSD-2-Clause */
/* What all targets that take commands share: checks and a line of trace log. */
#include "transport/command.h"

#include <string.h>

/* Without a session nobody has saved what a command may change. */
static int may_leave(struct msc_target *t, const struct msc_command *c, struct msc_err *err)
{
	const char *why;
	char name[48];

	if (t->filter_command)
		return t->filter_command(t->filter_user, c, err);
	if (msc_cdb_effect(c->cdb, c->cdb_len, &msc_any_disk, &why) == MSC_EFFECT_NONE)
		return 0;
	return msc_fail(err, MSC_E_REFUSED, "%s: %s is not sent: %s", t->device.name,
			msc_cdb_name(name, sizeof name, c->cdb), why);
}

static void tell(struct msc_target *t, const struct msc_command *c)
{
	struct msc_transfer told = {
		.kind = MSC_TRANSFER_COMMAND,
		.ended = true,
		.number = ++t->submissions,
		.whole = { .cdb_len = c->cdb_len, .dir = c->dir, .status = c->status },
		.submitted_ns = c->submitted_ns,
		.asked = c->len,
		.outcome = c->outcome,
		.actual = c->actual,
		.data = c->data,
		.completed_ns = c->completed_ns,
		.naks = -1
	};

	memcpy(told.whole.cdb, c->cdb, c->cdb_len);
	told.kept = c->data ? msc_transfer_bytes(&told) : 0;
	if (t->observe)
		t->observe(t->observe_user, &told);
}

int msc_command(struct msc_target *t, struct msc_command *c, int64_t timeout_ns,
		struct msc_err *err)
{
	if (t->gone)
		return msc_fail(err, MSC_E_GONE, "%s: the device went away", t->device.name);
	if (!t->transport->command)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: takes transfers, not whole commands",
				t->device.name);
	if (c->cdb_len > MSC_CBW_CB_MAX)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: a command block of %u bytes",
				t->device.name, c->cdb_len);
	if (may_leave(t, c, err) < 0)
		return -1;
	c->outcome = MSC_OUT_PENDING;
	c->actual = c->sense_len = 0;
	c->status = 0;
	c->host = 0;
	c->submitted_ns = msc_now(t->clock);
	if (t->transport->command(t, c, timeout_ns, err) < 0) {
		t->gone |= err->code == MSC_E_GONE;
		return -1;
	}
	c->completed_ns = msc_now(t->clock);
	msc_log(t->log, MSC_LOG_TRACE, "transport", c->completed_ns,
		"command %02x: %zu of %zu bytes, %s, status %02x, %zu bytes of sense", c->cdb[0],
		c->actual, c->len, msc_outcome_name(c->outcome), c->status, c->sense_len);
	tell(t, c);
	if (c->outcome != MSC_OUT_GONE)
		return 0;
	t->gone = true;
	return msc_fail(err, MSC_E_GONE, "%s: the device went away", t->device.name);
}
