/* SPDX-License-Identifier: BSD-2-Clause */
/* The host. A session drives one target and records all that happens; the gate (gate.h) stands before
 * everything that leaves. It has two drivers, and picks the one that the target takes.
 *
 * "bot" does what BOT 1.0 asks of a host: status transport, clearing of halts, reset recovery.
 *
 * Serial: the CBW, the data and the CSW are submitted one after the other, as drivers do.
 * Queued: all three at once, which is legal within one exchange because the device answers NAK
 * until it is ready. On a STALL the queued CSW is cancelled, the halt cleared, the CSW asked for
 * again. A device that cannot be driven queued is found out by msc_session_probe_queued.
 *
 *	              +---- STALL: clear halt ----+
 *	              |                           v
 *	CBW -----> data -----------------------> CSW --- valid, 00 or 01 ---> done
 *	 |            |                          | |
 *	 | STALL,     | time-out                 | +- STALL: clear halt, ask once more
 *	 | time-out   |                          |    (a 0-byte CSW: ask once more)
 *	 v            v                          v
 *	 +----> needs reset <--- none, not valid, or 02 (phase error)
 *
 * "sg" sends whole commands by the kernel's SCSI path, one after the other. The node is logical unit 0,
 * whatever its number on the device. What needs the device's own endpoints (a wrapper with a lie in it,
 * bare transfers, control requests, resets) is MSC_E_UNSUPPORTED. The kernel resets the device by itself
 * when a command does not end, and asks by itself why one failed: the REQUEST SENSE of 18 bytes that
 * comes next is answered with what it was told, and one of another length is MSC_E_UNSUPPORTED.
 */
#ifndef MSC_SESSION_SESSION_H
#define MSC_SESSION_SESSION_H

#include "record/assemble.h"
#include "session/ready.h"

struct msc_session;

/* Sees the wire log as it grows, the host's notes too; what the entry points to is gone when the
 * function has returned. */
typedef void msc_wire_fn(void *user, const struct msc_log_entry *);

/* How long an answer is waited for, for each phase, unless told otherwise: as Linux does (SD_TIMEOUT),
 * and longer than Windows' 20 s. A device that has been shown to hang is given less. */
#define MSC_TIMEOUT_NS	 (30 * MSC_S)
#define MSC_HUNG_ONCE_NS (5 * MSC_S)
#define MSC_HASTY_NS	 MSC_S
#define MSC_BYTE_NS	 (16 * MSC_US) /* and for each byte of a device that is slow and not hung */

struct msc_session_options {
	int64_t timeout_ns; /* for each phase, and MSC_BYTE_NS more for each byte of data; 0: as above */
	unsigned hangs_max; /* after so many time-outs none lasts longer than MSC_HASTY_NS, or twice what the
			       device has been seen to need, so that one that hangs often does not cost
			       hours; 0: no such bound */
	bool queued;
	bool allow_writes; /* what changes the device's state, and blocks that permits cover */
	bool allow_unsafe; /* these operation codes too (n_unsafe 0: all): see gate.h */
	const uint8_t *unsafe;
	size_t n_unsafe;
	const struct msc_log *log;
	msc_record_fn *record; /* every record but the muted ones, when it is complete; may be NULL */
	void *user;
	msc_wire_fn *wire; /* may be NULL */
	void *wire_user;
};

struct msc_session *msc_session_new(struct msc_target *, const struct msc_session_options *);
void msc_session_free(struct msc_session *);
struct msc_target *msc_session_target(struct msc_session *);
void msc_session_set_record(struct msc_session *, msc_record_fn *, void *user);
/* Between true and false records are not passed on: they are the host's own affair. Can be nested. */
void msc_session_mute(struct msc_session *, bool muted);

/* Bulk-in data in several transfers, all submitted before the first of them ends: on the bus nothing
 * differs from one long transfer, but the log tells when each part came. The host may stop on the way
 * and go on later, and may ask endpoint 0 for something meanwhile; both are legal. Data that ends early
 * ends the exchange. */
struct msc_pieces {
	size_t len;   /* bytes of each */
	size_t first; /* pieces that are read before the rest is asked for; 0: all at once */
	int (*paused)(void *user, struct msc_err *); /* in between */
	/* Once all are submitted: called again and again until the last has come, or it returns 0. It
	 * may send control requests. May be NULL. */
	int (*meanwhile)(void *user, struct msc_err *);
	void *user;
};

