/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope decode: a capture of anybody's traffic, as commands, judged and timed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode.h"
#include "mscope.h"
#include "window.h"

#define BATCH 16384 /* packets between two looks at the progress */

struct decode {
	struct tool *tool;
	const char *path;
	struct msc_decode_options o;
	struct msc_decode *decode;
	struct show show;
	struct images images;
	struct script *script; /* NULL: not asked for */
	bool json, any; /* an exchange stands in the JSON */
};

/* ---- options ------------------------------------------------------------------------------- */

static int read_only(struct decode *d, struct msc_err *err)
{
	const char *only = arg(&d->tool->args, "only");

	d->o.only = MSC_DECODE_ALL;
	if (!only)
		return 0;
	if (d->tool->verbosity < 0)
		return msc_fail(err, MSC_E_USAGE, "--quiet: --only says already what is listed");
	for (size_t i = 0; msc_decode_only_names[i]; i++)
		if (!strcmp(only, msc_decode_only_names[i]))
			d->o.only = (enum msc_decode_only)i;
	if (d->o.only != MSC_DECODE_ALL)
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
	d->o.profile = MSC_PROFILE_USBIF;
	d->o.verbosity = d->tool->verbosity;
	if ((profile && msc_profile_parse(profile, &d->o.profile, err) < 0) ||
	    read_only(d, err) < 0)
		return -1;
	return window_read(&d->o.window, a, err);
}

/* ---- records ------------------------------------------------------------------------------- */

static FILE *json_stream(const struct decode *d, size_t *i)
{
	for (; *i < d->tool->n_outputs; ++*i)
		if (output_is(&d->tool->outputs[*i], "json"))
			return d->tool->outputs[(*i)++].f;
	return NULL;
}

static int put_json(struct decode *d, const struct msc_decoded *one, struct msc_err *err)
{
	json_t *record = msc_decoded_json(one);
	FILE *out;

	if (!record)
		return msc_nomem(err);
	for (size_t i = 0; (out = json_stream(d, &i));) {
		fputs(d->any ? ",\n" : "\n", out);
		json_dumpf(record, out, JSON_COMPACT);
	}
	d->any = true;
	json_decref(record);
	return 0;
}

static int on_record(void *user, const struct msc_decoded *one, struct msc_err *err)
{
	struct decode *d = user;

	if (images_add(&d->images, one->talk, one->record, err) < 0 ||
	    (d->script && script_add(d->script, one->talk, one->record, one->findings, err) < 0))
		return -1;
	show_follow(&d->show, one->record, false);
	if (one->listed && d->tool->text) {
		erase_progress();
		show_record(&d->show, one->talk, one->record, one->findings);
	}
	if (one->listed && d->json && put_json(d, one, err) < 0)
		return -1;
	show_follow(&d->show, one->record, true);
	return 0;
}

/* ---- the capture --------------------------------------------------------------------------- */

static void tell_progress(const struct decode *d)
{
	double share = msc_decode_share(d->decode);
	char text[128];

	if (share < 0)
		snprintf(text, sizeof text, "%llu packets, %llu exchanges",
			 (unsigned long long)msc_decode_facts(d->decode)->packets,
			 (unsigned long long)msc_decode_exchanges(d->decode));
	else
		snprintf(text, sizeof text, "%3.0f %%, %llu exchanges", 100 * share,
			 (unsigned long long)msc_decode_exchanges(d->decode));
	tool_progress(d->tool, text);
}

/* A stream is shown as it comes. */
static int read_all(struct decode *d, struct msc_err *err)
{
	size_t batch = msc_decode_share(d->decode) < 0 ? 1 : BATCH;
	uint64_t next = BATCH;
	bool over = false;
	int result = 0;

	while (!over && result == 0) {
		result = msc_decode_read(d->decode, batch, &over, err);
		if (batch == 1 && d->tool->text)
			fflush(d->tool->text);
		if (msc_decode_facts(d->decode)->packets < next && batch == 1)
			continue;
		next = msc_decode_facts(d->decode)->packets + BATCH;
		tell_progress(d);
		if (tool_stop(NULL))
			return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	}
	tool_progress(d->tool, "");
	return result;
}

static int end_json(struct decode *d, int status, const char *reason, struct msc_err *err)
{
	const struct msc_report_context context = tool_context(d->tool);
	json_t *document = msc_decode_json(d->decode, &context, status, reason);
	char *rest = document ? json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(12))
			      : NULL;
	FILE *out;

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
static int decode_all(struct decode *d, struct msc_err *err)
{
	int result, status;

	begin_json(d);
	result = msc_decode_end(d->decode, read_all(d, err), err);
	status = result < 0 ? tool_status(err) : result;
	if (d->tool->text && msc_decode_facts(d->decode)->talks)
		msc_decode_print(d->decode, tool_context(d->tool).color, d->tool->text);
	if (d->json && end_json(d, status, result < 0 ? err->msg : NULL, err) < 0)
		return -1;
	return result;
}

static int decode(struct tool *tool, struct msc_err *err)
{
	struct decode d = { .tool = tool,
			    .show = { .out = tool->text,
				      .verbosity = tool->verbosity,
				      .color = tool_context(tool).color } };
	int status = -1;

	if (read_options(&d, err) < 0)
		return -1;
	d.o.record = on_record;
	d.o.user = &d;
	d.json = json_is_wanted(tool);
	if (images_open(&d.images, &tool->args, err) == 0)
		d.script = script_open(&tool->args, d.path, err);
	d.decode = err->code ? NULL : msc_decode_open(d.path, &d.o, err);
	if (d.decode)
		status = decode_all(&d, err);
	if (images_end(&d.images, status >= 0, err) < 0)
		status = -1;
	if (script_end(d.script, status >= 0, err) < 0)
		status = -1;
	msc_decode_close(d.decode);
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
	.verbose = "control requests too; twice: each exchange with all its bytes",
	.without = " log ",
	.why_without =
		"decode opens no target, so there is nothing to log; -vv shows every transfer",
	.quiet = "only exchanges with warnings or failures",
	.document = "mscope.decode/1",
	.format = plain_format,
	.run = decode,
};
