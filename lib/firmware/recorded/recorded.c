/* SPDX-License-Identifier: BSD-2-Clause */
/* `sim:recorded,capture=FILE`: a device that answers as a recorded one did, with its times, as far as the
 * capture knows.
 *
 * A command is looked for in the capture from where the last one was found, and then from the beginning:
 * what was asked more than once is answered in the recorded order. Failing that:
 *
 *	the same command with another allocation length: the recorded answer, cut to it
 *	READ of blocks that went over the wire, or were written since: those
 *	WRITE: as the recorded device took the nearest in length, and the blocks are kept
 *	what is no valid CBW: what came on bulk-in after such a one; else STALL (BOT 1.0, 6.6.1)
 *	anything else: status 01h; INVALID COMMAND OPERATION CODE, of a READ UNRECOVERED READ ERROR
 *
 * and a line on the debug port says what the capture does not know. A bus that the capture was taken on
 * has its share in the recorded times: they count from the end of the CBW to the end of the data, and of the
 * status.
 */
#include <stdlib.h>
#include <string.h>

#include "firmware/firmware.h"
#include "firmware/recorded/recorded.h"

static uint32_t max_packet(struct mcu *m)
{
	return mcu_speed(m) == MSC_SPEED_HIGH ? PACKET_HS : PACKET_FS;
}

/* The bus' own share, when packets follow each other. */
static int64_t on_bus(struct mcu *m, size_t len)
{
	int64_t packets = (int64_t)(len / max_packet(m)) + 1;

	return mcu_speed(m) == MSC_SPEED_HIGH ? packets * 125000 / 13 : packets * 1000000 / 19;
}

static void listen(struct mcu *m)
{
	struct recorded *s = mcu_state(m);

	s->phase = LISTENING;
	if (!udc_busy(m, s->endpoints[1].address))
		udc_receive(m, s->endpoints[1].address, s->packet, max_packet(m));
}

/* -- phases ---------------------------------------------------------------------------------- */

static void send_status(struct mcu *m, void *arg)
{
	struct recorded *s = mcu_state(m);
	const uint8_t ep = s->endpoints[0].address;
	size_t len = s->answer.status_len;

	(void)arg;
	if (s->phase != STATUS || udc_busy(m, ep))
		return;
	memcpy(s->status, s->answer.status, len);
	/* Whatever the recorded device did to the tag is done to this one. */
	if (len >= 8 && msc_get_le32(s->status + 4) == s->answer.cbw.h.tag)
		msc_put_le32(s->status + 4, s->cbw.h.tag);
	udc_transmit(m, ep, s->status, len);
}

static void after(struct mcu *m, int64_t at_ns, size_t len, void (*fn)(struct mcu *, void *))
{
	struct recorded *s = mcu_state(m);
	int64_t wait_ns = s->began_ns + at_ns - on_bus(m, len) - mcu_now(m);

	mcu_timer(m, wait_ns > 0 ? wait_ns : 0, fn, NULL);
}

static void end_data(struct mcu *m)
{
	struct recorded *s = mcu_state(m);
	const struct tape_exchange *a = &s->answer;
	bool in = s->cbw.h.flags & MSC_CBW_FLAG_IN;

	if (a->data_end == TAPE_STALL)
		udc_stall(m, s->endpoints[in ? 0 : 1].address);
	s->phase = STATUS;
	if (a->status_end != TAPE_DONE || a->data_end == TAPE_NEVER)
		s->phase = DEAF;
	else if (a->in_data)
		listen(m); /* it went with the data */
	else
		after(m, a->status_ns, a->status_len, send_status);
}

static void send_data(struct mcu *m, void *arg)
{
	struct recorded *s = mcu_state(m);
	const struct tape_exchange *a = &s->answer;
	size_t len = a->data_len;

	(void)arg;
	if (s->phase != SENDING)
		return;
	if (a->in_data && len + a->status_len <= ROOM) {
		memmove(s->store->buffer, a->data, len);
		memcpy(s->store->buffer + len, a->status, a->status_len);
		if (a->status_len >= 8 && msc_get_le32(a->status + 4) == a->cbw.h.tag)
			msc_put_le32(s->store->buffer + len + 4, s->cbw.h.tag);
		udc_transmit(m, s->endpoints[0].address, s->store->buffer, len + a->status_len);
		return;
	}
	s->zlp = len && len < s->cbw.h.length && len % max_packet(m) == 0 &&
		 a->data_end == TAPE_DONE;
	if (len || a->data_end == TAPE_DONE)
		udc_transmit(m, s->endpoints[0].address, a->data, len);
	else
		end_data(m);
}

static void take_data(struct mcu *m, size_t len)
{
	struct recorded *s = mcu_state(m);

	recorded_keep(m, s, len);
	end_data(m);
}

