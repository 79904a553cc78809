/* SPDX-License-Identifier: BSD-2-Clause */
/* One transfer as plain data: what the transport core tells an observer, and what the wire log is
 * made of. A live device, a simulated bus and a capture all have these facts, and no others are
 * needed to say what happened. Where the transfers are not to be seen, on the kernel's SCSI path, a
 * whole command stands for all of them.
 *
 * A transfer is told twice: when it was submitted, and when its end was seen. The order of both is
 * a fact: with several under way on one endpoint they move in the order of submission, and a host
 * that takes them back does so in another.
 */
#ifndef MSC_TRANSPORT_TRANSFER_H
#define MSC_TRANSPORT_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scsi/scsi.h"
#include "wire/usb.h"

enum msc_outcome {
	MSC_OUT_PENDING,   /* not submitted, or still under way */
	MSC_OUT_DONE,	   /* all of it, or a short packet ended it; see actual */
	MSC_OUT_STALL,	   /* the endpoint is halted, or the request was refused */
	MSC_OUT_TIMEOUT,   /* nothing, or not all, until the deadline: the device answered NAK */
	MSC_OUT_BABBLE,	   /* the device sent more than there was room for */
	MSC_OUT_CANCELLED, /* by msc_cancel */
	MSC_OUT_ERROR,	   /* no handshake, CRC, toggle: the host controller gave up */
	MSC_OUT_GONE,	   /* the device has left */
};
const char *msc_outcome_name(enum msc_outcome); /* "done", "STALL", "time-out", ... */

enum msc_transfer_kind {
	MSC_TRANSFER_CONTROL,
	MSC_TRANSFER_BULK,
	MSC_TRANSFER_PORT_RESET, /* told once, as ended: its two times, `resets`, and whether the device
				    could be set up again: DONE; TIMEOUT: it does not answer; GONE: it
				    left, and did not come back */
	MSC_TRANSFER_SUSPEND, /* told once, as ended: submitted_ns is when the bus was silent, `resumed_ns`,
				    completed_ns when the device could be used again. DONE; TIMEOUT: it did
				    not answer the host any more, and a PORT_RESET follows */
	MSC_TRANSFER_COMMAND, /* a whole command, told once, as ended: see `whole`. DONE: the device
				    gave a status; TIMEOUT, ERROR: it did not, and whoever carried the
				    command has reset what it had to */
};

/* What there is of a whole command beside its data, its times and its outcome. */
struct msc_whole {
	uint8_t cdb[MSC_CBW_CB_MAX], cdb_len;
	enum msc_dir dir;
	uint8_t status; /* SAM-5 5.3; of DONE */
	bool fetched; /* a REQUEST SENSE that the kernel sent by itself after the command before, within
			 its time; what came says itself how long it is (SPC-4 4.5) */
};

struct msc_transfer {
	enum msc_transfer_kind kind;
	bool ended; /* false: it was submitted just now, and what follows `asked` is not known, but the
		       bytes that are offered to the device */
	uint64_t number; /* counts submissions, from 1: the same in both entries */
	uint8_t ep;	 /* bEndpointAddress; 0: control */
	struct msc_setup setup;
	struct msc_whole whole;
	int64_t submitted_ns; /* the target's clock */
	size_t asked;	      /* bytes that were offered, or for which there was room */
	enum msc_outcome outcome;
	size_t actual;	      /* bytes moved */
	const uint8_t *data;  /* to the device: what was offered; from it: what came */
	size_t kept; /* of those bytes, how many data holds; fewer in a log that cuts them */
	uint8_t **owner; /* when it has ended: what holds data, which whoever is told may keep by making this
			    NULL, and frees then; NULL: data is not to be had */
	uint64_t hash;	      /* msc_log_hash of all of them, where data holds fewer */
	int64_t completed_ns; /* when software could know */
	int64_t naks;	      /* NAK handshakes; -1: not seen */
	unsigned resets; /* PORT_RESET: how often it was tried until the outcome; 0: not seen */
	int64_t resumed_ns; /* SUSPEND: when the host began to resume the bus */
};

/* How many bytes there are to keep: those offered to the device, those that came from it. */
static inline size_t msc_transfer_bytes(const struct msc_transfer *t)
{
	bool in = t->kind == MSC_TRANSFER_COMMAND ? t->whole.dir == MSC_DIR_IN
		  : t->ep                         ? t->ep & MSC_EP_IN
						  : t->setup.request_type & MSC_REQTYPE_IN;

	return in ? t->actual : t->asked;
}

/* data is the transfer's own buffer, and is gone when the function has returned. */
typedef void msc_observe_fn(void *user, const struct msc_transfer *);

#endif
