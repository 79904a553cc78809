/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose transfers are whose: which interface of which device is mass storage, by its descriptors or by
 * what goes over its endpoints; what has become of the device behind an address. */
#include <stdlib.h>
#include <string.h>

#include "capture/internal.h"

#define DEVICES_MAX 1024

/* ---- devices ------------------------------------------------------------------------------ */

static struct device *new_device(struct msc_capture *c, uint16_t bus, uint16_t address)
{
	struct device **list = c->devices;

	if (c->n_devices == DEVICES_MAX) {
		c->facts.other++;
		return NULL;
	}
	if (c->n_devices == c->devices_room) {
		list = realloc(list, (c->devices_room * 2 + 16) * sizeof(struct device *));
		if (list) {
			c->devices = list;
			c->devices_room = c->devices_room * 2 + 16;
		}
	}
	if (list)
		list[c->n_devices] = calloc(1, sizeof **list);
	if (!list || !list[c->n_devices]) {
		c->no_memory = true;
		return NULL;
	}
	list[c->n_devices]->bus = bus;
	list[c->n_devices]->address = address;
	c->facts.devices += address != 0;
	return list[c->n_devices++];
}

struct device *device_get(struct msc_capture *c, uint16_t bus, uint16_t address)
{
	if (c->last && c->last->bus == bus && c->last->address == address)
		return c->last;
	for (size_t i = 0; i < c->n_devices; i++)
		if (c->devices[i]->bus == bus && c->devices[i]->address == address)
			return c->last = c->devices[i];
	return c->last = new_device(c, bus, address);
}

uint16_t device_max_packet(const struct device *d, uint8_t ep)
{
	const struct talk *t = d->of_pipe[pipe_of(ep)];

	if (!ep)
		return d->have_desc ? d->desc[7] : 0;
	if (!t)
		return 0;
	return ep & MSC_EP_IN ? t->is.device.max_packet_in : t->is.device.max_packet_out;
}

/* ---- entries of which nobody knows yet whose they are ---------------------------------------- */

static void drop_held(struct device *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		d->held_bytes -= d->held[i].t.kept;
		free(d->held[i].data);
	}
	d->n_held -= n;
	memmove(d->held, d->held + n, d->n_held * sizeof d->held[0]);
}

static void hold(struct msc_capture *c, struct device *d, const struct msc_transfer *t)
{
	struct held *h;

	if (d->n_held == HELD_MAX)
		drop_held(d, 1);
	h = &d->held[d->n_held];
	h->t = *t;
	h->data = NULL;
	if (!t->data || t->kept > HELD_BYTES - d->held_bytes)
		h->t.kept = 0;
	if (h->t.kept) {
		h->data = malloc(h->t.kept);
		if (!h->data) {
			c->no_memory = true;
			return;
		}
		memcpy(h->data, t->data, h->t.kept);
	}
	h->t.data = h->data;
	d->held_bytes += h->t.kept;
	d->n_held++;
}

/* A request to one interface, or to its endpoints, is not told to the others. */
static bool concerns(const struct talk *t, const struct msc_transfer *x)
{
	const struct msc_setup *s = &x->setup;
	const struct device *d = t->device;
	uint8_t type = s->request_type & MSC_REQTYPE_TYPE;

	switch (s->request_type & MSC_REQTYPE_RECIPIENT) {
	case MSC_RECIPIENT_INTERFACE:
		if ((uint8_t)s->index == t->is.device.interface_number)
			return true;
		for (size_t i = 0; i < d->n_talks; i++)
			if (d->talks[i]->is.device.interface_number == (uint8_t)s->index)
				return false;
		return type == MSC_REQTYPE_STANDARD || s->request >= MSC_REQ_GET_MAX_LUN ||
		       !t->is.described;
	case MSC_RECIPIENT_ENDPOINT: {
		const struct talk *owner =
			d->of_pipe[pipe_of((uint8_t)s->index & (MSC_EP_IN | MSC_EP_NUMBER))];

		return !owner || owner == t;
	}
	default: return true;
	}
}

/* Tells what was held to whom it turned out to belong. */
static void release(struct device *d)
{
	for (size_t i = 0; i < d->n_held; i++) {
		const struct msc_transfer *x = &d->held[i].t;

		for (size_t n = 0; n < d->n_talks; n++)
			if (x->ep ? d->of_pipe[pipe_of(x->ep)] == d->talks[n]
				  : concerns(d->talks[n], x))
				talk_tell(d->talks[n], x);
	}
	drop_held(d, d->n_held);
	d->guess_out = 0;
}

