/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope decode: a capture of anybody's traffic, as commands, judged and timed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "decode.h"
#include "mscope.h"
#include "window.h"

#define BATCH 16384 /* packets between two looks at the progress */

struct decode {
	struct tool *tool;
	const char *path;
	enum msc_profile profile;
	bool only_failed, only_slow, only_writes;
	struct window window;
	struct sum *sum;
	struct show show;
	struct msc_findings findings;
	struct images images;
	struct script *script; /* NULL: not asked for */
	uint64_t index;
	bool json, any; /* an exchange stands in the JSON */
	struct msc_err err; /* of a callback */
};

/* ---- options ------------------------------------------------------------------------------- */

static int read_only(struct decode *d, struct msc_err *err)
{
	const char *only = arg(&d->tool->args, "only");

	if (!only)
		return 0;
	d->only_failed = !strcmp(only, "failed");
	d->only_slow = !strcmp(only, "slow");
	d->only_writes = !strcmp(only, "writes");
	if (d->only_failed || d->only_slow || d->only_writes)
		return 0;
	return msc_fail(err, MSC_E_USAGE, "--only: '%s' is none of failed, slow, writes", only);
}

static int read_options(struct decode *d, struct msc_err *err)
{
	const struct args *a = &d->tool->args;
	const char *profile = arg(a, "profile");

	if (a->n_words != 1)
		return msc_fail(err, MSC_E_USAGE,
				"decode takes one capture, or '-' for standard input; %zu given",
				a->n_words);
	d->path = a->words[0];
	d->profile = MSC_PROFILE_USBIF;
	if ((profile && msc_profile_parse(profile, &d->profile, err) < 0) || read_only(d, err) < 0)
		return -1;
	return window_read(&d->window, a, err);
}

/* ---- records ------------------------------------------------------------------------------- */

static bool is_failure(const struct decode *d, const struct msc_record *r)
{
	const struct msc_exchange *x = &r->u.exchange;

	if (msc_findings_worst(&d->findings) >= MSC_WARN)
		return true;
	if (r->kind != MSC_RECORD_EXCHANGE)
		return r->kind == MSC_RECORD_PORT_RESET || msc_is_good_reset(r);
	return !x->have_csw ? !r->cut : !msc_csw_is_valid(x) || x->csw.status != MSC_CSW_PASSED;
}

static bool is_write(const struct msc_record *r)
{
	return r->kind == MSC_RECORD_EXCHANGE &&
	       (r->u.exchange.dir == MSC_DIR_OUT ||
		msc_cdb_effect(r->u.exchange.cbw.cb, MSC_CBW_CB_MAX, &msc_any_disk, NULL) !=
			MSC_EFFECT_NONE);
}

static bool is_listed(const struct decode *d, const struct msc_record *r)
{
	uint8_t ep;

	if (d->only_failed)
		return is_failure(d, r);
	if (d->only_writes)
		return is_write(r);
	if (d->only_slow)
		return r->kind == MSC_RECORD_EXCHANGE && sum_is_slow(d->sum, r);
	if (d->tool->verbosity < 0)
		return msc_findings_worst(&d->findings) >= MSC_WARN;
	if (r->kind != MSC_RECORD_CONTROL || d->tool->verbosity > 0 || d->findings.count)
		return true;
	return msc_is_good_reset(r) || msc_is_clear_halt(r, &ep);
}

static FILE *json_stream(const struct decode *d, size_t *i)
{
	for (; *i < d->tool->n_outputs; ++*i)
		if (output_is(&d->tool->outputs[*i], "json"))
			return d->tool->outputs[(*i)++].f;
	return NULL;
}

static int put_json(struct decode *d, const struct msc_talk *t, const struct msc_record *r)
{
	json_t *record = msc_record_json(r), *findings = json_array();
	FILE *out;

	for (size_t i = 0; i < d->findings.count; i++)
		json_array_append_new(findings, msc_finding_json(&d->findings.list[i]));
	if (!record || json_object_set_new(record, "index", json_integer((json_int_t)d->index)) ||
	    json_object_set_new(record, "device", json_string(t->device.name)) ||
	    json_object_set_new(record, "speed", json_string(msc_speed_name(t->device.speed))) ||
	    json_object_set_new(record, "max_packet", json_integer(t->device.max_packet_in)) ||
	    json_object_set_new(record, "judged", json_boolean(!r->cut)) ||
	    json_object_set_new(record, "findings", findings)) {
		json_decref(record);
		return msc_nomem(&d->err);
	}
	for (size_t i = 0; (out = json_stream(d, &i));) {
		fputs(d->any ? ",\n" : "\n", out);
		json_dumpf(record, out, JSON_COMPACT);
	}
	d->any = true;
	json_decref(record);
	return 0;
}

static void on_record(void *user, const struct msc_talk *t, const struct msc_record *r)
{
	struct decode *d = user;

	if (d->err.code || !window_has(&d->window, t, r))
		return;
	d->index++;
	if (msc_judge(r, d->profile, &d->findings, &d->err) < 0)
		return;
	if (d->findings.count && sum_findings(d->sum, &d->findings, &d->err) < 0)
		return;
	if (images_add(&d->images, t, r, &d->err) < 0 ||
	    (d->script && script_add(d->script, t, r, &d->findings, &d->err) < 0))
		return;
	show_follow(&d->show, r, false);
	if (is_listed(d, r)) {
		if (d->tool->text)
			show_record(&d->show, t, r, &d->findings);
		if (d->json && put_json(d, t, r) < 0)
			return;
	}
	show_follow(&d->show, r, true);
	if (sum_add(d->sum, r, &d->err) < 0)
		return;
	if (d->findings.count)
		msc_findings_clear(&d->findings);
}

