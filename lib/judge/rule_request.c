/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of control requests: Get Max LUN and Bulk-Only Reset with right and wrong fields (BOT 1.0,
 * 3.1 and 3.2), and that endpoint 0 always answers. */
#include "judge/facts.h"

#include <stdio.h>
#include <string.h>

#define REQTYPE_CLASS_IN  (MSC_REQTYPE_IN | MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE)
#define REQTYPE_CLASS_OUT (MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE)

/* wIndex names another interface that exists: what that does with the request is its own affair. */
static bool for_another(const struct msc_record *r)
{
	uint16_t index = r->u.control.setup.index;

	return index != r->device->interface_number && index <= 0xff &&
	       msc_interface_exists(r->device, (uint8_t)index);
}

static void must_stall(struct msc_judging *j, const struct msc_record *r, const char *name)
{
	const struct msc_setup *s = &r->u.control.setup;

	if (r->u.control.outcome != MSC_OUT_DONE)
		return;
	msc_found(j, "%s with wValue %u, wIndex %u and wLength %u was accepted", name, s->value,
		  s->index, s->length);
	msc_expected(j, "STALL");
	msc_actual(j, "done");
}

static void max_lun_fields(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_setup *s = &r->u.control.setup;

	if (!msc_is_request(r, REQTYPE_CLASS_IN, MSC_REQ_GET_MAX_LUN) || for_another(r))
		return;
	if (s->value || s->index != r->device->interface_number)
		must_stall(j, r, "Get Max LUN");
}

const struct msc_rule msc_rule_bot_maxlun_fields = {
	.id = "bot.maxlun.fields",
	.title = "Get Max LUN with a wrong wValue or wIndex is refused",
	.spec = "BOT 1.0, 3.2; USB 2.0, 9.2.7; TD1.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_NOTE},
	.why = "hosts send it right; the compliance tests do not",
	.mistake = "only bRequest is looked at",
	.on = MSC_RECORD_CONTROL,
	.judge = max_lun_fields,
};

static void max_lun_length(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (!msc_is_good_max_lun(r) || c->outcome != MSC_OUT_DONE || c->data_len == 1)
		return;
	msc_found(j, "Get Max LUN gave %zu byte%s", c->data_len, MSC_PLURAL(c->data_len));
	msc_expected(j, "1");
	msc_actual(j, "%zu", c->data_len);
}

const struct msc_rule msc_rule_bot_maxlun_length = {
	.id = "bot.maxlun.length",
	.title = "Get Max LUN answers with one byte",
	.spec = "BOT 1.0, 3.2; TD1.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "a host reads whatever was in its buffer, or goes on with one unit",
	.mistake = "the request is acknowledged without its data stage",
	.on = MSC_RECORD_CONTROL,
	.judge = max_lun_length,
};

static void max_lun_range(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (!msc_is_good_max_lun(r) || c->outcome != MSC_OUT_DONE || c->data_len != 1 ||
	    c->data[0] <= MSC_LUN_MAX)
		return;
	msc_found(j, "Get Max LUN says that the last logical unit is %u", c->data[0]);
	msc_expected(j, "0 to %d", MSC_LUN_MAX);
	msc_actual(j, "%u", c->data[0]);
}

const struct msc_rule msc_rule_bot_maxlun_range = {
	.id = "bot.maxlun.range",
	.title = "Get Max LUN is at most 15",
	.spec = "BOT 1.0, 3.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts look for that many units, each with its own time-outs, or ignore the answer",
	.mistake = "a variable that was never set is sent",
	.on = MSC_RECORD_CONTROL,
	.judge = max_lun_range,
};

static bool is_answer(enum msc_outcome o)
{
	return o == MSC_OUT_DONE || o == MSC_OUT_STALL;
}

