/* SPDX-License-Identifier: BSD-2-Clause */
/* See capture.h. */
#include <stdlib.h>

#include "capture/internal.h"

const struct msc_link_name msc_capture_links[] = {
	{ MSC_LINK_USBMON, "usbmon" },
	{ MSC_LINK_USBMON_64, "usbmon" },
	{ MSC_LINK_USBPCAP, "USBPcap" },
	{ MSC_LINK_USB_2_0, "packets of the bus" },
	{ MSC_LINK_USB_LOW, "packets of the bus, low speed" },
	{ MSC_LINK_USB_FULL, "packets of the bus, full speed" },
	{ MSC_LINK_USB_HIGH, "packets of the bus, high speed" },
};
const size_t msc_capture_link_count = MSC_COUNT(msc_capture_links);

static struct msc_capture *begin(struct msc_packets *packets,
				 const struct msc_capture_options *options, struct msc_err *err)
{
	struct msc_capture *c;

	if (!packets)
		return NULL;
	c = calloc(1, sizeof *c);
	if (c)
		c->urbs = urbs_new();
	if (!c || !c->urbs) {
		free(c);
		msc_packets_close(packets);
		msc_nomem(err);
		return NULL;
	}
	c->o = *options;
	c->packets = packets;
	return c;
}

struct msc_capture *msc_capture_open(const char *path, const struct msc_capture_options *options,
				     struct msc_err *err)
{
	return begin(msc_packets_open(path, err), options, err);
}

struct msc_capture *msc_capture_of(const void *data, size_t len,
				   const struct msc_capture_options *options, struct msc_err *err)
{
	return begin(msc_packets_of(data, len, err), options, err);
}

static void free_pipes(struct msc_capture *c)
{
	for (size_t i = 0; i < c->n_devices; i++)
		for (unsigned n = 0; n < ENDPOINTS; n++) {
			struct pipe *p = c->devices[i]->pipes[n];

			if (p)
				pipe_free(p);
			c->devices[i]->pipes[n] = NULL;
		}
}

/* Half a frame of full speed: with steps of less, the phases of a command can be told apart. */
#define STEP_NS (MSC_MS / 2)

static void note_distance(struct msc_capture *c, int64_t ns)
{
	c->together += !ns;
	if (ns > 0 && (!c->nearest_ns || ns < c->nearest_ns))
		c->nearest_ns = ns;
}

/* What is under way is complete as it is. */
static void end(struct msc_capture *c)
{
	if (c->nearest_ns >= STEP_NS && c->together > c->facts.packets / 2)
		c->facts.clock_step_ns = c->nearest_ns;
	bus_end(c, c->facts.ended_ns);
	free_pipes(c);
	devices_free(c);
}

void msc_capture_close(struct msc_capture *c)
{
	if (!c)
		return;
	c->o.record = NULL;
	c->o.wire = NULL;
	c->o.packet = NULL;
	end(c);
	bus_reader_free(c->bus);
	urbs_free(c->urbs);
	msc_packets_close(c->packets);
	free(c);
}

static void take_urb(struct msc_capture *c, const struct msc_packet *p, int64_t at_ns)
{
	struct msc_urb u;

	switch (msc_urb_read(&u, p)) {
	case MSC_URB: urbs_take(c, &u, at_ns); break;
	case MSC_URB_OTHER: c->facts.other++; break;
	case MSC_URB_SHORT: c->facts.too_short++; break;
	}
}

/* Packets of several interfaces are not told that much out of order. */
#define SET_BACK_NS MSC_S

/* Times are told from the whole second in which the capture begins: what is recorded in virtual time
 * keeps its times, and the others their fractions. */
static void take(struct msc_capture *c, const struct msc_packet *p)
{
	int64_t at_ns;

	if (!c->facts.packets++)
		c->base_ns = p->at_ns - p->at_ns % 1000000000;
	at_ns = p->at_ns - c->base_ns;
	if (c->facts.packets == 1)
		c->facts.began_ns = at_ns;
	/* the clock of the host was set: time goes on where it was */
	if (at_ns < c->last_ns - SET_BACK_NS) {
		c->base_ns += at_ns - c->last_ns;
		at_ns = c->last_ns;
		c->facts.clock_set++;
	}
	if (c->facts.packets > 1)
		note_distance(c, at_ns - c->last_ns);
	c->last_ns = at_ns;
	c->facts.clipped += p->kept < p->len;
	if (at_ns > c->facts.ended_ns)
		c->facts.ended_ns = at_ns;
	switch (p->link) {
	case MSC_LINK_USB_FULL:
	case MSC_LINK_USB_HIGH:
	case MSC_LINK_USB_LOW:
	case MSC_LINK_USB_2_0: bus_take(c, p, at_ns); break;
	case MSC_LINK_USBMON:
	case MSC_LINK_USBMON_64:
	case MSC_LINK_USBPCAP: take_urb(c, p, at_ns); break;
	default:
		if (!c->facts.unknown_packets++)
			c->facts.unknown_link = p->link;
		return;
	}
	if (p->link != c->link) {
		c->link = p->link;
		for (size_t i = 0; i < msc_capture_link_count; i++)
			if (msc_capture_links[i].link == p->link)
				c->facts.links |= UINT64_C(1) << i;
	}
}

int msc_capture_read(struct msc_capture *c, size_t packets, bool *over, struct msc_err *err)
{
	struct msc_packet p;
	int found = 1;

	*over = c->over;
	if (c->over)
		return 0;
	while (packets-- && !c->no_memory) {
		found = msc_packets_next(c->packets, &p, err);
		if (found != 1)
			break;
		take(c, &p);
	}
	if (found != 1) {
		end(c);
		*over = c->over = true;
	}
	if (c->no_memory)
		return msc_nomem(err);
	return found < 0 ? -1 : 0;
}

const struct msc_capture_facts *msc_capture_facts(const struct msc_capture *c)
{
	return &c->facts;
}

double msc_capture_share(const struct msc_capture *c)
{
	uint64_t size = msc_packets_size(c->packets);

	return size ? (double)msc_packets_offset(c->packets) / (double)size : -1;
}
