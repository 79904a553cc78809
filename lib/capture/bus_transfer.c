/* SPDX-License-Identifier: BSD-2-Clause */
/* Transactions become transfers. Where one ends is nowhere on the bus: a short packet, a STALL, the
 * length that is due, or that the host goes on to something else. */
#include <stdlib.h>
#include <string.h>

#include "capture/bus.h"
#include "wire/cost.h"
#include "wire/packet.h"

#define ERRORS_MAX  3		    /* EHCI 1.0, 4.15.1.1: then a host controller gives up */
#define STRANGE_MAX (64u << 10)	    /* of an endpoint of which nothing is known */
#define LONGEST	    (64u << 20)

static uint8_t next(uint8_t toggle)
{
	return toggle == TOGGLE_UNKNOWN ? toggle : toggle ^ 1;
}

static struct talk *talk_of(const struct pipe *p)
{
	return p->device->of_pipe[pipe_of(p->ep)];
}

static size_t max_packet(const struct pipe *p)
{
	size_t known = device_max_packet(p->device, p->ep);

	if (known)
		return known;
	if (!p->ep)
		return p->largest > 8 ? p->largest : 8;
	return p->device->speed == MSC_SPEED_HIGH ? 512 : 64;
}

static bool sends_data(const struct pipe *p)
{
	const struct talk *t = talk_of(p);

	return t && t->bot.in_data && t->bot.dir == MSC_DIR_OUT;
}

/* What the host must have made room for, in whole packets. */
static size_t room(const struct pipe *p)
{
	const struct talk *t = talk_of(p);
	size_t due = t ? talk_due_in(t) : MSC_CSW_LEN, packet = max_packet(p);

	return (due + packet - 1) / packet * packet;
}

/* ---- ends --------------------------------------------------------------------------------- */

static void tell(struct msc_capture *c, struct pipe *p, struct msc_transfer *t)
{
	t->kind = p->ep ? MSC_TRANSFER_BULK : MSC_TRANSFER_CONTROL;
	t->number = p->number;
	t->ep = p->ep;
	t->setup = p->setup;
	t->submitted_ns = p->began_ns;
	device_tell(c, p->device, t);
}

static void reset(struct pipe *p)
{
	p->active = false;
	p->len = p->offered = 0;
	p->naks = p->naks_before = 0;
	p->fresh = true;
	p->cut = p->lingers = p->unsure = false;
	p->silent = 0;
	p->stage = PIPE_IDLE;
}

/* How much was to move, as far as it can be known. */
static size_t asked(const struct pipe *p, enum msc_outcome outcome)
{
	if (!p->ep)
		return p->setup.length;
	if (p->ep & MSC_EP_IN)
		return p->len > room(p) ? p->len : room(p);
	if (sends_data(p) && outcome != MSC_OUT_DONE) {
		uint32_t left = talk_of(p)->bot.left;

		return left > p->len ? left : p->len;
	}
	return outcome == MSC_OUT_DONE ? p->len : p->len + p->offered;
}

/* After these both sides begin at DATA0: USB 2.0, 8.5.2, 9.1.1.5 and 9.4.5. */
static void follow_toggles(struct pipe *control)
{
	const struct msc_setup *s = &control->setup;
	struct device *d = control->device;

	for (unsigned n = 1; n < ENDPOINTS; n++) {
		struct pipe *p = d->pipes[n];
		bool clear = msc_setup_clears_halt(s) && p && s->index == p->ep;

		if (p &&
		    (clear || (s->request_type == 0 && s->request == MSC_STD_SET_CONFIGURATION) ||
		     (s->request_type == MSC_RECIPIENT_INTERFACE &&
		      s->request == MSC_STD_SET_INTERFACE)))
			p->toggle = 1; /* so that the next one is DATA0 */
	}
}

