/* SPDX-License-Identifier: BSD-2-Clause */
/* The real clock: the only file that asks the operating system for the time. */
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * MSC_S + ts.tv_nsec;
}

static int64_t real_now(struct msc_clock *c)
{
	return read_clock(CLOCK_MONOTONIC) - ((struct msc_real_clock *)c)->began_ns;
}

static void real_wait_until(struct msc_clock *c, int64_t when_ns)
{
	int64_t at = when_ns + ((struct msc_real_clock *)c)->began_ns;
	struct timespec ts = { .tv_sec = at / MSC_S, .tv_nsec = at % MSC_S };

	/* A signal ends the wait early: its handler has set a flag that the caller looks at. */
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static const struct msc_clock_ops real_ops = {
	.name = "real",
	.now = real_now,
	.wait_until = real_wait_until,
};

void msc_real_clock_init(struct msc_real_clock *c)
{
	c->clock.ops = &real_ops;
	c->began_ns = read_clock(CLOCK_MONOTONIC);
}

int64_t msc_cpu_time_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int msc_today(int *day, struct msc_err *err)
{
	const char *fixed = getenv("SOURCE_DATE_EPOCH");
	time_t now = (time_t)(read_clock(CLOCK_REALTIME) / MSC_S);
	struct tm tm;
	char *end;

	if (fixed) {
		errno = 0;
		now = (time_t)strtoll(fixed, &end, 10);
		if (errno || end == fixed || *end || now < 0)
			return msc_fail(
				err, MSC_E_USAGE,
				"SOURCE_DATE_EPOCH: expected seconds since 1970, found '%s'",
				fixed);
	}
	if (!gmtime_r(&now, &tm) || tm.tm_year > 9999 - 1900)
		return msc_fail(err, MSC_E_USAGE, "the date is beyond the year 9999");
	*day = ((tm.tm_year + 1900) * 100 + tm.tm_mon + 1) * 100 + tm.tm_mday;
	return 0;
}
