/* SPDX-License-Identifier: BSD-2-Clause */
/* What dashboards of others take: Bencher Metric Format, github-action-benchmark's custom JSON, and
 * lines of the Go benchmark format for benchstat. Of a comparison they show the new bench, with the
 * change beside it; the Go lines show both, and benchstat -col run compares them. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "report/bench.h"

static const struct msc_compare_run *compared(const struct msc_bench_report *r,
					      const struct msc_bench_run *run)
{
	for (size_t i = 0; r->comparison && i < r->comparison->n_runs; i++)
		if (r->comparison->run[i].new == run && r->comparison->run[i].base)
			return &r->comparison->run[i];
	return NULL;
}

/* ---- Bencher ----------------------------------------------------------------------------------- */

/* Bounds are left out where they are not known. */
static json_t *metric(double value, double low, double high, bool bounds)
{
	json_t *m = json_pack("{s:f}", "value", value);

	if (bounds && (json_object_set_new(m, "lower_value", json_real(low)) ||
		       json_object_set_new(m, "upper_value", json_real(high)))) {
		json_decref(m);
		return NULL;
	}
	return m;
}

static double rounded(double x)
{
	return round(x * 1e3) / 1e3;
}

static json_t *bmf_run(const struct msc_bench_report *r, const struct msc_bench_run *run)
{
	double bytes = 1e9 * run->blocks * run->block_size;
	const struct msc_compare_run *c = compared(r, run);
	bool bounds = run->low > 0;
	struct msc_bench_rate rate;
	json_t *measures =
		json_pack("{s:o}", "latency",
			  metric(round(run->median_ns), round(bounds ? bytes / run->high : 0),
				 round(bounds ? bytes / run->low : 0), bounds));

	if (msc_bench_rate(r->bench, run, &rate) &&
	    json_object_set_new(measures, "bytes-per-second",
				metric(round(rate.median), round(rate.low), round(rate.high),
				       bounds))) {
		json_decref(measures);
		return NULL;
	}
	if (c && json_object_set_new(measures, "change-percent",
				     metric(rounded(100 * c->is.shift), rounded(100 * c->is.low),
					    rounded(100 * c->is.high), c->is.have_interval))) {
		json_decref(measures);
		return NULL;
	}
	return measures;
}

static int write_bmf(FILE *out, const struct msc_bench_report *r, struct msc_err *err)
{
	json_t *document = json_object();
	char name[64];

	for (size_t i = 0; i < r->bench->n_runs; i++) {
		const struct msc_bench_run *run = &r->bench->run[i];

		if (run->samples &&
		    json_object_set_new(document, msc_bench_run_name(name, sizeof name, run),
					bmf_run(r, run))) {
			json_decref(document);
			return msc_nomem(err);
		}
	}
	return msc_json_write(out, document, err);
}

/* ---- github-action-benchmark: customBiggerIsBetter --------------------------------------------- */

static json_t *gha_run(const struct msc_bench_report *r, const struct msc_bench_run *run)
{
	const struct msc_compare_run *c = compared(r, run);
	char name[64], range[64] = "", extra[256], median[24];
	struct msc_bench_rate rate;

	if (msc_bench_rate(r->bench, run, &rate) && rate.low > 0)
		snprintf(range, sizeof range, "%.0f to %.0f", rate.low, rate.high);
	snprintf(extra, sizeof extra, "%.160s\n%u command%s, median %s", r->bench->device.name,
		 run->samples, MSC_PLURAL(run->samples),
		 msc_format_ns(median, sizeof median, (int64_t)run->median_ns));
	if (c)
		snprintf(extra + strlen(extra), sizeof extra - strlen(extra), "\ntime %+.1f %%: %s",
			 100 * c->is.shift, msc_change_name(c->is.change));
	return json_pack("{s:s, s:s, s:f, s:s, s:s}", "name",
			 msc_bench_run_name(name, sizeof name, run), "unit", "B/s", "value",
			 round(rate.median), "range", range, "extra", extra);
}

static int write_gha(FILE *out, const struct msc_bench_report *r, struct msc_err *err)
{
	json_t *document = json_array();

	for (size_t i = 0; i < r->bench->n_runs; i++) {
		const struct msc_bench_run *run = &r->bench->run[i];
		struct msc_bench_rate rate;

		if (msc_bench_rate(r->bench, run, &rate) &&
		    json_array_append_new(document, gha_run(r, run))) {
			json_decref(document);
			return msc_nomem(err);
		}
	}
	return msc_json_write(out, document, err);
}

/* ---- Go ---------------------------------------------------------------------------------------- */

static void go_line(FILE *out, const struct msc_bench_run *r, uint32_t sample, bool rate)
{
	static const char *const names[] = { "Read", "Write", "MixedRead", "MixedWrite" };
	double ns = (double)r->sample[sample].ns;

	fprintf(out, "Benchmark%s/mode=%s%s/blocks=%u 1 %.0f ns/op", names[r->op],
		msc_bench_mode_names[r->mode], r->order == MSC_BENCH_RANDOM ? "/order=random" : "",
		r->blocks, ns);
	if (rate)
		fprintf(out, " %.3f MB/s", 1e3 * r->blocks * r->block_size / ns);
	putc('\n', out);
}

static void go_bench(FILE *out, const struct msc_bench *b, const char *run)
{
	struct msc_bench_rate rate;

	fputs("target: ", out);
	msc_put(out, MSC_PLAIN, b->device.name);
	fprintf(out, "\nspeed: %s\nhost: %s\n", msc_speed_name(b->device.speed), b->device.host);
	if (run)
		fprintf(out, "run: %s\n", run);
	for (size_t i = 0; i < b->n_runs; i++) {
		bool has_rate = msc_bench_rate(b, &b->run[i], &rate);

		for (uint32_t k = 0; k < b->run[i].samples; k++)
			go_line(out, &b->run[i], k, has_rate);
	}
}

static int write_go(FILE *out, const struct msc_bench_report *r, struct msc_err *err)
{
	(void)err;
	if (r->base)
		go_bench(out, r->base, "base");
	go_bench(out, r->bench, r->base ? "new" : NULL);
	return 0;
}

/* ---- the table --------------------------------------------------------------------------------- */

const struct msc_bench_format msc_bench_formats[] = {
	{ "text", "for people", "txt", msc_bench_write_text },
	{ "json", "one document, for programs; docs/schema/ describes it", "json",
	  msc_bench_write_json },
	{ "bmf", "Bencher Metric Format", "json", write_bmf },
	{ "gha", "github-action-benchmark, customBiggerIsBetter", "json", write_gha },
	{ "go", "Go benchmark lines, for benchstat", "txt", write_go },
	{ .name = NULL },
};
