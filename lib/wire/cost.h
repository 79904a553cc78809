/* SPDX-License-Identifier: BSD-2-Clause */
/* What packets cost on the wire, in bit times: USB 2.0, 5.8.4 (tables 5-9 and 5-10) and 7.1.9. */
#ifndef MSC_WIRE_COST_H
#define MSC_WIRE_COST_H

#include <stddef.h>
#include <stdint.h>

#include "wire/usb.h"

/* Bytes on the wire beside the payload. Tables 5-9 and 5-10 give 13 and 55 for a whole bulk
 * transaction: three SYNCs, three PIDs, address and CRC5, CRC16, and three gaps. */
struct msc_wire_cost {
	double bit_ns;
	int64_t bit_ps;	  /* the same, cut to whole picoseconds, for the simulator's integers */
	int64_t frame_ns; /* a frame or a microframe */
	unsigned data;	  /* token, data packet without payload, handshake */
	unsigned handshake; /* token and handshake only: a refused IN, a PING, a STALL */
	unsigned setup;	  /* a SETUP transaction, payload included */
	unsigned sof;	  /* a token with its SYNC and its end of packet */
	unsigned isochronous; /* token and data packet without payload; 0: not known here */
	unsigned split; /* the SPLIT packet before a token, and the gap behind it; high speed alone */
	unsigned ack; /* a handshake and the gap before it, where it is needed by itself: high speed */
	unsigned end_bits; /* nothing may be on the wire so long before the frame ends */
};

/* Of full, high and super speed; of any other as of full. */
const struct msc_wire_cost *msc_wire_cost(enum msc_speed);

/* Bits that are stuffed into a payload: a zero after six ones, 7.1.9. */
unsigned msc_stuffed_bits(const uint8_t *data, size_t len);

/* One bulk transaction with so many bits of payload, stuffed ones included. */
double msc_packet_ns(enum msc_speed, double payload_bits);

/* The share of a frame that it takes when as many as fit follow each other. */
double msc_packet_pace_ns(enum msc_speed, double payload_bits);

#endif
