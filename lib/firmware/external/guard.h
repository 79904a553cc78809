/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs code of others so that what it does to itself comes back as a sentence: a signal that its
 * instructions raise, a loop without an end. State is the thread's; calls may nest, and may lie on
 * stacks of their own. */
#ifndef MSC_FIRMWARE_EXTERNAL_GUARD_H
#define MSC_FIRMWARE_EXTERNAL_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#define GUARD_FENCE ((size_t)1 << 20) /* bytes behind its globals that nobody may touch */

/* Calls fn(arg). `fence` is where these bytes begin; NULL: there are none. false: it did not come to its end,
 * and *why ("SIGSEGV at address 0x10", "a loop without an end": more than a second of processor time without a
 * call of ours) says what happened. Nothing that it held is released. */
bool guard_run(void (*fn)(void *), void *arg, const char *fence, char *why, size_t size);

/* Around calls back into code of ours, whose signals are ours: what guard_out returns is for guard_in. NULL:
 * no guarded code was running. */
struct guard;
struct guard *guard_out(void);
void guard_in(struct guard *);
/* What guard_out has returned, instead of guard_in: the code that was running does not come to its end. `why`
 * lasts until guard_run has returned. */
_Noreturn void guard_ends(struct guard *, const char *why);

#endif
