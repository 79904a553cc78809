/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults and variants as rows, for what is "at this point, where this matches, change that": the
 * language of the tables rows_*.c. What it cannot say plainly is a hook in C: see fault.h.
 *
 *	{"capacity-count", "READ CAPACITY(10) gives the number of blocks instead of the last one",
 *	 "Linux quirks FIX_CAPACITY and CAPACITY_HEURISTICS: " LINUX_UNUSUAL, "scsi.lba.refused",
 *	 DEFECT({AT_ANSWER, {OPCODE(READ_CAPACITY_10), {LEN, ABOVE, 7}}, {{BE32(0), ADD, 1}}})},
 *
 * A fault has one row or several. Each names a point (an enum fault_point), up to six terms that
 * must all hold there, up to three edits, and what then becomes of it. Rows are gone through in
 * their order, each sees what those before it left, and one that ends the matter (`then`) is the
 * last. A row that names a byte beyond the length of what passes does not match; but of an answer
 * that the host has cut at wLength, what is left is edited (USB 2.0, 9.4.3).
 */
#ifndef MSC_FIRMWARE_FAULT_TABLE_H
#define MSC_FIRMWARE_FAULT_TABLE_H

#include "base/clock.h"
#include "firmware/fault/seen.h"
#include "firmware/firmware.h"
#include "wire/scsi.h"

enum fault_point {
	AT_END,
	AT_SETUP,      /* a SETUP arrives */
	AT_CONTROL_IN, /* the firmware answers a control request with data */
	AT_EP0_IN,     /* it hands a packet of either stage to endpoint 0 */
	AT_EP0_OUT,    /* it is ready for one */
	AT_COMMAND,    /* a valid CBW arrives */
	AT_RECEIVED,   /* anything else arrives on bulk-out */
	AT_ANSWER,     /* the firmware hands the first data of a command to bulk-in */
	AT_CSW,        /* it hands over a CSW */
	AT_STALL,      /* it halts an endpoint */
	AT_UNSTALL,    /* it ends a halt after CLEAR_FEATURE */
	AT_OPEN,       /* it opens a bulk endpoint */
	AT_WRITE,      /* it writes to the medium */
	AT_RESET,      /* it has seen a bus reset */
};

enum fault_field {
	FAULT_CB, FAULT_BUF, FAULT_BUF_LE, /* with an offset and a size */
	FAULT_LEN, FAULT_HOST_LENGTH, FAULT_HOST_WANTS, FAULT_HOST_SENDS, FAULT_LUN,
	FAULT_CB_LENGTH, FAULT_SENT, FAULT_LEFT, FAULT_IN_COMMAND, FAULT_REQUEST_TYPE,
	FAULT_REQUEST, FAULT_VALUE, FAULT_INDEX, FAULT_REQUEST_LENGTH, FAULT_DESCRIPTOR,
	FAULT_HIGH_SPEED, FAULT_EP_IN, FAULT_EP_OUT, FAULT_RESET_TOGGLE, FAULT_KEEP_TOGGLE,
	FAULT_KEEP_HALT, FAULT_LBA, FAULT_BLOCKS, FAULT_MARK, FAULT_STATUS_STAGE,
	FAULT_WRONG_TOGGLE,
	FAULT_FIELDS
};

struct fault_place {
	enum fault_field field;
	uint8_t at, size;
};

/* ---- places: what a term looks at, and an edit changes ----------------------------------------- */

