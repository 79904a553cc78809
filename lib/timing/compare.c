/* SPDX-License-Identifier: BSD-2-Clause */
/* Compares two benches run by run: see compare.h for the method. What must be equal for a
 * comparison to mean anything is checked first, and a verdict is never given without enough data. */
#include "timing/compare.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FALSE_ALARMS 0.01
#define GROUPS	     10 /* of averaged commands in each run: fewer cannot be told apart */
#define GROUP_MAX    20 /* commands in a group */

const char *msc_change_name(enum msc_change change)
{
	static const char *const names[] = { "same", "slower", "faster", "unknown" };

	return names[change];
}

/* ---- are they comparable? ---------------------------------------------------------------------- */

static void different(struct msc_comparison *c, const char *fmt, ...) MSC_PRINTF(2, 3);

static void different(struct msc_comparison *c, const char *fmt, ...)
{
	va_list ap;

	if (c->n_different == MSC_COUNT(c->different))
		return;
	va_start(ap, fmt);
	vsnprintf(c->different[c->n_different++], sizeof c->different[0], fmt, ap);
	va_end(ap);
}

/* The firmware's name in "sim:NAME,knob=value"; the knobs are what two builds differ in. */
static bool same_model(const struct msc_device *a, const struct msc_device *b)
{
	size_t len = strcspn(a->name, ",");

	return len == strcspn(b->name, ",") && !strncmp(a->name, b->name, len);
}

static void check_device(struct msc_comparison *c, const struct msc_device *a,
			 const struct msc_device *b)
{
	if (a->simulated != b->simulated || (a->simulated && !same_model(a, b)))
		different(c, "different devices: %.80s and %.80s", a->name, b->name);
	else if (a->desc.vendor != b->desc.vendor || a->desc.product != b->desc.product)
		different(c, "different devices: %04x:%04x and %04x:%04x", a->desc.vendor,
			  a->desc.product, b->desc.vendor, b->desc.product);
	else if (strcmp(a->serial, b->serial))
		different(c, "different devices: serial numbers '%.60s' and '%.60s'", a->serial,
			  b->serial);
	if (a->speed != b->speed)
		different(c, "different speeds: %s and %s", msc_speed_name(a->speed),
			  msc_speed_name(b->speed));
	if (strcmp(a->host, b->host))
		different(c, "different host controllers: '%s' and '%s'", a->host, b->host);
}

static void check_host(struct msc_comparison *c, const struct msc_bench *a,
		       const struct msc_bench *b)
{
	if (strcmp(a->host.cpu, b->host.cpu))
		different(c, "different hosts: '%.80s' and '%.80s'", a->host.cpu, b->host.cpu);
	else if (strcmp(a->host.system, b->host.system))
		snprintf(c->note, sizeof c->note, "the host's system is another: %.80s, then %.80s",
			 a->host.system, b->host.system);
	if (strcmp(a->clock, b->clock))
		different(c, "different clocks: %s and %s", a->clock, b->clock);
	if (a->pattern_known && b->pattern_known && a->pattern != b->pattern)
		different(c, "different payloads: all bytes %02xh, all bytes %02xh", a->pattern,
			  b->pattern);
}

static void check_runs(struct msc_comparison *c, const struct msc_bench *base,
		       const struct msc_bench *new)
{
	char name[64];

	for (size_t i = 0; i < c->n_runs; i++) {
		const struct msc_bench_run *b = c->run[i].base, *n = c->run[i].new;

		if (!b || !n)
			different(c, "%s with %u bytes a block is only in the %s",
				  msc_bench_run_name(name, sizeof name, b ? b : n),
				  b ? b->block_size : n->block_size, b ? "base" : "new one");
	}
	if (!base->n_runs || !new->n_runs)
		different(c, "there are no runs in the %s", base->n_runs ? "new one" : "base");
}

static int refuse(const struct msc_comparison *c, struct msc_err *err)
{
	return msc_fail(err, MSC_E_UNDECIDED, "not comparable: %s%s", c->different[0],
			c->n_different > 1 ? ", and more" : "");
}

int msc_compare_devices(const struct msc_device *base, const struct msc_device *new,
			struct msc_err *err)
{
	struct msc_comparison c = { .n_runs = 0 };

	check_device(&c, base, new);
	return c.n_different ? refuse(&c, err) : 0;
}

/* ---- two runs ---------------------------------------------------------------------------------- */

struct pair {
	struct msc_compare_run *r;
	double threshold, alpha;
	double *a, *b; /* base and new, in the order of time */
	size_t na, nb;
	struct msc_sorted sa, sb;
	double spread;
};

