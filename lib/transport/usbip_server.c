/* SPDX-License-Identifier: BSD-2-Clause */
/* See usbip_server.h. */
#include "transport/usbip_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/usbip_peer.h"

#define BREATH_NS (50 * MSC_US) /* the shortest wait: a bus has a packet every few microseconds */

struct msc_usbip_server {
	struct msc_real_clock clock;
	const struct msc_log *log;
	struct msc_usbip_address address;
	int fd;
	struct msc_usbip_exports exports;
	struct msc_usbip_peer peers[MSC_USBIP_MAX_CLIENTS]; /* fd -1: a free place */
};

/* ---- listening ----------------------------------------------------------------------------- */

static int listen_at(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;
	int error;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, MSC_USBIP_MAX_CLIENTS) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int open_socket(struct msc_usbip_server *s, struct msc_err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct sockaddr_storage bound;
	socklen_t len = sizeof bound;
	struct addrinfo *list;
	char text[144];
	int rc = getaddrinfo(s->address.host, s->address.port, &hints, &list);

	if (rc)
		return msc_fail(err, MSC_E_USAGE, "--listen %s: %s", s->address.host,
				gai_strerror(rc));
	for (struct addrinfo *a = list; a && s->fd < 0; a = a->ai_next)
		s->fd = listen_at(a);
	freeaddrinfo(list);
	if (s->fd < 0)
		return msc_fail_errno(err, MSC_E_ACCESS, "cannot listen at %s",
				      msc_usbip_address_text(text, sizeof text, &s->address));
	if (getsockname(s->fd, (struct sockaddr *)&bound, &len) == 0)
		getnameinfo((struct sockaddr *)&bound, len, NULL, 0, s->address.port,
			    sizeof s->address.port, NI_NUMERICSERV);
	return 0;
}

static bool is_taken(void *user, const struct msc_usbip_export *e)
{
	const struct msc_usbip_server *s = user;

	for (size_t i = 0; i < MSC_COUNT(s->peers); i++)
		if (s->peers[i].has == e)
			return true;
	return false;
}

struct msc_usbip_server *msc_usbip_server_new(const char *listen, const struct msc_log *log,
					      struct msc_err *err)
{
	struct msc_usbip_server *s = calloc(1, sizeof *s);

	if (!s) {
		msc_nomem(err);
		return NULL;
	}
	s->fd = -1;
	s->log = log;
	for (size_t i = 0; i < MSC_COUNT(s->peers); i++)
		s->peers[i].link.fd = -1;
	msc_real_clock_init(&s->clock);
	s->exports = (struct msc_usbip_exports){
		.taken = is_taken, .user = s, .log = log, .clock = &s->clock.clock
	};
	if (msc_usbip_address_parse(&s->address, listen, "--listen", err) == 0 &&
	    open_socket(s, err) == 0)
		return s;
	msc_usbip_server_free(s);
	return NULL;
}

void msc_usbip_server_free(struct msc_usbip_server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < MSC_COUNT(s->peers); i++)
		if (s->peers[i].link.fd >= 0)
			msc_usbip_peer_close(&s->peers[i], &s->exports);
	for (size_t i = 0; i < s->exports.count; i++) {
		msc_usbip_export_close(s->exports.list[i]);
		free(s->exports.list[i]);
	}
	free(s->exports.list);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

int msc_usbip_server_add(struct msc_usbip_server *s, const char *target,
			 const struct msc_open_options *options, struct msc_err *err)
{
	struct msc_open_options o = *options;
	struct msc_usbip_exports *x = &s->exports;
	struct msc_usbip_export **list = realloc(x->list, (x->count + 1) * sizeof *list);
	struct msc_usbip_export *e;

	if (!list)
		return msc_nomem(err);
	x->list = list;
	o.log = s->log;
	e = calloc(1, sizeof *e);
	if (!e)
		return msc_nomem(err);
	if (msc_usbip_export_open(e, target, (unsigned)x->count + 1, &o, &s->clock.clock, err) <
	    0) {
		free(e);
		return -1;
	}
	x->list[x->count++] = e;
	return 0;
}

const struct msc_usbip_address *msc_usbip_server_address(const struct msc_usbip_server *s)
{
	return &s->address;
}

