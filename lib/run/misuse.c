/* SPDX-License-Identifier: BSD-2-Clause */
/* What simulated firmware has done that no hardware allows. */
#include "base/text.h"
#include "run/runner.h"

static int judge_remark(struct msc_runner *r, const struct msc_record *record, const char *text,
			bool died)
{
	return msc_judge_stated(died ? &msc_rule_firmware_dead : &msc_rule_firmware_misuse, NULL,
				record, r->o->profile, &r->findings, NULL, NULL, &r->judge_err,
				"%s", text);
}

int msc_run_misuse(struct msc_runner *r, const struct msc_record *record)
{
	char text[256];
	bool died;

	if (!msc_device_remark(r->target, text, sizeof text, &died))
		return 0;
	/* In a command any of many steps may have been the one. */
	if (!died && record && record->kind == MSC_RECORD_CONTROL) {
		char request[160];

		msc_append(text, sizeof text, ", on %s",
			   msc_record_text(request, sizeof request, record));
	}
	return judge_remark(r, record, text, died);
}

int msc_run_misuse_before(struct msc_runner *r)
{
	char text[256];
	bool died;

	if (!msc_device_remark(r->target, text, sizeof text, &died))
		return 0;
	if (died)
		return judge_remark(r, NULL, text, died);
	msc_run_note(
		r,
		"before the first case, while the device was enumerated and asked what it is: %s: %s",
		msc_rule_firmware_misuse.id, text);
	return 0;
}
