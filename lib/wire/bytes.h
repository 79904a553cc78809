/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes to integers and back, unaligned, in the byte order that the name says; and a reader for
 * anything that comes from outside, which never runs past the end. */
#ifndef MSC_WIRE_BYTES_H
#define MSC_WIRE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint16_t msc_get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t msc_get_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t msc_get_le64(const uint8_t *p)
{
	return msc_get_le32(p) | (uint64_t)msc_get_le32(p + 4) << 32;
}

static inline uint16_t msc_get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t msc_get_be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t msc_get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t msc_get_be64(const uint8_t *p)
{
	return (uint64_t)msc_get_be32(p) << 32 | msc_get_be32(p + 4);
}

static inline void msc_put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void msc_put_le32(uint8_t *p, uint32_t v)
{
	msc_put_le16(p, (uint16_t)v);
	msc_put_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void msc_put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void msc_put_be24(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 16);
	msc_put_be16(p + 1, (uint16_t)v);
}

static inline void msc_put_be32(uint8_t *p, uint32_t v)
{
	msc_put_be16(p, (uint16_t)(v >> 16));
	msc_put_be16(p + 2, (uint16_t)v);
}

static inline void msc_put_be64(uint8_t *p, uint64_t v)
{
	msc_put_be32(p, (uint32_t)(v >> 32));
	msc_put_be32(p + 4, (uint32_t)v);
}

/* Read a whole header, then look at overrun once: every read past the end gives 0 and sets it. */
struct msc_reader {
	const uint8_t *p, *end;
	bool overrun;
};

static inline struct msc_reader msc_reader(const void *data, size_t len)
{
	return (struct msc_reader){ .p = data, .end = (const uint8_t *)data + len };
}

static inline size_t msc_reader_left(const struct msc_reader *r)
{
	return (size_t)(r->end - r->p);
}

/* len bytes, borrowed from the reader's buffer; NULL and overrun when there are fewer. */
const uint8_t *msc_read_bytes(struct msc_reader *r, size_t len);
uint8_t msc_read_u8(struct msc_reader *r);
uint16_t msc_read_le16(struct msc_reader *r);
uint32_t msc_read_le32(struct msc_reader *r);
uint16_t msc_read_be16(struct msc_reader *r);
uint32_t msc_read_be32(struct msc_reader *r);

#endif
