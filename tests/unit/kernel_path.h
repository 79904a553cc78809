/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's SCSI path without a kernel: a target of whole commands, behind which a simulated device
 * is driven by Bulk-Only as Linux's usb-storage does it. What that driver changes on the way is here too:
 * it asks by itself why a command failed, takes sense data of nothing for an error, gives a residue, and
 * resets the port when a command does not end.
 */
#ifndef MSC_TESTS_KERNEL_PATH_H
#define MSC_TESTS_KERNEL_PATH_H

#include "transport/command.h"

#define KERNEL_PATH_NODE "/dev/sdz"

/* Of a target such as "sim:reference"; NULL and *err: it cannot be opened. */
struct msc_target *kernel_path_open(const char *sim, struct msc_err *err);

/* What has reached the kernel so far. */
struct kernel_path_count {
	unsigned commands, changing; /* those that may change something: scsi/effect.c */
	unsigned fetched; /* REQUEST SENSE of its own */
	unsigned lost;	  /* of which it made nothing */
};
struct kernel_path_count kernel_path_count(struct msc_target *);

#endif
