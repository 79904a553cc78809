/* SPDX-License-Identifier: BSD-2-Clause */
/* One client of a USB/IP server: what has arrived of what it says, and what it has imported. Private
 * to the server (usbip_server.c). */
#ifndef MSC_TRANSPORT_USBIP_PEER_H
#define MSC_TRANSPORT_USBIP_PEER_H

#include "transport/usbip_export.h"
#include "transport/usbip_link.h"

enum msc_usbip_awaits {
	MSC_USBIP_AWAITS_QUESTION,
	MSC_USBIP_AWAITS_BUSID,
	MSC_USBIP_AWAITS_URB,
	MSC_USBIP_AWAITS_DATA, /* of an URB */
	MSC_USBIP_AWAITS_END,  /* nothing: all is said, and on its way */
};

struct msc_usbip_peer {
	struct msc_usbip_link link;
	char name[64]; /* "127.0.0.1:40312" */
	enum msc_usbip_awaits awaits;
	int64_t until_ns; /* real time at which it is too late; MSC_NEVER: no hurry */
	uint8_t header[MSC_USBIP_URB_LEN];
	struct msc_usbip_piece piece;
	struct msc_usbip_urb *urb;	 /* whose data is arriving */
	struct msc_usbip_export *has;	 /* what it has imported; NULL: nothing yet */
	bool over;			 /* close it */
};

/* What a client can ask for. */
struct msc_usbip_exports {
	struct msc_usbip_export **list;
	size_t count;
	bool (*taken)(void *user, const struct msc_usbip_export *);
	void *user;
	const struct msc_log *log;
	struct msc_clock *clock;
};

void msc_usbip_peer_open(struct msc_usbip_peer *, int fd, const char *name, struct msc_clock *);
/* Gives back what it has. */
void msc_usbip_peer_close(struct msc_usbip_peer *, const struct msc_usbip_exports *);

/* Takes what has arrived, and acts on it. */
void msc_usbip_peer_receive(struct msc_usbip_peer *, const struct msc_usbip_exports *);
/* Answers what has ended, and sends what goes. */
void msc_usbip_peer_send(struct msc_usbip_peer *, const struct msc_usbip_exports *);
/* It may speak: it has not said as much already as it may before it listens. */
bool msc_usbip_peer_may_speak(const struct msc_usbip_peer *);

#endif
