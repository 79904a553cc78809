/* SPDX-License-Identifier: BSD-2-Clause */
/* A decorator that spoils one transfer: what a bad cable or a host controller can do to mscope, and no
 * firmware can. It is told "ep=in,nth=3,as=stall". The device never sees a transfer that is spoilt, but
 * for one whose bytes are changed on their way here. */
#include <stdlib.h>
#include <string.h>

#include "transport/transport.h"

enum which { CONTROL, BULK_IN, BULK_OUT };
enum how { STALL, BABBLE, BUS_ERROR, GONE, LOST, REFUSED, FLIPPED };

struct fault {
	int which, how;
	uint32_t nth;
	uint32_t seen;		/* submissions of that kind */
	struct msc_xfer *lost;	/* under way, and will not end by itself */
	struct msc_xfer *flips; /* its data will */
};

static const char *const which_names[] = { "control", "in", "out", NULL };
static const char *const how_names[] = { "stall", "babble",  "bus-error", "gone",
					 "lost",  "refused", "flipped",   NULL };

static const struct msc_knob knobs[] = {
	{"ep", MSC_KNOB_CHOICE, offsetof(struct fault, which), "in", "whose transfers are counted",
	 .choices = which_names},
	{"nth", MSC_KNOB_U32, offsetof(struct fault, nth), "0", "the one that is spoilt; 0: none"},
	{"as", MSC_KNOB_CHOICE, offsetof(struct fault, how), "stall", "what comes of it",
	 .choices = how_names},
	{NULL},
};

static int set(struct fault *f, char *text, struct msc_err *err)
{
	char *value, *name;

	while ((value = strsep(&text, ","))) {
		const struct msc_knob *k = msc_knob_find(knobs, name = strsep(&value, "="));

		if (!k || !value)
			return msc_fail(err, MSC_E_USAGE, "'%s': expected ep=, nth= or as=", name);
		if (msc_knob_set(k, f, value, err) < 0)
			return -1;
	}
	return 0;
}

static int open_fault(struct msc_target *t, const char *rest,
		      const struct msc_open_options *options, struct msc_err *err)
{
	char *text = rest ? strdup(rest) : NULL;
	int result;

	(void)options;
	msc_knobs_init(knobs, msc_target_state(t));
	if (rest && !text)
		return msc_nomem(err);
	result = set(msc_target_state(t), text, err);
	free(text);
	return result;
}

static bool is_meant(struct fault *f, const struct msc_xfer *x)
{
	enum which which = !x->ep ? CONTROL : x->ep & MSC_EP_IN ? BULK_IN : BULK_OUT;

	return (int)which == f->which && ++f->seen == f->nth;
}

static int submit(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	static const enum msc_outcome outcomes[] = { [STALL] = MSC_OUT_STALL,
						     [BABBLE] = MSC_OUT_BABBLE,
						     [BUS_ERROR] = MSC_OUT_ERROR,
						     [GONE] = MSC_OUT_GONE,
						     [LOST] = MSC_OUT_PENDING };
	struct fault *f = msc_target_state(t);

	if (!is_meant(f, x))
		return t->next->transport->submit(t->next, x, err);
	if (f->how == REFUSED)
		return msc_fail(err, MSC_E_DEVICE, "%s: cannot start a transfer", t->device.name);
	if (f->how == FLIPPED) {
		f->flips = x;
		return t->next->transport->submit(t->next, x, err);
	}
	f->lost = f->how == LOST ? x : NULL;
	x->outcome = outcomes[f->how];
	return 0;
}

static int wait_for(struct msc_target *t, struct msc_xfer *x, int64_t deadline_ns,
		    struct msc_err *err)
{
	struct fault *f = msc_target_state(t);

	if (x != f->lost)
		return t->next->transport->wait(t->next, x, deadline_ns, err);
	msc_wait_until(t->clock, deadline_ns);
	return 0;
}

static int cancel(struct msc_target *t, struct msc_xfer *x, struct msc_err *err)
{
	struct fault *f = msc_target_state(t);

	if (x != f->lost)
		return t->next->transport->cancel(t->next, x, err);
	f->lost = NULL;
	x->outcome = MSC_OUT_CANCELLED;
	x->completed_ns = msc_now(t->clock);
	return 0;
}

static void ended(struct msc_target *t, struct msc_xfer *x)
{
	struct fault *f = msc_target_state(t);

	if (x != f->flips)
		return;
	f->flips = NULL;
	for (size_t i = 0; i < x->actual; i++)
		x->data[i] = (uint8_t)~x->data[i];
}

const struct msc_transport msc_decorator_fault = {
	.name = "fault",
	.summary = "spoils one transfer",
	.state_size = sizeof(struct fault),
	.open = open_fault,
	.submit = submit,
	.wait = wait_for,
	.cancel = cancel,
	.ended = ended,
};
