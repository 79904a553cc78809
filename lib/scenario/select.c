/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rest of the program may ask of a scenario, and which patterns choose it. */
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "scenario/plan.h"

const char *msc_scenario_name(const struct msc_scenario *s)
{
	return s->name;
}

const char *msc_scenario_title(const struct msc_scenario *s)
{
	return s->title;
}

const char *msc_scenario_path(const struct msc_scenario *s)
{
	return s->path;
}

const char *const *msc_scenario_spec(const struct msc_scenario *s)
{
	return s->spec;
}

const char *const *msc_scenario_tags(const struct msc_scenario *s)
{
	return s->tags;
}

bool msc_scenario_writes(const struct msc_scenario *s)
{
	return s->writes;
}

bool msc_scenario_matches(const struct msc_scenario *s, const char *pattern)
{
	if (fnmatch(pattern, s->name, 0) == 0)
		return true;
	for (const char **tag = s->tags; *tag; tag++)
		if (fnmatch(pattern, *tag, FNM_CASEFOLD) == 0)
			return true;
	for (const char **spec = s->spec; *spec; spec++)
		if (strcasecmp(pattern, *spec) == 0)
			return true;
	return false;
}

static bool command_writes(const struct msc_plan_command *c)
{
	uint8_t cdb[MSC_CBW_CB_MAX] = { 0 };
	size_t len = c->def ? c->def->length : c->raw_len;
	static const struct msc_env none;
	struct msc_err ignored = MSC_ERR_INIT;

	if (c->def)
		msc_cdb_begin(c->def, cdb);
	else
		memcpy(cdb, c->raw, sizeof cdb);
	for (size_t i = 0; c->def && c->def->fields[i].name; i++) {
		int64_t v = 0;

		/* What is not constant cannot be known yet: then the worst is assumed below. */
		if (c->field[i].count && c->field[i].constant &&
		    msc_expr_value(&c->field[i], &none, &v, &ignored) == 0 &&
		    msc_cdb_set(c->def, cdb, &c->def->fields[i], (uint64_t)v, &ignored) < 0)
			return true;
	}
	for (size_t i = 0; i < c->n_patch; i++) {
		int64_t v = 0;

		if (!c->patch[i].value.constant ||
		    msc_expr_value(&c->patch[i].value, &none, &v, &ignored) < 0)
			return true;
		cdb[c->patch[i].byte] = (uint8_t)v;
	}
	return msc_cdb_may_write(cdb, len);
}

/* Bytes put on bulk-out as they are: every place where a CBW could begin. */
static bool wrapper_writes(const struct msc_bytes *b)
{
	for (size_t i = 0; i + MSC_CBW_LEN <= b->len; i++)
		if (msc_get_le32(b->data + i) == MSC_CBW_SIGNATURE &&
		    msc_cdb_may_write(b->data + i + MSC_CBW_HEADER_LEN, MSC_CBW_CB_MAX))
			return true;
	return false;
}

/* Vendor requests, and class requests other than those of BOT, may do anything when they send. */
static bool control_writes(const struct msc_plan_control *c)
{
	static const struct msc_env none;
	struct msc_err ignored = MSC_ERR_INIT;
	int64_t type = 0;

	if (msc_expr_value(&c->type, &none, &type, &ignored) < 0)
		return true;
	return !(type & MSC_REQTYPE_IN) && (type & MSC_REQTYPE_TYPE) != MSC_REQTYPE_STANDARD &&
	       !msc_expr_is(&c->request, MSC_REQ_BULK_ONLY_RESET);
}

bool msc_plan_writes(const struct msc_plan_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct msc_plan_step *s = &steps[i];

		if ((s->what == MSC_DO_COMMAND && command_writes(&s->u.command)) ||
		    (s->what == MSC_DO_WRAPPER && wrapper_writes(&s->u.wrapper)) ||
		    (s->what == MSC_DO_POLL && wrapper_writes(&s->u.poll.data)) ||
		    (s->what == MSC_DO_CONTROL && control_writes(&s->u.control)) ||
		    (s->what == MSC_DO_LOOP && msc_plan_writes(s->u.loop.steps, s->u.loop.n_steps)))
			return true;
	}
	return false;
}
