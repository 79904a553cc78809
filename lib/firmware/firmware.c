/* SPDX-License-Identifier: BSD-2-Clause */
/* The registries: see firmware.h. */
#include "firmware/firmware.h"

#include <string.h>

#include "base/text.h"

#define FIRMWARE(name) &msc_firmware_##name,
const struct msc_firmware *const msc_firmwares[] = {
#include "firmware/firmware.list"
};
#undef FIRMWARE
const size_t msc_firmware_count = MSC_COUNT(msc_firmwares);

/* A fault that is hooks in C is a table of one. */
#define TABLE(name) &msc_table_##name,
#define FAULT(name) &(const struct msc_fault_table){ &msc_fault_##name, 1 },
static const struct msc_fault_table *const tables[] = {
#include "firmware/fault/fault.list"
};
#undef FAULT
#undef TABLE

const struct msc_fault *msc_fault_next(const struct msc_fault *f)
{
	const struct msc_fault *next = NULL;

	for (size_t t = 0; t < MSC_COUNT(tables); t++)
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct msc_fault *x = &tables[t]->rows[i];

			if ((!f || strcmp(x->id, f->id) > 0) &&
			    (!next || strcmp(x->id, next->id) < 0))
				next = x;
		}
	return next;
}

const struct msc_firmware *msc_firmware_find(const char *name, struct msc_err *err)
{
	struct msc_nearest nearest = { .wanted = name };

	for (size_t i = 0; i < msc_firmware_count; i++) {
		if (strcmp(msc_firmwares[i]->name, name) == 0)
			return msc_firmwares[i];
		msc_nearest_try(&nearest, msc_firmwares[i]->name);
	}
	(void)msc_fail_unknown(err, "firmware", "firmware", &nearest);
	return NULL;
}

const struct msc_fault *msc_fault_find(const char *id, struct msc_err *err)
{
	struct msc_nearest nearest = { .wanted = id };

	for (const struct msc_fault *f = NULL; (f = msc_fault_next(f));) {
		if (strcmp(f->id, id) == 0)
			return f;
		msc_nearest_try(&nearest, f->id);
	}
	(void)msc_fail_unknown(err, "fault", "faults", &nearest);
	return NULL;
}
