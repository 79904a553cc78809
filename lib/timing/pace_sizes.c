/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole commands: for each size what it costs in each way of sending it, what is left when the host's
 * part is taken away, and the line through these. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/stats.h"
#include "timing/work.h"
#include "wire/cost.h"

#define FENCE 3.0 /* interquartile ranges */

double msc_mean(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return n ? sum / (double)n : -1;
}

static struct msc_pace_size *size_of(struct msc_pace *p, uint32_t blocks)
{
	size_t at = 0;

	while (at < p->n_sizes && p->sizes[at].blocks < blocks)
		at++;
	if (at < p->n_sizes && p->sizes[at].blocks == blocks)
		return &p->sizes[at];
	if (p->n_sizes == MSC_COUNT(p->sizes))
		return NULL;
	memmove(&p->sizes[at + 1], &p->sizes[at], (p->n_sizes++ - at) * sizeof p->sizes[0]);
	p->sizes[at] = (struct msc_pace_size){ .blocks = blocks, .true_ns = -1 };
	return &p->sizes[at];
}

double msc_disturbed_above(const double *x, size_t n)
{
	double low, high;

	if (!n)
		return 0;
	low = msc_quantile(x, n, 0.25);
	high = msc_quantile(x, n, 0.75);
	return high + fmax(FENCE * (high - low), 1.0 * MSC_MS);
}

/* Leaves out what was disturbed; returns how many are left. */
static size_t undisturbed(double *x, size_t n)
{
	double limit = msc_disturbed_above(x, n);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (x[i] <= limit)
			x[kept++] = x[i];
	return kept;
}

enum part { WHOLE, CBW, DATA, CSW };

static double part_of(const struct msc_pace_command *c, enum part part)
{
	switch (part) {
	case CBW: return (double)(c->cbw_ns - c->began_ns);
	case DATA: return (double)(c->data_ns - c->cbw_ns);
	case CSW: return (double)(c->csw_ns - c->data_ns);
	case WHOLE: break;
	}
	return (double)(c->csw_ns - c->began_ns);
}

static size_t pick(const struct msc_pace_samples *s, enum msc_pace_set set, uint32_t blocks,
		   enum part part, double *x)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_commands; i++)
		if (s->commands[i].set == set && s->commands[i].blocks == blocks)
			x[n++] = part_of(&s->commands[i], part);
	return n;
}

double msc_pace_wire_ns(const struct msc_pace *p, uint32_t blocks)
{
	return blocks * p->bus_ns + msc_packet_ns(p->speed, 8.0 * MSC_CBW_LEN) +
	       msc_packet_ns(p->speed, 8.0 * MSC_CSW_LEN) + 2 * p->path_more_ns;
}

static void measure_size(struct msc_pace_work *w, struct msc_pace_size *z, double *x)
{
	const struct msc_pace_samples *s = w->s;

	for (int set = 0; set < MSC_PACE_SETS; set++) {
		size_t n = undisturbed(x, pick(s, set, z->blocks, WHOLE, x));

		z->count[set] = n;
		z->median_ns[set] = n ? msc_median(x, n) : -1;
		z->mean_ns[set] = msc_mean(x, n);
		if (set == MSC_PACE_STROBED)
			continue;
		z->host_ns[set] = -1;
		n = pick(s, set, z->blocks, CBW, x);
		z->cbw_ns[set] = n ? msc_median(x, n) : -1;
		n = pick(s, set, z->blocks, DATA, x);
		z->data_ns[set] = n && z->blocks ? msc_median(x, n) : -1;
		n = pick(s, set, z->blocks, CSW, x);
		z->csw_ns[set] = n ? msc_median(x, n) : -1;
	}
	z->bus_ns = msc_pace_wire_ns(w->p, z->blocks);
	if (z->count[MSC_PACE_STROBED])
		z->true_ns = fmax(z->mean_ns[MSC_PACE_STROBED] - w->half_frame, z->bus_ns);
	for (int set = 0; set < 2 && z->true_ns >= 0; set++)
		if (z->count[set])
			z->host_ns[set] = fmax(0, z->mean_ns[set] - z->true_ns);
	/* A CBW is taken by hardware: what it takes beyond its packet is the host's, at least. */
	if (s->captured && z->true_ns < 0 && z->count[MSC_PACE_SERIAL])
		z->host_ns[MSC_PACE_SERIAL] = fmax(
			0, z->cbw_ns[MSC_PACE_SERIAL] - msc_packet_ns(s->speed, 8.0 * MSC_CBW_LEN));
}

/* No bus of the device's speed lies between, and what one would need bounds nothing. */
static void forget_bus(struct msc_pace_size *z)
{
	z->bus_ns = 0;
	if (z->count[MSC_PACE_STROBED])
		z->true_ns = z->mean_ns[MSC_PACE_STROBED];
	for (int set = 0; set < 2 && z->true_ns >= 0; set++)
		if (z->count[set])
			z->host_ns[set] = fmax(0, z->mean_ns[set] - z->true_ns);
}

/* By medians: a clock may jump once. */
static bool beats_bus(const struct msc_pace *p)
{
	for (size_t i = 0; i < p->n_sizes; i++)
		for (int set = 0; set < MSC_PACE_SETS; set++)
			if (p->sizes[i].count[set] && p->sizes[i].blocks &&
			    msc_beats_bus(p->speed, 1e9 * p->sizes[i].blocks * p->block_size /
							    p->sizes[i].median_ns[set]))
				return true;
	return false;
}

int msc_pace_sizes(struct msc_pace_work *w, struct msc_err *err)
{
	struct msc_pace *p = w->p;
	double *x = calloc(w->s->n_commands + 1, sizeof *x);
	double bytes[MSC_PACE_SIZES_MAX + 1], ns[MSC_PACE_SIZES_MAX + 1];
	struct msc_line line;
	size_t n = 0;

	if (!x)
		return msc_nomem(err);
	for (size_t i = 0; i < w->s->n_commands; i++)
		size_of(p, w->s->commands[i].blocks);
	for (size_t i = 0; i < p->n_sizes; i++)
		measure_size(w, &p->sizes[i], x);
	free(x);
	p->beats_bus = beats_bus(p);
	for (size_t i = 0; p->beats_bus && i < p->n_sizes; i++)
		forget_bus(&p->sizes[i]);
	for (size_t i = 0; i < p->n_sizes; i++)
		if (p->sizes[i].blocks && p->sizes[i].true_ns >= 0) {
			bytes[n] = (double)p->sizes[i].blocks * p->block_size;
			ns[n++] = p->sizes[i].true_ns;
		}
	p->per_command_ns = p->per_byte_ns = -1;
	if (!p->beats_bus && msc_fit_cost(bytes, ns, n, p->alone_ns / p->block_size, &line)) {
		p->per_command_ns = line.per_command_ns;
		p->per_byte_ns = line.per_byte_ns;
		p->worst_residual = line.worst_residual;
	}
	return 0;
}
