/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a mscope.bench/1 back. A document comes from anywhere: what is missing, of the wrong type
 * or out of range is named by its place in the document, and nothing is guessed. What follows from
 * the samples is computed from them, not read. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "report/bench.h"

#define FORMAT	     "mscope.bench/1"
#define SAMPLE_MAX (INT64_C(1000000) * MSC_S) /* eleven days: beyond it, doubles lose nothing yet */
#define BLOCK_MAX    (1u << 24)
#define RUNS_MAX     4096

struct reader {
	const char *path;
	char where[64]; /* "runs[2]." */
	struct msc_err *err;
};

static int bad(struct reader *r, const char *name, const char *expected)
{
	return msc_fail(r->err, MSC_E_FORMAT, "%s: %s%s: expected %s", r->path, r->where, name,
			expected);
}

static int get_text(struct reader *r, const json_t *object, const char *name, char *buf,
		    size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (!text)
		return bad(r, name, "a string");
	snprintf(buf, size, "%s", text);
	return 0;
}

static int get_number(struct reader *r, const json_t *object, const char *name, int64_t min,
		      int64_t max, int64_t *value)
{
	const json_t *j = json_object_get(object, name);
	char expected[80];

	snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64, min,
		 max);
	if (!json_is_integer(j) || json_integer_value(j) < min || json_integer_value(j) > max)
		return bad(r, name, expected);
	*value = json_integer_value(j);
	return 0;
}

/* One of a NULL-terminated list of names. */
static int get_choice(struct reader *r, const json_t *object, const char *name,
		      const char *const *names, int *value)
{
	const char *text = json_string_value(json_object_get(object, name));
	char expected[96] = "one of";

	for (int i = 0; text && names[i]; i++) {
		if (!strcmp(text, names[i])) {
			*value = i;
			return 0;
		}
	}
	for (int i = 0; names[i]; i++)
		snprintf(expected + strlen(expected), sizeof expected - strlen(expected), " %s",
			 names[i]);
	return bad(r, name, expected);
}

/* ---- the head ---------------------------------------------------------------------------------- */

static int read_device(struct reader *r, const json_t *root, struct msc_device *d)
{
	static const char *const speeds[] = { "unknown", "low", "full", "high", "super", NULL };
	const json_t *target = json_object_get(root, "target");
	int64_t vendor, product;
	int speed;

	if (!json_is_object(target))
		return bad(r, "target", "an object");
	snprintf(r->where, sizeof r->where, "target.");
	if (get_text(r, target, "name", d->name, sizeof d->name) < 0 ||
	    get_text(r, target, "serial", d->serial, sizeof d->serial) < 0 ||
	    get_text(r, target, "path", d->path, sizeof d->path) < 0 ||
	    get_text(r, target, "host", d->host, sizeof d->host) < 0 ||
	    get_choice(r, target, "speed", speeds, &speed) < 0 ||
	    get_number(r, target, "vendor_id", 0, UINT16_MAX, &vendor) < 0 ||
	    get_number(r, target, "product_id", 0, UINT16_MAX, &product) < 0)
		return -1;
	if (!json_is_boolean(json_object_get(target, "simulated")))
		return bad(r, "simulated", "true or false");
	d->simulated = json_is_true(json_object_get(target, "simulated"));
	d->speed = (enum msc_speed)speed;
	d->desc.vendor = (uint16_t)vendor;
	d->desc.product = (uint16_t)product;
	r->where[0] = '\0';
	return 0;
}

static int read_conditions(struct reader *r, const json_t *root, struct msc_bench *b)
{
	const json_t *host = json_object_get(root, "host");
	int64_t pattern;

	if (get_text(r, root, "clock", b->clock, sizeof b->clock) < 0)
		return -1;
	b->pattern_known = !json_is_null(json_object_get(root, "pattern"));
	if (b->pattern_known) {
		if (get_number(r, root, "pattern", 0, UINT8_MAX, &pattern) < 0)
			return -1;
		b->pattern = (uint8_t)pattern;
	}
	if (json_is_null(host))
		return 0;
	if (!json_is_object(host))
		return bad(r, "host", "an object or null");
	snprintf(r->where, sizeof r->where, "host.");
	if (get_text(r, host, "system", b->host.system, sizeof b->host.system) < 0 ||
	    get_text(r, host, "cpu", b->host.cpu, sizeof b->host.cpu) < 0)
		return -1;
	r->where[0] = '\0';
	return 0;
}

/* ---- runs -------------------------------------------------------------------------------------- */

