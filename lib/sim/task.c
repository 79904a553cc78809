/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks: coroutines on stacks of their own, so that firmware of an operating system reads like
 * the real one. The scheduler is a simulation event: it switches to a task, the task runs in no
 * virtual time until it spins, sleeps or waits, and control comes back.
 *
 *	ready ---- chosen ----> running ---- spins ----> spinning --- time is up ---> ready
 *	  ^                        |                        ^  |
 *	  |                        +-- waits, sleeps --+    +--+ an interrupt, or a task of higher
 *	  +---- given, awake ---- blocked <------------+         priority, takes the processor
 */
#undef _FORTIFY_SOURCE /* its longjmp refuses to leave a stack for another */
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "sim/internal.h"

#if defined(__SANITIZE_ADDRESS__)
#define MSC_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MSC_ASAN 1
#endif
#endif
#ifdef MSC_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(from, to) 0
#define VALGRIND_STACK_DEREGISTER(id)	  ((void)(id))
#endif

enum { STACK_BYTES = 256 * 1024 };

/* Saving and loading the registers of a task, and choosing it: about a hundred instructions. */
#define SWITCH_NS (2 * MSC_US)

enum task_state { READY, SPINNING, BLOCKED };

struct task {
	struct task *next; /* all tasks, in the order of creation */
	struct scheduler *owner;
	const char *name;
	int priority;
	task_fn *fn;
	enum task_state state;
	uint64_t ready_seq; /* who became ready first */
	int64_t left_ns;    /* of its spin */
	bool begun;	    /* `resume` says where it goes on; before: `context`, where it begins */
	ucontext_t context;
	jmp_buf resume;
	void *stack;
	unsigned valgrind_id;
	void *fake_stack; /* the address sanitizer's */
};

/* Memory of semaphores and queues. */
struct owned {
	struct owned *next;
	max_align_t data[];
};

struct scheduler {
	struct mcu *mcu;
	struct task *all;
	struct owned *owned;
	struct task *owner; /* of the processor; NULL: idle */
	struct task *last;  /* who ran last: another costs a switch; NULL: the idle task */
	int64_t switch_ns;  /* what that costs */
	bool idle_counts;   /* the idle task is a task, to be switched to and from */
	bool spinning;	    /* the owner's spin is under way, since: */
	int64_t spin_began_ns;
	bool inside;	       /* a task's own code is running */
	int64_t due_ns;	       /* when dispatch runs next; MSC_NEVER: it need not */
	int64_t tick_ns;       /* 0: no tick, every wake-up switches at once */
	int64_t tick_from_ns;  /* the first */
	int64_t reschedule_ns; /* when the owner is chosen anew; MSC_NEVER: not asked for */
	int64_t idle_from_ns;  /* nobody has the processor; MSC_NEVER: somebody has */
	uint64_t idle_ticks;   /* in which that was so for a while ... */
	int64_t idle_counted;  /* ... up to this tick, with 0 as the first; -1: none */
	uint64_t seq;
	jmp_buf home;
	const void *home_stack;
	size_t home_size;
};

static void ask(struct scheduler *s, int64_t when_ns);

struct scheduler *tasks_new(struct mcu *m)
{
	struct scheduler *s = calloc(1, sizeof *s);

	if (s) {
		s->mcu = m;
		s->due_ns = MSC_NEVER;
		s->reschedule_ns = MSC_NEVER;
		s->idle_from_ns = MSC_NEVER;
		s->idle_counted = -1;
		s->switch_ns = SWITCH_NS;
	}
	return s;
}

void tasks_end(struct scheduler *s)
{
	s->owner = s->last = NULL;
	while (s->all) {
		struct task *t = s->all;

		s->all = t->next;
		VALGRIND_STACK_DEREGISTER(t->valgrind_id);
		munmap(t->stack, STACK_BYTES);
		free(t);
	}
}

