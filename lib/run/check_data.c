/* SPDX-License-Identifier: BSD-2-Clause */
/* What a scenario states of data, held against the data that came. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "judge/story.h"
#include "run/runner.h"

/* What the blocks that differ held before the case wrote to them, to be freed; NULL: it is not known of all. */
static uint8_t *read_old(struct msc_runner *r, const uint8_t *data, const uint8_t *want, size_t len,
			 uint64_t lba)
{
	size_t size = r->unit.block_size;
	uint8_t *old = size && len % size == 0 ? calloc(1, len + 1) : NULL;
	bool known = true;

	for (size_t i = 0; old && known && i < len; i += size)
		known = msc_medium_held(r->medium, lba + i / size, old + i) ||
			!memcmp(data + i, want + i, size);
	if (!known)
		free(old);
	return known ? old : NULL;
}

/* What differs from `want`, as a finding. lba: of the first byte; NULL: it is not of blocks. */
static int compare(struct msc_runner *r, const struct msc_rule *rule, const struct msc_record *x,
		   const uint8_t *data, const uint8_t *want, size_t len, const uint64_t *lba,
		   const char *what, struct msc_err *err)
{
	struct msc_story known = { .lba = lba ? *lba : 0,
				   .block_size = lba ? r->unit.block_size : 0,
				   .packet = lba ? r->target->device.max_packet_in : 0 };
	char expected[80], actual[80], story[240], text[400];
	size_t at = 0, differ = 0;
	uint8_t *old;

	for (size_t i = 0; i < len; i++)
		if (data[i] != want[i] && differ++ == 0)
			at = i;
	if (!differ)
		return 0;
	snprintf(expected, sizeof expected, "%02x at byte %zu", want[at], at);
	snprintf(actual, sizeof actual, "%02x at byte %zu, and %zu of %zu bytes differ", data[at],
		 at, differ, len);
	known.old = old = rule == &msc_rule_expect_data && lba ? read_old(r, data, want, len, *lba)
							       : NULL;
	msc_data_story(story, sizeof story, data, want, len, &known);
	free(old);
	snprintf(text, sizeof text, "%s: %s", what, story);
	return msc_check_stated(r, rule, x, expected, actual, err, text);
}

/* A block that holds the stamp of another one; false: there is none, or blocks are smaller than a stamp. */
static bool find_alias(const uint8_t *data, size_t len, uint64_t lba, uint32_t block_size,
		       uint64_t *at, uint64_t *stamp)
{
	if (block_size < MSC_STAMP_LEN)
		return false;
	for (size_t i = 0; i + block_size <= len; i += block_size) {
		*at = lba + i / block_size;
		if (msc_pattern_stamp(data + i, stamp) && *stamp != *at)
			return true;
	}
	return false;
}

static int check_stamps(struct msc_runner *r, const struct msc_record *x, const uint8_t *data,
			size_t len, uint64_t lba, bool *alias, struct msc_err *err)
{
	char expected[48], actual[48], apart[80], text[160];
	uint64_t at = 0, stamp = 0;

	*alias = find_alias(data, len, lba, r->unit.block_size, &at, &stamp);
	if (!*alias)
		return 0;
	snprintf(expected, sizeof expected, "what was written to block %" PRIu64, at);
	snprintf(actual, sizeof actual, "what was written to block %" PRIu64, stamp);
	msc_distance_story(apart, sizeof apart, at, stamp, r->unit.block_size);
	snprintf(text, sizeof text, "a block gives back what was written to %s one, %s",
		 stamp < at ? "an earlier" : "a later", apart);
	return msc_check_stated(r, &msc_rule_scsi_medium_alias, x, expected, actual, err, text);
}

static int check_pattern(struct msc_runner *r, enum msc_pattern pattern, const struct msc_record *x,
			 const uint8_t *data, size_t len, uint64_t lba, struct msc_err *err)
{
	uint8_t *want;
	bool alias;
	int rc;

	if (pattern == MSC_PATTERN_STAMPS && x->kind == MSC_RECORD_EXCHANGE) {
		rc = check_stamps(r, x, data, len, lba, &alias, err);
		if (rc < 0 || alias)
			return rc;
	}
	want = malloc(len ? len : 1);
	if (!want)
		return msc_nomem(err);
	msc_pattern_fill(pattern, want, len, lba, r->unit.block_size);
	if (x->kind == MSC_RECORD_EXCHANGE)
		rc = compare(r, &msc_rule_expect_data, x, data, want, len, &lba,
			     "the data read is not what was written", err);
	else
		rc = compare(r, &msc_rule_expect_value, x, data, want, len, NULL,
			     "the answer is not what it must be", err);
	free(want);
	return rc;
}

