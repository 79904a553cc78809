/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as the configuration descriptor of a device. */
#include <stdlib.h>
#include <string.h>

#include "transport/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msc_device d = { .speed = MSC_SPEED_HIGH };
	struct msc_err err = MSC_ERR_INIT;

	d.config_len = size < sizeof d.config ? size : sizeof d.config;
	memcpy(d.config, data, d.config_len);
	if (msc_device_parse(&d, &err) < 0) {
		if (!*err.msg)
			abort(); /* a refusal without a word */
	} else if (!d.ep_in || !d.ep_out || !d.max_packet_in || !d.max_packet_out) {
		abort(); /* nothing to talk to */
	}
	return 0;
}
