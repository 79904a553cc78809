/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts a decorator around a target. What the decorator leaves out is filled in with functions that
 * pass the call on, so that whoever is outside finds one complete transport. */
#include <stdlib.h>

#include "transport/transport.h"

#define DECORATOR(name) &msc_decorator_##name,
const struct msc_transport *const msc_decorators[] = {
#include "transport/decorator.list"
};
#undef DECORATOR
const size_t msc_decorator_count = MSC_COUNT(msc_decorators);

static int pass_submit(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	return t->next->transport->submit(t->next, x, err);
}

static int pass_wait(struct msc_target *t, struct msc_xfer *x, int64_t deadline_ns,
		     struct msc_err *err)
{
	return t->next->transport->wait(t->next, x, deadline_ns, err);
}

static int pass_cancel(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	return t->next->transport->cancel(t->next, x, err);
}

static int pass_clear_halt(struct msc_target *t, uint8_t ep, int64_t deadline_ns,
			   enum msc_outcome *outcome, struct msc_err *err)
{
	return t->next->transport->clear_halt(t->next, ep, deadline_ns, outcome, err);
}

static int pass_reset(struct msc_target *t, struct msc_err *err)
{
	return t->next->transport->reset(t->next, err);
}

static int pass_command(struct msc_target *t, struct msc_command *c, int64_t timeout_ns,
			struct msc_err *err)
{
	return t->next->transport->command(t->next, c, timeout_ns, err);
}

static int pass_configure(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	return t->next->transport->configure(t->next, outcome, err);
}

static int pass_may_configure(struct msc_target *t, struct msc_err *err)
{
	return t->next->transport->may_configure(t->next, err);
}

static int pass_set_interface(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	return t->next->transport->set_interface(t->next, outcome, err);
}

static int pass_suspend(struct msc_target *t, int64_t ns, bool resume, struct msc_suspended *how,
			struct msc_err *err)
{
	return t->next->transport->suspend(t->next, ns, resume, how, err);
}

static int pass_power_cycle(struct msc_target *t, int64_t off_ns, struct msc_err *err)
{
	return t->next->transport->power_cycle(t->next, off_ns, err);
}

static int pass_rejoin(struct msc_target *t, struct msc_err *err)
{
	return t->next->transport->rejoin(t->next, err);
}

static uint8_t *pass_lend(struct msc_target *t, size_t len)
{
	return t->next->transport->lend(t->next, len);
}

static void pass_unlend(struct msc_target *t, uint8_t *p)
{
	t->next->transport->unlend(t->next, p);
}

static int pass_mounted(struct msc_target *t, struct msc_err *err)
{
	return t->next->transport->mounted(t->next, err);
}

static double pass_cpu_load(struct msc_target *t)
{
	return t->next->transport->cpu_load(t->next);
}

static void pass_shift_tick(struct msc_target *t, double share)
{
	t->next->transport->shift_tick(t->next, share);
}

static bool pass_remark(struct msc_target *t, char *buf, size_t size, bool *died)
{
	return t->next->transport->remark(t->next, buf, size, died);
}

/* What the wrapped one cannot do, its decorator cannot do either. */
#define PASS(name)                                                                                 \
	do {                                                                                       \
		if (!next->name || !whole->name)                                                   \
			whole->name = next->name ? pass_##name : NULL;                             \
	} while (0)

static void complete(struct msc_transport *whole, const struct msc_transport *next)
{
	PASS(submit);
	PASS(wait);
	PASS(cancel);
	PASS(clear_halt);
	PASS(reset);
	PASS(command);
	PASS(configure);
	PASS(may_configure);
	PASS(set_interface);
	PASS(suspend);
	PASS(power_cycle);
	PASS(rejoin);
	PASS(lend);
	PASS(unlend);
	PASS(mounted);
	PASS(cpu_load);
	PASS(shift_tick);
	PASS(remark);
}

struct msc_target *msc_target_wrap(struct msc_target *next, const struct msc_transport *decorator,
				   const char *rest, struct msc_err *err)
{
	const struct msc_open_options options = { .allow_writes = next->allow_writes,
						  .any_interface = next->any_interface,
						  .replug = next->replug,
						  .log = next->log,
						  .stop = next->stop,
						  .stop_user = next->stop_user };
	struct msc_target *t = malloc(sizeof *t);
	void *state = calloc(1, decorator->state_size ? decorator->state_size : 1);

	if (!t || !state) {
		msc_nomem(err);
		goto fail;
	}
	*t = *next;
	t->next = next;
	t->state = state;
	t->whole = *decorator;
	complete(&t->whole, next->transport);
	t->transport = &t->whole;
	if (!decorator->open || decorator->open(t, rest, &options, err) == 0)
		return t;
fail:
	free(state);
	free(t);
	return NULL;
}
