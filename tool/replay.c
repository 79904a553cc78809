/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope replay: sends what a recorded host sent to a device that is here, record by record as they are
 * read, and tells every difference in answer and in time. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "capture/replay.h"
#include "decode.h"
#include "mscope.h"
#include "window.h"

#define BATCH	1024 /* packets between two looks at the user */
#define INDENT	14
#define COMMAND 33 /* columns */
#define NAP_NS	(100 * MSC_MS) /* of a wait, between two looks at the user */

/* The time of an exchange is another one when it is twice or half as long, and by more than software's own
 * noise. What else there is goes to endpoint 0, where a packet's time is compared with a request's. */
#define FACTOR	2
#define NOISE_NS (100 * MSC_US)

enum fate { SAME, DIFFERS, REFUSED, LEFT_OUT, FATES };
static const char *const fates[FATES] = { "same", "differs", "refused", "left_out" };

struct replay {
	struct tool *tool;
	const char *path;
	struct msc_window window;
	bool fast, unsafe;
	struct msc_session *session;
	struct msc_medium *medium; /* NULL: nothing was written yet */
	json_t *exchanges; /* NULL: nobody wants them */
	bool headed, not_restored;
	bool deconfigured; /* the recorded host has set another configuration than the one in force */
	uint64_t count[FATES], slower, faster, index;
	int64_t was_ns, now_ns; /* of all exchanges that were sent */
	int64_t ended_was_ns, ended_now_ns; /* of the one before; 0: none */
	struct msc_err err; /* of a callback */
};

struct shown {
	enum fate fate;
	const char *why; /* refused, or left out */
	char note[64]; /* of what was done about it; empty: nothing */
	int64_t was_ns, now_ns;
	size_t n;
	struct msc_replay_difference list[MSC_REPLAY_DIFFERENCES_MAX];
};

/* ---- showing ------------------------------------------------------------------------------- */

static int pace_of(const struct msc_record *r, const struct shown *s)
{
	int64_t by = s->now_ns - s->was_ns;

	if (r->kind != MSC_RECORD_EXCHANGE || s->fate > DIFFERS ||
	    (by < NOISE_NS && by > -NOISE_NS))
		return 0;
	return s->now_ns >= FACTOR * s->was_ns ? 1 : s->was_ns >= FACTOR * s->now_ns ? -1 : 0;
}

static void say(FILE *out, const char *text)
{
	fprintf(out, "%*s", INDENT, "");
	msc_put_wrapped(out, INDENT, INDENT + 2, text);
	putc('\n', out);
}

static void put_line(struct replay *p, const struct msc_record *r, const struct shown *s)
{
	static const char *const words[FATES] = { "", "differs", "not sent", "left out" };
	static const enum msc_tint tints[FATES] = { MSC_TINT_NONE, MSC_TINT_FAIL, MSC_TINT_WARN,
						    MSC_TINT_ASIDE };
	FILE *out = p->tool->text;
	char text[160], was[8], now[8] = "", lun[8] = "";
	int pace = pace_of(r, s);

	if (!p->headed)
		fprintf(out, "%10s %2s %-*s %8s %6s\n", "time", "lu", COMMAND, "command",
			"recorded", "now");
	p->headed = true;
	msc_record_text(text, sizeof text, r);
	if (r->kind == MSC_RECORD_EXCHANGE)
		snprintf(lun, sizeof lun, "%u", r->u.exchange.cbw.h.lun);
	fprintf(out, "%10.6f %2s ", (double)r->began_ns / 1e9, lun);
	if (strlen(text) > COMMAND) {
		msc_put_wrapped(out, INDENT, INDENT, text);
		fprintf(out, "\n%*s%*s", INDENT, "", COMMAND, "");
	} else {
		fprintf(out, "%-*s", COMMAND, text);
	}
	if (s->fate <= DIFFERS)
		msc_short_ns(now, s->now_ns);
	fprintf(out, " %8s %6s", msc_short_ns(was, s->was_ns), now);
	if (*words[s->fate] || pace) {
		fputs("  ", out);
		msc_put_tinted(out, tool_context(p->tool).color, tints[s->fate], words[s->fate]);
		fputs(*words[s->fate] && pace ? ", " : "", out);
		fputs(!pace ? "" : pace > 0 ? "slower" : "faster", out);
	}
	putc('\n', out);
}

