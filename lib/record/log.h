/* SPDX-License-Identifier: BSD-2-Clause */
/* The wire log: what happened, as plain data, in time order. It has no clock and no target.
 *
 * An entry is a transfer (transport/transfer.h: its submission, or its end) or a note. Transfers
 * are what any source has: a live transport, the simulated bus, somebody's capture. Notes say what
 * a host meant, which is not on the wire: a log that was captured has none, and what is made of it
 * (assemble.h) then holds for whatever the host may have meant.
 */
#ifndef MSC_RECORD_LOG_H
#define MSC_RECORD_LOG_H

#include "base/err.h"
#include "scsi/scsi.h"
#include "transport/transport.h"

enum msc_note_kind {
	MSC_NOTE_DEVICE,  /* what the host knows of the device from here on */
	MSC_NOTE_FRESH,	  /* the device is ready for a CBW; what was before is not looked back at */
	MSC_NOTE_MUTE,	  /* what follows is the host's own affair, and not judged */
	MSC_NOTE_UNMUTE,
	MSC_NOTE_UNIT, /* what is known of the logical unit: nothing, it will be learned anew; or this */
	MSC_NOTE_BEGIN,	  /* an exchange: the next bulk-out transfer is its wrapper */
	MSC_NOTE_END,	  /* the host is through with the exchange, however far it got */
	MSC_NOTE_ABANDON, /* the host failed in the middle of it: nothing can be made of it */
	MSC_NOTE_BARE,	  /* the next bulk transfer belongs to no exchange */
	MSC_NOTE_LOST,	  /* entries are missing here: it is as if the log began now */
};

struct msc_note {
	enum msc_note_kind kind;
	const struct msc_device *device; /* DEVICE; gone when the entry has been taken */
	uint8_t lun;			 /* UNIT */
	struct msc_unit unit;		 /* UNIT */
	struct msc_intent stated; /* BEGIN: of the command block, by a scenario; or not .known */
	bool leave; /* BEGIN: what the device halts stays halted, on purpose */
};

struct msc_log_entry {
	enum { MSC_ENTRY_TRANSFER, MSC_ENTRY_NOTE } what;
	union {
		struct msc_transfer transfer;
		struct msc_note note;
	} u;
};

/* Of bytes that are not kept; not for secrets. */
uint64_t msc_log_hash(const void *data, size_t len);

/* A log in memory, with copies of all bytes up to `keep` of each transfer. */
struct msc_wire_log {
	size_t keep; /* SIZE_MAX: all */
	struct msc_log_entry *list;
	size_t count, room;
};
/* -1: out of memory. */
int msc_wire_log_add(struct msc_wire_log *, const struct msc_log_entry *,
		     struct msc_err *) MSC_MUST_CHECK;
void msc_wire_log_clear(struct msc_wire_log *);

#endif
