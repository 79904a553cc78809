/* SPDX-License-Identifier: BSD-2-Clause */
/* A capture as a source of the wire log: whatever was captured, wherever, becomes transfers, and those
 * become records by the same assembler as a live run's.
 *
 *	packets.c   a file's packets
 *	urb.c       usbmon's and USBPcap's packets: halves of requests       urbs.c  two make a transfer
 *	bus.c       packets of the bus: transactions           bus_transfer.c  transactions make transfers
 *	device.c    whose they are: descriptors, addresses, resets; traffic of which nothing is known
 *	talk.c      one mass-storage interface of one device: its log, its records
 *
 * A capture does not say what a host meant, and may begin anywhere; what is missing makes a record
 * "unknown" or "cut", and nothing is held against a device for it. Memory does not grow with the file.
 */
#ifndef MSC_CAPTURE_CAPTURE_H
#define MSC_CAPTURE_CAPTURE_H

#include "record/assemble.h"

struct msc_capture;

/* One mass-storage interface of one device, for as long as it keeps its address. */
struct msc_talk {
	unsigned number; /* from 1, in the order in which they are found */
	uint16_t bus, address;
	bool described; /* its descriptors are in the capture */
	struct msc_device device; /* as far as it is known; name is "bus 1 device 5" */
};

/* A packet of data that was taken on a bulk endpoint: of a capture of the bus. */
struct msc_bus_packet {
	uint8_t ep;
	int64_t asked_ns; /* the first token after the packet before it */
	int64_t at_ns;	  /* its handshake */
	size_t len;	  /* bytes */
	int64_t naks;	  /* since the packet before */
};

struct msc_capture_options {
	/* Every record when it is complete; its history is there during the call. */
	void (*record)(void *user, const struct msc_talk *, const struct msc_record *);
	/* Every entry of the log, before it is assembled; may be NULL. */
	void (*wire)(void *user, const struct msc_talk *, const struct msc_log_entry *);
	/* Every packet of data of a talk, where packets are seen; may be NULL. */
	void (*packet)(void *user, const struct msc_talk *, const struct msc_bus_packet *);
	void *user;
};

/* What there was, counted. */
struct msc_capture_facts {
	uint64_t packets;
	uint64_t links;		  /* bit n: msc_capture_links[n] was there */
	uint64_t unknown_packets; /* of a kind of interface that we do not know */
	uint16_t unknown_link;	  /* the first such kind */
	uint64_t other;		  /* isochronous, interrupt, endpoints of other classes */
	uint64_t other_setting; /* bulk transfers while the interface had not the setting of Bulk-Only */
	uint64_t too_short;	  /* not even their headers are whole */
	uint64_t cut;		  /* their bytes are not all there */
	uint64_t clipped;	  /* packets of which the capture has the beginning only */
	uint64_t repeated; /* halves that another interface of the capture has told already */
	uint64_t disordered; /* halves that stand behind later ones of their device */
	uint64_t clock_set;	  /* times that the clock went back */
	int64_t clock_step_ns; /* what is nearer has the same time, and most packets have; 0: no such step */
	uint64_t lost;		  /* gaps: halves without the other, transactions without an end */
	uint64_t bad;		  /* packets of the bus whose CRC or PID is wrong */
	uint64_t frames, naks, retries;
	uint64_t devices, talks;
	int64_t began_ns, ended_ns;
	bool sees_packets; /* of the bus, and so NAKs */
	bool truncated; /* data that a rule would want is cut */
	bool halves; /* of a bulk transfer only what has data was written down: no phase has a time of its own */
};

struct msc_link_name {
	uint16_t link;
	const char *name; /* "usbmon", "USBPcap", "USB packets, full speed", ... */
};
extern const struct msc_link_name msc_capture_links[];
extern const size_t msc_capture_link_count;

/* path: "-" is standard input. NULL: as msc_packets_open. */
struct msc_capture *msc_capture_open(const char *path, const struct msc_capture_options *,
				     struct msc_err *) MSC_MUST_CHECK;
struct msc_capture *msc_capture_of(const void *data, size_t len, const struct msc_capture_options *,
				   struct msc_err *) MSC_MUST_CHECK;
void msc_capture_close(struct msc_capture *);

/* Reads so many packets; *over: there are no more, and what was under way is complete as it is. -1:
 * as msc_packets_next, after all that came before has been told, or out of memory. */
int msc_capture_read(struct msc_capture *, size_t packets, bool *over,
		     struct msc_err *) MSC_MUST_CHECK;
const struct msc_capture_facts *msc_capture_facts(const struct msc_capture *);
/* How much of the file has been read, 0 to 1; below 0: a stream has no end. */
double msc_capture_share(const struct msc_capture *);

#endif
