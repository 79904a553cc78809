/* SPDX-License-Identifier: BSD-2-Clause */
/* A mutant sits between a firmware model and its hardware and changes what passes: that is how a
 * defect is switched on in any model without a line in the model. Its view is the one that a
 * logic probe on the peripheral's registers would have, plus the CBW that is being executed.
 *
 * Every hook is optional. Several mutants may be active; each sees what the one before left.
 */
#ifndef MSC_SIM_MUTANT_H
#define MSC_SIM_MUTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/bot.h"
#include "wire/usb.h"

struct mcu;

/* What is known of the command in progress, kept by the simulator for all mutants. */
struct mutant_view {
	bool in_command;	/* between a valid CBW and the end of its CSW */
	struct msc_cbw cbw;	/* the last valid CBW, as the host sent it */
	uint32_t commands;	/* valid CBWs since power-on, this one included */
	uint32_t data_sent; /* bytes the firmware handed to bulk-in since that CBW, CSW excluded */
	struct msc_csw last_csw; /* the last that the firmware handed over */
	bool csw_failed;	/* its status was not 00h */
	uint8_t ep_in, ep_out;	/* the bulk endpoints; 0 until opened */
};

enum mutant_verdict {
	MUTANT_PASS, /* go on, with whatever was changed */
	/* Towards the firmware: it never learns of it, and goes on waiting. Towards the wire: nothing
	 * is sent, and the firmware is told that it was. */
	MUTANT_SWALLOW,
	/* Setup: the request is refused. Data and CSW: the endpoint is halted instead, and the
	 * firmware is told that it was sent. Command and received: the same as SWALLOW, and bulk-out
	 * is halted. */
	MUTANT_STALL,
	/* Command and received only: SWALLOW, and the endpoint is not armed again. It answers NAK until
	 * the firmware takes its buffer back. Elsewhere: SWALLOW. */
	MUTANT_DEAF,
};

struct mutant_ops {
	size_t state_size; /* per mutant and device; the last argument of every hook */
	const void *initial; /* what is in it at first, state_size bytes; NULL: zeros */

	/* A SETUP arrives. SWALLOW: endpoint 0 answers NAK for ever, unless the hook has answered
	 * with mutant_acknowledge. */
	enum mutant_verdict (*setup)(struct mcu *, struct msc_setup *, void *state);

	/* The firmware has answered a control request with data, all of which buf holds: *len bytes,
	 * with room for max. What comes of it goes out in packets, cut to wLength and ended as USB
	 * 2.0, 5.5.3 wants. Firmware that never ends its own answer is not heard at all while there
	 * is a mutant. */
	void (*control_in)(struct mcu *, const struct msc_setup *, uint8_t *buf, size_t *len,
			   size_t max, void *state);

	/* One packet is handed to endpoint 0, for the data stage or, empty, for the status stage;
	 * room for 128 bytes. *wrong_toggle may be set. SWALLOW: the firmware goes on as if it had been
	 * taken. STALL: the request is refused now. */
	enum mutant_verdict (*ep0_in)(struct mcu *, const struct msc_setup *, bool status,
				      uint8_t *packet, size_t *len, bool *wrong_toggle,
				      void *state);

	/* The firmware is ready for a packet on endpoint 0, of either stage. SWALLOW: it is not. STALL:
	 * what the host sends there is refused, and what it reads is not. */
	enum mutant_verdict (*ep0_out)(struct mcu *, const struct msc_setup *, bool status,
				       void *state);

	/* A CBW with a valid signature and length arrives; the change is what the firmware sees. */
	enum mutant_verdict (*command)(struct mcu *, const struct mutant_view *, struct msc_cbw *,
				       void *state);

	/* Anything else arrives on bulk-out: data, or a CBW that is not valid. buf has room for 64
	 * bytes at least. */
	enum mutant_verdict (*received)(struct mcu *, const struct mutant_view *, uint8_t *buf,
					size_t *len, void *state);

