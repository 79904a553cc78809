/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets on a USB 2.0 bus, from the PID to the CRC: USB 2.0, 8.3 and 8.4. */
#ifndef MSC_WIRE_PACKET_H
#define MSC_WIRE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum msc_pid { /* USB 2.0, table 8-1; the upper half of the byte is the lower one inverted */
	MSC_PID_OUT = 0xe1,
	MSC_PID_IN = 0x69,
	MSC_PID_SOF = 0xa5,
	MSC_PID_SETUP = 0x2d,
	MSC_PID_DATA0 = 0xc3,
	MSC_PID_DATA1 = 0x4b,
	MSC_PID_DATA2 = 0x87,
	MSC_PID_MDATA = 0x0f,
	MSC_PID_ACK = 0xd2,
	MSC_PID_NAK = 0x5a,
	MSC_PID_STALL = 0x1e,
	MSC_PID_NYET = 0x96,
	MSC_PID_ERR = 0x3c, /* and PRE */
	MSC_PID_SPLIT = 0x78,
	MSC_PID_PING = 0xb4,
};

#define MSC_TOKEN_LEN	 3
#define MSC_SPLIT_LEN	 4
#define MSC_DATA_EXTRA	 3 /* PID and CRC16 */
#define MSC_PAYLOAD_MAX 1024

/* The five bits over the eleven of a token, as they stand in its last byte: 8.3.5.1. */
uint8_t msc_crc5(uint16_t bits);
/* Over the payload of a data packet, as it is sent, the low byte first: 8.3.5.2. */
uint16_t msc_crc16(const uint8_t *data, size_t len);

/* Address and endpoint, or a frame number in one: 8.4.1. */
void msc_token_pack(uint8_t out[MSC_TOKEN_LEN], enum msc_pid, uint16_t bits);
/* out holds len + MSC_DATA_EXTRA bytes; returns how many. */
size_t msc_data_pack(uint8_t *out, bool toggle, const uint8_t *data, size_t len);

#endif
