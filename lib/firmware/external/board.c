/* SPDX-License-Identifier: BSD-2-Clause */
/* The calls of a board: each leaves the guarded firmware for code of ours, and goes back to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/isolate.h"
#include "firmware/external/external.h"
#include "firmware/external/guard.h"

/* What is not over then has no end. Counted, not timed: it is told the same on every machine. No host waits
 * for a handler of such a length. Main may run for ever, but not at 20 ns a call, which are some ten cycles of a
 * fast microcontroller; for 40 ms of that, no interrupt has ended the loop and no work is so long. */
#define CALLS_MAX  10000000		/* of one handler */
#define MAIN_MAX   2000000		/* of main within: */
#define MAIN_NS	   (40 * MSC_MS)
#define HANDLER_NS (120 * MSC_S)	/* that a handler spins */
#define HELD_NS	   (5 * MSC_S)		/* USB 2.0, 9.2.6.4: so long a request may take */
#define LONG_NS	   (10LL * 365 * 24 * 3600 * MSC_S) /* of one spin, and until a timer expires */
#define TIMERS_MAX 4096			/* that have not expired */
#define CALL_BYTES 4096 /* of the medium that count as another call */

/* Where a call comes from. */
struct caller {
	struct external *x;
	struct mcu *m;
	struct guard *guard;
	const char *running; /* of the firmware */
};

static void count(const struct caller *c, const char *call, uint64_t calls)
{
	struct external *x = c->x;
	unsigned max = x->handling ? CALLS_MAX : MAIN_MAX;
	int64_t now = mcu_now(c->m);

	if (!x->handling && now - x->work.since_ns >= MAIN_NS) {
		x->work.since_ns = now;
		x->work.calls = 0;
	}
	x->work.calls += calls < max ? (unsigned)calls : max;
	if (x->work.calls <= max || !c->guard)
		return;
	snprintf(x->why, sizeof x->why, "a loop without an end, that calls %s", call);
	guard_ends(c->guard, x->why);
}

static struct caller begin(mscope_board *b, const char *call)
{
	struct external *x = (struct external *)b;
	struct caller c = { x, x->mcu, guard_out(), msc_isolate_enter(NULL) };

	count(&c, call, 1);
	return c;
}

static void end(struct caller c)
{
	msc_isolate_enter(c.running);
	guard_in(c.guard);
}

