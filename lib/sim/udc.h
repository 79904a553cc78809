/* SPDX-License-Identifier: BSD-2-Clause */
/* The device controller as the bus sees it: one answer to each token. Private to sim/. The side
 * that firmware sees is in mcu.h. */
#ifndef MSC_SIM_UDC_H
#define MSC_SIM_UDC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/usb.h"

struct udc;
struct mcu;

enum udc_reply {
	UDC_ACK,
	UDC_NYET, /* taken, but there is no room for another: USB 2.0, 8.5.1 */
	UDC_NAK,
	UDC_STALL,
	UDC_SILENT, /* no such endpoint: the host sees a time-out */
};

/* What it raises: udc_irq.c. */
struct udc_irqs;
extern const struct udc_irqs udc_irqs;

struct udc *udc_new(struct mcu *, const struct udc_irqs *);
void udc_free(struct udc *);

/* Who is told when an endpoint that may have refused polls can answer now. */
typedef void udc_ready_fn(void *host, uint8_t ep);
void udc_attach(struct udc *, udc_ready_fn *, void *host);

/* An IN token: ACK means that *data, *len is the packet on the wire, with this toggle. */
enum udc_reply udc_in_token(struct udc *, uint8_t ep, const uint8_t **data, size_t *len,
			    bool *toggle);
uint8_t udc_address(const struct udc *);
/* The host has acknowledged that packet. */
void udc_in_taken(struct udc *, uint8_t ep);

/* What a data packet sent now would get: ACK stands for ACK or NYET. Also answers PING. */
enum udc_reply udc_out_room(struct udc *, uint8_t ep);
/* A data packet has arrived; call only after udc_out_room gave ACK. */
enum udc_reply udc_out_packet(struct udc *, uint8_t ep, bool toggle, const uint8_t *data,
			      size_t len);

/* How many bytes more a bulk endpoint moves before the firmware is told, in packets of that size and
 * from that toggle on; IN: they begin at *data. 0: also if a packet among them is anything special. */
size_t udc_ahead(struct udc *, uint8_t ep, size_t packet, bool toggle, const uint8_t **data);
/* So many full packets of these have passed, the last of all not among them; OUT: with this data. */
void udc_pass(struct udc *, uint8_t ep, const uint8_t *data, size_t packets);

/* A SETUP packet; hardware always takes it. */
void udc_setup_packet(struct udc *, const struct msc_setup *);
void udc_bus_reset(struct udc *);
void udc_suspended(struct udc *, bool suspended); /* the bus is silent, or no longer */

#endif