/* Something else that the host does in the middle of an exchange; what it sends makes records of their
 * own. -1 ends the exchange. */
struct msc_aside {
	int (*run)(void *user, bool *again, struct msc_err *); /* NULL: nothing */
	void *user;
};

/* What to send. msc_request_init makes an honest CBW of a command; change any field after it to
 * lie on purpose. */
struct msc_request {
	struct msc_cbw cbw; /* tag 0 is replaced by the session's next unless keep_tag */
	bool keep_tag;
	bool keep_cb_length; /* else 6 to 11 become 12 where the subclass has blocks of 12 bytes */
	size_t wrapper_len; /* bytes of the CBW put on the wire: 31; fewer cut it, more pad it */
	uint8_t wrapper_fill; /* with such bytes */
	const uint8_t *raw;	   /* instead of the CBW: exactly these raw_len bytes */
	size_t raw_len;
	const uint8_t *out;	   /* for a bulk-out data phase; zeros when NULL */
	size_t out_len;		   /* bytes really sent: SIZE_MAX: dCBWDataTransferLength */
	size_t out_split;	   /* bytes per transfer; 0: all in one */
	size_t in_len;		   /* bytes of bulk-in data asked for, and then nothing more, no CSW
				      either; SIZE_MAX: all of it, and the CSW */
	const struct msc_pieces *pieces; /* of bulk-in data; NULL: it comes in one transfer */
	int64_t clear_after_ns;	   /* from a STALL of the data to clearing the halt */
	/* Once the transfer of data is under way: called once, and until *again is false or the
	 * data has been moved. */
	struct msc_aside with_data;
	struct msc_aside before_status; /* once, before the CSW is asked for: never queued */
	bool early;		   /* bulk-in is asked before the CBW is sent: BOT 1.0 allows it */
	struct msc_intent stated;  /* goes into the record */
	int64_t timeout_ns;	   /* 0: the session's */
	bool patient; /* timeout_ns is about what follows: a CBW that the device has to take
				      has the session's time, since NAK has no limit */
	bool serial;		   /* even in a queued session */
	bool leave;		   /* stop after a stall or an error: no clearing, no second CSW */
};
void msc_request_init(struct msc_request *, const uint8_t *cdb, uint8_t cdb_len, enum msc_dir,
		      uint32_t length);

/* Runs one exchange. -1 when the gate refuses it (MSC_E_REFUSED; nothing has left), the driver cannot send it
 * (MSC_E_UNSUPPORTED), the device is gone or the harness failed; what the device did is in *out, which stays
 * until the next record is given out. A wrapper that is not a valid CBW is sent, then bulk-in is polled once,
 * and nothing is cleared. */
int msc_session_exchange(struct msc_session *, const struct msc_request *,
			 const struct msc_record **out, struct msc_err *) MSC_MUST_CHECK;

/* A control request; len is the room in the data stage (setup->length for honest ones), and OUT
 * data is taken from data. */
int msc_session_control(struct msc_session *, const struct msc_setup *, const void *data,
			const struct msc_record **out, struct msc_err *) MSC_MUST_CHECK;

/* The device as its configuration descriptor is now, which may be another than before it was configured: asks for
 * it once more. Where it gives none, or has no say in it, as the host took it. */
int msc_session_described(struct msc_session *, struct msc_device *out,
			  struct msc_err *) MSC_MUST_CHECK;
/* Says so where wMaxPacketSize is not what the speed wants, in what the host goes by or in what the device says
 * when it is asked once more; empty: it is. */
int msc_session_packet_warning(struct msc_session *, char *buf, size_t size,
			       struct msc_err *) MSC_MUST_CHECK;

/* A bare bulk transfer. For bulk-in, len bytes of room; TIMEOUT is what a quiet device gives. */
int msc_session_poll(struct msc_session *, uint8_t ep, const void *out_data, size_t len,
		     int64_t timeout_ns, const struct msc_record **out,
		     struct msc_err *) MSC_MUST_CHECK;

int msc_session_clear_halt(struct msc_session *, uint8_t ep, const struct msc_record **out,
			   struct msc_err *) MSC_MUST_CHECK;
/* BOT 1.0, 5.3.4: three control requests. *outcome, which may be NULL: of the first that did not
 * succeed. */
int msc_session_reset_recovery(struct msc_session *, enum msc_outcome *outcome,
			       struct msc_err *) MSC_MUST_CHECK;
