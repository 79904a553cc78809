/* SPDX-License-Identifier: BSD-2-Clause */
/* See usbip_link.h. */
#include "transport/usbip_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/usbip.h"

/* ---- names --------------------------------------------------------------------------------- */

static bool take_port(struct msc_usbip_address *a, const char *text)
{
	unsigned long number = 0;
	size_t n = strspn(text, "0123456789");

	if (!n || text[n] || n >= sizeof a->port)
		return false;
	number = strtoul(text, NULL, 10);
	snprintf(a->port, sizeof a->port, "%lu", number);
	return number <= 65535;
}

int msc_usbip_address_parse(struct msc_usbip_address *a, const char *text, const char *what,
			    struct msc_err *err)
{
	bool bracket = *text == '[';
	const char *host = text + bracket;
	size_t len = strcspn(host, bracket ? "]" : ":");
	const char *rest = host + len + (bracket && host[len] == ']');

	snprintf(a->port, sizeof a->port, "%s", MSC_USBIP_PORT);
	if (!len || len >= sizeof a->host || (bracket && host[len] != ']') ||
	    (*rest && (*rest != ':' || !take_port(a, rest + 1))))
		return msc_fail(err, MSC_E_USAGE,
				"%s: '%.100s' is not HOST, HOST:PORT or [ADDRESS]:PORT", what,
				text);
	memcpy(a->host, host, len);
	a->host[len] = '\0';
	return 0;
}

char *msc_usbip_address_text(char *buf, size_t size, const struct msc_usbip_address *a)
{
	bool bracket = strchr(a->host, ':'), usual = !strcmp(a->port, MSC_USBIP_PORT);

	snprintf(buf, size, "%s%s%s%s%s", bracket ? "[" : "", a->host, bracket ? "]" : "",
		 usual ? "" : ":", usual ? "" : a->port);
	return buf;
}

/* ---- the socket ---------------------------------------------------------------------------- */

void msc_usbip_link_open(struct msc_usbip_link *l, int fd)
{
	const int on = 1;

	*l = (struct msc_usbip_link){ .fd = fd };
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* a CBW does not wait for more */
	/* a peer that has lost its power is noticed */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

void msc_usbip_link_close(struct msc_usbip_link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->out);
	*l = (struct msc_usbip_link){ .fd = -1 };
}

size_t msc_usbip_link_unsent(const struct msc_usbip_link *l)
{
	return l->out_len - l->out_sent;
}

bool msc_usbip_link_send(struct msc_usbip_link *l, const void *data, size_t len)
{
	if (l->out_sent &&
	    2 * l->out_sent >= l->out_len) { /* what has gone makes room, at most once a byte */
		memmove(l->out, l->out + l->out_sent, msc_usbip_link_unsent(l));
		l->out_len -= l->out_sent;
		l->out_sent = 0;
	}
	if (l->out_room - l->out_len < len) {
		size_t room = 2 * (l->out_len + len);
		uint8_t *out = realloc(l->out, room);

		if (!out)
			return false;
		l->out = out;
		l->out_room = room;
	}
	if (len)
		memcpy(l->out + l->out_len, data, len);
	l->out_len += len;
	return true;
}

bool msc_usbip_link_flush(struct msc_usbip_link *l)
{
	while (msc_usbip_link_unsent(l)) {
		ssize_t n = send(l->fd, l->out + l->out_sent, msc_usbip_link_unsent(l),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			l->out_sent += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else
			return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
	}
	return true;
}

enum msc_usbip_got msc_usbip_link_take(struct msc_usbip_link *l, struct msc_usbip_piece *p)
{
	while (p->have < p->len) {
		ssize_t n = recv(l->fd, p->into + p->have, p->len - p->have, MSG_DONTWAIT);

		if (n > 0) {
			p->have += (size_t)n;
		} else if (!n) {
			errno = 0;
			return MSC_USBIP_ENDED;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return MSC_USBIP_MORE;
		} else if (errno != EINTR) {
			return MSC_USBIP_ENDED;
		}
	}
	return MSC_USBIP_WHOLE;
}