static int read_samples(struct reader *r, const json_t *object, struct msc_bench_run *run)
{
	const json_t *list = json_object_get(object, "samples_ns");
	int64_t commands;

	if (!json_is_array(list))
		return bad(r, "samples_ns", "an array of nanoseconds");
	if (get_number(r, object, "commands", 0, UINT32_MAX, &commands) < 0)
		return -1;
	if ((size_t)commands != json_array_size(list))
		return msc_fail(r->err, MSC_E_FORMAT,
				"%s: %ssamples_ns: expected %" PRId64
				" of them, as commands says; there are %zu",
				r->path, r->where, commands, json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *j = json_array_get(list, i);
		struct msc_bench_sample sample = { .ns = json_integer_value(j) };
		char name[40];

		snprintf(name, sizeof name, "samples_ns[%zu]", i);
		if (!json_is_integer(j) || sample.ns < 1 || sample.ns > SAMPLE_MAX)
			return bad(r, name, "a whole number of nanoseconds above 0");
		if (msc_bench_add_sample(run, &sample, r->err) < 0)
			return -1;
	}
	return msc_bench_conclude(run, r->err);
}

static int read_run(struct reader *r, const json_t *object, struct msc_bench *b)
{
	struct msc_bench_run like = { .naks = -1 }, *run;
	int op, mode, order;
	int64_t blocks, block_size;

	if (get_choice(r, object, "op", msc_bench_op_names, &op) < 0 ||
	    get_choice(r, object, "mode", msc_bench_mode_names, &mode) < 0 ||
	    get_choice(r, object, "order", msc_bench_order_names, &order) < 0 ||
	    get_number(r, object, "blocks", 1, BLOCK_MAX, &blocks) < 0 ||
	    get_number(r, object, "block_size", 1, BLOCK_MAX, &block_size) < 0)
		return -1;
	like.op = (enum msc_bench_op)op;
	like.mode = (enum msc_bench_mode)mode;
	like.order = (enum msc_bench_order)order;
	like.blocks = (uint32_t)blocks;
	like.block_size = (uint32_t)block_size;
	if (msc_bench_find(b, &like))
		return msc_fail(r->err, MSC_E_FORMAT, "%s: %sblocks: this run is there twice",
				r->path, r->where);
	run = msc_bench_add_run(b, &like, r->err);
	return run ? read_samples(r, object, run) : -1;
}

/* A bench ends with 0, with 1 or 5 by what it was compared with or what it left on the medium, or early: with a reason,
 * or at least with another status. */
static void read_end(const json_t *root, struct msc_bench *b)
{
	const char *reason = json_string_value(json_object_get(root, "reason"));
	json_int_t status = json_integer_value(json_object_get(root, "exit_status"));

	if (reason)
		snprintf(b->failure, sizeof b->failure, "%s", reason);
	else if (status != 0 && status != 1 && status != 5)
		snprintf(b->failure, sizeof b->failure, "exit status %" JSON_INTEGER_FORMAT,
			 status);
}

static int read_root(struct reader *r, const json_t *root, struct msc_bench *b)
{
	const char *format = json_string_value(json_object_get(root, "format"));
	const char *reason = json_string_value(json_object_get(root, "reason"));
	const json_t *runs = json_object_get(root, "runs");

	if (!format || strcmp(format, FORMAT))
		return msc_fail(r->err, MSC_E_FORMAT, "%s: expected a %s document, found %.60s",
				r->path, FORMAT, format ? format : "something else");
	if (!runs && reason)
		return msc_fail(r->err, MSC_E_UNDECIDED, "%s: nothing was measured: %.200s",
				r->path, reason);
	read_end(root, b);
	if (read_device(r, root, &b->device) < 0 || read_conditions(r, root, b) < 0)
		return -1;
	if (!json_is_array(runs) || json_array_size(runs) > RUNS_MAX)
		return bad(r, "runs", "an array of runs");
	for (size_t i = 0; i < json_array_size(runs); i++) {
		snprintf(r->where, sizeof r->where, "runs[%zu].", i);
		if (read_run(r, json_array_get(runs, i), b) < 0)
			return -1;
	}
	return 0;
}

int msc_bench_read_from(FILE *f, const char *name, struct msc_bench *b, struct msc_err *err)
{
	struct reader r = { .path = name, .err = err };
	json_error_t where;
	json_t *root = json_loadf(f, JSON_REJECT_DUPLICATES, &where);
	int result;

	if (ferror(f))
		result = msc_fail_errno(err, MSC_E_IO, "cannot read %s", name);
	else if (!root && json_error_code(&where) == json_error_out_of_memory)
		result = msc_nomem(err);
	else if (!root)
		result = msc_fail(err, MSC_E_FORMAT, "%s:%d:%d: not valid JSON: %s", name,
				  where.line, where.column, where.text);
	else
		result = read_root(&r, root, b);
	json_decref(root);
	return result;
}

int msc_bench_read(const char *path, struct msc_bench *b, struct msc_err *err)
{
	FILE *f;
	int result;

	if (!strcmp(path, "-"))
		return msc_bench_read_from(stdin, "standard input", b, err);
	f = fopen(path, "re");
	if (!f)
		return msc_fail_errno(err, MSC_E_IO, "cannot read %s", path);
	result = msc_bench_read_from(f, path, b, err);
	fclose(f);
	return result;
}
