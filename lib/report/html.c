/* SPDX-License-Identifier: BSD-2-Clause */
/* Documents as one HTML file. What needs the library is added to them here: what the bus would allow, and the
 * comparison of the last two benches; the rest is done by the program in the page. */
#include "report/html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/bench.h"
#include "report/html_page.h"
#include "wire/bot.h"
#include "wire/cost.h"

#define WITH_SAMPLES 2 /* benches, the newest, that keep the times of all commands */

/* ---- reading ----------------------------------------------------------------------------------- */

struct member { /* has this type, unless the document says that there was no result */
	const char *format, *name;
	json_type type;
};

static const struct member members[] = {
	{ "mscope.result/1", "cases", JSON_ARRAY },
	{ "mscope.result/1", "summary", JSON_OBJECT },
	{ "mscope.result/1", "causes", JSON_ARRAY },
	{ "mscope.bench/1", "runs", JSON_ARRAY },
	{ "mscope.pace/1", "sizes", JSON_ARRAY },
	{ "mscope.pace/1", "diagnosis", JSON_ARRAY },
	{ "mscope.decode/1", "exchanges", JSON_ARRAY },
	{ "mscope.decode/1", "summary", JSON_OBJECT },
};

static const char *format_of(const json_t *document)
{
	const char *format = json_string_value(json_object_get(document, "format"));

	return format ? format : "";
}

static bool is(const json_t *document, const char *format)
{
	return !strcmp(format_of(document), format);
}

static int check(const json_t *document, const char *name, struct msc_err *err)
{
	bool ended = json_is_string(json_object_get(document, "reason")), known = false;

	for (const struct member *m = members; m < members + MSC_COUNT(members); m++) {
		const json_t *value = json_object_get(document, m->name);

		if (!is(document, m->format))
			continue;
		known = true;
		if (value ? json_typeof(value) != m->type : !ended)
			return msc_fail(err, MSC_E_FORMAT, "%s: %s: expected %s", name, m->name,
					m->type == JSON_ARRAY ? "a list" : "an object");
	}
	if (known)
		return 0;
	return msc_fail(
		err, MSC_E_FORMAT,
		"%s: expected an mscope.result/1, bench/1, pace/1 or decode/1, as --json writes it",
		name);
}

static json_t *read_from(FILE *f, const char *name, struct msc_err *err)
{
	json_error_t where;
	json_t *document = json_loadf(f, JSON_REJECT_DUPLICATES, &where);

	if (ferror(f))
		msc_fail_errno(err, MSC_E_IO, "cannot read %s", name);
	else if (!document)
		msc_fail(err, MSC_E_FORMAT, "%s:%d:%d: not valid JSON: %s", name, where.line,
			 where.column, where.text);
	else if (check(document, name, err) == 0)
		return document;
	json_decref(document);
	return NULL;
}

json_t *msc_html_read(const char *path, struct msc_err *err)
{
	json_t *document;
	FILE *f;

	if (!strcmp(path, "-"))
		return read_from(stdin, "standard input", err);
	f = fopen(path, "re");
	if (!f) {
		msc_fail_errno(err, MSC_E_IO, "cannot read %s", path);
		return NULL;
	}
	document = read_from(f, path, err);
	fclose(f);
	return document;
}

/* ---- what is added ----------------------------------------------------------------------------- */

static enum msc_speed speed_of(const json_t *document)
{
	const char *name =
		json_string_value(json_object_get(json_object_get(document, "target"), "speed"));

	for (int s = MSC_SPEED_FULL; name && s <= MSC_SPEED_HIGH; s++)
		if (!strcmp(msc_speed_name((enum msc_speed)s), name))
			return (enum msc_speed)s;
	return MSC_SPEED_UNKNOWN;
}

/* Of bulk-in: where a document does not say, the most that the speed allows (USB 2.0, 5.8.3). */
static unsigned packet_bytes(const json_t *document, enum msc_speed speed)
{
	json_int_t n = json_integer_value(
		json_object_get(json_object_get(document, "target"), "max_packet_in"));

	return n > 0 && n <= 1024 ? (unsigned)n : speed == MSC_SPEED_HIGH ? 512 : 64;
}

