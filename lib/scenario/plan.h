/* SPDX-License-Identifier: BSD-2-Clause */
/* A scenario as the loader leaves it and the runner finds it: every word checked, every
 * expression parsed. Private to lib/scenario. */
#ifndef MSC_SCENARIO_PLAN_H
#define MSC_SCENARIO_PLAN_H

#include "scenario/scenario.h"
#include "scenario/yaml.h"

/* ---- expressions -------------------------------------------------------------------------- */

#define MSC_LOOPS_MAX 4
#define MSC_LETS_MAX  16
#define MSC_SLOTS_MAX 8
#define MSC_LIVE_BLOCKS_MAX 8

enum msc_var {
	MSC_VAR_BLOCK_SIZE, /* bytes; this and the next three need a medium */
	MSC_VAR_LAST_LBA,
	MSC_VAR_BLOCKS,	    /* last_lba + 1 */
	MSC_VAR_SCRATCH,    /* first block of the scratch range */
	MSC_VAR_UNIT,
	MSC_VAR_MAX_LUN,
	MSC_VAR_INTERFACE,  /* bInterfaceNumber */
	MSC_VAR_MAX_PACKET, /* wMaxPacketSize of bulk-in */
	MSC_VAR_SIBLING,    /* bInterfaceNumber of another interface; its own when there is none */
	MSC_VAR_STATUS,	    /* bCSWStatus of the last command; 255: it ended without one */
	MSC_VAR_STALLS,	    /* how many transfers of the last command ended in STALL */
	MSC_VAR_LOOP,	    /* the outermost `for`; then the ones within it */
	MSC_VAR_LET = MSC_VAR_LOOP + MSC_LOOPS_MAX, /* the first of `let` */
	MSC_VARS = MSC_VAR_LET + MSC_LETS_MAX,
};

struct msc_saved_answer {
	uint8_t *data;
	size_t len;
};

struct msc_env {
	int64_t var[MSC_VARS];
	const struct msc_saved_answer *slots; /* MSC_SLOTS_MAX of them, or NULL */
	uint32_t known; /* when a file is loaded: bits of the variables that have a value yet */
};

/* Postfix. count 0: nothing was stated. */
struct msc_expr {
	const struct msc_term *terms;
	size_t count;
	const char *text; /* as written */
	int64_t min, max; /* of the value */
	bool constant;
};

/* The value in *value; fails with a sentence when it leaves the range or 64 bits. */
int msc_expr_value(const struct msc_expr *, const struct msc_env *, int64_t *value,
		   struct msc_err *) MSC_MUST_CHECK;

/* Its value follows from the variables that env says are known. */
bool msc_expr_is_known(const struct msc_expr *, const struct msc_env *);

/* A constant of this value. */
bool msc_expr_is(const struct msc_expr *, int64_t value);

/* Any of these. */
struct msc_exprs {
	struct msc_expr *list;
	size_t count;
};

/* ---- steps -------------------------------------------------------------------------------- */

struct msc_bytes {
	const uint8_t *data;
	size_t len;
};

enum msc_pattern { MSC_PATTERN_ZEROS, MSC_PATTERN_ONES, MSC_PATTERN_COUNTER, MSC_PATTERN_STAMPS };

/* Fills buf with a pattern; for stamps, lba and block_size say which block each byte is of. */
void msc_pattern_fill(enum msc_pattern, uint8_t *buf, size_t len, uint64_t lba,
		      uint32_t block_size);

/* Whose stamp a block begins with; false: it has none. */
#define MSC_STAMP_LEN 16
bool msc_pattern_stamp(const uint8_t block[MSC_STAMP_LEN], uint64_t *lba);

struct msc_out_data {
	enum msc_pattern pattern;
	struct msc_bytes bytes; /* instead, when .data is not NULL */
};

struct msc_sense_want {
	uint8_t key, asc, ascq;
	uint8_t parts; /* how many of the three were stated */
};
#define MSC_SENSES_MAX 6

enum msc_check_kind { MSC_CHECK_PATTERN, MSC_CHECK_BYTES, MSC_CHECK_ORIGINAL, MSC_CHECK_SAME };
struct msc_data_check {
	enum msc_check_kind kind;
	enum msc_pattern pattern;
	struct msc_expr at; /* BYTES: offset */
	struct msc_bytes bytes;
	int slot; /* SAME: as saved there */
};

