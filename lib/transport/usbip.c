/* SPDX-License-Identifier: BSD-2-Clause */
/* A device that a USB/IP server exports: usbip:HOST[:PORT]/BUSID, from user space and without any
 * privilege. The server owns the bus: it has given the device an address, keeps the toggles, and
 * forgets them at what the client sends (CLEAR_FEATURE, SET_CONFIGURATION).
 *
 * The protocol has no port reset. What stands for it here is to give the device back and to import
 * it again. Linux's servers reset the port when a client leaves, "mscope serve" does when one comes;
 * of others nobody can know, and all that happens is a new SET_CONFIGURATION.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "transport/enumerate.h"
#include "transport/usbip_client.h"

#define ASK_NS	     (5 * MSC_S)
#define LIST_NS	     MSC_S	     /* for a server on this host, where there mostly is none */
#define REQUEST_NS   (5 * MSC_S)     /* of an enumeration, as Linux gives it */
#define REAPPEAR_NS  (5 * MSC_S)     /* for a server that is still busy giving the device back */
#define REAPPEAR_PAUSE_NS (50 * MSC_MS)

/* ---- the name ------------------------------------------------------------------------------ */

static int parse(struct msc_usbip *u, const char *rest, struct msc_err *err)
{
	const char *slash = strchr(rest, '/');
	size_t len = slash ? (size_t)(slash - rest) : strlen(rest);
	char server[160];

	if (!*rest || len >= sizeof server || (slash && strlen(slash + 1) >= sizeof u->busid))
		return msc_fail(err, MSC_E_USAGE, "usbip: expected usbip:HOST[:PORT]/BUSID");
	snprintf(server, sizeof server, "%.*s", (int)len, rest);
	snprintf(u->busid, sizeof u->busid, "%s", slash ? slash + 1 : "");
	return msc_usbip_address_parse(&u->address, server, "usbip", err);
}

/* ---- enumeration --------------------------------------------------------------------------- */

static int clear_halt(struct msc_target *t, uint8_t ep, int64_t deadline_ns,
		      enum msc_outcome *outcome, struct msc_err *err)
{
	const struct msc_setup setup = msc_setup_clear_halt(ep);
	return msc_enum_outcome(t, &setup, deadline_ns, outcome, err);
}

static int configure(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	const struct msc_setup setup = { .request = MSC_STD_SET_CONFIGURATION,
					 .value = msc_device_configuration(&t->device) };

	return msc_enum_outcome(t, &setup, msc_now(t->clock) + REQUEST_NS, outcome, err);
}

static int set_interface(struct msc_target *t, enum msc_outcome *outcome, struct msc_err *err)
{
	const struct msc_setup setup =
		msc_setup_set_interface(t->device.interface_number, t->device.alternate);
	return msc_enum_outcome(t, &setup, msc_now(t->clock) + REQUEST_NS, outcome, err);
}

/* The configuration, and the setting of the interface that speaks Bulk-Only. */
static int set_up(struct msc_target *t, struct msc_err *err)
{
	const struct msc_device *d = &t->device;
	const struct msc_setup configuration = { .request = MSC_STD_SET_CONFIGURATION,
						 .value = msc_device_configuration(d) };
	const struct msc_setup setting = { .request_type = MSC_RECIPIENT_INTERFACE,
					   .request = MSC_STD_SET_INTERFACE,
					   .value = d->alternate,
					   .index = d->interface_number };

	if (msc_enum_standard(t, "SET_CONFIGURATION", &configuration, NULL, NULL, REQUEST_NS, err) <
	    0)
		return -1;
	return d->alternate ? msc_enum_standard(t, "SET_INTERFACE", &setting, NULL, NULL,
						REQUEST_NS, err)
			    : 0;
}

static int enumerate(struct msc_target *t, struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);
	struct msc_device *d = &t->device;
	uint8_t raw[MSC_DEVICE_DESC_LEN];
	size_t len;

	d->speed = msc_usbip_speed_of(u->found.facts.speed);
	snprintf(d->host, sizeof d->host, "usbip");
	if (msc_enum_descriptor(t, MSC_DESC_DEVICE, raw, 8, &len, REQUEST_NS, err) < 0 ||
	    msc_enum_descriptor(t, MSC_DESC_DEVICE, raw, sizeof raw, &len, REQUEST_NS, err) < 0)
		return -1;
	if (len < sizeof raw)
		return msc_fail(err, MSC_E_UNSUPPORTED,
				"%s: cannot be enumerated: the device descriptor is too short",
				d->name);
	msc_device_desc_unpack(&d->desc, raw);
	if (msc_enum_configuration(t, REQUEST_NS, err) < 0)
		return -1;
	if (msc_device_parse(d, err) < 0 || msc_device_known(t, err) < 0)
		return 1;
	if (set_up(t, err) < 0)
		return -1;
	return msc_enum_serial(t, REQUEST_NS, err);
}

/* ---- opening, reset ------------------------------------------------------------------------ */

static struct msc_usbip_asker asker(struct msc_target *t)
{
	return (struct msc_usbip_asker){
		.clock = t->clock, .timeout_ns = ASK_NS, .stop = t->stop, .stop_user = t->stop_user
	};
}

static int import(struct msc_target *t, struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);
	const struct msc_usbip_asker a = asker(t);

	u->fresh = true;
	return msc_usbip_import(&a, &u->address, u->busid, &u->link, &u->found, err);
}

/* Gives the device back. The server is told first, and has closed its end when this returns, unless
 * it takes too long. */
