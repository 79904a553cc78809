/* SPDX-License-Identifier: BSD-2-Clause */
/* The registries of simulated firmware and of the defects that can be switched on in it.
 *
 * A new model is lib/firmware/NAME.c with one `struct msc_firmware` and a line FIRMWARE(name) in
 * firmware.list. A new fault is one `struct msc_fault`, in the fault_*.c of its subject or in a
 * file of its own, and a line FAULT(name) in fault.list.
 */
#ifndef MSC_FIRMWARE_FIRMWARE_H
#define MSC_FIRMWARE_FIRMWARE_H

#include "sim/device.h"

struct msc_firmware {
	const char *name;    /* in sim:NAME; lower case, '-' between words */
	const char *summary; /* one line, lower case, no full stop */
	const char *like;    /* what in the world behaves so */
	const char *expect;  /* what `mscope check` says of it */
	size_t state_size;
	const struct msc_knob *knobs;
	struct mcu_vectors vectors;
	bool full_speed_only;
};

struct msc_fault {
	const char *id;	    /* in fault=ID; lower case, '-' between words; sorted by it */
	const char *title;  /* the defect, in one line */
	const char *seen;   /* where in the field, or which rule it exists to prove */
	const char *caught_by; /* ids of the rules that must find it, separated by spaces */
	bool needs_writes;  /* they do so only in a run with --allow-writes */
	const char *target; /* knobs without which it cannot show itself, such as "removable=0" */
	struct mutant_ops ops;
};

#define FIRMWARE(name) extern const struct msc_firmware msc_firmware_##name;
#include "firmware/firmware.list"
#undef FIRMWARE

#define FAULT(name) extern const struct msc_fault msc_fault_##name;
#include "firmware/fault/fault.list"
#undef FAULT

extern const struct msc_firmware *const msc_firmwares[];
extern const size_t msc_firmware_count;
extern const struct msc_fault *const msc_faults[];
extern const size_t msc_fault_count;

/* NULL and *err (with the nearest name) when there is none. */
const struct msc_firmware *msc_firmware_find(const char *name, struct msc_err *err);
const struct msc_fault *msc_fault_find(const char *id, struct msc_err *err);

#endif