/* Bytes of the command block: at AT_COMMAND as the firmware will see it, else as the host sent it. */
#define CDB(at)	  {FAULT_CB, at, 1}
#define CDB16(at) {FAULT_CB, at, 2}
#define CDB32(at) {FAULT_CB, at, 4}
#define CDB64(at) {FAULT_CB, at, 8}
/* Bytes of what passes: an answer, a CSW, an answer on endpoint 0, bytes received. */
#define BYTE(at) {FAULT_BUF, at, 1}
#define BE16(at) {FAULT_BUF, at, 2}
#define BE32(at) {FAULT_BUF, at, 4}
#define BE64(at) {FAULT_BUF, at, 8}
#define LE16(at) {FAULT_BUF_LE, at, 2}
#define LE32(at) {FAULT_BUF_LE, at, 4}
#define LEN	 {FAULT_LEN} /* how many bytes pass */
/* Of a CSW. */
#define SIGNATURE LE32(0)
#define RESIDUE	  LE32(8)
#define STATUS	  BYTE(12)
/* Of the command. */
#define HOST_LENGTH {FAULT_HOST_LENGTH} /* dCBWDataTransferLength */
#define HOST_WANTS  {FAULT_HOST_WANTS}	/* 1: that is not 0, and the direction is in */
#define HOST_SENDS  {FAULT_HOST_SENDS}	/* 1: it is out */
#define LUN	    {FAULT_LUN}
#define CB_LENGTH   {FAULT_CB_LENGTH}
#define SENT	    {FAULT_SENT} /* bytes of data that the firmware has handed to bulk-in */
#define LEFT	    {FAULT_LEFT} /* HOST_LENGTH less SENT */
#define IN_COMMAND  {FAULT_IN_COMMAND} /* 1: between a valid CBW and its CSW */
/* Of a control request. */
#define REQUEST_TYPE   {FAULT_REQUEST_TYPE}
#define REQUEST	       {FAULT_REQUEST}
#define VALUE	       {FAULT_VALUE}
#define INDEX	       {FAULT_INDEX}
#define REQUEST_LENGTH {FAULT_REQUEST_LENGTH}
/* Of a packet on endpoint 0: 1 for the status stage, 0 for the data stage. */
#define STATUS_STAGE   {FAULT_STATUS_STAGE}
#define WRONG_TOGGLE   {FAULT_WRONG_TOGGLE} /* AT_EP0_IN; 0 unless edited */
/* Of endpoints: 1 for the bulk endpoint of that direction; what becomes of toggle and halt. */
#define EP_IN	     {FAULT_EP_IN}
#define EP_OUT	     {FAULT_EP_OUT}
#define RESET_TOGGLE {FAULT_RESET_TOGGLE} /* AT_UNSTALL; 1 unless edited */
#define KEEP_TOGGLE  {FAULT_KEEP_TOGGLE}  /* AT_OPEN; 0 unless edited */
#define KEEP_HALT    {FAULT_KEEP_HALT}
#define HIGH_SPEED   {FAULT_HIGH_SPEED}
/* Of a write to the medium. */
#define LBA    {FAULT_LBA}
#define BLOCKS {FAULT_BLOCKS}
/* What the fault remembers: one number, 0 at power-on. */
#define MARK {FAULT_MARK}

/* ---- terms and edits ---------------------------------------------------------------------------- */

enum fault_verb {
	FAULT_NOTHING,
	/* of terms; HAS: all of these bits, LACKS: none of them */
	IS, NOT, ABOVE, BELOW, HAS, LACKS,
	/* of edits; SET, CLEAR and FLIP are of bits */
	PUT, ADD, SET, CLEAR, FLIP
};

struct fault_term {
	struct fault_place place;
	enum fault_verb verb;
	int64_t value;
};