void pipe_end(struct msc_capture *c, struct pipe *p, enum msc_outcome outcome, int64_t at_ns)
{
	struct msc_transfer t = { .ended = true,
				  .outcome = outcome,
				  .asked = asked(p, outcome),
				  .actual = p->len,
				  .data = p->data,
				  .completed_ns = at_ns,
				  .naks = p->naks };
	bool in = p->ep ? p->ep & MSC_EP_IN : p->setup.request_type & MSC_REQTYPE_IN;

	t.kept = in || outcome == MSC_OUT_DONE ? p->len : p->len + p->offered;
	if (t.kept > t.asked)
		t.kept = t.asked;
	if (p->cut)
		t.kept = 0;
	if (outcome == MSC_OUT_CANCELLED &&
	    at_ns - (p->len ? p->moved_ns : p->began_ns) >= GAVE_UP_NS)
		t.outcome = MSC_OUT_TIMEOUT;
	if (!p->ep && outcome == MSC_OUT_DONE)
		follow_toggles(p);
	tell(c, p, &t);
	reset(p);
}

/* A controller goes on asking for as long as it wants to send: data that was taken, and no token after it,
 * was all of it. */
void pipe_left(struct msc_capture *c, struct pipe *p, int64_t at_ns)
{
	bool sent = p->ep && !(p->ep & MSC_EP_IN) && p->len && p->fresh;

	if (sent || p->lingers)
		pipe_end(c, p, MSC_OUT_DONE, p->last_ns);
	else
		pipe_end(c, p, MSC_OUT_CANCELLED, at_ns);
}

/* The host can do none of this while it waits for a transfer on such an endpoint. */
static void end_before(struct msc_capture *c, struct pipe *control, int64_t at_ns)
{
	const struct msc_setup *s = &control->setup;
	bool all = s->request_type == (MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE) ||
		   (s->request_type == 0 && s->request == MSC_STD_SET_CONFIGURATION);

	for (unsigned n = 1; n < ENDPOINTS; n++) {
		struct pipe *p = control->device->pipes[n];

		if (p && p->active &&
		    (all || p->lingers || at_ns - p->last_ns > PIPE_GAP_NS ||
		     (s->request_type == MSC_RECIPIENT_ENDPOINT && s->index == p->ep)))
			pipe_left(c, p, at_ns);
	}
}

/* A host that asks for the CSW is through with the data, unless it asked for it beforehand. Then the
 * data may go on, or end in a STALL; the next command shows that it did not. */
static void end_out(struct msc_capture *c, const struct pipe *in, int64_t at_ns)
{
	struct talk *t = talk_of(in);
	struct pipe *out = t ? t->device->pipes[pipe_of(t->is.device.ep_out)] : NULL;

	if (!out || !out->active || !out->len)
		return;
	if (at_ns - out->last_ns > PIPE_REST_NS)
		pipe_end(c, out, MSC_OUT_DONE, out->last_ns);
	else
		out->lingers = true;
}

/* The packet that was taken just now is a CBW, and what lingers has ended long since. */
static void end_lingering(struct msc_capture *c, struct pipe *out, int64_t at_ns)
{
	size_t len = out->len, offered = out->offered;
	uint8_t toggle = out->offered_toggle;

	if (!out->lingers || offered != MSC_CBW_LEN || !msc_cbw_is_valid(out->data + len, offered))
		return;
	out->offered = 0;
	pipe_end(c, out, MSC_OUT_DONE, at_ns);
	memmove(out->data, out->data + len, offered);
	out->offered = offered;
	out->offered_toggle = toggle;
	pipe_begin(c, out, out->last_ns);
}

/* ---- beginnings --------------------------------------------------------------------------- */

void pipe_begin(struct msc_capture *c, struct pipe *p, int64_t at_ns)
{
	struct msc_transfer t = { .naks = -1 };

	p->active = true;
	p->number = ++c->number;
	p->began_ns = at_ns;
	p->quiet_ns = 0;
	tell(c, p, &t);
}

void pipe_setup(struct msc_capture *c, struct pipe *p, int64_t at_ns)
{
	int64_t began = p->last_ns;
	size_t offered = p->offered;
	const uint8_t *raw = p->data + p->len; /* the buffer stays where it is */
	bool cut = p->cut;

	if (p->unsure)
		device_lost(p->device);
	else if (p->active)
		pipe_end(c, p, MSC_OUT_CANCELLED, at_ns);
	reset(p);
	if (offered != MSC_SETUP_LEN || cut)
		return;
	msc_setup_unpack(&p->setup, raw);
	end_before(c, p, began);
	p->stage = p->setup.length ? PIPE_DATA : PIPE_STATUS;
	p->toggle = 0; /* the next one is DATA1 */
	pipe_begin(c, p, began);
}

