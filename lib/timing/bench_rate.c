/* SPDX-License-Identifier: BSD-2-Clause */
/* Rates of a bench, and the line through its sizes: none that a bus of the device's speed could not
 * carry. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "timing/bench.h"

bool msc_bench_rate(const struct msc_bench *b, const struct msc_bench_run *r,
		    struct msc_bench_rate *rate)
{
	double most = msc_bus_most(b->device.speed);

	*rate = (struct msc_bench_rate){ 0 };
	if (!r->samples || r->median_ns <= 0 || msc_beats_bus(b->device.speed, r->bytes_per_second))
		return false;
	rate->median = r->bytes_per_second;
	rate->low = r->low;
	rate->high = msc_beats_bus(b->device.speed, r->high) ? fmax(most, rate->median) : r->high;
	return true;
}

void msc_bench_tell_impossible(struct msc_bench *b)
{
	size_t n = 0, len = strlen(b->warning);
	char bus[80];

	for (size_t i = 0; i < b->n_runs; i++)
		n += b->run[i].samples &&
		     msc_beats_bus(b->device.speed, b->run[i].bytes_per_second);
	if (n)
		snprintf(
			b->warning + len, sizeof b->warning - len,
			"%s%zu of %zu runs took less time than their bytes need on %s, so these did not "
			"cross one: no rate is given for them",
			len ? "; " : "", n, b->n_runs,
			msc_bus_text(bus, sizeof bus, b->device.speed));
}

double msc_bench_sustained(const struct msc_bench_run *r)
{
	if (!r->samples || r->elapsed_ns <= 0)
		return 0;
	return (double)r->samples * r->blocks * r->block_size * 1e9 / (double)r->elapsed_ns;
}

bool msc_bench_model(const struct msc_bench *b, enum msc_bench_op op, enum msc_bench_mode mode,
		     struct msc_line *line)
{
	double bytes[MSC_LINE_POINTS_MAX], ns[MSC_LINE_POINTS_MAX];
	struct msc_bench_rate rate;
	size_t n = 0;

	for (size_t i = 0; i < b->n_runs && n < MSC_LINE_POINTS_MAX; i++) {
		const struct msc_bench_run *r = &b->run[i];

		if (r->op != op || r->mode != mode || !r->samples)
			continue;
		if (!msc_bench_rate(b, r, &rate))
			return false;
		bytes[n] = (double)r->blocks * r->block_size;
		ns[n++] = r->median_ns;
	}
	return msc_fit_cost(bytes, ns, n, msc_byte_least_ns(b->device.speed), line);
}
