/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the members of a request: each has one kind and one range, wherever it occurs. */
#include "report/ask_fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum kind {
	ANY,
	TEXT,
	NUMBER,
	REAL,
	FLAG,
	OBJECT,
	TEXTS,
	NUMBERS
};

static const struct {
	const char *name;
	enum kind kind;
	int64_t max;
} fields[] = {
#define F(id, name, kind, max) { name, kind, max },
	MSC_ASK_FIELDS(F)
#undef F
};

static bool is_number(const json_t *v, int64_t max)
{
	return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= max;
}

static bool are_all(const json_t *list, bool (*is)(const json_t *, int64_t max), int64_t max)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!is(json_array_get(list, i), max))
			return false;
	return json_is_array(list);
}

static bool is_text(const json_t *v, int64_t unused)
{
	(void)unused;
	return json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v);
}

/* NULL: it is as it should be; else what was expected. */
static const char *expected(enum msc_ask_field f, const json_t *v)
{
	int64_t max = fields[f].max;

	switch (fields[f].kind) {
	case ANY:
		return NULL;
	case TEXT:
		return is_text(v, 0) ? NULL : "a string";
	case NUMBER:
		return is_number(v, max) ? NULL : "a whole number";
	case REAL:
		return json_is_number(v) ? NULL : "a number";
	case FLAG:
		return json_is_boolean(v) ? NULL : "true or false";
	case OBJECT:
		return json_is_object(v) ? NULL : "an object";
	case TEXTS:
		return is_text(v, 0) || are_all(v, is_text, 0) ? NULL
							       : "a string, or a list of them";
	case NUMBERS:
		return are_all(v, is_number, max) ? NULL : "a list of whole numbers";
	}
	return NULL;
}

static int unknown(const char *what, const char *name, uint64_t allowed, struct msc_err *err)
{
	struct msc_nearest near = { .wanted = name };

	for (size_t f = 0; f < MSC_ASK_FIELDS_N; f++)
		if (allowed & UINT64_C(1) << f)
			msc_nearest_try(&near, fields[f].name);
	if (near.best)
		return msc_fail(err, MSC_E_USAGE, "%s has no member '%.64s'; did you mean '%s'?",
				what, name, near.best);
	return msc_fail(err, MSC_E_USAGE, "%s has no member '%.64s'", what, name);
}

static int take(const char *what, const char *name, const json_t *v, uint64_t allowed,
		struct msc_ask_members *m, struct msc_err *err)
{
	for (size_t f = 0; f < MSC_ASK_FIELDS_N; f++) {
		const char *wanted;

		if (!(allowed & UINT64_C(1) << f) || strcmp(name, fields[f].name) != 0)
			continue;
		wanted = expected((enum msc_ask_field)f, v);
		if (wanted && fields[f].kind == NUMBER && json_is_integer(v))
			return msc_fail(err, MSC_E_USAGE, "%s: '%s' is out of range: 0 to %lld",
					what, name, (long long)fields[f].max);
		if (wanted)
			return msc_fail(err, MSC_E_USAGE, "%s: '%s' is to be %s", what, name,
					wanted);
		m->value[f] = v;
		return 0;
	}
	return unknown(what, name, allowed, err);
}

int msc_ask_members(const json_t *object, const char *what, uint64_t allowed, uint64_t required,
		    struct msc_ask_members *m, struct msc_err *err)
{
	const char *name;
	json_t *v;

	memset(m, 0, sizeof *m);
	json_object_foreach((json_t *)object, name, v)
	{
		if (take(what, name, v, allowed, m, err) < 0)
			return -1;
	}
	for (size_t f = 0; f < MSC_ASK_FIELDS_N; f++)
		if (required & UINT64_C(1) << f && !m->value[f])
			return msc_fail(err, MSC_E_USAGE, "%s needs '%s'", what, fields[f].name);
	return 0;
}

int64_t msc_ask_number(const struct msc_ask_members *m, enum msc_ask_field f, int64_t otherwise)
{
	return m->value[f] ? json_integer_value(m->value[f]) : otherwise;
}

bool msc_ask_flag(const struct msc_ask_members *m, enum msc_ask_field f)
{
	return json_is_true(m->value[f]);
}

const char *msc_ask_text(const struct msc_ask_members *m, enum msc_ask_field f)
{
	return json_string_value(m->value[f]);
}

int msc_ask_word(const struct msc_ask_members *m, enum msc_ask_field f, const char *const *words,
		 int otherwise, struct msc_err *err)
{
	const char *text = msc_ask_text(m, f);
	char list[160] = "";

	if (!text)
		return otherwise;
	for (int i = 0; words[i]; i++) {
		if (!strcmp(words[i], text))
			return i;
		msc_append(list, sizeof list, "%s%s", i ? ", " : "", words[i]);
	}
	return msc_fail(err, MSC_E_USAGE, "%s: '%.64s' is none of %s", fields[f].name, text, list);
}

uint8_t *msc_ask_hex(const struct msc_ask_members *m, enum msc_ask_field f, size_t max, size_t *len,
		     struct msc_err *err)
{
	const char *text = msc_ask_text(m, f);
	size_t room = strlen(text) / 2 + 1; /* bytes, unless some have one digit */
	uint8_t *bytes;

	if (room < 2 * max)
		room = strlen(text) + 1;
	if (room > max)
		room = max;
	bytes = malloc(room + 1);
	if (!bytes) {
		msc_nomem(err);
		return NULL;
	}
	if (msc_parse_hex(text, bytes, room, len, err) < 0) {
		msc_err_prefix(err, "%s: ", fields[f].name);
		free(bytes);
		return NULL;
	}
	return bytes;
}

const char **msc_ask_texts(const struct msc_ask_members *m, enum msc_ask_field f, size_t *n)
{
	const json_t *v = m->value[f];
	const char **list = calloc(json_array_size(v) + 2, sizeof *list);

	*n = 0;
	if (!list)
		return NULL;
	if (json_is_string(v))
		list[(*n)++] = json_string_value(v);
	for (size_t i = 0; i < json_array_size(v); i++)
		list[(*n)++] = json_string_value(json_array_get(v, i));
	return list;
}