/* Means of consecutive ones, in place. What is left over at the end is left out. */
static size_t average(double *x, size_t n, size_t group)
{
	for (size_t i = 0; i < n / group; i++) {
		double sum = 0;

		for (size_t k = 0; k < group; k++)
			sum += x[i * group + k];
		x[i] = sum / (double)group;
	}
	return n / group;
}

/* The widest gap in the middle four fifths of the values, as a share of their median. */
static double widest_gap(const struct msc_sorted *s)
{
	double widest = 0;

	for (size_t i = s->n / 10 + 1; i + s->n / 10 < s->n; i++) {
		double gap = s->x[i] - s->x[i - 1];

		widest = gap > widest ? gap : widest;
	}
	return widest / s->x[s->n / 2];
}

/* How many commands to average so that means fill the gaps between the clumps: 1 where there are
 * no clumps, 0 where there are too few samples. */
static uint32_t choose_group(const struct pair *p)
{
	double a = widest_gap(&p->sa), b = widest_gap(&p->sb), gap = a > b ? a : b;
	double wanted = ceil(2 * gap / p->threshold);
	size_t fewer = p->na < p->nb ? p->na : p->nb;

	if (gap <= p->threshold)
		return 1;
	if (wanted > GROUP_MAX)
		wanted = GROUP_MAX;
	return (uint32_t)(wanted < (double)(fewer / GROUPS) ? wanted : (double)(fewer / GROUPS));
}

static int sort_both(struct pair *p, struct msc_err *err)
{
	msc_sorted_free(&p->sa);
	msc_sorted_free(&p->sb);
	return msc_sorted_of(&p->sa, p->a, p->na, err) < 0 ||
			       msc_sorted_of(&p->sb, p->b, p->nb, err) < 0
		       ? -1
		       : 0;
}

/* The difference of the two, each in units of its median, place by place in the order of time. */
static int find_memory(struct pair *p, struct msc_err *err)
{
	size_t n = p->na < p->nb ? p->na : p->nb;
	double a = msc_median(p->a, p->na), b = msc_median(p->b, p->nb);
	double *d = malloc(n * sizeof *d);
	int result;

	if (!d)
		return msc_nomem(err);
	for (size_t i = 0; i < n; i++)
		d[i] = p->b[i * p->nb / n] / b - p->a[i * p->na / n] / a;
	result = msc_memory_of(d, n, &p->r->memory, err);
	free(d);
	p->spread = sqrt(p->r->memory);
	return result;
}

static int find_drift(struct pair *p, struct msc_err *err)
{
	struct msc_compare_run *r = p->r;
	double from = 1, to = 1;

	if (msc_drift_of(p->a, p->na, &r->base_drifts, &from, &to, err) < 0)
		return -1;
	r->base_drift = r->base_drifts ? to / from - 1 : 0;
	if (msc_drift_of(p->b, p->nb, &r->new_drifts, &from, &to, err) < 0)
		return -1;
	r->new_drift = r->new_drifts ? to / from - 1 : 0;
	return 0;
}

static void judge(struct pair *p)
{
	struct msc_compare_run *r = p->r;
	double median = msc_median(p->a, p->na);
	struct msc_shift s;

	r->confidence = 1 - p->alpha;
	r->have_interval = msc_shift_of(&p->sa, &p->sb, r->confidence, p->spread, &s);
	r->shift = s.shift / median;
	r->low = s.low / median;
	r->high = s.high / median;
	r->p = msc_mann_whitney(&p->sa, &p->sb, p->spread);

	if (!r->have_interval || r->p >= p->alpha)
		r->change = MSC_CHANGE_NONE;
	else if (r->low >= p->threshold)
		r->change = MSC_CHANGE_SLOWER;
	else if (r->high <= -p->threshold)
		r->change = MSC_CHANGE_FASTER;
	if (r->change != MSC_CHANGE_NONE)
		return;
	if (!r->have_interval) {
		r->change = MSC_CHANGE_UNKNOWN;
		snprintf(r->reason, sizeof r->reason,
			 "not enough data: %zu and %zu samples allow no interval of %.4g %%", p->na,
			 p->nb, 100 * r->confidence);
	} else if (r->high - r->low > 2 * p->threshold) {
		r->change = MSC_CHANGE_UNKNOWN;
		snprintf(r->reason, sizeof r->reason,
			 "not enough data: the shift is anything from %+.1f to %+.1f %%",
			 100 * r->low, 100 * r->high);
	} else if (r->p < p->alpha && fabs(r->shift) >= p->threshold) {
		r->change = r->shift > 0 ? MSC_CHANGE_SLOWER : MSC_CHANGE_FASTER;
	}
}

