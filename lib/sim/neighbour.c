/* SPDX-License-Identifier: BSD-2-Clause */
/* Neighbours on a hub: see neighbour.h. */
#include "sim/neighbour.h"

#include "wire/cost.h"

const char *const bus_hub_names[] = { "none", "tt", "multi-tt", NULL };
const char *const bus_neighbour_names[] = { "bulk", "interrupt", "isochronous", NULL };

/* USB 2.0, 11.18.1: so many bytes a microframe are at most on a full-speed wire. */
enum { BYTES_A_MICROFRAME = 188 };

unsigned bus_neighbour_most(enum bus_neighbour kind)
{
	return kind == BUS_ISOCHRONOUS ? 1023 : 64;
}

static int64_t bytes_at(enum msc_speed speed, uint64_t bytes)
{
	return (int64_t)((8 * bytes * (uint64_t)msc_wire_cost(speed)->bit_ps + 999) / 1000);
}

int64_t neighbour_ns(enum bus_neighbour kind, unsigned bytes)
{
	const struct msc_wire_cost *w = msc_wire_cost(MSC_SPEED_FULL);

	if (kind == BUS_ISOCHRONOUS)
		return bytes_at(MSC_SPEED_FULL, w->isochronous + bytes);
	return bytes_at(MSC_SPEED_FULL, bytes ? w->data + bytes : w->handshake);
}

int64_t neighbours_frame_ns(enum bus_neighbour kind, unsigned neighbours, unsigned bytes)
{
	return kind == BUS_BULK ? 0 : neighbours * neighbour_ns(kind, bytes);
}

double bus_periodic_share(enum bus_neighbour kind, unsigned neighbours, unsigned bytes)
{
	return (double)neighbours_frame_ns(kind, neighbours, bytes) /
	       (double)msc_wire_cost(MSC_SPEED_FULL)->frame_ns;
}

static void add(int64_t ns[MICROFRAMES], int64_t microframe, unsigned bytes)
{
	ns[microframe % MICROFRAMES] += bytes_at(MSC_SPEED_HIGH, bytes);
}

/* A start-split in the microframe in which the transaction begins on the other wire, of whose frames it is
 * one ahead; what comes of it can be asked for two later, and the microframe in between is not yet over
 * when it ends there (11.18, 11.20; EHCI 1.0, 4.12.2). */
static void add_interrupt(int64_t ns[MICROFRAMES], int64_t first, int64_t last, unsigned bytes)
{
	const struct msc_wire_cost *w = msc_wire_cost(MSC_SPEED_HIGH);

	add(ns, first, w->split + w->handshake - w->ack);
	for (int64_t m = first; m < last; m++)
		add(ns, m + 2, w->split + w->handshake);
	add(ns, last + 2, bytes ? w->split + w->data - w->ack + bytes : w->split + w->handshake);
}

/* Start-splits alone, each with what the other wire takes in a microframe (11.21, 11.18.1). */
static void add_isochronous(int64_t ns[MICROFRAMES], int64_t first, unsigned bytes)
{
	const struct msc_wire_cost *w = msc_wire_cost(MSC_SPEED_HIGH);

	do {
		unsigned part = bytes < BYTES_A_MICROFRAME ? bytes : BYTES_A_MICROFRAME;

		add(ns, first++, w->split + w->isochronous + part);
		bytes -= part;
	} while (bytes);
}

void neighbours_microframes(enum bus_neighbour kind, unsigned neighbours, unsigned bytes,
			    int64_t ns[MICROFRAMES])
{
	int64_t micro_ns = msc_wire_cost(MSC_SPEED_HIGH)->frame_ns;
	int64_t at = bytes_at(MSC_SPEED_FULL, msc_wire_cost(MSC_SPEED_FULL)->sof);

	for (unsigned i = 0; i < MICROFRAMES; i++)
		ns[i] = 0;
	for (unsigned i = 0; i < neighbours && kind != BUS_BULK; i++) {
		int64_t end = at + neighbour_ns(kind, bytes);

		if (kind == BUS_INTERRUPT)
			add_interrupt(ns, at / micro_ns, (end - 1) / micro_ns, bytes);
		else
			add_isochronous(ns, at / micro_ns, bytes);
		at = end;
	}
}
