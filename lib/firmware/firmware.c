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

#define FAULT(name) &msc_fault_##name,
const struct msc_fault *const msc_faults[] = {
#include "firmware/fault/fault.list"
};
#undef FAULT
const size_t msc_fault_count = MSC_COUNT(msc_faults);

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

	for (size_t i = 0; i < msc_fault_count; i++) {
		if (strcmp(msc_faults[i]->id, id) == 0)
			return msc_faults[i];
		msc_nearest_try(&nearest, msc_faults[i]->id);
	}
	(void)msc_fail_unknown(err, "fault", "faults", &nearest);
	return NULL;
}