#define MSC_DATA_CHECKS_MAX 4

struct msc_expect {
	unsigned status;  /* bits 1 << enum msc_csw_status; 0: not stated */
	unsigned outcome; /* bits 1 << enum msc_outcome, of a control request or a poll */
	struct msc_sense_want sense[MSC_SENSES_MAX];
	size_t n_sense;
	struct msc_exprs transferred, residue;
	struct msc_data_check data[MSC_DATA_CHECKS_MAX];
	size_t n_data;
};

struct msc_cbw_changes {
	struct msc_expr signature, tag, length, flags, lun, cb_length, fill, wrapper_length,
		wrapper_fill;
	int direction; /* enum msc_dir; -1: the command's own */
};

struct msc_patch {
	uint8_t byte; /* of the command block */
	struct msc_expr value;
};

struct msc_stated_intent {
	bool given;
	int direction;
	struct msc_expr length, min, max;
};

struct msc_plan_step;

/* Steps in the middle of a command: control requests, pauses; before the CSW, clearing of halts. */
struct msc_plan_aside {
	struct msc_plan_step *steps;
	size_t n_steps;
};

struct msc_plan_command {
	const struct msc_cdb_def *def; /* NULL: raw */
	const struct msc_cdb_def *narrow; /* of `read` and `write`: taken instead where every field
					     fits; its fields are in the same order. Else NULL */
	uint8_t raw[MSC_CBW_CB_MAX];
	size_t raw_len;
	struct msc_expr field[MSC_COUNT(((struct msc_cdb_def *)0)->fields)];
	struct msc_patch *patch;
	size_t n_patch;
	struct msc_cbw_changes cbw;
	struct msc_out_data data;
	struct msc_expr send, split;
	struct msc_stated_intent intent;
	bool leave;
	bool early;	      /* bulk-in is asked before the CBW is sent */
	struct msc_expr take; /* bytes of bulk-in data asked for, and nothing after them */
	int64_t clear_after_ns; /* from a STALL of the data to clearing the halt */
	int64_t timeout_ns; /* 0: the session's */
	int save; /* slot; -1: do not */
	struct msc_expect expect;
	struct msc_plan_aside data_aside;   /* while the data moves */
	struct msc_plan_aside status_aside; /* before the CSW is asked for */
	const char *on_failure; /* what the host that is imitated does then; may be NULL */
};

struct msc_plan_control {
	struct msc_expr type, request, value, index, length;
	int endpoint; /* of GET_STATUS, SET_FEATURE: 2 bulk-out, 3 bulk-in, whose address is wIndex; else 0 */
	struct msc_out_data data;
	int save;
	struct msc_expect expect;
};

struct msc_plan_poll {
	int in; /* bulk-in, not bulk-out */
	struct msc_expr length;
	struct msc_bytes data; /* sent on bulk-out instead of zeros */
	int64_t time_ns; /* 0: the session's */
	struct msc_expect expect;
};

struct msc_plan_suspend {
	int64_t ns;
	int by_reset; /* a port reset ends it, not a resume */
};

struct msc_plan_loop {
	struct msc_exprs values; /* of `for`; empty: `repeat` and `if` */
	bool probes;		 /* of `for`: the blocks of the scratch that lie apart */
	int slot;		 /* MSC_VAR_LOOP + depth */
	struct msc_expr times;	 /* of `if`: 0 for no */
	int64_t at_most_ns;	 /* no turn begins when they have taken longer; 0: no limit */
	struct msc_plan_step *steps;
	size_t n_steps;
};

struct msc_plan_let {
	int slot; /* MSC_VAR_LET + which */
	struct msc_expr value;
};

struct msc_plan_lets {
	struct msc_plan_let *list;
	size_t count;
};

struct msc_plan_unless {
	struct msc_expr met; /* 0: the scenario ends as skipped; of CHECK: it fails */
	const char *because;
};

/* Blocks that act: the scenario may write them. */
struct msc_plan_live {
	struct msc_expr lba, blocks;
};

