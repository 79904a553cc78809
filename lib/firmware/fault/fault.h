/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to faults that are hooks in C: how a hook begins, and the few questions that many of them
 * ask. What a row can say is a row: table.h.
 *
 * A fault is a defect of firmware, switched on between model and hardware (sim/mutant.h). It says
 * which rules must find it; a test runs it and looks. Where the field has shown the defect, `seen`
 * says where; the others exist to prove a rule.
 */
#ifndef MSC_FIRMWARE_FAULT_FAULT_H
#define MSC_FIRMWARE_FAULT_FAULT_H

#include "firmware/fault/seen.h"
#include "firmware/firmware.h"
#include "wire/scsi.h"

#define MAYBE __attribute__((unused))

/* The heads of the hooks of sim/mutant.h; m, v and state are there in all that have them. */
#define ON_SETUP(name)                                                                             \
	static enum mutant_verdict name(struct mcu *m MAYBE, struct msc_setup *q MAYBE,            \
					void *state MAYBE)
#define ON_CONTROL_IN(name)                                                                        \
	static void name(struct mcu *m MAYBE, const struct msc_setup *q MAYBE, uint8_t *buf MAYBE, \
			 size_t *len MAYBE, size_t max MAYBE, void *state MAYBE)
#define ON_COMMAND(name)                                                                           \
	static enum mutant_verdict name(struct mcu *m MAYBE, const struct mutant_view *v MAYBE,    \
					struct msc_cbw *seen MAYBE, void *state MAYBE)
#define ON_RECEIVED(name)                                                                          \
	static enum mutant_verdict name(struct mcu *m MAYBE, const struct mutant_view *v MAYBE,    \
					uint8_t *buf MAYBE, size_t *len MAYBE, void *state MAYBE)
#define ON_DATA_IN(name)                                                                           \
	static enum mutant_verdict name(struct mcu *m MAYBE, const struct mutant_view *v MAYBE,    \
					uint8_t *buf MAYBE, size_t *len MAYBE, size_t max MAYBE,   \
					void *state MAYBE)
#define ON_CSW(name)                                                                               \
	static enum mutant_verdict name(struct mcu *m MAYBE, const struct mutant_view *v MAYBE,    \
					uint8_t *raw MAYBE, size_t *len MAYBE, void *state MAYBE)
#define ON_TAKE_BACK(name)                                                                         \
	static bool name(struct mcu *m MAYBE, const struct mutant_view *v MAYBE, void *state MAYBE)
#define ON_STALL(name)                                                                             \
	static bool name(struct mcu *m MAYBE, const struct mutant_view *v MAYBE, uint8_t ep MAYBE, \
			 void *state MAYBE)
#define ON_UNSTALL(name)                                                                           \
	static bool name(struct mcu *m MAYBE, const struct mutant_view *v MAYBE, uint8_t ep MAYBE, \
			 bool *reset_toggle MAYBE, void *state MAYBE)
#define ON_CARD_READ(name)                                                                         \
	static bool name(struct mcu *m MAYBE, const struct mutant_view *v MAYBE,                   \
			 uint64_t lba MAYBE, uint32_t blocks MAYBE, uint8_t *data MAYBE,           \
			 void *state MAYBE)
#define ON_CARD_WRITE(name)                                                                        \
	static bool name(struct mcu *m MAYBE, const struct mutant_view *v MAYBE,                   \
			 uint64_t *lba MAYBE, uint32_t *blocks MAYBE, void *state MAYBE)
#define ON_ADDRESS(name)                                                                           \
	static uint64_t name(struct mcu *m MAYBE, const struct mutant_view *v MAYBE, uint64_t lba, \
			     bool writing MAYBE, void *state MAYBE)
#define ON_OPEN(name)                                                                              \
	static void name(struct mcu *m MAYBE, uint8_t ep MAYBE, bool *keep_toggle MAYBE,           \
			 bool *keep_halt MAYBE, void *state MAYBE)
#define ON_CARD_DATA(name)                                                                         \
	static void name(struct mcu *m MAYBE, const struct mutant_view *v MAYBE,                   \
			 uint8_t slot MAYBE, uint64_t lba MAYBE, uint8_t *block MAYBE,             \
			 uint32_t size MAYBE, void *state MAYBE)
#define ON_POWER_OFF(name) static void name(struct mcu *m MAYBE, void *state MAYBE)
#define ON_RESET(name) static void name(struct mcu *m MAYBE, void *state MAYBE)

/* Offsets in a packed CSW. */
enum { CSW_SIGNATURE = 0, CSW_TAG = 4, CSW_RESIDUE = 8, CSW_STATUS = 12 };

static inline uint32_t fault_max_packet(struct mcu *m)
{
	return mcu_speed(m) == MSC_SPEED_HIGH ? 512 : 64;
}

static inline bool fault_is_in(const struct mutant_view *v)
{
	return v->cbw.h.length && v->cbw.h.flags & MSC_CBW_FLAG_IN;
}

/* WRITE(10), which is what hosts write with. */
static inline bool fault_is_write(const struct mutant_view *v)
{
	return v->in_command && v->cbw.cb[0] == MSC_OP_WRITE_10;
}

/* The firmware never hears of the command; data that the host has for it is not taken. */
static inline enum mutant_verdict fault_lose(const struct mutant_view *v)
{
	return v->cbw.h.length && !fault_is_in(v) ? MUTANT_DEAF : MUTANT_SWALLOW;
}

/* The first bytes of the answer to that command, at least `least` of them. */
static inline bool fault_answers(const struct mutant_view *v, uint8_t opcode, size_t len,
				 size_t least)
{
	return v->in_command && v->cbw.cb[0] == opcode && v->data_sent == 0 && len >= least;
}

/* The request is the class's own, with that bRequest, whatever its other fields hold. */
static inline bool fault_is_class(const struct msc_setup *q, uint8_t request)
{
	return (q->request_type & MSC_REQTYPE_TYPE) == MSC_REQTYPE_CLASS && q->request == request;
}

static inline bool fault_is_get(const struct msc_setup *q, uint8_t descriptor)
{
	return q->request_type == MSC_REQTYPE_IN && q->request == MSC_STD_GET_DESCRIPTOR &&
	       q->value >> 8 == descriptor;
}

#endif
