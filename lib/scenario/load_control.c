/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps that are control requests: any request by its fields, and short forms of the common ones,
 * whose fields can all be set wrong on purpose. */
#include "scenario/load.h"

#include <string.h>

#define AT(member) offsetof(struct msc_plan_control, member)

#define BYTE_FIELD(name, member)  {name, msc_load_expr, AT(member), 0, UINT8_MAX, NULL, false}
#define WORD_FIELD(name, member)  {name, msc_load_expr, AT(member), 0, UINT16_MAX, NULL, false}
#define EXPECT_FIELD {"expect", msc_load_expect_control, AT(expect), 0, 0, NULL, false}
#define SAVE_FIELD   {"save", msc_load_save, AT(save), 0, 0, NULL, false}

struct form {
	const char *name;
	const struct msc_key *keys;
	int64_t type, request, value, index, length; /* index -1: the interface */
	int (*finish)(struct msc_loader *, const struct msc_yaml *, struct msc_plan_control *);
};

static int finish_control(struct msc_loader *l, const struct msc_yaml *n,
			  struct msc_plan_control *c)
{
	static const struct msc_env none;
	struct msc_err ignored = MSC_ERR_INIT;
	int64_t type = 0, request = 0;

	if (!c->type.constant || !c->request.constant)
		return msc_load_expected(l, n, "'type' and 'request' as plain numbers");
	if (msc_expr_value(&c->type, &none, &type, &ignored) < 0 ||
	    msc_expr_value(&c->request, &none, &request, &ignored) < 0)
		return msc_load_expected(l, n, "a request");
	/* The host's own state would no longer match the device's. */
	if ((type & MSC_REQTYPE_TYPE) == MSC_REQTYPE_STANDARD && !(type & MSC_REQTYPE_IN) &&
	    (request == MSC_STD_SET_ADDRESS || request == MSC_STD_SET_CONFIGURATION ||
	     request == MSC_STD_SET_INTERFACE ||
	     (request == MSC_STD_CLEAR_FEATURE && type & MSC_REQTYPE_RECIPIENT)))
		return msc_yaml_fail(
			l->path, n, l->err,
			"expected a request that leaves address, configuration and "
			"halts alone, found request %d; clear_halt, "
			"set_configuration, set_interface and port_reset do these with the "
			"host's side",
			(int)request);
	return 0;
}

static int descriptor_type(struct msc_loader *l, const struct msc_yaml *n, void *into,
			   const struct msc_key *k)
{
	static const char *const words[] = { "device",      "configuration",
					     "string",      "interface",
					     "endpoint",    "qualifier",
					     "other_speed", NULL };
	struct msc_plan_control *c = into;

	(void)k;
	for (int64_t i = 0; n->kind == MSC_YAML_TEXT && words[i]; i++)
		if (!strcmp(n->text, words[i]))
			return msc_expr_number(l, i + MSC_DESC_DEVICE, &c->type);
	return msc_load_unknown(l, n, "a descriptor", words, sizeof *words, SIZE_MAX);
}

/* Until here type holds the descriptor, request its index, index the language. */
static int finish_descriptor(struct msc_loader *l, const struct msc_yaml *n,
			     struct msc_plan_control *c)
{
	static const struct msc_env none;
	int64_t type = 0, which = 0;

	if (!c->request.constant)
		return msc_load_expected(l, n, "'index' as a plain number");
	if (msc_expr_value(&c->type, &none, &type, l->err) < 0 ||
	    msc_expr_value(&c->request, &none, &which, l->err) < 0 ||
	    msc_expr_number(l, type << 8 | which, &c->value) < 0 ||
	    msc_expr_number(l, MSC_REQTYPE_IN, &c->type) < 0)
		return -1;
	return msc_expr_number(l, MSC_STD_GET_DESCRIPTOR, &c->request);
}

static int status_of(struct msc_loader *l, const struct msc_yaml *n, void *into,
		     const struct msc_key *k)
{
	static const char *const words[] = { "device", "interface", "out", "in", NULL };
	const struct msc_key named = { .name = k->name, .words = words };
	struct msc_plan_control *c = into;

	return msc_load_word(l, n, &c->endpoint, &named);
}

static int finish_status(struct msc_loader *l, const struct msc_yaml *n, struct msc_plan_control *c)
{
	static const int64_t recipient[] = { MSC_RECIPIENT_DEVICE, MSC_RECIPIENT_INTERFACE,
					     MSC_RECIPIENT_ENDPOINT, MSC_RECIPIENT_ENDPOINT };

	(void)n;
	return msc_expr_number(l, MSC_REQTYPE_IN | recipient[c->endpoint], &c->type);
}

/* `set_halt: in`: no map, but the endpoint alone. */
static int halt_of(struct msc_loader *l, const struct msc_yaml *n, struct msc_plan_control *c)
{
	static const char *const words[] = { "out", "in", NULL };
	const struct msc_key named = { .name = "set_halt", .words = words };
	int in = 0;

	if (msc_load_word(l, n, &in, &named) < 0)
		return -1;
	c->endpoint = 2 + in;
	return 0;
}

