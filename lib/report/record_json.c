/* SPDX-License-Identifier: BSD-2-Clause */
/* Records, findings and devices as JSON; the schemas are in docs/schema/. Times are integer
 * nanoseconds of the target's clock, sizes are bytes. A function returns NULL when memory runs
 * out, and jansson passes that on: a container with a missing member is not made. */
#include <stdlib.h>
#include <string.h>

#include "mscope.h"
#include "report/report.h"

#define DATA_MAX 64 /* bytes of a buffer that a document keeps */

/* Of jansson's own memory, so that whoever watches that knows of all that a document lacked. */
static char *room_for(size_t size)
{
	json_malloc_t take;

	json_get_alloc_funcs(&take, NULL);
	return take(size);
}

static void give_back(char *room)
{
	json_free_t give;

	json_get_alloc_funcs(NULL, &give);
	give(room);
}

json_t *msc_json_text(const char *text)
{
	char *clean;
	json_t *result;

	if (!text)
		return json_null();
	clean = room_for(MSC_PLAIN_ROOM(strlen(text)));
	if (!clean)
		return NULL;
	result = json_stringn(clean, msc_plain(clean, text));
	give_back(clean);
	return result;
}

json_t *msc_json_bytes(const void *data, size_t len, size_t max)
{
	const uint8_t *p = data;
	size_t shown = len < max ? len : max;
	char *hex = room_for(3 * shown + 1), *w = hex;
	json_t *result;

	if (!hex)
		return NULL;
	for (size_t i = 0; i < shown; i++)
		w += sprintf(w, i ? " %02x" : "%02x", p[i]);
	*w = '\0';
	result = json_string(hex);
	give_back(hex);
	return result;
}

/* For programs; msc_outcome_name is for people. */
static const char *outcome_word(enum msc_outcome outcome)
{
	static const char *const words[] = {
		[MSC_OUT_PENDING] = "pending",
		[MSC_OUT_DONE] = "done",
		[MSC_OUT_STALL] = "stall",
		[MSC_OUT_TIMEOUT] = "timeout",
		[MSC_OUT_BABBLE] = "babble",
		[MSC_OUT_CANCELLED] = "cancelled",
		[MSC_OUT_ERROR] = "error",
		[MSC_OUT_GONE] = "gone",
	};

	return words[outcome];
}

/* From submission to completion over all steps of a kind; null when there was none. */
static json_t *phase_ns(const struct msc_exchange *x, enum msc_step_kind kind)
{
	int64_t total = 0;
	bool any = false;

	for (size_t i = 0; i < x->n_steps; i++) {
		if (x->steps[i].kind != kind)
			continue;
		any = true;
		total += x->steps[i].completed_ns - x->steps[i].submitted_ns;
	}
	return any ? json_integer(total) : json_null();
}

/* null when any step's count is not known, or the steps are not. */
static json_t *total_naks(const struct msc_exchange *x)
{
	int64_t total = 0;

	if (x->whole)
		return json_null();
	for (size_t i = 0; i < x->n_steps; i++) {
		if (x->steps[i].naks < 0)
			return json_null();
		total += x->steps[i].naks;
	}
	return json_integer(total);
}

static json_t *steps_json(const struct msc_exchange *x)
{
	static const char *const what[] = { [MSC_STEP_CBW] = "cbw",
					    [MSC_STEP_DATA] = "data",
					    [MSC_STEP_CSW] = "csw",
					    [MSC_STEP_CLEAR_HALT] = "clear_halt" };
	json_t *steps = json_array();

	for (size_t i = 0; i < x->n_steps; i++) {
		const struct msc_step *s = &x->steps[i];
		json_t *step = json_pack("{s:s, s:i, s:s, s:I, s:I, s:I, s:I, s:o}", "phase",
					 what[s->kind], "endpoint", s->ep, "outcome",
					 outcome_word(s->outcome), "asked", (json_int_t)s->asked,
					 "actual", (json_int_t)s->actual, "submitted_ns",
					 (json_int_t)s->submitted_ns, "completed_ns",
					 (json_int_t)s->completed_ns, "naks",
					 s->naks < 0 ? json_null() : json_integer(s->naks));

		if (json_array_append_new(steps, step)) {
			json_decref(steps);
			return NULL;
		}
	}
	return steps;
}

