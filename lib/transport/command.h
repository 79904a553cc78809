/* SPDX-License-Identifier: BSD-2-Clause */
/* A target that takes whole SCSI commands: the kernel's SCSI path, where what carries a command (CBW,
 * CSW, halts, resets) is its own affair and is not to be seen. */
#ifndef MSC_TRANSPORT_COMMAND_H
#define MSC_TRANSPORT_COMMAND_H

#include "scsi/scsi.h"
#include "transport/transport.h"

/* Of a target that takes nothing else, by its name: what whoever asks for more is told. */
#define MSC_NEEDS_ENDPOINTS \
	"needs the device's own endpoints: the kernel's SCSI path (%s) sends command blocks only"

#define MSC_SENSE_MAX 252 /* bytes; SPC-4 4.5: the additional length is at most 244 */

struct msc_command {
	/* set by the caller */
	const uint8_t *cdb;
	uint8_t cdb_len;
	enum msc_dir dir;
	uint8_t *data; /* room for bulk-in data, or what is sent; any of len bytes */
	size_t len;
	/* set by the transport */
	enum msc_outcome outcome; /* DONE: the device gave a status; TIMEOUT, and the kernel has reset
				     what it had to; GONE; ERROR: the kernel made nothing of it */
	size_t actual;		  /* bytes moved */
	uint8_t status;		  /* SAM-5 5.3: 00h good, 02h check condition, 08h busy, ... */
	uint8_t sense[MSC_SENSE_MAX];
	size_t sense_len; /* as the kernel fetched it, by REQUEST SENSE after a status of 02h */
	unsigned host;	  /* the kernel's host byte (DID_...) of an outcome that is not DONE */
	int64_t submitted_ns, completed_ns; /* the target's clock */
};

/* Runs one command, when the session's gate lets it through; without a session, when it changes
 * nothing. What the device or the kernel makes of it is in the command, and is told to the observer. -1
 * when the device is gone (MSC_E_GONE), when the gate refuses it (MSC_E_REFUSED; it has not left then),
 * when the kernel does not let it through (MSC_E_UNSUPPORTED: not permitted to this user, or too much
 * data at once), when a signal ended the wait (MSC_E_INTERRUPTED), and when the target takes no commands
 * but transfers (MSC_E_UNSUPPORTED). The time-out is in whole seconds, rounded up. */
int msc_command(struct msc_target *, struct msc_command *, int64_t timeout_ns,
		struct msc_err *) MSC_MUST_CHECK;

#endif