const struct msc_usbip_device *msc_usbip_server_device(const struct msc_usbip_server *s, size_t i)
{
	return i < s->exports.count ? &s->exports.list[i]->device : NULL;
}

size_t msc_usbip_server_clients(const struct msc_usbip_server *s)
{
	size_t n = 0;

	for (size_t i = 0; i < MSC_COUNT(s->peers); i++)
		n += s->peers[i].link.fd >= 0;
	return n;
}

/* ---- one step ------------------------------------------------------------------------------ */

static void name_of(const struct sockaddr_storage *from, socklen_t len, char *buf, size_t size)
{
	char host[48], port[8];

	if (getnameinfo((const struct sockaddr *)from, len, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(buf, size, "somebody");
	else
		snprintf(buf, size, "%s:%s", host, port);
}

static void accept_one(struct msc_usbip_server *s)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof from;
	int fd = accept4(s->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
	char name[64];

	if (fd < 0)
		return; /* it has left again, or there is no room: the next step tells */
	name_of(&from, len, name, sizeof name);
	for (size_t i = 0; i < MSC_COUNT(s->peers); i++) {
		if (s->peers[i].link.fd < 0) {
			msc_usbip_peer_open(&s->peers[i], fd, name, &s->clock.clock);
			return;
		}
	}
	msc_log(s->log, MSC_LOG_WARN, "usbip", msc_now(&s->clock.clock),
		"%s: turned away: %d clients are enough", name, MSC_USBIP_MAX_CLIENTS);
	close(fd);
}

/* When there is something to do without anybody's asking. */
static int64_t due(const struct msc_usbip_server *s, int64_t wait_ns)
{
	int64_t now = msc_now(&((struct msc_usbip_server *)s)->clock.clock), at = now + wait_ns;

	for (size_t i = 0; i < s->exports.count; i++) {
		int64_t next = msc_usbip_export_due(s->exports.list[i]);

		if (next < at)
			at = next > now + BREATH_NS ? next : now + BREATH_NS;
	}
	for (size_t i = 0; i < MSC_COUNT(s->peers); i++)
		if (s->peers[i].link.fd >= 0 && s->peers[i].until_ns < at)
			at = s->peers[i].until_ns;
	return at > now ? at - now : 0;
}

static int wait_for_work(struct msc_usbip_server *s, int64_t wait_ns, struct msc_err *err)
{
	struct pollfd fds[MSC_USBIP_MAX_CLIENTS + 1];
	int64_t left = due(s, wait_ns);
	struct timespec ts = { .tv_sec = left / MSC_S, .tv_nsec = left % MSC_S };
	size_t n = 0;

	fds[n++] = (struct pollfd){ .fd = s->fd, .events = POLLIN };
	for (size_t i = 0; i < MSC_COUNT(s->peers); i++) {
		const struct msc_usbip_peer *p = &s->peers[i];

		if (p->link.fd < 0)
			continue;
		fds[n++] = (struct pollfd){
			.fd = p->link.fd,
			.events = (short)((msc_usbip_peer_may_speak(p) ? POLLIN : 0) |
					  (msc_usbip_link_unsent(&p->link) ? POLLOUT : 0)),
		};
	}
	if (ppoll(fds, n, &ts, NULL) < 0 && errno != EINTR)
		return msc_fail_errno(err, MSC_E_IO, "cannot wait for clients");
	if (fds[0].revents & POLLIN)
		accept_one(s);
	return 0;
}

/* Virtual time is brought to now before anything is submitted, so that an URB begins when it came. */
static int follow(struct msc_usbip_server *s, struct msc_err *err)
{
	for (size_t i = 0; i < s->exports.count; i++)
		if (msc_usbip_export_follow(s->exports.list[i], err) < 0)
			return -1;
	return 0;
}

int msc_usbip_server_step(struct msc_usbip_server *s, int64_t wait_ns, struct msc_err *err)
{
	if (wait_for_work(s, wait_ns, err) < 0 || follow(s, err) < 0)
		return -1;
	for (size_t i = 0; i < MSC_COUNT(s->peers); i++) {
		struct msc_usbip_peer *p = &s->peers[i];

		if (p->link.fd < 0)
			continue;
		msc_usbip_peer_receive(p, &s->exports);
		msc_usbip_peer_send(p, &s->exports);
		if (p->over)
			msc_usbip_peer_close(p, &s->exports);
	}
	return 0;
}