static void give_back(struct msc_target *t)
{
	struct msc_usbip *u = msc_target_state(t);
	int64_t until = msc_now(t->clock) + REAPPEAR_NS;
	uint8_t rest[512];

	if (u->link.fd >= 0)
		shutdown(u->link.fd, SHUT_WR);
	while (u->link.fd >= 0 && msc_now(t->clock) < until) {
		struct msc_usbip_piece piece = { .into = rest, .len = sizeof rest };
		enum msc_usbip_got got = msc_usbip_link_take(&u->link, &piece);

		if (got == MSC_USBIP_ENDED || msc_is_stopped(t))
			break;
		if (got == MSC_USBIP_MORE)
			msc_wait_until(t->clock, msc_now(t->clock) + MSC_MS);
	}
	msc_usbip_drop(u, MSC_OUT_CANCELLED);
}

/* What stands for a port reset. */
static int import_again(struct msc_target *t, struct msc_err *err)
{
	int64_t until = msc_now(t->clock) + REAPPEAR_NS;
	struct msc_err why;

	give_back(t);
	for (;;) {
		why = (struct msc_err)MSC_ERR_INIT;
		if (import(t, &why) == 0)
			return 0;
		if (why.code == MSC_E_INTERRUPTED) {
			*err = why;
			return -1;
		}
		if (msc_now(t->clock) >= until)
			break;
		msc_wait_until(t->clock, msc_now(t->clock) + REAPPEAR_PAUSE_NS);
	}
	t->stayed_away = why.sys == MSC_USBIP_NODEV || why.sys == MSC_USBIP_BROKEN;
	return msc_fail(err, MSC_E_GONE, "%s: the device did not come back after a port reset: %s",
			t->device.name, why.msg);
}

static int enumerate_once(struct msc_target *t, struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);

	if (!u->fresh && import_again(t, err) < 0)
		return -1;
	u->fresh = false;
	return enumerate(t, err);
}

static int reset_once(struct msc_target *t, struct msc_err *err)
{
	return import_again(t, err) < 0 ? -1 : set_up(t, err);
}

static int reset(struct msc_target *t, struct msc_err *err)
{
	return msc_enum_try(t, reset_once, err);
}

/* A server whose device has restarted closes the connection, and gives the device to who asks again. */
static int rejoin(struct msc_target *t, struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);

	u->fresh = false;
	return msc_enum_try(t, enumerate_once, err);
}

static void close_usbip(struct msc_target *t)
{
	msc_usbip_forget(msc_target_state(t));
}

static int open_usbip(struct msc_target *t, const char *rest,
		      const struct msc_open_options *options, struct msc_err *err)
{
	struct msc_usbip *u = msc_target_state(t);
	char address[144];

	(void)options;
	msc_real_clock_init(&u->clock);
	t->clock = &u->clock.clock;
	u->link.fd = -1;
	if (parse(u, rest, err) < 0)
		return -1;
	snprintf(t->device.name, sizeof t->device.name, "usbip:%s/%s",
		 msc_usbip_address_text(address, sizeof address, &u->address), u->busid);
	if (import(t, err) < 0)
		return -1;
	if (msc_enum_try(t, enumerate_once, err) < 0) {
		close_usbip(t);
		return -1;
	}
	snprintf(t->device.medium_id, sizeof t->device.medium_id, "%04x:%04x:%.64s@%s",
		 t->device.desc.vendor, t->device.desc.product, t->device.serial, t->device.name);
	return 0;
}

/* ---- listing ------------------------------------------------------------------------------- */

struct listing {
	msc_found_fn *fn;
	void *user;
};

static void list_one(void *user, const struct msc_usbip_device *d, bool is_storage)
{
	const struct listing *l = user;
	char busid[MSC_USBIP_BUSID_LEN + 1], target[64], what[80];

	if (!is_storage)
		return;
	msc_printable(busid, sizeof busid, d->busid, strlen(d->busid));
	snprintf(target, sizeof target, "usbip:127.0.0.1/%s", busid);
	snprintf(what, sizeof what, "%04x:%04x, exported on this host, %s speed", d->facts.vendor,
		 d->facts.product, msc_speed_name(msc_usbip_speed_of(d->facts.speed)));
	l->fn(l->user, target, what);
}

/* What a server on this host exports, if there is one; others nobody can guess. */
static int list_usbip(msc_found_fn *fn, void *user, struct msc_err *err)
{
	static const struct msc_usbip_address here = { .host = "127.0.0.1",
						       .port = MSC_USBIP_PORT };
	struct listing l = { fn, user };
	struct msc_real_clock clock;
	const struct msc_usbip_asker a = { .clock = &clock.clock, .timeout_ns = LIST_NS };
	struct msc_err why = MSC_ERR_INIT;

	msc_real_clock_init(&clock);
	if (msc_usbip_devices(&a, &here, list_one, &l, &why) == 0 || why.code == MSC_E_NOTFOUND)
		return 0;
	*err = why;
	return -1;
}

static int suspend(struct msc_target *t, int64_t ns, bool resume, struct msc_suspended *how,
		   struct msc_err *err)
{
	(void)t;
	(void)ns;
	(void)resume;
	(void)how;
	return msc_fail(err, MSC_E_UNSUPPORTED, "USB/IP has no message that suspends a device");
}

const struct msc_transport msc_transport_usbip = {
	.name = "usbip",
	.syntax = "usbip:HOST[:PORT]/BUSID",
	.summary = "a device exported by a USB/IP server, driven from user space",
	.times = "usbip",
	.state_size = sizeof(struct msc_usbip),
	.open = open_usbip,
	.close = close_usbip,
	.submit = msc_usbip_submit,
	.wait = msc_usbip_wait,
	.cancel = msc_usbip_cancel,
	.clear_halt = clear_halt,
	.reset = reset,
	.configure = configure,
	.set_interface = set_interface,
	.suspend = suspend,
	.rejoin = rejoin,
	.list = list_usbip,
};
