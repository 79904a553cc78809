/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope.bench/1 and mscope.compare/1; the schemas are in docs/schema/. Whatever is not known is
 * null. As in record_json.c, a NULL anywhere is out of memory and makes the whole NULL. */
#include "report/bench.h"

#include <math.h>
#include <stdlib.h>

static json_t *whole(double x)
{
	return json_integer((json_int_t)llround(x));
}

/* A share of one, in steps that mean something. */
static json_t *fraction(double x)
{
	return json_real(round(x * 1e6) / 1e6);
}

static json_t *optional_text(const char *text)
{
	return *text ? msc_json_text(text) : json_null();
}

/* ---- bench ------------------------------------------------------------------------------------- */

static json_t *host_json(const struct msc_bench_host *h)
{
	if (!*h->system)
		return json_null();
	return json_pack("{s:o, s:o}", "system", msc_json_text(h->system), "cpu",
			 msc_json_text(h->cpu));
}

static json_t *rate_json(const struct msc_bench *b, const struct msc_bench_run *r)
{
	struct msc_bench_rate rate;

	if (!msc_bench_rate(b, r, &rate))
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "median", whole(rate.median), "low",
			 rate.low > 0 ? whole(rate.low) : json_null(), "high",
			 rate.low > 0 ? whole(rate.high) : json_null());
}

static json_t *quantile_json(const double *x, size_t n, double p)
{
	return msc_quantile_shows(n, p) ? whole(msc_quantile(x, n, p)) : json_null();
}

static json_t *latency_json(const struct msc_bench_run *r)
{
	struct msc_err ignored = MSC_ERR_INIT;
	double *x;
	json_t *result;
	size_t n = r->samples;

	if (!n)
		return json_null();
	x = msc_bench_times(r, &ignored);
	if (!x)
		return NULL;
	result = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "min",
			   whole(msc_quantile(x, n, 0)), "median", whole(r->median_ns), "p90",
			   quantile_json(x, n, 0.9), "p95", quantile_json(x, n, 0.95), "p99",
			   quantile_json(x, n, 0.99), "p99_9", quantile_json(x, n, 0.999), "max",
			   whole(msc_quantile(x, n, 1)));
	free(x);
	return result;
}

static json_t *samples_json(const struct msc_bench_run *r)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < r->samples; i++) {
		if (json_array_append_new(list, json_integer(r->sample[i].ns))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* Sums of the phases over all samples; the kernel has none. */
static json_t *phases_json(const struct msc_bench_run *r)
{
	int64_t cbw = 0, data = 0, csw = 0;

	if (r->mode == MSC_BENCH_KERNEL || !r->samples)
		return json_null();
	for (uint32_t i = 0; i < r->samples; i++) {
		cbw += r->sample[i].cbw_ns;
		data += r->sample[i].data_ns;
		csw += r->sample[i].csw_ns;
	}
	return json_pack("{s:I, s:I, s:I}", "cbw", (json_int_t)cbw, "data", (json_int_t)data, "csw",
			 (json_int_t)csw);
}

static json_t *run_json(const struct msc_bench *b, const struct msc_bench_run *r)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "op", msc_bench_op_names[r->op], "mode", msc_bench_mode_names[r->mode],
			 "order", msc_bench_order_names[r->order], "blocks", (json_int_t)r->blocks,
			 "block_size", (json_int_t)r->block_size, "commands",
			 (json_int_t)r->samples, "elapsed_ns", (json_int_t)r->elapsed_ns,
			 "bytes_per_second", rate_json(b, r), "latency_ns", latency_json(r),
			 "phases_ns", phases_json(r), "naks",
			 r->naks < 0 ? json_null() : json_integer(r->naks), "host_cpu_ns",
			 r->host_cpu_ns < 0 ? json_null() : json_integer(r->host_cpu_ns),
			 "device_cpu", r->device_cpu < 0 ? json_null() : fraction(r->device_cpu),
			 "samples_ns", samples_json(r));
}

