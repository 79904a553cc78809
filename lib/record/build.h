/* SPDX-License-Identifier: BSD-2-Clause */
/* An exchange under way; nothing outside lib/record includes this. */
#ifndef MSC_RECORD_BUILD_H
#define MSC_RECORD_BUILD_H

#include "record/assemble.h"

struct msc_building {
	struct msc_record *record;
	bool noted; /* its beginning was, so its end will be */
	bool leave;
	bool was_unclean; /* struct msc_history, before it */
	bool wrapped;	/* the CBW is known */
	bool invalid;	/* and it is none */
	bool in_data;	/* data is due */
	bool bad_end;	/* data ended in a way from which only a reset leads on */
	bool refused;	/* the CBW was not taken */
	bool left_stalled;  /* the newest transfer of data or status met a STALL */
	bool status_done;   /* the newest transfer in the place of the CSW ended well */
	int64_t status_ns; /* when the first transfer in the place of the CSW ended; MSC_NEVER: none */
	int64_t halted_ns[2]; /* when bulk-out, bulk-in was seen to be halted; MSC_NEVER: it is not */
	bool no_memory;
	uint64_t order[MSC_STEPS_MAX]; /* last; of the steps: when the end of each was seen */
};

/* note may be NULL. */
void msc_building_begin(struct msc_building *, struct msc_record *, const struct msc_note *);

/* A whole command, which is all of it. */
void msc_building_whole(struct msc_building *, const struct msc_transfer *);
/* The bulk-out transfer that carries the wrapper; queued: others are under way already. */
void msc_building_wrap(struct msc_building *, const struct msc_transfer *, uint64_t order,
		       bool queued);
/* Any bulk transfer after it. */
void msc_building_add(struct msc_building *, const struct msc_transfer *, uint64_t order);
/* CLEAR_FEATURE(ENDPOINT_HALT) of one of its endpoints. */
void msc_building_clear(struct msc_building *, const struct msc_transfer *, uint64_t order);
/* The transfer can be a part of it, by what is on the wire: a host that asked for the CSW is through
 * with the data. */
bool msc_building_wants(const struct msc_building *, const struct msc_transfer *);
bool msc_building_stalled(const struct msc_building *, uint8_t ep); /* and not cleared since */
/* The clearing of that halt can be a part of it: it was seen; or all is well so far, no data is due any
 * more, and nobody has asked for the CSW. */
bool msc_building_may_clear(const struct msc_building *, uint8_t ep);
/* It came; after a wrapper that is not valid: bulk-in has been looked at. */
bool msc_building_has_status(const struct msc_building *);
/* What follows from all of it. False: there never was a wrapper, and nothing can be made of it. */
bool msc_building_end(struct msc_building *);

#endif
