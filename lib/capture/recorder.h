/* SPDX-License-Identifier: BSD-2-Clause */
/* The wire log as a capture file: what a run does, written down as it happens, in a form that others
 * read as well.
 *
 * Where the bus can be seen (a simulated one) the file has its packets, NAKs and all, from the first
 * of the enumeration on, in virtual time to the nanosecond: link type 294 or 295, by speed. Everywhere
 * else it has transfers as Linux's usbmon would have shown them, link type 220, and the descriptors in
 * front, so that it can be read alone; a port reset is shown by a SET_ADDRESS. Times count from the
 * opening of the target.
 */
#ifndef MSC_CAPTURE_RECORDER_H
#define MSC_CAPTURE_RECORDER_H

#include <stdio.h>

#include "transport/transport.h"

struct msc_recorder;

/* The stream stays the caller's. NULL: out of memory. */
struct msc_recorder *msc_recorder_new(FILE *, struct msc_err *) MSC_MUST_CHECK;
/* Writes transfers even where packets can be seen. */
void msc_recorder_transfers(struct msc_recorder *);
/* Before the target is opened: what it has to tell from the beginning. */
void msc_recorder_prepare(struct msc_recorder *, struct msc_open_options *);
/* When it is open. MSC_E_UNSUPPORTED: its traffic cannot be seen at all. */
int msc_recorder_attach(struct msc_recorder *, struct msc_target *,
			struct msc_err *) MSC_MUST_CHECK;
/* The target may be closed already. Frees it; MSC_E_IO: the stream failed, now or before. */
int msc_recorder_end(struct msc_recorder *, struct msc_err *) MSC_MUST_CHECK;

/* The head of a pcap file whose times are in nanoseconds, and one packet. */
void msc_pcap_head(FILE *, uint16_t link);
void msc_pcap_packet(FILE *, int64_t at_ns, const uint8_t *head, size_t head_len,
		     const uint8_t *data, size_t len);

#endif
