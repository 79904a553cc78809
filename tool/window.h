/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of a capture that a command is about: --time, --lun and --device. */
#ifndef MSC_TOOL_WINDOW_H
#define MSC_TOOL_WINDOW_H

#include "capture/capture.h"
#include "tool.h"

struct window {
	int64_t from_ns, to_ns;
	bool have_lun;
	uint64_t lun;
	uint64_t device; /* number of the talk; 0: any */
};
int window_read(struct window *, const struct args *, struct msc_err *);
/* A record within it. Of the units, only exchanges are some unit's. */
bool window_has(const struct window *, const struct msc_talk *, const struct msc_record *);

#define WINDOW_LUN  { "lun", 0, "N", "look only at this logical unit" }
#define WINDOW_TIME { "time", 0, "A..B", "look only at this time, as in 1.5s..2s, 3s.. or ..10ms" }
#define WINDOW_DEVICE \
	{ "device", 0, "N", "look only at the N-th mass-storage interface in the capture" }

/* There is no mass storage in it: what there is instead, as MSC_E_FORMAT. */
int window_nothing(const char *path, const struct msc_capture_facts *, struct msc_err *);

#endif
