/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of a part of a capture: --time, --lun and --device. */
#ifndef MSC_TOOL_WINDOW_H
#define MSC_TOOL_WINDOW_H

#include "capture/window.h"
#include "tool.h"

int window_read(struct msc_window *, const struct args *, struct msc_err *);

#define WINDOW_LUN  { "lun", 0, "N", "look only at this logical unit" }
#define WINDOW_TIME { "time", 0, "A..B", "look only at this time, as in 1.5s..2s, 3s.. or ..10ms" }
#define WINDOW_DEVICE \
	{ "device", 0, "N", "look only at the N-th mass-storage interface in the capture" }

#endif