#define DO(name, params, call)                                                                     \
	static void name params                                                                    \
	{                                                                                          \
		struct caller c = begin(b, #name);                                                 \
                                                                                                   \
		call;                                                                              \
		end(c);                                                                            \
	}
#define ASK(type, name, params, call)                                                              \
	static type name params                                                                    \
	{                                                                                          \
		struct caller c = begin(b, #name);                                                 \
		type answer = call;                                                                \
                                                                                                   \
		end(c);                                                                            \
		return answer;                                                                     \
	}

/* ---- the processor ---- */

static void spin(mscope_board *b, int64_t ns)
{
	struct caller c = begin(b, "spin");
	struct external *x = c.x;

	ns = ns < 0 ? 0 : ns < LONG_NS ? ns : LONG_NS;
	x->work.spun_ns = x->handling || mcu_irq_is_held(c.m) ? x->work.spun_ns + ns : 0;
	if (c.guard && x->work.spun_ns > (x->handling ? HANDLER_NS : HELD_NS))
		guard_ends(c.guard, x->handling
					    ? "it computes for more than two minutes"
					    : "it computes for more than 5 s while an interrupt "
					      "waits that it has disabled");
	mcu_spin(c.m, ns);
	end(c);
}

static void wait_for_interrupt(mscope_board *b)
{
	struct caller c = begin(b, "wait_for_interrupt");
	unsigned disabled;

	if (c.x->handling) {
		mcu_remark(c.m, "wait_for_interrupt: called outside of main");
	} else {
		disabled = mcu_irq_open(c.m);
		sema_take(c.m, c.x->woken);
		mcu_irq_resume(c.m, disabled);
	}
	end(c);
}

static struct external_timer **find_timer(struct external_copy *copy, struct external_timer *t)
{
	struct external_timer **at = &copy->timers;

	while (*at != t)
		at = &(*at)->next;
	return at;
}

static void expire(void *arg)
{
	struct external_timer *t = arg;

	t->fn(&t->x->board, t->arg);
}

static void on_timer(struct mcu *m, void *arg)
{
	struct external_timer *t = arg, **at;

	t->x->timers -= t->life == t->x->life;
	external_run(m, "a timer", t->life, expire, t);
	at = find_timer(t->x->copy, t);
	*at = t->next;
	free(t);
}

static void timer(mscope_board *b, int64_t ns, void (*fn)(mscope_board *, void *), void *arg)
{
	struct caller c = begin(b, "timer");
	struct external_timer *t = c.x->timers < TIMERS_MAX ? malloc(sizeof *t) : NULL;

	if (c.x->timers >= TIMERS_MAX)
		mcu_remark(c.m, "timer: %d have not expired, and another one is set", TIMERS_MAX);
	if (t) {
		c.x->timers++;
		*t = (struct external_timer){ c.x->copy->timers, c.x, c.x->life, fn, arg };
		c.x->copy->timers = t;
		mcu_timer(c.m, ns < 0 ? 0 : ns < LONG_NS ? ns : LONG_NS, on_timer, t);
	}
	end(c);
}

static const char *knob(mscope_board *b, const char *name)
{
	struct external *x = (struct external *)b;
	const struct mscope_firmware_knob *k = x->copy->fw->knobs;

	for (size_t i = 0; k && k[i].name && i < EXTERNAL_KNOBS_MAX; i++)
		if (!strcmp(k[i].name, name))
			return x->knob.own[i];
	return NULL;
}

/* Not called random: that is a function of stdlib.h. */
static uint32_t draw(mscope_board *b)
{
	struct caller c = begin(b, "random");
	uint32_t drawn = mcu_random(c.m);

	end(c);
	return drawn;
}

ASK(int64_t, now, (mscope_board * b), mcu_now(c.m))
DO(irq_disable, (mscope_board * b), mcu_irq_disable(c.m))
DO(irq_enable, (mscope_board * b), mcu_irq_enable(c.m))
DO(print, (mscope_board * b, const char *text), mcu_print(c.m, "%.127s", text))

/* ---- the USB controller ---- */

ASK(bool, is_high_speed, (mscope_board * b), mcu_speed(c.m) == MSC_SPEED_HIGH)
DO(ep_open, (mscope_board * b, uint8_t ep, uint16_t max), udc_open(c.m, ep, max))
DO(ep_close, (mscope_board * b, uint8_t ep), udc_close(c.m, ep))
DO(ep_transmit, (mscope_board * b, uint8_t ep, const void *buf, size_t len),
   udc_transmit(c.m, ep, buf, len))
DO(ep_receive, (mscope_board * b, uint8_t ep, void *buf, size_t len),
   udc_receive(c.m, ep, buf, len))
DO(ep_abort, (mscope_board * b, uint8_t ep), udc_abort(c.m, ep))
ASK(bool, ep_busy, (mscope_board * b, uint8_t ep), udc_busy(c.m, ep))
DO(ep_stall, (mscope_board * b, uint8_t ep), udc_stall(c.m, ep))
DO(ep_unstall, (mscope_board * b, uint8_t ep), udc_unstall(c.m, ep))
DO(ep_unstall_keep, (mscope_board * b, uint8_t ep), udc_unstall_keep(c.m, ep))
ASK(bool, ep_stalled, (mscope_board * b, uint8_t ep), udc_stalled(c.m, ep))
DO(ep0_in, (mscope_board * b, const void *packet, size_t len), udc_ep0_in(c.m, packet, len))
DO(ep0_out, (mscope_board * b, void *buf, size_t room), udc_ep0_out(c.m, buf, room))
DO(ep0_stall, (mscope_board * b), udc_ep0_stall(c.m))
DO(set_address, (mscope_board * b, uint8_t address), udc_set_address(c.m, address))

/* ---- the medium ---- */

static void count_blocks(const struct caller *c, const char *call, uint32_t blocks)
{
	count(c, call, (uint64_t)blocks * card_block_size(c->m, 0) / CALL_BYTES);
}

ASK(bool, medium_present, (mscope_board * b), card_present(c.m, 0))
ASK(bool, medium_read_only, (mscope_board * b), card_read_only(c.m, 0))
ASK(uint64_t, medium_blocks, (mscope_board * b), card_blocks(c.m, 0))
ASK(uint32_t, medium_block_size, (mscope_board * b), card_block_size(c.m, 0))
ASK(bool, medium_read, (mscope_board * b, uint64_t lba, uint32_t blocks, void *buf),
    (count_blocks(&c, "medium_read", blocks), card_read(c.m, 0, lba, blocks, buf)))
ASK(bool, medium_write, (mscope_board * b, uint64_t lba, uint32_t blocks, const void *buf),
    (count_blocks(&c, "medium_write", blocks), card_write(c.m, 0, lba, blocks, buf)))

const mscope_board external_board = {
	.abi = MSCOPE_FIRMWARE_ABI,
	.size = sizeof(mscope_board),
	.now = now,
	.spin = spin,
	.irq_disable = irq_disable,
	.irq_enable = irq_enable,
	.wait_for_interrupt = wait_for_interrupt,
	.timer = timer,
	.random = draw,
	.print = print,
	.knob = knob,
	.is_high_speed = is_high_speed,
	.ep_open = ep_open,
	.ep_close = ep_close,
	.ep_transmit = ep_transmit,
	.ep_receive = ep_receive,
	.ep_abort = ep_abort,
	.ep_busy = ep_busy,
	.ep_stall = ep_stall,
	.ep_unstall = ep_unstall,
	.ep_unstall_keep = ep_unstall_keep,
	.ep_stalled = ep_stalled,
	.ep0_in = ep0_in,
	.ep0_out = ep0_out,
	.ep0_stall = ep0_stall,
	.set_address = set_address,
	.medium_present = medium_present,
	.medium_read_only = medium_read_only,
	.medium_blocks = medium_blocks,
	.medium_block_size = medium_block_size,
	.medium_read = medium_read,
	.medium_write = medium_write,
};
