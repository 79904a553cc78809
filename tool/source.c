/* SPDX-License-Identifier: BSD-2-Clause */
/* See source.h. */
#include "source.h"

#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

/* A name in the file system is a target only where nothing can be read by itself: /dev/sgN. */
static bool is_path(const char *word)
{
	const char *rest;
	struct stat st;

	if (!msc_transport_of(word, &rest))
		return true;
	return *word == '/' && stat(word, &st) == 0 && !S_ISCHR(st.st_mode);
}

static int open_target(struct source *s, struct tool *tool, struct msc_err *err)
{
	struct msc_session_options options = { .log = &tool->log };
	uint64_t lun = 0;

	if (arg_duration(&tool->args, "timeout", &options.timeout_ns, err) < 0 ||
	    arg_size(&tool->args, "lun", MSC_LUN_MAX, &lun, err) < 0 || tool_target(tool, err) < 0)
		return -1;
	s->lun = (uint8_t)lun;
	s->words = tool->target_words;
	s->target = tool_open(tool, false, err);
	if (!s->target)
		return -1;
	tool_tell_journal(s->target);
	s->session = msc_session_new(s->target, &options);
	if (!s->session)
		return msc_nomem(err);
	msc_session_set_stop(s->session, tool_stop, NULL);
	return 0;
}

int source_open(struct source *s, struct tool *tool, struct msc_err *err)
{
	static const char *const of_target[] = { "lun",     "record",  "record-transfers",
						 "timeout", "seed",    "any-interface",
						 "log",	    "verbose", "quiet",
						 NULL };

	*s = (struct source){ .direct = { .fd = -1 } };
	if (!tool->args.n_words || !is_path(tool->args.words[0]))
		return open_target(s, tool, err);
	s->path = tool->args.words[0];
	s->words = 1;
	if (args_refuse(&tool->args, of_target, "that is for a target", err) < 0) {
		msc_err_prefix(err, "%s is a path: ", s->path);
		return -1;
	}
	return 0;
}

int source_begin(struct source *s, struct msc_err *err)
{
	msc_bytes_end(&s->bytes);
	if (s->session)
		return msc_bytes_of_unit(&s->bytes, s->session, s->lun, err);
	msc_direct_close(&s->direct);
	if (msc_direct_open(&s->direct, s->path, err) < 0)
		return -1;
	return msc_bytes_of_direct(&s->bytes, &s->direct, err);
}

void source_close(struct source *s)
{
	msc_bytes_end(&s->bytes);
	msc_direct_close(&s->direct);
	msc_session_free(s->session);
	msc_target_close(s->target);
}

void source_tell_cached(struct source *s)
{
	if (!s->told)
		tool_tell("%s: %s; its cache was dropped first, but what is read may be "
			  "cached all the same",
			  s->path, s->direct.why);
	s->told = true;
}
