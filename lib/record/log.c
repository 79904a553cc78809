/* SPDX-License-Identifier: BSD-2-Clause */
/* A wire log that is kept in memory: see log.h. */
#include "record/log.h"

#include <stdlib.h>
#include <string.h>

#define LANES 4 /* a multiplication need not wait for the one before */

/* FNV-1a's multiplication, of eight bytes at a time, with a shift so that high bits come down. */
static uint64_t add_word(uint64_t h, const uint8_t *p)
{
	uint64_t word = (uint64_t)msc_get_le32(p) | (uint64_t)msc_get_le32(p + 4) << 32;

	h = (h ^ word) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

uint64_t msc_log_hash(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ len;
	uint64_t lane[LANES] = { h, h + 1, h + 2, h + 3 };

	for (; len >= 8 * LANES; p += 8 * LANES, len -= 8 * LANES)
		for (size_t i = 0; i < LANES; i++)
			lane[i] = add_word(lane[i], p + 8 * i);
	h = lane[0];
	for (size_t i = 1; i < LANES; i++)
		h = (h ^ lane[i]) * UINT64_C(0x100000001b3);
	for (; len >= 8; p += 8, len -= 8)
		h = add_word(h, p);
	for (; len; p++, len--)
		h = (h ^ *p) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}

static void *copy(const void *data, size_t len)
{
	void *p = malloc(len ? len : 1);

	if (p && len)
		memcpy(p, data, len);
	return p;
}

static bool copy_parts(struct msc_log_entry *e, size_t keep)
{
	struct msc_transfer *t = &e->u.transfer;

	if (e->what == MSC_ENTRY_NOTE) {
		if (e->u.note.device)
			e->u.note.device = copy(e->u.note.device, sizeof *e->u.note.device);
		return e->u.note.kind != MSC_NOTE_DEVICE || e->u.note.device;
	}
	t->owner = NULL;
	if (!t->data)
		return true;
	if (t->kept > keep) {
		t->hash = msc_log_hash(t->data, t->kept);
		t->kept = keep;
	}
	t->data = copy(t->data, t->kept);
	return t->data != NULL;
}

int msc_wire_log_add(struct msc_wire_log *log, const struct msc_log_entry *entry,
		     struct msc_err *err)
{
	struct msc_log_entry *list = log->list;

	if (log->count == log->room) {
		list = realloc(list, (log->room * 2 + 64) * sizeof *list);
		if (!list)
			return msc_nomem(err);
		log->list = list;
		log->room = log->room * 2 + 64;
	}
	list[log->count] = *entry;
	if (!copy_parts(&list[log->count], log->keep))
		return msc_nomem(err);
	log->count++;
	return 0;
}

void msc_wire_log_clear(struct msc_wire_log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		const struct msc_log_entry *e = &log->list[i];

		if (e->what == MSC_ENTRY_NOTE)
			free((void *)(uintptr_t)e->u.note.device);
		else
			free((void *)(uintptr_t)e->u.transfer.data);
	}
	free(log->list);
	*log = (struct msc_wire_log){ .keep = log->keep };
}
