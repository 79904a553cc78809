/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps: a list whose entries are a word, or a map whose first key says what the step does. */
#include "scenario/load.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 200 /* of one list */

static const char *const endpoint_words[] = { "out", "in", NULL };

static int sense(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{"sense", msc_load_senses, 0, 0, 0, NULL, true},
		{0},
	};

	out->what = MSC_DO_SENSE;
	return msc_load_map(l, step, "a sense step", keys, &out->u.sense);
}

static int wrapper(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{"wrapper", msc_load_bytes, 0, 0, 1024, NULL, true},
		{0},
	};

	out->what = MSC_DO_WRAPPER;
	return msc_load_map(l, step, "a wrapper step", keys, &out->u.wrapper);
}

static int poll_fields(struct msc_loader *l, const struct msc_yaml *n, void *into,
		       const struct msc_key *k)
{
	static const struct msc_key keys[] = {
		{ "endpoint", msc_load_word, offsetof(struct msc_plan_poll, in), 0, 0,
		  endpoint_words, true },
		{ "length", msc_load_expr, offsetof(struct msc_plan_poll, length), 0, 1 << 20, NULL,
		  false },
		{ "data", msc_load_bytes, offsetof(struct msc_plan_poll, data), 0, 1024, NULL,
		  false },
		{ "time", msc_load_duration, offsetof(struct msc_plan_poll, time_ns), 0, 0, NULL,
		  false },
		{ "expect", msc_load_expect_poll, offsetof(struct msc_plan_poll, expect), 0, 0,
		  NULL, false },
		{ 0 },
	};

	struct msc_plan_poll *p = into;

	(void)k;
	if (msc_load_map(l, n, "'poll'", keys, p) < 0)
		return -1;
	if (p->data.data && p->in)
		return msc_load_expected(l, n, "'data' only for the endpoint out");
	return p->data.data ? msc_expr_number(l, (int64_t)p->data.len, &p->length) : 0;
}

static int poll_step(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{"poll", poll_fields, 0, 0, 0, NULL, true},
		{0},
	};

	struct msc_plan_poll *p = &out->u.poll;

	out->what = MSC_DO_POLL;
	p->time_ns = -1;
	if (msc_expr_number(l, 512, &p->length) < 0 ||
	    msc_load_map(l, step, "a poll step", keys, p) < 0)
		return -1;
	/* What must end is waited for as long as any answer: NAK has no limit. */
	if (p->time_ns < 0)
		p->time_ns = p->expect.outcome && !(p->expect.outcome & 1 << MSC_OUT_TIMEOUT)
				     ? 0
				     : 20 * MSC_MS;
	return 0;
}

static int clear_halt(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{"clear_halt", msc_load_word, 0, 0, 0, endpoint_words, true},
		{0},
	};

	out->what = MSC_DO_CLEAR_HALT;
	return msc_load_map(l, step, "a clear_halt step", keys, &out->u.in);
}

static int wait_step(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{"wait", msc_load_duration, 0, 0, 0, NULL, true},
		{0},
	};

	out->what = MSC_DO_WAIT;
	return msc_load_map(l, step, "a wait step", keys, &out->u.wait_ns);
}

static int suspend_step(struct msc_loader *l, const struct msc_yaml *step,
			struct msc_plan_step *out)
{
	static const char *const ends[] = { "resume", "reset", NULL };
	static const struct msc_key keys[] = {
		{"suspend", msc_load_duration, offsetof(struct msc_plan_suspend, ns), 0, 0, NULL,
		 true},
		{"end", msc_load_word, offsetof(struct msc_plan_suspend, by_reset), 0, 0, ends,
		 false},
		{0},
	};

	out->what = MSC_DO_SUSPEND;
	return msc_load_map(l, step, "a suspend step", keys, &out->u.suspend);
}

