/* SPDX-License-Identifier: BSD-2-Clause */
/* What packets cost in bit times. Private to sim/. */
#ifndef MSC_SIM_BITS_H
#define MSC_SIM_BITS_H

#include <stddef.h>
#include <stdint.h>

#include "wire/usb.h"

/* Bytes on the wire beside the payload. USB 2.0, tables 5-9 and 5-10, give 13 and 55 for a whole
 * bulk transaction: three SYNCs, three PIDs, address and CRC5, CRC16, and three gaps. */
struct bit_costs {
	int64_t bit_ps;	    /* picoseconds */
	unsigned data;	    /* token, data packet without payload, handshake */
	unsigned handshake; /* token and handshake only: a refused IN, a PING, a STALL */
	unsigned setup;	    /* a SETUP transaction, payload included */
	unsigned sof;
	unsigned end_bits; /* nothing may be on the wire so long before the frame ends */
};

const struct bit_costs *bit_costs_of(enum msc_speed);

/* Bits that are stuffed into a payload: a zero after six ones, USB 2.0, 7.1.9. */
unsigned bit_stuffing(const uint8_t *data, size_t len);

#endif
