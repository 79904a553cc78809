/* SPDX-License-Identifier: BSD-2-Clause */
/* Expressions: whole numbers, names of what is known of the device, + - * / and parentheses, in
 * 64 bits with every overflow seen. Parsed once to postfix when a file is loaded; a constant is
 * held to its range there and then, anything else when it is evaluated. */
#include "scenario/load.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TERMS_MAX 32
#define DEPTH_MAX 8

enum op { OP_NUMBER, OP_VAR, OP_ADD, OP_SUB, OP_MUL, OP_DIV };

struct msc_term {
	enum op op;
	int64_t value; /* NUMBER; VAR: which */
};

static const char *const names[] = {
	[MSC_VAR_BLOCK_SIZE] = "block_size", [MSC_VAR_LAST_LBA] = "last_lba",
	[MSC_VAR_BLOCKS] = "blocks",	     [MSC_VAR_SCRATCH] = "scratch",
	[MSC_VAR_MAX_LUN] = "max_lun",	     [MSC_VAR_INTERFACE] = "interface",
	[MSC_VAR_MAX_PACKET] = "max_packet", NULL,
};

bool msc_expr_is_name(const char *word)
{
	for (size_t i = 0; names[i]; i++)
		if (!strcmp(names[i], word))
			return true;
	return false;
}

struct parsing {
	struct msc_loader *l;
	const struct msc_yaml *node;
	const char *at;
	struct msc_term terms[TERMS_MAX];
	size_t count;
	int depth;
	bool constant;
};

/* Points at the character itself where that is possible. */
static int expected(struct parsing *p, const char *what)
{
	struct msc_yaml here = *p->node;
	char found[16] = "the end";

	here.column += (int)(p->at - p->node->text) + p->node->quoted;
	if (*p->at)
		snprintf(found, sizeof found, "'%c'",
			 isprint((unsigned char)*p->at) ? *p->at : '?');
	return msc_yaml_fail(p->l->path, &here, p->l->err, "expected %s, found %s", what, found);
}

static int add(struct parsing *p, enum op op, int64_t value)
{
	if (p->count == TERMS_MAX)
		return expected(p, "an expression of at most 32 terms");
	p->terms[p->count++] = (struct msc_term){ op, value };
	return 0;
}

static void blanks(struct parsing *p)
{
	while (*p->at == ' ')
		p->at++;
}

static int number(struct parsing *p)
{
	static const char digits[] = "0123456789abcdef";
	int base = 10;
	int64_t v = 0;

	if (p->at[0] == '0' && (p->at[1] == 'x' || p->at[1] == 'X')) {
		base = 16;
		p->at += 2;
		if (!isxdigit((unsigned char)*p->at))
			return expected(p, "a hexadecimal digit");
	}
	for (;; p->at++) {
		const char *d = *p->at ? strchr(digits, tolower((unsigned char)*p->at)) : NULL;
		int digit = d ? (int)(d - digits) : base;

		if (digit >= base)
			break;
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
			return expected(p, "a number below 2 to the 63rd");
	}
	return add(p, OP_NUMBER, v);
}

static int name(struct parsing *p)
{
	size_t len = strspn(p->at, "abcdefghijklmnopqrstuvwxyz_");
	struct msc_yaml here = *p->node;
	char word[32];
	size_t i;

	here.column += (int)(p->at - p->node->text) + p->node->quoted;
	snprintf(word, sizeof word, "%.*s", (int)len, p->at);
	p->at += len;
	p->constant = false;
	for (i = 0; i < p->l->n_loops; i++)
		if (!strcmp(word, p->l->loops[i]))
			return add(p, OP_VAR, MSC_VAR_LOOP + (int64_t)i);
	for (i = 0; names[i]; i++)
		if (!strcmp(word, names[i])) {
			if (i <= MSC_VAR_SCRATCH)
				p->l->s->needs |= MSC_NEED_MEDIUM;
			return add(p, OP_VAR, (int64_t)i);
		}
	here.text = word;
	return msc_load_unknown(p->l, &here, "a number or a name", names, sizeof names[0],
				SIZE_MAX);
}

static int sum(struct parsing *p);

static int factor(struct parsing *p)
{
	blanks(p);
	if (isdigit((unsigned char)*p->at))
		return number(p);
	if (islower((unsigned char)*p->at))
		return name(p);
	if (*p->at != '(')
		return expected(p, "a number, a name or '('");
	if (++p->depth > DEPTH_MAX)
		return expected(p, "at most 8 parentheses within each other");
	p->at++;
	if (sum(p) < 0)
		return -1;
	if (*p->at != ')')
		return expected(p, "')'");
	p->at++;
	p->depth--;
	return 0;
}

