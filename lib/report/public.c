/* SPDX-License-Identifier: BSD-2-Clause */
/* The bodies of mscope.h. */
#include "mscope.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "report/ask.h"

struct mscope {
	struct msc_target *target; /* NULL: could not be opened */
	bool allow_writes, allow_unsafe;
	atomic_bool stop;	   /* mscope_stop was called */
	struct msc_ask *ask;	   /* NULL: nothing was asked yet */
	struct msc_err err;
};

static const char *const no_arguments[] = { "libmscope", NULL };

const char *mscope_version(void)
{
	return MSC_VERSION;
}

static int status_of(struct mscope *m)
{
	return m->err.code ? msc_exit_status(m->err.code) : MSCOPE_PASSED;
}

/* Each call begins without an error; an object that is not open has none but this. */
static bool begin(struct mscope *m)
{
	m->err = (struct msc_err)MSC_ERR_INIT;
	atomic_store(&m->stop, false);
	if (!m->target)
		msc_fail(&m->err, MSC_E_USAGE, "the target is not open");
	return m->target;
}

static bool is_stopped(void *user)
{
	struct mscope *m = user;

	return atomic_load(&m->stop);
}

void mscope_stop(struct mscope *m)
{
	atomic_store(&m->stop, true);
}

/* Ends the conversation of mscope_ask, whose session is not the one that follows. -1: what it wrote
 * could not be put back. */
static int leave(struct mscope *m)
{
	bool good = msc_ask_free(m->ask);

	m->ask = NULL;
	return good ? 0
		    : msc_fail(&m->err, MSC_E_DEVICE,
			       "what mscope_ask() had written could not be put back");
}

int mscope_open(struct mscope **out, const char *target, unsigned flags)
{
	struct mscope *m = *out = calloc(1, sizeof *m);
	struct msc_open_options options = { .allow_writes = flags & MSCOPE_ALLOW_WRITES };

	if (!m)
		return MSCOPE_INTERNAL;
	m->allow_writes = options.allow_writes;
	m->allow_unsafe = flags & MSCOPE_ALLOW_UNSAFE;
	m->target = msc_target_open(target, &options, &m->err);
	if (m->target && msc_not_mounted(m->target, &m->err) < 0) {
		msc_target_close(m->target);
		m->target = NULL;
	}
	return status_of(m);
}

void mscope_close(struct mscope *m)
{
	if (!m)
		return;
	msc_ask_free(m->ask);
	if (m->target)
		msc_target_close(m->target);
	free(m);
}

const char *mscope_error(const struct mscope *m)
{
	return m ? m->err.msg : "out of memory";
}

void mscope_free(char *json)
{
	free(json);
}

/* Takes the document; the text is the caller's, who may not want it. */
static int give(struct mscope *m, json_t *document, char **json)
{
	if (!json) {
		json_decref(document);
		return status_of(m);
	}
	*json = document ? json_dumps(document, JSON_INDENT(2)) : NULL;
	json_decref(document);
	if (!*json)
		msc_nomem(&m->err);
	return status_of(m);
}

int mscope_device(struct mscope *m, char **json)
{
	if (json)
		*json = NULL;
	return begin(m) ? give(m, msc_device_json(&m->target->device), json) : status_of(m);
}

/* ---- check --------------------------------------------------------------------------------- */

struct check {
	struct mscope *m;
	const struct mscope_check *options;
	bool stop, failed;
};

static void on_event(void *user, const struct msc_event *ev)
{
	struct check *c = user;
	json_t *entry;
	char *text;

	if (ev->kind != MSC_EV_CASE_END || !c->options->done)
		return;
	entry = msc_case_json(ev);
	text = entry ? json_dumps(entry, 0) : NULL;
	if (text)
		c->stop |= c->options->done(c->options->user, text) != 0;
	else
		c->failed = true;
	free(text);
	json_decref(entry);
}

static bool check_is_stopped(void *user)
{
	const struct check *c = user;

	return c->stop || is_stopped(c->m);
}

static int run(struct check *c, const struct msc_scenarios *all, char **result)
{
	struct mscope *m = c->m;
	const struct mscope_check *o = c->options;
	struct msc_whole_check w = { .all = all,
				     .select = o->select,
				     .options = { .profile = MSC_PROFILE_USBIF,
						  .allow_writes = m->allow_writes,
						  .allow_unsafe = m->allow_unsafe,
						  .queued = o->queued,
						  .lun = (uint8_t)o->lun,
						  .timeout_ns = o->timeout_ns,
						  .stop = check_is_stopped },
				     .context = { .version = MSC_VERSION, .argv = no_arguments },
				     .event = on_event,
				     .user = c };
	int status;

	while (w.select && w.select[w.n_select])
		w.n_select++;
	if (o->profile && msc_profile_parse(o->profile, &w.options.profile, &m->err) < 0)
		return status_of(m);
	if (o->lun > MSC_LUN_MAX) {
		msc_fail(&m->err, MSC_E_USAGE, "there is no logical unit above %d", MSC_LUN_MAX);
		return status_of(m);
	}
	status = msc_check_whole(m->target, &w, result, &m->err);
	if (c->failed)
		msc_nomem(&m->err);
	return status < 0 || c->failed ? status_of(m) : status;
}

int mscope_check(struct mscope *m, const struct mscope_check *options, char **out)
{
	static const struct mscope_check defaults = { .profile = NULL };
	struct check c = { .m = m, .options = options ? options : &defaults };
	struct msc_scenarios all = { NULL };
	char *result = NULL;
	int status;

	if (out)
		*out = NULL;
	if (!begin(m) || leave(m) < 0)
		return status_of(m);
	status = msc_scenarios_load_embedded(&all, &m->err) < 0 ? status_of(m)
								: run(&c, &all, &result);
	msc_scenarios_free(&all);
	if (out)
		*out = result;
	else
		free(result);
	return status;
}