static double packets_ns(enum msc_speed speed, unsigned max, double bytes)
{
	double whole = (double)((int64_t)bytes / max), rest = bytes - whole * max;

	return whole * msc_packet_pace_ns(speed, 8.0 * max) +
	       (rest > 0 ? msc_packet_pace_ns(speed, 8 * rest) : 0);
}

/* What the bus allows when commands of the size of this run follow each other without a pause. */
static json_t *limit_of(const json_t *run, enum msc_speed speed, unsigned max)
{
	double bytes = json_number_value(json_object_get(run, "blocks")) *
		       json_number_value(json_object_get(run, "block_size"));
	double ns;

	if (speed == MSC_SPEED_UNKNOWN || !(bytes > 0) || bytes > 1e12)
		return json_object();
	ns = packets_ns(speed, max, MSC_CBW_LEN) + packets_ns(speed, max, bytes) +
	     packets_ns(speed, max, MSC_CSW_LEN);
	return json_pack("{s:f}", "bytes_per_second", 1e9 * bytes / ns);
}

static json_t *limits_of(const json_t *document)
{
	const json_t *runs = json_object_get(document, "runs");
	enum msc_speed speed = speed_of(document);
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(runs); i++)
		json_array_append_new(list, limit_of(json_array_get(runs, i), speed,
						     packet_bytes(document, speed)));
	return list;
}

/* By speed: what a packet costs beside its bytes, and one byte. */
static json_t *packets(void)
{
	json_t *all = json_object();

	for (int s = MSC_SPEED_FULL; s <= MSC_SPEED_HIGH; s++) {
		double empty = msc_packet_ns((enum msc_speed)s, 0);
		double byte = msc_packet_ns((enum msc_speed)s, 8) - empty;

		json_object_set_new(all, msc_speed_name((enum msc_speed)s),
				    json_pack("{s:f, s:f}", "overhead_ns", empty, "byte_ns", byte));
	}
	return all;
}

/* A document as the program reads it, as if from its file. */
static int read_bench(const struct msc_html_file *file, struct msc_bench *b, struct msc_err *err)
{
	char *text = json_dumps(file->document, JSON_COMPACT);
	FILE *f = text ? fmemopen(text, strlen(text), "r") : NULL;
	int result = f ? msc_bench_read_from(f, file->name, b, err) : msc_nomem(err);

	if (f)
		fclose(f);
	free(text);
	return result;
}

static json_t *comparison_of(const struct msc_html_file *older, const struct msc_html_file *newer,
			     const struct msc_report_context *context, struct msc_err *err)
{
	struct msc_bench base = { .n_runs = 0 }, new = { .n_runs = 0 };
	struct msc_compare_options options = { .threshold = 0.05 };
	struct msc_comparison c = { .n_runs = 0 };
	struct msc_bench_report r = { .bench = &new,
				      .base = &base,
				      .comparison = &c,
				      .base_name = older->name,
				      .new_name = newer->name,
				      .context = context };
	json_t *result = NULL;
	bool written = false;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		msc_nomem(err);
	else if (read_bench(older, &base, err) == 0 && read_bench(newer, &new, err) == 0 &&
		 msc_compare(&base, &new, &options, &c, err) == 0 &&
		 msc_bench_write_json(f, &r, err) == 0)
		written = true;
	if (f && msc_text_end(f, &text) && written)
		result = json_loads(text, 0, NULL);
	if (written && !result)
		msc_nomem(err);
	free(text);
	msc_comparison_free(&c);
	msc_bench_free(&base);
	msc_bench_free(&new);
	return result;
}

static const struct msc_html_file *newest(const struct msc_html_file *files, size_t n,
					  const char *format, unsigned skip)
{
	for (size_t i = n; i > 0; i--)
		if (is(files[i - 1].document, format) && skip-- == 0)
			return &files[i - 1];
	return NULL;
}

