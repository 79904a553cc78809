/* SPDX-License-Identifier: BSD-2-Clause */
/* Any text as the name of a simulated or a USB target, with its knobs; what can be opened is. Files of
 * the host are left out: their names are not ours to guess. */
#include <stdlib.h>
#include <string.h>

#include "transport/transport.h"
#include "transport/usb_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_simulated(const char *name)
{
	const struct msc_open_options options = { .allow_writes = false };
	struct msc_err err = MSC_ERR_INIT;
	struct msc_target *t = msc_target_open(name, &options, &err);

	if (!t && !*err.msg)
		abort(); /* a refusal without a word */
	if (t)
		msc_target_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = strndup((const char *)data, size);
	struct msc_err err = MSC_ERR_INIT;
	struct msc_usb_match match;

	if (name && !strncmp(name, "sim:", 4) && !strstr(name, "file="))
		open_simulated(name);
	if (name && !strncmp(name, "usb:", 4) && msc_usb_match_parse(&match, name + 4, &err) < 0 &&
	    !*err.msg)
		abort();
	free(name);
	return 0;
}
