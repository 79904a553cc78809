/* SPDX-License-Identifier: BSD-2-Clause */
/* The chapter-9 half of a firmware: what a vendor's USB device library does for every class. A
 * model gives its descriptors and hears of configuration and halts; it handles class requests, and
 * passes on what happens on endpoint 0:
 *
 *	.setup = setup,		if (!usbd_setup(m, &s->usbd, q)) ...
 *	USBD_EP0(struct model)
 *	.ep0_in = ep0_in,
 *	.ep0_out = ep0_out,
 */
#ifndef MSC_FIRMWARE_USBD_H
#define MSC_FIRMWARE_USBD_H

#include "sim/mcu.h"
#include "wire/bot.h"

#define USBD_STRINGS_MAX 8
#define USBD_ANSWER_MAX	 256 /* bytes in the data stage of a control request */

struct usbd_endpoint {
	uint8_t address;	    /* bEndpointAddress */
	uint16_t full, high; /* wMaxPacketSize at either speed */
	uint8_t high_interval; /* bInterval at high speed: 0, or how often it may answer NAK */
};

struct usbd_interface {
	uint8_t interface_class, subclass, protocol;
	uint8_t i_interface; /* string index, 0 none */
	const struct usbd_endpoint *endpoints;
	uint8_t n_endpoints;
};

struct usbd_descriptors {
	struct msc_device_desc device; /* type and length are filled in; max_packet0 is that at
					  full speed, 0 for 64; at high speed it is 64: USB 2.0, 5.5.3 */
	uint8_t attributes, max_power; /* of the configuration */
	uint8_t i_configuration;
	bool high_speed; /* the hardware can do it: adds qualifier and other-speed descriptors */
	const struct usbd_interface *interfaces;
	uint8_t n_interfaces;
	const char *strings[USBD_STRINGS_MAX]; /* ASCII, by index; 0 unused */
};

/* The library's state; a model embeds one and fills in the first part before the first reset. */
struct usbd {
	const struct usbd_descriptors *desc;
	void (*configured)(struct mcu *, uint8_t value); /* endpoints are open; 0: closed again */
	void (*halt_cleared)(struct mcu *, uint8_t ep);	 /* after CLEAR_FEATURE(ENDPOINT_HALT) */
	bool (*may_unhalt)(struct mcu *, uint8_t ep); /* optional; false: accept the request but
							 keep the halt (BOT 1.0, 6.6.1) */
	/* the library's own */
	uint8_t configuration;
	struct {
		struct msc_setup setup;
		enum { USBD_IDLE, USBD_DATA_IN, USBD_STATUS_OUT, USBD_STATUS_IN } stage;
		uint8_t data[USBD_ANSWER_MAX];
		size_t len, at; /* at: of what has been handed to the controller */
	} request;
};

/* The bus was reset: forget the configuration, open endpoint 0. */
void usbd_reset(struct mcu *, struct usbd *);

/* Handles a standard request completely and returns true; false: not a standard request, and the
 * model must answer it. */
bool usbd_setup(struct mcu *, struct usbd *, const struct msc_setup *);
void usbd_ep0_in(struct mcu *, struct usbd *);
void usbd_ep0_out(struct mcu *, struct usbd *);

/* These two as vectors of a model whose state has the library as its member usbd. */
#define USBD_EP0(state)                                                                            \
	static void ep0_in(struct mcu *m)                                                          \
	{                                                                                          \
		usbd_ep0_in(m, &((state *)mcu_state(m))->usbd);                                    \
	}                                                                                          \
	static void ep0_out(struct mcu *m, size_t len)                                             \
	{                                                                                          \
		(void)len;                                                                         \
		usbd_ep0_out(m, &((state *)mcu_state(m))->usbd);                                   \
	}

/* -- control.c: the stages of the request that usbd_setup, or usbd_begin in its place, was given last.
 * It is answered with exactly one of these, now or later; until then the host waits. */
uint8_t usbd_max_packet0(const struct usbd *, bool high_speed);
void usbd_begin(struct usbd *, const struct msc_setup *);
/* Copied, and cut to wLength. */
void usbd_send(struct mcu *, struct usbd *, const void *data, size_t len);
void usbd_ack(struct mcu *, struct usbd *); /* the status stage of a request without data */
void usbd_stall(struct mcu *, struct usbd *);

#endif
