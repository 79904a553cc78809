/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a scenario file. */
#include <stdlib.h>
#include <string.h>

#include "scenario/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msc_scenarios all = { NULL };
	struct msc_err err = MSC_ERR_INIT;
	char *text = strndup((const char *)data, size);

	if (!text)
		return 0;
	if (msc_scenarios_load_text(&all, "fuzz.yaml", text, &err) < 0 && !*err.msg)
		abort(); /* a refusal without a word */
	msc_scenarios_free(&all);
	free(text);
	return 0;
}
