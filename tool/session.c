/* SPDX-License-Identifier: BSD-2-Clause */
/* mscope session: a conversation in JSON Lines. Standard input has a request in each line, standard
 * output the answer to each, in order (report/ask.h). It ends with standard input, with the operation
 * `close`, with the device, or with whoever reads the answers; what was written is put back then. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mscope.h"
#include "report/ask.h"
#include "tool.h"

#define LINE_MAX_BYTES (40u << 20) /* the hex of the longest data phase, and room for the rest */
#define CHUNK	       65536
#define LOOK_MS	       500 /* how long a signal may wait that comes just before poll(2) */

struct lines {
	char *buf; /* what was read, up to LINE_MAX_BYTES */
	size_t len, room, used; /* the first `used` bytes were given out */
	size_t searched;	/* no line ends before this */
	bool skipping;		/* the rest of a line that is too long */
	bool ended;
};

enum got { GOT_LINE, GOT_TOO_LONG, GOT_END, GOT_STOP, GOT_FAILED };

/* Nobody takes the answers any more: also seen while nothing is written. */
static bool reader_is_gone(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, 0) == 1 && out.revents & (POLLERR | POLLNVAL);
}

static bool stop(void *unused)
{
	return tool_stop(unused) || reader_is_gone();
}

/* Waits until there is something to read. False: the conversation is over. */
static bool wait_for_input(void)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = STDOUT_FILENO } };

	while (!stop(NULL)) {
		fds[0].revents = fds[1].revents = 0;
		if (poll(fds, 2, LOOK_MS) > 0 && fds[0].revents)
			return true;
	}
	return false;
}

static bool make_room(struct lines *l)
{
	char *more;

	if (l->used) {
		memmove(l->buf, l->buf + l->used, l->len - l->used);
		l->len -= l->used;
		l->searched -= l->used;
		l->used = 0;
	}
	if (l->room - l->len >= CHUNK)
		return true;
	more = realloc(l->buf, 2 * l->room + CHUNK);
	if (!more)
		return false;
	l->buf = more;
	l->room = 2 * l->room + CHUNK;
	return true;
}

/* More bytes, or the end. */
static enum got read_more(struct lines *l, struct msc_err *err)
{
	ssize_t n;

	if (!wait_for_input())
		return GOT_STOP;
	if (!make_room(l)) {
		msc_nomem(err);
		return GOT_FAILED;
	}
	n = read(STDIN_FILENO, l->buf + l->len, CHUNK);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return GOT_LINE;
	if (n < 0) {
		msc_fail_errno(err, MSC_E_IO, "cannot read standard input");
		return GOT_FAILED;
	}
	l->len += (size_t)n;
	l->ended = n == 0;
	return GOT_LINE;
}

/* The next line, without its end, and valid until the next call. One that is too long is left out. */
static enum got next_line(struct lines *l, const char **line, size_t *len, struct msc_err *err)
{
	for (;;) {
		char *start = l->buf + l->used;
		char *end = l->len > l->searched
				    ? memchr(l->buf + l->searched, '\n', l->len - l->searched)
				    : NULL;
		enum got got;

		if (!end && l->ended && l->used < l->len)
			end = l->buf + l->len; /* the last one may lack it */
		if (end) {
			*line = start;
			*len = (size_t)(end - start);
			l->used = (size_t)(end - l->buf) + (end < l->buf + l->len);
			l->searched = l->used;
			if (!l->skipping)
				return GOT_LINE;
			l->skipping = false;
			return GOT_TOO_LONG;
		}
		if (l->ended)
			return l->skipping ? (l->skipping = false, GOT_TOO_LONG) : GOT_END;
		l->searched = l->len;
		if (l->len - l->used > LINE_MAX_BYTES || l->skipping) {
			l->skipping = true;
			l->used = l->searched = l->len;
		}
		got = read_more(l, err);
		if (got != GOT_LINE)
			return got;
	}
}

/* One line. False: it could not be written, or there was no memory. */
static bool put_answer(json_t *answer)
{
	bool good = answer && json_dumpf(answer, stdout, JSON_COMPACT) == 0;

	json_decref(answer);
	return good && putchar('\n') == '\n' && !output_failed();
}