static int product(struct parsing *p)
{
	if (factor(p) < 0)
		return -1;
	for (blanks(p); *p->at == '*' || *p->at == '/'; blanks(p)) {
		enum op op = *p->at++ == '*' ? OP_MUL : OP_DIV;

		if (factor(p) < 0 || add(p, op, 0) < 0)
			return -1;
	}
	return 0;
}

static int sum(struct parsing *p)
{
	if (product(p) < 0)
		return -1;
	for (blanks(p); *p->at == '+' || *p->at == '-'; blanks(p)) {
		enum op op = *p->at++ == '+' ? OP_ADD : OP_SUB;

		if (product(p) < 0 || add(p, op, 0) < 0)
			return -1;
	}
	return 0;
}

static bool apply(enum op op, int64_t a, int64_t b, int64_t *out)
{
	switch (op) {
	case OP_ADD: return !__builtin_add_overflow(a, b, out);
	case OP_SUB: return !__builtin_sub_overflow(a, b, out);
	case OP_MUL: return !__builtin_mul_overflow(a, b, out);
	default:
		if (b == 0 || (a == INT64_MIN && b == -1))
			return false;
		*out = a / b;
		return true;
	}
}

int msc_expr_value(const struct msc_expr *e, const struct msc_env *env, int64_t *value,
		   struct msc_err *err)
{
	int64_t stack[TERMS_MAX] = { 0 };
	size_t n = 0, i;

	for (i = 0; i < e->count; i++) {
		const struct msc_term *t = &e->terms[i];

		if (t->op == OP_NUMBER) {
			stack[n++] = t->value;
		} else if (t->op == OP_VAR) {
			stack[n++] = env->var[t->value];
		} else {
			n--;
			if (!apply(t->op, stack[n - 1], stack[n], &stack[n - 1]))
				return msc_fail(err, MSC_E_USAGE,
						"'%s' divides by zero or leaves 64 bits", e->text);
		}
	}
	if (stack[0] < e->min || stack[0] > e->max)
		return msc_fail(err, MSC_E_USAGE,
				"'%s' is %" PRId64 ", outside of %" PRId64 " to %" PRId64, e->text,
				stack[0], e->min, e->max);
	*value = stack[0];
	return 0;
}

bool msc_expr_is(const struct msc_expr *e, int64_t value)
{
	static const struct msc_env none;
	struct msc_err ignored = MSC_ERR_INIT;
	int64_t v;

	return e->count && e->constant && msc_expr_value(e, &none, &v, &ignored) == 0 && v == value;
}

static int store(struct parsing *p, int64_t min, int64_t max, struct msc_expr *out)
{
	struct msc_term *terms = msc_load_get(p->l, p->count * sizeof *terms);
	char *text;

	if (!terms)
		return -1;
	memcpy(terms, p->terms, p->count * sizeof *terms);
	text = msc_arena_text(&p->l->s->arena, p->node->text, strlen(p->node->text));
	if (!text)
		return msc_nomem(p->l->err);
	*out = (struct msc_expr){ .terms = terms,
				  .count = p->count,
				  .text = text,
				  .min = min,
				  .max = max,
				  .constant = p->constant };
	return 0;
}

int msc_expr_parse(struct msc_loader *l, const struct msc_yaml *n, int64_t min, int64_t max,
		   struct msc_expr *out)
{
	struct parsing p = { .l = l, .node = n, .at = n->text, .constant = true };
	struct msc_err range = MSC_ERR_INIT;
	struct msc_env none = { 0 };
	int64_t v;

	if (n->kind != MSC_YAML_TEXT || !*n->text)
		return msc_load_expected(l, n, "a number or an expression");
	if (sum(&p) < 0)
		return -1;
	if (*p.at)
		return expected(&p, "an operator or the end");
	if (store(&p, min, max, out) < 0)
		return -1;
	if (out->constant && msc_expr_value(out, &none, &v, &range) < 0)
		return msc_yaml_fail(l->path, n, l->err,
				     "expected %" PRId64 " to %" PRId64 ", found '%s'", min, max,
				     n->text);
	return 0;
}

int msc_expr_number(struct msc_loader *l, int64_t value, struct msc_expr *out)
{
	struct msc_term *t = msc_load_get(l, sizeof *t);

	if (!t)
		return -1;
	*t = (struct msc_term){ OP_NUMBER, value };
	*out = (struct msc_expr){
		.terms = t, .count = 1, .text = "", .min = value, .max = value, .constant = true
	};
	return 0;
}
