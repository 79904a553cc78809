/* SPDX-License-Identifier: BSD-2-Clause */
/* The step `command`: a command block by name and field or as raw bytes, and everything about its
 * wrapper and its data that can be set wrong on purpose. */
#include "scenario/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define AT(member)     offsetof(struct msc_plan_command, member)
#define CBW_AT(member) offsetof(struct msc_cbw_changes, member)

/* The most that one command may ask to move: room is set aside for it. */
#define DATA_MAX (INT64_C(16) << 20)

static int raw_block(struct msc_loader *l, const struct msc_yaml *n, struct msc_plan_command *c)
{
	struct msc_err ignored = MSC_ERR_INIT;

	if (msc_parse_hex(n->text, c->raw, sizeof c->raw, &c->raw_len, &ignored) == 0 && c->raw_len)
		return 0;
	return msc_load_unknown(l, n, "a command, or 1 to 16 bytes of one as hex",
				&msc_cdbs[0].name, sizeof msc_cdbs[0], msc_cdb_count);
}

static int64_t field_max(const struct msc_cdb_field *f)
{
	unsigned width = f->bits ? f->bits : 8u * f->bytes;

	return width >= 63 ? INT64_MAX : (INT64_C(1) << width) - 1;
}

static int fields(struct msc_loader *l, const struct msc_yaml *map, struct msc_plan_command *c)
{
	if (map->kind == MSC_YAML_TEXT && !*map->text)
		return 0;
	if (map->kind != MSC_YAML_MAP)
		return msc_load_expected(l, map, "the fields of %s as a map", c->def->name);
	for (const struct msc_yaml *n = map->child; n; n = n->next) {
		const struct msc_cdb_field *f = msc_cdb_field(c->def, n->key->text);
		char what[80];

		if (!f) {
			snprintf(what, sizeof what, "a field of %s", c->def->name);
			return msc_load_unknown(l, n->key, what, &c->def->fields[0].name,
						sizeof c->def->fields[0],
						MSC_COUNT(c->def->fields));
		}
		if (msc_expr_parse(l, n, 0, field_max(f), &c->field[f - c->def->fields]) < 0)
			return -1;
	}
	return 0;
}

/* READ and WRITE in the form that the blocks can be named in. */
static bool either_form(const char *name, struct msc_plan_command *c)
{
	static const char *const forms[][3] = { { "read", "read10", "read16" },
						{ "write", "write10", "write16" } };

	for (size_t i = 0; i < MSC_COUNT(forms); i++) {
		if (strcmp(name, forms[i][0]) != 0)
			continue;
		c->narrow = msc_cdb_by_name(forms[i][1]);
		c->def = msc_cdb_by_name(forms[i][2]);
		return true;
	}
	return false;
}

/* "test_unit_ready", "f0 00 00 00 00 00", or { read10: { lba: 0, blocks: 1 } } */
static int block(struct msc_loader *l, const struct msc_yaml *n, void *into,
		 const struct msc_key *k)
{
	struct msc_plan_command *c = into;
	const struct msc_yaml *name = n;

	(void)k;
	if (n->kind == MSC_YAML_MAP && n->child && !n->child->next)
		name = n->child->key;
	if (name->kind != MSC_YAML_TEXT || !*name->text)
		return msc_load_expected(l, n, "a command with its fields, or bytes as hex");
	if (!either_form(name->text, c))
		c->def = msc_cdb_by_name(name->text);
	if (!c->def)
		return raw_block(l, name, c);
	return name == n ? 0 : fields(l, n->child, c);
}

/* { 1: 0x20 }: bytes of the command block, by offset. */
static int patches(struct msc_loader *l, const struct msc_yaml *map, void *into,
		   const struct msc_key *k)
{
	struct msc_plan_command *c = into;

	(void)k;
	if (map->kind != MSC_YAML_MAP)
		return msc_load_expected(l, map, "bytes of the command block as a map");
	c->patch = msc_load_get(l, msc_load_count(map) * sizeof *c->patch);
	if (!c->patch)
		return -1;
	for (const struct msc_yaml *n = map->child; n; n = n->next) {
		struct msc_patch *p = &c->patch[c->n_patch++];
		struct msc_err ignored = MSC_ERR_INIT;
		uint64_t offset;

		if (msc_parse_size(n->key->text, &offset, &ignored) < 0 || offset >= MSC_CBW_CB_MAX)
			return msc_load_expected(l, n->key, "an offset from 0 to 15");
		p->byte = (uint8_t)offset;
		if (msc_expr_parse(l, n, 0, UINT8_MAX, &p->value) < 0)
			return -1;
	}
	return 0;
}

static int direction(struct msc_loader *l, const struct msc_yaml *n, void *into,
		     const struct msc_key *k)
{
	static const char *const words[] = { "none", "in", "out", NULL };
	const struct msc_key named = { .name = k->name, .words = words };

	return msc_load_word(l, n, into, &named);
}

static int cbw(struct msc_loader *l, const struct msc_yaml *n, void *into, const struct msc_key *k)
{
	static const struct msc_key keys[] = {
		{"length", msc_load_expr, CBW_AT(length), 0, UINT32_MAX, NULL, false},
		{"direction", direction, CBW_AT(direction), 0, 0, NULL, false},
		{"lun", msc_load_expr, CBW_AT(lun), 0, UINT8_MAX, NULL, false},
		{"tag", msc_load_expr, CBW_AT(tag), 0, UINT32_MAX, NULL, false},
		{"flags", msc_load_expr, CBW_AT(flags), 0, UINT8_MAX, NULL, false},
		{"cb_length", msc_load_expr, CBW_AT(cb_length), 0, UINT8_MAX, NULL, false},
		{"fill", msc_load_expr, CBW_AT(fill), 0, UINT8_MAX, NULL, false},
		{"signature", msc_load_expr, CBW_AT(signature), 0, UINT32_MAX, NULL, false},
		{"wrapper_length", msc_load_expr, CBW_AT(wrapper_length), 0, 1024, NULL, false},
		{"wrapper_fill", msc_load_expr, CBW_AT(wrapper_fill), 0, UINT8_MAX, NULL, false},
		{0},
	};

	(void)k;
	return msc_load_map(l, n, "'cbw'", keys, into);
}

