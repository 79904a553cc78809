/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a file of known failures; what can be read waives, and is told. */
#include <stdlib.h>
#include <string.h>

#include "scenario/waivers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct msc_waivers *all)
{
	char text[512];

	for (size_t i = 0; i < all->count; i++) {
		const struct msc_waiver *w = &all->list[i];
		struct msc_finding one = { .rule = w->rule };
		struct msc_findings f = { .list = &one, .count = 1 };

		if (!w->rule || !w->name || !w->reason || w->until_day <= 0)
			abort();
		msc_waive(all, w->name, &f);
		msc_waivers_tried(all, "bot.case01.tur");
		msc_waiver_text(text, sizeof text, all, w);
	}
	(void)msc_waivers_stale(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct msc_scenarios all;
	char *text = strndup((const char *)data, size);
	struct msc_err err = MSC_ERR_INIT;
	struct msc_waivers *w;

	if (!all.count && msc_scenarios_load_embedded(&all, &err) < 0)
		abort();
	w = text ? msc_waivers_load_text("fuzz.yaml", text, 20270131, &all, &err) : NULL;
	if (text && !w && !*err.msg)
		abort(); /* a refusal without a word */
	if (w)
		use(w);
	msc_waivers_free(w);
	free(text);
	return 0;
}
