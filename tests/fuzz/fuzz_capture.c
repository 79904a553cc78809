/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a capture: read, assembled, judged. */
#include <stdint.h>
#include <stdlib.h>

#include "capture/capture.h"
#include "judge/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_record(void *user, const struct msc_talk *t, const struct msc_record *r)
{
	struct msc_findings f = { 0 };
	struct msc_err err = MSC_ERR_INIT;

	(void)user;
	if (!*t->device.name || msc_judge(r, MSC_PROFILE_SPEC, &f, &err) < 0)
		abort();
	msc_findings_clear(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct msc_capture_options o = { .record = on_record };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_capture *c = msc_capture_of(data, size, &o, &err);
	bool over = false;
	int result = c ? msc_capture_read(c, SIZE_MAX, &over, &err) : -1;

	if ((result < 0) != (*err.msg != '\0'))
		abort(); /* a refusal without a word */
	msc_capture_close(c);
	return 0;
}
