/* SPDX-License-Identifier: BSD-2-Clause */
/* See image.h. */
#include "capture/image.h"

#include <errno.h>
#include <unistd.h>

#include "wire/scsi.h"

bool msc_reads_blocks(uint8_t opcode)
{
	return opcode == MSC_OP_READ_6 || opcode == MSC_OP_READ_10 || opcode == MSC_OP_READ_12 ||
	       opcode == MSC_OP_READ_16;
}

bool msc_writes_blocks(uint8_t opcode)
{
	switch (opcode) {
	case MSC_OP_WRITE_6:
	case MSC_OP_WRITE_10:
	case MSC_OP_WRITE_12:
	case MSC_OP_WRITE_16:
	case MSC_OP_WRITE_AND_VERIFY_10:
	case MSC_OP_WRITE_AND_VERIFY_12:
	case MSC_OP_WRITE_AND_VERIFY_16: return true;
	default: return false;
	}
}

bool msc_moved_blocks(const struct msc_record *r, struct msc_moved *m)
{
	const struct msc_exchange *x = &r->u.exchange;
	const uint8_t *cb = x->cbw.cb;
	uint64_t named;

	if (r->kind != MSC_RECORD_EXCHANGE || !msc_exchange_passed(x) || !x->data_len ||
	    !(msc_reads_blocks(cb[0]) ? x->dir == MSC_DIR_IN
				      : msc_writes_blocks(cb[0]) && x->dir == MSC_DIR_OUT))
		return false;
	named = msc_cdb_value(cb, "blocks");
	*m = (struct msc_moved){ .written = msc_writes_blocks(cb[0]),
				 .lba = msc_cdb_value(cb, "lba"),
				 .block_size = x->unit.have_capacity ? x->unit.block_size : 0 };
	if (!named)
		return false;
	if (!m->block_size && x->cbw.h.length % named == 0)
		m->block_size = (uint32_t)(x->cbw.h.length / named);
	if (!m->block_size)
		return false;
	m->blocks = x->data_kept / m->block_size;
	m->cut = x->data_len / m->block_size - m->blocks;
	if (m->blocks > named)
		m->blocks = named;
	return m->blocks || m->cut;
}

static int put(struct msc_image *i, const struct msc_moved *m, const uint8_t *data,
	       struct msc_err *err)
{
	uint64_t at, len = m->blocks * m->block_size;

	if (__builtin_mul_overflow(m->lba, m->block_size, &at) || at > INT64_MAX - len)
		return msc_fail(err, MSC_E_IO, "block %llu is further away than a file can reach",
				(unsigned long long)m->lba);
	if (fseeko(i->out, (off_t)at, SEEK_SET) < 0 || (len && fwrite(data, len, 1, i->out) != 1))
		return msc_fail_errno(err, MSC_E_IO, "cannot write block %llu to the image",
				      (unsigned long long)m->lba);
	if (at + len > i->end)
		i->end = at + len;
	return 0;
}

static void know_size(struct msc_image *i, const struct msc_unit *u)
{
	uint64_t size;

	if (u->have_capacity && !__builtin_mul_overflow(u->last_lba + 1, u->block_size, &size))
		i->size = size;
}

int msc_image_add(struct msc_image *i, const struct msc_talk *t, const struct msc_record *r,
		  struct msc_err *err)
{
	const struct msc_exchange *x = &r->u.exchange;
	struct msc_moved m;

	if (!msc_moved_blocks(r, &m) ||
	    !(i->takes & (m.written ? MSC_IMAGE_WRITTEN : MSC_IMAGE_READ)))
		return 0;
	if (!i->talk) {
		i->talk = t->number;
		i->lun = i->have_lun ? i->lun : x->cbw.h.lun;
		i->block_size = m.block_size;
	}
	if (i->talk != t->number || i->lun != x->cbw.h.lun) {
		i->others += m.blocks;
		return 0;
	}
	know_size(i, &x->unit);
	i->blocks += m.blocks;
	i->cut += m.cut;
	return m.blocks ? put(i, &m, x->data, err) : 0;
}

int msc_image_end(struct msc_image *i, struct msc_err *err)
{
	uint64_t size = i->size > i->end ? i->size : i->end;

	if (!i->blocks)
		return msc_fail(err, MSC_E_UNDECIDED, "no block of it is in the capture");
	if (fflush(i->out))
		return msc_fail_errno(err, MSC_E_IO, "cannot write the image");
	/* A medium may say that it is larger than a file can be. */
	if (size > INT64_MAX ||
	    (ftruncate(fileno(i->out), (off_t)size) < 0 && errno != EFBIG && errno != EINVAL))
		return msc_fail_errno(err, MSC_E_IO, "cannot give the image its size");
	return 0;
}
