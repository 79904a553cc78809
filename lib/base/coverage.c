/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions that instrumented code calls are an interface of gcc and clang: "Instrumentation Options" of gcc's
 * manual, "SanitizerCoverage" of clang's. The program exports them to what it loads. */
#include <link.h>
#include <stddef.h>

#include "base/coverage.h"

/* Weak: libFuzzer, which some tests are linked with, has its own. */
#define HOOK __attribute__((weak, visibility("default")))

/* Called with the address of what has run; and with a number of it that is in the object. */
HOOK void __sanitizer_cov_trace_pc(void);
HOOK void __sanitizer_cov_trace_pc_guard(uint32_t *);
HOOK void __sanitizer_cov_trace_pc_guard_init(uint32_t *begin, uint32_t *end);

static struct msc_coverage *into;
static uintptr_t base, begin, end; /* of the object that called last; begin == end: of none */

void msc_coverage_into(struct msc_coverage *map)
{
	into = map;
}

void msc_coverage_moved(void)
{
	begin = end = 0;
}

static void hit(uint32_t place)
{
	uint32_t bit = place * UINT32_C(2654435761) >> 16; /* Knuth, 6.4: of 16 bits */
	uint64_t mask = UINT64_C(1) << bit % 64;

	if (into->bits[bit / 64] & mask)
		return;
	into->bits[bit / 64] |= mask;
	into->places++;
}

static int find(struct dl_phdr_info *object, size_t size, void *user)
{
	uintptr_t pc = *(const uintptr_t *)user;

	(void)size;
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + part->p_vaddr;

		if (part->p_type != PT_LOAD || pc < from || pc - from >= part->p_memsz)
			continue;
		base = object->dlpi_addr;
		begin = from;
		end = from + part->p_memsz;
		return 1;
	}
	return 0;
}

void __sanitizer_cov_trace_pc(void)
{
	uintptr_t pc = (uintptr_t)__builtin_return_address(0);

	if (!into)
		return;
	if (pc - begin >= end - begin)
		dl_iterate_phdr(find, &pc);
	hit((uint32_t)(pc - base));
}

void __sanitizer_cov_trace_pc_guard_init(uint32_t *from, uint32_t *to)
{
	uint32_t n = 0;

	for (uint32_t *guard = from; guard < to; guard++)
		*guard = ++n;
}

void __sanitizer_cov_trace_pc_guard(uint32_t *guard)
{
	if (into)
		hit(*guard);
}
