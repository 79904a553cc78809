/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rest of the program may ask of a scenario, and which patterns choose it. */
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "scenario/plan.h"
#include "session/gate.h"

const char *const msc_evidence_names[] = { "confirmed", "reconstructed", NULL };

const char *msc_scenario_name(const struct msc_scenario *s)
{
	return s->name;
}

struct msc_scenario *msc_scenarios_find(const struct msc_scenarios *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (!strcmp(all->list[i]->name, name))
			return all->list[i];
	return NULL;
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

bool msc_scenario_is_for(const struct msc_scenario *s, uint16_t vendor, uint16_t product)
{
	return !s->vendor || (s->vendor == vendor && s->product == product);
}

bool msc_scenario_writes(const struct msc_scenario *s)
{
	return s->writes;
}

bool msc_scenario_is_unsafe(const struct msc_scenario *s)
{
	return s->unsafe;
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

static enum msc_effect command_effect(const struct msc_plan_command *c, const struct msc_env *env)
{
	uint8_t cdb[MSC_CBW_CB_MAX];

	if (!build(c, env, cdb))
		return MSC_EFFECT_STATE; /* it is known when it is sent */
	/* All sixteen bytes are on the wire. */
	return msc_cdb_effect(cdb, sizeof cdb, &msc_any_disk, NULL);
}

/* LOEJ without START. */
static bool command_ejects(const struct msc_plan_command *c, const struct msc_env *env)
{
	uint8_t cdb[MSC_CBW_CB_MAX];

	if (!build(c, env, cdb))
		return !c->def || c->def->opcode == MSC_OP_START_STOP_UNIT;
	return cdb[0] == MSC_OP_START_STOP_UNIT && (cdb[4] & 0x03) == 0x02;
}

static enum msc_effect control_effect(const struct msc_plan_control *c)
{
	static const struct msc_env none;
	struct msc_err ignored = MSC_ERR_INIT;
	int64_t type = 0, request = 0, value = 0;

	if (msc_expr_value(&c->type, &none, &type, &ignored) < 0 ||
	    msc_expr_value(&c->request, &none, &request, &ignored) < 0)
		return MSC_EFFECT_STATE;
	if (c->value.count && msc_expr_value(&c->value, &none, &value, &ignored) < 0)
		value = 0;
	return msc_gate_request_effect(&(struct msc_setup){ .request_type = (uint8_t)type,
							    .request = (uint8_t)request,
							    .value = (uint16_t)value },
				       NULL);
}

static enum msc_effect step_effect(const struct msc_plan_step *s, const struct msc_env *env)
{
	switch (s->what) {
	case MSC_DO_COMMAND: return command_effect(&s->u.command, env);
	case MSC_DO_WRAPPER:
		return msc_gate_bytes_effect(s->u.wrapper.data, s->u.wrapper.len, NULL);
	case MSC_DO_POLL:
		return msc_gate_bytes_effect(s->u.poll.data.data, s->u.poll.data.len, NULL);
	case MSC_DO_CONTROL: return control_effect(&s->u.control);
	case MSC_DO_LIVE: return MSC_EFFECT_BLOCKS;
	default: return MSC_EFFECT_NONE;
	}
}

static bool step_writes(const struct msc_plan_step *s, const struct msc_env *env)
{
	return step_effect(s, env) != MSC_EFFECT_NONE;
}

static bool step_is_unsafe(const struct msc_plan_step *s, const struct msc_env *env)
{
	return step_effect(s, env) == MSC_EFFECT_UNSAFE;
}

static bool step_ejects(const struct msc_plan_step *s, const struct msc_env *env)
{
	return s->what == MSC_DO_COMMAND && command_ejects(&s->u.command, env);
}

/* The length and the direction of raw bytes are how they are described; of a command by name they are a
 * lie. */
static bool lies(const struct msc_plan_command *c)
{
	const struct msc_cbw_changes *w = &c->cbw;

	if (c->def && (w->length.count || w->direction >= 0 || w->cb_length.count))
		return true;
	return w->signature.count || w->tag.count || w->flags.count || w->lun.count ||
	       w->fill.count || w->wrapper_length.count || c->send.count || c->split.count ||
	       c->take.count || c->leave || c->early || c->clear_after_ns ||
	       c->data_aside.n_steps || c->status_aside.n_steps;
}

static bool step_needs_endpoints(const struct msc_plan_step *s, const struct msc_env *env)
{
	(void)env;
	switch (s->what) {
	case MSC_DO_COMMAND:
		return lies(&s->u.command) ||
		       s->u.command.expect.status == 1u << MSC_CSW_PHASE_ERROR;
	case MSC_DO_WRAPPER:
	case MSC_DO_CONTROL:
	case MSC_DO_ENUMERATE:
	case MSC_DO_CONFIGURE:
	case MSC_DO_SET_INTERFACE:
	case MSC_DO_SUSPEND:
	case MSC_DO_POLL:
	case MSC_DO_CLEAR_HALT:
	case MSC_DO_RESET_RECOVERY:
	case MSC_DO_PORT_RESET:
	case MSC_DO_POWER_CYCLE: return true;
	case MSC_DO_SENSE:
	case MSC_DO_READY:
	case MSC_DO_PRELUDE:
	case MSC_DO_SETTLE:
	case MSC_DO_WAIT:
	case MSC_DO_LOOP:
	case MSC_DO_IF:
	case MSC_DO_LET:
	case MSC_DO_SKIP_UNLESS:
	case MSC_DO_LIVE:
	case MSC_DO_CHECK:
	case MSC_DO_PHASE: break;
	}
	return false;
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

static bool any_aside(const struct msc_plan_aside *a, struct msc_env *env, step_fn *is)
{
	return any(a->steps, a->n_steps, env, is);
}

static bool any(const struct msc_plan_step *steps, size_t n, struct msc_env *env, step_fn *is)
{
	for (size_t i = 0; i < n; i++) {
		const struct msc_plan_step *s = &steps[i];
		bool inner = s->what == MSC_DO_LOOP || s->what == MSC_DO_IF;

		if (inner ? any_turn(&s->u.loop, env, is) : is(s, env))
			return true;
		if (s->what == MSC_DO_COMMAND && (any_aside(&s->u.command.data_aside, env, is) ||
						  any_aside(&s->u.command.status_aside, env, is)))
			return true;
	}
	return false;
}

bool msc_plan_writes(const struct msc_plan_step *steps, size_t n)
{
	struct msc_env env = { 0 };

	return any(steps, n, &env, step_writes);
}

bool msc_plan_is_unsafe(const struct msc_plan_step *steps, size_t n)
{
	struct msc_env env = { 0 };

	return any(steps, n, &env, step_is_unsafe);
}

bool msc_plan_ejects(const struct msc_plan_step *steps, size_t n)
{
	struct msc_env env = { 0 };

	return any(steps, n, &env, step_ejects);
}

bool msc_plan_needs_endpoints(const struct msc_plan_step *steps, size_t n)
{
	struct msc_env env = { 0 };

	return any(steps, n, &env, step_needs_endpoints);
}