/* ---- descriptors -------------------------------------------------------------------------- */

static void retire(struct device *d)
{
	for (size_t i = 0; i < d->n_talks; i++)
		talk_end(d->talks[i]);
	d->n_talks = 0;
	d->left = 0;
	d->guess_out = 0;
	if (d->guessed_speed)
		d->speed = MSC_SPEED_UNKNOWN;
	d->guessed_speed = false;
}

/* Nothing in a driver's capture says how fast the device was but the size of its packets, as it was told
 * first. */
static enum msc_speed speed_by_packets(uint16_t bulk)
{
	return bulk >= 1024 ? MSC_SPEED_SUPER : bulk >= 512 ? MSC_SPEED_HIGH : MSC_SPEED_FULL;
}

static void describe(const struct device *d, struct msc_device *dev)
{
	*dev = (struct msc_device){ .speed = d->speed };
	if (d->have_desc)
		msc_device_desc_unpack(&dev->desc, d->desc);
}

/* The interface whose descriptor is at this place: what comes before it is left out, so that it is
 * the first. */
static bool parse_at(const struct device *d, size_t at, struct msc_device *dev)
{
	struct msc_err ignored = MSC_ERR_INIT;

	describe(d, dev);
	memcpy(dev->config, d->config, MSC_CONFIG_DESC_LEN);
	memcpy(dev->config + MSC_CONFIG_DESC_LEN, d->config + at, d->config_len - at);
	dev->config_len = MSC_CONFIG_DESC_LEN + d->config_len - at;
	if (msc_device_parse(dev, &ignored) < 0)
		return false;
	memcpy(dev->config, d->config, d->config_len);
	dev->config_len = d->config_len;
	return true;
}

static void found(struct msc_capture *c, struct device *d, struct msc_device *dev)
{
	struct talk *in = d->of_pipe[pipe_of(dev->ep_in)];

	if (d->speed == MSC_SPEED_UNKNOWN) {
		d->speed = speed_by_packets(dev->max_packet_in);
		d->guessed_speed = true;
	}
	dev->speed = d->speed;

	if (in && in == d->of_pipe[pipe_of(dev->ep_out)])
		talk_device(in, dev);
	else if (!in && !d->of_pipe[pipe_of(dev->ep_out)] && !(d->left >> pipe_of(dev->ep_in) & 1))
		talk_new(c, d, dev);
}

static void find_interfaces(struct msc_capture *c, struct device *d)
{
	struct msc_device dev;

	for (size_t at = MSC_CONFIG_DESC_LEN; at + MSC_INTERFACE_DESC_LEN <= d->config_len;
	     at += d->config[at]) {
		const uint8_t *p = d->config + at;

		if (p[0] < 2)
			break;
		if (p[1] == MSC_DESC_INTERFACE && p[0] >= MSC_INTERFACE_DESC_LEN &&
		    p[5] == MSC_CLASS_MASS_STORAGE && p[7] == MSC_PROTOCOL_BULK_ONLY &&
		    parse_at(d, at, &dev))
			found(c, d, &dev);
	}
	if (d->n_talks)
		release(d);
}

static void learn_device(struct msc_capture *c, struct device *d, const uint8_t *desc)
{
	if (d->have_desc && memcmp(d->desc, desc, sizeof d->desc) != 0) {
		retire(d); /* another one has come to this address */
		d->config_len = 0;
	}
	memcpy(d->desc, desc, sizeof d->desc);
	d->have_desc = true;
	if (d->config_len && d->address)
		find_interfaces(c, d);
}

static void learn_config(struct msc_capture *c, struct device *d, const uint8_t *config, size_t len)
{
	if (len > sizeof d->config || (d->config_len == len && !memcmp(d->config, config, len)))
		return;
	memcpy(d->config, config, len);
	d->config_len = len;
	if (d->address)
		find_interfaces(c, d);
}

static void learn(struct msc_capture *c, struct device *d, const struct msc_transfer *t)
{
	const struct msc_setup *s = &t->setup;
	const uint8_t *p = t->data;
	size_t total;

	if (s->request_type != MSC_REQTYPE_IN || s->request != MSC_STD_GET_DESCRIPTOR ||
	    t->kept < 4 || t->kept < t->actual)
		return;
	total = msc_get_le16(p + 2); /* it can be wrong: a device that sends less has no more */
	if (s->value >> 8 == MSC_DESC_DEVICE && t->kept == MSC_DEVICE_DESC_LEN &&
	    p[1] == MSC_DESC_DEVICE)
		learn_device(c, d, p);
	else if (s->value == MSC_DESC_CONFIGURATION << 8 && t->kept >= MSC_CONFIG_DESC_LEN &&
		 p[1] == MSC_DESC_CONFIGURATION && (total <= t->kept || t->actual < s->length))
		learn_config(c, d, p, total < t->kept ? total : t->kept);
}