static void receive_data(struct mcu *m)
{
	struct recorded *s = mcu_state(m);
	size_t len = s->answer.data_len < ROOM ? s->answer.data_len : ROOM;

	if (len)
		udc_receive(m, s->endpoints[1].address, s->store->buffer, len);
	else
		end_data(m);
}

static void execute(struct mcu *m)
{
	struct recorded *s = mcu_state(m);

	s->began_ns = mcu_now(m);
	s->zlp = false;
	recorded_answer(m, s);
	if (!s->cbw.h.length) {
		end_data(m);
	} else if (s->cbw.h.flags & MSC_CBW_FLAG_IN) {
		s->phase = SENDING;
		after(m, s->answer.data_ns, s->answer.data_len, send_data);
	} else {
		s->phase = RECEIVING;
		receive_data(m);
	}
}

/* What is no valid CBW. What the recorded device did on bulk-in is known, or BOT 1.0, 6.6.1 says it. */
static void take_wrapper(struct mcu *m, size_t len)
{
	struct recorded *s = mcu_state(m);
	const struct tape_wrapper *w = recorded_wrapper(s, len);

	if (!w)
		mcu_print(m, "not in the capture: a CBW that is not valid, of %zu bytes", len);
	if (!w || w->end == TAPE_STALL) {
		s->phase = DEAF;
		udc_stall(m, s->endpoints[0].address);
		udc_stall(m, s->endpoints[1].address);
	} else if (w->end == TAPE_NEVER) {
		listen(m);
	} else {
		s->began_ns = mcu_now(m);
		s->cbw.h.tag = len >= 8 ? msc_get_le32(s->packet + 4) : 0;
		s->answer = (struct tape_exchange){ .status_len = w->answer_len };
		s->answer.cbw.h.tag = w->len >= 8 ? msc_get_le32(w->raw + 4) : 0;
		memcpy(s->answer.status, w->answer, w->answer_len);
		s->phase = STATUS;
		after(m, w->ns, w->answer_len, send_status);
	}
}

static void out_done(struct mcu *m, uint8_t ep, size_t len)
{
	struct recorded *s = mcu_state(m);

	(void)ep;
	if (s->phase == RECEIVING) {
		take_data(m, len);
		return;
	}
	if (len != MSC_CBW_LEN || msc_get_le32(s->packet) != MSC_CBW_SIGNATURE) {
		take_wrapper(m, len);
		return;
	}
	msc_cbw_unpack(&s->cbw, s->packet);
	execute(m);
}

static void in_done(struct mcu *m, uint8_t ep)
{
	struct recorded *s = mcu_state(m);

	if (s->phase == SENDING && s->zlp) {
		s->zlp = false;
		udc_transmit(m, ep, s->status, 0);
	} else if (s->phase == SENDING) {
		end_data(m);
	} else if (s->phase == STATUS) {
		listen(m);
	}
}

/* -- endpoint 0 ------------------------------------------------------------------------------ */

static void stop(struct mcu *m)
{
	struct recorded *s = mcu_state(m);

	for (size_t i = 0; i < 2; i++)
		if (udc_busy(m, s->endpoints[i].address))
			udc_abort(m, s->endpoints[i].address);
}

static bool is_descriptor(const struct msc_setup *q)
{
	return q->request_type == MSC_REQTYPE_IN && q->request == MSC_STD_GET_DESCRIPTOR;
}

/* The longest answer that was ever given; of what is no descriptor, to the same length. */
static const struct tape_request *request(const struct recorded *s, const struct msc_setup *q)
{
	const struct tape *t = s->store->tape;
	const struct tape_request *best = NULL;

	for (size_t i = 0; i < t->n_requests; i++) {
		const struct tape_request *r = &t->requests[i];

		if (r->setup.request_type == q->request_type && r->setup.request == q->request &&
		    r->setup.value == q->value && r->setup.index == q->index &&
		    (is_descriptor(q) || r->setup.length == q->length) &&
		    (!best || (!r->stalled && r->len > best->len)))
			best = r;
	}
	return best;
}

static bool answer_request(struct mcu *m, const struct msc_setup *q)
{
	struct recorded *s = mcu_state(m);
	const struct tape *t = s->store->tape;
	const struct tape_request *r = request(s, q);
	bool descriptor = is_descriptor(q);

	if (!descriptor && q->request != MSC_REQ_GET_MAX_LUN)
		return false;
	if (r && r->stalled) {
		usbd_stall(m, &s->usbd);
	} else if (descriptor && q->value == MSC_DESC_CONFIGURATION << 8 && t->config_len) {
		usbd_send(m, &s->usbd, t->config,
			  t->config_len < USBD_ANSWER_MAX ? t->config_len : USBD_ANSWER_MAX);
	} else if (r) {
		usbd_send(m, &s->usbd, r->data, r->len);
	} else {
		return false;
	}
	return true;
}

