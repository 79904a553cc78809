/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope decode: a capture of anybody's traffic, as commands, judged and timed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "decode.h"
#include "mscope.h"

#define BATCH 16384 /* packets between two looks at the progress */

struct decode {
	struct tool *tool;
	const char *path;
	enum msc_profile profile;
	bool only_failed, only_slow, only_writes;
	bool have_lun;
	uint64_t lun;
	int64_t from_ns, to_ns;
	struct sum *sum;
	struct show show;
	struct msc_findings findings;
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

static int read_moment(const char *text, size_t len, int64_t *ns, struct msc_err *err)
{
	char copy[64];

	snprintf(copy, sizeof copy, "%.*s", (int)len, text);
	if (len && msc_parse_duration(copy, ns, err) < 0) {
		msc_err_prefix(err, "--time: ");
		return -1;
	}
	return 0;
}

static int read_time(struct decode *d, struct msc_err *err)
{
	const char *time = arg(&d->tool->args, "time"), *dots;

	d->to_ns = INT64_MAX;
	if (!time)
		return 0;
	dots = strstr(time, "..");
	if (!dots)
		return msc_fail(
			err, MSC_E_USAGE,
			"--time: '%s': expected two moments, as in 1.5s..2s, 3s.. or ..10ms", time);
	return read_moment(time, (size_t)(dots - time), &d->from_ns, err) < 0
		       ? -1
		       : read_moment(dots + 2, strlen(dots + 2), &d->to_ns, err);
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
	d->have_lun = arg(a, "lun");
	if (arg_size(a, "lun", MSC_LUN_MAX, &d->lun, err) < 0 ||
	    (profile && msc_profile_parse(profile, &d->profile, err) < 0) || read_only(d, err) < 0)
		return -1;
	return read_time(d, err);
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

/* Within the time and of the unit that was asked for. */
static bool is_meant(const struct decode *d, const struct msc_record *r)
{
	return r->ended_ns >= d->from_ns && r->began_ns <= d->to_ns &&
	       (!d->have_lun ||
		(r->kind == MSC_RECORD_EXCHANGE && r->u.exchange.cbw.h.lun == d->lun));
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

	if (d->err.code || !is_meant(d, r))
		return;
	d->index++;
	if (msc_judge(r, d->profile, &d->findings, &d->err) < 0)
		return;
	if (d->findings.count && sum_findings(d->sum, &d->findings, &d->err) < 0)
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

/* What the file has instead. */
static int nothing_found(const struct decode *d, const struct msc_capture_facts *f,
			 struct msc_err *err)
{
	char kinds[256] = "";

	for (size_t i = 0; i < msc_capture_link_count; i++)
		if (f->links & UINT64_C(1) << i)
			msc_append(kinds, sizeof kinds, "%s%s", *kinds ? ", " : "",
				   msc_capture_links[i].name);
	if (!*kinds && f->unknown_packets)
		return msc_fail(
			err, MSC_E_FORMAT,
			"%s: %llu packets of link type %u, which is none of USB's: %s", d->path,
			(unsigned long long)f->packets, f->unknown_link,
			"usbmon (189, 220), USBPcap (249), packets of the bus (288, 293-295)");
	if (!f->packets)
		return msc_fail(err, MSC_E_FORMAT, "%s: there is no packet in it", d->path);
	return msc_fail(
		err, MSC_E_FORMAT,
		"%s: no mass storage by Bulk-Only in it: %llu packets (%s), %llu devices, %llu "
		"packets of other kinds of endpoint, %llu too short",
		d->path, (unsigned long long)f->packets, kinds, (unsigned long long)f->devices,
		(unsigned long long)f->other, (unsigned long long)f->too_short);
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
	if (result == 0 && !facts->talks)
		result = nothing_found(d, facts, err);
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
	c = d.sum ? msc_capture_open(d.path, &options, err) : NULL;
	if (!d.sum)
		msc_nomem(err);
	if (c)
		status = decode_all(&d, c, err);
	msc_capture_close(c);
	sum_free(d.sum);
	msc_findings_clear(&d.findings);
	return status;
}

static const struct opt decode_options[] = {
	{ "only", 0, "WHAT", "list only what failed, is slow, or writes: failed, slow, writes" },
	{ "lun", 0, "N", "look only at this logical unit" },
	{ "time", 0, "A..B", "look only at this time, as in 1.5s..2s, 3s.. or ..10ms" },
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