/* ---- packets ------------------------------------------------------------------------------ */

void pipe_offer(struct msc_capture *c, struct pipe *p, uint8_t toggle, const uint8_t *data,
		size_t len, size_t kept)
{
	size_t most = talk_of(p) || !p->ep || p->device->guess_out == p->ep ? LONGEST : STRANGE_MAX;

	if (p->len + len > most)
		p->len = 0; /* nobody looks at it */
	if (p->len + len > p->room) {
		size_t size = 2 * (p->len + len) + MSC_PAYLOAD_MAX;
		uint8_t *grown = realloc(p->data, size);

		if (!grown) {
			c->no_memory = true;
			p->offered = 0;
			return;
		}
		p->data = grown;
		p->room = size;
	}
	if (kept)
		memcpy(p->data + p->len, data, kept);
	if (kept < len) {
		memset(p->data + p->len + kept, 0, len - kept);
		p->cut = true;
	}
	p->offered = len;
	p->offered_toggle = toggle;
}

/* The packet before once more, because its ACK did not arrive: 8.6.4. When it is another one, the packet
 * between them is missing. */
static bool is_repeated(const struct pipe *p)
{
	return !p->len || (p->last_len == p->offered && p->len >= p->last_len &&
			   !memcmp(p->data + p->len - p->last_len, p->data + p->len, p->offered));
}

static void moved_control(struct msc_capture *c, struct pipe *p, bool in, int64_t at_ns)
{
	bool reads = p->setup.request_type & MSC_REQTYPE_IN && p->setup.length;

	if (!p->active) { /* its SETUP was not seen, and it may have changed anything */
		device_lost(p->device);
		return;
	}
	if (in != reads && p->unsure) { /* its data may be whole or not */
		device_lost(p->device);
		return;
	}
	if (in != reads) { /* the status stage is DATA1: 8.5.3. A host that gets DATA0 asks again */
		if (p->offered_toggle)
			pipe_end(c, p, MSC_OUT_DONE, at_ns);
		else
			c->facts.retries++;
		return;
	}
	if (p->offered_toggle == p->toggle) {
		c->facts.retries++;
		if (p->unsure || !is_repeated(p))
			device_lost(p->device);
		return;
	}
	p->toggle = p->offered_toggle;
	p->last_len = p->offered;
	p->unsure = false;
	p->moved_ns = at_ns;
	p->len += p->offered;
	if (p->offered > p->largest)
		p->largest = p->offered;
	if (p->len > p->setup.length) {
		p->len = p->setup.length;
		pipe_end(c, p, MSC_OUT_BABBLE, at_ns);
	}
}

static bool is_whole(const struct pipe *p, bool in)
{
	if (p->offered < max_packet(p))
		return true;
	if (in)
		return p->len >= room(p);
	return sends_data(p) && p->len >= talk_of(p)->bot.left;
}

/* Now there is a new command, and the IN endpoint was asked long ago, and then no more; or it was asked
 * for the CSW of the one before, which had come where its data was due. */
static void end_stale(struct msc_capture *c, const struct pipe *out, int64_t at_ns)
{
	struct talk *t = talk_of(out);
	struct pipe *in = t ? t->device->pipes[pipe_of(t->is.device.ep_in)] : NULL;

	if (in && in->active &&
	    (at_ns - in->last_ns > PIPE_GAP_NS ||
	     (t->bot.early_status && !in->len && in->began_ns < out->began_ns)))
		pipe_end(c, in, MSC_OUT_CANCELLED, at_ns);
}

/* The host goes on, on the other endpoint, from a packet of which no handshake was seen. */
static bool is_unsure(const struct pipe *p)
{
	const struct talk *t = talk_of(p);
	const struct pipe *in, *out;

	if (!t)
		return false;
	in = p->device->pipes[pipe_of(t->is.device.ep_in)];
	out = p->device->pipes[pipe_of(t->is.device.ep_out)];
	return (p->device->pipes[0] && p->device->pipes[0]->unsure) ||
	       (in && in != p && in->unsure) || (out && out != p && out->unsure);
}