/* ---- send ---------------------------------------------------------------------------------- */

static int exchange(struct mscope *m, struct msc_session *s, const struct msc_request *request,
		    void *in, size_t in_len, char **json)
{
	const struct msc_record *r;
	const struct msc_exchange *x;
	bool passed;

	if (msc_session_exchange(s, request, &r, &m->err) < 0) {
		if (m->err.code == MSC_E_REFUSED && !m->allow_unsafe)
			msc_err_prefix(&m->err, "the target was opened without MSCOPE_ALLOW_%s: ",
				       m->err.sys == MSC_EFFECT_UNSAFE || m->allow_writes
					       ? "UNSAFE"
					       : "WRITES");
		return status_of(m);
	}
	x = &r->u.exchange;
	if (in && x->data_len)
		memcpy(in, x->data, x->data_len < in_len ? x->data_len : in_len);
	passed = msc_csw_is_valid(x) && x->csw.status == MSC_CSW_PASSED;
	if (give(m, msc_record_json(r), json))
		return status_of(m);
	return passed ? MSCOPE_PASSED : MSCOPE_FAILED;
}

static void keep_note(void *user, bool safety, const char *text)
{
	struct mscope *m = user;

	if (safety)
		msc_fail(&m->err, MSC_E_GONE, "%s", text);
}

/* A command that names blocks to be written: these are saved, and put back before it returns. */
static int exchange_with_care(struct mscope *m, struct msc_session *s,
			      const struct msc_request *request, char **json)
{
	const struct msc_medium_options o = { .lun = request->cbw.h.lun,
					      .note = keep_note,
					      .user = m };
	struct msc_medium_end end;
	struct msc_medium *medium;
	struct msc_write w;
	int status = MSCOPE_INTERNAL;

	if (msc_session_learn(s, o.lun, &m->err) < 0)
		return status_of(m);
	medium = msc_medium_begin(s, &o, &m->err);
	if (!medium)
		return status_of(m);
	m->err = (struct msc_err)MSC_ERR_INIT; /* an earlier run's blocks were put back */
	if (msc_medium_before(medium, request, &w, &m->err) == 0) {
		if (w.may == MSC_MAY_SEND)
			status = exchange(m, s, request, NULL, 0, json);
		else
			msc_fail(&m->err, MSC_E_USAGE, "%s", w.why);
		if (msc_medium_after(medium, &w, &m->err) == 0 && *w.hit)
			msc_fail(&m->err, MSC_E_GONE, "%s", w.hit);
	}
	msc_medium_finish(medium, &end);
	msc_medium_free(medium);
	return m->err.code ? status_of(m) : status;
}

int mscope_send(struct mscope *m, unsigned lun, const uint8_t *cdb, size_t cdb_len, void *in,
		size_t in_len, const void *out, size_t out_len, char **json)
{
	const struct msc_session_options options = { .allow_writes = m->allow_writes,
						     .allow_unsafe = m->allow_unsafe };
	struct msc_request request;
	struct msc_session *session;
	int status;

	if (json)
		*json = NULL;
	if (!begin(m) || leave(m) < 0)
		return status_of(m);
	if (cdb_len == 0 || cdb_len > MSC_CBW_CB_MAX || lun > MSC_LUN_MAX || (in_len && out_len) ||
	    (out_len && !out) || in_len > UINT32_MAX || out_len > UINT32_MAX)
		msc_fail(&m->err, MSC_E_USAGE,
			 "a command has 1 to 16 bytes, a unit of 0 to 15, and "
			 "one data phase at most");
	if (m->err.code)
		return status_of(m);
	session = msc_session_new(m->target, &options);
	if (!session) {
		msc_nomem(&m->err);
		return status_of(m);
	}
	msc_session_set_stop(session, is_stopped, m);
	msc_request_init(&request, cdb, (uint8_t)cdb_len,
			 in_len    ? MSC_DIR_IN
			 : out_len ? MSC_DIR_OUT
				   : MSC_DIR_NONE,
			 (uint32_t)(in_len ? in_len : out_len));
	request.keep_cb_length = true;
	request.cbw.h.lun = (uint8_t)lun;
	request.out = out;
	if (out_len)
		request.out_len = out_len;
	if (m->allow_writes && !m->allow_unsafe && msc_cdb_writes_blocks(request.cbw.cb))
		status = exchange_with_care(m, session, &request, json);
	else
		status = exchange(m, session, &request, in, in_len, json);
	msc_session_free(session);
	return status;
}

/* ---- ask ----------------------------------------------------------------------------------- */

int mscope_ask(struct mscope *m, const char *request, char **json)
{
	json_t *answer;

	if (json)
		*json = NULL;
	if (!begin(m))
		return status_of(m);
	if (!m->ask) {
		const struct msc_ask_options o = { .session = { .allow_writes = m->allow_writes,
								.allow_unsafe = m->allow_unsafe },
						   .profile = MSC_PROFILE_USBIF,
						   .argv = no_arguments,
						   .stop = is_stopped,
						   .user = m };

		m->ask = msc_ask_new(m->target, &o);
	}
	if (!m->ask) {
		msc_nomem(&m->err);
		return status_of(m);
	}
	answer = msc_ask(m->ask, request, strlen(request), &m->err);
	if (json)
		*json = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	if (!answer || (json && !*json))
		msc_nomem(&m->err);
	json_decref(answer);
	return status_of(m);
}
