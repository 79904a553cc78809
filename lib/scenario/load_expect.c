/* SPDX-License-Identifier: BSD-2-Clause */
/* What a scenario states about an answer: status, sense, amounts, data, outcomes. */
#include "scenario/load.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct msc_expect, member)

static const char *const pattern_words[] = { "zeros", "ones", "counter", "stamps", NULL };

/* "5", "5/21" or "5/21/00": sense key, ASC, ASCQ, in hex as standards print them. */
static int sense(struct msc_loader *l, const struct msc_yaml *n, struct msc_sense_want *want)
{
	unsigned key, asc = 0, ascq = 0;
	int used[3] = { 0 };
	size_t len = n->kind == MSC_YAML_TEXT ? strlen(n->text) : 0;
	size_t digits = len ? strspn(n->text, "0123456789abcdefABCDEF/") : 0;

	if (digits && digits == len) {
		sscanf(n->text, "%1x%n/%2x%n/%2x%n", &key, &used[0], &asc, &used[1], &ascq,
		       &used[2]);
		want->key = (uint8_t)key;
		want->asc = (uint8_t)asc;
		want->ascq = (uint8_t)ascq;
		want->parts = len == 1 ? 1 : len == 4 ? 2 : 3;
		if ((len == 1 && used[0] == 1) || (len == 4 && used[1] == 4) ||
		    (len == 7 && used[2] == 7))
			return 0;
	}
	return msc_load_expected(l, n, "sense such as 5, 5/21 or 5/21/00");
}

int msc_load_senses(struct msc_loader *l, const struct msc_yaml *n, void *into,
		    const struct msc_key *k)
{
	const struct msc_yaml *one = n->kind == MSC_YAML_LIST ? n->child : n;
	size_t count = n->kind == MSC_YAML_LIST ? msc_load_count(n) : 1;
	struct msc_expect *e = into;

	(void)k;
	if (!count || count > MSC_SENSES_MAX)
		return msc_load_expected(l, n, "1 to %d senses", MSC_SENSES_MAX);
	for (e->n_sense = 0; e->n_sense < count; one = one->next)
		if (sense(l, one, &e->sense[e->n_sense++]) < 0)
			return -1;
	return 0;
}

/* { at: 4, hex: "1f 00" } */
static int bytes_check(struct msc_loader *l, const struct msc_yaml *n, struct msc_data_check *c)
{
	static const struct msc_key keys[] = {
		{"at", msc_load_expr, offsetof(struct msc_data_check, at), 0, 0xffff, NULL, false},
		{"hex", msc_load_bytes, offsetof(struct msc_data_check, bytes), 0, 512, NULL, true},
		{0},
	};

	c->kind = MSC_CHECK_BYTES;
	if (msc_expr_number(l, 0, &c->at) < 0)
		return -1;
	return msc_load_map(l, n, "expected bytes", keys, c);
}

static int data_check(struct msc_loader *l, const struct msc_yaml *n, struct msc_data_check *c)
{
	const char *words[5 + MSC_SLOTS_MAX + 1] = { "original" };
	size_t i, known = 1;

	if (n->kind == MSC_YAML_MAP)
		return bytes_check(l, n, c);
	for (i = 0; pattern_words[i]; i++)
		words[known++] = pattern_words[i];
	for (i = 0; i < l->n_slots; i++)
		words[known++] = l->slots[i];
	words[known] = NULL;
	for (i = 0; n->kind == MSC_YAML_TEXT && words[i]; i++) {
		if (strcmp(n->text, words[i]) != 0)
			continue;
		if (i == 0)
			c->kind = MSC_CHECK_ORIGINAL;
		else if (i < 5)
			*c = (struct msc_data_check){ .kind = MSC_CHECK_PATTERN,
						      .pattern = (enum msc_pattern)(i - 1) };
		else
			*c = (struct msc_data_check){ .kind = MSC_CHECK_SAME, .slot = (int)i - 5 };
		return 0;
	}
	return msc_load_unknown(l, n, "a pattern, a saved name, or { at, hex }", words,
				sizeof *words, SIZE_MAX);
}

