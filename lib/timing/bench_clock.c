/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's USB monitor as the clock of a bench: its times leave out the way to this program and
 * its turn on the processor. */
#include "capture/usbmon.h"
#include "timing/bench.h"

/* Whatever came before the command. */
static int start(void *state, struct msc_err *err)
{
	struct msc_usbmon_event e;
	bool found;

	do {
		if (msc_usbmon_next(state, &e, &found, err) < 0)
			return -1;
	} while (found);
	return 0;
}

/* The first submission is the CBW's; of the completions, the first is the CBW's, the last the
 * CSW's, and the one before that ends the data. */
static int stop(void *state, struct msc_bench_sample *sample, struct msc_err *err)
{
	int64_t began = 0, cbw = 0, data = 0, csw = 0;
	struct msc_usbmon_event e;
	unsigned ends = 0;
	bool found;

	for (;;) {
		if (msc_usbmon_next(state, &e, &found, err) < 0)
			return -1;
		if (!found)
			break;
		if (!e.completed) {
			began = began ? began : e.at_ns;
			continue;
		}
		data = ends ? csw : e.at_ns;
		cbw = ends++ ? cbw : e.at_ns;
		csw = e.at_ns;
	}
	if (!began || ends < 2)
		return msc_fail(err, MSC_E_IO, "%s: events are missing", msc_usbmon_path(state));
	*sample = (struct msc_bench_sample){ csw - began, cbw - began, data - cbw, csw - data };
	return 0;
}

int msc_bench_usbmon(const struct msc_device *d, struct msc_bench_clock *clock, struct msc_err *err)
{
	*clock = (struct msc_bench_clock){ "usbmon", msc_usbmon_open(d, err), start, stop };
	if (clock->state)
		return 0;
	msc_err_prefix(err, "--clock usbmon: ");
	return -1;
}

void msc_bench_usbmon_close(struct msc_bench_clock *clock)
{
	msc_usbmon_close(clock->state);
	clock->state = NULL;
}