static json_t *exchange_json(const struct msc_exchange *x)
{
	const struct msc_cbw *c = &x->cbw;
	size_t cb = x->whole                              ? MSC_CBW_CB_MAX
		    : x->wrapper_len > MSC_CBW_HEADER_LEN ? x->wrapper_len - MSC_CBW_HEADER_LEN
							  : 0;
	bool ended = x->whole ? msc_csw_is_valid(x) : x->have_csw;

	if (cb > c->h.cb_length)
		cb = c->h.cb_length;
	return json_pack(
		"{s:o, s:i, s:o, s:o, s:s, s:I, s:I, s:o, s:o, s:o*, s:b, s:o, s:o, "
		"s:o, s:o, s:o, s:o, s:o}",
		"tag", x->whole ? json_null() : json_integer(c->h.tag), "lun", c->h.lun, "wrapper",
		x->whole ? json_null() : msc_json_bytes(x->wrapper, x->wrapper_len, DATA_MAX),
		"cdb", msc_json_bytes(c->cb, cb, MSC_CBW_CB_MAX), "direction", msc_dir_name(x->dir),
		"length", (json_int_t)c->h.length, "transferred", (json_int_t)x->data_len,
		"residue", ended ? json_integer(x->csw.residue) : json_null(), "status",
		ended ? json_integer(x->csw.status) : json_null(), "scsi_status",
		!x->whole ? NULL
		: ended   ? json_integer(x->scsi_status)
			  : json_null(),
		"queued", x->queued, "cbw_ns", phase_ns(x, MSC_STEP_CBW), "data_ns",
		phase_ns(x, MSC_STEP_DATA), "csw_ns", phase_ns(x, MSC_STEP_CSW), "naks",
		total_naks(x), "steps", steps_json(x), "data",
		msc_json_bytes(x->data, x->data_kept, DATA_MAX), "csw",
		x->whole ? json_null() : msc_json_bytes(x->status, x->status_len, DATA_MAX));
}

static json_t *control_json(const struct msc_control *c)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:s, s:I, s:o}", "request_type",
			 c->setup.request_type, "request", c->setup.request, "value",
			 c->setup.value, "index", c->setup.index, "length", c->setup.length,
			 "outcome", outcome_word(c->outcome), "transferred",
			 (json_int_t)c->data_len, "data",
			 msc_json_bytes(c->data, c->data_len, DATA_MAX));
}

static json_t *poll_json(const struct msc_poll *p)
{
	return json_pack("{s:i, s:s, s:I, s:o}", "endpoint", p->ep, "outcome",
			 outcome_word(p->outcome), "transferred", (json_int_t)p->data_len, "data",
			 msc_json_bytes(p->data, p->data_len, DATA_MAX));
}

static json_t *suspend_json(const struct msc_record *r)
{
	const struct msc_silence *s = &r->u.suspend;
	const int64_t over_ns = s->resumed_ns ? s->resumed_ns : r->ended_ns;

	return json_pack("{s:s, s:I, s:I}", "outcome", outcome_word(s->outcome), "suspended_ns",
			 (json_int_t)(over_ns - r->began_ns), "resume_ns",
			 (json_int_t)(r->ended_ns - over_ns));
}

json_t *msc_record_json(const struct msc_record *r)
{
	json_t *head, *body = NULL;
	const char *kind = "";
	char text[160];

	switch (r->kind) {
	case MSC_RECORD_EXCHANGE:
		kind = "exchange", body = exchange_json(&r->u.exchange);
		break;
	case MSC_RECORD_CONTROL:
		kind = "control", body = control_json(&r->u.control);
		break;
	case MSC_RECORD_POLL:
		kind = "poll", body = poll_json(&r->u.poll);
		break;
	case MSC_RECORD_PORT_RESET:
		kind = "port_reset", body = json_object();
		break;
	case MSC_RECORD_SUSPEND:
		kind = "suspend", body = suspend_json(r);
		break;
	}
	head = json_pack("{s:s, s:I, s:I, s:o}", "kind", kind, "time_ns", (json_int_t)r->began_ns,
			 "took_ns", (json_int_t)(r->ended_ns - r->began_ns), "command",
			 msc_json_text(msc_record_text(text, sizeof text, r)));
	if (!head || !body || json_object_update_new(head, body)) {
		json_decref(head);
		return NULL;
	}
	return head;
}