static int data_checks(struct msc_loader *l, const struct msc_yaml *n, void *into,
		       const struct msc_key *k)
{
	const struct msc_yaml *one = n->kind == MSC_YAML_LIST ? n->child : n;
	size_t count = n->kind == MSC_YAML_LIST ? msc_load_count(n) : 1;
	struct msc_expect *e = into;

	(void)k;
	if (!count || count > MSC_DATA_CHECKS_MAX)
		return msc_load_expected(l, n, "1 to %d checks of data", MSC_DATA_CHECKS_MAX);
	for (e->n_data = 0; e->n_data < count; one = one->next)
		if (data_check(l, one, &e->data[e->n_data++]) < 0)
			return -1;
	return 0;
}

/* Words, each standing for one bit; "any" for none, which states nothing. */
static int bits(struct msc_loader *l, const struct msc_yaml *n, unsigned *out, const char *name,
		const char *const *words, const unsigned *bit)
{
	const struct msc_key k = { .name = name, .words = words };
	unsigned named = 0;

	*out = 0;
	if (msc_load_words(l, n, &named, &k) < 0)
		return -1;
	for (size_t i = 0; words[i]; i++)
		if (named & 1u << i)
			*out |= bit[i];
	return 0;
}

#define UNSAID UINT_MAX /* how it ends */

static bool states_more(const struct msc_expect *e)
{
	return e->transferred.count || e->residue.count || e->n_data;
}

static int statuses(struct msc_loader *l, const struct msc_yaml *n, void *into,
		    const struct msc_key *k)
{
	static const char *const words[] = { "passed", "failed", "phase_error", "any", NULL };
	static const unsigned bit[] = { 1 << MSC_CSW_PASSED, 1 << MSC_CSW_FAILED,
					1 << MSC_CSW_PHASE_ERROR, 0 };

	return bits(l, n, into, k->name, words, bit);
}

int msc_load_expect(struct msc_loader *l, const struct msc_yaml *n, void *into,
		    const struct msc_key *k)
{
	static const struct msc_key keys[] = {
		{"status", statuses, AT(status), 0, 0, NULL, false},
		{"sense", msc_load_senses, 0, 0, 0, NULL, false},
		{"transferred", msc_load_exprs, AT(transferred), 0, UINT32_MAX, NULL, false},
		{"residue", msc_load_exprs, AT(residue), 0, UINT32_MAX, NULL, false},
		{"data", data_checks, 0, 0, 0, NULL, false},
		{0},
	};

	struct msc_expect *e = into;

	(void)k;
	e->status = UNSAID;
	if (msc_load_map(l, n, "'expect'", keys, into) < 0)
		return -1;
	if (e->status == UNSAID)
		e->status = e->n_sense       ? 1u << MSC_CSW_FAILED
			    : states_more(e) ? 1u << MSC_CSW_PASSED
					     : 0;
	return 0;
}

static int control_outcomes(struct msc_loader *l, const struct msc_yaml *n, void *into,
			    const struct msc_key *k)
{
	static const char *const words[] = { "done", "stall", "any", NULL };
	static const unsigned bit[] = { 1 << MSC_OUT_DONE, 1 << MSC_OUT_STALL, 0 };

	return bits(l, n, into, k->name, words, bit);
}

/* "done", "stall", a list of these, or a map that also states what came back. */
int msc_load_expect_control(struct msc_loader *l, const struct msc_yaml *n, void *into,
			    const struct msc_key *k)
{
	static const struct msc_key keys[] = {
		{"outcome", control_outcomes, AT(outcome), 0, 0, NULL, false},
		{"transferred", msc_load_exprs, AT(transferred), 0, UINT16_MAX, NULL, false},
		{"data", data_checks, 0, 0, 0, NULL, false},
		{0},
	};
	struct msc_expect *e = into;

	if (n->kind == MSC_YAML_MAP) {
		e->outcome = UNSAID;
		if (msc_load_map(l, n, "'expect'", keys, into) < 0)
			return -1;
		if (e->outcome == UNSAID)
			e->outcome = states_more(e) ? 1u << MSC_OUT_DONE : 0;
		return 0;
	}
	return control_outcomes(l, n, &e->outcome, k);
}

int msc_load_expect_poll(struct msc_loader *l, const struct msc_yaml *n, void *into,
			 const struct msc_key *k)
{
	static const char *const words[] = { "quiet", "stall", "data", "any", NULL };
	static const unsigned bit[] = { 1 << MSC_OUT_TIMEOUT, 1 << MSC_OUT_STALL, 1 << MSC_OUT_DONE,
					0 };
	struct msc_expect *e = into;

	return bits(l, n, &e->outcome, k->name, words, bit);
}
