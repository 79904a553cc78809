/* SPDX-License-Identifier: BSD-2-Clause */
/* Expressions: whole numbers, names of what is known of the device, fields of answers that were
 * saved, + - * / and comparisons, and parentheses, in 64 bits with every overflow seen. Parsed once
 * to postfix when a file is loaded; a constant is held to its range there and then, anything else
 * when it is evaluated. */
#include "scenario/load.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TERMS_MAX 32
#define DEPTH_MAX 8

enum op {
	OP_NUMBER,
	OP_VAR,
	OP_LENGTH, /* of what was saved */
	OP_FIELD,  /* of what was saved, at the offset on the stack */
	OP_SAME,   /* two that were saved, as far as both go */
	OP_ADD,
	OP_SUB,
	OP_MUL,
	OP_DIV,
	OP_MIN,
	OP_MAX,
	OP_EQUAL,
	OP_UNEQUAL,
	OP_LESS,
	OP_LESS_EQUAL,
	OP_MORE,
	OP_MORE_EQUAL,
};

struct msc_term {
	enum op op;
	int64_t value; /* NUMBER; VAR: which; LENGTH, FIELD and SAME: the slot */
	int64_t other; /* SAME: the other one */
	int bytes;     /* FIELD: how many; negative: the least significant first */
};

static const struct {
	const char *name;
	enum op op;
	int bytes;
} functions[] = {
	{"u8", OP_FIELD, 1},	 {"le16", OP_FIELD, -2}, {"le32", OP_FIELD, -4},
	{"be16", OP_FIELD, 2},	 {"be24", OP_FIELD, 3},	 {"be32", OP_FIELD, 4},
	{"be64", OP_FIELD, 8},	 {"length", OP_LENGTH, 0}, {"min", OP_MIN, 0},
	{"max", OP_MAX, 0},	 {"same", OP_SAME, 0},	 {NULL, OP_NUMBER, 0},
};

