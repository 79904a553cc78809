/* SPDX-License-Identifier: BSD-2-Clause */
/* What bytes cost on the wire: USB 2.0, 5.8.4 (tables 5-9 and 5-10) and 7.1.9 (bit stuffing). */
#include <math.h>

#include "base/clock.h"
#include "timing/pace.h"

/* Beside the payload a bulk transaction costs so many bytes: tables 5-9 and 5-10. A start of frame
 * is a token with its SYNC and its end of packet. */
struct wire {
	double bit_ns, frame_ns;
	unsigned overhead, sof; /* bytes */
};

static const struct wire full_speed = { 1000.0 / 12.0, 1.0 * MSC_MS, 13, 5 };
static const struct wire high_speed = { 1000.0 / 480.0, 125.0 * MSC_US, 55, 23 };
/* USB 3.0: 5 Gbit/s in ten bits a byte; header packets and link commands reckoned as 40 bytes. */
static const struct wire super_speed = { 0.25, 125.0 * MSC_US, 40, 20 };

static const struct wire *wire_of(enum msc_speed speed)
{
	return speed == MSC_SPEED_SUPER  ? &super_speed
	       : speed == MSC_SPEED_HIGH ? &high_speed
					 : &full_speed;
}

uint64_t msc_stuffed_bits(const uint8_t *data, size_t len)
{
	unsigned run = 0;
	uint64_t stuffed = 0;

	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			run = data[i] >> bit & 1 ? run + 1 : 0;
			if (run == 6) {
				stuffed++;
				run = 0;
			}
		}
	}
	return stuffed;
}

double msc_packet_ns(enum msc_speed speed, double payload_bits)
{
	const struct wire *w = wire_of(speed);

	return (8.0 * w->overhead + payload_bits) * w->bit_ns;
}

double msc_packet_pace_ns(enum msc_speed speed, double payload_bits)
{
	const struct wire *w = wire_of(speed);
	double room = w->frame_ns - 8.0 * w->sof * w->bit_ns;

	return w->frame_ns / floor(room / msc_packet_ns(speed, payload_bits));
}