static void max_lun_stable(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control, *before = NULL;
	const struct msc_answers *a = msc_history_controls(r);

	if (!msc_is_good_max_lun(r) || !is_answer(c->outcome))
		return;
	for (size_t i = 0; a && i < a->count && !before; i++)
		if (msc_is_good_max_lun(a->list[i]))
			before = &a->list[i]->u.control;
	if (!before)
		return;
	if (before->outcome != c->outcome)
		msc_found(j, "Get Max LUN was answered with %s, and with %s before",
			  msc_outcome_name(c->outcome), msc_outcome_name(before->outcome));
	else if (c->data_len && before->data_len && c->data[0] != before->data[0])
		msc_found(j, "Get Max LUN gave %u, and %u before", c->data[0], before->data[0]);
	msc_expected(j, "the same again");
}

const struct msc_rule msc_rule_bot_maxlun_stable = {
	.id = "bot.maxlun.stable",
	.title = "Get Max LUN gives the same answer every time",
	.spec = "BOT 1.0, 3.2; TD1.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts ask once; a unit that appears later is never found",
	.mistake =
		"it counts the media that are present instead of the units, or depends on a wrong "
		"request before it",
	.on = MSC_RECORD_CONTROL,
	.judge = max_lun_stable,
};

static void reset_fields(struct msc_judging *j, const struct msc_record *r)
{
	if (msc_is_request(r, REQTYPE_CLASS_OUT, MSC_REQ_BULK_ONLY_RESET) && !for_another(r) &&
	    !msc_is_good_reset(r))
		must_stall(j, r, "Bulk-Only Mass Storage Reset");
}

const struct msc_rule msc_rule_bot_reset_fields = {
	.id = "bot.reset.fields",
	.title = "Bulk-Only Mass Storage Reset with a wrong wValue, wIndex or wLength is refused",
	.spec = "BOT 1.0, 3.1; USB 2.0, 9.2.7; TD1.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_NOTE},
	.why = "hosts send it right; the compliance tests do not",
	.mistake = "only bRequest is looked at",
	.on = MSC_RECORD_CONTROL,
	.judge = reset_fields,
};

/* The control request before this one was refused. */
static bool comes_after_stall(const struct msc_record *r)
{
	return r->history && r->history->have_control && r->history->control == MSC_OUT_STALL;
}

/* What leads on from an error has rules of its own: bot.reset.completes and usb.halt.recover. */
static bool is_unanswered(const struct msc_record *r)
{
	enum msc_outcome o = r->u.control.outcome;
	uint8_t ep;

	return !msc_is_good_reset(r) && !msc_is_configuration(r) && !msc_is_clear_halt(r, &ep) &&
	       (!r->past.suspended || r->past.resumed) && msc_hung(o);
}

/* All data has come, as far as the host asked for it or to the short packet that ends it, and the
 * request has not ended well: that leaves the status stage. */
static bool lacks_status(const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	uint8_t packet = r->device ? r->device->desc.max_packet0 : 0;

	return (c->outcome == MSC_OUT_TIMEOUT || c->outcome == MSC_OUT_STALL) &&
	       c->setup.request_type & MSC_REQTYPE_IN && c->data_len &&
	       (c->data_len == c->setup.length || (packet && c->data_len % packet));
}

/* The answer fills its last packet, is shorter than wLength, and the host waits for more. */
static bool does_not_end(const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	uint8_t packet = r->device ? r->device->desc.max_packet0 : 0;

	return c->outcome == MSC_OUT_TIMEOUT && c->setup.request_type & MSC_REQTYPE_IN && packet &&
	       c->data_len && c->data_len < c->setup.length && c->data_len % packet == 0;
}

static void answer_ends(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (!does_not_end(r))
		return;
	msc_found(j, "%zu of %u bytes came, and the zero-length packet that ends them is missing",
		  c->data_len, c->setup.length);
	msc_expected(j, "a zero-length packet behind %zu byte%s", c->data_len,
		     MSC_PLURAL(c->data_len));
	msc_actual(j, "%s", msc_outcome_name(c->outcome));
}

const struct msc_rule msc_rule_usb_control_zlp = {
	.id = "usb.control.zlp",
	.title = "an answer shorter than wLength that fills its last packet ends with an empty one",
	.spec = "USB 2.0, 5.5.3 and 8.5.3.2",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "Windows waits for seconds, for every such request, and may reset the device",
	.mistake = "the library sends the bytes that it has, and compares them with wLength only",
	.on = MSC_RECORD_CONTROL,
	.judge = answer_ends,
};

