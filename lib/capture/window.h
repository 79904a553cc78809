/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of a capture that is looked at: a time, a unit, a device. */
#ifndef MSC_CAPTURE_WINDOW_H
#define MSC_CAPTURE_WINDOW_H

#include "capture/capture.h"

struct msc_window {
	int64_t from_ns, to_ns; /* of the capture's clock; both within */
	bool have_lun;
	uint64_t lun;
	uint64_t device; /* number of the talk; 0: any */
};

/* All of it. */
#define MSC_WINDOW_ALL ((struct msc_window){ .to_ns = INT64_MAX })

/* A record within it. Of the units, only exchanges are some unit's. */
bool msc_window_has(const struct msc_window *, const struct msc_talk *, const struct msc_record *);

/* There is no mass storage in a capture: what there is instead, as MSC_E_FORMAT. path: for the message. */
int msc_window_nothing(const char *path, const struct msc_capture_facts *, struct msc_err *);

#endif
