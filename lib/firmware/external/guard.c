/* SPDX-License-Identifier: BSD-2-Clause */
/* See guard.h. A signal jumps back to where guarded code was entered, on the stack that was running; the
 * handler has a stack of its own, for it may be the stack that ran out. */
#include "firmware/external/guard.h"

#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS	  250 /* of the thread's processor time */
#define TICKS_MAX 5   /* without a call of ours: a loop */
#define STACK	  (64 * 1024)

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

struct guard {
	sigjmp_buf back;
	volatile int signal;
	void *volatile address;
	const char *volatile why; /* with no signal; NULL: it makes no call */
};

struct watch {
	struct guard *running; /* NULL: code of ours runs */
	volatile unsigned long entries, seen; /* of guarded code, until now and at the last tick */
	volatile unsigned ticks;
	bool ready;
	bool stray; /* of a process that guarded code has forked: it must not come back to code of ours */
};
static _Thread_local struct watch watch;

static const struct {
	int number;
	const char *name;
} fatal[] = {
	{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" },   { SIGILL, "SIGILL" },
	{ SIGFPE, "SIGFPE" },	{ SIGABRT, "SIGABRT" },
};
#define FATALS (sizeof fatal / sizeof *fatal)

static _Noreturn void jump(struct guard *g, int number, void *address)
{
	watch.running = NULL;
	g->signal = number;
	g->address = address;
	siglongjmp(g->back, 1);
}

/* What was there before we came takes it when it is not the guarded code's. */
static struct sigaction before[NSIG];

static void on_fatal(int number, siginfo_t *info, void *context)
{
	const struct sigaction *old = &before[number];

	if (watch.running)
		jump(watch.running, number, info->si_addr);
	if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(number, info, context);
		return;
	}
	signal(number, SIG_DFL);
	raise(number);
}

static void on_tick(int number)
{
	(void)number;
	if (!watch.running || watch.entries != watch.seen) {
		watch.seen = watch.entries;
		watch.ticks = 0;
	} else if (++watch.ticks >= TICKS_MAX) {
		watch.ticks = 0;
		jump(watch.running, 0, NULL);
	}
}

/* A copy of the process has no clocks of its parent's. */
static void be_a_copy(void)
{
	watch.ready = false;
	watch.stray |= watch.running != NULL;
}

/* Guarded code gives the processor back: traps of its floating point unit and another rounding are its own. */
static void take_over(void)
{
	if (watch.stray)
		_exit(EXIT_SUCCESS);
	if (fegetexcept() || fegetround() != FE_TONEAREST)
		fesetenv(FE_DFL_ENV);
}

/* Once a thread: a stack for handlers and a clock of its processor time; once a process: the handlers. Where
 * any of it fails, so much is not guarded. */
static void get_ready(void)
{
	struct sigevent tell = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGVTALRM };
	const struct itimerspec every = { .it_interval.tv_nsec = TICK_MS * 1000000L,
					  .it_value.tv_nsec = TICK_MS * 1000000L };
	struct sigaction action = { .sa_sigaction = on_fatal,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	struct sigaction tick = { .sa_handler = on_tick,
				  .sa_flags = SA_ONSTACK | SA_RESTART | SA_NODEFER };
	static _Thread_local char stack[STACK];
	stack_t other = { .ss_sp = stack, .ss_size = sizeof stack };
	static bool copies_know;
	timer_t timer;

	watch.ready = true;
	if (!copies_know)
		copies_know = pthread_atfork(NULL, NULL, be_a_copy) == 0;
	sigaltstack(&other, NULL);
	sigaction(SIGVTALRM, &tick, NULL);
	for (size_t i = 0; i < FATALS; i++) {
		struct sigaction now;

		if (sigaction(fatal[i].number, NULL, &now) == 0 && now.sa_sigaction != on_fatal) {
			before[fatal[i].number] = now;
			sigaction(fatal[i].number, &action, NULL);
		}
	}
	tell.sigev_notify_thread_id = (int)syscall(SYS_gettid);
	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &tell, &timer) == 0)
		timer_settime(timer, 0, &every, NULL);
}

static void say(const struct guard *g, const char *fence, char *why, size_t size)
{
	const char *at = g->address;

	snprintf(why, size, "%s", g->why ? g->why : "a loop without an end");
	for (size_t i = 0; i < FATALS; i++) {
		if (fatal[i].number != g->signal)
			continue;
		if (g->signal == SIGABRT)
			snprintf(why, size, "%s", fatal[i].name);
		else if (fence && at >= fence && at < fence + GUARD_FENCE)
			snprintf(why, size, "%s past the end of its globals", fatal[i].name);
		else
			snprintf(why, size, "%s at address 0x%lx", fatal[i].name,
				 (unsigned long)g->address);
	}
}

bool guard_run(void (*fn)(void *), void *arg, const char *fence, char *why, size_t size)
{
	struct guard *outer = watch.running, g = { .signal = 0 };

	if (!watch.ready)
		get_ready();
	if (sigsetjmp(g.back, 1) == 0) {
		guard_in(&g);
		fn(arg);
		watch.running = outer;
		take_over();
		return true;
	}
	watch.running = outer;
	take_over();
	say(&g, fence, why, size);
	return false;
}

struct guard *guard_out(void)
{
	struct guard *g = watch.running;

	watch.running = NULL;
	take_over();
	return g;
}

void guard_in(struct guard *g)
{
	watch.entries++;
	watch.running = g;
}

_Noreturn void guard_ends(struct guard *g, const char *why)
{
	g->why = why;
	jump(g, 0, NULL);
}
