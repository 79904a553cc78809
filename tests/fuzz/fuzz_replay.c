/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a capture that is sent again, to a device whose medium is a file. Writes are not allowed, so the medium
 * stays as it is whatever was captured. */
#include <stdlib.h>
#include <string.h>

#include "capture/capture.h"
#include "capture/replay.h"
#include "fuzz_file.h"
#include "transport/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 200 /* records of one capture that are sent */

struct again {
	struct msc_session *session;
	unsigned sent;
	bool over;
};

static void on_record(void *user, const struct msc_talk *t, const struct msc_record *was)
{
	struct msc_replay_difference list[MSC_REPLAY_DIFFERENCES_MAX];
	struct msc_err err = MSC_ERR_INIT;
	const struct msc_record *now = NULL;
	struct again *a = user;
	struct msc_replay_plan plan;

	(void)t;
	if (a->over || a->sent == MOST || msc_replay_plan(&plan, was, &err) < 0)
		return;
	if (!plan.left_out) {
		a->sent++;
		if (msc_replay_send(a->session, &plan, was, &now, &err) < 0) {
			if (!*err.msg)
				abort(); /* a refusal without a word */
			a->over = err.code != MSC_E_REFUSED && err.code != MSC_E_UNSUPPORTED;
		} else if (now && now->kind == was->kind) {
			if (msc_replay_compare(was, now, list) > MSC_REPLAY_DIFFERENCES_MAX)
				abort();
		}
	}
	msc_replay_plan_end(&plan);
}

static void send_again(const uint8_t *data, size_t size, struct msc_target *t)
{
	const struct msc_session_options so = { .queued = true };
	struct again a = { .session = msc_session_new(t, &so) };
	const struct msc_capture_options o = { .record = on_record, .user = &a };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_capture *c;
	bool over = false;

	if (!a.session)
		abort();
	c = msc_capture_of(data, size, &o, &err);
	if (c)
		(void)!msc_capture_read(c, SIZE_MAX, &over, &err);
	msc_capture_close(c);
	msc_session_free(a.session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t copy[FUZZ_MEDIUM_SIZE];
	static struct fuzz_file medium;
	struct msc_target *t;

	if (!medium.fd)
		medium = fuzz_medium(copy);
	t = fuzz_open(&medium, false);
	send_again(data, size, t);
	msc_target_close(t);
	if (!fuzz_medium_is(&medium, copy))
		abort();
	return 0;
}
