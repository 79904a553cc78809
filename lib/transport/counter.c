/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/counter.h"

static int submit(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	struct msc_counter *c = msc_target_state(t);

	if (t->next->transport->submit(t->next, x, err) < 0)
		return -1;
	c->submitted++;
	return 0;
}

static void ended(struct msc_target *t, struct msc_xfer *x)
{
	struct msc_counter *c = msc_target_state(t);

	c->ended[x->outcome]++;
	c->bytes += x->actual;
}

static int clear_halt(struct msc_target *t, uint8_t ep, int64_t deadline_ns,
		      enum msc_outcome *outcome, struct msc_err *err)
{
	struct msc_counter *c = msc_target_state(t);

	c->cleared++;
	return t->next->transport->clear_halt(t->next, ep, deadline_ns, outcome, err);
}

static int reset(struct msc_target *t, struct msc_err *err)
{
	struct msc_counter *c = msc_target_state(t);

	c->resets++;
	return t->next->transport->reset(t->next, err);
}

const struct msc_transport msc_decorator_counter = {
	.name = "counter",
	.summary = "counts what goes through it",
	.state_size = sizeof(struct msc_counter),
	.submit = submit,
	.ended = ended,
	.clear_halt = clear_halt,
	.reset = reset,
};
