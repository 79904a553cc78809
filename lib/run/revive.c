/* SPDX-License-Identifier: BSD-2-Clause */
/* A device that no reset has brought back, in the hands of a host that goes on: it is asked what every host asks
 * when a device is new, and where somebody can switch its power that is taken away. */
#include "run/runner.h"

/* That the device has gone, or cannot be set up, is no error here: it still does not answer. */
static int forgive_device(int rc, struct msc_err *err)
{
	if (rc < 0 && err->code != MSC_E_GONE && err->code != MSC_E_DEVICE)
		return -1;
	*err = (struct msc_err)MSC_ERR_INIT;
	return 0;
}

/* Firmware may wait for Get Max LUN before it takes a command. */
static int look(struct msc_runner *r, bool *answers, struct msc_err *err)
{
	int rung = 0;

	if (msc_session_ask_max_lun(r->session, err) < 0 ||
	    msc_session_settle(r->session, &rung, err) < 0)
		return -1;
	*answers = rung <= 2;
	return 0;
}

static int cycle(struct msc_runner *r, bool *answers, struct msc_err *err)
{
	int rc;

	msc_session_mute(r->session, true);
	rc = msc_session_power_cycle(r->session, MSC_RUN_POWER_OFF_NS, err);
	msc_session_mute(r->session, false);
	return rc < 0 ? -1 : look(r, answers, err);
}

int msc_run_revive(struct msc_runner *r, bool *wedged, struct msc_err *err)
{
	const char *after = "it was asked for Get Max LUN";
	struct msc_err ignored = MSC_ERR_INIT;
	bool answers = false;

	if (forgive_device(look(r, &answers, err), err) < 0)
		return -1;
	if (!answers && msc_power_may(r->target, &ignored) == 0) {
		after = "its power was off";
		if (forgive_device(cycle(r, &answers, err), err) < 0)
			return -1;
	}
	*wedged = !answers;
	if (answers && !r->revived_after)
		r->revived_after = after;
	return 0;
}
