/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of `sim:recorded`, whose files share it: recorded.c moves the bytes, answer.c finds what to
 * say. */
#ifndef MSC_FIRMWARE_RECORDED_RECORDED_H
#define MSC_FIRMWARE_RECORDED_RECORDED_H

#include "firmware/recorded/tape.h"
#include "firmware/usbd.h"

#define PACKET_HS  512
#define PACKET_FS  64
#define ROOM	   (1u << 20) /* bytes of one command that is made up, or of data that is taken */
#define WRITES_MAX 4096	      /* blocks kept of those written since */
#define BLOCK_MAX  4096

enum phase { LISTENING, SENDING, RECEIVING, STATUS, DEAF };

struct written {
	uint8_t lun;
	uint64_t lba;
	uint8_t *data;
};

/* What is behind the model's state, which is copied and may move. */
struct store {
	struct tape *tape;
	struct written writes[WRITES_MAX]; /* sorted by unit and address */
	size_t n_writes;
	uint8_t buffer[ROOM];
};

struct recorded {
	struct {
		char path[256];
		uint32_t number;
	} knob;
	struct store *store;
	struct usbd usbd;
	struct usbd_descriptors desc;
	struct usbd_interface interface;
	struct usbd_endpoint endpoints[2];

	enum phase phase;
	size_t next; /* exchange of the tape from which on one is looked for */
	struct msc_cbw cbw;
	int64_t began_ns;	     /* the CBW was here */
	struct tape_exchange answer; /* data is the tape's, or the buffer */
	bool zlp;		     /* an empty packet ends the data */
	uint32_t sense;		     /* of a command that the capture does not know; 0: none */
	uint8_t packet[PACKET_HS];
	uint8_t status[TAPE_STATUS_MAX];
};

/* What is said to the command in s->cbw, into s->answer. */
void recorded_answer(struct mcu *, struct recorded *);
/* Of the bytes in s->packet, no valid CBW; NULL: the capture has nothing like it. */
const struct tape_wrapper *recorded_wrapper(const struct recorded *, size_t len);
/* Bytes of a WRITE have come, into the buffer. A line on the debug port says when they are too many. */
void recorded_keep(struct mcu *, struct recorded *, size_t len);

#endif
