/* SPDX-License-Identifier: BSD-2-Clause */
/* The record: what was done to a device and what it did, as plain data. Live, simulated and
 * captured traffic all become this, and nothing judges anything else.
 *
 * A record is one exchange (a CBW, its data, its CSW; or a whole command, where these are not to be
 * seen), one control request, one bare transfer on a bulk endpoint, one port reset, or one suspend of the
 * bus with its resume. CLEAR_FEATURE, Bulk-Only Mass Storage Reset and
 * SET_CONFIGURATION are control requests, whoever sends them and why; the clearing of a halt in the
 * middle of an exchange is a step of it. Records are made by the assembler (assemble.h); what a rule
 * may look back at is in history.h.
 */
#ifndef MSC_RECORD_RECORD_H
#define MSC_RECORD_RECORD_H

#include "record/view.h"

/* One transfer on a bulk pipe or a recovery action, in the order in which they ended. */
enum msc_step_kind {
	MSC_STEP_CBW,
	MSC_STEP_DATA,
	MSC_STEP_CSW, /* CANCELLED: asked for early (queued) and taken back. After a wrapper that is
			 not valid: the one poll of bulk-in. After a CSW that came as data: one that
			 came once more */
	MSC_STEP_CLEAR_HALT, /* CLEAR_FEATURE(ENDPOINT_HALT) of ep */
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
	/* A whole command, which was seen from above whatever carried it: there is neither wrapper nor
	 * status, and there are no steps. cbw (less its signature and tag) is what was asked, csw (less
	 * the same) what its SCSI status and the bytes that did not move come to; bCSWStatus is FFh when
	 * there was none. It never needs a reset: who carried it has seen to that. */
	bool whole;
	enum msc_outcome outcome; /* of that; see MSC_TRANSFER_COMMAND */
	uint8_t scsi_status;
	bool fetched; /* by the kernel, of its own accord */

	/* what was sent */
	uint8_t *wrapper; /* the bytes of the CBW as they went out */
	size_t wrapper_len;
	struct msc_cbw cbw; /* the same, decoded; zero where the wrapper was too short */
	bool queued;	    /* CBW, data and CSW were submitted together */
	bool noted;	    /* MSC_NOTE_BEGIN: who sent it says itself what data should come */
	enum msc_dir dir;   /* host expectation: NONE when dCBWDataTransferLength is 0 */
	struct msc_intent stated; /* by a scenario; .known false: judge from the command block */
	struct msc_unit unit;	  /* what was known of the logical unit when it was sent */
	uint8_t max_lun;	  /* known then; 0xff: not */
	bool max_lun_refused;	  /* it is 0 since Get Max LUN was answered with a STALL */

	/* what came of it */
	uint8_t *data;	   /* moved in the data phase, either direction */
	size_t data_len;
	size_t data_kept; /* of those, how many data still holds: all of them while it is the newest
			     record of a log that keeps them */
	uint64_t data_hash; /* msc_log_hash of all of them, where data holds fewer */
	size_t data_short_packet; /* 1 + the length of the short packet that ended bulk-in data;
				     0: none did */
	bool csw_in_data;  /* the CSW arrived as the last 13 bytes of the data transfer */
	uint8_t *status;   /* the bytes that came where the CSW belongs; the last attempt */
	size_t status_len;
	bool have_csw;	   /* status is 13 bytes; csw is its decoded form */
	struct msc_csw csw;
	size_t n_steps; /* of steps, below */
	bool needs_reset; /* BOT 1.0, 5.3.3: only reset recovery leads on from here */

	/* what it proves, given what was before: msc_record_conclude */
	bool command; /* a valid CBW, and the device could take it as one */
	bool plain; /* that, and meaningful, and the host sent all the bulk-out data it promised */
	bool answered; /* plain, and ended by a CSW that is valid and meaningful */
	struct msc_view view;

