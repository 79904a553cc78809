/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests and their answers: what comes in is checked by the table of operations, and what happened
 * meanwhile goes out with the answer. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mscope.h"
#include "report/ask_state.h"

#define HAS MSC_ASK_HAS

static int tell_target(struct msc_ask *, const struct msc_ask_members *, json_t *,
		       struct msc_err *);
static int close_it(struct msc_ask *, const struct msc_ask_members *, json_t *, struct msc_err *);

static const struct operation {
	const char *name;
	msc_ask_fn *run;
	uint64_t required, allowed; /* beside id and op */
} operations[] = {
	{ "target", tell_target, 0, 0 },
	{ "unit", msc_ask_unit, 0, HAS(LUN) },
	{ "scratch", msc_ask_scratch, 0, HAS(LUN) },
	{ "command", msc_ask_command, HAS(CDB),
	  HAS(IN) | HAS(OUT) | HAS(LUN) | HAS(TIMEOUT) | HAS(RAW) },
	{ "send", msc_ask_send, HAS(CDB), HAS(IN) | HAS(OUT) | HAS(CBW) | HAS(TIMEOUT) | HAS(RAW) },
	{ "control", msc_ask_control, HAS(REQUEST_TYPE) | HAS(REQUEST),
	  HAS(VALUE) | HAS(INDEX) | HAS(LENGTH) | HAS(OUT) },
	{ "reset", msc_ask_reset, 0, HAS(KIND) },
	{ "read", msc_ask_read, HAS(LBA), HAS(BLOCKS) | HAS(LUN) | HAS(TIMEOUT) | HAS(RAW) },
	{ "write", msc_ask_write, HAS(LBA) | HAS(OUT), HAS(LUN) | HAS(TIMEOUT) | HAS(RAW) },
	{ "check", msc_ask_check, 0,
	  HAS(SELECT) | HAS(EXCLUDE) | HAS(PROFILE) | HAS(QUEUED) | HAS(LUN) | HAS(TIMEOUT) |
		  HAS(ALLOW_EJECT) },
	{ "run", msc_ask_run, HAS(YAML),
	  HAS(NAME) | HAS(SELECT) | HAS(EXCLUDE) | HAS(PROFILE) | HAS(QUEUED) | HAS(LUN) |
		  HAS(TIMEOUT) | HAS(ALLOW_EJECT) },
	{ "cases", msc_ask_cases, 0, HAS(YAML) | HAS(NAME) | HAS(SELECT) | HAS(EXCLUDE) },
	{ "bench", msc_ask_bench, 0,
	  HAS(TRANSFER) | HAS(SIZES) | HAS(MODE) | HAS(COUNT) | HAS(DURATION) | HAS(RANDOM) |
		  HAS(WARM_UP) | HAS(LUN) | HAS(TIMEOUT) },
	{ "pace", msc_ask_pace, 0,
	  HAS(SIZES) | HAS(MODE) | HAS(COUNT) | HAS(LBA) | HAS(LUN) | HAS(TIMEOUT) },
	{ "compare", msc_ask_compare, HAS(BASE) | HAS(NEW), HAS(THRESHOLD) | HAS(FORCE) },
	{ "decode", msc_ask_decode, HAS(CAPTURE),
	  HAS(PROFILE) | HAS(ONLY) | HAS(LUN) | HAS(DEVICE) | HAS(FROM) | HAS(TO) },
	{ "close", close_it, 0, 0 },
};

/* ---- about the conversation --------------------------------------------------------------------- */

static int tell_target(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		       struct msc_err *err)
{
	json_t *names = json_array();

	(void)m;
	for (size_t i = 0; i < MSC_COUNT(operations); i++)
		json_array_append_new(names, json_string(operations[i].name));
	return msc_ask_give(answer, "result",
			    json_pack("{s:s, s:{s:s, s:s}, s:o, s:s, s:b, s:b, s:o}", "format",
				      "mscope.session/1", "tool", "name", "mscope", "version",
				      MSC_VERSION, "target", msc_device_json(&a->target->device),
				      "profile", msc_profile_names[a->o.profile], "allow_writes",
				      a->o.session.allow_writes, "allow_unsafe",
				      a->o.session.allow_unsafe, "operations", names),
			    err);
}

static int close_it(struct msc_ask *a, const struct msc_ask_members *m, json_t *answer,
		    struct msc_err *err)
{
	(void)m;
	a->closed = true;
	if (msc_ask_leave(a, err) < 0)
		return -1;
	return msc_ask_give(answer, "result", json_object(), err);
}

/* ---- one request -------------------------------------------------------------------------------- */