static void show(struct replay *p, const struct msc_record *r, const struct shown *s)
{
	char text[256];

	if (s->fate != DIFFERS && s->fate != REFUSED && !pace_of(r, s) && !*s->note &&
	    p->tool->verbosity <= 0)
		return;
	if (p->tool->verbosity < 0 && s->fate != DIFFERS)
		return;
	put_line(p, r, s);
	for (size_t i = 0; i < s->n; i++) {
		snprintf(text, sizeof text, "%s: recorded %s, now %s", s->list[i].what,
			 s->list[i].was, s->list[i].now);
		say(p->tool->text, text);
	}
	if (s->why)
		say(p->tool->text, s->why);
	if (*s->note)
		say(p->tool->text, s->note);
}

static json_t *differences_json(const struct shown *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "what", s->list[i].what,
						      "recorded", s->list[i].was, "replayed",
						      s->list[i].now));
	return list;
}

static int add_json(struct replay *p, const struct msc_record *r, const struct shown *s)
{
	static const char *const kinds[] = { [MSC_RECORD_EXCHANGE] = "exchange",
					     [MSC_RECORD_CONTROL] = "control",
					     [MSC_RECORD_POLL] = "poll",
					     [MSC_RECORD_PORT_RESET] = "port_reset" };
	char text[160];
	json_t *one =
		json_pack("{s:I, s:s, s:o, s:I, s:s, s:o, s:o, s:I, s:o, s:o}", "index",
			  (json_int_t)p->index, "kind", kinds[r->kind], "command",
			  msc_json_text(msc_record_text(text, sizeof text, r)), "time_ns",
			  (json_int_t)r->began_ns, "fate", fates[s->fate], "reason",
			  msc_json_text(s->why), "note", msc_json_text(*s->note ? s->note : NULL),
			  "recorded_ns", (json_int_t)s->was_ns, "replayed_ns",
			  s->fate <= DIFFERS ? json_integer((json_int_t)s->now_ns) : json_null(),
			  "differences", differences_json(s));

	return json_array_append_new(p->exchanges, one) ? msc_nomem(&p->err) : 0;
}

static void conclude(struct replay *p, const struct msc_record *r, const struct shown *s)
{
	int pace = pace_of(r, s);

	p->count[s->fate]++;
	p->slower += pace > 0;
	p->faster += pace < 0;
	if (s->fate <= DIFFERS && r->kind == MSC_RECORD_EXCHANGE) {
		p->was_ns += s->was_ns;
		p->now_ns += s->now_ns;
	}
	if (p->tool->text)
		show(p, r, s);
	if (p->exchanges)
		add_json(p, r, s);
}

/* ---- sending ------------------------------------------------------------------------------- */

/* The pause that the recorded host made before it. */
static int keep_gap(struct replay *p, const struct msc_record *was)
{
	struct msc_clock *clock = msc_session_target(p->session)->clock;
	int64_t gap_ns = was->began_ns - p->ended_was_ns, until_ns;

	if (p->fast || !p->ended_was_ns || gap_ns <= 0)
		return 0;
	until_ns = p->ended_now_ns + gap_ns;
	while (msc_now(clock) < until_ns) {
		int64_t nap_ns = msc_now(clock) + NAP_NS;

		if (tool_stop(NULL))
			return msc_fail(&p->err, MSC_E_INTERRUPTED, "interrupted");
		msc_wait_until(clock, nap_ns < until_ns ? nap_ns : until_ns);
	}
	return 0;
}

static bool is_write(const struct msc_record *r)
{
	return r->kind == MSC_RECORD_EXCHANGE && msc_cdb_writes_blocks(r->u.exchange.cbw.cb);
}

