/* SPDX-License-Identifier: BSD-2-Clause */
/* The record: what was done to a device and what it did, as plain data. Live, simulated and
 * captured traffic all become this, and nothing judges anything else.
 *
 * A record is one exchange (a CBW, its data, its CSW), one control request, one bare transfer on
 * a bulk endpoint, or one reset. Records form a chain, newest last; each knows the one before it,
 * so that a rule can look back.
 */
#ifndef MSC_RECORD_RECORD_H
#define MSC_RECORD_RECORD_H

#include "scsi/scsi.h"
#include "transport/transport.h"

/* One transfer on a bulk pipe or a recovery action, in the order in which they ended. */
enum msc_step_kind {
	MSC_STEP_CBW,
	MSC_STEP_DATA,
	MSC_STEP_CSW, /* CANCELLED: asked for early (queued) and taken back. After a wrapper that is
			 not valid: the one poll of bulk-in */
	MSC_STEP_CLEAR_HALT,
};

struct msc_step {
	enum msc_step_kind kind;
	uint8_t ep; /* bEndpointAddress */
	enum msc_outcome outcome;
	size_t asked, actual; /* bytes */
	int64_t submitted_ns, completed_ns;
	int64_t naks; /* -1: unknown */
};

#define MSC_STEPS_MAX 24 /* enough for every recovery; data in small pieces is merged beyond it */

struct msc_exchange {
	/* what was sent */
	uint8_t *wrapper; /* the bytes of the CBW as they went out */
	size_t wrapper_len;
	struct msc_cbw cbw; /* the same, decoded; zero where the wrapper was too short */
	bool queued;	    /* CBW, data and CSW were submitted together */
	enum msc_dir dir;   /* host expectation: NONE when dCBWDataTransferLength is 0 */
	struct msc_intent stated; /* by a scenario; .known false: judge from the command block */
	struct msc_unit unit;	  /* what was known of the logical unit when it was sent */
	uint8_t max_lun;	  /* known then; 0xff: not */

	/* what came of it */
	uint8_t *data;	   /* moved in the data phase, either direction */
	size_t data_len;
	size_t data_short_packet; /* 1 + the length of the short packet that ended bulk-in data;
				     0: none did */
	bool csw_in_data;  /* the CSW arrived as the last 13 bytes of the data transfer */
	uint8_t *status;   /* the bytes that came where the CSW belongs; the last attempt */
	size_t status_len;
	bool have_csw;	   /* status is 13 bytes; csw is its decoded form */
	struct msc_csw csw;
	struct msc_step steps[MSC_STEPS_MAX];
	size_t n_steps;
	bool needs_reset; /* BOT 1.0, 5.3.3: only reset recovery leads on from here */
};

struct msc_control {
	struct msc_setup setup;
	enum msc_outcome outcome;
	uint8_t *data;
	size_t data_len; /* bytes moved in the data stage */
};

/* A bulk transfer outside of any exchange: a poll for stale data, for one. */
struct msc_poll {
	uint8_t ep;
	enum msc_outcome outcome;
	uint8_t *data;
	size_t data_len;
};

enum msc_reset_kind {
	MSC_RESET_CLEAR_HALT, /* one endpoint, and nothing else */
	MSC_RESET_RECOVERY,   /* BOT 1.0, 5.3.4: class request, clear bulk-in, clear bulk-out */
	MSC_RESET_PORT,
	MSC_RESET_CONFIGURATION, /* SET_CONFIGURATION with the value in force */
};

struct msc_reset {
	enum msc_reset_kind kind;
	uint8_t ep; /* CLEAR_HALT */
	enum msc_outcome outcome; /* of the first part that did not succeed */
};

enum msc_record_kind {
	MSC_RECORD_EXCHANGE = 1,
	MSC_RECORD_CONTROL = 2,
	MSC_RECORD_POLL = 4,
	MSC_RECORD_RESET = 8,
}; /* bits, so that a rule can name several */

struct msc_record {
	enum msc_record_kind kind;
	struct msc_record *prev; /* NULL: the first of its chain */
	const struct msc_device *device;
	int64_t began_ns, ended_ns; /* the target's clock */
	union {
		struct msc_exchange exchange;
		struct msc_control control;
		struct msc_poll poll;
		struct msc_reset reset;
	} u;
};

void msc_record_free(struct msc_record *); /* one record, not its chain */

/* BOT 1.0, 6.2.1 (valid) and 6.2.2 (meaningful), as far as the wrapper itself shows. */
bool msc_cbw_is_valid(const uint8_t *wrapper, size_t len);
bool msc_cbw_is_meaningful(const struct msc_exchange *);

/* BOT 1.0, 6.3.1 (valid: 13 bytes, signature, tag) and 6.3.2 (meaningful: status 00h or 01h with
 * a residue not above dCBWDataTransferLength, or status 02h). */
bool msc_csw_is_valid(const struct msc_exchange *);
bool msc_csw_is_meaningful(const struct msc_exchange *);

/* The first step of a kind (and of an outcome); NULL: none. */
const struct msc_step *msc_step_find(const struct msc_exchange *, enum msc_step_kind);
const struct msc_step *msc_step_with(const struct msc_exchange *, enum msc_step_kind,
				     enum msc_outcome);

/* The exchange before this record on the same logical unit; NULL: none in the chain. */
const struct msc_record *msc_previous_exchange(const struct msc_record *);

#endif