void tasks_free(struct scheduler *s)
{
	if (!s)
		return;
	tasks_end(s);
	while (s->owned) {
		struct owned *next = s->owned->next;

		free(s->owned);
		s->owned = next;
	}
	free(s);
}

void *tasks_alloc(struct scheduler *s, size_t size)
{
	struct owned *o = calloc(1, sizeof *o + size);

	if (!o) {
		sim_fault(s->mcu->sim, "out of memory");
		return NULL;
	}
	o->next = s->owned;
	s->owned = o;
	return o->data;
}

bool tasks_inside(const struct scheduler *s)
{
	return s->inside;
}

/* ---- switching stacks --------------------------------------------------------------------- */

/* A task's first entry is by setcontext, which makes a system call for the signal mask; every
 * other switch is a jump, which does not. */

static void go_home(struct task *t)
{
	struct scheduler *s = t->owner;

#ifdef MSC_ASAN
	__sanitizer_start_switch_fiber(&t->fake_stack, s->home_stack, s->home_size);
#endif
	if (!_setjmp(t->resume))
		_longjmp(s->home, 1);
#ifdef MSC_ASAN
	__sanitizer_finish_switch_fiber(t->fake_stack, &s->home_stack, &s->home_size);
#endif
}

static void enter(struct scheduler *s, struct task *t)
{
#ifdef MSC_ASAN
	void *fake = NULL;

	__sanitizer_start_switch_fiber(&fake, t->stack, STACK_BYTES);
#endif
	s->inside = true;
	if (!_setjmp(s->home)) {
		if (t->begun)
			_longjmp(t->resume, 1);
		t->begun = true;
		setcontext(&t->context);
	}
	s->inside = false;
#ifdef MSC_ASAN
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}

/* makecontext passes ints only: a pointer travels as two halves. */
static void begin(unsigned high, unsigned low)
{
	struct task *t = (struct task *)(uintptr_t)((uint64_t)high << 32 | low);

#ifdef MSC_ASAN
	__sanitizer_finish_switch_fiber(NULL, &t->owner->home_stack, &t->owner->home_size);
#endif
	t->fn(t->owner->mcu);
	mcu_misuse(t->owner->mcu, "task '%s' returned", t->name);
	t->state = BLOCKED;
	for (;;)
		go_home(t);
}

static struct task *task_new(void)
{
	struct task *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (t->stack == MAP_FAILED) {
		free(t);
		return NULL;
	}
	t->valgrind_id = VALGRIND_STACK_REGISTER(t->stack, (char *)t->stack + STACK_BYTES);
	return t;
}

static void prepare(struct task *t)
{
	uint64_t p = (uint64_t)(uintptr_t)t;

	getcontext(&t->context);
	t->context.uc_stack.ss_sp = t->stack;
	t->context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&t->context, (void (*)(void))begin, 2, (unsigned)(p >> 32), (unsigned)p);
}

void task_start(struct mcu *m, const char *name, int priority, task_fn *fn)
{
	struct scheduler *s = m->tasks;
	struct task *t = task_new(), **end = &s->all;

	if (!t) {
		sim_fault(m->sim, "out of memory");
		return;
	}
	t->owner = s;
	t->name = name;
	t->priority = priority;
	t->fn = fn;
	t->ready_seq = s->seq++;
	prepare(t);
	while (*end)
		end = &(*end)->next;
	*end = t;
	ask(s, sim_now(m->sim));
}

/* ---- who runs ----------------------------------------------------------------------------- */

static struct task *best(struct scheduler *s)
{
	struct task *found = NULL;

	for (struct task *t = s->all; t; t = t->next) {
		if (t->state == BLOCKED)
			continue;
		if (!found || t->priority > found->priority ||
		    (t->priority == found->priority && t->ready_seq < found->ready_seq))
			found = t;
	}
	return found;
}

/* The owner stops spinning; what it has left it keeps. */
static void stop_spin(struct scheduler *s)
{
	int64_t done = sim_now(s->mcu->sim) - s->spin_began_ns;

	if (!s->spinning)
		return;
	s->spinning = false;
	s->owner->left_ns -= done;
	s->mcu->busy_ns += done;
}

