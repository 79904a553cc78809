/* SPDX-License-Identifier: BSD-2-Clause */
/* One clock for virtual and real time. All times are int64_t nanoseconds since the clock began;
 * deadlines are absolute. Nothing outside clock.c asks the operating system for the time. */
#ifndef MSC_BASE_CLOCK_H
#define MSC_BASE_CLOCK_H

#include <stdint.h>

#include "base/err.h"

#define MSC_US	  INT64_C(1000)
#define MSC_MS	  INT64_C(1000000)
#define MSC_S	  INT64_C(1000000000)
#define MSC_NEVER INT64_MAX

/* Of a wait in real time: how long Ctrl-C may go unnoticed. */
#define MSC_SLICE_NS (100 * MSC_MS)

struct msc_clock {
	const struct msc_clock_ops *ops;
};

struct msc_clock_ops {
	const char *name; /* "real" or "virtual" */
	int64_t (*now)(struct msc_clock *);
	void (*wait_until)(struct msc_clock *, int64_t when_ns);
};

static inline int64_t msc_now(struct msc_clock *c)
{
	return c->ops->now(c);
}

static inline void msc_wait_until(struct msc_clock *c, int64_t when_ns)
{
	c->ops->wait_until(c, when_ns);
}

/* CLOCK_MONOTONIC, counted from the call: one per target, because a clock has a beginning. */
struct msc_real_clock {
	struct msc_clock clock;
	int64_t began_ns;
};
void msc_real_clock_init(struct msc_real_clock *);

/* The day, in UTC, as 20270131: that of SOURCE_DATE_EPOCH (seconds since 1970) where it is set, so that what
 * depends on the day can be repeated. MSC_E_USAGE: what it is set to is no such number. */
int msc_today(int *day, struct msc_err *) MSC_MUST_CHECK;

/* Nanoseconds of CPU time that this process has used. */
int64_t msc_cpu_time_ns(void);

#endif
