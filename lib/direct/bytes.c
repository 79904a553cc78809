/* SPDX-License-Identifier: BSD-2-Clause */
/* See bytes.h. */
#include "direct/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOUNCE (64u << 10) /* bytes of a command: every host sends such, so every device takes it */
#define BOUNCE_ALIGN 4096
#define ATTENTIONS   8 /* that are read away before a READ */

static int make_bounce(struct msc_bytes *b, size_t align, struct msc_err *err)
{
	size_t len = b->block_size > BOUNCE ? b->block_size : BOUNCE;
	void *data;

	if (posix_memalign(&data, align > BOUNCE_ALIGN ? align : BOUNCE_ALIGN, len))
		return msc_nomem(err);
	b->bounce = data;
	return 0;
}

int msc_bytes_of_unit(struct msc_bytes *b, struct msc_session *s, uint8_t lun, struct msc_err *err)
{
	const struct msc_unit *u;

	*b = (struct msc_bytes){ .session = s, .lun = lun };
	if (msc_session_learn(s, lun, err) < 0)
		return -1;
	u = msc_session_unit(s, lun);
	if (!u->have_capacity || !u->block_size || u->block_size > 1u << 20)
		return msc_fail(err, MSC_E_UNSUPPORTED, "unit %u has no medium", lun);
	b->block_size = u->block_size;
	if (u->last_lba >= INT64_MAX / u->block_size)
		return msc_fail(err, MSC_E_FORMAT, "unit %u says that it has %llu blocks", lun,
				(unsigned long long)u->last_lba);
	b->size = (u->last_lba + 1) * u->block_size;
	return make_bounce(b, 0, err);
}

int msc_bytes_of_direct(struct msc_bytes *b, const struct msc_direct *d, struct msc_err *err)
{
	*b = (struct msc_bytes){ .direct = d, .size = d->size };
	b->block_size = d->align > d->block_size ? d->align : d->block_size;
	return make_bounce(b, d->align, err);
}

void msc_bytes_end(struct msc_bytes *b)
{
	free(b->bounce);
	b->bounce = NULL;
}

/* Its sense data is there, and any other command but REQUEST SENSE would take it away. */
static bool failed_properly(const struct msc_session *s)
{
	const struct msc_record *r = msc_session_last(s);

	return r && r->kind == MSC_RECORD_EXCHANGE && msc_csw_is_valid(&r->u.exchange) &&
	       r->u.exchange.csw.status == MSC_CSW_FAILED;
}

static int read_unit(struct msc_bytes *b, uint64_t lba, uint32_t blocks, struct msc_err *err)
{
	struct msc_sense_data sense = { .valid = false };
	char text[128];
	bool passed;
	int rung;

	for (int i = 0; i < ATTENTIONS; i++) {
		if (msc_session_read(b->session, b->lun, lba, blocks, b->block_size, b->bounce, 0,
				     &passed, err) < 0)
			return -1;
		if (passed)
			return 0;
		if (!failed_properly(b->session) && msc_session_settle(b->session, &rung, err) < 0)
			return -1;
		if (msc_session_sense(b->session, b->lun, &sense, err) < 0)
			return -1;
		if (!sense.valid || sense.key != MSC_SENSE_UNIT_ATTENTION)
			break;
	}
	return msc_fail(err, MSC_E_DEVICE, "READ of %u blocks at %llu failed: %s", blocks,
			(unsigned long long)lba,
			sense.valid ? msc_sense_text(text, sizeof text, &sense)
				    : "the device does not say why");
}

/* The last block of a file may be cut. */
static int read_direct(const struct msc_bytes *b, uint64_t lba, uint32_t blocks, size_t needed,
		       struct msc_err *err)
{
	const struct msc_direct *d = b->direct;
	size_t len = (size_t)blocks * b->block_size;
	ssize_t n = pread(d->fd, b->bounce, len, (off_t)(lba * b->block_size));

	if (n >= 0 && (size_t)n >= needed)
		return 0;
	if (n >= 0)
		return msc_fail(err, MSC_E_IO, "%s has become shorter", d->path);
	return msc_fail_errno(err, errno == ENODEV || errno == ENXIO ? MSC_E_GONE : MSC_E_IO,
			      "cannot read %s", d->path);
}

int msc_bytes_read(struct msc_bytes *b, uint64_t offset, void *data, size_t len,
		   struct msc_err *err)
{
	uint32_t most = b->block_size > BOUNCE ? 1 : BOUNCE / b->block_size;
	uint8_t *to = data;

	if (offset > b->size || len > b->size - offset)
		return msc_fail(err, MSC_E_IO, "the medium ends at byte %llu",
				(unsigned long long)b->size);
	while (len) {
		uint64_t lba = offset / b->block_size;
		size_t skip = (size_t)(offset % b->block_size);
		uint64_t blocks = (skip + len + b->block_size - 1) / b->block_size;
		size_t part;

		blocks = blocks < most ? blocks : most;
		part = (size_t)blocks * b->block_size - skip;
		part = part < len ? part : len;
		if ((b->session ? read_unit(b, lba, (uint32_t)blocks, err)
				: read_direct(b, lba, (uint32_t)blocks, skip + part, err)) < 0)
			return -1;
		memcpy(to, b->bounce + skip, part);
		to += part;
		offset += part;
		len -= part;
	}
	return 0;
}