/* The owner has something to compute: true, and the scheduler comes back when it is done. */
static bool spins(struct scheduler *s)
{
	struct task *t = s->owner;

	if (t != s->last) {
		t->left_ns = (t->state == SPINNING ? t->left_ns : 0) + s->switch_ns;
		t->state = SPINNING;
		s->last = t;
	}
	if (t->state != SPINNING || t->left_ns <= 0)
		return false;
	s->spinning = true;
	s->spin_began_ns = sim_now(s->mcu->sim);
	return true;
}

static void idle_begins(struct scheduler *s, int64_t now)
{
	if (s->idle_from_ns == MSC_NEVER)
		s->idle_from_ns = now;
}

/* Each tick in which the idle task ran counts once. */
static void idle_ends(struct scheduler *s, int64_t now)
{
	int64_t from = s->idle_from_ns, first, last;

	s->idle_from_ns = MSC_NEVER;
	if (from < s->tick_from_ns)
		from = s->tick_from_ns;
	if (!s->tick_ns || now <= from) /* also when somebody had it: MSC_NEVER is later */
		return;
	first = (from - s->tick_from_ns) / s->tick_ns;
	last = (now - 1 - s->tick_from_ns) / s->tick_ns;
	if (first <= s->idle_counted)
		first = s->idle_counted + 1;
	if (last < first)
		return;
	s->idle_ticks += (uint64_t)(last - first + 1);
	s->idle_counted = last;
}

/* Nobody wants the processor. Switching to the idle task delays nobody, but it is work. */
static void go_idle(struct scheduler *s)
{
	int64_t now = sim_now(s->mcu->sim);

	if (s->idle_counts && s->last) {
		s->mcu->busy_ns += s->switch_ns;
		s->last = NULL;
		now += s->switch_ns;
	}
	idle_begins(s, now);
}

static void dispatch(void *arg);

/* One event is enough: what the scheduler finds then says when it has to look again. */
static void look_at(struct scheduler *s, int64_t when_ns)
{
	if (when_ns >= s->due_ns)
		return;
	s->due_ns = when_ns;
	mcu_at(s->mcu, when_ns, dispatch, s);
}

/* Gives the processor to whom it belongs now, and lets it run as far as it can. */
static void run(struct scheduler *s, int64_t now)
{
	for (;;) {
		if (now >= s->reschedule_ns || (s->owner && s->owner->state == BLOCKED)) {
			s->reschedule_ns = MSC_NEVER;
			s->owner = best(s);
		}
		if (s->owner)
			idle_ends(s, now);
		else
			go_idle(s);
		if (!s->owner || sim_fault_text(s->mcu->sim))
			return;
		if (spins(s)) {
			look_at(s, now + s->owner->left_ns);
			return;
		}
		s->owner->state = READY;
		enter(s, s->owner);
	}
}

/* Who makes this call, if a task does, goes on to where it blocks. */
void tasks_halt(struct scheduler *s)
{
	stop_spin(s);
	for (struct task *t = s->all; t; t = t->next)
		t->state = BLOCKED;
	if (!s->inside)
		s->owner = NULL;
	s->due_ns = s->reschedule_ns = MSC_NEVER;
}

static void dispatch(void *arg)
{
	struct scheduler *s = arg;
	int64_t now = sim_now(s->mcu->sim);

	if (now != s->due_ns) /* an earlier look has made this one needless */
		return;
	s->due_ns = MSC_NEVER;
	if (now < s->mcu->busy_until) { /* an interrupt's handler is not through */
		look_at(s, s->mcu->busy_until);
		return;
	}
	stop_spin(s);
	run(s, now);
	if (s->reschedule_ns != MSC_NEVER)
		look_at(s, s->reschedule_ns);
}

/* The owner is to be chosen anew at when_ns. */
static void ask(struct scheduler *s, int64_t when_ns)
{
	if (when_ns < s->reschedule_ns)
		s->reschedule_ns = when_ns;
	look_at(s, when_ns);
}