static int intent(struct msc_loader *l, const struct msc_yaml *n, void *into,
		  const struct msc_key *k)
{
	static const struct msc_key keys[] = {
		{"direction", direction, offsetof(struct msc_stated_intent, direction), 0, 0, NULL,
		 true},
		{"length", msc_load_expr, offsetof(struct msc_stated_intent, length), 0, INT64_MAX,
		 NULL, false},
		{"min", msc_load_expr, offsetof(struct msc_stated_intent, min), 0, INT64_MAX, NULL,
		 false},
		{"max", msc_load_expr, offsetof(struct msc_stated_intent, max), 0, INT64_MAX, NULL,
		 false},
		{0},
	};
	struct msc_stated_intent *i = into;

	(void)k;
	if (msc_load_map(l, n, "'intent'", keys, i) < 0)
		return -1;
	i->given = true;
	if (i->direction != MSC_DIR_NONE && !i->length.count && !(i->min.count && i->max.count))
		return msc_load_expected(l, n, "'length', or 'min' and 'max', in 'intent'");
	return 0;
}

/* A data phase needs a direction from somewhere. */
static int settle_direction(struct msc_loader *l, const struct msc_yaml *step,
			    struct msc_plan_command *c)
{
	bool data_phase = c->cbw.length.count && !msc_expr_is(&c->cbw.length, 0);

	if (c->def && c->def->amount == MSC_AMOUNT_BLOCKS && !c->cbw.length.count)
		l->s->needs |= MSC_NEED_MEDIUM;
	if (c->cbw.direction < 0 && data_phase && (!c->def || c->def->dir == MSC_DIR_NONE) &&
	    !c->cbw.flags.count)
		return msc_yaml_fail(l->path, step, l->err,
				     "expected 'direction' in 'cbw', because the command has none "
				     "of its own, found none");
	return 0;
}

/* Steps of which the middle of a command is no wrong place. */
static int aside(struct msc_loader *l, const struct msc_yaml *n, void *into,
		 const struct msc_key *k)
{
	struct msc_plan_aside *a = into;
	const struct msc_yaml *one = n->child;

	if (msc_load_steps(l, n, &a->steps, &a->n_steps) < 0)
		return -1;
	for (size_t i = 0; i < a->n_steps; i++, one = one->next) {
		enum msc_do what = a->steps[i].what;

		if (what != MSC_DO_CONTROL && what != MSC_DO_WAIT &&
		    (what != MSC_DO_CLEAR_HALT || k->max == 0))
			return msc_load_expected(l, one, "a control request%s or a pause",
						 k->max ? ", the clearing of a halt" : "");
	}
	return 0;
}

static int during(struct msc_loader *l, const struct msc_yaml *n, void *into,
		  const struct msc_key *k)
{
	static const struct msc_key keys[] = {
		{"data", aside, AT(data_aside), 0, 0, NULL, false},
		{"status", aside, AT(status_aside), 0, 1, NULL, false},
		{0},
	};

	(void)k;
	return msc_load_map(l, n, "'during'", keys, into);
}

int msc_load_command(struct msc_loader *l, const struct msc_yaml *step, struct msc_plan_step *out)
{
	static const struct msc_key keys[] = {
		{"command", block, 0, 0, 0, NULL, true},
		{"patch", patches, 0, 0, 0, NULL, false},
		{"cbw", cbw, AT(cbw), 0, 0, NULL, false},
		{"data", msc_load_out_data, AT(data), 0, 0, NULL, false},
		{"send", msc_load_expr, AT(send), 0, DATA_MAX, NULL, false},
		{"split", msc_load_expr, AT(split), 1, DATA_MAX, NULL, false},
		{"intent", intent, AT(intent), 0, 0, NULL, false},
		{"leave", msc_load_bool, AT(leave), 0, 0, NULL, false},
		{"take", msc_load_expr, AT(take), 0, DATA_MAX, NULL, false},
		{"early", msc_load_bool, AT(early), 0, 0, NULL, false},
		{"clear_after", msc_load_duration, AT(clear_after_ns), 0, 0, NULL, false},
		{"timeout", msc_load_duration, AT(timeout_ns), 0, 0, NULL, false},
		{"expect", msc_load_expect, AT(expect), 0, 0, NULL, false},
		{"save", msc_load_save, AT(save), 0, 0, NULL, false},
		{"during", during, 0, 0, 0, NULL, false},
		{"on_failure", msc_load_text, AT(on_failure), 0, 0, NULL, false},
		{0},
	};
	struct msc_plan_command *c = &out->u.command;

	out->what = MSC_DO_COMMAND;
	c->cbw.direction = -1;
	c->save = -1;
	if (msc_load_map(l, step, "a command step", keys, c) < 0)
		return -1;
	if (c->on_failure && !l->s->host)
		return msc_load_expected(l, step,
					 "'host' in the scenario, before its steps, for "
					 "'on_failure'");
	if (c->leave && c->expect.n_sense)
		return msc_load_expected(l, step,
					 "'expect' without 'sense' beside 'leave', after which "
					 "nothing is asked");
	return settle_direction(l, step, c);
}