static const struct msc_key interface_keys[] = {
	{"alternate", msc_load_expr, AT(value), 0, UINT16_MAX, NULL, true},
	EXPECT_FIELD,
	{0},
};
static const struct msc_key configuration_keys[] = {
	{"value", msc_load_expr, AT(value), 0, UINT16_MAX, NULL, true},
	EXPECT_FIELD,
	{0},
};
static const struct msc_key control_keys[] = {
	{"type", msc_load_expr, AT(type), 0, UINT8_MAX, NULL, true},
	{"request", msc_load_expr, AT(request), 0, UINT8_MAX, NULL, true},
	WORD_FIELD("value", value),
	WORD_FIELD("index", index),
	WORD_FIELD("length", length),
	{"data", msc_load_request_data, AT(data), 0, 0, NULL, false},
	EXPECT_FIELD,
	SAVE_FIELD,
	{0},
};
static const struct msc_key class_keys[] = {
	WORD_FIELD("value", value), WORD_FIELD("index", index), WORD_FIELD("length", length),
	EXPECT_FIELD,		    SAVE_FIELD,			{0},
};
static const struct msc_key descriptor_keys[] = {
	{"type", descriptor_type, 0, 0, 0, NULL, true},
	BYTE_FIELD("index", request),
	WORD_FIELD("language", index),
	WORD_FIELD("length", length),
	EXPECT_FIELD,
	SAVE_FIELD,
	{0},
};
static const struct msc_key status_keys[] = {
	{"of", status_of, 0, 0, 0, NULL, true},
	WORD_FIELD("length", length),
	EXPECT_FIELD,
	SAVE_FIELD,
	{0},
};

#define CLASS_TO_INTERFACE (MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE)
static const struct form forms[] = {
	{ "control", control_keys, 0, 0, 0, 0, 0, finish_control },
	{ "get_max_lun", class_keys, MSC_REQTYPE_IN | CLASS_TO_INTERFACE, MSC_REQ_GET_MAX_LUN, 0,
	  -1, 1, NULL },
	{ "bulk_only_reset", class_keys, CLASS_TO_INTERFACE, MSC_REQ_BULK_ONLY_RESET, 0, -1, 0,
	  NULL },
	{ "get_descriptor", descriptor_keys, 0, 0, 0, 0, 255, finish_descriptor },
	{ "get_status", status_keys, 0, MSC_STD_GET_STATUS, 0, 0, 2, finish_status },
	{ "set_halt", NULL, MSC_RECIPIENT_ENDPOINT, MSC_STD_SET_FEATURE, MSC_FEATURE_ENDPOINT_HALT,
	  0, 0, halt_of },
	{ "set_configuration", configuration_keys, MSC_RECIPIENT_DEVICE, MSC_STD_SET_CONFIGURATION,
	  0, 0, 0, NULL },
	{ "set_interface", interface_keys, MSC_RECIPIENT_INTERFACE, MSC_STD_SET_INTERFACE, 0, -1, 0,
	  NULL },
};

static int defaults(struct msc_loader *l, const struct form *f, struct msc_plan_control *c)
{
	static const struct msc_yaml interface = { .kind = MSC_YAML_TEXT, .text = "interface" };

	c->save = -1;
	if (msc_expr_number(l, f->type, &c->type) < 0 ||
	    msc_expr_number(l, f->request, &c->request) < 0 ||
	    msc_expr_number(l, f->value, &c->value) < 0 ||
	    msc_expr_number(l, f->length, &c->length) < 0)
		return -1;
	if (f->index < 0)
		return msc_expr_parse(l, &interface, 0, UINT8_MAX, &c->index);
	return msc_expr_number(l, f->index, &c->index);
}

int msc_load_control(struct msc_loader *l, const struct msc_yaml *value, struct msc_plan_step *out,
		     bool *known)
{
	const struct msc_yaml *name = value->key ? value->key : value;
	const struct form *f = forms;
	struct msc_plan_control *c = &out->u.control;

	while (f < forms + MSC_COUNT(forms) && strcmp(f->name, name->text) != 0)
		f++;
	*known = f < forms + MSC_COUNT(forms);
	/* The word alone is no request, but what both sides do: load_step.c. */
	if (*known && f->keys == interface_keys && !value->key)
		*known = false;
	if (!*known)
		return 0;
	out->what = MSC_DO_CONTROL;
	if (defaults(l, f, c) < 0)
		return -1;
	/* `- get_max_lun` and `- get_max_lun:` mean the request as it should be. */
	if (f->keys &&
	    (f->keys != class_keys || value->kind != MSC_YAML_TEXT || (value->key && *value->text)))
		if (msc_load_map(l, value, f->name, f->keys, c) < 0)
			return -1;
	return f->finish ? f->finish(l, value, c) : 0;
}
