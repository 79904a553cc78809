/* SPDX-License-Identifier: BSD-2-Clause */
/* The care of the medium for the commands that write without scenarios, and word of a journal that
 * waits. Of safety nothing is silenced by -q. */
#include "tool.h"

void tool_medium_note(void *user, bool safety, const char *text)
{
	(void)user;
	(void)safety;
	tool_tell("%s", text);
}

void tool_tell_journal(const struct msc_target *t)
{
	msc_medium_tell(&t->device, NULL, tool_medium_note, NULL);
}

struct msc_medium *tool_medium_begin(struct msc_session *s, uint8_t lun, uint64_t seed,
				     uint32_t scratch, struct msc_err *err)
{
	const struct msc_medium_options o = {
		.lun = lun, .seed = seed, .scratch = scratch, .note = tool_medium_note
	};

	return msc_medium_begin(s, &o, err);
}

bool tool_medium_end(struct msc_medium *m)
{
	struct msc_medium_end end;

	msc_medium_finish(m, &end);
	msc_medium_free(m);
	return end.restored && !end.elsewhere;
}