static int check_bytes(struct msc_runner *r, const struct msc_data_check *c,
		       const struct msc_record *x, const uint8_t *data, size_t len,
		       const struct msc_rule *rule, struct msc_err *err)
{
	char expected[80];
	int64_t at;

	if (!msc_run_value(r, &c->at, 0, &at))
		return 0;
	if ((uint64_t)at + c->bytes.len <= len)
		return compare(r, rule, x, data + at, c->bytes.data, c->bytes.len, NULL,
			       "the answer does not hold the bytes that it must", err);
	snprintf(expected, sizeof expected, "at least %zu byte%s", (size_t)at + c->bytes.len,
		 MSC_PLURAL((size_t)at + c->bytes.len));
	return msc_check_stated(r, rule, x, expected, "fewer", err, "the answer is too short");
}

/* The blocks from there on as the case has found them, up to the first that is not known. Returns how many bytes. */
static size_t read_original(const struct msc_runner *r, uint8_t *found, size_t len, uint64_t lba)
{
	size_t done = 0, piece = 0;

	while (done < len) {
		const uint8_t *from =
			msc_medium_original(r->medium, lba + done / r->unit.block_size, &piece);

		if (!from)
			break;
		piece = piece < len - done ? piece : len - done;
		memcpy(found + done, from, piece);
		done += piece;
	}
	return done;
}

/* What lies beyond the blocks that are saved cannot be looked at, and that is no pass. */
static int check_original(struct msc_runner *r, const struct msc_record *x, const uint8_t *data,
			  size_t len, uint64_t lba, struct msc_err *err)
{
	uint8_t *found = malloc(len + 1);
	size_t known;
	int rc;

	if (!found)
		return msc_nomem(err);
	known = r->unit.block_size ? read_original(r, found, len, lba) : 0;
	if (known < len)
		msc_run_end_case(r, MSC_VERDICT_SKIP,
				 "block %" PRIu64
				 " is none of those that are saved, so what was in it "
				 "before is not known",
				 lba + (known ? known / r->unit.block_size : 0));
	rc = compare(r, &msc_rule_expect_medium, x, data, found, known, &lba,
		     "the medium was changed where nothing may be written", err);
	free(found);
	return rc;
}

int msc_check_no_data(struct msc_runner *r, const struct msc_record *x, const char *actual,
		      const struct msc_rule *rule, const char *what, struct msc_err *err)
{
	if (msc_findings_worst(&r->findings) >= MSC_WARN)
		return 0;
	return msc_check_stated(r, rule, x, "data", actual, err, what);
}

int msc_check_data(struct msc_runner *r, const struct msc_expect *e, const struct msc_record *x,
		   const uint8_t *data, size_t len, uint64_t lba, const struct msc_rule *rule,
		   struct msc_err *err)
{
	/* A status that may be failed says that it need not be there. */
	bool optional = e->status & 1u << MSC_CSW_FAILED;

	if (e->n_data && !len && !optional)
		return msc_check_no_data(r, x, "none", rule,
					 "what must come back could not be looked at: no data came",
					 err);
	for (size_t i = 0; i < e->n_data; i++) {
		const struct msc_data_check *c = &e->data[i];
		const struct msc_saved_answer *saved = &r->slots[c->slot];
		size_t both = len < saved->len ? len : saved->len;
		int rc = 0;

		switch (c->kind) {
		case MSC_CHECK_PATTERN:
			rc = check_pattern(r, c->pattern, x, data, len, lba, err);
			break;
		case MSC_CHECK_BYTES: rc = check_bytes(r, c, x, data, len, rule, err); break;
		case MSC_CHECK_ORIGINAL: rc = check_original(r, x, data, len, lba, err); break;
		case MSC_CHECK_SAME:
			rc = both || optional
				     ? compare(r, rule, x, data, saved->data, both, NULL,
					       "the answer is not the same as before", err)
				     : msc_check_no_data(
					       r, x, "none was saved", rule,
					       "the answer could not be compared: the one that "
					       "it must equal is empty",
					       err);
			break;
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}