static json_t *waived_json(const struct msc_finding *f)
{
	return json_pack("{s:s, s:s, s:s}", "severity", msc_severity_name(f->waived), "reason",
			 f->waiver->reason, "until", f->waiver->until);
}

json_t *msc_finding_json(const struct msc_finding *f)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:o*, s:s*, s:o*, s:s*, s:s, s:s}",
		"rule", f->rule->id, "severity", msc_severity_name(f->severity), "spec", f->spec,
		"title", f->rule->title, "message", msc_json_text(f->message), "expected",
		msc_json_text(f->expected), "actual", msc_json_text(f->actual), "context",
		msc_json_text(f->context), "at_ns", (json_int_t)f->at_ns, "host",
		f->host ? msc_json_text(f->host) : NULL, "above", f->above, "waived",
		f->waiver ? waived_json(f) : NULL, "test", f->test, "why", f->rule->why, "mistake",
		f->rule->mistake);
}

json_t *msc_device_json(const struct msc_device *d)
{
	return json_pack("{s:o, s:b, s:s, s:i, s:i, s:i, s:o, s:o, s:o, s:i, s:i, s:i, s:i, s:i, "
			 "s:i, s:i, s:i}",
			 "name", msc_json_text(d->name), "simulated", d->simulated, "speed",
			 msc_speed_name(d->speed), "vendor_id", d->desc.vendor, "product_id",
			 d->desc.product, "release", d->desc.release, "serial",
			 msc_json_text(d->serial), "path", msc_json_text(d->path), "host",
			 msc_json_text(d->host), "interface", d->interface_number, "alternate",
			 d->alternate, "subclass", d->subclass, "protocol", d->protocol,
			 "endpoint_in", d->ep_in, "endpoint_out", d->ep_out, "max_packet_in",
			 d->max_packet_in, "max_packet_out", d->max_packet_out);
}

static json_t *strings_json(const char *const *strings)
{
	json_t *list = json_array();

	for (; *strings; strings++) {
		if (json_array_append_new(list, msc_json_text(*strings))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *msc_findings_json(const struct msc_findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; findings && i < findings->count; i++) {
		if (json_array_append_new(list, msc_finding_json(&findings->list[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *msc_case_json(const struct msc_event *ev)
{
	const struct msc_scenario *s = ev->scenario;

	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:I, s:o}", "name",
			 msc_json_text(msc_scenario_name(s)), "title",
			 msc_json_text(msc_scenario_title(s)), "spec",
			 strings_json(msc_scenario_spec(s)), "tags",
			 strings_json(msc_scenario_tags(s)), "verdict",
			 msc_verdict_name(ev->verdict), "reason", msc_json_text(ev->reason),
			 "device_ns", (json_int_t)ev->device_ns, "findings",
			 msc_findings_json(ev->findings));
}

json_t *msc_json_document(const char *format, const struct msc_report_context *context,
			  json_t *target, int exit_status, const char *reason)
{
	return json_pack("{s:s, s:{s:s, s:s}, s:o, s:o, s:i, s:o}", "format", format, "tool",
			 "name", "mscope", "version", context->version, "argv",
			 strings_json(context->argv), "target", target ? target : json_null(),
			 "exit_status", exit_status, "reason",
			 reason && *reason ? msc_json_text(reason) : json_null());
}

int msc_json_write(FILE *out, json_t *document, struct msc_err *err)
{
	char *text = document ? json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(12))
			      : NULL;
	int failed;

	json_decref(document);
	if (!text)
		return msc_nomem(err); /* and nothing is written: half a document is none */
	failed = fputs(text, out) == EOF || putc('\n', out) == EOF || fflush(out);
	give_back(text);
	return failed ? msc_fail_errno(err, MSC_E_IO, "cannot write the document") : 0;
}