static void status_stage(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (!lacks_status(r))
		return;
	msc_found(j, "all of the %zu bytes came, and the status stage was answered with %s",
		  c->data_len, msc_outcome_name(c->outcome));
	msc_expected(j, "an ACK");
	msc_actual(j, "%s", msc_outcome_name(c->outcome));
}

const struct msc_rule msc_rule_usb_control_status = {
	.id = "usb.control.status",
	.title = "a request whose data has been sent ends with a status stage that is acknowledged",
	.spec = "USB 2.0, 8.5.3.1",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the host throws the data away, or waits for seconds",
	.mistake = "endpoint 0 is not made ready for the empty OUT packet behind the data",
	.on = MSC_RECORD_CONTROL,
	.judge = status_stage,
};

static void excess(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (c->outcome != MSC_OUT_BABBLE)
		return;
	msc_found(j, "more came than the %u bytes that wLength asks for, or than fit a packet",
		  c->setup.length);
	msc_expected(j, "%u bytes at most", c->setup.length);
}

const struct msc_rule msc_rule_usb_control_excess = {
	.id = "usb.control.excess",
	.title =
		"an answer on endpoint 0 is no longer than wLength, and no packet than bMaxPacketSize0",
	.spec = "USB 2.0, 9.3.5 and 5.5.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the controller takes it for a broken bus: the request fails, or the port is disabled",
	.mistake = "all that there is is sent, without a look at wLength",
	.on = MSC_RECORD_CONTROL,
	.judge = excess,
};

static void answer(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;

	if (!is_unanswered(r) || does_not_end(r) || lacks_status(r) || comes_after_stall(r))
		return;
	msc_found(j, "a control request was answered with %s", msc_outcome_name(c->outcome));
	msc_expected(j, "done or STALL");
	msc_actual(j, "%s", msc_outcome_name(c->outcome));
}

const struct msc_rule msc_rule_usb_control_answer = {
	.id = "usb.control.answer",
	.title = "every control request is answered, with data or with STALL",
	.spec = "USB 2.0, 9.2.6 and 9.2.7",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "the host waits for seconds and then resets the device",
	.mistake = "a request that the firmware does not know is neither stalled nor acknowledged",
	.on = MSC_RECORD_CONTROL,
	.judge = answer,
};

/* How many bytes of data the host had for the request that was refused; 0: none, or it wanted some. */
static unsigned refused_bytes(const struct msc_record *r)
{
	const struct msc_answers *a = msc_history_controls(r);
	const struct msc_control *c = a && a->count ? &a->list[0]->u.control : NULL;

	return c && c->outcome == MSC_OUT_STALL && !(c->setup.request_type & MSC_REQTYPE_IN)
		       ? c->setup.length
		       : 0;
}

static void after_stall(struct msc_judging *j, const struct msc_record *r)
{
	const char *outcome = msc_outcome_name(r->u.control.outcome);
	unsigned bytes = refused_bytes(r);

	if (!is_unanswered(r) || lacks_status(r) || !comes_after_stall(r))
		return;
	if (bytes)
		msc_found(
			j,
			"the control request after one with %u byte%s of data from the host, which "
			"was refused, was answered with %s",
			bytes, MSC_PLURAL(bytes), outcome);
	else
		msc_found(j, "the control request after a STALL was answered with %s", outcome);
	msc_expected(j, "done or STALL");
	msc_actual(j, "%s", msc_outcome_name(r->u.control.outcome));
}

const struct msc_rule msc_rule_usb_control_stall = {
	.id = "usb.control.stall",
	.title = "a STALL on endpoint 0 ends with the next SETUP",
	.spec = "USB 2.0, 8.5.3.4",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "a single refused request, such as for a device_qualifier, would end enumeration",
	.mistake = "endpoint 0 is halted like a bulk endpoint and waits for CLEAR_FEATURE",
	.on = MSC_RECORD_CONTROL,
	.judge = after_stall,
};

/* ---- what is not there --------------------------------------------------------------------- */

/* One of the configuration's descriptors of that type begins with these two bytes behind its head;
 * true where the configuration is not known in full. */
