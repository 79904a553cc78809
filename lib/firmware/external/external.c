/* SPDX-License-Identifier: BSD-2-Clause */
/* sim:./PATH.so: a model whose handlers are those of a shared object. What it does to itself is a remark, and
 * the processor stands still until the next bus reset starts it anew. */
#include "firmware/external/external.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/isolate.h"
#include "firmware/external/guard.h"

/* ---- calls into the firmware ----------------------------------------------------------------- */

/* One handler with what it is given. */
struct call {
	struct external *x;
	uint8_t ep;
	size_t len;
	bool present;
	uint8_t packet[MSC_SETUP_LEN];
};

#define HANDLER(name, arguments)                                                                   \
	static void call_##name(void *arg)                                                         \
	{                                                                                          \
		struct call *c = arg;                                                              \
		mscope_board *b = &c->x->board;                                                    \
                                                                                                   \
		c->x->copy->fw->name arguments;                                                    \
	}
HANDLER(start, (b))
HANDLER(main, (b))
HANDLER(bus_reset, (b))
HANDLER(setup, (b, c->packet))
HANDLER(ep0_sent, (b))
HANDLER(ep0_received, (b, c->len))
HANDLER(sent, (b, c->ep))
HANDLER(received, (b, c->ep, c->len))
HANDLER(suspend, (b))
HANDLER(resume, (b))
HANDLER(medium, (b, c->present))
HANDLER(eject, (b))

void external_run(struct mcu *m, const char *where, unsigned life, void (*fn)(void *), void *arg)
{
	struct external *x = mcu_state(m);
	struct external_work work = x->work;
	const char *outer;
	char why[96];

	if (x->dead || x->life != life)
		return;
	x->handling = fn != call_main;
	x->work = (struct external_work){ .since_ns = mcu_now(m) };
	outer = msc_isolate_enter(where);
	x->dead = !guard_run(fn, arg, x->copy->guard, why, sizeof why);
	msc_isolate_enter(outer);
	x->handling = false;
	x->work = work;
	if (x->dead)
		mcu_died(m, "the firmware has died in %s: %s", where, why);
	else
		sema_give(m, x->woken);
}

