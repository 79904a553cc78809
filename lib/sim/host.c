/* SPDX-License-Identifier: BSD-2-Clause */
/* Host controllers: see host.h. "Linux" is what its driver tells the controller to do. */
#include "sim/host.h"

const char *const bus_host_names[] = { "uhci", "ohci", "ehci", "xhci", NULL };

static const struct policy policies[] = {
	/* UHCI 1.1, 3.4.1 and 4.2.2: interrupt on completion at the end of the frame. 3.2.2: a transfer
	 * descriptor is one packet, and with SPD a short one stops the queue; Linux, uhci-q.c
	 * uhci_submit_common() and uhci_submit_control(): SPD in all but the last. */
	[BUS_HOST_UHCI] = {.poll_gap_ns = 2 * MSC_US, .seen_grid_ns = MSC_MS, .descriptor = 1},
	/* OHCI 1.0a, 4.4.1: the done queue is written back at a frame boundary. 4.3.1: a descriptor
	 * reaches over two pages at most, and a short packet halts the endpoint unless bufferRounding is
	 * set; Linux, ohci-q.c td_submit_urb(): 4096 bytes each, bufferRounding in the last. */
	[BUS_HOST_OHCI] = {.poll_gap_ns = 2 * MSC_US, .seen_grid_ns = MSC_MS, .descriptor = 4096},
	/* EHCI 1.0, 2.3.1: interrupt threshold, one microframe in Linux (ehci-hcd.c log2_irq_thresh). 3.5:
	 * five pages a descriptor; Linux, ehci-q.c qh_urb_transaction(): a short packet of any but the
	 * last goes to a dummy, which stops the queue. */
	[BUS_HOST_EHCI] = { .poll_gap_ns = 1 * MSC_US,
			    .seen_grid_ns = 125 * MSC_US,
			    .descriptor = 5 * 4096 },
	/* xHCI 1.1, 4.17.2: moderation does not delay a lone event. 4.10.1.1: a short packet ends the
	 * whole transfer, and the ring goes on. */
	[BUS_HOST_XHCI] = {.poll_gap_ns = 1 * MSC_US, .seen_grid_ns = 0},
};

bool bus_host_full_speed_only(enum bus_host host)
{
	return host == BUS_HOST_UHCI || host == BUS_HOST_OHCI;
}

struct policy host_policy(const struct bus_config *c)
{
	struct policy p = policies[c->host];

	if (c->host == BUS_HOST_EHCI && c->moderation_ns)
		p.seen_grid_ns = c->moderation_ns;
	else if (c->host == BUS_HOST_XHCI)
		p.moderation_ns = c->moderation_ns;
	p.most_packets = c->most_packets;
	return p;
}

int64_t host_seen(struct bus *b, int64_t ended_ns)
{
	int64_t grid = b->policy.seen_grid_ns, gap = b->policy.moderation_ns;

	if (grid)
		return ended_ns + grid - ended_ns % grid;
	if (!gap)
		return ended_ns;
	/* xHCI 1.1, 4.17.2: the counter runs from one interrupt to the next; what ends meanwhile waits,
	 * and is seen with it. */
	if (ended_ns > b->interrupt_ns)
		b->interrupt_ns = ended_ns < b->interrupt_ns + gap ? b->interrupt_ns + gap
								   : ended_ns;
	return b->interrupt_ns;
}

bool host_stops(const struct bus *b, const struct endpoint *e, const struct bus_transfer *t,
		size_t len)
{
	size_t each = b->policy.descriptor, at = t->actual - len;

	if (!each || !t->len || len >= e->max_packet)
		return false;
	if (each == 1)
		each = e->max_packet;
	return at / each < (t->len - 1) / each;
}