/* Blocks are saved, and put back at the end, unless the user wants none of that. */
static bool is_cared_for(const struct replay *p, const struct msc_record *was)
{
	return is_write(was) && arg(&p->tool->args, "allow-writes") && !p->unsafe;
}

static int prepare_write(struct replay *p, const struct msc_replay_plan *plan, struct msc_write *w)
{
	uint8_t lun = plan->request.cbw.h.lun;

	if (!p->medium) {
		if (msc_session_learn(p->session, lun, &p->err) < 0)
			return -1;
		p->medium = tool_medium_begin(p->session, lun, 1, 0, &p->err);
		if (!p->medium)
			return -1;
	}
	return msc_medium_before(p->medium, &plan->request, w, &p->err);
}

static int send_plan(struct replay *p, const struct msc_replay_plan *plan,
		     const struct msc_record *was, const struct msc_record **now)
{
	struct msc_err err = MSC_ERR_INIT;

	if (msc_replay_send(p->session, plan, was, now, &err) == 0)
		return 0;
	p->err = err;
	return -1;
}

/* A device that ended otherwise than the recorded one, and needs what the recorded host did not do. */
static int settle(struct replay *p, const struct msc_record *was, bool needs_reset, struct shown *s)
{
	int rung = 0;

	if (was->kind != MSC_RECORD_EXCHANGE || !needs_reset || was->u.exchange.needs_reset)
		return 0;
	if (msc_session_settle(p->session, &rung, &p->err) < 0)
		return -1;
	if (rung > 0)
		snprintf(s->note, sizeof s->note, "it %s", msc_session_settled(rung));
	return 0;
}

static int take_answer(struct replay *p, const struct msc_record *was, const struct msc_record *now,
		       struct shown *s)
{
	bool needs_reset = now && now->kind == MSC_RECORD_EXCHANGE && now->u.exchange.needs_reset;

	if (now) {
		s->n = msc_replay_compare(was, now, s->list);
		s->now_ns = now->ended_ns - now->began_ns;
		s->fate = s->n ? DIFFERS : SAME;
		msc_replay_track(&p->deconfigured, was, now);
	}
	p->ended_was_ns = was->ended_ns;
	p->ended_now_ns = msc_now(msc_session_target(p->session)->clock);
	return settle(p, was, needs_reset, s);
}

static int send_once(struct replay *p, const struct msc_replay_plan *plan,
		     const struct msc_record *was, struct shown *s, char *why, size_t size)
{
	const bool cared_for = is_cared_for(p, was);
	const struct msc_record *now = NULL;
	struct msc_write w = { .may = MSC_MAY_SEND };

	if (cared_for && prepare_write(p, plan, &w) < 0)
		return -1;
	if (w.may != MSC_MAY_SEND) {
		s->fate = REFUSED;
		snprintf(why, size, "%s", w.why);
		return 0;
	}
	if (send_plan(p, plan, was, &now) < 0) {
		if (p->err.code != MSC_E_REFUSED && p->err.code != MSC_E_UNSUPPORTED)
			return -1;
		s->fate = REFUSED;
		snprintf(why, size, "%s", p->err.msg);
		p->err = (struct msc_err)MSC_ERR_INIT;
	} else if (take_answer(p, was, now, s) < 0) {
		return -1;
	}
	if (cared_for && msc_medium_after(p->medium, &w, &p->err) < 0)
		return -1;
	return 0;
}

static void on_record(void *user, const struct msc_talk *t, const struct msc_record *was)
{
	struct replay *p = user;
	struct shown s = { .fate = LEFT_OUT, .was_ns = was->ended_ns - was->began_ns };
	struct msc_replay_plan plan;
	char why[512] = "";

	if (p->err.code || !msc_window_has(&p->window, t, was))
		return;
	if (!p->window.device)
		p->window.device = t->number;
	p->index++;
	if (msc_replay_plan(&plan, was, &p->err) < 0)
		return;
	if (plan.left_out)
		snprintf(why, sizeof why, "%s", plan.left_out);
	else if (keep_gap(p, was) < 0 || send_once(p, &plan, was, &s, why, sizeof why) < 0)
		goto end;
	s.why = *why ? why : NULL;
	conclude(p, was, &s);
end:
	msc_replay_plan_end(&plan);
}

