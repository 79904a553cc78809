/* SPDX-License-Identifier: BSD-2-Clause */
/* A runner without scenarios, for the sake of its scratch range. */
#include "run/guard.h"

#include <stdlib.h>

#include "run/runner.h"

struct msc_guard {
	struct msc_runner runner;
	struct msc_run_options options;
	struct msc_summary summary;
	void (*note)(void *user, const char *text);
	void *user;
	unsigned notes;
};

static void on_event(void *user, const struct msc_event *ev)
{
	struct msc_guard *g = user;

	if (ev->kind != MSC_EV_NOTE)
		return;
	g->notes++;
	g->note(g->user, ev->text);
}

static int save(struct msc_guard *g, struct msc_err *err)
{
	struct msc_runner *r = &g->runner;
	bool readable = false;

	if (!r->scratch.blocks)
		return msc_fail(err, MSC_E_UNSUPPORTED, "%s: there is no medium in unit %u",
				r->target->device.name, r->o->lun);
	if (msc_scratch_old(r, err) < 0 || msc_scratch_save(r, &readable, err) < 0)
		return -1;
	if (!readable)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s: the scratch range cannot be read, so nothing is written",
				r->target->device.name);
	return 0;
}

struct msc_guard *msc_guard_begin(struct msc_session *s, uint8_t lun,
				  void (*note)(void *user, const char *text), void *user,
				  struct msc_err *err)
{
	struct msc_guard *g = calloc(1, sizeof *g);
	int result;

	if (!g) {
		msc_nomem(err);
		return NULL;
	}
	g->note = note;
	g->user = user;
	g->options = (struct msc_run_options){
		.allow_writes = true, .lun = lun, .event = on_event, .user = g
	};
	g->runner = (struct msc_runner){ .target = msc_session_target(s),
					 .session = s,
					 .o = &g->options,
					 .summary = &g->summary,
					 .unit = *msc_session_unit(s, lun) };
	msc_scratch_choose(&g->runner.scratch, &g->runner.unit);
	result = save(g, err);
	g->runner.scratch.dirty = true;
	msc_session_set_record(s, NULL, NULL); /* the runner's own would judge what follows */
	msc_session_forget(s);
	if (result < 0) {
		msc_guard_end(g);
		return NULL;
	}
	return g;
}

uint64_t msc_guard_first(const struct msc_guard *g)
{
	return g->runner.scratch.first;
}

uint32_t msc_guard_blocks(const struct msc_guard *g)
{
	return g->runner.scratch.blocks;
}

const uint8_t *msc_guard_data(const struct msc_guard *g)
{
	return g->runner.scratch.data;
}

bool msc_guard_end(struct msc_guard *g)
{
	unsigned before;
	bool good;

	if (!g)
		return true;
	before = g->notes;
	msc_scratch_finish(&g->runner);
	msc_session_set_record(g->runner.session, NULL, NULL);
	good = g->notes == before;
	free(g);
	return good;
}