	/* The firmware hands data to bulk-in; buf is a copy with room for max bytes. */
	enum mutant_verdict (*data_in)(struct mcu *, const struct mutant_view *, uint8_t *buf,
				       size_t *len, size_t max, void *state);

	/* The firmware hands a CSW to bulk-in; *len is 13, raw has room for 64 bytes and holds the
	 * packed form. */
	enum mutant_verdict (*csw)(struct mcu *, const struct mutant_view *, uint8_t *raw,
				   size_t *len, void *state);

	/* The firmware takes back what it handed to bulk-in. false: what is queued there stays, and the
	 * firmware is not told when it has gone out. */
	bool (*take_back)(struct mcu *, const struct mutant_view *, void *state);

	/* The firmware halts an endpoint. false: it stays open. */
	bool (*stall)(struct mcu *, const struct mutant_view *, uint8_t ep, void *state);

	/* The firmware ends a halt after CLEAR_FEATURE. *reset_toggle may be cleared. false: the
	 * endpoint stays halted. */
	bool (*unstall)(struct mcu *, const struct mutant_view *, uint8_t ep, bool *reset_toggle,
			void *state);

	/* The medium is read or written; *lba and *blocks may be changed, and false reports an error.
	 * Reads: called after, with the data; writes: before. */
	bool (*card_read)(struct mcu *, const struct mutant_view *, uint64_t lba, uint32_t blocks,
			  uint8_t *data, void *state);
	bool (*card_write)(struct mcu *, const struct mutant_view *, uint64_t *lba,
			   uint32_t *blocks, void *state);

	/* A block on its way to the medium; what is left in it is stored. Called for each block, in
	 * their order, before the first of the same write is stored. */
	void (*card_data)(struct mcu *, const struct mutant_view *, uint8_t slot, uint64_t lba,
			  uint8_t *block, uint32_t size, void *state);

	/* Where a block of the medium lies for the driver: called for each block, and what it gives is
	 * where it is moved to or from. Beyond the medium is an error. */
	uint64_t (*address)(struct mcu *, const struct mutant_view *, uint64_t lba, bool writing,
			    void *state);

	/* The firmware opens a bulk endpoint. Either may be set: what it was before the endpoint was
	 * closed stays. */
	void (*open)(struct mcu *, uint8_t ep, bool *keep_toggle, bool *keep_halt, void *state);

	/* The bus has been silent for 3 ms, or is resumed; the firmware is told after that. */
	void (*suspend)(struct mcu *, const struct mutant_view *, bool suspended, void *state);

	/* A bus reset has been seen by the firmware. */
	void (*reset)(struct mcu *, void *state);

	/* The power goes, and with it the state; what is in the slots can still be reached. */
	void (*power_off)(struct mcu *, void *state);
};

/* For hooks that act by themselves, now or from a timer (mcu_timer): the raw peripheral, past all
 * mutants. Data is copied, at most 64 bytes. */
void mutant_transmit(struct mcu *, const void *data, size_t len); /* on bulk-in, before whatever the
								     present hook passes */
void mutant_transmit_after(struct mcu *, const void *data, size_t len); /* behind it */
void mutant_drop(struct mcu *, uint8_t ep); /* whatever is queued there */
void mutant_stall(struct mcu *, uint8_t ep);
void mutant_unstall(struct mcu *, uint8_t ep); /* from DATA0 */
/* The board restarts: it leaves the bus behind the present packet, its memory is lost, and so much later it
 * is back. */
void mutant_restart(struct mcu *, int64_t away_ns);
/* In the hooks of commands and of CSWs: it comes to the firmware, or goes out, so much later. Nobody waits
 * for it meanwhile: endpoint 0 is served, and a reset ends it. */
void mutant_later(struct mcu *, int64_t ns);
void mutant_acknowledge(struct mcu *); /* the status stage of a request without data */

#endif