static const struct {
	const char *name;
	msc_step_fn *load; /* NULL: a word alone */
	enum msc_do what; /* of those */
} kinds[] = {
	{"command", msc_load_command, 0},
	{"sense", sense, 0},
	{"ready", NULL, MSC_DO_READY},
	{"wrapper", wrapper, 0},
	{"enumerate", NULL, MSC_DO_ENUMERATE},
	{"prelude", NULL, MSC_DO_PRELUDE},
	{"configure", NULL, MSC_DO_CONFIGURE},
	{"set_interface", NULL, MSC_DO_SET_INTERFACE},
	{"poll", poll_step, 0},
	{"clear_halt", clear_halt, 0},
	{"reset_recovery", NULL, MSC_DO_RESET_RECOVERY},
	{"port_reset", NULL, MSC_DO_PORT_RESET},
	{"power_cycle", NULL, MSC_DO_POWER_CYCLE},
	{"settle", NULL, MSC_DO_SETTLE},
	{"wait", wait_step, 0},
	{"suspend", suspend_step, 0},
	{"repeat", msc_load_repeat, 0},
	{"for", msc_load_for, 0},
	{"if", msc_load_if, 0},
	{"let", msc_load_let, 0},
	{"skip_unless", msc_load_skip_unless, 0},
	{"phase", msc_load_phase, 0},
	{"live", msc_load_live, 0},
	{"check", msc_load_check, 0},
	/* Read by load_control.c; here for the nearest name. */
	{"control", NULL, MSC_DO_CONTROL},
	{"get_max_lun", NULL, MSC_DO_CONTROL},
	{"bulk_only_reset", NULL, MSC_DO_CONTROL},
	{"get_descriptor", NULL, MSC_DO_CONTROL},
	{"get_status", NULL, MSC_DO_CONTROL},
	{"set_halt", NULL, MSC_DO_CONTROL},
	{"set_configuration", NULL, MSC_DO_CONTROL},
	{NULL, NULL, 0},
};

static int control_step(struct msc_loader *l, const struct msc_yaml *n, struct msc_plan_step *out,
			bool *known)
{
	if (msc_load_control(l, n, out, known) < 0)
		return -1;
	if (*known && n->key && n->next)
		return msc_load_expected(l, n->next->key, "one key in this step");
	return 0;
}

static int load_step(struct msc_loader *l, const struct msc_yaml *n, struct msc_plan_step *out)
{
	const struct msc_yaml *first = n->kind == MSC_YAML_MAP ? n->child : n;
	const struct msc_yaml *name;
	bool known;
	size_t i = 0;

	out->line = n->line;
	if (n->kind == MSC_YAML_LIST || !first)
		return msc_load_expected(l, n, "a step");
	name = first->key && n->kind == MSC_YAML_MAP ? first->key : first;
	if (control_step(l, first, out, &known) < 0)
		return -1;
	if (known)
		return 0;
	while (kinds[i].name && strcmp(kinds[i].name, name->text) != 0)
		i++;
	if (!kinds[i].name)
		return msc_load_unknown(l, name, "a step", &kinds[0].name, sizeof kinds[0],
					SIZE_MAX);
	if (kinds[i].load)
		return kinds[i].load(l, n, out);
	if (n->kind == MSC_YAML_MAP)
		return msc_load_expected(l, n, "the word %s alone", kinds[i].name);
	out->what = kinds[i].what;
	return 0;
}

int msc_load_steps(struct msc_loader *l, const struct msc_yaml *list, struct msc_plan_step **steps,
		   size_t *count)
{
	size_t n = msc_load_count(list);

	if (list->kind != MSC_YAML_LIST || !n || n > STEPS_MAX)
		return msc_load_expected(l, list, "a list of 1 to %d steps", STEPS_MAX);
	*steps = msc_load_get(l, n * sizeof **steps);
	if (!*steps)
		return -1;
	for (const struct msc_yaml *one = list->child; one; one = one->next)
		if (load_step(l, one, &(*steps)[(*count)++]) < 0)
			return -1;
	return 0;
}
