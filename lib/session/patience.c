/* SPDX-License-Identifier: BSD-2-Clause */
/* How long an answer is waited for: as long as hosts do, and less of a device that has been shown to hang, though no
 * shorter than it was seen to need for an answer that came. */
#include "session/engine.h"

#define SLOWER	   2   /* times the slowest that was seen, before it counts as hung */
#define PACE_LEAST 512 /* bytes of data, to tell how long each takes */

/* No shorter than a time in which the device has been seen to answer. */
static void shorten(struct msc_session *s, int64_t timeout_ns)
{
	if (timeout_ns < SLOWER * s->slowest_ns)
		timeout_ns = SLOWER * s->slowest_ns;
	if (s->o.timeout_ns > timeout_ns)
		s->o.timeout_ns = timeout_ns;
}

int64_t msc_session_timeout(const struct msc_session *s)
{
	return s->o.timeout_ns;
}

bool msc_session_has_hung(const struct msc_session *s)
{
	return s->hangs > 0;
}

bool msc_session_is_hasty(const struct msc_session *s)
{
	return s->o.hangs_max && s->hangs >= s->o.hangs_max;
}

void msc_engine_hung(struct msc_session *s)
{
	s->hangs++;
	if (s->patient)
		shorten(s, MSC_HUNG_ONCE_NS);
	if (s->hangs == s->o.hangs_max)
		shorten(s, MSC_HASTY_NS);
}

/* What it did in time it may need again: a phase, and a byte of data in a long one. */
static void learn_pace(struct msc_session *s, const struct msc_exchange *x)
{
	for (size_t i = 0; i < x->n_steps; i++) {
		const struct msc_step *step = &x->steps[i];
		int64_t ns = step->completed_ns - step->submitted_ns;

		if (step->outcome != MSC_OUT_DONE)
			continue;
		if (step->kind == MSC_STEP_DATA && step->actual >= PACE_LEAST) {
			int64_t byte_ns = ns / (int64_t)step->actual;

			if (byte_ns > s->byte_ns)
				s->byte_ns = byte_ns;
		} else if (ns > s->slowest_ns) {
			s->slowest_ns = ns;
		}
	}
}

void msc_engine_count_hang(struct msc_session *s, const struct msc_exchange *x, int64_t timeout_ns)
{
	learn_pace(s, x);
	/* A device may wait for what the host has promised and not sent. */
	if (timeout_ns != s->o.timeout_ns || !msc_exchange_is_valid(x) || !msc_host_sent_all(x))
		return;
	if (x->whole && x->outcome == MSC_OUT_TIMEOUT)
		msc_engine_hung(s);
	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].outcome == MSC_OUT_TIMEOUT) {
			msc_engine_hung(s);
			return;
		}
}

int64_t msc_engine_data_ns(const struct msc_session *s, int64_t timeout_ns, size_t len)
{
	int64_t slow_ns = (int64_t)len * MSC_BYTE_NS;
	int64_t needs_ns =
		SLOWER * (int64_t)len * s->byte_ns; /* at the slowest pace that was seen */

	if (msc_session_is_hasty(s) && slow_ns > timeout_ns)
		slow_ns = timeout_ns;
	if (needs_ns > MSC_TIMEOUT_NS)
		needs_ns = MSC_TIMEOUT_NS;
	return timeout_ns + (s->hangs && s->patient && needs_ns > slow_ns ? needs_ns : slow_ns);
}
