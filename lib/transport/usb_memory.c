/* SPDX-License-Identifier: BSD-2-Clause */
/* Device memory: usbfs gives it by mmap() since Linux 4.6, libusb as libusb_dev_mem_alloc. A transfer
 * whose data lies in it is not copied by the kernel, and needs no memory of the kernel's beside it.
 *
 * A few pieces are kept, because to map and to clear one costs more than the copy that it saves. They
 * belong to the open device: a mapping that outlives the handle would keep the device open, and so would
 * that of a child: the guardian, which is forked, waits for the device to be closed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "transport/usb_device.h"

#define PAGE	   ((size_t)4096) /* the kernel rounds up to pages anyway */
#define TRIAL	   ((size_t)65536)
#define TRIES	   4
#define SLOW_TIMES 4 /* read so many times slower than ordinary memory, it is not cached */

/* ns of the quickest of a few passes over it. Nothing is copied: how fast that goes depends on where in their pages
 * the two ends lie. */
static int64_t read_ns(struct msc_usb *usb, const uint8_t *p)
{
	int64_t best = MSC_NEVER;

	for (int i = 0; i < TRIES; i++) {
		const volatile uint64_t *word = (const volatile uint64_t *)(const void *)p;
		int64_t began = msc_now(&usb->clock.clock), took;

		for (size_t n = 0; n < TRIAL / sizeof *word; n++)
			(void)word[n];
		took = msc_now(&usb->clock.clock) - began;
		if (took < best)
			best = took;
	}
	return best;
}

/* Where controllers are not coherent with the processor's cache, as on many ARM boards, device memory
 * is not cached, and to look at what came takes longer than the kernel's copy would have. */
static bool is_cached(struct msc_usb *usb, const uint8_t *p, size_t len)
{
	uint8_t *ordinary;
	bool cached = true;

	if (usb->memory_tried || len < TRIAL)
		return true;
	usb->memory_tried = true;
	ordinary = malloc(TRIAL);
	if (ordinary) {
		memset(ordinary, 1, TRIAL); /* untouched, all its pages would be one */
		cached = read_ns(usb, p) <= SLOW_TIMES * read_ns(usb, ordinary) + MSC_US;
	}
	free(ordinary);
	return cached;
}

static void drop(struct msc_usb *usb, struct msc_usb_memory *m)
{
	if (m->p)
		libusb_dev_mem_free(usb->handle, m->p, m->len);
	*m = (struct msc_usb_memory){ .p = NULL };
}

/* Device memory of that length in m, which is empty. What was refused once is not asked for again. */
static bool map(struct msc_target *t, struct msc_usb_memory *m, size_t len)
{
	struct msc_usb *usb = msc_target_state(t);

	if (usb->memory_refused && len >= usb->memory_refused)
		return false;
	*m = (struct msc_usb_memory){ .p = libusb_dev_mem_alloc(usb->handle, len), .len = len };
	if (m->p && madvise(m->p, len, MADV_DONTFORK) < 0)
		drop(usb, m);
	if (m->p && is_cached(usb, m->p, len)) {
		msc_log(t->log, MSC_LOG_INFO, "transport", msc_now(t->clock),
			"%s: %zu bytes of device memory", t->device.name, len);
		return true;
	}
	usb->memory_refused = m->p ? 1 : len;
	msc_log(t->log, MSC_LOG_INFO, "transport", msc_now(t->clock),
		"%s: %s: the kernel copies the data", t->device.name,
		m->p ? "device memory is not cached here" : "no device memory");
	drop(usb, m);
	return false;
}

uint8_t *msc_usb_lend(struct msc_target *t, size_t len)
{
	struct msc_usb *usb = msc_target_state(t);
	struct msc_usb_memory *best = NULL, *spare = NULL;

	for (size_t i = 0; i < MSC_COUNT(usb->memory); i++) {
		struct msc_usb_memory *m = &usb->memory[i];

		if (m->lent)
			continue;
		if (m->len >= len && (!best || m->len < best->len))
			best = m;
		if (!spare || m->len < spare->len)
			spare = m;
	}
	if (!best && spare && usb->handle) {
		drop(usb, spare);
		best = map(t, spare, (len + PAGE - 1) / PAGE * PAGE) ? spare : NULL;
	}
	if (!best)
		return NULL;
	best->lent = true;
	return best->p;
}

void msc_usb_unlend(struct msc_target *t, uint8_t *p)
{
	struct msc_usb *usb = msc_target_state(t);
	size_t i = 0;

	while (usb->memory[i].p != p)
		i++;
	usb->memory[i].lent = false;
}

bool msc_usb_spare_memory(struct msc_usb *usb)
{
	bool spared = false;

	for (size_t i = 0; i < MSC_COUNT(usb->memory); i++) {
		struct msc_usb_memory *m = &usb->memory[i];

		if (m->p && !m->lent) {
			drop(usb, m);
			spared = true;
		}
	}
	return spared;
}

void msc_usb_free_memory(struct msc_usb *usb)
{
	for (size_t i = 0; i < MSC_COUNT(usb->memory); i++) {
		assert(!usb->memory[i].lent);
		drop(usb, &usb->memory[i]);
	}
	usb->memory_refused = 0;
	usb->memory_tried = false;
}
