/* SPDX-License-Identifier: BSD-2-Clause */
/* Power off and on, where somebody can switch it. */
#include "transport/transport.h"

int msc_power_may(const struct msc_target *t, struct msc_err *err)
{
	if (!t->transport->power_cycle)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s: its power cannot be switched from here", t->device.name);
	if (!t->device.simulated && !t->replug.allowed)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"its power is left on; --replug allows it to be taken away");
	return 0;
}

int msc_power_cycle(struct msc_target *t, int64_t off_ns, struct msc_err *err)
{
	if (t->gone)
		return msc_fail(err, MSC_E_GONE, "%s: the device went away", t->device.name);
	if (msc_power_may(t, err) < 0)
		return -1;
	msc_log(t->log, MSC_LOG_INFO, "transport", msc_now(t->clock), "power off and on");
	t->empty = 0;
	if (t->transport->power_cycle(t, off_ns, err) < 0) {
		t->gone |= err->code == MSC_E_GONE;
		return -1;
	}
	return msc_port_reset(t, err);
}
