/* SPDX-License-Identifier: BSD-2-Clause */
/* Benches and comparisons for people, within 80 columns. The verdict comes first on its line. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/bench.h"

#define COLUMN 10 /* where the text of a row begins */

/* ---- bench ------------------------------------------------------------------------------------- */

static const char *op_name(enum msc_bench_op op)
{
	return op == MSC_BENCH_MIXED_READ ? "mixed" : msc_bench_op_names[op];
}

static void put_left_out(FILE *out, const struct msc_bench *b)
{
	char text[256] = "";

	if (!b->n_left_out)
		return;
	for (size_t i = 0; i < b->n_left_out && strlen(text) < 160; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%u", i ? ", " : "",
			 b->left_out[i]);
	snprintf(text + strlen(text), sizeof text - strlen(text), " block%s: there %s only %llu",
		 b->n_left_out == 1 && b->left_out[0] == 1 ? "" : "s", b->room == 1 ? "is" : "are",
		 (unsigned long long)b->room);
	msc_put_row(out, COLUMN, "left out", text);
}

static void put_head(FILE *out, const struct msc_bench *b, bool color)
{
	const struct msc_device *d = &b->device;
	char path[192];

	fputs("target    ", out);
	msc_put(out, MSC_PLAIN, d->name);
	fprintf(out, "%s\n          %s speed", d->simulated ? " (simulated, virtual time)" : "",
		msc_speed_name(d->speed));
	if (*d->host)
		fprintf(out, ", %s", d->host);
	fprintf(out, ", timestamps: %s, CPU: the %s's\n", b->clock,
		d->simulated ? "device" : "host");
	msc_device_path_note(d, path, sizeof path);
	if (*path)
		msc_put_row(out, COLUMN, "bus", path);
	put_left_out(out, b);
	if (*b->warning)
		msc_put_row_tinted(out, color, MSC_TINT_WARN, COLUMN, "warning", b->warning);
	if (!b->n_runs)
		return;
	fprintf(out, "%-10s%s", op_name(b->run[0].op), msc_bench_order_names[b->run[0].order]);
	if (b->run[0].op == MSC_BENCH_MIXED_READ)
		fputs(", reads (r) and writes (w)", out);
	if (b->pattern_known)
		fprintf(out, ", all bytes %02xh%s", b->pattern,
			b->pattern == 0xff ? ", which bit stuffing makes slow" : "");
	else if (b->payload_seen)
		fputs(", bytes of many values", out);
	putc('\n', out);
}

static char *percent(char *buf, size_t size, double share)
{
	if (share < 0)
		snprintf(buf, size, "-");
	else
		snprintf(buf, size, "%.1f%%", 100 * share);
	return buf;
}

static void put_naks(char *buf, size_t size, double naks)
{
	snprintf(buf, size, naks < 9999 ? "%.1f" : "%.0f", naks);
}

/* The one command in a thousand, where there are as many. */
static int put_rare(FILE *out, const struct msc_bench_run *r, struct msc_err *err)
{
	char name[64], rare[24];
	double *x;

	if (!msc_quantile_shows(r->samples, 0.999))
		return 0;
	x = msc_bench_times(r, err);
	if (!x)
		return -1;
	fprintf(out, "%-10s%s: %s, of %u commands\n", "p99.9",
		msc_bench_run_name(name, sizeof name, r),
		msc_format_ns(rare, sizeof rare, (int64_t)msc_quantile(x, r->samples, 0.999)),
		r->samples);
	free(x);
	return 0;
}

static void put_mode(char *buf, size_t size, const struct msc_bench_run *r)
{
	const char *which = r->op == MSC_BENCH_MIXED_READ    ? " r"
			    : r->op == MSC_BENCH_MIXED_WRITE ? " w"
							     : "";

	snprintf(buf, size, "%s%s", msc_bench_mode_names[r->mode], which);
}

static int put_run(FILE *out, const struct msc_bench *b, const struct msc_bench_run *r,
		   struct msc_err *err)
{
	double cpu = r->device_cpu, *x;
	char mode[24], median[24], p99[24] = "-", most[24], kbps[24] = "-", interval[32] = "-",
				   naks[24] = "-", load[16];
	struct msc_bench_rate rate;