int msc_session_port_reset(struct msc_session *, const struct msc_record **out,
			   struct msc_err *) MSC_MUST_CHECK;
/* Takes the device's power for so long and gives it back. MSC_E_UNSUPPORTED, and nothing has happened,
 * where nobody can. What is known of its units has to be learned anew. */
int msc_session_power_cycle(struct msc_session *, int64_t off_ns, struct msc_err *) MSC_MUST_CHECK;
/* The device has left by itself: waits until it is there again. See msc_rejoin. */
int msc_session_rejoin(struct msc_session *, struct msc_err *) MSC_MUST_CHECK;
/* SET_CONFIGURATION with the value in force; MSC_E_UNSUPPORTED where it cannot be sent. */
int msc_session_configure(struct msc_session *, const struct msc_record **out,
			  struct msc_err *) MSC_MUST_CHECK;
/* SET_INTERFACE with the setting in force. */
int msc_session_set_interface(struct msc_session *, const struct msc_record **out,
			      struct msc_err *) MSC_MUST_CHECK;
/* The bus is silent for so long, and is resumed, or stays silent until a port reset, which has to be next;
 * MSC_E_UNSUPPORTED where the host cannot. */
int msc_session_suspend(struct msc_session *, int64_t ns, bool resume,
			struct msc_err *) MSC_MUST_CHECK;
bool msc_session_has_hung(const struct msc_session *); /* a time-out where an answer was due */
/* ns that the quickest command has taken that passed; 0: none has. */
int64_t msc_session_quickest(const struct msc_session *);
/* For each phase, as it is now: see hangs_max. */
int64_t msc_session_timeout(const struct msc_session *);
/* The device has hung hangs_max times. */
bool msc_session_is_hasty(const struct msc_session *);

/* Sends TEST UNIT READY until the device answers with a valid CSW, climbing reset recovery and
 * port reset in between. *rung says what it took: 0 nothing, 1 reset recovery, 2 port reset,
 * 3 nothing helped. Not judged: its records are not passed to the record callback. */
int msc_session_settle(struct msc_session *, int *rung, struct msc_err *) MSC_MUST_CHECK;
const char *msc_session_settled(int rung); /* "answers again after a port reset" */

/* A known beginning for whoever compares: both data toggles at DATA0, and INQUIRY the command before,
 * by commands of ordinary hosts; of the unit this is known, as it was learned, and of others
 * nothing. *level false: the device does not answer these as it must, and has been settled. Nothing
 * before is looked back at. Not judged. */
int msc_session_level(struct msc_session *, uint8_t lun, const struct msc_unit *, bool *level,
		      struct msc_err *) MSC_MUST_CHECK;
/* The part of it that is no traffic: what has been found since of this unit, or of others, is forgotten. */
void msc_session_know(struct msc_session *, uint8_t lun, const struct msc_unit *);

/* Get Max LUN, BOT 1.0 3.2; a STALL means 0. Learned once and kept. A node of the kernel's is one unit:
 * 0. */
int msc_session_max_lun(struct msc_session *, uint8_t *max_lun, struct msc_err *) MSC_MUST_CHECK;

/* "unit 1 (--lun 1), unit 2 (--lun 2)": all but one; returns buf (MSC_UNITS_TEXT bytes). */
#define MSC_UNITS_TEXT ((MSC_LUN_MAX + 1) * sizeof "unit 15 (--lun 15), ")
char *msc_session_other_units(char *buf, size_t size, uint8_t max_lun, uint8_t but);

/* The same again, though it is known, and whatever the answer: every host asks a device that is new to it. */
int msc_session_ask_max_lun(struct msc_session *, struct msc_err *) MSC_MUST_CHECK;

/* INQUIRY, TEST UNIT READY until ready (unit attentions are read away), READ CAPACITY(10), MODE
 * SENSE(6): fills in what is known of the unit. Not judged. Leaves have_capacity false when there
 * is no medium. */
int msc_session_learn(struct msc_session *, uint8_t lun, struct msc_err *) MSC_MUST_CHECK;
/* What TEST UNIT READY came to then, or as somebody has found it since. */
enum msc_readiness msc_session_readiness(const struct msc_session *, uint8_t lun);
void msc_session_set_readiness(struct msc_session *, uint8_t lun, enum msc_readiness);
const struct msc_unit *msc_session_unit(const struct msc_session *, uint8_t lun);

