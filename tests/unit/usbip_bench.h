/* SPDX-License-Identifier: BSD-2-Clause */
/* A simulated device behind "mscope serve", in a process of its own. */
#ifndef USBIP_BENCH_H
#define USBIP_BENCH_H

#include "transport/transport.h"

/* Opens the device through USB/IP. The server lives until the next call, or the end of the test. */
struct msc_target *usbip_must_open(const char *device);

#endif