/* An answer to something that is no request. */
static bool put_error(const struct msc_err *err)
{
	return put_answer(msc_ask_error(NULL, err));
}

static int answer_line(struct msc_ask *a, enum got got, const char *line, size_t len,
		       struct msc_err *err)
{
	struct msc_err why = MSC_ERR_INIT;
	json_t *answer;

	if (got == GOT_TOO_LONG) {
		msc_fail(&why, MSC_E_USAGE, "a line of more than %u MiB", LINE_MAX_BYTES >> 20);
		answer = msc_ask_error(NULL, &why);
	} else {
		answer = msc_ask(a, line, len, &why);
	}
	if (!answer)
		return msc_nomem(err);
	if (!put_answer(answer))
		return msc_fail(err, MSC_E_INTERRUPTED, "nobody takes the answers");
	if (!msc_ask_is_final(&why))
		return 0;
	*err = why;
	return -1;
}

static int converse(struct msc_ask *a, struct msc_err *err)
{
	struct lines l = { .buf = NULL };
	const char *line = NULL;
	size_t len = 0;
	int result = 0;

	while (result == 0 && !msc_ask_is_closed(a)) {
		enum got got = next_line(&l, &line, &len, err);

		if (got == GOT_END)
			break;
		if (got == GOT_STOP && !caught_signal())
			output_lost(EPIPE);
		if (got == GOT_STOP)
			result = msc_fail(err, MSC_E_INTERRUPTED, "stopped");
		else if (got == GOT_FAILED)
			result = -1;
		else
			result = answer_line(a, got, line, len, err);
	}
	free(l.buf);
	return result;
}

static int understand(struct tool *tool, struct msc_ask_options *o, struct msc_err *err)
{
	const char *profile = arg(&tool->args, "profile");

	if (tool_one_target(tool, err) < 0 ||
	    arg_duration(&tool->args, "timeout", &o->session.timeout_ns, err) < 0 ||
	    tool_leave(tool, &o->session.allow_writes, &o->session.allow_unsafe, err) < 0)
		return -1;
	if (profile && msc_profile_parse(profile, &o->profile, err) < 0)
		return -1;
	o->session.unsafe = tool->unsafe;
	o->session.n_unsafe = tool->n_unsafe;
	o->session.queued = arg(&tool->args, "queued");
	o->session.log = &tool->log;
	o->note = tool_medium_note;
	o->argv = tool->argv;
	o->stop = stop;
	return 0;
}

static int talk(struct tool *tool, struct msc_target *target, const struct msc_ask_options *o,
		struct msc_err *err)
{
	struct msc_ask *a = msc_ask_new(target, o);
	int result;

	if (!a)
		return msc_nomem(err);
	if (!o->session.allow_writes)
		tool_tell_journal(target);
	result = converse(a, err);
	(void)tool;
	if (!msc_ask_free(a) && result == 0)
		return MSCOPE_FAILED;
	return result;
}

static int session(struct tool *tool, struct msc_err *err)
{
	struct msc_ask_options o = { .profile = MSC_PROFILE_USBIF };
	struct msc_target *target;
	int result;

	if (understand(tool, &o, err) < 0)
		return -1;
	target = tool_open(tool, o.session.allow_writes, err);
	if (!target) {
		if (err->code != MSC_E_USAGE)
			(void)put_error(err);
		return -1;
	}
	result = talk(tool, target, &o, err);
	msc_target_close(target);
	return result;
}

static const struct opt session_options[] = {
	{ "profile", 'p', "NAME", "how strict: spec, usbif (the default), interop" },
	{ "queued", 0, NULL, "submit CBW, data and CSW together" },
	{ "allow-writes", 0, NULL, "allow commands that write; blocks are saved and restored" },
	{ "allow-unsafe", 0, "[OPCODE,...]",
	  "and irreversible or unknown commands: all, or these, e.g. =04,3b" },
	{ .name = NULL },
};

const struct cmd cmd_session = {
	.name = "session",
	.summary = "drive a device from a program: requests and answers in JSON Lines",
	.usage = "[TARGET] [OPTION]...",
	.options = { session_options, target_options, log_options },
	.run = session,
};