static int add_comparison(json_t *data, const struct msc_html_file *files, size_t n,
			  const struct msc_report_context *context, struct msc_err *err)
{
	const struct msc_html_file *newer = newest(files, n, "mscope.bench/1", 0);
	const struct msc_html_file *older = newest(files, n, "mscope.bench/1", 1);
	struct msc_err why = MSC_ERR_INIT;
	json_t *c = newer && older ? comparison_of(older, newer, context, &why) : NULL;

	if (json_object_set_new(data, "comparison", c ? c : json_null()) ||
	    json_object_set_new(data, "comparison_reason",
				newer && older && !c ? msc_json_text(why.msg) : json_null()))
		return msc_nomem(err);
	return 0;
}

/* ---- what is left out -------------------------------------------------------------------------- */

static bool is_newest(const struct msc_html_file *files, size_t n, const struct msc_html_file *f,
		      unsigned many)
{
	for (unsigned i = 0; i < many; i++)
		if (newest(files, n, format_of(f->document), i) == f)
			return true;
	return false;
}

static void drop(const json_t *document, const char *list, const char *member)
{
	const json_t *items = json_object_get(document, list);

	for (size_t i = 0; i < json_array_size(items); i++)
		json_object_del(json_array_get(items, i), member);
}

/* Of the history only what it shows: a hundred runs fit into a page. */
static void cut(const struct msc_html_file *files, size_t n)
{
	for (const struct msc_html_file *f = files; f < files + n; f++) {
		if (!is_newest(files, n, f, 1)) {
			drop(f->document, "cases", "exchanges");
			drop(f->document, "cases", "findings");
		}
		if (!is_newest(files, n, f, WITH_SAMPLES))
			drop(f->document, "runs", "samples_ns");
	}
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* JSON for a script element: in it, what markup begins with occurs in strings only, where it may be escaped. */
static int put_json(const char *text, size_t len, void *stream)
{
	FILE *out = stream;

	for (size_t i = 0; i < len; i++)
		if (strchr("<>&", text[i]) && text[i])
			fprintf(out, "\\u%04x", text[i]);
		else
			putc(text[i], out);
	return ferror(out) ? -1 : 0;
}

static int put_page(FILE *out, const json_t *data, struct msc_err *err)
{
	fprintf(out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'unsafe-inline'; script-src '%s'\">\n"
		"<title>mscope report</title>\n<style>\n%s</style>\n</head>\n<body>\n"
		"<header><h1>mscope report</h1><nav aria-label=\"parts\"></nav></header>\n"
		"<main></main>\n<noscript>This report is drawn by its own script, and the browser runs "
		"none here.</noscript>\n<script type=\"application/json\" id=\"data\">",
		msc_html_hash, msc_html_style);
	json_dump_callback(data, put_json, out, JSON_COMPACT | JSON_REAL_PRECISION(12));
	fprintf(out, "</script>\n<script>%s</script>\n</body>\n</html>\n", msc_html_program);
	return fflush(out) || ferror(out) ? msc_fail_errno(err, MSC_E_IO, "cannot write the report")
					  : 0;
}

int msc_html_write(FILE *out, const struct msc_html_file *files, size_t n,
		   const struct msc_report_context *context, struct msc_err *err)
{
	json_t *list = json_array();
	json_t *data = json_pack("{s:O, s:o}", "files", list, "packets", packets());
	int result = data ? add_comparison(data, files, n, context, err) : msc_nomem(err);

	cut(files, n);
	for (size_t i = 0; i < n && result == 0; i++)
		if (json_array_append_new(list, json_pack("{s:o, s:O, s:o}", "name",
							  msc_json_text(files[i].name), "document",
							  files[i].document, "limits",
							  limits_of(files[i].document))))
			result = msc_nomem(err);
	if (result == 0)
		result = put_page(out, data, err);
	json_decref(data);
	json_decref(list);
	return result;
}
