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

/* Faults and variants lie in tables; a fault that is hooks in C is a table of one. */
#define TABLE(name) &msc_table_##name,
#define FAULT(name) &(const struct msc_fault_table){ &msc_fault_##name, 1 },
static const struct msc_fault_table *const faults[] = {
#include "firmware/fault/fault.list"
};
#undef FAULT
#undef TABLE

#define VARIANTS(name) &msc_variants_##name,
static const struct msc_variant_table *const variants[] = {
#include "firmware/variant/variant.list"
};
#undef VARIANTS

/* Of those seen, the one whose id comes next after another's. */
struct successor {
	const char *after, *id; /* NULL: before all; none yet */
	const void *entry;
};

static void see(struct successor *s, const char *id, const void *entry)
{
	if ((!s->after || strcmp(id, s->after) > 0) && (!s->id || strcmp(id, s->id) < 0)) {
		s->id = id;
		s->entry = entry;
	}
}

const struct msc_fault *msc_fault_next(const struct msc_fault *f)
{
	struct successor next = { .after = f ? f->id : NULL };

	for (size_t t = 0; t < MSC_COUNT(faults); t++)
		for (size_t i = 0; i < faults[t]->n; i++)
			see(&next, faults[t]->rows[i].id, &faults[t]->rows[i]);
	return next.entry;
}

const struct msc_variant *msc_variant_next(const struct msc_variant *v)
{
	struct successor next = { .after = v ? v->id : NULL };

	for (size_t t = 0; t < MSC_COUNT(variants); t++)
		for (size_t i = 0; i < variants[t]->n; i++)
			see(&next, variants[t]->rows[i].id, &variants[t]->rows[i]);
	return next.entry;
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

const struct msc_fault *msc_fault_named(const char *id)
{
	for (size_t t = 0; t < MSC_COUNT(faults); t++)
		for (size_t i = 0; i < faults[t]->n; i++)
			if (strcmp(faults[t]->rows[i].id, id) == 0)
				return &faults[t]->rows[i];
	return NULL;
}

const struct msc_fault *msc_fault_find(const char *id, struct msc_err *err)
{
	const struct msc_fault *found = msc_fault_named(id);
	struct msc_nearest nearest = { .wanted = id };

	if (found)
		return found;
	for (const struct msc_fault *f = NULL; (f = msc_fault_next(f));)
		msc_nearest_try(&nearest, f->id);
	(void)msc_fail_unknown(err, "fault", "faults", &nearest);
	return NULL;
}

const struct msc_variant *msc_variant_find(const char *id, struct msc_err *err)
{
	struct msc_nearest nearest = { .wanted = id };

	for (size_t t = 0; t < MSC_COUNT(variants); t++)
		for (size_t i = 0; i < variants[t]->n; i++)
			if (strcmp(variants[t]->rows[i].id, id) == 0)
				return &variants[t]->rows[i];
	for (const struct msc_variant *v = NULL; (v = msc_variant_next(v));)
		msc_nearest_try(&nearest, v->id);
	(void)msc_fail_unknown(err, "variant", "variants", &nearest);
	return NULL;
}
