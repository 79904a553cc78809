/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the host engine share; nothing outside lib/session includes it. */
#ifndef MSC_SESSION_ENGINE_H
#define MSC_SESSION_ENGINE_H

#include "session/gate.h"
#include "session/session.h"
#include "transport/command.h"
#include "transport/memory.h"

struct msc_held {
	struct msc_permit permit;
	unsigned id;
};

struct msc_gate {
	struct msc_held *permits;
	size_t n_permits, room;
	unsigned last_id;
	uint8_t tail[MSC_CBW_LEN - 1]; /* the end of what left on bulk-out: a CBW may go on */
	size_t tail_len;
	uint64_t data_left;   /* bytes that the newest CBW has announced */
	uint64_t blocks_left; /* and that are blocks of a write that permits cover */
};

/* How a session reaches its device. */
struct msc_driver {
	const char *name; /* in the trace log */
	const char *serial_only; /* why it cannot be driven queued; NULL: it can */
	/* One exchange, from the note of its beginning to that of its end. */
	int (*exchange)(struct msc_session *, const struct msc_request *, int64_t timeout_ns,
			struct msc_err *);
	/* So that Get Max LUN is in the log; NULL: there is one unit. */
	int (*ask_max_lun)(struct msc_session *, struct msc_err *);
	/* The device does not answer: the next rung up, 1 or 2 (msc_session_settle). */
	int (*climb)(struct msc_session *, int rung, struct msc_err *);
};
extern const struct msc_driver msc_driver_bot, msc_driver_sg;

/* What the kernel was told when it asked why the newest command failed. */
struct msc_fetched {
	uint8_t sense[MSC_SENSE_LEN];
	size_t len; /* 0: nothing, or somebody has had it */
	int64_t at_ns;
};

struct msc_session {
	struct msc_target *target;
	const struct msc_driver *driver;
	struct msc_session_options o;
	bool (*stop)(void *user);
	void *stop_user;
	msc_wire_fn *watch; /* or NULL */
	void *watch_user;
	struct msc_assembler *assembler;
	struct msc_device told; /* as the log has it */
	bool no_memory;	 /* for the log: records are missing */
	const struct msc_record *given[2]; /* to the user; to the session itself, when muted */
	uint32_t tag;		 /* of the newest CBW */
	unsigned hangs;		 /* time-outs where an answer was due */
	int64_t slowest_ns,
		byte_ns; /* the longest phase that ended well, and the slowest byte of much data */
	bool patient;		 /* the user has not said how long to wait */
	unsigned muted;		 /* above 0: records are kept but not passed on */
	struct msc_gate gate;
	struct msc_fetched fetched; /* of the driver sg */
	struct msc_medium_signs signs[MSC_LUN_MAX + 1];
	enum msc_readiness readiness[MSC_LUN_MAX + 1];
	bool excused;	       /* the host has done what a unit attention may follow */
	int64_t write_byte_ns; /* what a byte took of the slowest write that passed */
	int64_t quickest_ns;   /* of all commands that passed; 0: none has */
	bool slow_capacity;    /* READ CAPACITY(10) has taken long: level.c */
	bool odd_in, odd_out;  /* an odd number of packets since DATA0: level.c */
	bool used; /* since the newest reset of the device its block 0 has been read there */
};

/* Puts a note, or a transfer that no transport tells of, into the log. */
void msc_engine_note(struct msc_session *, const struct msc_note *);
void msc_engine_tell(struct msc_session *, const struct msc_transfer *);
/* MSC_E_INTERRUPTED when the user does not want to go on. */
int msc_engine_go_on(struct msc_session *, struct msc_err *) MSC_MUST_CHECK;
/* After what has made a record: gives it out. `out` may be NULL. -1: out of memory. */
int msc_engine_give(struct msc_session *, const struct msc_record **out,
		    struct msc_err *) MSC_MUST_CHECK;

/* Starts a transfer unless the user has asked to stop. */
int msc_engine_submit(struct msc_session *, struct msc_xfer *, struct msc_err *) MSC_MUST_CHECK;
/* Waits for it and cancels it when the time is over. On a real device the user is asked every
 * tenth of a second. On failure it is no longer pending. */
int msc_engine_finish(struct msc_session *, struct msc_xfer *, int64_t timeout_ns,
		      struct msc_err *) MSC_MUST_CHECK;
/* An answer that was due did not come in the time that the session allows. */
void msc_engine_hung(struct msc_session *);
/* The same for an exchange, when one of its phases shows it. */
void msc_engine_count_hang(struct msc_session *, const struct msc_exchange *, int64_t timeout_ns);
/* For so many bytes of data: a slow device is given its time, as long as it has not shown that it
 * rather hangs. */
int64_t msc_engine_data_ns(const struct msc_session *, int64_t timeout_ns, size_t len);
/* Ends a transfer on the way out of a failure, whatever comes of it. */
void msc_engine_abandon(struct msc_session *, struct msc_xfer *);

/* pieces.c: the transfers of msc_pieces. */
struct msc_piece_run {
	struct msc_session *s;
	const struct msc_pieces *how;
	struct msc_xfer *xfer;
	size_t n, submitted, ended;
	struct msc_memory data;
	int64_t timeout_ns;
	bool broken; /* one did not bring all that it had room for */
};
/* Of so many bytes; nothing is submitted yet. */
int msc_pieces_begin(struct msc_piece_run *, size_t total, struct msc_err *) MSC_MUST_CHECK;
int msc_pieces_submit(struct msc_piece_run *, size_t end, struct msc_err *) MSC_MUST_CHECK;
/* Waits for all that are submitted, or until one is broken; *moved grows. */
int msc_pieces_collect(struct msc_piece_run *, size_t *moved, struct msc_err *) MSC_MUST_CHECK;
int msc_pieces_meanwhile(struct msc_piece_run *, struct msc_err *) MSC_MUST_CHECK;
/* Takes back what is under way, the newest first so that none moves up in the meantime. */
void msc_pieces_end(struct msc_piece_run *);

/* gate.c: whether this wrapper, and the data behind it (out may be NULL), may leave. */
int msc_gate_look(const struct msc_session *, const uint8_t *wrapper, size_t wrapper_len,
		  const uint8_t *out, size_t out_len, struct msc_err *) MSC_MUST_CHECK;
/* The same for what is about to be submitted, which then counts as having left. */
int msc_gate_pass(struct msc_session *, const struct msc_xfer *, struct msc_err *) MSC_MUST_CHECK;
/* Whether permits cover all of these blocks, whatever the command; msc_covers_fn of a session. */
bool msc_gate_covers(void *session, uint8_t lun, uint64_t lba, uint64_t blocks);
/* And for a whole command: as for the CBW that it becomes, and the data behind it. */
int msc_gate_pass_command(struct msc_session *, const struct msc_command *,
			  struct msc_err *) MSC_MUST_CHECK;
/* After a reset the device expects a CBW. */
void msc_gate_forget(struct msc_session *);
void msc_gate_free(struct msc_session *);

/* What a write of so many bytes may take beyond the time-out, by what writes took before. */
int64_t msc_engine_write_ns(const struct msc_session *, size_t len);
/* Which data packet comes next on each bulk endpoint: signs.c. */
void msc_engine_count_packets(struct msc_session *, const struct msc_transfer *);
/* Signs of another medium, and how long writes take, from any record: signs.c. */
void msc_engine_watch(struct msc_session *, const struct msc_record *);

#endif
