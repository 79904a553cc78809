/* SPDX-License-Identifier: BSD-2-Clause */
/* The scratch range for those who write outside of scenarios: read and put into the journal before
 * the first write, put back and read again afterwards, as for scenarios. */
#ifndef MSC_RUN_GUARD_H
#define MSC_RUN_GUARD_H

#include "run/run.h"

struct msc_guard;

/* The session must know the unit (msc_session_learn). What an earlier run left in a journal is put
 * back first. NULL: nothing may be written, and *err says why. note is called with what the reader
 * should know, now and in msc_guard_end. */
struct msc_guard *msc_guard_begin(struct msc_session *, uint8_t lun,
				  void (*note)(void *user, const char *text), void *user,
				  struct msc_err *);
/* The blocks that may be written. */
uint64_t msc_guard_first(const struct msc_guard *);
uint32_t msc_guard_blocks(const struct msc_guard *);
/* What is in them. */
const uint8_t *msc_guard_data(const struct msc_guard *);
/* Puts them back, whatever happened, and frees the guard. false: they could not be put back, and
 * the note says where they are kept. NULL is nothing to put back. */
bool msc_guard_end(struct msc_guard *);

#endif