static const char *const names[] = {
	[MSC_VAR_BLOCK_SIZE] = "block_size", [MSC_VAR_LAST_LBA] = "last_lba",
	[MSC_VAR_BLOCKS] = "blocks",	     [MSC_VAR_SCRATCH] = "scratch",
	[MSC_VAR_UNIT] = "tested_unit",
	[MSC_VAR_MAX_LUN] = "max_lun",	     [MSC_VAR_INTERFACE] = "interface",
	[MSC_VAR_MAX_PACKET] = "max_packet",
	[MSC_VAR_SIBLING] = "sibling",	     [MSC_VAR_STATUS] = "status",
	[MSC_VAR_STALLS] = "stalls",
	NULL,
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

static int add_term(struct parsing *p, struct msc_term term)
{
	if (p->count == TERMS_MAX)
		return expected(p, "an expression of at most 32 terms");
	p->terms[p->count++] = term;
	return 0;
}

static int add(struct parsing *p, enum op op, int64_t value)
{
	return add_term(p, (struct msc_term){ .op = op, .value = value });
}

/* Some can only be asked on endpoint 0, or seen on the others. */
static int add_name(struct parsing *p, enum msc_var v)
{
	if (v <= MSC_VAR_SCRATCH)
		p->l->s->needs |= MSC_NEED_MEDIUM;
	if (v == MSC_VAR_MAX_LUN || v == MSC_VAR_INTERFACE || v == MSC_VAR_MAX_PACKET ||
	    v == MSC_VAR_SIBLING || v == MSC_VAR_STALLS)
		p->l->s->needs |= MSC_NEED_ENDPOINTS;
	return add(p, OP_VAR, (int64_t)v);
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

/* The word that stands here, and the place as a node for messages. */
static void take_word(struct parsing *p, char *word, size_t size, struct msc_yaml *here)
{
	size_t len = strspn(p->at, "abcdefghijklmnopqrstuvwxyz_0123456789");

	*here = *p->node;
	here->column += (int)(p->at - p->node->text) + p->node->quoted;
	snprintf(word, size, "%.*s", (int)len, p->at);
	here->text = word;
	p->at += len;
	blanks(p);
}

static int name(struct parsing *p, const char *word, const struct msc_yaml *here)
{
	struct msc_loader *l = p->l;
	size_t i;

	p->constant = false;
	for (i = l->n_loops; i-- > 0;)
		if (!strcmp(word, l->loops[i]))
			return add(p, OP_VAR, MSC_VAR_LOOP + (int64_t)i);
	for (i = 0; i < l->n_lets; i++)
		if (!strcmp(word, l->lets[i]))
			return add(p, OP_VAR, MSC_VAR_LET + (int64_t)i);
	for (i = 0; names[i]; i++)
		if (!strcmp(word, names[i]))
			return add_name(p, (enum msc_var)i);
	return msc_load_unknown(l, here, "a number or a name", names, sizeof names[0], SIZE_MAX);
}

static int comparison(struct parsing *p);

static int expect_character(struct parsing *p, char c, const char *what)
{
	blanks(p);
	if (*p->at != c)
		return expected(p, what);
	p->at++;
	return 0;
}

static bool is_of_saved(enum op op)
{
	return op == OP_LENGTH || op == OP_FIELD || op == OP_SAME;
}

/* The name of a saved answer; its index in *slot. */
static int saved(struct parsing *p, int64_t *slot)
{
	struct msc_yaml here;
	char word[32];

	blanks(p);
	take_word(p, word, sizeof word, &here);
	for (size_t i = 0; i < p->l->n_slots; i++)
		if (!strcmp(word, p->l->slots[i])) {
			*slot = (int64_t)i;
			return 0;
		}
	return msc_load_unknown(p->l, &here, "the name of a saved answer", p->l->slots,
				sizeof p->l->slots[0], p->l->n_slots);
}

/* le16(answer, 11), length(answer), min(a, b): after the name and its parenthesis. */
static int call(struct parsing *p, const char *word, const struct msc_yaml *here)
{
	struct msc_term term;
	size_t i = 0;

	while (functions[i].name && strcmp(functions[i].name, word) != 0)
		i++;
	if (!functions[i].name)
		return msc_load_unknown(p->l, here, "a function", &functions[0].name,
					sizeof functions[0], SIZE_MAX);
	if (++p->depth > DEPTH_MAX)
		return expected(p, "at most 8 parentheses within each other");
	p->at++;
	term = (struct msc_term){ .op = functions[i].op, .bytes = functions[i].bytes };
	if (is_of_saved(term.op)) {
		p->constant = false;
		if (saved(p, &term.value) < 0)
			return -1;
	} else if (comparison(p) < 0) {
		return -1;
	}
	if (term.op != OP_LENGTH && expect_character(p, ',', "','") < 0)
		return -1;
	if (term.op == OP_SAME ? saved(p, &term.other) < 0
			       : term.op != OP_LENGTH && comparison(p) < 0)
		return -1;
	p->depth--;
	return expect_character(p, ')', "')'") < 0 ? -1 : add_term(p, term);
}

static int factor(struct parsing *p)
{
	struct msc_yaml here;
	char word[32];

	blanks(p);
	if (isdigit((unsigned char)*p->at))
		return number(p);
	if (islower((unsigned char)*p->at)) {
		take_word(p, word, sizeof word, &here);
		return *p->at == '(' ? call(p, word, &here) : name(p, word, &here);
	}
	if (*p->at != '(')
		return expected(p, "a number, a name or '('");
	if (++p->depth > DEPTH_MAX)
		return expected(p, "at most 8 parentheses within each other");
	p->at++;
	if (comparison(p) < 0)
		return -1;
	p->depth--;
	return expect_character(p, ')', "')'");
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

/* One at most: a == b == c means nothing. 1 for true, 0 for false. */
static int comparison(struct parsing *p)
{
	static const struct {
		const char *text;
		enum op op;
	} all[] = {
		{"==", OP_EQUAL}, {"!=", OP_UNEQUAL}, {"<=", OP_LESS_EQUAL},
		{">=", OP_MORE_EQUAL}, {"<", OP_LESS}, {">", OP_MORE},
	};

	if (sum(p) < 0)
		return -1;
	for (size_t i = 0; i < MSC_COUNT(all); i++) {
		size_t len = strlen(all[i].text);

		if (strncmp(p->at, all[i].text, len) != 0)
			continue;
		p->at += len;
		return sum(p) < 0 ? -1 : add(p, all[i].op, 0);
	}
	return 0;
}

static bool apply(enum op op, int64_t a, int64_t b, int64_t *out)
{
	switch (op) {
	case OP_MIN: *out = a < b ? a : b; return true;
	case OP_MAX: *out = a > b ? a : b; return true;
	case OP_EQUAL: *out = a == b; return true;
	case OP_UNEQUAL: *out = a != b; return true;
	case OP_LESS: *out = a < b; return true;
	case OP_LESS_EQUAL: *out = a <= b; return true;
	case OP_MORE: *out = a > b; return true;
	case OP_MORE_EQUAL: *out = a >= b; return true;
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

/* A field of what was saved; false: it does not hold that many bytes, or the value 63 bits. */
static bool field(const struct msc_saved_answer *from, const struct msc_term *t, int64_t *top)
{
	size_t bytes = (size_t)(t->bytes < 0 ? -t->bytes : t->bytes);
	uint64_t v = 0;

	if (!from || *top < 0 || (uint64_t)*top > from->len || from->len - (size_t)*top < bytes)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		size_t at = t->bytes < 0 ? bytes - 1 - i : i;

		v = v << 8 | from->data[(size_t)*top + at];
	}
	*top = (int64_t)v;
	return v <= INT64_MAX;
}

static bool same(const struct msc_saved_answer *a, const struct msc_saved_answer *b)
{
	size_t len = a->len < b->len ? a->len : b->len;

	return len == 0 || memcmp(a->data, b->data, len) == 0;
}

/* One term on the stack; false: there is no such value. */
static bool step(const struct msc_term *t, const struct msc_env *env, int64_t *stack, size_t *n)
{
	const struct msc_saved_answer *from = NULL;

	if (is_of_saved(t->op))
		from = env->slots ? &env->slots[t->value] : NULL;
	switch (t->op) {
	case OP_NUMBER: stack[(*n)++] = t->value; return true;
	case OP_VAR: stack[(*n)++] = env->var[t->value]; return true;
	case OP_LENGTH: stack[(*n)++] = from ? (int64_t)from->len : 0; return true;
	case OP_FIELD: return field(from, t, &stack[*n - 1]);
	case OP_SAME: stack[(*n)++] = !from || same(from, &env->slots[t->other]); return true;
	default:
		--*n;
		return apply(t->op, stack[*n - 1], stack[*n], &stack[*n - 1]);
	}
}

int msc_expr_value(const struct msc_expr *e, const struct msc_env *env, int64_t *value,
		   struct msc_err *err)
{
	int64_t stack[TERMS_MAX] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < e->count; i++)
		if (!step(&e->terms[i], env, stack, &n))
			return msc_fail(err, MSC_E_USAGE,
					e->terms[i].op == OP_FIELD
						? "'%s' reads beyond the end of an answer"
						: "'%s' divides by zero or leaves 64 bits",
					e->text);
	if (stack[0] < e->min || stack[0] > e->max)
		return msc_fail(err, MSC_E_USAGE,
				"'%s' is %" PRId64 ", outside of %" PRId64 " to %" PRId64, e->text,
				stack[0], e->min, e->max);
	*value = stack[0];
	return 0;
}

_Static_assert(MSC_VARS <= 32, "known has a bit for each variable");

bool msc_expr_is_known(const struct msc_expr *e, const struct msc_env *env)
{
	for (size_t i = 0; i < e->count; i++)
		if (is_of_saved(e->terms[i].op) ||
		    (e->terms[i].op == OP_VAR && !(env->known >> e->terms[i].value & 1)))
			return false;
	return true;
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
	if (comparison(&p) < 0)
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
	*t = (struct msc_term){ .op = OP_NUMBER, .value = value };
	*out = (struct msc_expr){
		.terms = t, .count = 1, .text = "", .min = value, .max = value, .constant = true
	};
	return 0;
}
