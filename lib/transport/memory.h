/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for the data of transfers. Where the transport has such, the host controller reads and writes
 * it by itself, and the kernel copies nothing; anywhere else it is ordinary memory, and the caller
 * need not know which.
 *
 * Whoever asks for it gives it back, before the target is closed or its port is reset, and not while a
 * transfer of his is under way in it. Transfers take any other memory just as well.
 */
#ifndef MSC_TRANSPORT_MEMORY_H
#define MSC_TRANSPORT_MEMORY_H

#include "transport/transport.h"

struct msc_memory {
	uint8_t *p; /* NULL: none yet, as in a zeroed struct */
	size_t len; /* bytes */
	bool lent;  /* by the transport */
};

/* Makes it at least so many bytes. What is in a new one is not defined, and what was in one that was
 * too short is lost. -1: MSC_E_NOMEM, and it is empty. */
int msc_memory_need(struct msc_target *, struct msc_memory *, size_t len,
		    struct msc_err *) MSC_MUST_CHECK;
/* It is empty afterwards. */
void msc_memory_free(struct msc_target *, struct msc_memory *);

#endif
