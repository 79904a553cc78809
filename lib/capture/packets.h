/* SPDX-License-Identifier: BSD-2-Clause */
/* The packets of a capture file, one after the other: pcap and pcapng, either byte order, and usbmon's text, from
 * a file or a stream. Nothing here knows what is in a packet.
 *
 * libpcap is not used for this: it refuses a pcapng file whose interfaces are of different kinds, and
 * that is what an analyser with a full-speed and a high-speed port writes.
 *
 * Lengths are believed as far as the file bears them out. A file that ends in the middle of a packet
 * gives all that is whole before it says so.
 */
#ifndef MSC_CAPTURE_PACKETS_H
#define MSC_CAPTURE_PACKETS_H

#include <stdint.h>

#include "base/err.h"

enum msc_link { /* LINKTYPE_ of tcpdump.org/linktypes.html */
	MSC_LINK_USBMON = 189,	/* LINUX: a header of 48 bytes */
	MSC_LINK_USBMON_64 = 220, /* LINUX_MMAPPED: of 64 bytes */
	MSC_LINK_USBPCAP = 249,
	MSC_LINK_USB_2_0 = 288, /* packets from PID to CRC; the speed is not said */
	MSC_LINK_USB_LOW = 293,
	MSC_LINK_USB_FULL = 294,
	MSC_LINK_USB_HIGH = 295,
};

struct msc_packet {
	uint16_t link;	    /* enum msc_link, or one that we do not know */
	uint32_t interface; /* of a pcapng file: counts over all its sections */
	bool big_endian;    /* the host that wrote the file; usbmon's headers are in its order */
	int64_t at_ns;	    /* since 1970, or whatever the writer counts from */
	uint32_t len;	    /* bytes that there were */
	uint32_t kept;	    /* bytes that the file has */
	const uint8_t *data; /* gone at the next call */
};

struct msc_packets;

#define MSC_PACKET_MAX (64u << 20) /* bytes: a longer one is a lie */

/* "-" is standard input. MSC_E_IO: it cannot be read; MSC_E_FORMAT: it is no capture. NULL then. */
struct msc_packets *msc_packets_open(const char *path, struct msc_err *) MSC_MUST_CHECK;
/* From memory, which stays the caller's; for tests. */
struct msc_packets *msc_packets_of(const void *data, size_t len, struct msc_err *) MSC_MUST_CHECK;
void msc_packets_close(struct msc_packets *);

/* 1: *p is the next one. 0: there are no more. -1: MSC_E_IO, or MSC_E_FORMAT, and where it ends. */
int msc_packets_next(struct msc_packets *, struct msc_packet *p, struct msc_err *) MSC_MUST_CHECK;

uint64_t msc_packets_offset(const struct msc_packets *); /* bytes of the file that were taken */
uint64_t msc_packets_size(const struct msc_packets *);	 /* of the whole file; 0: a stream */

#endif