/* ---- the capture --------------------------------------------------------------------------- */

static void tell_progress(const struct decode *d, const struct msc_capture *c)
{
	double share = msc_capture_share(c);
	char text[128];

	if (share < 0)
		snprintf(text, sizeof text, "%llu packets, %llu exchanges",
			 (unsigned long long)msc_capture_facts(c)->packets,
			 (unsigned long long)sum_exchanges(d->sum));
	else
		snprintf(text, sizeof text, "%3.0f %%, %llu exchanges", 100 * share,
			 (unsigned long long)sum_exchanges(d->sum));
	tool_progress(d->tool, text);
}

/* A stream is shown as it comes. */
static int read_all(struct decode *d, struct msc_capture *c, struct msc_err *err)
{
	size_t batch = msc_capture_share(c) < 0 ? 1 : BATCH;
	uint64_t next = BATCH;
	bool over = false;
	int result = 0;

	while (!over && result == 0) {
		result = msc_capture_read(c, batch, &over, err);
		if (d->err.code) {
			*err = d->err;
			return -1;
		}
		if (batch == 1 && d->tool->text)
			fflush(d->tool->text);
		if (msc_capture_facts(c)->packets < next && batch == 1)
			continue;
		next = msc_capture_facts(c)->packets + BATCH;
		tell_progress(d, c);
		if (tool_stop(NULL))
			return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	}
	tool_progress(d->tool, "");
	return result;
}

static int end_json(struct decode *d, const struct msc_capture_facts *facts, int status,
		    const char *reason, struct msc_err *err)
{
	const struct msc_report_context context = tool_context(d->tool);
	json_t *document = msc_json_document("mscope.decode/1", &context, NULL, status, reason);
	char *rest = NULL;
	FILE *out;

	if (document && !json_object_set_new(document, "capture", msc_json_text(d->path)) &&
	    !json_object_set_new(document, "summary", sum_json(d->sum, facts)))
		rest = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	json_decref(document);
	if (!rest)
		return msc_nomem(err);
	for (size_t i = 0; (out = json_stream(d, &i));)
		fprintf(out, "%s],%s\n", d->any ? "\n" : "", rest + 1);
	free(rest);
	for (size_t i = 0; i < d->tool->n_outputs; i++)
		d->tool->outputs[i].written |= output_is(&d->tool->outputs[i], "json");
	return 0;
}

static void begin_json(struct decode *d)
{
	FILE *out;

	for (size_t i = 0; (out = json_stream(d, &i));)
		fputs("{\"exchanges\": [", out);
}

/* All that came before a file was cut short is told all the same. */
static int decode_all(struct decode *d, struct msc_capture *c, struct msc_err *err)
{
	const struct msc_capture_facts *facts = msc_capture_facts(c);
	int result, status;

	begin_json(d);
	result = read_all(d, c, err);
	if (sum_conclude(d->sum, d->profile, result < 0 ? &d->err : err) < 0)
		result = -1;
	if (result == 0 && !facts->talks)
		result = window_nothing(d->path, facts, err);
	status = result < 0 ? tool_status(err)
		 : sum_has_failure(d->sum) ? MSCOPE_FAILED
					   : MSCOPE_PASSED;
	if (d->tool->text && facts->talks)
		sum_print(d->sum, facts, d->tool->text);
	if (d->json && end_json(d, facts, status, result < 0 ? err->msg : NULL, err) < 0)
		return -1;
	return result < 0 ? -1 : status;
}

static int decode(struct tool *tool, struct msc_err *err)
{
	struct decode d = { .tool = tool,
			    .show = { .out = tool->text, .verbosity = tool->verbosity } };
	const struct msc_capture_options options = { .record = on_record, .user = &d };
	struct msc_capture *c;
	int status = -1;

	if (read_options(&d, err) < 0)
		return -1;
	d.json = json_is_wanted(tool);
	d.sum = sum_new();
	if (!d.sum)
		msc_nomem(err);
	else if (images_open(&d.images, &tool->args, err) == 0)
		d.script = script_open(&tool->args, d.path, err);
	c = err->code ? NULL : msc_capture_open(d.path, &options, err);
	if (c)
		status = decode_all(&d, c, err);
	if (images_end(&d.images, status >= 0, err) < 0)
		status = -1;
	if (script_end(d.script, status >= 0, err) < 0)
		status = -1;
	msc_capture_close(c);
	sum_free(d.sum);
	msc_findings_clear(&d.findings);
	return status;
}

static const struct opt decode_options[] = {
	{ "only", 0, "WHAT", "list only what failed, is slow, or writes: failed, slow, writes" },
	WINDOW_LUN,
	WINDOW_TIME,
	WINDOW_DEVICE,
	{ "image", 0, "FILE", "write the blocks that were read or written, each where it belongs" },
	{ "image-read", 0, "FILE", "the same of those that were read" },
	{ "image-written", 0, "FILE", "the same of those that were written" },
	{ "to-scenario", 0, "FILE", "write what was sent as a scenario, with what the rules said" },
	{ "profile", 'p', "NAME", "how strict: spec, usbif (the default), interop" },
	{ .name = NULL },
};

const struct cmd cmd_decode = {
	.name = "decode",
	.summary = "list, judge and time the exchanges in a capture",
	.usage = "CAPTURE|- [OPTION]...",
	.options = { decode_options, common_options },
	.document = "mscope.decode/1",
	.format = plain_format,
	.run = decode,
};