/* ---- resets ------------------------------------------------------------------------------- */

/* Whoever was spoken to at address 0 has got an address: it was reset, for there is no other way to
 * get there. What was said to it at address 0 is its own. */
static void adopt(struct msc_capture *c, struct device *d, int64_t at_ns)
{
	struct device *zero = device_get(c, d->bus, 0);
	bool *pending = &c->zero[d->bus % MSC_COUNT(c->zero)];
	int64_t began_ns = c->zero_ns[d->bus % MSC_COUNT(c->zero)];

	if (!zero || zero == d || !*pending)
		return;
	*pending = false;
	if (zero->have_desc && d->have_desc && memcmp(zero->desc, d->desc, sizeof d->desc) != 0) {
		retire(d);
		d->config_len = 0;
	}
	pipes_reset(c, d, began_ns);
	for (size_t i = 0; i < d->n_talks; i++)
		talk_port_reset(d->talks[i], began_ns, at_ns);
	for (size_t i = 0; i < zero->n_held; i++) {
		for (size_t n = 0; n < d->n_talks; n++)
			talk_tell(d->talks[n], &zero->held[i].t);
		if (!d->n_talks)
			hold(c, d, &zero->held[i].t);
	}
	drop_held(zero, zero->n_held);
	if (zero->have_desc)
		learn_device(c, d, zero->desc);
	if (zero->config_len)
		learn_config(c, d, zero->config, zero->config_len);
	zero->have_desc = false;
	zero->config_len = 0;
}

static bool asks_for_device(const struct msc_transfer *t)
{
	return t->setup.request_type == MSC_REQTYPE_IN &&
	       t->setup.request == MSC_STD_GET_DESCRIPTOR && t->setup.value >> 8 == MSC_DESC_DEVICE;
}

static bool sets_address(const struct msc_transfer *t)
{
	return t->setup.request_type == 0 && t->setup.request == MSC_STD_SET_ADDRESS;
}

/* Address 0 on a host whose controller sets addresses by itself is left without a SET_ADDRESS. True: the
 * transfer has been told to whom it made. */
static bool watch_addresses(struct msc_capture *c, struct device *d, const struct msc_transfer *t)
{
	size_t bus = d->bus % MSC_COUNT(c->zero);

	if (d->address) {
		if (!t->ended && asks_for_device(t) && c->zero[bus])
			adopt(c, d, t->submitted_ns);
	} else if (!t->ended && !c->zero[bus]) {
		c->zero[bus] = true;
		c->zero_ns[bus] = t->submitted_ns;
	} else if (t->ended && sets_address(t) && t->outcome == MSC_OUT_DONE) {
		struct device *new = device_get(c, d->bus, t->setup.value & 0x7f);

		if (!new)
			return false;
		if (new->speed == MSC_SPEED_UNKNOWN)
			new->speed = d->speed;
		hold(c, d, t);
		adopt(c, new, t->completed_ns);
		return true;
	}
	return false;
}

/* ---- by traffic --------------------------------------------------------------------------- */

/* A pair of endpoints of which no descriptor tells. */
static void take_pair(struct msc_capture *c, struct device *d, uint8_t in)
{
	struct msc_device dev;
	struct msc_err ignored = MSC_ERR_INIT;

	describe(d, &dev);
	memcpy(dev.config, d->config, d->config_len);
	dev.config_len = d->config_len;
	if (!d->config_len || msc_device_parse(&dev, &ignored) < 0 || dev.ep_in != in ||
	    dev.ep_out != d->guess_out) {
		describe(d, &dev);
		dev.ep_in = in;
		dev.ep_out = d->guess_out;
		dev.interface_class = MSC_CLASS_MASS_STORAGE;
		dev.subclass = MSC_SUBCLASS_SCSI;
		dev.protocol = MSC_PROTOCOL_BULK_ONLY;
	}
	if (talk_new(c, d, &dev))
		release(d);
	d->guess_out = 0;
}

/* Enough was held: the first endpoint that the host asked after the CBW is the one. */
static void decide(struct msc_capture *c, struct device *d)
{
	for (size_t i = 0; i < d->n_held; i++) {
		const struct msc_transfer *t = &d->held[i].t;

		if (t->ep & MSC_EP_IN && !d->of_pipe[pipe_of(t->ep)]) {
			take_pair(c, d, t->ep);
			return;
		}
	}
	drop_held(d, d->n_held);
	d->guess_out = 0;
}

