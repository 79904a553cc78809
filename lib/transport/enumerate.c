/* SPDX-License-Identifier: BSD-2-Clause */
/* See enumerate.h. */
#include "transport/enumerate.h"

#define US_ENGLISH 0x0409 /* the language of strings that is asked for */

int msc_enum_request(struct msc_target *t, const struct msc_setup *setup, void *data,
		     int64_t deadline_ns, struct msc_xfer *x, struct msc_err *err)
{
	*x = (struct msc_xfer){ .setup = *setup, .data = data, .len = setup->length };
	if (t->transport->submit(t, x, err) < 0)
		return -1;
	if (x->outcome == MSC_OUT_PENDING && t->transport->wait(t, x, deadline_ns, err) < 0)
		return -1;
	if (x->outcome == MSC_OUT_PENDING && t->transport->cancel(t, x, err) < 0)
		return -1;
	if (x->outcome == MSC_OUT_CANCELLED)
		x->outcome = MSC_OUT_TIMEOUT;
	return 0;
}

int msc_enum_outcome(struct msc_target *t, const struct msc_setup *setup, int64_t deadline_ns,
		     enum msc_outcome *outcome, struct msc_err *err)
{
	struct msc_xfer x;

	if (msc_enum_request(t, setup, NULL, deadline_ns, &x, err) < 0)
		return -1;
	*outcome = x.outcome;
	return 0;
}

int msc_enum_standard(struct msc_target *t, const char *what, const struct msc_setup *setup,
		      void *data, size_t *len, int64_t timeout_ns, struct msc_err *err)
{
	struct msc_xfer x;

	if (msc_enum_request(t, setup, data, msc_now(t->clock) + timeout_ns, &x, err) < 0)
		return -1;
	if (len)
		*len = x.actual;
	if (x.outcome == MSC_OUT_DONE)
		return 0;
	return msc_fail(err, x.outcome == MSC_OUT_GONE ? MSC_E_GONE : MSC_E_UNSUPPORTED,
			"%s: cannot be enumerated: %s: %s", t->device.name, what,
			msc_outcome_name(x.outcome));
}

static struct msc_setup descriptor(enum msc_descriptor_type type, uint8_t index, uint16_t language,
				   uint16_t room)
{
	return (struct msc_setup){ .request_type = MSC_REQTYPE_IN,
				   .request = MSC_STD_GET_DESCRIPTOR,
				   .value = (uint16_t)(type << 8 | index),
				   .index = language,
				   .length = room };
}

int msc_enum_descriptor(struct msc_target *t, enum msc_descriptor_type type, void *data,
			uint16_t room, size_t *len, int64_t timeout_ns, struct msc_err *err)
{
	const struct msc_setup setup = descriptor(type, 0, 0, room);

	return msc_enum_standard(
		t, type == MSC_DESC_DEVICE ? "device descriptor" : "configuration descriptor",
		&setup, data, len, timeout_ns, err);
}

/* Longer ones are rare, and there is firmware that looks at wLength. */
#define CONFIG_ROOM 1024

int msc_enum_configuration(struct msc_target *t, int64_t timeout_ns, struct msc_err *err)
{
	struct msc_device *d = &t->device;

	if (msc_enum_descriptor(t, MSC_DESC_CONFIGURATION, d->config, CONFIG_ROOM, &d->config_len,
				timeout_ns, err) < 0)
		return -1;
	if (d->config_len < CONFIG_ROOM || msc_get_le16(d->config + 2) <= CONFIG_ROOM)
		return 0;
	return msc_enum_descriptor(t, MSC_DESC_CONFIGURATION, d->config, sizeof d->config,
				   &d->config_len, timeout_ns, err);
}

int msc_enum_serial(struct msc_target *t, int64_t timeout_ns, struct msc_err *err)
{
	struct msc_device *d = &t->device;
	struct msc_err why = MSC_ERR_INIT;
	uint8_t raw[255];
	const struct msc_setup setup =
		descriptor(MSC_DESC_STRING, d->desc.i_serial, US_ENGLISH, sizeof raw);
	size_t len, n = 0;

	if (!d->desc.i_serial)
		return 0;
	if (msc_enum_standard(t, "serial number", &setup, raw, &len, timeout_ns, &why) < 0) {
		if (why.code == MSC_E_NOMEM)
			return msc_nomem(err);
		return 0;
	}
	for (size_t i = 2; i + 1 < len && n + 1 < sizeof d->serial; i += 2)
		d->serial[n++] = raw[i + 1] == 0 && raw[i] >= 0x20 && raw[i] < 0x7f ? (char)raw[i]
										    : '?';
	d->serial[n] = '\0';
	return 0;
}

int msc_enum_try(struct msc_target *t, int (*once)(struct msc_target *, struct msc_err *),
		 struct msc_err *err)
{
	for (int tries = 1;; tries++) {
		int rc;

		*err = (struct msc_err)MSC_ERR_INIT;
		rc = once(t, err);
		t->resets = (unsigned)tries;
		if (rc == 0)
			return 0;
		if (rc > 0 || err->code != MSC_E_UNSUPPORTED || tries == MSC_PORT_INIT_TRIES)
			return -1;
		msc_wait_until(t->clock, msc_now(t->clock) + MSC_PORT_INIT_PAUSE_NS);
	}
}