static int compare_pair(struct pair *p, struct msc_err *err)
{
	struct msc_compare_run *r = p->r;

	r->base_ns = msc_median(p->a, p->na);
	r->new_ns = msc_median(p->b, p->nb);
	if (find_drift(p, err) < 0 || sort_both(p, err) < 0)
		return -1;
	r->group = choose_group(p);
	if (r->group == 0) {
		r->group = 1;
		r->change = MSC_CHANGE_UNKNOWN;
		snprintf(r->reason, sizeof r->reason,
			 "not enough data: the times lie far apart, and %zu samples are too few to "
			 "average",
			 p->na < p->nb ? p->na : p->nb);
		return 0;
	}
	if (r->group > 1) {
		p->na = average(p->a, p->na, r->group);
		p->nb = average(p->b, p->nb, r->group);
		if (sort_both(p, err) < 0)
			return -1;
	}
	if (find_memory(p, err) < 0)
		return -1;
	judge(p);
	return 0;
}

static int compare_run(struct msc_compare_run *r, double threshold, double alpha,
		       struct msc_err *err)
{
	struct pair p = { .r = r, .threshold = threshold, .alpha = alpha, .spread = 1 };
	int result = -1;

	r->group = 1;
	r->memory = 1;
	r->p = 1;
	p.na = r->base->samples;
	p.nb = r->new->samples;
	if (!p.na || !p.nb) {
		r->change = MSC_CHANGE_UNKNOWN;
		snprintf(r->reason, sizeof r->reason, "not enough data: no samples in the %s",
			 p.na ? "new one" : "base");
		return 0;
	}
	p.a = msc_bench_times(r->base, err);
	p.b = msc_bench_times(r->new, err);
	if (p.a && p.b)
		result = compare_pair(&p, err);
	msc_sorted_free(&p.sa);
	msc_sorted_free(&p.sb);
	free(p.a);
	free(p.b);
	return result;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static int match_runs(struct msc_comparison *c, const struct msc_bench *base,
		      const struct msc_bench *new, struct msc_err *err)
{
	c->run = calloc(base->n_runs + new->n_runs + 1, sizeof *c->run);
	if (!c->run)
		return msc_nomem(err);
	for (size_t i = 0; i < base->n_runs; i++)
		c->run[c->n_runs++] =
			(struct msc_compare_run){ .base = &base->run[i],
						  .new = msc_bench_find(new, &base->run[i]) };
	for (size_t i = 0; i < new->n_runs; i++)
		if (!msc_bench_find(base, &new->run[i]))
			c->run[c->n_runs++].new = &new->run[i];
	return 0;
}

int msc_compare(const struct msc_bench *base, const struct msc_bench *new,
		const struct msc_compare_options *o, struct msc_comparison *c, struct msc_err *err)
{
	double alarms = o->false_alarms > 0 ? o->false_alarms : FALSE_ALARMS;
	size_t both = 0;

	*c = (struct msc_comparison){ .threshold = o->threshold };
	if (match_runs(c, base, new, err) < 0)
		return -1;
	check_device(c, &base->device, &new->device);
	check_host(c, base, new);
	check_runs(c, base, new);
	if (c->n_different && !o->force)
		return refuse(c, err);
	for (size_t i = 0; i < c->n_runs; i++)
		both += c->run[i].base && c->run[i].new;
	if (!both)
		return msc_fail(err, MSC_E_UNDECIDED, "the two have no run in common");
	for (size_t i = 0; i < c->n_runs; i++) {
		struct msc_compare_run *r = &c->run[i];

		if (r->base &&
		    r->new &&compare_run(r, o->threshold, alarms / (double)both, err) < 0)
			return -1;
	}
	return 0;
}

void msc_comparison_free(struct msc_comparison *c)
{
	free(c->run);
	c->run = NULL;
	c->n_runs = 0;
}

enum msc_change msc_comparison_verdict(const struct msc_comparison *c)
{
	static const enum msc_change order[] = { MSC_CHANGE_SLOWER, MSC_CHANGE_UNKNOWN,
						 MSC_CHANGE_FASTER };

	for (size_t k = 0; k < MSC_COUNT(order); k++)
		for (size_t i = 0; i < c->n_runs; i++)
			if (c->run[i].base && c->run[i].new && c->run[i].change == order[k])
				return order[k];
	return MSC_CHANGE_NONE;
}
