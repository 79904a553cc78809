/* SPDX-License-Identifier: BSD-2-Clause */
/* Connecting to a USB/IP server, and the one question with which a connection begins. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "transport/usbip_client.h"

#define SLICE_NS      (100 * MSC_MS) /* between two looks at whether the user wants to wait */
#define MAX_DEVICES   1024 /* of a list; a server that says more is not believed */

struct question {
	const struct msc_usbip_asker *asker;
	struct msc_usbip_link *link;
	char server[160];
};

/* Waits until the socket can be read or written; false and errno otherwise. */
static bool wait_for(const struct question *q, int fd, short events, int64_t until_ns)
{
	for (;;) {
		int64_t left = until_ns - msc_now(q->asker->clock);
		struct pollfd p = { .fd = fd, .events = events };
		struct timespec ts;

		if (q->asker->stop && q->asker->stop(q->asker->stop_user)) {
			errno = ECANCELED;
			return false;
		}
		left = left < 0 ? 0 : left > SLICE_NS ? SLICE_NS : left;
		ts = (struct timespec){ .tv_nsec = left };
		switch (ppoll(&p, 1, &ts, NULL)) {
		case 0:
			if (left)
				continue;
			errno = ETIMEDOUT;
			return false;
		case -1:
			if (errno == EINTR)
				continue;
			return false;
		default:
			return true;
		}
	}
}

static int failed(const struct question *q, const char *doing, struct msc_err *err)
{
	if (errno == ECANCELED)
		return msc_fail(err, MSC_E_INTERRUPTED, "interrupted");
	if (!errno)
		return msc_fail(err, MSC_E_DEVICE, "%s: the server closed the connection",
				q->server);
	return msc_fail_errno(
		err, errno == ECONNREFUSED || errno == ETIMEDOUT ? MSC_E_NOTFOUND : MSC_E_DEVICE,
		"%s: %s", q->server, doing);
}

/* ---- connecting ---------------------------------------------------------------------------- */

static bool connect_one(const struct question *q, const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	socklen_t len = sizeof error;

	if (fd < 0)
		return false;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		error = errno;
		if (error == EINPROGRESS &&
		    wait_for(q, fd, POLLOUT, msc_now(q->asker->clock) + q->asker->timeout_ns))
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
		else if (error == EINPROGRESS)
			error = errno;
	}
	if (error) {
		close(fd);
		errno = error;
		return false;
	}
	msc_usbip_link_open(q->link, fd);
	return true;
}

static int connect_any(const struct question *q, const struct msc_usbip_address *to,
		       struct msc_err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list, *a;
	int rc = getaddrinfo(to->host, to->port, &hints, &list);

	q->link->fd = -1;
	if (rc)
		return msc_fail(err, MSC_E_NOTFOUND, "%s: no such host: %s", q->server,
				gai_strerror(rc));
	for (a = list; a; a = a->ai_next)
		if (connect_one(q, a) || errno == ECANCELED)
			break;
	freeaddrinfo(list);
	if (q->link->fd >= 0)
		return 0;
	return failed(q, "cannot connect to a USB/IP server", err);
}

/* ---- questions ----------------------------------------------------------------------------- */

static int take(const struct question *q, void *into, size_t len, struct msc_err *err)
{
	int64_t until = msc_now(q->asker->clock) + q->asker->timeout_ns;
	struct msc_usbip_piece piece = { .into = into, .len = len };

	for (;;) {
		switch (msc_usbip_link_take(q->link, &piece)) {
		case MSC_USBIP_WHOLE: return 0;
		case MSC_USBIP_ENDED: return failed(q, "no answer", err);
		case MSC_USBIP_MORE: break;
		}
		if (!wait_for(q, q->link->fd, POLLIN, until))
			return failed(q, "no answer", err);
	}
}

/* Connects, asks, and reads what every answer begins with. */
static int ask(const struct question *q, const struct msc_usbip_address *to,
	       enum msc_usbip_code code, const void *rest, size_t len, struct msc_usbip_op *answer,
	       struct msc_err *err)
{
	const struct msc_usbip_op op = { .version = MSC_USBIP_VERSION, .code = (uint16_t)code };
	uint8_t raw[MSC_USBIP_OP_LEN];

	if (connect_any(q, to, err) < 0)
		return -1;
	msc_usbip_op_pack(raw, &op);
	if (!msc_usbip_link_send(q->link, raw, sizeof raw) ||
	    !msc_usbip_link_send(q->link, rest, len))
		return msc_nomem(err);
	if (!msc_usbip_link_flush(q->link))
		return failed(q, "cannot ask", err);
	if (take(q, raw, sizeof raw, err) < 0)
		return -1;
	msc_usbip_op_unpack(answer, raw);
	if (answer->code != (code & 0x7fff))
		return msc_fail(err, MSC_E_DEVICE, "%s: this is no USB/IP server", q->server);
	if (answer->version != MSC_USBIP_VERSION)
		return msc_fail(err, MSC_E_DEVICE,
				"%s: the server speaks USB/IP %x.%x.%x, and mscope 1.1.1",
				q->server, answer->version >> 8, answer->version >> 4 & 15,
				answer->version & 15);
	return 0;
}

