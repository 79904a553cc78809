/* SPDX-License-Identifier: BSD-2-Clause */
/* A rule of data that the host cuts short. That is its own fault, and a device may wait for the rest;
 * it is noted, because so does one that has lost the packet. */
#include "judge/facts.h"

static void cut(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	const struct msc_step *csw = msc_step_find(x, MSC_STEP_CSW);
	uint16_t packet = r->device->max_packet_out;

	if (!r->u.exchange.command || x->dir != MSC_DIR_OUT || x->data_len >= x->cbw.h.length)
		return;
	if (!packet || x->data_len % packet == 0 || x->status_len)
		return;
	if (!csw || !msc_hung(csw->outcome))
		return;
	msc_found(j, "a short packet ended the data after %zu of %u bytes, and no CSW came",
		  x->data_len, x->cbw.h.length);
	msc_expected(j, "a CSW, with status 01h or 02h");
	msc_actual(j, "nothing");
}

const struct msc_rule msc_rule_bot_data_cut = {
	.id = "bot.data.cut",
	.title = "data that the host ends early with a short packet is answered all the same",
	.spec = "USB 2.0, 5.8.3, for the end of the data; BOT 1.0 leaves open what follows",
	.severity = {MSC_NOTE, MSC_NOTE, MSC_NOTE},
	.why = "a host that gave up its data waits for the CSW to learn how far the device got; without "
	       "it only a reset leads on",
	.mistake =
		"data is counted in whole blocks, a short packet is dropped or written over the end "
		"of the packet buffer, and the rest is awaited for ever",
	.on = MSC_RECORD_EXCHANGE,
	.wrapper = true,
	.judge = cut,
};