/* ---- the run ------------------------------------------------------------------------------- */

static int replay_all(struct replay *p, struct msc_capture *c, struct msc_err *err)
{
	bool over = false;
	char text[64];

	while (!over) {
		int result = msc_capture_read(c, BATCH, &over, err);

		if (p->err.code) {
			*err = p->err;
			return -1;
		}
		if (result < 0)
			return -1;
		snprintf(text, sizeof text, "%llu sent", (unsigned long long)p->index);
		tool_progress(p->tool, text);
		if (tool_stop(NULL))
			return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	}
	tool_progress(p->tool, "");
	return msc_capture_facts(c)->talks ? 0
					   : msc_window_nothing(p->path, msc_capture_facts(c), err);
}

static void put_summary(const struct replay *p, const struct msc_capture_facts *f)
{
	FILE *out = p->tool->text;
	char was[24], now[24];

	fprintf(out, "%s%llu sent again: %llu answered as recorded, %llu otherwise",
		p->headed ? "\n" : "", (unsigned long long)(p->count[SAME] + p->count[DIFFERS]),
		(unsigned long long)p->count[SAME], (unsigned long long)p->count[DIFFERS]);
	if (p->count[REFUSED])
		fprintf(out, "; %llu refused", (unsigned long long)p->count[REFUSED]);
	if (p->count[LEFT_OUT])
		fprintf(out, "; %llu left out", (unsigned long long)p->count[LEFT_OUT]);
	fprintf(out, "\nexchanges took %s; recorded %s", msc_format_ns(now, sizeof now, p->now_ns),
		msc_format_ns(was, sizeof was, p->was_ns));
	if (p->slower || p->faster)
		fprintf(out, "; %llu slower, %llu faster, by a factor of %d",
			(unsigned long long)p->slower, (unsigned long long)p->faster, FACTOR);
	putc('\n', out);
	if (f->talks > 1 && !arg(&p->tool->args, "device"))
		fprintf(out,
			"of %llu mass-storage interfaces in the capture this was number %llu; "
			"see --device\n",
			(unsigned long long)f->talks, (unsigned long long)p->window.device);
}

static int write_document(struct replay *p, int status, const struct msc_err *why,
			  struct msc_err *err)
{
	const struct msc_report_context context = tool_context(p->tool);
	json_t *document = msc_json_document(
		"mscope.replay/1", &context,
		msc_device_json(&msc_session_target(p->session)->device), status, why->msg);

	if (document &&
	    (json_object_set_new(document, "capture", msc_json_text(p->path)) ||
	     json_object_set(document, "exchanges", p->exchanges) ||
	     json_object_set_new(
		     document, "summary",
		     json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "same",
			       (json_int_t)p->count[SAME], "differs", (json_int_t)p->count[DIFFERS],
			       "refused", (json_int_t)p->count[REFUSED], "left_out",
			       (json_int_t)p->count[LEFT_OUT], "slower", (json_int_t)p->slower,
			       "faster", (json_int_t)p->faster, "recorded_ns",
			       (json_int_t)p->was_ns, "replayed_ns", (json_int_t)p->now_ns)))) {
		json_decref(document);
		document = NULL;
	}
	return write_json(p->tool, document, err);
}