	struct msc_step steps[MSC_STEPS_MAX]; /* last: what is behind n_steps is never written */
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

/* A reset of the port, and the enumeration behind it as far as the host tells of it. */
struct msc_port {
	enum msc_outcome outcome; /* TIMEOUT, GONE: the device could not be set up again */
	unsigned resets; /* so often it was tried; 0: not known */
};

/* The bus was silent from the record's beginning, and resumed. */
struct msc_silence {
	enum msc_outcome
		outcome; /* TIMEOUT: the device did not answer any more, and a port reset follows */
	int64_t resumed_ns; /* the target's clock: when the host began to resume it */
};

enum msc_record_kind {
	MSC_RECORD_EXCHANGE = 1,
	MSC_RECORD_CONTROL = 2,
	MSC_RECORD_POLL = 4,
	MSC_RECORD_PORT_RESET = 8,
	MSC_RECORD_SUSPEND = 16,
}; /* bits, so that a rule can name several */

enum msc_halt { MSC_HALT_UNKNOWN, MSC_HALT_SET, MSC_HALT_CLEAR };

enum msc_reset_by { /* what has made the device begin anew */
	MSC_RESET_BY_KERNEL, /* whose reset it was is not told */
	MSC_RESET_BY_RECOVERY,
	MSC_RESET_BY_PORT,
	MSC_RESET_BY_WAKING, /* a port reset of a device that was suspended */
	MSC_RESET_BY_CONFIGURATION,
	MSC_RESET_BY_INTERFACE,
};

/* Of a bulk endpoint. */
struct msc_halt_known {
	enum msc_halt halt; /* by the newest record that tells */
	bool request; /* Bulk-Only Mass Storage Reset came after that record */
	bool asked; /* for a halt: SET_FEATURE(ENDPOINT_HALT) */
	bool idle; /* a halt was cleared, and as far as is known there was none */
};

/* What had happened before a record began, as far as it still matters. */
struct msc_past {
	bool unknown; /* the log began in the middle, and nothing since has made things clear */
	const struct msc_record *exchange; /* the one before, on any unit; NULL: none is known */
	const struct msc_record *own; /* the one before on the same unit; NULL: none is known */
	/* since that exchange: */
	bool reset;   /* reset recovery, port reset, SET_CONFIGURATION or SET_INTERFACE, and it
			 succeeded */
	enum msc_reset_by reset_by; /* which, if so */
	bool request; /* Bulk-Only Mass Storage Reset by itself */
	bool cleared_in, cleared_out; /* clear-halt, and since that request */
	bool sent; /* bytes were put on bulk-out that belong to no exchange, and no reset since */
	/* a CBW is valid only after a CSW or a reset (BOT 1.0, 6.2.1), and after one that was not
	 * valid only once reset recovery is complete (6.6.1): */
	bool awaits_recovery;
	bool was_invalid; /* because the last CBW was not valid */
	struct msc_halt_known in, out;
	bool unconfigured; /* SET_CONFIGURATION with the value 0 was taken, and the device has not been
			      set up again */
	bool suspended; /* since that exchange, and since a reset, the bus was, and is no longer */
	bool resumed; /* and endpoint 0 has answered since then */
	bool asleep;  /* it still is */
	bool busy; /* of a control request: in the middle of an exchange */
	bool prevented; /* of this unit: the host has locked the medium in */
	bool ejected; /* of this unit: START STOP UNIT has ejected the medium, and it was not there
			   since */
	bool gone; /* that, its sense data has said so, and neither START STOP UNIT nor a reset came since */
	int64_t ejected_ns; /* then: when it was ejected */
	bool unseen; /* of this unit: since a reset, or since its sense data said that there is no
			medium, no TEST UNIT READY and no READ has passed */
};

struct msc_history;
struct msc_spares;

#define MSC_RECORD_SMALL 32 /* bytes that need no memory of their own: a CBW and a CSW do not */

struct msc_record {
	enum msc_record_kind kind;
	bool muted; /* not to be judged; it may be looked back at */
	bool cut; /* the log does not have all bytes of its wrapper, its status, its answer: whatever
		     is not there is not held against anybody */
	const struct msc_device *device; /* as it was known then */
	int64_t began_ns, ended_ns; /* the target's clock */
	struct msc_past past;
	const struct msc_history *history; /* what else was before; while it is the newest record */
	struct {
		unsigned refs, holds;
		struct msc_snapshot *snapshot; /* of device */
		struct msc_spares *spares; /* where it goes when nobody wants it; NULL: nowhere */
		size_t room; /* of data, where it was made by msc_record_append */
		uint8_t wrapper[MSC_RECORD_SMALL], status[MSC_RECORD_SMALL];
	} own; /* of the makers of records */
	union {
		struct msc_exchange exchange;
		struct msc_control control;
		struct msc_poll poll;
		struct msc_port port;
		struct msc_silence suspend;
	} u;
};

typedef void msc_record_fn(void *user, const struct msc_record *);

/* Records are counted; the last who drops one frees it. NULL is no record. */
struct msc_record *msc_record_new(enum msc_record_kind); /* NULL: out of memory */
/* The same with the memory of one that was dropped, if there is one. Spares are counted, too: a record
 * keeps those that it came from. */
struct msc_record *msc_record_of(struct msc_spares *, enum msc_record_kind);
struct msc_spares *msc_spares_new(void); /* NULL: out of memory */
void msc_spares_end(struct msc_spares *); /* no more records are made of them; may be NULL */

/* The bytes that stand in for a wrapper or a status, of which the record becomes the owner: `own` if
 * they are few, memory of their own otherwise. NULL: out of memory. */
uint8_t *msc_record_bytes(uint8_t own[MSC_RECORD_SMALL], const uint8_t *bytes, size_t len);
/* More bytes behind those that the record's data is kept of. -1: out of memory. */
int msc_record_append(struct msc_record *, const uint8_t *bytes, size_t len);
/* Fills in the times, and what came of it, of a port reset or a suspend. */
void msc_record_of_bus(struct msc_record *, const struct msc_transfer *);
struct msc_record *msc_record_ref(const struct msc_record *);
void msc_record_drop(const struct msc_record *);
/* Data of which nothing but the beginning, MSC_KEPT_MAX bytes, will be asked for again. */
#define MSC_KEPT_MAX 4096
void msc_record_trim(struct msc_record *);

/* Keeps a record, with all its data, beyond its time. */
const struct msc_record *msc_record_hold(const struct msc_record *); /* may be NULL */
void msc_record_release(const struct msc_record *);

/* Fills in what an exchange proves, when it is complete, with all its data, and its past known. */
void msc_record_conclude(struct msc_record *);

/* The device as it is known from now on, shared by the records that follow. */
struct msc_snapshot *msc_snapshot_new(const struct msc_device *); /* NULL: out of memory */
struct msc_snapshot *msc_snapshot_ref(struct msc_snapshot *);
void msc_snapshot_drop(struct msc_snapshot *); /* may be NULL */
const struct msc_device *msc_snapshot_device(const struct msc_snapshot *);

/* BOT 1.0, 6.2.1 (valid) and 6.2.2 (meaningful), as far as the wrapper itself shows. */
bool msc_cbw_is_valid(const uint8_t *wrapper, size_t len);
bool msc_cbw_means(const struct msc_cbw *, uint8_t max_lun); /* 255: it is not known */
bool msc_cbw_is_meaningful(const struct msc_exchange *);     /* valid as well */
/* It began with a valid CBW, or is a whole command. */
bool msc_exchange_is_valid(const struct msc_exchange *);

/* BOT 1.0, 6.3.1 (valid: 13 bytes, signature, tag) and 6.3.2 (meaningful: status 00h or 01h with
 * a residue not above dCBWDataTransferLength, or status 02h). Of a whole command: it has a status,
 * and that is one which BOT has too. */
bool msc_csw_is_valid(const struct msc_exchange *);
bool msc_csw_is_meaningful(const struct msc_exchange *);
/* With a status, and the host goes on from there. */
bool msc_exchange_ended(const struct msc_exchange *);
bool msc_exchange_passed(const struct msc_exchange *); /* and the status is 00h */
/* A READ or WRITE that failed although all of its data was moved: sense key 1 would say that it was carried
 * out, after an error that the device mended (SPC-4, 4.5.6). */
bool msc_may_be_recovered(const struct msc_exchange *);

bool msc_hung(enum msc_outcome); /* a time-out, or no handshake */

/* Bytes of data that the host offered, whether they were taken or not, or for which it had room. */
size_t msc_exchange_offered(const struct msc_exchange *);
/* The first step of a kind (and of an outcome); NULL: none. */
const struct msc_step *msc_step_find(const struct msc_exchange *, enum msc_step_kind);
const struct msc_step *msc_step_with(const struct msc_exchange *, enum msc_step_kind,
				     enum msc_outcome);

/* ---- control requests: what is asked of whom ----------------------------------------------- */

bool msc_is_request(const struct msc_record *, uint8_t request_type, uint8_t request);
bool msc_is_good_reset(const struct msc_record *);   /* Bulk-Only Reset, every field right */
bool msc_is_good_max_lun(const struct msc_record *); /* Get Max LUN, every field right */
/* CLEAR_FEATURE(ENDPOINT_HALT) of a bulk endpoint; *ep is which. */
bool msc_is_clear_halt(const struct msc_record *, uint8_t *ep);
/* SET_INTERFACE of the interface, the setting in force. */
bool msc_is_setting(const struct msc_record *);
bool msc_is_configuration(
	const struct msc_record
		*); /* SET_CONFIGURATION, the value in force; false where that is not known */
/* The same with any value, of which the upper byte is reserved: USB 2.0, 9.4.7. */
bool msc_is_any_configuration(const struct msc_record *, uint8_t *value);

#endif
