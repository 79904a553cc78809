/* SPDX-License-Identifier: BSD-2-Clause */
/* Compares two benches run by run. What must be equal for a
 * comparison to mean anything is checked first, and a verdict is never given without enough data. */
#include "timing/compare.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A bench that was stopped, or whose device failed, has measured less than it set out to, and what it
 * has may be of a device that was about to fail. */
static void check_whole(struct msc_comparison *c, const struct msc_bench *b, const char *which)
{
	if (*b->failure)
		different(c, "the %s is not whole: %.140s", which, b->failure);
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

void msc_compare_conditions(const struct msc_bench *base, const struct msc_bench *new, char *why,
			    size_t size)
{
	struct msc_comparison c = { .n_runs = 0 };

	check_whole(&c, new, "bench");
	check_device(&c, &base->device, &new->device);
	check_host(&c, base, new);
	snprintf(why, size, "%s", c.n_different ? c.different[0] : "");
}

/* ---- the whole --------------------------------------------------------------------------------- */

static int compare_run(struct msc_compare_run *r, double threshold, double alpha,
		       struct msc_err *err)
{
	double *base = msc_bench_times(r->base, err);
	double *later = base ? msc_bench_times(r->new, err) : NULL;
	int result = -1;

	if (later)
		result = msc_change_of(base, r->base->samples, later, r->new->samples, threshold,
				       alpha, &r->is, err);
	free(base);
	free(later);
	return result;
}

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
	double alarms = o->false_alarms > 0 ? o->false_alarms : MSC_FALSE_ALARMS;
	size_t both = 0;

	*c = (struct msc_comparison){ .threshold = o->threshold };
	if (match_runs(c, base, new, err) < 0)
		return -1;
	check_whole(c, base, "base");
	check_whole(c, new, "new one");
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

		if (!r->base || !r->new)
			continue;
		if (compare_run(r, o->threshold, alarms / (double)both, err) < 0)
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

uint32_t msc_comparison_needed(const struct msc_comparison *c)
{
	uint32_t most = 0;

	for (size_t i = 0; i < c->n_runs; i++) {
		const struct msc_changed *is = &c->run[i].is;

		if (!c->run[i].base || !c->run[i].new || is->change != MSC_CHANGE_UNKNOWN)
			continue;
		if (!is->needed)
			return 0;
		most = is->needed > most ? is->needed : most;
	}
	return most;
}

enum msc_change msc_change_worst(const bool there[MSC_CHANGE_UNKNOWN + 1])
{
	static const enum msc_change order[] = { MSC_CHANGE_SLOWER, MSC_CHANGE_UNKNOWN,
						 MSC_CHANGE_FASTER };

	for (size_t k = 0; k < MSC_COUNT(order); k++)
		if (there[order[k]])
			return order[k];
	return MSC_CHANGE_NONE;
}

enum msc_change msc_comparison_verdict(const struct msc_comparison *c)
{
	bool there[MSC_CHANGE_UNKNOWN + 1] = { false };

	for (size_t i = 0; i < c->n_runs; i++)
		if (c->run[i].base && c->run[i].new)
			there[c->run[i].is.change] = true;
	return msc_change_worst(there);
}
