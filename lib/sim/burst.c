/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets that pass at once: see burst.h. */
#include "sim/burst.h"

#include <string.h>

#include "base/copy.h"

/* Full packets that lie before the last one of what is left. */
static size_t before_last(size_t left, size_t packet)
{
	return left ? (left - 1) / packet : 0;
}

/* How many packets at most, and what is in them: of a transfer towards the device the host's bytes,
 * else the device's. 0: something is not as it has to be in a burst. */
static size_t most_packets(const struct bus *b, unsigned index, const uint8_t **data)
{
	const struct endpoint *e = &b->ep[index];
	const struct bus_transfer *t = e->head;
	size_t host, device;

	if (!index || !e->max_packet || b->one_by_one || b->tap || b->policy.most_packets ||
	    b->pending != UINT32_C(1) << index || e->ping || udc_address(b->udc) != b->address)
		return 0;
	host = before_last(t->len - t->actual, e->max_packet);
	if (!host)
		return 0;
	device = before_last(udc_ahead(b->udc, t->ep, e->max_packet, e->toggle, data),
			     e->max_packet);
	if (!(t->ep & MSC_EP_IN))
		*data = t->data + t->actual;
	return host < device ? host : device;
}

/* How many of n packets, from the first on, hold the same bytes: all of them where a medium is blank. */
static size_t alike(const uint8_t *data, size_t packet, size_t n)
{
	size_t i = 1;

	if (n == 1 || memcmp(data, data + packet, (n - 1) * packet) == 0)
		return n;
	while (memcmp(data, data + i * packet, packet) == 0)
		i++;
	return i;
}

/* When the first of some packets begins, and the last of them ends. */
struct span {
	int64_t began_ns, ended_ns;
};

/* Appends to the span the frames behind the one that begins at frame_ns which n packets of so many ns fill and
 * which end by last_ns; returns how many packets that are. */
static size_t append_frames(const struct bus *b, struct span *span, int64_t frame_ns, size_t n,
			    int64_t ns, int64_t last_ns)
{
	size_t each = (size_t)((b->last_ns - b->first_ns) / ns), frames = n / each;
	int64_t most = (last_ns - frame_ns - b->last_ns) / b->frame_ns;

	if (most <= 0 || !frames)
		return 0;
	if (frames > (uint64_t)most)
		frames = (size_t)most;
	span->ended_ns =
		frame_ns + (int64_t)frames * b->frame_ns + b->first_ns + (int64_t)each * ns;
	return frames * each;
}

/* Appends up to n packets of so many ns to those of the span, as many as end by last_ns; returns how many
 * that are. */
static size_t append(struct bus *b, struct span *span, size_t n, int64_t ns, int64_t last_ns)
{
	size_t done = 0;

	while (done < n) {
		int64_t begin = bus_slot(b, span->ended_ns, ns), frame = b->frame_began_ns, end;
		size_t fit;

		if (begin - frame >= b->frame_ns)
			frame += b->frame_ns;
		end = frame + b->last_ns < last_ns ? frame + b->last_ns : last_ns;
		if (begin + ns > end)
			break;
		fit = (size_t)((end - begin) / ns);
		if (fit > n - done)
			fit = n - done;
		if (span->began_ns == MSC_NEVER)
			span->began_ns = begin;
		span->ended_ns = begin + (int64_t)fit * ns;
		done += fit;
		done += append_frames(b, span, frame, n - done, ns, last_ns);
	}
	return done;
}

/* Of at most n packets those that end before anything else happens. */
static size_t in_time(struct bus *b, const uint8_t *data, size_t packet, size_t n,
		      struct span *span)
{
	int64_t packet_ns = bytes_ns(b, b->costs->data + packet), last_ns = sim_horizon(b->sim);
	size_t done = 0;

	*span = (struct span){ MSC_NEVER, sim_now(b->sim) };
	while (done < n) {
		const uint8_t *p = data + done * packet;
		size_t same = alike(p, packet, n - done);
		int64_t ns = packet_ns + bits_ns(b, msc_stuffed_bits(p, packet));
		size_t fit = append(b, span, same, ns, last_ns);

		done += fit;
		if (fit < same)
			break;
	}
	return done;
}

bool burst(struct bus *b, unsigned index)
{
	struct endpoint *e = &b->ep[index];
	struct bus_transfer *t = e->head;
	const uint8_t *data;
	struct span span;
	size_t n = most_packets(b, index, &data), len;

	if (n)
		n = in_time(b, data, e->max_packet, n, &span);
	if (!n || !sim_advance(b->sim, span.ended_ns))
		return false;
	len = n * e->max_packet;
	if (t->ep & MSC_EP_IN)
		msc_copy(t->data + t->actual, data, len);
	udc_pass(b->udc, t->ep, data, n);
	if (!t->began_ns)
		t->began_ns = span.began_ns;
	t->actual += len;
	t->packets += n;
	e->toggle ^= n & 1;
	return true;
}