static void tell_packet(struct msc_capture *c, struct pipe *p, int64_t at_ns)
{
	const struct talk *t = talk_of(p);

	if (c->o.packet && t)
		c->o.packet(c->o.user, &t->is,
			    &(struct msc_bus_packet){ .ep = p->ep,
						      .asked_ns = p->asked_ns,
						      .at_ns = at_ns,
						      .len = p->offered,
						      .naks = p->naks - p->naks_before });
	p->naks_before = p->naks;
	p->fresh = true;
}

/* A CSW says that more data has come than is here, and the endpoint was not asked for as long as what is
 * missing would have taken. */
static bool is_behind_hole(const struct pipe *p)
{
	const struct talk *t = talk_of(p);
	const uint8_t *csw = p->data + p->len;
	uint64_t due, residue;

	if (!t || !p->len || p->offered != MSC_CSW_LEN || !t->bot.in_data ||
	    t->bot.dir != MSC_DIR_IN || msc_get_le32(csw) != MSC_CSW_SIGNATURE ||
	    csw[MSC_CSW_LEN - 1] != MSC_CSW_PASSED)
		return false;
	due = t->bot.left - p->len;
	residue = msc_get_le32(csw + 8);
	return p->len < t->bot.left && residue < due &&
	       (double)p->quiet_ns >=
		       (double)(due - residue) * 8 * msc_wire_cost(p->device->speed)->bit_ns;
}

void pipe_moved(struct msc_capture *c, struct pipe *p, bool in, int64_t at_ns)
{
	if (!p->ep) {
		moved_control(c, p, in, at_ns);
		p->offered = 0;
		return;
	}
	if (p->unsure && p->offered_toggle != p->unsure_toggle) {
		device_lost(p->device); /* it was taken, then */
		return;
	}
	if (p->toggle != TOGGLE_UNKNOWN && p->offered_toggle != next(p->toggle)) {
		c->facts.retries++;
		if (p->unsure || !is_repeated(p))
			device_lost(p->device);
		p->offered = 0;
		return;
	}
	p->toggle = p->offered_toggle;
	p->last_len = p->offered;
	p->unsure = false;
	if (is_unsure(p)) {
		device_lost(p->device);
		return;
	}
	if (in)
		end_out(c, p, at_ns);
	else
		end_lingering(c, p, at_ns);
	if (!in && !p->len)
		end_stale(c, p, at_ns);
	if (in && is_behind_hole(p)) {
		device_lost(p->device);
		p->offered = 0;
		return;
	}
	p->moved_ns = at_ns;
	p->len += p->offered;
	tell_packet(c, p, at_ns);
	if (is_whole(p, in)) {
		p->offered = 0;
		pipe_end(c, p, MSC_OUT_DONE, at_ns);
	}
	p->offered = 0;
}

void pipe_stalled(struct msc_capture *c, struct pipe *p, int64_t at_ns)
{
	if (!p->active)
		return;
	if (p->ep & MSC_EP_IN)
		end_out(c, p, at_ns);
	pipe_end(c, p, MSC_OUT_STALL, at_ns);
}

void pipe_unanswered(struct msc_capture *c, struct pipe *p, bool in, bool data, int64_t at_ns)
{
	if (!p->active)
		return;
	if (in && data && p->offered && p->offered_toggle != p->toggle &&
	    p->len + p->offered > (p->ep ? room(p) : p->setup.length)) {
		p->offered = 0;
		pipe_end(c, p, MSC_OUT_BABBLE, at_ns);
	} else if (data) {
		p->unsure = true;
		p->unsure_toggle = p->offered_toggle;
	} else if (++p->silent >= ERRORS_MAX) {
		pipe_end(c, p, MSC_OUT_ERROR, at_ns);
	}
}

void pipes_reset(struct msc_capture *c, struct device *d, int64_t at_ns)
{
	for (unsigned n = 1; n < ENDPOINTS; n++) {
		struct pipe *p = d->pipes[n];

		if (p && p->active)
			pipe_left(c, p, at_ns);
		if (p)
			p->toggle = 1;
	}
}

void device_lost(struct device *d)
{
	for (unsigned n = 0; n < ENDPOINTS; n++) {
		struct pipe *p = d->pipes[n];

		if (!p)
			continue;
		reset(p);
		p->toggle = TOGGLE_UNKNOWN;
	}
	for (size_t i = 0; i < d->n_talks; i++)
		talk_lost(d->talks[i]);
}
