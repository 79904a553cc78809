/* SPDX-License-Identifier: BSD-2-Clause */
/* A fixed layout is written down once, as a list of rows: kind, member, offset, and the name that
 * the specification gives the field.
 *
 *	#define MSC_CSW_LEN 13
 *	#define MSC_CSW_FIELDS(F) F(le32, signature, 0, "dCSWSignature") ...
 *	MSC_DECLARE_LAYOUT(csw, CSW)
 *
 * From the list come `struct msc_csw` (plain host integers), msc_csw_pack, msc_csw_unpack and
 * msc_csw_fields[], from which messages take the standard's own words.
 */
#ifndef MSC_WIRE_LAYOUT_H
#define MSC_WIRE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "wire/bytes.h"

enum msc_field_kind {
	MSC_FIELD_u8,
	MSC_FIELD_le16,
	MSC_FIELD_le32,
	MSC_FIELD_be16,
	MSC_FIELD_be32
};

struct msc_field {
	const char *name; /* as the specification spells it; NULL ends a table */
	uint8_t offset, size;
	enum msc_field_kind kind;
};

#define MSC_TYPE_u8   uint8_t
#define MSC_TYPE_le16 uint16_t
#define MSC_TYPE_le32 uint32_t
#define MSC_TYPE_be16 uint16_t
#define MSC_TYPE_be32 uint32_t

#define MSC_MEMBER_(kind, member, offset, name) MSC_TYPE_##kind member;

/* Both directions copy exactly MSC_<NAME>_LEN bytes. */
#define MSC_DECLARE_LAYOUT(lower, UPPER)                                                           \
	struct msc_##lower {                                                                       \
		MSC_##UPPER##_FIELDS(MSC_MEMBER_)                                                  \
	};                                                                                         \
	void msc_##lower##_pack(uint8_t out[MSC_##UPPER##_LEN], const struct msc_##lower *);       \
	void msc_##lower##_unpack(struct msc_##lower *, const uint8_t in[MSC_##UPPER##_LEN]);      \
	extern const struct msc_field msc_##lower##_fields[];

/* For the one .c file that holds the bodies. */
#define MSC_PUT_u8(p, v)   (*(p) = (v))
#define MSC_PUT_le16(p, v) msc_put_le16(p, v)
#define MSC_PUT_le32(p, v) msc_put_le32(p, v)
#define MSC_PUT_be16(p, v) msc_put_be16(p, v)
#define MSC_PUT_be32(p, v) msc_put_be32(p, v)
#define MSC_GET_u8(p)	   (*(p))
#define MSC_GET_le16(p)	   msc_get_le16(p)
#define MSC_GET_le32(p)	   msc_get_le32(p)
#define MSC_GET_be16(p)	   msc_get_be16(p)
#define MSC_GET_be32(p)	   msc_get_be32(p)

#define MSC_PACK_(kind, member, offset, name)	MSC_PUT_##kind(out + (offset), s->member);
#define MSC_UNPACK_(kind, member, offset, name) s->member = MSC_GET_##kind(in + (offset));
#define MSC_FIELD_(kind, member, offset, name)                                                     \
	{name, offset, sizeof(MSC_TYPE_##kind), MSC_FIELD_##kind},

#define MSC_DEFINE_LAYOUT(lower, UPPER)                                                            \
	void msc_##lower##_pack(uint8_t out[MSC_##UPPER##_LEN], const struct msc_##lower *s)       \
	{                                                                                          \
		MSC_##UPPER##_FIELDS(MSC_PACK_)                                                    \
	}                                                                                          \
	void msc_##lower##_unpack(struct msc_##lower *s, const uint8_t in[MSC_##UPPER##_LEN])      \
	{                                                                                          \
		MSC_##UPPER##_FIELDS(MSC_UNPACK_)                                                  \
	}                                                                                          \
	const struct msc_field msc_##lower##_fields[] = {MSC_##UPPER##_FIELDS(MSC_FIELD_){NULL}};

#endif
