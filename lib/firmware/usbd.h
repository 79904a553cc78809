/* SPDX-License-Identifier: BSD-2-Clause */
/* The chapter-9 half of a firmware: what a vendor's USB device library does for every class. A
 * model gives its descriptors and hears of configuration and halts; it handles class requests. */
#ifndef MSC_FIRMWARE_USBD_H
#define MSC_FIRMWARE_USBD_H

#include "sim/mcu.h"
#include "wire/bot.h"

#define USBD_STRINGS_MAX 8

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
	struct msc_device_desc device; /* type, length and max_packet0 are filled in */
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
};

/* The bus was reset: forget the configuration, open endpoint 0. */
void usbd_reset(struct mcu *, struct usbd *);

/* Handles a standard request completely and returns true; false: not a standard request, and the
 * model must answer it. */
bool usbd_setup(struct mcu *, struct usbd *, const struct msc_setup *);

#endif
