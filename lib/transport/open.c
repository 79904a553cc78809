/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the transport of a target by its name, opens it and closes it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "transport/transport.h"

#define TRANSPORT(name) &msc_transport_##name,
const struct msc_transport *const msc_transports[] = {
#include "transport/transport.list"
};
#undef TRANSPORT
const size_t msc_transport_count = MSC_COUNT(msc_transports);

const struct msc_transport *msc_transport_of(const char *name, const char **rest)
{
	size_t len = strcspn(name, ":");

	for (size_t i = 0; i < msc_transport_count; i++) {
		const struct msc_transport *t = msc_transports[i];

		if (t->begins && !strncmp(name, t->begins, strlen(t->begins))) {
			*rest = name;
			return t;
		}
		if (name[len] && strlen(t->name) == len && !strncmp(name, t->name, len) &&
		    !t->begins) {
			*rest = name + len + 1;
			return t;
		}
	}
	return NULL;
}

/* As lsusb shows a device. */
static bool is_vid_pid(const char *name)
{
	for (size_t i = 0; i < strlen("0525:a4a5"); i++)
		if (i == 4 ? name[i] != ':' : !isxdigit((unsigned char)name[i]))
			return false;
	return !name[strlen("0525:a4a5")];
}

static const struct msc_transport *find(const char *name, const char **rest, struct msc_err *err)
{
	const struct msc_transport *transport = msc_transport_of(name, rest);
	char scheme[32], shapes[256] = "";
	struct msc_nearest near = { .wanted = scheme };

	if (transport)
		return transport;
	snprintf(scheme, sizeof scheme, "%.*s", (int)strcspn(name, ":"), name);
	for (size_t i = 0; i < msc_transport_count; i++) {
		if (!msc_transports[i]->begins)
			msc_nearest_try(&near, msc_transports[i]->name);
		msc_append(shapes, sizeof shapes, "%s%s", i ? ", " : "", msc_transports[i]->syntax);
	}
	if (!*name)
		msc_fail(err, MSC_E_USAGE, "empty target name");
	else if (is_vid_pid(name))
		msc_fail(err, MSC_E_USAGE, "'%s' is not a target; did you mean 'usb:%s'?", name,
			 name);
	else if (!strchr(name, ':'))
		msc_fail(err, MSC_E_USAGE, "'%s' is not a target: expected %s", name, shapes);
	else
		msc_fail_unknown(err, "kind of target", "targets", &near);
	return NULL;
}

/* Where the transport knows nothing better: the device, and where it is plugged in. */
static void name_medium(struct msc_device *d)
{
	char *p = d->medium_id;

	if (!*p)
		snprintf(p, sizeof d->medium_id, "%04x:%04x:%s@%s", d->desc.vendor, d->desc.product,
			 d->serial, d->path);
	for (; *p; p++)
		if (*p <= ' ' || *p > '~')
			*p = '_';
}

struct msc_target *msc_target_open(const char *name, const struct msc_open_options *options,
				   struct msc_err *err)
{
	const char *rest;
	const struct msc_transport *transport = find(name, &rest, err);
	struct msc_target *t;

	if (!transport)
		return NULL;
	t = calloc(1, sizeof *t);
	if (t)
		t->state = calloc(1, transport->state_size ? transport->state_size : 1);
	if (!t || !t->state) {
		free(t);
		msc_nomem(err);
		return NULL;
	}
	t->transport = transport;
	t->log = options->log;
	t->allow_writes = options->allow_writes;
	t->any_interface = options->any_interface;
	t->stop = options->stop;
	t->stop_user = options->stop_user;
	t->replug = options->replug;
	snprintf(t->device.name, sizeof t->device.name, "%s", name);
	if (transport->open(t, rest, options, err) < 0) {
		free(t->state);
		free(t);
		return NULL;
	}
	name_medium(&t->device);
	return t;
}

void msc_target_close(struct msc_target *t)
{
	while (t) {
		struct msc_target *next = t->next;

		if (t->transport->close)
			t->transport->close(t);
		free(t->state);
		free(t);
		t = next;
	}
}
