/* SPDX-License-Identifier: BSD-2-Clause */
/* Captures to be read: a short conversation with a simulated device, recorded, and written anew in
 * another form. */
#ifndef MSC_TESTS_CAPTURE_BENCH_H
#define MSC_TESTS_CAPTURE_BENCH_H

#include <stdio.h>

#include "capture/capture.h"
#include "capture/packets.h"

struct file {
	char *data;
	size_t size;
};
void file_free(struct file *);

/* INQUIRY, a READ CAPACITY, READs of some sizes, a command that fails and its sense data, a STALL, a port
 * reset; for reading only. */
struct file record(const char *target, bool transfers);

/* What a capture comes to. */
struct told {
	size_t records, exchanges, answered, cut, findings, controls, resets;
	int64_t naks; /* of the exchanges */
	uint64_t hash; /* of wrappers, data and status of all exchanges, in order */
	char rule[256]; /* the first that found something */
	struct msc_capture_facts facts;
	int result; /* of reading */
	struct msc_err err;
};
struct told tell(const void *data, size_t size);

/* ---- writing ------------------------------------------------------------------------------- */

struct writer {
	FILE *out;
	bool ng, big;
};
struct writer write_begin(bool ng, bool big);
void write_interface(struct writer *, uint16_t link, uint32_t snaplen);
void write_packet(struct writer *, uint32_t interface, int64_t at_ns, const uint8_t *, size_t kept,
		  size_t len);
struct file write_end(struct writer *);
void put32(const struct writer *, uint8_t *, uint32_t);

/* Calls f for each packet. */
void each_packet(const struct file *, void (*f)(void *user, const struct msc_packet *), void *user);

#endif
