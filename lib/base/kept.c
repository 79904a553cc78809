/* SPDX-License-Identifier: BSD-2-Clause */
/* See kept.h. */
#include "base/kept.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"

enum { UNIT = 512 };

struct entry {
	dev_t dev;
	ino_t ino;
	int fd;
	off_t at;
	uint8_t was[UNIT]; /* zeros beyond the end of the file */
};

bool msc_kept_begin(struct msc_kept *k)
{
	if (k->fd < 0)
		k->fd = memfd_create("kept", MFD_CLOEXEC);
	if (k->used)
		memset(k->unit, 0, k->places * sizeof *k->unit);
	k->used = 0;
	return k->fd >= 0 && ftruncate(k->fd, 0) == 0 && lseek(k->fd, 0, SEEK_SET) == 0;
}

/* Where the unit is, or where it belongs. */
static uint64_t *place_of(uint64_t *unit, size_t places, uint64_t key)
{
	struct msc_rng hash = { .state = key };
	size_t i = (size_t)msc_rng_next(&hash) & (places - 1);

	while (unit[i] && unit[i] != key)
		i = (i + 1) & (places - 1);
	return &unit[i];
}

static bool make_room(struct msc_kept *k)
{
	size_t places = k->places ? 2 * k->places : 256;
	uint64_t *unit;

	if (2 * k->used < k->places)
		return true;
	unit = calloc(places, sizeof *unit);
	if (!unit)
		return false;
	for (size_t i = 0; i < k->places; i++)
		if (k->unit[i])
			*place_of(unit, places, k->unit[i]) = k->unit[i];
	free(k->unit);
	k->unit = unit;
	k->places = places;
	return true;
}

/* Of the file and the place in it, in 64 bits: among the blocks of one step no two are the same by chance. */
static uint64_t key_of(const struct stat *st, int64_t at)
{
	struct msc_rng dev = { .state = st->st_dev },
		       ino = { .state = msc_rng_next(&dev) + st->st_ino };
	struct msc_rng unit = { .state = msc_rng_next(&ino) + (uint64_t)at / UNIT };
	uint64_t key = msc_rng_next(&unit);

	return key ? key : 1;
}

static bool keep(struct msc_kept *k, int fd, const struct stat *st, int64_t at)
{
	struct entry e = { .dev = st->st_dev, .ino = st->st_ino, .fd = fd, .at = (off_t)at };

	return pread(fd, e.was, UNIT, e.at) >= 0 && write(k->fd, &e, sizeof e) == (ssize_t)sizeof e;
}

bool msc_kept_add(struct msc_kept *k, int fd, int64_t at, size_t len)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	for (int64_t i = at / UNIT * UNIT; i < at + (int64_t)len; i += UNIT) {
		uint64_t key = key_of(&st, i), *place;

		if (!make_room(k))
			return false;
		place = place_of(k->unit, k->places, key);
		if (*place)
			continue;
		if (!keep(k, fd, &st, i))
			return false;
		*place = key;
		k->used++;
	}
	return true;
}

static bool put_back(const struct entry *e)
{
	struct stat st;

	return fstat(e->fd, &st) == 0 && st.st_dev == e->dev && st.st_ino == e->ino &&
	       pwrite(e->fd, e->was, UNIT, e->at) == UNIT;
}

bool msc_kept_put_back(const struct msc_kept *k)
{
	off_t end = lseek(k->fd, 0, SEEK_END);
	bool good = end >= 0;
	struct entry e;

	while (end >= (off_t)sizeof e) {
		end -= (off_t)sizeof e;
		if (pread(k->fd, &e, sizeof e, end) != (ssize_t)sizeof e)
			return false;
		good &= put_back(&e);
	}
	return good;
}
