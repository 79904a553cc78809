/* SPDX-License-Identifier: BSD-2-Clause */
/* What the operations of a conversation share: its session, its care of the medium, its records. */
#include "report/ask_state.h"

#include <stdlib.h>

#include "base/text.h"

static void on_record(void *user, const struct msc_record *r)
{
	struct msc_ask *a = user;
	struct msc_findings found = { NULL };
	json_t *record;

	if (!a->records)
		return;
	record = msc_record_json(r);
	if (msc_judge(r, a->o.profile, &found, &a->err) < 0)
		msc_findings_clear(&found);
	if (!record || json_object_set_new(record, "findings", msc_findings_json(&found)) ||
	    json_array_append_new(a->records, record))
		msc_nomem(&a->err);
	a->newest = r;
	a->newest_at = json_array_size(a->records) - 1;
	msc_findings_clear(&found);
}

void msc_ask_note(void *user, bool safety, const char *text)
{
	struct msc_ask *a = user;

	if (a->notes)
		json_array_append_new(a->notes, msc_json_text(text));
	if (a->o.note)
		a->o.note(a->o.user, safety, text);
}

struct msc_session *msc_ask_session(struct msc_ask *a, struct msc_err *err)
{
	struct msc_session_options o = a->o.session;

	if (a->session)
		return a->session;
	o.record = on_record;
	o.user = a;
	o.wire = NULL;
	a->session = msc_session_new(a->target, &o);
	if (!a->session)
		msc_nomem(err);
	else if (a->o.stop)
		msc_session_set_stop(a->session, a->o.stop, a->o.user);
	return a->session;
}

static void end_medium(struct msc_ask *a)
{
	struct msc_medium_end end;

	if (!a->medium)
		return;
	msc_session_mute(a->session, true);
	msc_medium_finish(a->medium, &end);
	msc_medium_free(a->medium);
	msc_session_mute(a->session, false);
	a->medium = NULL;
	a->not_restored |= !end.restored || end.elsewhere;
}

struct msc_medium *msc_ask_medium(struct msc_ask *a, uint8_t lun, struct msc_err *err)
{
	const struct msc_medium_options o = { .lun = lun, .note = msc_ask_note, .user = a };
	struct msc_session *s = msc_ask_session(a, err);

	if (a->medium && a->medium_lun == lun)
		return a->medium;
	end_medium(a);
	if (!s)
		return NULL;
	msc_session_mute(s, true);
	if (msc_session_learn(s, lun, err) == 0)
		a->medium = msc_medium_begin(s, &o, err);
	msc_session_mute(s, false);
	a->medium_lun = lun;
	return a->medium;
}

int msc_ask_leave(struct msc_ask *a, struct msc_err *err)
{
	end_medium(a);
	msc_session_free(a->session);
	a->session = NULL;
	if (a->not_restored)
		return msc_fail(err, MSC_E_DEVICE,
				"what was written could not be put back, so the device is left "
				"alone; the notes say more");
	return 0;
}

int msc_ask_give(json_t *answer, const char *name, json_t *value, struct msc_err *err)
{
	return json_object_set_new(answer, name, value) ? msc_nomem(err) : 0;
}

int msc_ask_lun(const struct msc_ask_members *m, uint8_t *lun, struct msc_err *err)
{
	int64_t n = msc_ask_number(m, MSC_ASK_LUN, 0);

	*lun = (uint8_t)n;
	if (n > MSC_LUN_MAX)
		return msc_fail(err, MSC_E_USAGE, "there is no logical unit above %d", MSC_LUN_MAX);
	return 0;
}

int msc_ask_timeout(const struct msc_ask *a, const struct msc_ask_members *m, int64_t *ns,
		    struct msc_err *err)
{
	*ns = msc_ask_number(m, MSC_ASK_TIMEOUT, a->o.session.timeout_ns);
	if (m->value[MSC_ASK_TIMEOUT] && *ns == 0)
		return msc_fail(err, MSC_E_USAGE, "timeout_ns: expected more than no time");
	return 0;
}

struct msc_report_context msc_ask_context(const struct msc_ask *a)
{
	return (struct msc_report_context){ .version = MSC_VERSION, .argv = a->o.argv };
}

/* Takes the text of a document. */
int msc_ask_give_text(json_t *answer, char *text, struct msc_err *err)
{
	json_t *document = text ? json_loads(text, 0, NULL) : NULL;
	struct msc_err full = MSC_ERR_INIT;

	free(text);
	if (!document || msc_ask_give(answer, "result", document, &full) < 0)
		return err->code ? -1 : msc_nomem(err);
	return err->code ? -1 : 0;
}

int msc_ask_give_bench(json_t *answer, const struct msc_bench_report *r, struct msc_err *err)
{
	struct msc_err full = MSC_ERR_INIT;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int result;

	if (!f)
		return msc_nomem(err);
	result = msc_bench_write_json(f, r, &full);
	if (!msc_text_end(f, &text) || result < 0) {
		free(text);
		return msc_nomem(err);
	}
	return msc_ask_give_text(answer, text, err);
}
