/* SPDX-License-Identifier: BSD-2-Clause */
/* A record in a few words: the line above its findings. */
#include "judge/facts.h"

#include <stdio.h>

static char *exchange_text(char *buf, size_t size, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	uint8_t len = x->cbw.h.cb_length;

	if (r->cut && x->wrapper_len < MSC_CBW_LEN)
		snprintf(buf, size, "a CBW that was not seen");
	else if (!x->whole && x->wrapper_len != MSC_CBW_LEN)
		snprintf(buf, size, "a CBW of %zu bytes", x->wrapper_len);
	else if (!msc_exchange_is_valid(x))
		snprintf(buf, size, "a CBW with signature %08Xh", (unsigned)x->cbw.h.signature);
	else
		msc_cdb_text(buf, size, x->cbw.cb,
			     len && len < MSC_CBW_CB_MAX ? len : MSC_CBW_CB_MAX);
	return buf;
}

static void descriptor_text(char *buf, size_t size, const struct msc_setup *s)
{
	static const char *const names[] = {
		NULL,        "device",   "configuration",    "string",
		"interface", "endpoint", "device_qualifier", "other_speed_configuration"
	};
	unsigned type = s->value >> 8, index = s->value & 0xff;

	if (type >= MSC_COUNT(names) || !names[type])
		snprintf(buf, size, "GET_DESCRIPTOR type %02Xh", type);
	else if (type == MSC_DESC_STRING || index)
		snprintf(buf, size, "GET_DESCRIPTOR %s %u", names[type], index);
	else
		snprintf(buf, size, "GET_DESCRIPTOR %s", names[type]);
}

static const char *standard_name(uint8_t request)
{
	switch (request) {
	case MSC_STD_GET_STATUS: return "GET_STATUS";
	case MSC_STD_CLEAR_FEATURE: return "CLEAR_FEATURE";
	case MSC_STD_SET_FEATURE: return "SET_FEATURE";
	case MSC_STD_SET_ADDRESS: return "SET_ADDRESS";
	case MSC_STD_GET_CONFIGURATION: return "GET_CONFIGURATION";
	case MSC_STD_SET_CONFIGURATION: return "SET_CONFIGURATION";
	case MSC_STD_GET_INTERFACE: return "GET_INTERFACE";
	case MSC_STD_SET_INTERFACE: return "SET_INTERFACE";
	default: return NULL;
	}
}

static void standard_text(char *buf, size_t size, const struct msc_setup *s)
{
	static const char *const recipients[] = { "device", "interface", "endpoint" };
	unsigned recipient = s->request_type & MSC_REQTYPE_RECIPIENT;
	const char *name = standard_name(s->request);

	if (!name || recipient >= MSC_COUNT(recipients))
		snprintf(buf, size, "standard request %02Xh", s->request);
	else if (recipient == MSC_RECIPIENT_DEVICE)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%s %s %02Xh", name, recipients[recipient], s->index);
}

static char *control_text(char *buf, size_t size, const struct msc_record *r)
{
	const struct msc_setup *s = &r->u.control.setup;
	const char *name = s->request == MSC_REQ_GET_MAX_LUN ? "Get Max LUN" : "Bulk-Only Reset";

	if (s->request_type == MSC_REQTYPE_IN && s->request == MSC_STD_GET_DESCRIPTOR)
		descriptor_text(buf, size, s);
	else if ((s->request_type & MSC_REQTYPE_TYPE) == MSC_REQTYPE_STANDARD)
		standard_text(buf, size, s);
	else if (msc_is_good_max_lun(r) || msc_is_good_reset(r))
		snprintf(buf, size, "%s", name);
	else if ((s->request_type & MSC_REQTYPE_TYPE) == MSC_REQTYPE_CLASS &&
		 s->request >= MSC_REQ_GET_MAX_LUN)
		snprintf(buf, size, "%s with wValue %u, wIndex %u, wLength %u", name, s->value,
			 s->index, s->length);
	else
		snprintf(buf, size, "request %02Xh %02Xh", s->request_type, s->request);
	return buf;
}

char *msc_record_text(char *buf, size_t size, const struct msc_record *r)
{
	if (size)
		buf[0] = '\0';
	switch (r->kind) {
	case MSC_RECORD_EXCHANGE: return exchange_text(buf, size, r);
	case MSC_RECORD_CONTROL: return control_text(buf, size, r);
	case MSC_RECORD_PORT_RESET: snprintf(buf, size, "port reset"); break;
	case MSC_RECORD_POLL:
		snprintf(buf, size, "a bare transfer on bulk-%s (%02Xh)",
			 r->u.poll.ep & MSC_EP_IN ? "in" : "out", r->u.poll.ep);
		break;
	}
	return buf;
}