/* The handler, if the firmware has it, with a struct call of what it is given. */
#define NOTHING (struct call){ .x = NULL }
#define TELL(m, name, given)                                                                       \
	do {                                                                                       \
		struct external *x_ = mcu_state(m);                                                \
		struct call call_ = given;                                                         \
                                                                                                   \
		call_.x = x_;                                                                      \
		if (x_->copy->fw && x_->copy->fw->name)                                            \
			external_run(m, #name, x_->life, call_##name, &call_);                     \
	} while (0)

/* ---- a life of the firmware ------------------------------------------------------------------ */

static void main_task(struct mcu *m)
{
	struct external *x = mcu_state(m);

	TELL(m, main, NOTHING);
	for (;;)
		sema_take(m, x->never);
}

static void begin_life(struct mcu *m)
{
	struct external *x = mcu_state(m);
	struct msc_err err = MSC_ERR_INIT;

	if (x->life++)
		mcu_restart(m);
	x->timers = 0;
	x->dead = external_load(x->copy, &err) < 0;
	if (x->dead) {
		mcu_died(m, "%s", err.msg);
		return;
	}
	x->woken = sema_new(m);
	x->never = sema_new(m);
	TELL(m, start, NOTHING);
	if (x->copy->fw->main)
		task_start(m, "main", 0, main_task);
}

static void start(struct mcu *m)
{
	struct external *x = mcu_state(m);
	const struct card_geometry g = { .path = *x->knob.file ? x->knob.file : NULL,
					 .blocks = x->knob.blocks,
					 .block_size = x->knob.block_size,
					 .read_only = x->knob.wp,
					 .read_ns = x->knob.read_ns,
					 .write_ns = x->knob.write_ns };

	x->board = external_board;
	x->mcu = m;
	card_insert(m, 0, &g);
	begin_life(m);
}

static void reset(struct mcu *m)
{
	struct external *x = mcu_state(m);

	if (x->dead)
		begin_life(m);
	TELL(m, bus_reset, NOTHING);
}

/* ---- interrupts ------------------------------------------------------------------------------ */

static void setup(struct mcu *m, const struct msc_setup *q)
{
	struct call given = NOTHING;

	msc_setup_pack(given.packet, q);
	TELL(m, setup, given);
}

static void ep0_in(struct mcu *m)
{
	TELL(m, ep0_sent, NOTHING);
}

static void ep0_out(struct mcu *m, size_t len)
{
	TELL(m, ep0_received, (struct call){ .len = len });
}

static void in_done(struct mcu *m, uint8_t ep)
{
	TELL(m, sent, (struct call){ .ep = ep });
}

static void out_done(struct mcu *m, uint8_t ep, size_t len)
{
	TELL(m, received, ((struct call){ .ep = ep, .len = len }));
}

static void suspend(struct mcu *m)
{
	TELL(m, suspend, NOTHING);
}

static void resume(struct mcu *m)
{
	TELL(m, resume, NOTHING);
}

static void card(struct mcu *m, uint8_t slot, bool present)
{
	if (slot == 0)
		TELL(m, medium, (struct call){ .present = present });
}

static void eject(struct mcu *m, uint8_t slot)
{
	if (slot == 0)
		TELL(m, eject, NOTHING);
}

/* ---- the model ------------------------------------------------------------------------------- */

#define KNOB(member) offsetof(struct external, knob.member)

static const struct msc_knob board_knobs[] = {
	{ "file", MSC_KNOB_TEXT, KNOB(file), NULL, "a file to hold the medium", 0, 0, NULL,
	  sizeof(((struct external *)0)->knob.file) },
	{ "blocks", MSC_KNOB_U64, KNOB(blocks), "0",
	  "blocks of the medium; 0: as the file has, or 8 MiB", 0, 0, NULL, 0 },
	{ "block-size", MSC_KNOB_U32, KNOB(block_size), "512", "bytes in a block", 512, 4096, NULL,
	  0 },
	{ "wp", MSC_KNOB_BOOL, KNOB(wp), "0", "the medium is write-protected", 0, 0, NULL, 0 },
	{ "read-time", MSC_KNOB_DURATION, KNOB(read_ns), "0ns", "time to read a block", 0, 0, NULL,
	  0 },
	{ "write-time", MSC_KNOB_DURATION, KNOB(write_ns), "0ns", "time to write a block", 0, 0,
	  NULL, 0 },
};
#define BOARD_KNOBS MSC_COUNT(board_knobs)

struct entry { /* what msc_external_open makes */
	struct msc_firmware fw;
	struct msc_knob knobs[BOARD_KNOBS + EXTERNAL_KNOBS_MAX + 1];
	char *path;
	char text[EXTERNAL_KNOBS_MAX][3][96]; /* of its knobs: name, initial value, help */
	char summary[128];
};

static int prepare(const struct msc_firmware *fw, void *state, bool *full_speed,
		   struct msc_err *err)
{
	struct external *x = state;

	(void)full_speed;
	if (x->knob.block_size & (x->knob.block_size - 1))
		return msc_fail(err, MSC_E_USAGE, "block-size: %u is no power of two",
				x->knob.block_size);
	if (!x->knob.blocks && !*x->knob.file)
		x->knob.blocks = (8u << 20) / x->knob.block_size;
	x->copy = calloc(1, sizeof *x->copy);
	if (!x->copy)
		return msc_nomem(err);
	x->copy->path = fw->name;
	return 0;
}

static void release(void *state)
{
	struct external *x = state;

	if (x->copy) {
		external_unload(x->copy);
		external_timers_free(x->copy);
	}
	free(x->copy);
}

static void describe(struct entry *e, const struct mscope_firmware *fw)
{
	const struct mscope_firmware_knob *own = fw->knobs;
	size_t n = BOARD_KNOBS;

	memcpy(e->knobs, board_knobs, sizeof board_knobs);
	for (size_t i = 0; own && own[i].name && i < EXTERNAL_KNOBS_MAX; i++) {
		char(*text)[96] = e->text[i];

		snprintf(text[0], sizeof text[0], "%s", own[i].name);
		snprintf(text[1], sizeof text[1], "%s", own[i].initial ? own[i].initial : "");
		snprintf(text[2], sizeof text[2], "%s", own[i].help ? own[i].help : "");
		e->knobs[n++] = (struct msc_knob){ .name = text[0],
						   .type = MSC_KNOB_TEXT,
						   .offset = KNOB(own) + i * EXTERNAL_VALUE_MAX,
						   .initial = text[1],
						   .help = text[2],
						   .text_size = EXTERNAL_VALUE_MAX };
	}
	snprintf(e->summary, sizeof e->summary, "%s%s%s", fw->name ? fw->name : "",
		 fw->name && fw->summary ? ": " : "", fw->summary ? fw->summary : "");
	e->fw = (struct msc_firmware){
		.name = e->path,
		.summary = *e->summary ? e->summary : "firmware in a shared object",
		.like = "the board that it was written for",
		.expect = "whatever is wrong with it",
		.state_size = sizeof(struct external),
		.knobs = e->knobs,
		.vectors = { start, reset, setup, ep0_in, ep0_out, in_done, out_done, .card = card,
			     .suspend = suspend, .resume = resume,
			     .eject = fw->eject ? eject : NULL },
		.full_speed_only = fw->full_speed_only,
		.prepare = prepare,
		.release = release,
	};
}

struct msc_firmware *msc_external_open(const char *path, struct msc_err *err)
{
	struct external_copy copy = { .path = path };
	struct entry *e;

	if (external_load(&copy, err) < 0)
		return NULL;
	e = calloc(1, sizeof *e);
	if (e)
		e->path = strdup(path);
	if (e && e->path) {
		describe(e, copy.fw);
	} else {
		free(e);
		e = NULL;
		msc_nomem(err);
	}
	external_unload(&copy);
	return e ? &e->fw : NULL;
}

void msc_external_close(struct msc_firmware *fw)
{
	struct entry *e = (struct entry *)fw;

	if (!e)
		return;
	free(e->path);
	free(e);
}
