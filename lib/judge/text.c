/* SPDX-License-Identifier: BSD-2-Clause */
/* A record in a few words: the line above its findings. */
#include "judge/facts.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

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
	case MSC_STD_SET_DESCRIPTOR: return "SET_DESCRIPTOR";
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
	case MSC_RECORD_SUSPEND: snprintf(buf, size, "suspend and resume"); break;
	case MSC_RECORD_POLL:
		snprintf(buf, size, "a bare transfer on bulk-%s (%02Xh)",
			 r->u.poll.ep & MSC_EP_IN ? "in" : "out", r->u.poll.ep);
		break;
	}
	return buf;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static const char *ep_name(uint8_t ep)
{
	return ep & MSC_EP_IN ? "bulk-in" : "bulk-out";
}

static void add_step(char *buf, size_t size, const char *fmt, ...) MSC_PRINTF(3, 4);
static void add_step(char *buf, size_t size, const char *fmt, ...)
{
	char text[64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	msc_append(buf, size, "%s%s", *buf ? ", " : "", text);
}

/* How a transfer ended, where that is not as it should be. */
static void add_end(char *buf, size_t size, const struct msc_step *s, const char *what,
		    bool cleared)
{
	if (s->outcome == MSC_OUT_STALL)
		add_step(buf, size, "%s halted%s", ep_name(s->ep), cleared ? " and cleared" : "");
	else if (msc_hung(s->outcome))
		add_step(buf, size, "no %s", what);
	else if (s->outcome != MSC_OUT_DONE && s->outcome != MSC_OUT_CANCELLED)
		add_step(buf, size, "%s: %s", what, msc_outcome_name(s->outcome));
}

static void add_csw(char *buf, size_t size, const struct msc_exchange *x)
{
	if (x->csw_in_data)
		add_step(buf, size, "CSW within the data");
	else if (x->have_csw)
		add_step(buf, size, "CSW");
	else if (x->status_len)
		add_step(buf, size, "no CSW in form");
}

char *msc_steps_text(char *buf, size_t size, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;
	bool data = false;

	if (size)
		buf[0] = '\0';
	if (r->kind != MSC_RECORD_EXCHANGE)
		return buf;
	for (size_t i = 0; i < x->n_steps; i++) {
		const struct msc_step *s = &x->steps[i];
		bool cleared = i + 1 < x->n_steps && s[1].kind == MSC_STEP_CLEAR_HALT &&
			       s[1].ep == s->ep && s[1].outcome == MSC_OUT_DONE;

		if (s->kind == MSC_STEP_CBW)
			add_end(buf, size, s, "CBW", cleared);
		if (s->kind == MSC_STEP_DATA && s->actual && !data) {
			add_step(buf, size, "data");
			data = true;
		}
		if (s->kind == MSC_STEP_DATA)
			add_end(buf, size, s, "end of data", cleared);
		if (s->kind == MSC_STEP_CSW)
			add_end(buf, size, s, "CSW", cleared);
	}
	add_csw(buf, size, x);
	return buf;
}
