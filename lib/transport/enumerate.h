/* SPDX-License-Identifier: BSD-2-Clause */
/* What a transport that enumerates a device by itself sends before anybody else may: control requests
 * by its own submit, wait and cancel, without the core's checks and unseen by an observer. */
#ifndef MSC_TRANSPORT_ENUMERATE_H
#define MSC_TRANSPORT_ENUMERATE_H

#include "transport/transport.h"

/* As often Linux resets the port of a device that does not answer, and so long its tries within each take
 * together. */
#define MSC_PORT_INIT_TRIES    4
#define MSC_PORT_INIT_PAUSE_NS (500 * MSC_MS)

/* One request with wLength bytes at data; *x is how it ended, as MSC_OUT_TIMEOUT at the deadline. */
int msc_enum_request(struct msc_target *, const struct msc_setup *, void *data, int64_t deadline_ns,
		     struct msc_xfer *x, struct msc_err *) MSC_MUST_CHECK;

/* One without data; *outcome is how it ended. */
int msc_enum_outcome(struct msc_target *, const struct msc_setup *, int64_t deadline_ns,
		     enum msc_outcome *outcome, struct msc_err *) MSC_MUST_CHECK;

/* One that must succeed within the time; MSC_E_UNSUPPORTED and `what` in words when it does not.
 * *len (or NULL) is how many bytes came. */
int msc_enum_standard(struct msc_target *, const char *what, const struct msc_setup *, void *data,
		      size_t *len, int64_t timeout_ns, struct msc_err *) MSC_MUST_CHECK;

/* GET_DESCRIPTOR of the device or its first configuration. */
int msc_enum_descriptor(struct msc_target *, enum msc_descriptor_type, void *data, uint16_t room,
			size_t *len, int64_t timeout_ns, struct msc_err *) MSC_MUST_CHECK;

/* The first configuration, as much of it as there is room for, into t->device. */
int msc_enum_configuration(struct msc_target *t, int64_t timeout_ns,
			   struct msc_err *err) MSC_MUST_CHECK;
/* The serial number that the device descriptor names, as text in device.serial; a device that refuses
 * it has none. */
int msc_enum_serial(struct msc_target *, int64_t timeout_ns, struct msc_err *) MSC_MUST_CHECK;

/* `once` until it succeeds: it resets the port and sets the device up. While the device does not answer
 * (-1, MSC_E_UNSUPPORTED) it is tried MSC_PORT_INIT_TRIES times, for one that is busy with its medium
 * may be deaf for a while. After another failure, or when once returns 1 because
 * what the device says of itself is no use, it is not tried again. */
int msc_enum_try(struct msc_target *, int (*once)(struct msc_target *, struct msc_err *),
		 struct msc_err *) MSC_MUST_CHECK;

#endif