	put_mode(mode, sizeof mode, r);
	if (!r->samples) {
		fprintf(out, "%-8s%7u  no samples\n", mode, r->blocks);
		return 0;
	}
	x = msc_bench_times(r, err);
	if (!x)
		return -1;
	if (msc_bench_rate(b, r, &rate))
		snprintf(kbps, sizeof kbps, "%.1f", rate.median / 1e3);
	if (rate.low > 0)
		snprintf(interval, sizeof interval, "%.0f-%.0f", rate.low / 1e3, rate.high / 1e3);
	if (r->naks >= 0)
		put_naks(naks, sizeof naks, (double)r->naks / r->samples);
	if (r->host_cpu_ns >= 0 && r->elapsed_ns > 0)
		cpu = (double)r->host_cpu_ns / (double)r->elapsed_ns;
	msc_format_ns(median, sizeof median, (int64_t)r->median_ns);
	if (msc_quantile_shows(r->samples, 0.99))
		msc_format_ns(p99, sizeof p99, (int64_t)msc_quantile(x, r->samples, 0.99));
	msc_format_ns(most, sizeof most, (int64_t)msc_quantile(x, r->samples, 1));
	fprintf(out, "%-8s%7u %9s %9s %9s %8s %11s %6s %6s\n", mode, r->blocks, median, p99, most,
		kbps, interval, naks, percent(load, sizeof load, cpu));
	free(x);
	return 0;
}

/* A rate counts the time of commands alone. Where much of the time passes between them, as the clock
 * has it, the rate that a host would get is told beside it. */
#define MUCH_BETWEEN 0.05

static void put_between(FILE *out, const struct msc_bench *b, const struct msc_bench_run *r)
{
	struct msc_bench_rate rate;
	int64_t within_ns = 0;

	for (uint32_t i = 0; i < r->samples; i++)
		within_ns += r->sample[i].ns;
	if (!msc_bench_rate(b, r, &rate) ||
	    (double)within_ns >= (1 - MUCH_BETWEEN) * (double)r->elapsed_ns)
		return;
	fprintf(out, "%-10s%u block%s: %.1f kB/s with the time between the commands, %.0f %%\n",
		msc_bench_mode_names[r->mode], r->blocks, MSC_PLURAL(r->blocks),
		msc_bench_sustained(r) / 1e3,
		100 * (1 - (double)within_ns / (double)r->elapsed_ns));
}

static void put_model_name(FILE *out, enum msc_bench_op op, enum msc_bench_mode mode)
{
	fprintf(out, "%-10s", msc_bench_mode_names[mode]);
	if (op == MSC_BENCH_MIXED_READ || op == MSC_BENCH_MIXED_WRITE)
		fprintf(out, "%s ", op == MSC_BENCH_MIXED_READ ? "read:" : "write:");
}

static void put_models(FILE *out, const struct msc_bench *b)
{
	struct msc_line line;
	char each[24];

	for (int op = MSC_BENCH_READ; op <= MSC_BENCH_MIXED_WRITE; op++) {
		for (int mode = MSC_BENCH_SERIAL; mode <= MSC_BENCH_KERNEL; mode++) {
			if (!msc_bench_model(b, (enum msc_bench_op)op, (enum msc_bench_mode)mode,
					     &line))
				continue;
			put_model_name(out, (enum msc_bench_op)op, (enum msc_bench_mode)mode);
			fprintf(out, "%s a command, and ",
				line.per_command_ns > 0
					? msc_format_ns(each, sizeof each,
							(int64_t)line.per_command_ns)
					: "nothing");
			if (line.per_byte_ns > 0)
				fprintf(out, "%.1f kB/s for the bytes", 1e6 / line.per_byte_ns);
			else
				fputs("nothing for the bytes", out);
			fprintf(out, "; fits within %.1f %%\n", 100 * line.worst_residual);
		}
	}
}

static void put_clumped(FILE *out, const struct msc_bench *b)
{
	uint32_t most = 0;
	char text[160];
	size_t n = 0;

	for (size_t i = 0; i < b->n_runs; i++) {
		const struct msc_bench_run *r = &b->run[i];

		n += r->clumped;
		most = r->clumped && r->samples > most ? r->samples : most;
	}
	if (!n)
		return;
	snprintf(text, sizeof text,
		 "times of %zu of the runs come in clumps, of which compare needs more: up to %u "
		 "commands were measured",
		 n, most);
	msc_put_row(out, COLUMN, "note", text);
}

static int put_bench(FILE *out, const struct msc_bench *b, bool color, struct msc_err *err)
{
	put_head(out, b, color);
	if (b->n_runs)
		fprintf(out,
			"\n%-8s%7s %-29s %8s %11s %6s %6s\n%-8s%7s %9s %9s %9s %8s %11s %6s %6s\n",
			"", "blocks", "time of a command:", "kB/s", "95 % sure", "NAKs", "CPU",
			"mode", "each", "median", "p99", "max", "median", "it is in", "each",
			"load");
	for (size_t i = 0; i < b->n_runs; i++)
		if (put_run(out, b, &b->run[i], err) < 0)
			return -1;
	for (size_t i = 0; i < b->n_runs; i++)
		if (put_rare(out, &b->run[i], err) < 0)
			return -1;
	for (size_t i = 0; i < b->n_runs; i++)
		put_between(out, b, &b->run[i]);
	put_clumped(out, b);
	put_models(out, b);
	if (b->queued_tried && !b->queued_works) {
		fputs("queued    not possible: ", out);
		msc_put_wrapped(out, 24, 10, b->queued_why);
		putc('\n', out);
	}
	if (*b->failure) {
		msc_put_tinted(out, color, MSC_TINT_FAIL, "FAIL      ");
		fputs("ended early: ", out);
		msc_put_wrapped(out, 23, 10, b->failure);
		putc('\n', out);
	}
	return 0;
}

