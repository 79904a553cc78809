/* SPDX-License-Identifier: BSD-2-Clause */
/* The address space:
 *
 *	volume --+-- boot record		block 0
 *		 +-- file allocation table	1, 2
 *		 +-- root directory		3
 *		 +-- static directories --- each
 *		 +-- static files --- each cluster of each file
 *		 +-- free clusters		the rest
 *
 * A segment with children passes an operation on to them, cut where one ends and the next begins;
 * the others answer. What the boot record, the table and linked-in files are told to hold they take
 * and forget: the one is in flash, the other follows from the files. */
#include "firmware/lsd/core/internal.h"

static void read_zeros(struct lsd *l, const struct lsd_segment *s, uint32_t at, uint8_t *buf,
		       uint32_t len)
{
	(void)l, (void)s, (void)at;
	lsd_fill(buf, 0, len);
}

static void write_nothing(struct lsd *l, const struct lsd_segment *s, uint32_t at,
			  const uint8_t *buf, uint32_t len)
{
	(void)l, (void)s, (void)at, (void)buf, (void)len;
}

static void read_boot_record(struct lsd *l, const struct lsd_segment *s, uint32_t at, uint8_t *buf,
			     uint32_t len)
{
	(void)l, (void)s;
	lsd_boot_record_read(at, buf, len);
}

static void read_fat(struct lsd *l, const struct lsd_segment *s, uint32_t at, uint8_t *buf,
		     uint32_t len)
{
	(void)l, (void)s;
	lsd_fat_read(at, buf, len);
}

static void read_directory(struct lsd *l, const struct lsd_segment *s, uint32_t at, uint8_t *buf,
			   uint32_t len)
{
	lsd_copy(buf, l->directory[s->index] + at, len);
}

/* Hosts write sizes and dates here. */
static void write_directory(struct lsd *l, const struct lsd_segment *s, uint32_t at,
			    const uint8_t *buf, uint32_t len)
{
	lsd_copy(l->directory[s->index] + at, buf, len);
}

static void read_file(struct lsd *l, const struct lsd_segment *s, uint32_t at, uint8_t *buf,
		      uint32_t len)
{
	lsd_file_read(l, s->index, s->offset + at, buf, len);
}

static void write_file(struct lsd *l, const struct lsd_segment *s, uint32_t at, const uint8_t *buf,
		       uint32_t len)
{
	lsd_file_write(l, s->index, s->offset + at, buf, len);
}

static const struct lsd_segment_ops boot_record = { .read = read_boot_record,
						    .write = write_nothing };
static const struct lsd_segment_ops fat = { .read = read_fat, .write = write_nothing };
static const struct lsd_segment_ops directory = { .read = read_directory,
						  .write = write_directory };
static const struct lsd_segment_ops cluster = { .read = read_file, .write = write_file };
static const struct lsd_segment_ops nothing = { .read = read_zeros };

/* -- those with children -------------------------------------------------------------------- */

static void child_block(const struct lsd_segment *s, uint32_t address, struct lsd_segment *child)
{
	child->first = address - (address - s->first) % LSD_BLOCK;
	child->len = LSD_BLOCK;
}

static void child_directory(const struct lsd_segment *s, uint32_t address,
			    struct lsd_segment *child)
{
	child_block(s, address, child);
	child->ops = &directory;
	child->index = (uint16_t)(1 + (address - s->first) / LSD_BLOCK);
}

static void child_cluster(const struct lsd_segment *s, uint32_t address, struct lsd_segment *child)
{
	uint32_t of_file = 0;

	child_block(s, address, child);
	child->ops = lsd_file_at((address - s->first) / LSD_BLOCK, &child->index, &of_file)
			     ? &cluster
			     : &nothing;
	child->offset = of_file * LSD_BLOCK;
}

static const struct lsd_segment_ops directories = { .child = child_directory };
static const struct lsd_segment_ops files = { .child = child_cluster };

static void child_of_volume(const struct lsd_segment *s, uint32_t address,
			    struct lsd_segment *child)
{
	const struct {
		uint32_t blocks;
		const struct lsd_segment_ops *ops;
	} parts[] = { { 1, &boot_record },
		      { LSD_FAT_BLOCKS, &fat },
		      { 1, &directory }, /* the root, which has the index 0 */
		      { LSD_DIRECTORIES - 1, &directories },
		      { lsd_clusters(), &files } };
	uint32_t first = 0;

	(void)s;
	*child = (struct lsd_segment){ .ops = &nothing };
	for (uint32_t i = 0; i < LSD_COUNT(parts); i++) {
		uint32_t len = parts[i].blocks * LSD_BLOCK;

		child->first = first;
		child->len = len;
		child->ops = parts[i].ops;
		first += len;
		if (address < first)
			return;
	}
	child->first = first;
	child->len = LSD_BLOCKS * LSD_BLOCK - first;
	child->ops = &nothing;
}

static const struct lsd_segment_ops volume_ops = { .child = child_of_volume };
static const struct lsd_segment volume = { 0, LSD_BLOCKS *LSD_BLOCK, &volume_ops, 0, 0 };

/* -- operations ----------------------------------------------------------------------------- */

enum operation { READ, WRITE, MAY_WRITE };

/* False: a segment on the way takes no writes. */
static bool operate(struct lsd *l, const struct lsd_segment *s, enum operation op, uint32_t address,
		    uint8_t *in, const uint8_t *out, uint32_t len)
{
	while (s->ops->child && len) {
		struct lsd_segment child = { 0 };
		uint32_t n;

		s->ops->child(s, address, &child);
		n = child.first + child.len - address;
		n = n < len ? n : len;
		if (!operate(l, &child, op, address, in, out, n))
			return false;
		address += n;
		len -= n;
		in = in ? in + n : NULL;
		out = out ? out + n : NULL;
	}
	if (!len)
		return true;
	if (op == READ)
		s->ops->read(l, s, address - s->first, in, len);
	else if (op == WRITE)
		s->ops->write(l, s, address - s->first, out, len);
	return op == READ || s->ops->write;
}

static bool exists(uint32_t address, uint32_t len)
{
	return address <= volume.len && len <= volume.len - address;
}

bool lsd_read(struct lsd *l, uint32_t address, uint8_t *buf, uint32_t len)
{
	return exists(address, len) && operate(l, &volume, READ, address, buf, NULL, len);
}

bool lsd_is_writable(struct lsd *l, uint32_t address, uint32_t len)
{
	return exists(address, len) && operate(l, &volume, MAY_WRITE, address, NULL, NULL, len);
}

bool lsd_write(struct lsd *l, uint32_t address, const uint8_t *buf, uint32_t len)
{
	return lsd_is_writable(l, address, len) &&
	       operate(l, &volume, WRITE, address, NULL, buf, len);
}
