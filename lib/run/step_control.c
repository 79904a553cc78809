/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps on endpoint 0: one request, or everything that a host reads when a device is plugged in. */
#include <stdlib.h>
#include <string.h>

#include "run/runner.h"

#define STRING_ROOM 255

static int request(struct msc_runner *r, const struct msc_setup *setup, const void *data,
		   const struct msc_record **out, struct msc_err *err)
{
	if (msc_session_control(r->session, setup, data, out, err) < 0)
		return -1;
	/* A request that never ends on endpoint 0 will not fare better with the next. */
	if ((*out)->u.control.outcome == MSC_OUT_TIMEOUT)
		return msc_check_hung(r, *out, "the device did not answer on endpoint 0", err);
	return 0;
}

/* A setting that is not there, and the device has taken it: whatever became of its toggles, both sides
 * begin at DATA0 from here. */
static int agree(struct msc_runner *r, const struct msc_record *record, struct msc_err *err)
{
	const struct msc_device *d = &r->target->device;

	if (record->u.control.outcome != MSC_OUT_DONE)
		return 0;
	if (msc_session_clear_halt(r->session, d->ep_in, NULL, err) < 0)
		return -1;
	return msc_session_clear_halt(r->session, d->ep_out, NULL, err);
}

int msc_run_control(struct msc_runner *r, const struct msc_plan_control *c, struct msc_err *err)
{
	const struct msc_device *d = &r->target->device;
	const struct msc_record *record;
	int64_t type, req, value, index, length;
	struct msc_setup setup;
	uint8_t *data;
	int rc;

	if (!msc_run_value(r, &c->type, 0, &type) || !msc_run_value(r, &c->request, 0, &req) ||
	    !msc_run_value(r, &c->value, 0, &value) || !msc_run_value(r, &c->index, 0, &index) ||
	    !msc_run_value(r, &c->length, 0, &length))
		return 0;
	if (c->endpoint >= 2)
		index = c->endpoint == 2 ? d->ep_out : d->ep_in;
	else if (c->endpoint == 1)
		index = d->interface_number;
	setup = (struct msc_setup){ .request_type = (uint8_t)type,
				    .request = (uint8_t)req,
				    .value = (uint16_t)value,
				    .index = (uint16_t)index,
				    .length = (uint16_t)length };
	if (msc_setup_sets_configuration(&setup) && msc_may_configure(r->target, err) < 0)
		return -1;
	data = calloc(1, setup.length + 1u);
	if (!data)
		return msc_nomem(err);
	if (c->data.bytes.data)
		memcpy(data, c->data.bytes.data,
		       c->data.bytes.len < setup.length ? c->data.bytes.len : setup.length);
	else
		msc_pattern_fill(c->data.pattern, data, setup.length, 0, MSC_STAMP_LEN);
	rc = request(r, &setup, data, &record, err);
	free(data);
	if (rc == 0 && msc_setup_sets_interface(&setup, d->interface_number))
		rc = agree(r, record, err);
	if (rc == 0 && msc_setup_sets_configuration(&setup))
		r->deconfigured |= record->u.control.outcome == MSC_OUT_DONE;
	if (rc < 0 || msc_check_control(r, &c->expect, record, err) < 0)
		return -1;
	if (c->save < 0)
		return 0;
	return msc_run_save(r, c->save, record->u.control.data, record->u.control.data_len, err);
}

/* A standard request to the device; *got NULL: it was refused. */
static int standard(struct msc_runner *r, uint8_t req, unsigned value, unsigned index,
		    unsigned length, const struct msc_control **got, struct msc_err *err)
{
	const struct msc_setup setup = { .request_type = MSC_REQTYPE_IN,
					 .request = req,
					 .value = (uint16_t)value,
					 .index = (uint16_t)index,
					 .length = (uint16_t)length };
	const struct msc_record *record;

	*got = NULL;
	if (r->ended)
		return 0;
	if (request(r, &setup, NULL, &record, err) < 0)
		return -1;
	if (record->u.control.outcome == MSC_OUT_DONE)
		*got = &record->u.control;
	return 0;
}

static int descriptor(struct msc_runner *r, unsigned type, unsigned which, unsigned language,
		      unsigned length, const struct msc_control **got, struct msc_err *err)
{
	return standard(r, MSC_STD_GET_DESCRIPTOR, type << 8 | which, language, length, got, err);
}

/* The first bytes, then as many as they say. */
static int in_two_steps(struct msc_runner *r, unsigned type, unsigned head, struct msc_err *err)
{
	const struct msc_control *got;

	if (descriptor(r, type, 0, 0, head, &got, err) < 0)
		return -1;
	if (!got || got->data_len < 4 || msc_get_le16(got->data + 2) <= head)
		return 0;
	return descriptor(r, type, 0, 0, msc_get_le16(got->data + 2), &got, err);
}

static int configuration(struct msc_runner *r, unsigned type, struct msc_err *err)
{
	return in_two_steps(r, type, MSC_CONFIG_DESC_LEN, err);
}

static int capabilities(struct msc_runner *r, struct msc_err *err)
{
	return in_two_steps(r, MSC_DESC_BOS, MSC_BOS_DESC_LEN, err);
}

/* The languages, then every string of the device descriptor in the first of them: its first two
 * bytes, then all. */
static int strings(struct msc_runner *r, const struct msc_device_desc *d, struct msc_err *err)
{
	const uint8_t which[] = { d->i_manufacturer, d->i_product, d->i_serial };
	const struct msc_control *got;
	unsigned language;

	if (descriptor(r, MSC_DESC_STRING, 0, 0, STRING_ROOM, &got, err) < 0)
		return -1;
	if (!got || got->data_len < 4)
		return 0;
	language = msc_get_le16(got->data + 2);
	for (size_t i = 0; i < MSC_COUNT(which); i++) {
		if (!which[i])
			continue;
		if (descriptor(r, MSC_DESC_STRING, which[i], language, 2, &got, err) < 0 ||
		    descriptor(r, MSC_DESC_STRING, which[i], language, STRING_ROOM, &got, err) < 0)
			return -1;
	}
	return 0;
}

int msc_run_enumerate(struct msc_runner *r, struct msc_err *err)
{
	const struct msc_control *got;
	struct msc_device_desc d;

	if (descriptor(r, MSC_DESC_DEVICE, 0, 0, MSC_DEVICE_DESC_LEN, &got, err) < 0)
		return -1;
	if (!got || got->data_len < MSC_DEVICE_DESC_LEN)
		return 0;
	msc_device_desc_unpack(&d, got->data);
	if (configuration(r, MSC_DESC_CONFIGURATION, err) < 0 || strings(r, &d, err) < 0)
		return -1;
	/* USB 2.0, 9.6.2: a device of one speed refuses these two. */
	if (d.usb >= 0x0200 && r->target->device.speed <= MSC_SPEED_HIGH) {
		if (descriptor(r, MSC_DESC_DEVICE_QUALIFIER, 0, 0, 10, &got, err) < 0)
			return -1;
		if (got && configuration(r, MSC_DESC_OTHER_SPEED, err) < 0)
			return -1;
	}
	/* As Windows does, and Linux: who claims more than 2.00 has one. */
	if (d.usb > 0x0200 && capabilities(r, err) < 0)
		return -1;
	if (standard(r, MSC_STD_GET_CONFIGURATION, 0, 0, 1, &got, err) < 0)
		return -1;
	return standard(r, MSC_STD_GET_STATUS, 0, 0, 2, &got, err);
}
