/* SPDX-License-Identifier: BSD-2-Clause */
/* The seam on endpoint 0: mutants see a whole answer, and then each packet of it. Without a mutant
 * every packet passes straight through. */
#include <string.h>

#include "sim/endpoint.h"
#include "sim/mutation.h"

static enum mutant_verdict run_in(struct mcu *m, bool status, uint8_t *packet, size_t *len,
				  bool *wrong_toggle)
{
	struct mutation *x = m->mutation;
	enum mutant_verdict v = MUTANT_PASS;

	for (size_t i = 0; i < x->n && v == MUTANT_PASS; i++)
		if (x->ops[i]->ep0_in)
			v = x->ops[i]->ep0_in(m, &m->udc->setup, status, packet, len, wrong_toggle,
					      x->state[i]);
	return v;
}

/* true: an interrupt will follow, or nothing more ever will. */
static bool send(struct mcu *m, bool status, const uint8_t *data, size_t len)
{
	uint8_t packet[EP0_PACKET_MAX + SPARE] = { 0 }; /* a mutant may make it longer */
	bool wrong_toggle = false;

	memcpy(packet, data, len);
	switch (run_in(m, status, packet, &len, &wrong_toggle)) {
	case MUTANT_PASS: udc_queue_ep0(m->udc, packet, len, wrong_toggle, true); return true;
	case MUTANT_STALL: udc_raw_ep0_stall(m->udc); return true;
	case MUTANT_SWALLOW:
	case MUTANT_DEAF: break;
	}
	return false;
}

/* The next packet of the answer, in the form that USB 2.0, 5.5.3 wants: the last is short unless
 * there are wLength bytes. */
static bool send_next(struct mcu *m)
{
	struct mutation *x = m->mutation;
	size_t packet = udc_at(m->udc, MSC_EP_IN)->max_packet;

	while (x->answer.more) {
		size_t left = x->answer.len - x->answer.at, n = left < packet ? left : packet;
		const uint8_t *from = x->answer.data + x->answer.at;

		x->answer.at += n;
		x->answer.more = n == packet && x->answer.at < m->udc->setup.length;
		if (send(m, false, from, n))
			return true;
	}
	return false;
}

bool mutate_ep0_goes_on(struct mcu *m)
{
	return m->mutation && send_next(m);
}

/* false: there is more to come of it. */
static bool is_whole(struct mcu *m, struct mutation *x, const uint8_t *packet, size_t len)
{
	size_t wanted = m->udc->setup.length - x->answer.len, room = ANSWER_MAX - x->answer.len;
	size_t n = len < wanted ? len : wanted;

	n = n < room ? n : room;
	memcpy(x->answer.data + x->answer.len, packet, n);
	x->answer.len += n;
	return len < udc_at(m->udc, MSC_EP_IN)->max_packet ||
	       x->answer.len == m->udc->setup.length || x->answer.len == ANSWER_MAX;
}

static void change_answer(struct mcu *m, struct mutation *x)
{
	size_t *len = &x->answer.len;

	for (size_t i = 0; i < x->n; i++)
		if (x->ops[i]->control_in)
			x->ops[i]->control_in(m, &m->udc->setup, x->answer.data, len, ANSWER_MAX,
					      x->state[i]);
	if (*len > m->udc->setup.length)
		*len = m->udc->setup.length;
	x->answer.whole = x->answer.more = true;
}

void mutate_ep0_in(struct mcu *m, const uint8_t *packet, size_t len)
{
	struct mutation *x = m->mutation;
	bool gone;

	if (!x) {
		udc_queue_ep0(m->udc, packet, len, false, true);
		return;
	}
	if (!udc_is_read(&m->udc->setup)) { /* who was lied to about wLength sends data here */
		gone = send(m, true, packet, 0);
	} else if (x->answer.whole || !is_whole(m, x, packet, len)) {
		gone = false;
	} else {
		change_answer(m, x);
		gone = send_next(m);
	}
	if (!gone)
		udc_tell_sent(m->udc, MSC_EP_IN);
}

void mutate_ep0_out(struct mcu *m)
{
	struct mutation *x = m->mutation;
	enum mutant_verdict v = MUTANT_PASS;
	const struct msc_setup *q = &m->udc->setup;

	for (size_t i = 0; x && i < x->n && v == MUTANT_PASS; i++)
		if (x->ops[i]->ep0_out)
			v = x->ops[i]->ep0_out(m, q, udc_is_read(q), x->state[i]);
	if (v == MUTANT_PASS)
		udc_receive_again(m->udc, 0);
	else if (v == MUTANT_STALL)
		udc_raw_stall(m->udc, 0);
}

void mutant_acknowledge(struct mcu *m)
{
	udc_queue_ep0(m->udc, "", 0, false, false);
}