static void setup(struct mcu *m, const struct msc_setup *q)
{
	static const uint8_t one_unit = 0;
	struct recorded *s = mcu_state(m);

	usbd_begin(&s->usbd, q);
	if (answer_request(m, q) || usbd_setup(m, &s->usbd, q))
		return;
	if (q->request == MSC_REQ_GET_MAX_LUN && q->request_type & MSC_REQTYPE_IN && !q->value &&
	    q->length == 1) {
		usbd_send(m, &s->usbd, &one_unit, 1);
	} else if (q->request == MSC_REQ_BULK_ONLY_RESET && !(q->request_type & MSC_REQTYPE_IN) &&
		   !q->value && q->index < UINT8_MAX && !q->length) {
		stop(m);
		listen(m);
		usbd_ack(m, &s->usbd);
	} else {
		usbd_stall(m, &s->usbd);
	}
}

USBD_EP0(struct recorded)

static void configured(struct mcu *m, uint8_t value)
{
	struct recorded *s = mcu_state(m);

	s->phase = DEAF;
	if (value)
		listen(m);
}

static void reset(struct mcu *m)
{
	struct recorded *s = mcu_state(m);

	s->phase = DEAF;
	usbd_reset(m, &s->usbd);
}

/* -- the tape -------------------------------------------------------------------------------- */

static void start(struct mcu *m)
{
	struct recorded *s = mcu_state(m);
	const struct tape *t = s->store->tape;

	s->endpoints[0] = (struct usbd_endpoint){ t->ep_in, PACKET_FS, PACKET_HS, 0 };
	s->endpoints[1] = (struct usbd_endpoint){ t->ep_out, PACKET_FS, PACKET_HS, 0 };
	s->interface = (struct usbd_interface){ .interface_class = MSC_CLASS_MASS_STORAGE,
						.subclass = MSC_SUBCLASS_SCSI,
						.protocol = MSC_PROTOCOL_BULK_ONLY,
						.endpoints = s->endpoints,
						.n_endpoints = 2 };
	s->desc = (struct usbd_descriptors){ .device = t->desc,
					     .attributes = 0x80,
					     .max_power = 50,
					     .high_speed = true,
					     .interfaces = &s->interface,
					     .n_interfaces = 1 };
	if (!t->described) {
		s->desc.device = (struct msc_device_desc){ .usb = 0x0200,
							   .vendor = 0x1209,
							   .product = 0x0003 };
		mcu_print(m, "not in the capture: descriptors; they are made up");
	}
	s->usbd.desc = &s->desc;
	s->usbd.configured = configured;
}

static int prepare(const struct msc_firmware *fw, void *state, bool *full_speed,
		   struct msc_err *err)
{
	struct recorded *s = state;

	(void)fw;
	if (!*s->knob.path)
		return msc_fail(
			err, MSC_E_USAGE,
			"sim:recorded answers as a capture says: sim:recorded,capture=FILE");
	s->store = calloc(1, sizeof *s->store);
	if (!s->store)
		return msc_nomem(err);
	s->store->tape = tape_read(s->knob.path, s->knob.number, err);
	if (!s->store->tape)
		return -1;
	*full_speed = s->store->tape->speed != MSC_SPEED_HIGH;
	return 0;
}

static void release(void *state)
{
	struct recorded *s = state;

	if (!s->store)
		return;
	for (size_t i = 0; i < s->store->n_writes; i++)
		free(s->store->writes[i].data);
	tape_free(s->store->tape);
	free(s->store);
}

static const struct msc_knob knobs[] = {
	{"capture", MSC_KNOB_TEXT, offsetof(struct recorded, knob.path), NULL,
	 "the capture with the answers: any that decode reads", 0, 0, NULL,
	 sizeof((struct recorded *)0)->knob.path},
	{"number", MSC_KNOB_U32, offsetof(struct recorded, knob.number), "0",
	 "which mass-storage interface in the capture; 0: the first", 0, 1000, NULL, 0},
	{0},
};

const struct msc_firmware msc_firmware_recorded = {
	.name = "recorded",
	.summary = "answers as the device in a capture did, with its times",
	.like = "whatever was recorded",
	.expect =
		"what was found in the recording, as far as the capture knows; needs capture=FILE",
	.state_size = sizeof(struct recorded),
	.knobs = knobs,
	.prepare = prepare,
	.release = release,
	.vectors = {.start = start,
		    .reset = reset,
		    .setup = setup,
		    .ep0_in = ep0_in,
		    .ep0_out = ep0_out,
		    .in_done = in_done,
		    .out_done = out_done},
};