/* What was sent is told however it ended. */
static int conduct_replay(struct replay *p, struct msc_capture *c, struct msc_err *err)
{
	struct msc_err unwritten = MSC_ERR_INIT, ignored = MSC_ERR_INIT;
	int result = replay_all(p, c, err), status;

	if (msc_replay_end(p->session, p->deconfigured, result < 0 ? &ignored : err) < 0)
		result = -1;
	if (p->medium && !tool_medium_end(p->medium))
		p->not_restored = true;
	if (result == 0 && !p->index)
		result = msc_fail(err, MSC_E_UNDECIDED,
				  "%s: nothing in it is of this time, unit and device", p->path);
	status = result < 0                             ? tool_status(err)
		 : p->count[DIFFERS] || p->not_restored ? MSCOPE_FAILED
							: MSCOPE_PASSED;
	if (p->tool->text && p->index)
		put_summary(p, msc_capture_facts(c));
	if (p->exchanges && write_document(p, status, err, &unwritten) < 0 && result == 0) {
		*err = unwritten;
		return -1;
	}
	return result < 0 ? -1 : status;
}

static int drive(struct replay *p, struct msc_err *err)
{
	struct tool *tool = p->tool;
	const struct msc_capture_options options = { .record = on_record, .user = p };
	struct msc_session_options o = { .log = &tool->log, .queued = true };
	struct msc_capture *c = NULL;
	struct msc_target *target;
	int status = -1;

	if (arg_duration(&tool->args, "timeout", &o.timeout_ns, err) < 0 ||
	    tool_leave(tool, &o.allow_writes, &o.allow_unsafe, err) < 0)
		return -1;
	o.unsafe = tool->unsafe;
	o.n_unsafe = tool->n_unsafe;
	p->unsafe = o.allow_unsafe && !o.n_unsafe;
	target = tool_open(tool, arg(&tool->args, "allow-writes"), err);
	if (!target)
		return -1;
	tool_tell_journal(target);
	p->session = msc_session_new(target, &o);
	if (p->session) {
		msc_session_set_stop(p->session, tool_stop, NULL);
		c = msc_capture_open(p->path, &options, err);
	} else {
		msc_nomem(err);
	}
	if (c)
		status = conduct_replay(p, c, err);
	msc_capture_close(c);
	msc_session_free(p->session);
	msc_target_close(target);
	return status;
}

/* The capture stands before the target. */
static int take_capture(struct replay *p, struct args *a, struct msc_err *err)
{
	if (!a->n_words || a->rest < a->n_words)
		return msc_fail(err, MSC_E_USAGE, "replay takes a capture and a target");
	p->path = a->words[0];
	memmove(a->words, a->words + 1, --a->n_words * sizeof *a->words);
	a->rest = a->n_words;
	if (tool_target(p->tool, err) < 0)
		return -1;
	if (a->n_words > p->tool->target_words)
		return msc_fail(err, MSC_E_USAGE,
				"replay takes one capture and one target, not '%s'",
				a->words[p->tool->target_words]);
	return window_read(&p->window, a, err);
}

static int replay(struct tool *tool, struct msc_err *err)
{
	struct replay p = { .tool = tool, .fast = arg(&tool->args, "fast") };
	int status = -1;

	if (json_is_wanted(tool))
		p.exchanges = json_array();
	if (take_capture(&p, &tool->args, err) == 0)
		status = drive(&p, err);
	json_decref(p.exchanges);
	return status;
}

static const struct opt replay_options[] = {
	{ "fast", 0, NULL, "send one right after the other, without the recorded pauses" },
	WINDOW_LUN,
	WINDOW_TIME,
	WINDOW_DEVICE,
	{ "allow-writes", 0, NULL, "send what writes: blocks are saved, and put back" },
	{ "allow-unsafe", 0, "[OPCODE,...]",
	  "and irreversible or unknown commands: all, or these, e.g. =04,3b" },
	{ .name = NULL },
};

const struct cmd cmd_replay = {
	.name = "replay",
	.summary = "send a recorded host's commands again, and show the differences",
	.usage = "CAPTURE [TARGET] [OPTION]...",
	.options = { replay_options, target_options, common_options },
	.verbose = "show every record; twice: log every transfer",
	.quiet = "show only differing answers, and log nothing",
	.document = "mscope.replay/1",
	.endpoints = true,
	.format = plain_format,
	.run = replay,
};
