/* SPDX-License-Identifier: BSD-2-Clause */
/* What a run could not tell, why, and what would: one sentence, of the most that is open. */
#include <stdio.h>

#include "base/text.h"
#include "timing/costs.h"

#define DEAF_SEEN \
	0.3 /* of a frame: a shorter time for which endpoint 0 waits is lost in the error of the mean */

bool msc_hides_deafness(const struct msc_pace *p)
{
	double most = (p->block_ns - msc_sends_ns(p)) * p->chunk;

	return msc_is_waiting(p) && msc_is_divided(p) && p->host.locked && !p->bus &&
	       p->blocked_ns <= 0 && most > 0 && most < DEAF_SEEN * p->host.period_ns;
}

static const char *what_hides_buffers(const struct msc_pace *p)
{
	if (!p->ready)
		return "all blocks that were read after a pause of the host came at once, so where a "
		       "buffer of the device ends was not seen";
	if (msc_keeps_to_tick(p))
		return "blocks come with the tick, whether medium and bus overlap or not; without "
		       "the tick a second run would tell";
	if (p->host.locked)
		return "the difference is lost in this host's frames; a host controller that reports "
		       "at once (xHCI) would tell";
	if (p->moderation_ns > 0)
		return "the host's interrupt moderation hides the difference; a host controller that "
		       "reports each transfer at once would tell";
	return "the rest is about what an endpoint that was armed late waits for the host's next poll, "
	       "which a second buffer need not save; a medium that is slower for the trial would tell";
}

void msc_pace_untold(struct msc_pace *p, const struct msc_costs *c)
{
	char bus[80];

	if (p->beats_bus)
		snprintf(p->untold, sizeof p->untold,
			 "commands took less time than their bytes need on %s, so no such bus lies "
			 "between: what it would need is no measure of them, and that the bus is a "
			 "limit could not be told",
			 msc_bus_text(bus, sizeof bus, p->speed));
	else if (p->blurred)
		snprintf(p->untold, sizeof p->untold,
			 "the host was too slow to see when packets arrived, so it is unknown what "
			 "the device does between blocks");
	else if (p->block_ns <= 0)
		snprintf(
			p->untold, sizeof p->untold,
			"no long reads were measured, so it is unknown what the device does between "
			"blocks");
	else if (msc_is_waiting(p) && !msc_is_divided(p))
		snprintf(p->untold, sizeof p->untold,
			 "a block comes every %s, and the bus needs %s of it: what of the rest is "
			 "the medium's, and what the firmware's order of work costs, is not in the "
			 "capture",
			 msc_ns(p->block_ns).s, msc_ns(p->bus_ns).s);
	else if (msc_waits_unseen(p))
		snprintf(
			p->untold, sizeof p->untold,
			"a block takes %s, and the bus needs %s of it: whether the rest is the medium's or "
			"waits for a tick shorter than the host's frame could not be told; a host "
			"controller that reports at once (xHCI) would tell",
			msc_ns(p->block_ns).s, msc_ns(p->bus_ns).s);
	else if (msc_hides_tick(p))
		snprintf(
			p->untold, sizeof p->untold,
			"the device has a tick of %s, and this host sees completions only every %s: "
			"whether each block waits for the tick too could not be told; a host "
			"controller that reports at once (xHCI) would tell",
			msc_ns(p->tick.period_ns).s, msc_ns(p->host.period_ns).s);
	else if (p->buffers_unseen)
		snprintf(p->untold, sizeof p->untold, "one buffer or two could not be told: %s",
			 what_hides_buffers(p));
	else if (c->rest < p->block_ns && p->requests_busy < MSC_PACE_REQUESTS_LEAST)
		snprintf(
			p->untold, sizeof p->untold,
			"endpoint 0 did not answer often enough to tell whether the medium is read "
			"in an interrupt");
	else if (p->tick.locked && p->tick_clock != MSC_PACE_CLOCK_DEVICE)
		snprintf(p->untold, sizeof p->untold,
			 "arrivals keep to the period of the host's frames and do not slip against "
			 "it: whose clock it is could not be told");
	else if (msc_hides_deafness(p))
		snprintf(
			p->untold, sizeof p->untold,
			"whether the medium is read in the USB interrupt could not be told: that would "
			"keep endpoint 0 waiting for %s at most, and this host sees frames of %s; a host "
			"controller that reports at once (xHCI) would tell",
			msc_ns((p->block_ns - msc_sends_ns(p)) * p->chunk).s,
			msc_ns(p->host.period_ns).s);
	else if (!p->n_diagnosis)
		snprintf(p->untold, sizeof p->untold,
			 "could not tell: no cause takes a share of the time that stands out");
}
