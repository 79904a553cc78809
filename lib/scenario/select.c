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

const char *msc_scenario_evidence(const struct msc_scenario *s)
{
	for (const char **tag = s->tags; *tag; tag++)
		if (!strncmp(*tag, "TD", 2))
			return msc_evidence_names[s->evidence];
	return NULL;
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

/* FORMAT UNIT, REASSIGN BLOCKS, ERASE, WRITE SAME, UNMAP, SANITIZE, WRITE LONG. */
bool msc_plan_is_undoable(uint8_t opcode)
{
	static const uint8_t forbidden[] = { 0x04, 0x07, 0x19, 0x2c, 0x3f, 0x41,
					     0x42, 0x48, 0x93, 0x9f, 0xac };

	return memchr(forbidden, opcode, sizeof forbidden);
}

/* The value, if it follows from what is known when a file is loaded. */
static bool known(const struct msc_expr *e, const struct msc_env *env, int64_t *v)
{
	struct msc_err ignored = MSC_ERR_INIT;

	return e->count && msc_expr_is_known(e, env) && msc_expr_value(e, env, v, &ignored) == 0;
}

/* The command block as far as it is known; false: not far enough to say anything. */
static bool build(const struct msc_plan_command *c, const struct msc_env *env,
		  uint8_t cdb[MSC_CBW_CB_MAX])
{
	struct msc_err ignored = MSC_ERR_INIT;
	int64_t v;

	memset(cdb, 0, MSC_CBW_CB_MAX);
	if (c->def)
		msc_cdb_begin(c->def, cdb);
	else
		memcpy(cdb, c->raw, MSC_CBW_CB_MAX);
	/* A field that is not known stays 0; only those of START STOP UNIT say whether it writes. */
	for (size_t i = 0; c->def && c->def->fields[i].name; i++) {
		if (known(&c->field[i], env, &v) &&
		    msc_cdb_set(c->def, cdb, &c->def->fields[i], (uint64_t)v, &ignored) < 0)
			return false;
		if (c->field[i].count && !known(&c->field[i], env, &v) &&
		    c->def->opcode == MSC_OP_START_STOP_UNIT)
			return false;
	}
	for (size_t i = 0; i < c->n_patch; i++) {
		if (!known(&c->patch[i].value, env, &v))
			return false;
		cdb[c->patch[i].byte] = (uint8_t)v;
	}
	return true;
}

static bool command_writes(const struct msc_plan_command *c, const struct msc_env *env)
{
	uint8_t cdb[MSC_CBW_CB_MAX];

	return !build(c, env, cdb) || msc_cdb_may_write(cdb, c->def ? c->def->length : c->raw_len);
}

/* LOEJ without START. */
static bool command_ejects(const struct msc_plan_command *c, const struct msc_env *env)
{
	uint8_t cdb[MSC_CBW_CB_MAX];

	if (!build(c, env, cdb))
		return !c->def || c->def->opcode == MSC_OP_START_STOP_UNIT;
	return cdb[0] == MSC_OP_START_STOP_UNIT && (cdb[4] & 0x03) == 0x02;
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

static bool step_writes(const struct msc_plan_step *s, const struct msc_env *env)
{
	switch (s->what) {
	case MSC_DO_COMMAND: return command_writes(&s->u.command, env);
	case MSC_DO_WRAPPER: return wrapper_writes(&s->u.wrapper);
	case MSC_DO_POLL: return wrapper_writes(&s->u.poll.data);
	case MSC_DO_CONTROL: return control_writes(&s->u.control);
	default: return false;
	}
}

static bool step_ejects(const struct msc_plan_step *s, const struct msc_env *env)
{
	return s->what == MSC_DO_COMMAND && command_ejects(&s->u.command, env);
}

typedef bool step_fn(const struct msc_plan_step *, const struct msc_env *);

static bool any(const struct msc_plan_step *steps, size_t n, struct msc_env *env, step_fn *is);

/* Once for each value that the loop's name takes, if these are known. */
static bool any_turn(const struct msc_plan_loop *l, struct msc_env *env, step_fn *is)
{
	uint32_t bit = l->values.count ? 1u << l->slot : 0;
	bool found = false;

	for (size_t i = 0; !found && i < l->values.count; i++) {
		if (!known(&l->values.list[i], env, &env->var[l->slot]))
			break;
		env->known |= bit;
		found = any(l->steps, l->n_steps, env, is);
		env->known &= ~bit;
		if (i + 1 == l->values.count)
			return found;
	}
	return found || any(l->steps, l->n_steps, env, is);
}

static bool any(const struct msc_plan_step *steps, size_t n, struct msc_env *env, step_fn *is)
{
	for (size_t i = 0; i < n; i++) {
		const struct msc_plan_step *s = &steps[i];
		bool inner = s->what == MSC_DO_LOOP || s->what == MSC_DO_IF;

		if (inner ? any_turn(&s->u.loop, env, is) : is(s, env))
			return true;
	}
	return false;
}

bool msc_plan_writes(const struct msc_plan_step *steps, size_t n)
{
	struct msc_env env = { 0 };

	return any(steps, n, &env, step_writes);
}

bool msc_plan_ejects(const struct msc_plan_step *steps, size_t n)
{
	struct msc_env env = { 0 };

	return any(steps, n, &env, step_ejects);
}