static bool is_csw(const struct msc_transfer *t, uint32_t tag)
{
	const uint8_t *p = t->data;

	return t->kept == MSC_CSW_LEN && t->actual == MSC_CSW_LEN &&
	       msc_get_le32(p) == MSC_CSW_SIGNATURE && msc_get_le32(p + 4) == tag;
}

static void guess(struct msc_capture *c, struct device *d, const struct msc_transfer *t)
{
	bool in = t->ep & MSC_EP_IN;

	if (!in && t->data && msc_cbw_is_valid(t->data, t->kept) && t->kept == t->asked &&
	    (!d->guess_out || d->guess_out == t->ep)) {
		d->guess_out = t->ep;
		d->guess_tag = msc_get_le32(t->data + 4);
	}
	if (!d->guess_out) {
		c->facts.other++;
		return;
	}
	if (d->n_held >= HELD_MAX - 1)
		decide(c, d);
	if (d->of_pipe[pipe_of(t->ep)]) {
		talk_tell(d->of_pipe[pipe_of(t->ep)], t);
		return;
	}
	hold(c, d, t);
	if (in && t->ended && is_csw(t, d->guess_tag))
		take_pair(c, d, t->ep);
}

/* ---- all of it ---------------------------------------------------------------------------- */

/* Get Max LUN and Bulk-Only Mass Storage Reset name the interface: the first of them does. Later ones can
 * be wrong on purpose. */
static void learn_number(struct talk *t, const struct msc_transfer *x)
{
	struct msc_device dev = t->is.device;

	if (t->is.described || t->numbered || x->ended ||
	    (x->setup.request_type & ~MSC_REQTYPE_IN) !=
		    (MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE) ||
	    x->setup.request < MSC_REQ_GET_MAX_LUN)
		return;
	t->numbered = true;
	if (dev.interface_number == (uint8_t)x->setup.index)
		return;
	dev.interface_number = (uint8_t)x->setup.index;
	talk_device(t, &dev);
}

/* The endpoints of Bulk-Only are those of UAS too, which is another setting of the same interface. */
static void follow_settings(struct device *d, const struct msc_setup *s)
{
	bool configures = !s->request_type && s->request == MSC_STD_SET_CONFIGURATION;
	bool chooses = s->request_type == MSC_RECIPIENT_INTERFACE &&
		       s->request == MSC_STD_SET_INTERFACE;

	for (size_t i = 0; i < d->n_talks; i++) {
		struct talk *t = d->talks[i];
		bool is_its = chooses && t->is.described &&
			      (uint8_t)s->index == t->is.device.interface_number;

		if (is_its && s->value != t->is.device.alternate)
			talk_leave(t);
		else if (is_its || configures)
			talk_return(t);
	}
}

static void tell_control(struct msc_capture *c, struct device *d, const struct msc_transfer *t)
{
	if (watch_addresses(c, d, t))
		return;
	if (d->n_talks == 1)
		learn_number(d->talks[0], t);
	if (!d->n_talks)
		hold(c, d, t);
	for (size_t i = 0; i < d->n_talks; i++)
		if (concerns(d->talks[i], t))
			talk_tell(d->talks[i], t);
	if (!t->ended || t->outcome != MSC_OUT_DONE)
		return;
	learn(c, d, t);
	follow_settings(d, &t->setup);
}

void device_completed(struct msc_capture *c, struct device *d, struct msc_transfer *t,
		      bool in_command)
{
	struct talk *talk = d->of_pipe[pipe_of(t->ep)];

	if (t->ep && talk)
		talk_completed(talk, t, in_command);
	else
		device_tell(c, d, t);
}

void device_tell(struct msc_capture *c, struct device *d, struct msc_transfer *t)
{
	struct talk *talk = d->of_pipe[pipe_of(t->ep)];

	if (!t->ep)
		tell_control(c, d, t);
	else if (talk)
		talk_tell(talk, t);
	else if (d->left >> pipe_of(t->ep) & 1)
		c->facts.other_setting += t->ended;
	else
		guess(c, d, t);
}

void devices_free(struct msc_capture *c)
{
	for (size_t i = 0; i < c->n_devices; i++) {
		struct device *d = c->devices[i];

		if (d->guess_out)
			decide(c, d);
		retire(d);
		drop_held(d, d->n_held);
		free(d);
	}
	free(c->devices);
	c->devices = NULL;
	c->n_devices = 0;
	c->last = NULL;
}
