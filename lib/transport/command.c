/* SPDX-License-Identifier: BSD-2-Clause */
/* What all targets that take commands share: checks and a line of trace log. */
#include "transport/command.h"

int msc_command(struct msc_target *t, struct msc_command *c, int64_t timeout_ns,
		struct msc_err *err)
{
	const char *why;
	char name[48];

	if (t->gone)
		return msc_fail(err, MSC_E_GONE, "%s: the device went away", t->device.name);
	if (!t->transport->command)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: takes transfers, not whole commands",
				t->device.name);
	/* No session's gate looks at whole commands yet: nothing but what changes nothing. */
	if (msc_cdb_effect(c->cdb, c->cdb_len, &msc_any_disk, &why) != MSC_EFFECT_NONE)
		return msc_fail(err, MSC_E_REFUSED, "%s: %s is not sent: %s", t->device.name,
				msc_cdb_name(name, sizeof name, c->cdb), why);
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
	if (c->outcome != MSC_OUT_GONE)
		return 0;
	t->gone = true;
	return msc_fail(err, MSC_E_GONE, "%s: the device went away", t->device.name);
}