static const char *error_word(enum msc_code code)
{
	switch (code) {
	case MSC_E_USAGE:
		return "usage";
	case MSC_E_REFUSED:
		return "refused";
	case MSC_E_UNSUPPORTED:
		return "unsupported";
	case MSC_E_GONE:
		return "gone";
	case MSC_E_INTERRUPTED:
		return "interrupted";
	case MSC_E_TIMEOUT:
		return "timeout";
	case MSC_E_UNDECIDED:
		return "undecided";
	case MSC_E_FORMAT:
		return "format";
	case MSC_E_NOTFOUND:
	case MSC_E_ACCESS:
	case MSC_E_BUSY:
	case MSC_E_DEVICE:
		return "device";
	case MSC_E_IO:
		return "file";
	case MSC_OK:
	case MSC_E_NOMEM:
	case MSC_E_INTERNAL:
		break;
	}
	return "internal";
}

static json_t *error_json(const struct msc_err *err)
{
	return json_pack("{s:s, s:o, s:i}", "kind", error_word(err->code), "message",
			 msc_json_text(err->msg), "exit_status", msc_exit_status(err->code));
}

json_t *msc_ask_error(json_t *id, const struct msc_err *err)
{
	return json_pack("{s:O?, s:o}", "id", id, "error", error_json(err));
}

bool msc_ask_is_final(const struct msc_err *err)
{
	return err->code == MSC_E_GONE || err->code == MSC_E_INTERRUPTED ||
	       err->code == MSC_E_NOMEM || err->code == MSC_E_INTERNAL;
}

bool msc_ask_is_closed(const struct msc_ask *a)
{
	return a->closed;
}

static const struct operation *find_operation(const json_t *request, struct msc_err *err)
{
	const char *name = json_string_value(json_object_get(request, "op"));
	struct msc_nearest near = { .wanted = name };

	if (!name) {
		msc_fail(err, MSC_E_USAGE, "a request is an object with 'id' and 'op'");
		return NULL;
	}
	for (size_t i = 0; i < MSC_COUNT(operations); i++) {
		if (!strcmp(operations[i].name, name))
			return &operations[i];
		msc_nearest_try(&near, operations[i].name);
	}
	msc_fail(err, MSC_E_USAGE, "no operation called '%.64s'%s%s%s", name,
		 near.best ? "; did you mean '" : "", near.best ? near.best : "",
		 near.best ? "'?" : "");
	return NULL;
}

static json_t *id_of(const json_t *request)
{
	json_t *id = json_object_get(request, "id");

	return json_is_string(id) || json_is_integer(id) ? id : NULL;
}

static int perform(struct msc_ask *a, const json_t *request, json_t *answer, struct msc_err *err)
{
	const struct operation *op = find_operation(request, err);
	struct msc_ask_members m;
	const uint64_t both = HAS(ID) | HAS(OP);

	if (!op)
		return -1;
	if (!id_of(request))
		return msc_fail(err, MSC_E_USAGE, "%s needs an 'id': a whole number or a string",
				op->name);
	if (msc_ask_members(request, op->name, op->allowed | op->required | both, op->required, &m,
			    err) < 0 ||
	    op->run(a, &m, answer, err) < 0)
		return -1;
	if (a->err.code)
		*err = a->err;
	return err->code ? -1 : 0;
}

/* What happened beside what was asked for: the host's own requests, REQUEST SENSE, notes. */
static int add_the_rest(struct msc_ask *a, json_t *answer, struct msc_err *err)
{
	struct msc_err full = MSC_ERR_INIT;

	if ((json_array_size(a->records) &&
	     msc_ask_give(answer, "others", json_incref(a->records), &full) < 0) ||
	    (json_array_size(a->notes) &&
	     msc_ask_give(answer, "notes", json_incref(a->notes), &full) < 0) ||
	    (err->code && (json_object_del(answer, "exchange"),
			   msc_ask_give(answer, "error", error_json(err), &full) < 0))) {
		*err = full;
		return -1;
	}
	return 0;
}

json_t *msc_ask(struct msc_ask *a, const char *text, size_t len, struct msc_err *err)
{
	json_error_t where;
	json_t *request = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	json_t *answer = json_pack("{s:O?}", "id", id_of(request));

	a->records = json_array();
	a->notes = json_array();
	a->err = (struct msc_err)MSC_ERR_INIT;
	if (!answer || !a->records || !a->notes)
		msc_nomem(err);
	else if (!request)
		msc_fail(err, MSC_E_USAGE, "not JSON: column %d: %s", where.column, where.text);
	else
		(void)!perform(a, request, answer, err);
	if (answer && add_the_rest(a, answer, err) < 0) {
		json_decref(answer);
		answer = NULL;
	}
	json_decref(a->records);
	json_decref(a->notes);
	a->records = a->notes = NULL;
	json_decref(request);
	return answer;
}

struct msc_ask *msc_ask_new(struct msc_target *target, const struct msc_ask_options *o)
{
	struct msc_ask *a = calloc(1, sizeof *a);

	if (a) {
		a->target = target;
		a->o = *o;
	}
	return a;
}

bool msc_ask_free(struct msc_ask *a)
{
	struct msc_err told = MSC_ERR_INIT; /* by a note */
	bool good;

	if (!a)
		return true;
	good = msc_ask_leave(a, &told) == 0;
	free(a);
	return good;
}