static int64_t next_tick(const struct scheduler *s, int64_t after_ns)
{
	int64_t since = after_ns - s->tick_from_ns;

	if (!s->tick_ns)
		return after_ns;
	return since < 0 ? s->tick_from_ns
			 : s->tick_from_ns + (since / s->tick_ns + 1) * s->tick_ns;
}

void tasks_pause(struct scheduler *s)
{
	stop_spin(s);
	idle_ends(s, sim_now(s->mcu->sim));
}

void tasks_resume(struct scheduler *s)
{
	if (!s->owner)
		idle_begins(s, s->mcu->busy_until);
	if (s->owner || s->reschedule_ns <= s->mcu->busy_until)
		look_at(s, s->mcu->busy_until);
}

/* ---- what a task calls -------------------------------------------------------------------- */

struct task *tasks_running(struct mcu *m, const char *call)
{
	if (m->tasks->inside)
		return m->tasks->last;
	mcu_misuse(m, "%s: called outside of a task", call);
	return NULL;
}

void tasks_spin(struct scheduler *s, int64_t ns)
{
	struct task *t = s->last;

	t->state = SPINNING;
	t->left_ns = ns;
	go_home(t);
}

static void make_ready(struct task *t, int64_t switch_ns)
{
	t->state = READY;
	t->ready_seq = t->owner->seq++;
	ask(t->owner, switch_ns);
}

void tasks_block(struct task *t)
{
	t->state = BLOCKED;
	go_home(t);
}

void tasks_wake(struct task *t, bool from_irq)
{
	struct scheduler *s = t->owner;
	int64_t now = sim_now(s->mcu->sim);

	make_ready(t, from_irq ? next_tick(s, now) : now);
	if (s->inside && t->priority > s->owner->priority)
		go_home(s->owner); /* which stays ready */
}

static void awake(void *arg)
{
	tasks_wake(arg, false);
}

void task_sleep(struct mcu *m, int64_t ns)
{
	struct task *t = tasks_running(m, "task_sleep");
	int64_t when = sim_now(m->sim) + mcu_scale(m, ns);

	if (!t)
		return;
	if (m->tasks->tick_ns)
		when = next_tick(m->tasks, when - 1);
	mcu_at(m, when, awake, t);
	tasks_block(t);
}

void task_tick(struct mcu *m, int64_t period_ns)
{
	m->tasks->tick_ns = mcu_scale(m, period_ns);
	m->tasks->tick_from_ns = mcu_now(m);
}

/* Who waits for a tick already gets the one he waits for. */
void tasks_shift_tick(struct scheduler *s, int64_t ns)
{
	task_idle_ticks(s->mcu);
	s->tick_from_ns += ns;
}

uint64_t task_idle_ticks(struct mcu *m)
{
	struct scheduler *s = m->tasks;
	int64_t from = s->idle_from_ns, now = sim_now(m->sim);

	idle_ends(s, now);
	if (from != MSC_NEVER)
		idle_begins(s, from > now ? from : now);
	return s->idle_ticks;
}

void task_switch_time(struct mcu *m, int64_t ns)
{
	m->tasks->switch_ns = mcu_scale(m, ns);
	m->tasks->idle_counts = true;
}

static void yield(void *arg)
{
	struct scheduler *s = arg;

	ask(s, sim_now(s->mcu->sim));
}

void task_yield(struct mcu *m)
{
	struct task *t;

	if (m->in_irq) {
		mcu_effect(m, yield, m->tasks);
	} else if ((t = tasks_running(m, "task_yield"))) {
		make_ready(t, sim_now(m->sim));
		go_home(t);
	}
}

void task_wait_for_medium(struct mcu *m, int64_t ns)
{
	if (!ns)
		return;
	if (m->in_irq)
		mcu_spin(m, ns);
	else if (tasks_inside(m->tasks))
		task_sleep(m, ns);
}