static struct question question(const struct msc_usbip_asker *asker,
				const struct msc_usbip_address *to, struct msc_usbip_link *link)
{
	struct question q = { .asker = asker, .link = link };
	char address[144];

	link->fd = -1;
	snprintf(q.server, sizeof q.server, "usbip:%s",
		 msc_usbip_address_text(address, sizeof address, to));
	return q;
}

static int take_list(const struct question *q, msc_usbip_exported_fn *fn, void *user,
		     struct msc_err *err)
{
	uint8_t raw[MSC_USBIP_DEVICE_LEN], one[MSC_USBIP_INTERFACE_LEN];
	uint32_t n;

	if (take(q, raw, 4, err) < 0)
		return -1;
	n = msc_get_be32(raw);
	if (n > MAX_DEVICES)
		return msc_fail(err, MSC_E_DEVICE, "%s: the server lists %u devices", q->server, n);
	for (; n; n--) {
		struct msc_usbip_device d;
		bool is_storage = false;

		if (take(q, raw, sizeof raw, err) < 0)
			return -1;
		msc_usbip_device_unpack(&d, raw);
		for (unsigned i = 0; i < d.facts.interfaces; i++) {
			if (take(q, one, sizeof one, err) < 0)
				return -1;
			is_storage |= one[0] == MSC_CLASS_MASS_STORAGE;
		}
		fn(user, &d, is_storage);
	}
	return 0;
}

int msc_usbip_devices(const struct msc_usbip_asker *asker, const struct msc_usbip_address *from,
		      msc_usbip_exported_fn *fn, void *user, struct msc_err *err)
{
	struct msc_usbip_link link = { .fd = -1 };
	const struct question q = question(asker, from, &link);
	struct msc_usbip_op answer;
	int rc = ask(&q, from, MSC_USBIP_REQ_DEVLIST, NULL, 0, &answer, err);

	if (!rc && answer.status)
		rc = msc_fail(err, MSC_E_DEVICE, "%s: the server lists nothing (status %u)",
			      q.server, answer.status);
	if (!rc)
		rc = take_list(&q, fn, user, err);
	msc_usbip_link_close(&link);
	return rc;
}

/* ---- importing ----------------------------------------------------------------------------- */

struct names {
	char text[300];
	const char *wanted;
	bool listed;
};

static void append_name(void *user, const struct msc_usbip_device *d, bool is_storage)
{
	struct names *n = user;
	char busid[MSC_USBIP_BUSID_LEN + 1];

	n->listed |= !strcmp(d->busid, n->wanted);
	msc_printable(busid, sizeof busid, d->busid, strlen(d->busid));
	msc_append(n->text, sizeof n->text, "%s%s (%04x:%04x%s)", n->text[0] ? ", " : "", busid,
		   d->facts.vendor, d->facts.product, is_storage ? "" : ", no mass storage");
}

/* The status goes into err->sys; 1, which says little, becomes MSC_USBIP_NODEV where the server does not
 * list the device either. */
static int refused(const struct question *q, const struct msc_usbip_address *from,
		   const char *busid, uint32_t status, struct msc_err *err)
{
	struct msc_err ignored = MSC_ERR_INIT;
	struct names n = { .wanted = busid };

	err->sys = (int)status;
	if (status == MSC_USBIP_BUSY)
		return msc_fail(err, MSC_E_BUSY, "%s/%s: somebody else has imported the device",
				q->server, busid);
	if (status == MSC_USBIP_BROKEN)
		return msc_fail(err, MSC_E_DEVICE, "%s/%s: the server says that the device fails",
				q->server, busid);
	if (msc_usbip_devices(q->asker, from, append_name, &n, &ignored) < 0)
		return msc_fail(err, MSC_E_NOTFOUND,
				"%s/%s: the server does not export the device (status %u)",
				q->server, busid, status);
	if (n.listed)
		return msc_fail(err, MSC_E_NOTFOUND,
				"%s/%s: the server lists the device and does not give it (status "
				"%u)",
				q->server, busid, status);
	err->sys = MSC_USBIP_NODEV;
	if (!*busid)
		return msc_fail(
			err, MSC_E_NOTFOUND,
			"%s: add the bus id of a device, as in %s/1-1; the server exports %s",
			q->server, q->server, n.text[0] ? n.text : "nothing");
	return msc_fail(err, MSC_E_NOTFOUND, "%s/%s: no such device; the server exports %s",
			q->server, busid, n.text[0] ? n.text : "nothing");
}

int msc_usbip_import(const struct msc_usbip_asker *asker, const struct msc_usbip_address *from,
		     const char *busid, struct msc_usbip_link *link, struct msc_usbip_device *d,
		     struct msc_err *err)
{
	const struct question q = question(asker, from, link);
	uint8_t raw[MSC_USBIP_DEVICE_LEN], name[MSC_USBIP_BUSID_LEN] = { 0 };
	struct msc_usbip_op answer;
	int rc;

	memcpy(name, busid, strnlen(busid, sizeof name - 1));
	rc = ask(&q, from, MSC_USBIP_REQ_IMPORT, name, sizeof name, &answer, err);
	if (!rc && answer.status)
		rc = refused(&q, from, busid, answer.status, err);
	if (!rc)
		rc = take(&q, raw, sizeof raw, err);
	if (!rc)
		msc_usbip_device_unpack(d, raw);
	else
		msc_usbip_link_close(link);
	return rc;
}
