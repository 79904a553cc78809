/* SPDX-License-Identifier: BSD-2-Clause */
/* A medium as bytes, for whoever looks for something on it: a unit of a device, by raw exchanges, or
 * what is read past the page cache. Nothing is kept between two reads. */
#ifndef MSC_DIRECT_BYTES_H
#define MSC_DIRECT_BYTES_H

#include "direct/read.h"
#include "session/session.h"

struct msc_bytes {
	uint64_t size;
	uint32_t block_size;
	struct msc_session *session; /* one of these two; both are the caller's */
	uint8_t lun;
	const struct msc_direct *direct;
	uint8_t *bounce; /* whole blocks */
};

/* Learns the unit. MSC_E_UNSUPPORTED: it has no medium. End it in any case. */
int msc_bytes_of_unit(struct msc_bytes *, struct msc_session *, uint8_t lun,
		      struct msc_err *) MSC_MUST_CHECK;
int msc_bytes_of_direct(struct msc_bytes *, const struct msc_direct *,
			struct msc_err *) MSC_MUST_CHECK;
void msc_bytes_end(struct msc_bytes *);

/* All of them, or -1: beyond the end is MSC_E_IO; MSC_E_DEVICE says what the device's sense data
 * said. A unit attention is read away. */
int msc_bytes_read(struct msc_bytes *, uint64_t offset, void *data, size_t len,
		   struct msc_err *) MSC_MUST_CHECK;

#endif
