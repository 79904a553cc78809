/* SPDX-License-Identifier: BSD-2-Clause */
/* The registries of simulated firmware, and of the defects and the legal differences that can be
 * switched on in it.
 *
 * A new model is lib/firmware/NAME.c with one `struct msc_firmware` and a line FIRMWARE(name) in
 * firmware.list. A new fault is a row in one of fault/rows_*.c where the language of fault/table.h
 * can say it, else a `struct msc_fault` with hooks in C and a line FAULT(name) in fault.list.
 * A new variant is a row in one of the tables of variant/.
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
	/* Optional, of a model that is made of something on the host: before the device is powered on,
	 * with the knobs set; and after it is gone, in any case. */
	int (*prepare)(const struct msc_firmware *, void *state, bool *full_speed,
		       struct msc_err *);
	void (*release)(void *state);
};

struct msc_fault {
	const char *id;	    /* in fault=ID; lower case, '-' between words */
	const char *title;  /* the defect, in one line */
	const char *seen;   /* where in the field; NULL: in no report that is known */
	const char *caught_by; /* ids of the rules that must find it, separated by spaces */
	bool needs_writes;  /* they do so only in a run with --allow-writes */
	const char *
		target; /* knobs without which it cannot show itself, such as "removable=0"; they are
			       set with it unless the user sets them */
	bool by_toggle; /* it leaves a data toggle wrong: only where an odd number of packets went before, which is
			   half of the places by chance, does it show */
	const char *mistake; /* what its source usually does wrong, in one line */
	const char *breaks; /* the clause, where `seen` is NULL and none of its rules has one */
	struct mutant_ops ops;
};

/* A legal way to differ: variant=ID. */
struct msc_variant {
	const char *id;	   /* lower case, '-' between words */
	const char *title; /* what is different, in one line */
	const char *legal; /* why that conforms: standard and clause */
	const char *profiles; /* those that may warn of it all the same; NULL: none */
	const char *knobs; /* of `reference` that belong to it, "KNOB=VALUE,..."; NULL: none */
	struct mutant_ops ops;
};

#define FIRMWARE(name) extern const struct msc_firmware msc_firmware_##name;
#include "firmware/firmware.list"
#undef FIRMWARE

struct msc_fault_table {
	const struct msc_fault *rows;
	size_t n;
};

struct msc_variant_table {
	const struct msc_variant *rows;
	size_t n;
};

#define VARIANTS(name) extern const struct msc_variant_table msc_variants_##name;
#include "firmware/variant/variant.list"
#undef VARIANTS

#define FAULT(name) extern const struct msc_fault msc_fault_##name;
#define TABLE(name) extern const struct msc_fault_table msc_table_##name;
#include "firmware/fault/fault.list"
#undef FAULT
#undef TABLE

extern const struct msc_firmware *const msc_firmwares[];
extern const size_t msc_firmware_count;

/* All in the order of their ids: the one after that, the first for NULL, NULL at the end. */
const struct msc_fault *msc_fault_next(const struct msc_fault *);
const struct msc_variant *msc_variant_next(const struct msc_variant *);

/* Firmware of others, in the shared object at that path (mscope_firmware.h). NULL: *err says why not. */
struct msc_firmware *msc_external_open(const char *path, struct msc_err *err);
void msc_external_close(struct msc_firmware *); /* NULL is nothing to close */

/* NULL: no fault is called that. */
const struct msc_fault *msc_fault_named(const char *id);

/* NULL and *err (with the nearest name) when there is none. */
const struct msc_firmware *msc_firmware_find(const char *name, struct msc_err *err);
const struct msc_fault *msc_fault_find(const char *id, struct msc_err *err);
const struct msc_variant *msc_variant_find(const char *id, struct msc_err *err);

#endif
