/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to the model `linux-gadget`: its state, and what its transport (linux_gadget.c) and its
 * disk (linux_gadget_scsi.c) want of each other. */
#ifndef MSC_FIRMWARE_LINUX_GADGET_GADGET_H
#define MSC_FIRMWARE_LINUX_GADGET_GADGET_H

#include "firmware/usbd.h"
#include "sim/mcu.h"
#include "wire/bot.h"
#include "wire/scsi.h"

#define GADGET_LUNS_MAX	 16
#define GADGET_BUFFERS	 2
#define GADGET_BUFFER	 16384 /* bytes */
#define GADGET_BLOCK	 512
#define GADGET_PACKET_FS 64
#define GADGET_PACKET_HS 512
#define GADGET_EP_IN	 0x81
#define GADGET_EP_OUT	 0x02

struct gadget_lun {
	bool open; /* there is a backing file */
	bool removable, ro, prevented;
	uint32_t sense, attention; /* key, ASC, ASCQ in one number */
	uint32_t information;	   /* of the sense data */
	bool information_valid;
};

/* One of the buffers that the task and the controller hand to each other. The lengths outlive a
 * transfer: a reply that nobody filled in goes out with whatever the buffer last held. */
struct gadget_buffer {
	enum { BUFFER_EMPTY, BUFFER_BUSY, BUFFER_FULL } state;
	size_t in_len;	  /* bulk-in: what to send */
	bool zero;	  /* bulk-in: end a full last packet with an empty one */
	bool zero_sent;
	size_t out_wanted; /* bulk-out: what is really wanted; the transfer is whole packets */
	size_t out_actual;
	uint8_t data[GADGET_BUFFER];
};

/* Transfers wait here for their endpoint, as in a controller's driver. */
struct gadget_queue {
	struct gadget_buffer *waiting[GADGET_BUFFERS];
	unsigned n;
};

/* What makes the task drop what it is doing; a higher one wins. */
enum gadget_exception { NO_EXCEPTION, ABORT_BULK_OUT, PROTOCOL_RESET, CONFIG_CHANGE };

enum gadget_dir { GADGET_NONE, GADGET_OUT, GADGET_IN };

struct gadget {
	struct {
		uint32_t luns;
		bool removable, ro, stall;
		uint64_t blocks;
		char file[256];
		char serial[127];
	} knob;

	struct usbd usbd;
	struct usbd_descriptors desc;
	struct sema *wake; /* something the task may be waiting for has happened */

	/* shared with interrupts */
	enum gadget_exception exception;
	uint32_t requests, exception_request; /* class requests heard; the one that raised it */
	bool enabled;			      /* endpoints are open */
	bool ignore_out;		      /* after a CBW that is not valid */
	bool wedged;			      /* bulk-in: CLEAR_FEATURE does not help */
	uintptr_t naps;			      /* begun so far */
	bool awake;			      /* the last of them is over */
	struct gadget_queue in, out;
	struct gadget_buffer buffer[GADGET_BUFFERS];

	/* the task's own */
	bool running;
	unsigned fill, drain; /* the next buffer to fill, the next to empty */
	struct gadget_lun luns[GADGET_LUNS_MAX];

	/* the command in hand */
	uint32_t tag;
	struct gadget_lun *lun; /* NULL: there is none of that number */
	uint8_t lun_number;
	uint8_t cb[MSC_CBW_CB_MAX], cb_length;
	enum gadget_dir dir;   /* host expectation */
	uint32_t length;       /* dCBWDataTransferLength */
	uint32_t command_size; /* what the command block says, cut to length */
	uint32_t residue;
	uint32_t usb_left; /* of length, what bulk-out has yet to be armed for */
	bool phase_error, short_packet, bad_lun_okay;
};

/* How a command left its reply: a length, or one of these. */
enum { REFUSED = -1, REPLY_IS_SET = -2 };

/* -- the task: linux_gadget_task.c ----------------------------------------------------------- */

void gadget_task(struct mcu *);
void gadget_in_done(struct mcu *, uint8_t ep);
void gadget_out_done(struct mcu *, uint8_t ep, size_t len);
void gadget_raise(struct mcu *, enum gadget_exception);
void gadget_forget_transfers(struct gadget *); /* the endpoints were closed under them */

/* Waits until a buffer is no longer with the controller; false: an exception came first. */
bool gadget_wait(struct mcu *, struct gadget_buffer *);
/* false: the endpoints are closed. */
bool gadget_start_in(struct mcu *, struct gadget_buffer *);
bool gadget_start_out(struct mcu *, struct gadget_buffer *, size_t len);

/* -- the disk: linux_gadget_scsi.c ------------------------------------------------------------ */

/* Runs the command in hand and leaves its reply, or the last part of it, in buffer[fill]. false:
 * an exception has come. */
bool gadget_command(struct mcu *);

/* Sense data: key, ASC and ASCQ in one number. */
#define GADGET_NOT_PRESENT	     MSC_SENSE_CODE(MSC_SENSE_NOT_READY, 0x3a, 0x00)
#define GADGET_INVALID_FIELD	     MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x24, 0x00)

int gadget_refuse(struct gadget *, uint32_t sense); /* REFUSED */

/* -- the medium: linux_gadget_medium.c; each returns how it left its reply --------------------- */

int gadget_read(struct mcu *);
int gadget_write(struct mcu *);
int gadget_verify(struct mcu *);

#endif
