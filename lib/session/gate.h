/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate: what leaves a session leaves through here. Every byte of bulk-out and every control
 * request is looked at before it is submitted, whoever sends it and in whatever pieces, and what
 * may change a medium or the device passes only where it is allowed:
 *
 *	harmless by the table in scsi/effect.c		always
 *	changes the state of the device (eject, stop)	with allow_writes
 *	writes blocks					where permits cover all of them
 *	anything else, and what nobody knows		with allow_unsafe, or the operation code in it
 *
 * A whole command, which is carried by the kernel, is looked at as the CBW that it becomes and the data
 * behind it.
 *
 * A device may take for a CBW what was not meant as one, so bytes count by what they look like and
 * not by who sends them: a signature anywhere in the stream of bulk-out bytes, also across transfers,
 * and, where a CBW belongs, without one. Data of a write that a permit covers is data.
 *
 * A refusal is MSC_E_REFUSED; nothing has left then. err->sys is the enum msc_effect that was
 * refused.
 *
 * Permits are issued by lib/medium, which has saved what they cover, and by nobody else ("make lint"
 * sees to it). */
#ifndef MSC_SESSION_GATE_H
#define MSC_SESSION_GATE_H

#include "session/session.h"

struct msc_permit {
	uint8_t lun;
	uint64_t first, blocks;
	uint32_t block_size;	/* bytes */
	const uint8_t *opcodes; /* borrowed for as long as the permit holds */
	size_t n_opcodes;
};

/* *id names it for msc_gate_revoke. */
int msc_gate_permit(struct msc_session *, const struct msc_permit *, unsigned *id,
		    struct msc_err *) MSC_MUST_CHECK;
void msc_gate_revoke(struct msc_session *, unsigned id);

/* Whether this operation code passes whatever it does: allow_unsafe. */
bool msc_gate_lets_all(const struct msc_session *, uint8_t opcode);

/* How harmful bytes on bulk-out may be by themselves, wherever in them a CBW may be seen; for whoever
 * wants to know before there is a session. *why: see msc_cdb_effect. */
enum msc_effect msc_gate_bytes_effect(const uint8_t *bytes, size_t len, const char **why);
/* And a control request: BOT 1.0, 3 and USB 2.0, 9.4 are known, all others that send are not. */
enum msc_effect msc_gate_request_effect(const struct msc_setup *, const char **why);

#endif