/* Terms that are often needed. */
#define OPCODE(name)	    {CDB(0), IS, MSC_OP_##name}
#define DESCRIPTOR(name)    {{FAULT_DESCRIPTOR}, IS, MSC_DESC_##name} /* GET_DESCRIPTOR of it */
#define STANDARD(type, name) {REQUEST_TYPE, IS, type}, {REQUEST, IS, MSC_STD_##name}
/* The class's own request, whatever its other fields hold. */
#define CLASS(name)                                                                                \
	{REQUEST_TYPE, HAS, MSC_REQTYPE_CLASS}, {REQUEST_TYPE, LACKS, MSC_REQTYPE_VENDOR},         \
	{REQUEST, IS, MSC_REQ_##name}
/* Bulk-Only Mass Storage Reset with the fields of BOT 1.0, 3.1, of interface 0. */
#define HONEST_RESET                                                                               \
	{REQUEST_TYPE, IS, MSC_REQTYPE_CLASS | MSC_RECIPIENT_INTERFACE},                           \
	{REQUEST, IS, MSC_REQ_BULK_ONLY_RESET}, {VALUE, IS, 0}, {INDEX, IS, 0},                    \
	{REQUEST_LENGTH, IS, 0}

enum fault_then {
	GO_ON,
	SWALLOW, /* towards the firmware: it never hears of it; towards the wire: nothing is sent or
		    halted, and the firmware is told that it was */
	REFUSE,	 /* a STALL instead */
	LOSE,	 /* AT_COMMAND: SWALLOW, and data that the host has for it is not taken */
	ACK,	 /* AT_SETUP: SWALLOW, and the request ends well */
};

enum fault_halt { HALT_NONE, HALT_IN, HALT_OUT };

struct fault_row {
	enum fault_point at;
	struct fault_term where[6], edit[3];
	enum fault_then then;
	enum fault_halt halt; /* AT_COMMAND, AT_CSW: a bulk endpoint, besides */
	int64_t spin_ns; /* AT_SETUP, AT_COMMAND: the firmware is busy for so long first, and hears nothing */
	int64_t later_ns; /* AT_COMMAND, AT_CSW: it comes so much later; the firmware goes on meanwhile */
};

/* ---- how a table is put together ---------------------------------------------------------------- */

struct fault_memory {
	const struct fault_row *rows; /* up to one at AT_END */
	int64_t mark;
};

enum mutant_verdict fault_row_setup(struct mcu *, struct msc_setup *, void *);
void fault_row_control_in(struct mcu *, const struct msc_setup *, uint8_t *, size_t *, size_t,
			  void *);
enum mutant_verdict fault_row_ep0_in(struct mcu *, const struct msc_setup *, bool, uint8_t *,
				     size_t *, bool *, void *);
enum mutant_verdict fault_row_ep0_out(struct mcu *, const struct msc_setup *, bool, void *);
enum mutant_verdict fault_row_command(struct mcu *, const struct mutant_view *, struct msc_cbw *,
				      void *);
enum mutant_verdict fault_row_received(struct mcu *, const struct mutant_view *, uint8_t *,
				       size_t *, void *);
enum mutant_verdict fault_row_data_in(struct mcu *, const struct mutant_view *, uint8_t *, size_t *,
				      size_t, void *);
enum mutant_verdict fault_row_csw(struct mcu *, const struct mutant_view *, uint8_t *, size_t *,
				  void *);
bool fault_row_stall(struct mcu *, const struct mutant_view *, uint8_t, void *);
bool fault_row_unstall(struct mcu *, const struct mutant_view *, uint8_t, bool *, void *);
bool fault_row_card_write(struct mcu *, const struct mutant_view *, uint64_t *, uint32_t *, void *);
void fault_row_open(struct mcu *, uint8_t, bool *, bool *, void *);
void fault_row_reset(struct mcu *, void *);

#define ROWS(...)                                                                                  \
	.ops = {                                                                                   \
		.state_size = sizeof(struct fault_memory),                                         \
		.initial = &(const struct fault_memory){                                           \
			(const struct fault_row[]){__VA_ARGS__, {AT_END}}, 0},                     \
		.setup = fault_row_setup, .control_in = fault_row_control_in,                      \
		.ep0_in = fault_row_ep0_in, .ep0_out = fault_row_ep0_out,                          \
		.command = fault_row_command, .received = fault_row_received,                      \
		.data_in = fault_row_data_in, .csw = fault_row_csw, .stall = fault_row_stall,      \
		.unstall = fault_row_unstall, .card_write = fault_row_card_write,                  \
		.open = fault_row_open, .reset = fault_row_reset,                                  \
	}

#define DEFECT ROWS

#endif