static json_t *runs_json(const struct msc_bench *b)
{
	json_t *list = json_array();

	for (size_t i = 0; i < b->n_runs; i++) {
		if (json_array_append_new(list, run_json(b, &b->run[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *model_json(const char *op, const char *mode, const struct msc_line *l)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "op", op, "mode", mode, "per_command_ns",
			 whole(l->per_command_ns), "per_byte_ns", fraction(l->per_byte_ns),
			 "worst_residual", fraction(l->worst_residual));
}

static json_t *models_json(const struct msc_bench *b)
{
	json_t *list = json_array();
	struct msc_line line;

	for (int op = MSC_BENCH_READ; op <= MSC_BENCH_MIXED_WRITE; op++) {
		for (int mode = MSC_BENCH_SERIAL; mode <= MSC_BENCH_KERNEL; mode++) {
			if (!msc_bench_model(b, (enum msc_bench_op)op, (enum msc_bench_mode)mode,
					     &line))
				continue;
			if (json_array_append_new(list,
						  model_json(msc_bench_op_names[op],
							     msc_bench_mode_names[mode], &line))) {
				json_decref(list);
				return NULL;
			}
		}
	}
	return list;
}

static json_t *queued_json(const struct msc_bench *b)
{
	if (!b->queued_tried)
		return json_null();
	return json_pack("{s:b, s:o}", "works", b->queued_works, "reason",
			 optional_text(b->queued_why));
}

/* ---- comparison -------------------------------------------------------------------------------- */

static json_t *compared_json(const struct msc_compare_run *r)
{
	const struct msc_bench_run *b = r->base;
	char name[64];
	bool known = r->is.have_interval;

	return json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:I, s:o, s:o, s:o}",
		"name", msc_bench_run_name(name, sizeof name, b), "op", msc_bench_op_names[b->op],
		"mode", msc_bench_mode_names[b->mode], "order", msc_bench_order_names[b->order],
		"blocks", (json_int_t)b->blocks, "block_size", (json_int_t)b->block_size, "verdict",
		msc_change_name(r->is.change), "reason", optional_text(r->is.reason),
		"base_samples", (json_int_t)b->samples, "new_samples", (json_int_t)r->new->samples,
		"base_ns", whole(r->is.base), "new_ns", whole(r->is.later), "shift",
		fraction(r->is.shift), "low", known ? fraction(r->is.low) : json_null(), "high",
		known ? fraction(r->is.high) : json_null(), "confidence",
		fraction(r->is.confidence), "p", json_real(r->is.p), "memory",
		fraction(r->is.memory), "group", (json_int_t)r->is.group, "base_drift",
		r->is.base_drifts ? fraction(r->is.base_drift) : json_null(), "new_drift",
		r->is.later_drifts ? fraction(r->is.later_drift) : json_null(), "needed",
		r->is.needed ? json_integer(r->is.needed) : json_null());
}

/* Those in both, or the names of those that are only in one. */
static json_t *compared_runs(const struct msc_comparison *c, bool base, bool new)
{
	json_t *list = json_array(), *item;
	char name[64];

	for (size_t i = 0; i < c->n_runs; i++) {
		const struct msc_compare_run *r = &c->run[i];

		if (!r->base == base || !r->new == new)
			continue;
		item = base && new ? compared_json(r)
				   : json_string(msc_bench_run_name(name, sizeof name,
								    base ? r->base : r->new));
		if (json_array_append_new(list, item)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *differences_json(const struct msc_comparison *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n_different; i++) {
		if (json_array_append_new(list, msc_json_text(c->different[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *comparison_json(const struct msc_bench_report *r)
{
	const struct msc_comparison *c = r->comparison;

	if (!c)
		return json_null();
	return json_pack("{s:{s:o, s:o}, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "base",
			 "file", msc_json_text(r->base_name), "target",
			 msc_device_json(&r->base->device), "new_file", msc_json_text(r->new_name),
			 "threshold", fraction(c->threshold), "verdict",
			 msc_change_name(msc_comparison_verdict(c)), "measured_again",
			 r->measured_again, "different", differences_json(c), "note",
			 optional_text(c->note), "runs", compared_runs(c, true, true), "only_base",
			 compared_runs(c, true, false), "only_new", compared_runs(c, false, true));
}

/* ---- documents --------------------------------------------------------------------------------- */

static json_t *left_out_json(const struct msc_bench *b)
{
	json_t *list = json_array();

	for (size_t i = 0; i < b->n_left_out; i++) {
		if (json_array_append_new(list, json_integer(b->left_out[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *bench_rest(const struct msc_bench_report *r)
{
	const struct msc_bench *b = r->bench;
	json_t *models = models_json(b), *first = json_array_get(models, 0);

	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:O, s:o, s:o, s:o, s:o}", "host",
			 host_json(&b->host), "clock", b->clock, "pattern",
			 b->pattern_known ? json_integer(b->pattern) : json_null(), "queued",
			 queued_json(b), "failure", optional_text(b->failure), "runs", runs_json(b),
			 "model", first ? first : json_null(), "models", models, "comparison",
			 comparison_json(r), "warning", optional_text(b->warning), "left_out",
			 left_out_json(b));
}

/* A bench that was measured shows its samples; one that was read shows the comparison. */
int msc_bench_write_json(FILE *out, const struct msc_bench_report *r, struct msc_err *err)
{
	bool measured = !r->new_name;
	json_t *document =
		msc_json_document(measured ? "mscope.bench/1" : "mscope.compare/1", r->context,
				  msc_device_json(&r->bench->device), r->exit_status,
				  r->reason && *r->reason ? r->reason : r->bench->failure);
	json_t *rest = measured ? bench_rest(r) : comparison_json(r);

	if (json_object_update_new(document, rest)) {
		json_decref(document);
		return msc_nomem(err);
	}
	return msc_json_write(out, document, err);
}