/* ---- comparison -------------------------------------------------------------------------------- */

static void put_drift(FILE *out, const char *who, bool drifts, double drift)
{
	if (drifts)
		fprintf(out, "         the %s drifts: %+.1f %% from its first to its last third\n",
			who, 100 * drift);
}

static void put_compared(FILE *out, const struct msc_compare_run *r, bool color)
{
	static const enum msc_tint tints[] = { MSC_TINT_NONE, MSC_TINT_FAIL, MSC_TINT_OK,
					       MSC_TINT_WARN };
	static const char *const words[] = { "ok", "SLOWER", "faster", "?" };
	char name[64], base[24], new[24], word[16];

	msc_bench_run_name(name, sizeof name, r->base ? r->base : r->new);
	if (!r->base || !r->new) {
		fprintf(out, "%7s  %-22s only in the %s\n", "-", name,
			r->base ? "base" : "new one");
		return;
	}
	snprintf(word, sizeof word, "%7s  ", words[r->is.change]);
	msc_put_tinted(out, color, tints[r->is.change], word);
	fprintf(out, "%-22s ", name);
	if (r->is.change == MSC_CHANGE_UNKNOWN)
		msc_put_wrapped(out, 32, 32, r->is.reason);
	else
		fprintf(out, "%+6.1f %% (%+.1f to %+.1f)  %s -> %s", 100 * r->is.shift,
			100 * r->is.low, 100 * r->is.high,
			msc_format_ns(base, sizeof base, (int64_t)r->is.base),
			msc_format_ns(new, sizeof new, (int64_t)r->is.later));
	putc('\n', out);
	put_drift(out, "base", r->is.base_drifts, r->is.base_drift);
	put_drift(out, "new one", r->is.later_drifts, r->is.later_drift);
	if (r->is.memory > 2 && r->is.change != MSC_CHANGE_UNKNOWN)
		fprintf(out, "         neighbours resemble each other: %.0f samples count as one\n",
			r->is.memory);
	if (r->is.group > 1)
		fprintf(out, "         times come in clumps: means of %u commands are compared\n",
			r->is.group);
}

static void put_verdict(FILE *out, const struct msc_comparison *c)
{
	static const char *const words[] = { "no change", "slower", "faster", "unknown" };
	unsigned count[MSC_COUNT(words)] = { 0 };
	const char *comma = "";

	for (size_t i = 0; i < c->n_runs; i++)
		if (c->run[i].base && c->run[i].new)
			count[c->run[i].is.change]++;
	for (size_t i = 0; i < MSC_COUNT(words); i++) {
		if (!count[i])
			continue;
		fprintf(out, "%s%u %s", comma, count[i], words[i]);
		comma = ", ";
	}
	fprintf(out, "; more than %g %% counts", 100 * c->threshold);
	if (msc_comparison_verdict(c) == MSC_CHANGE_UNKNOWN) {
		fputs("; no verdict: measure ", out);
		if (msc_comparison_needed(c))
			fprintf(out, "both with --count %u", msc_comparison_needed(c));
		else
			fputs("on a quieter machine", out);
	}
	putc('\n', out);
}

static void put_comparison(FILE *out, const struct msc_bench_report *r)
{
	const struct msc_comparison *c = r->comparison;

	fprintf(out, "base      %s: ", r->base_name);
	msc_put(out, MSC_PLAIN, r->base->device.name);
	if (r->new_name) {
		fprintf(out, "\nnew       %s: ", r->new_name);
		msc_put(out, MSC_PLAIN, r->bench->device.name);
	}
	putc('\n', out);
	for (size_t i = 0; i < c->n_different; i++)
		fprintf(out, "forced    %s\n", c->different[i]);
	if (*c->note)
		fprintf(out, "note      %s\n", c->note);
	if (r->measured_again)
		fputs("note      measured again, because the first time looked slower\n", out);
	putc('\n', out);
	for (size_t i = 0; i < c->n_runs; i++)
		put_compared(out, &c->run[i], r->context->color);
	put_verdict(out, c);
}

int msc_bench_write_text(FILE *out, const struct msc_bench_report *r, struct msc_err *err)
{
	if (!r->new_name && put_bench(out, r->bench, r->context->color, err) < 0)
		return -1;
	if (r->reason && *r->reason) {
		msc_put_row_tinted(out, r->context->color, MSC_TINT_WARN, COLUMN, "stopped",
				   r->reason);
	}
	if (!r->comparison)
		return 0;
	if (!r->new_name)
		putc('\n', out);
	put_comparison(out, r);
	return 0;
}