enum msc_do {
	MSC_DO_COMMAND,
	MSC_DO_SENSE,
	MSC_DO_READY,
	MSC_DO_WRAPPER,
	MSC_DO_CONTROL,
	MSC_DO_ENUMERATE,
	MSC_DO_PRELUDE,
	MSC_DO_CONFIGURE,
	MSC_DO_SET_INTERFACE,
	MSC_DO_POLL,
	MSC_DO_CLEAR_HALT,
	MSC_DO_RESET_RECOVERY,
	MSC_DO_PORT_RESET,
	MSC_DO_POWER_CYCLE,
	MSC_DO_SETTLE,
	MSC_DO_WAIT,
	MSC_DO_SUSPEND,
	MSC_DO_LOOP,
	MSC_DO_IF,
	MSC_DO_LET,
	MSC_DO_SKIP_UNLESS,
	MSC_DO_PHASE,
	MSC_DO_LIVE,
	MSC_DO_CHECK,
};

struct msc_plan_step {
	enum msc_do what;
	int line;
	union {
		struct msc_plan_command command;
		struct msc_expect sense;
		struct msc_bytes wrapper;
		struct msc_plan_control control;
		struct msc_plan_poll poll;
		int in; /* CLEAR_HALT: which endpoint */
		int64_t wait_ns;
		struct msc_plan_suspend suspend;
		struct msc_plan_loop loop; /* and IF */
		struct msc_plan_lets lets;
		struct msc_plan_unless unless; /* and CHECK */
		const char *phase;
		struct msc_plan_live live;
	} u;
};

/* ---- scenarios ---------------------------------------------------------------------------- */

enum msc_need {
	MSC_NEED_MEDIUM = 1 << 0,
	MSC_NEED_NO_MEDIUM = 1 << 1,
	MSC_NEED_WRITABLE = 1 << 2,
	MSC_NEED_WRITE_PROTECTED = 1 << 3,
	MSC_NEED_REMOVABLE = 1 << 4,
	MSC_NEED_FIXED = 1 << 5,
	MSC_NEED_MULTI_LUN = 1 << 6,
	MSC_NEED_SINGLE_LUN = 1 << 7,
	MSC_NEED_FULL_SPEED = 1 << 8,
	MSC_NEED_HIGH_SPEED = 1 << 9,
	MSC_NEED_SIMULATED = 1 << 10,
	MSC_NEED_COMPOSITE = 1 << 11,
	MSC_NEED_SUPER_SPEED = 1 << 12,
	MSC_NEED_ENDPOINTS = 1 << 13, /* the device's own: see msc_plan_needs_endpoints */
};

struct msc_scenario {
	struct msc_arena arena; /* everything below lies in it */
	char *path, *name, *title;
	int line;
	const char **spec, **tags;
	const char *clauses; /* spec, as one text */
	const char *test; /* of USB-IF: "TD1.9", "TD1.10 (reconstructed)"; NULL: it is none */
	int stage; /* the order in which scenarios run: index into msc_stage_names */
	int evidence; /* of the test that it carries out: index into msc_evidence_names */
	unsigned needs;
	int64_t needs_blocks;
	int64_t scratch_blocks;
	bool recover, autosense;
	bool writes, ejects, unsafe; /* some step may: see below */
	uint16_t vendor, product; /* of the device that it is about; 0: of every one */
	const char *host; /* whose behaviour it imitates; may be NULL */
	int64_t within_ns; /* how long it may take before the reader is told; 0: any time */
	struct msc_plan_step *steps;
	size_t n_steps;
};

/* In the order of running. NULL-terminated. */
extern const char *const msc_stage_names[];

/* How sure it is that a test of USB-IF is carried out as USB-IF does it. NULL-terminated. */
extern const char *const msc_evidence_names[];

/* True when some step may change the medium, or what the device keeps. */
bool msc_plan_writes(const struct msc_plan_step *, size_t n);
/* True when some step needs what a whole command cannot carry: a CBW with a lie in it, a CSW, a bare
 * transfer, a control request, a reset. */
bool msc_plan_needs_endpoints(const struct msc_plan_step *, size_t n);
/* True when some step needs --allow-unsafe. */
bool msc_plan_is_unsafe(const struct msc_plan_step *, size_t n);
/* True when some step may take the medium away: START STOP UNIT that ejects. */
bool msc_plan_ejects(const struct msc_plan_step *, size_t n);

#endif
