/* SPDX-License-Identifier: BSD-2-Clause */
/* Knobs: see knob.h. */
#include "base/knob.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const struct msc_knob *msc_knob_find(const struct msc_knob *table, const char *name)
{
	for (const struct msc_knob *k = table; k && k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

static int set_number(const struct msc_knob *k, void *member, const char *value,
		      struct msc_err *err)
{
	uint64_t max = k->max ? k->max : k->type == MSC_KNOB_U32 ? UINT32_MAX : UINT64_MAX;
	uint64_t n;

	if (msc_parse_size(value, &n, err) < 0)
		return -1;
	if (n < k->min || n > max)
		return msc_fail(err, MSC_E_USAGE, "%s is out of range (%llu to %llu)", value,
				(unsigned long long)k->min, (unsigned long long)max);
	if (k->type == MSC_KNOB_U32) {
		uint32_t narrow = (uint32_t)n;

		memcpy(member, &narrow, sizeof narrow);
	} else {
		memcpy(member, &n, sizeof n);
	}
	return 0;
}

static int set_tenths(const char *value, void *member, struct msc_err *err)
{
	const char *p = value + (*value == '-'), *digits = p;
	int32_t n = 0;

	for (; *p >= '0' && *p <= '9' && n < 1000; p++)
		n = n * 10 + (*p - '0');
	n *= 10;
	if (p > digits && *p == '.' && p[1] >= '0' && p[1] <= '9') {
		n += p[1] - '0';
		p += 2;
	}
	if (p == digits || *p)
		return msc_fail(err, MSC_E_USAGE,
				"'%s': expected a number with at most one decimal, as in -5.5",
				value);
	if (n > 10000)
		return msc_fail(err, MSC_E_USAGE, "%s is out of range (-1000 to 1000)", value);
	if (*value == '-')
		n = -n;
	memcpy(member, &n, sizeof n);
	return 0;
}

static int set_choice(const struct msc_knob *k, void *member, const char *value,
		      struct msc_err *err)
{
	char all[160] = "";

	for (int i = 0; k->choices[i]; i++) {
		size_t used = strlen(all);

		if (strcmp(k->choices[i], value) == 0) {
			memcpy(member, &i, sizeof i);
			return 0;
		}
		snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", k->choices[i]);
	}
	return msc_fail(err, MSC_E_USAGE, "'%s' is none of %s", value, all);
}

int msc_knob_set(const struct msc_knob *k, void *base, const char *value, struct msc_err *err)
{
	void *member = (char *)base + k->offset;
	int rc = 0;

	switch (k->type) {
	case MSC_KNOB_BOOL:
		rc = msc_parse_bool(value, member, err);
		break;
	case MSC_KNOB_U32:
	case MSC_KNOB_U64:
		rc = set_number(k, member, value, err);
		break;
	case MSC_KNOB_DURATION:
		rc = msc_parse_duration(value, member, err);
		break;
	case MSC_KNOB_CHOICE:
		rc = set_choice(k, member, value, err);
		break;
	case MSC_KNOB_TENTHS:
		rc = set_tenths(value, member, err);
		break;
	case MSC_KNOB_TEXT:
		if (strlen(value) >= k->text_size)
			rc = msc_fail(err, MSC_E_USAGE, "'%s' is longer than %zu characters", value,
				      k->text_size - 1);
		else
			strcpy(member, value);
		break;
	}
	if (rc < 0)
		msc_err_prefix(err, "%s: ", k->name);
	return rc;
}

void msc_knobs_init(const struct msc_knob *table, void *base)
{
	for (const struct msc_knob *k = table; k && k->name; k++) {
		struct msc_err err = MSC_ERR_INIT;
		int rc = k->initial ? msc_knob_set(k, base, k->initial, &err) : 0;

		assert(rc == 0); /* a default that its own type refuses is our mistake */
		(void)rc;
	}
}
