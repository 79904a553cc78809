/* SPDX-License-Identifier: BSD-2-Clause */
/* What "read" and "ls" read: a file, an image or a block device by direct reads, or a unit of a target
 * by raw exchanges. */
#ifndef MSC_TOOL_SOURCE_H
#define MSC_TOOL_SOURCE_H

#include "direct/volume.h"
#include "tool.h"

struct source {
	const char *path; /* NULL: it is a target */
	struct msc_direct direct;
	struct msc_target *target;
	struct msc_session *session;
	struct msc_bytes bytes;
	uint8_t lun;
	size_t words; /* of the command line that named it: 0 or 1 */
	bool told;    /* that it may be cached */
};

/* Names it, and opens a target. A block device is read by direct reads, whatever else it may be. Close
 * it in any case. */
int source_open(struct source *, struct tool *, struct msc_err *);
/* Before each reading: the path is opened, and the unit asked, anew. */
int source_begin(struct source *, struct msc_err *);
void source_close(struct source *);

/* Says once that what comes may be cached. */
void source_tell_cached(struct source *);

#endif
