/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as lines of usbmon's text: what is taken for one is a packet within its bounds, and time goes on. */
#include <stdlib.h>
#include <string.h>

#include "capture/usbmon_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msc_usbmon_line l = { .len = 0 };
	const uint8_t *end = data + size;

	while (data < end) {
		const uint8_t *next = memchr(data, '\n', (size_t)(end - data));
		size_t len = (size_t)((next ? next : end) - data);
		char *line = malloc(len + 1); /* of its own, so that one byte too many is seen */

		if (!line)
			return 0;
		memcpy(line, data, len);
		if (msc_usbmon_text_read(&l, line, len) &&
		    (l.len < MSC_USBMON_64_LEN || l.len > sizeof l.packet || l.at_ns < 0))
			abort();
		free(line);
		data = next ? next + 1 : end;
	}
	return 0;
}
