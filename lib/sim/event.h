/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to a device from outside while it runs: somebody takes its card, presses its eject
 * button, pulls its cable; the host suspends the bus. Each event is armed at power-on and happens
 * once, at a time or at a point of what passes.
 *
 * The medium in a slot belongs to the world, not to the firmware. Whoever takes a card out keeps
 * it; when the cable is out the device has no power, its memory is lost and its media are not, and
 * when it comes back the firmware starts anew and finds in its slots what is there then.
 */
#ifndef MSC_SIM_EVENT_H
#define MSC_SIM_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/knob.h"

enum sim_event_what {
	SIM_CARD_OUT,  /* reads and writes fail from then on, in mid-command too */
	SIM_CARD_IN,   /* the card that was taken out or ejected, or another one */
	SIM_CARD_SWAP, /* out, and another one in */
	SIM_CARD_WRITE, /* the device's own side writes to it: firmware is told nothing */
	SIM_BAD_BLOCK, /* a block of the card can neither be read nor written any more */
	SIM_EJECT,     /* the button; firmware may ignore it */
	SIM_UNPLUG,    /* the cable, and with it the power */
	SIM_PLUG,      /* the cable again, perhaps as another device */
	SIM_SUSPEND,   /* the host stops all traffic: USB 2.0, 7.1.7.6 */
	SIM_RESUME,    /* 7.1.7.7 */
	SIM_SET,       /* something about the world, as a knob of the model that is `live` */
};
#define SIM_EVENTS (SIM_SET + 1)

enum sim_event_when {
	SIM_AT_TIME,
	SIM_AT_CBW,	    /* the n-th has arrived, and the firmware has not seen it yet */
	SIM_AT_BYTE,	    /* the packet with the n-th byte on the bulk endpoints has passed */
	SIM_AT_BLOCK,	    /* the n-th block is about to be read or written */
	SIM_AT_READ_BLOCK,  /* the same, of those that are read */
	SIM_AT_WRITE_BLOCK, /* of those that are written */
};

/* Another card. */
struct sim_medium {
	char path[256];	 /* a file to hold it; empty: memory */
	uint64_t blocks; /* 0: as many as the file has, or as the card before it */
	bool noise;	 /* what memory holds at first; else zeros */
	uint64_t keep;	 /* so many of its first blocks are copies of those of the card before */
	bool read_only;
};

struct sim_event {
	enum sim_event_what what;
	uint8_t slot;	/* CARD_*, BAD_BLOCK, EJECT */
	uint64_t lba;	/* BAD_BLOCK */
	bool other;	/* CARD_IN: `medium` instead of the same one; PLUG: as vendor, product */
	struct sim_medium medium;
	uint16_t vendor, product;
	char set[64];		     /* SET: KNOB=VALUE */
	const struct msc_knob *knob; /* which that is */
	enum sim_event_when when;
	uint64_t n;	      /* AT_CBW and later: counted from 1, since power first came */
	int64_t after_ns;     /* AT_TIME: since then; others: so long after the point */
	uint64_t after_bytes; /* AT_CBW: so many bytes on the bulk endpoints later; AT_*_BLOCK: so
				 many bytes of the block have been written by then */
};

const char *sim_event_name(enum sim_event_what); /* "card-out", ... */

#endif