static bool is_described(const struct msc_device *d, uint8_t type, uint8_t first, int second)
{
	const uint8_t *p = d->config, *end = p + d->config_len;

	if (d->config_len < MSC_CONFIG_DESC_LEN || d->config_len > sizeof d->config ||
	    msc_get_le16(d->config + 2) > d->config_len)
		return true;
	for (; end - p >= 2 && p[0] >= 2 && p[0] <= end - p; p += p[0])
		if (p[1] == type && p[0] >= 4 && p[2] == first && (second < 0 || p[3] == second))
			return true;
	return false;
}

/* In words, when the request is about something that the device does not have; false: it has, or who
 * knows. */
static bool names_absent(const struct msc_record *r, char *what, size_t size)
{
	const struct msc_setup *s = &r->u.control.setup;
	const struct msc_device *d = r->device;
	uint8_t value;

	if (msc_is_request(r, MSC_REQTYPE_IN | MSC_RECIPIENT_INTERFACE, MSC_STD_GET_STATUS) &&
	    !is_described(d, MSC_DESC_INTERFACE, (uint8_t)s->index, -1))
		snprintf(what, size, "GET_STATUS of interface %u", s->index);
	else if (msc_is_request(r, MSC_REQTYPE_IN | MSC_RECIPIENT_ENDPOINT, MSC_STD_GET_STATUS) &&
		 s->index & MSC_EP_NUMBER &&
		 !is_described(d, MSC_DESC_ENDPOINT, (uint8_t)s->index, -1))
		snprintf(what, size, "GET_STATUS of endpoint %02Xh", s->index);
	else if (msc_is_request(r, MSC_RECIPIENT_INTERFACE, MSC_STD_SET_INTERFACE) &&
		 (s->value > UINT8_MAX ||
		  !is_described(d, MSC_DESC_INTERFACE, (uint8_t)s->index, s->value)))
		snprintf(what, size, "SET_INTERFACE of interface %u with the setting %u", s->index,
			 s->value);
	else if (msc_is_any_configuration(r, &value) && value && d->desc.configurations == 1 &&
		 msc_device_configuration(d) && value != msc_device_configuration(d))
		snprintf(what, size, "SET_CONFIGURATION with the value %u", value);
	else if (msc_is_request(r, MSC_REQTYPE_IN, MSC_STD_GET_DESCRIPTOR) && s->value >> 8 == 0)
		snprintf(what, size, "GET_DESCRIPTOR of the type 0");
	else if (msc_is_request(r, 0, MSC_STD_SET_DESCRIPTOR) && s->value >> 8 == 0)
		snprintf(what, size, "SET_DESCRIPTOR of the type 0");
	else if (msc_is_request(r, MSC_REQTYPE_IN, MSC_STD_GET_DESCRIPTOR) &&
		 s->value >> 8 == MSC_DESC_CONFIGURATION && d->desc.configurations &&
		 (s->value & 0xff) >= d->desc.configurations)
		snprintf(what, size, "GET_DESCRIPTOR of the configuration number %u",
			 (unsigned)(s->value & 0xff));
	else
		return false;
	return true;
}

static void absent(struct msc_judging *j, const struct msc_record *r)
{
	char what[80];

	if (r->u.control.outcome != MSC_OUT_DONE || !names_absent(r, what, sizeof what))
		return;
	msc_found(j, "%s was accepted, and there is none", what);
	msc_expected(j, "STALL");
	msc_actual(j, "done");
}

const struct msc_rule msc_rule_usb_request_absent = {
	.id = "usb.request.absent",
	.title =
		"a request for a configuration, an interface, an endpoint, a setting or a descriptor that "
		"is not there is refused",
	.spec = "USB 2.0, 9.2.7, 9.4.3, 9.4.5, 9.4.7, 9.4.8 and 9.4.10",
	.severity = {MSC_FAIL, MSC_WARN, MSC_NOTE},
	.why = "a host takes what is accepted for there, and looks for the rest of it",
	.mistake = "wValue or wIndex is not looked at",
	.on = MSC_RECORD_CONTROL,
	.judge = absent,
};
