/* SPDX-License-Identifier: BSD-2-Clause */
/* One end of a USB/IP connection, for a client and a server: a TCP socket that never blocks, what is
 * still to be sent, and pieces of known length that arrive in any number of parts. And the names of
 * such ends: HOST, HOST:PORT, [ADDRESS]:PORT. */
#ifndef MSC_TRANSPORT_USBIP_LINK_H
#define MSC_TRANSPORT_USBIP_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct msc_usbip_address {
	char host[128]; /* without the brackets of an IPv6 address */
	char port[6];
};
/* The port is MSC_USBIP_PORT where none is given. `what` begins the message of a refusal. */
int msc_usbip_address_parse(struct msc_usbip_address *, const char *text, const char *what,
			    struct msc_err *) MSC_MUST_CHECK;
/* "HOST" or "HOST:PORT", as short as it can be; returns buf. */
char *msc_usbip_address_text(char *buf, size_t size, const struct msc_usbip_address *);

struct msc_usbip_link {
	int fd; /* -1: there is none */
	uint8_t *out;
	size_t out_sent, out_len, out_room;
};

/* Takes the socket over. */
void msc_usbip_link_open(struct msc_usbip_link *, int fd);
void msc_usbip_link_close(struct msc_usbip_link *);

/* Keeps a copy to be sent; false: out of memory. */
bool msc_usbip_link_send(struct msc_usbip_link *, const void *data, size_t len);
/* Sends what the socket takes now; false: the peer has left. */
bool msc_usbip_link_flush(struct msc_usbip_link *);
size_t msc_usbip_link_unsent(const struct msc_usbip_link *);

/* Something that arrives. */
struct msc_usbip_piece {
	uint8_t *into;
	size_t len, have;
};
enum msc_usbip_got {
	MSC_USBIP_WHOLE, /* it is complete */
	MSC_USBIP_MORE,	 /* the rest is still to come */
	MSC_USBIP_ENDED, /* and never will: the peer has left, errno says why; 0: in good order */
};
enum msc_usbip_got msc_usbip_link_take(struct msc_usbip_link *, struct msc_usbip_piece *);

#endif
