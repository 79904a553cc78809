/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of reading a capture; nothing outside lib/capture includes this. See capture.h for who
 * does what. */
#ifndef MSC_CAPTURE_INTERNAL_H
#define MSC_CAPTURE_INTERNAL_H

#include "capture/capture.h"
#include "capture/urb.h"

#define ENDPOINTS   32 /* 0 control; 1 to 15 OUT; 17 to 31 IN */
#define TALKS_MAX   8  /* of one device */
#define WAITS_MAX   8
#define FIRST_MAX   64
#define HELD_MAX    64 /* entries of which nobody knows yet whose they are */
#define HELD_BYTES  (256u << 10)
#define GAVE_UP_NS  INT64_C(1000000000) /* a host that takes a transfer back after so long of
					    silence has given it up: no driver waits less */

struct device;
struct pipe;

/* An entry that waits until it is known whose it is. */
struct held {
	struct msc_transfer t;
	uint8_t *data;
};

struct talk {
	struct msc_talk is; /* first: what the user sees */
	struct msc_capture *c;
	struct device *device;
	struct msc_assembler *assembler;
	unsigned epoch; /* counts gaps: what was submitted before one is not told any more */
	bool begun;	/* a bulk transfer was told */
	bool numbered;	/* a class request has named its interface, which no descriptor tells */
	/* what a driver's capture must have told before the next command, or it was lost: */
	bool open;	     /* a CBW was submitted, and its CSW has not come */
	uint64_t wrapper;    /* the number of that, while it is under way; 0: it is not */
	unsigned in_flight;  /* other transfers of that command */
	uint64_t first
		[FIRST_MAX]; /* their numbers, in order, as far as there is room; 0: it has ended */
	unsigned n_first;
	struct held waits[WAITS_MAX]; /* that ended before their CBW: controllers tell in any order */
	size_t n_waits;
	/* where the conversation stands, for what lengths cannot tell */
	struct {
		enum msc_dir dir;
		uint32_t tag;	 /* dCBWTag */
		uint32_t step;	 /* how far it is from that of the command before */
		unsigned ahead; /* CSWs in a row with tags that were not sent yet */
		bool astray; /* since the CBW something was sent that is neither a CBW nor its data */
		uint32_t length; /* dCBWDataTransferLength */
		uint32_t left;	 /* bytes of it that are due */
		bool in_data;
		bool early_status; /* the CSW came where data was due */
	} bot;
};

struct device {
	uint16_t bus, address;
	enum msc_speed speed;
	bool guessed_speed; /* by the size of its packets */
	struct talk *talks[TALKS_MAX];
	size_t n_talks;
	struct talk *of_pipe[ENDPOINTS];
	uint32_t left; /* bit n: pipe n is a talk's, whose interface has another setting in force */
	uint8_t desc[MSC_DEVICE_DESC_LEN];
	bool have_desc;
	uint8_t config[sizeof((struct msc_device *)0)->config];
	size_t config_len;
	bool fresh; /* it was reset; whether it is the same device is not known yet */
	struct held held[HELD_MAX];
	size_t n_held, held_bytes;
	uint8_t guess_out;   /* an endpoint to which a CBW was sent, and no talk has it; 0: none */
	uint32_t guess_tag;
	int64_t told_ns[2]; /* a driver's: of its last half of endpoint 0, and of bulk */
	struct pipe *pipes[ENDPOINTS]; /* of a capture of the bus */
};

struct urbs;
struct bus_reader;

struct msc_capture {
	struct msc_capture_options o;
	struct msc_packets *packets;
	struct msc_capture_facts facts;
	int64_t base_ns; /* times are told from here */
	int64_t last_ns; /* of the packet before */
	int64_t nearest_ns; /* that two packets of different times were; 0: none yet */
	uint64_t together;  /* packets with the time of the one before */
	struct device **devices;
	size_t n_devices, devices_room;
	struct device *last; /* that was asked for */
	uint64_t number;     /* of submissions */
	unsigned n_talks;
	struct urbs *urbs;
	struct bus_reader *bus; /* NULL: no such packets yet */
	bool zero[8]; /* of bus n: address 0 has been spoken to, and nobody has become it */
	int64_t zero_ns[8];
	uint16_t link; /* of the packet before */
	bool no_memory, over;
	struct msc_err err; /* of assemblers: no_memory says the same */
};

static inline unsigned pipe_of(uint8_t ep)
{
	return (ep & MSC_EP_NUMBER) | (ep & MSC_EP_IN ? 16u : 0);
}

/* ---- device.c ------------------------------------------------------------------------------ */

/* NULL: out of memory, or more than anybody has. */
struct device *device_get(struct msc_capture *, uint16_t bus, uint16_t address);
/* A transfer of this device, at its submission and at its end. */
void device_tell(struct msc_capture *, struct device *, struct msc_transfer *);
/* Its end, from a driver's capture. */
void device_completed(struct msc_capture *, struct device *, struct msc_transfer *,
		      bool in_command);
void devices_free(struct msc_capture *);
uint16_t device_max_packet(const struct device *, uint8_t ep); /* 0: not known */

/* ---- talk.c -------------------------------------------------------------------------------- */

/* Both endpoints become its own. NULL: out of memory, or too many. */
struct talk *talk_new(struct msc_capture *, struct device *, const struct msc_device *);
void talk_end(struct talk *); /* the log ends; frees it */
void talk_tell(struct talk *, const struct msc_transfer *);
void talk_device(struct talk *, const struct msc_device *); /* more is known of it */
void talk_port_reset(struct talk *, int64_t began_ns, int64_t ended_ns);
void talk_lost(struct talk *); /* entries are missing here */
/* Its interface has got another setting, as UAS is one: what its endpoints carry is none of its; and its own again. */
void talk_leave(struct talk *);
void talk_return(struct talk *);
/* Bulk, from a driver's capture: what is missing shows by what comes after it. */
void talk_submitted(struct talk *, const struct msc_transfer *);
void talk_completed(struct talk *, const struct msc_transfer *, bool in_command);
/* What a bulk-in transfer can bring at most: the data that is due, or a CSW. */
uint32_t talk_due_in(const struct talk *);

/* ---- urbs.c, bus.c ------------------------------------------------------------------------- */

struct urbs *urbs_new(void);
void urbs_free(struct urbs *);
void urbs_take(struct msc_capture *, const struct msc_urb *, int64_t at_ns);

void pipe_free(struct pipe *);
void device_lost(struct device *); /* packets of it are missing */
void pipes_reset(struct msc_capture *, struct device *, int64_t at_ns); /* the port was */
void bus_reader_free(struct bus_reader *);
void bus_take(struct msc_capture *, const struct msc_packet *, int64_t at_ns);
void bus_end(struct msc_capture *, int64_t at_ns);

#endif