/* Tries the queued mode with harmless commands; false and a sentence in why (128 bytes) when the
 * device or its host controller cannot take it, and the session is serial from then on. */
int msc_session_probe_queued(struct msc_session *, bool *works, char *why, size_t size,
			     struct msc_err *) MSC_MUST_CHECK;

/* ---- blocks, sense, signs of life: block.c -------------------------------------------------- */

/* READ or WRITE of these blocks, honest in every field: (10), or (16) where the address or the number
 * needs it. */
void msc_request_blocks(struct msc_request *, bool write, uint8_t lun, uint64_t lba,
			uint32_t blocks, uint32_t block_size);
void msc_request_sense(struct msc_request *, uint8_t lun);
void msc_request_start(struct msc_request *, uint8_t lun); /* START STOP UNIT with START */
void msc_request_ready(struct msc_request *, uint8_t lun); /* TEST UNIT READY */
void msc_request_capacity(struct msc_request *, uint8_t lun); /* READ CAPACITY(10) */
void msc_request_inquiry(struct msc_request *, uint8_t lun); /* of 36 bytes */

/* One such command. *passed: with status 00h, and all was moved. A time-out of its own (above 0) does not count
 * as a hang of the device. Not judged. */
int msc_session_read(struct msc_session *, uint8_t lun, uint64_t lba, uint32_t blocks,
		     uint32_t block_size, void *buf, int64_t timeout_ns, bool *passed,
		     struct msc_err *) MSC_MUST_CHECK;
int msc_session_write(struct msc_session *, uint8_t lun, uint64_t lba, uint32_t blocks,
		      uint32_t block_size, const void *buf, int64_t timeout_ns, bool *passed,
		      struct msc_err *) MSC_MUST_CHECK;

/* REQUEST SENSE; not valid when the device gave none. */
int msc_session_sense(struct msc_session *, uint8_t lun, struct msc_sense_data *,
		      struct msc_err *) MSC_MUST_CHECK;

/* What a host does after an exchange, which is still the newest record: REQUEST SENSE where it failed, and
 * what it takes to be answered again where it was not ended as it has to be. The former is judged, the
 * latter is not. */
struct msc_follow_up {
	bool asked; /* for sense data */
	struct msc_sense_data sense;
	int rung; /* as msc_session_settle says */
};
int msc_session_follow_up(struct msc_session *, const struct msc_exchange *, struct msc_follow_up *,
			  struct msc_err *) MSC_MUST_CHECK;

/* What comes of one TEST UNIT READY. */
enum msc_answer {
	MSC_ANSWER_NONE,   /* nothing where the CSW belongs */
	MSC_ANSWER_ODD,	   /* something that is no valid CSW, or of which the kernel made nothing */
	MSC_ANSWER_FAILED, /* status 01h */
	MSC_ANSWER_PASSED,
};
int msc_session_answers(struct msc_session *, uint8_t lun, enum msc_answer *,
			struct msc_err *) MSC_MUST_CHECK;

/* Signs that the medium of a unit is another one, or gone. They only ever grow. */
struct msc_medium_signs {
	unsigned changed; /* sense data 06h/28h that nothing of the host's explains */
	unsigned doubts;  /* the same after a reset or START STOP UNIT, which may be their cause */
	unsigned absent;  /* 02h/3Ah that no ejection by the host explains */
	bool away;	  /* such, and no command that needs the medium has passed since */
	bool ejected;	  /* by the host */
	bool unexplained; /* the last command failed, and its sense data was not asked for */
};
const struct msc_medium_signs *msc_session_signs(const struct msc_session *, uint8_t lun);

/* How long the slowest write so far would have taken for so many bytes, without slack. */
int64_t msc_session_write_time(const struct msc_session *, size_t len);

/* The newest record; NULL: none since nothing is looked back at. */
const struct msc_record *msc_session_last(const struct msc_session *);
/* What is known of the device, and whether it needs a reset. */
const struct msc_history *msc_session_known(const struct msc_session *);
/* From here on nothing before is looked back at. */
void msc_session_forget(struct msc_session *);

/* Sees the wire log, as the option `wire` does, until it is called with NULL. */
void msc_session_watch(struct msc_session *, msc_wire_fn *, void *user);

/* Asked between transfers: true stops the session with MSC_E_INTERRUPTED. */
void msc_session_set_stop(struct msc_session *, bool (*stop)(void *user), void *user);

#endif
