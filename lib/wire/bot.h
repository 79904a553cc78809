/* SPDX-License-Identifier: BSD-2-Clause */
/* The wrappers and class requests of "USB Mass Storage Class, Bulk-Only Transport", revision 1.0
 * ("BOT 1.0"). Byte 15, CBWCB, follows the fixed part of the CBW and is not in its list. */
#ifndef MSC_WIRE_BOT_H
#define MSC_WIRE_BOT_H

#include "wire/layout.h"

/* Command Block Wrapper: BOT 1.0, 5.1. Always 31 bytes. */
#define MSC_CBW_LEN	   31
#define MSC_CBW_CB_MAX	   16
#define MSC_CBW_SIGNATURE  UINT32_C(0x43425355) /* "USBC" */
#define MSC_CBW_FLAG_IN	   0x80			/* bit 7: 1 is bulk-in */
#define MSC_CBW_FLAGS_ZERO 0x7f			/* bit 6 obsolete, 5..0 reserved: all zero */
#define MSC_CBW_LUN_ZERO   0xf0			/* reserved bits of bCBWLUN */
#define MSC_CBW_CBLEN_ZERO 0xe0			/* reserved bits of bCBWCBLength */

#define MSC_CBW_HEADER_LEN 15
#define MSC_CBW_HEADER_FIELDS(F)                                                                   \
	F(le32, signature, 0, "dCBWSignature")                                                     \
	F(le32, tag, 4, "dCBWTag")                                                                 \
	F(le32, length, 8, "dCBWDataTransferLength")                                               \
	F(u8, flags, 12, "bmCBWFlags")                                                             \
	F(u8, lun, 13, "bCBWLUN")                                                                  \
	F(u8, cb_length, 14, "bCBWCBLength")
MSC_DECLARE_LAYOUT(cbw_header, CBW_HEADER)

/* The whole wrapper: the header and the sixteen bytes of CBWCB. */
struct msc_cbw {
	struct msc_cbw_header h;
	uint8_t cb[MSC_CBW_CB_MAX];
};
void msc_cbw_pack(uint8_t out[MSC_CBW_LEN], const struct msc_cbw *);
void msc_cbw_unpack(struct msc_cbw *, const uint8_t in[MSC_CBW_LEN]);

/* Command Status Wrapper: BOT 1.0, 5.2. Always 13 bytes. */
#define MSC_CSW_LEN	  13
#define MSC_CSW_SIGNATURE UINT32_C(0x53425355) /* "USBS" */
#define MSC_CSW_FIELDS(F)                                                                          \
	F(le32, signature, 0, "dCSWSignature")                                                     \
	F(le32, tag, 4, "dCSWTag")                                                                 \
	F(le32, residue, 8, "dCSWDataResidue")                                                     \
	F(u8, status, 12, "bCSWStatus")
MSC_DECLARE_LAYOUT(csw, CSW)

enum msc_csw_status { /* BOT 1.0, table 5.3; all others are reserved or obsolete */
	MSC_CSW_PASSED = 0,
	MSC_CSW_FAILED = 1,
	MSC_CSW_PHASE_ERROR = 2,
};
const char *msc_csw_status_name(uint8_t); /* "passed", "failed", "phase error", "reserved" */

/* Class requests: BOT 1.0, 3.1 and 3.2. */
#define MSC_REQ_BULK_ONLY_RESET 0xff
#define MSC_REQ_GET_MAX_LUN	0xfe
#define MSC_LUN_MAX		15

/* Interface codes: BOT 1.0, 4.3. */
#define MSC_CLASS_MASS_STORAGE	 0x08
#define MSC_SUBCLASS_MMC	 0x02
#define MSC_SUBCLASS_UFI	 0x04
#define MSC_SUBCLASS_SFF8070I	 0x05
#define MSC_SUBCLASS_SCSI	 0x06
#define MSC_PROTOCOL_BULK_ONLY	 0x50

#endif
