/* SPDX-License-Identifier: BSD-2-Clause */
/* Operation codes and fixed response layouts of SPC and SBC, as far as BOT devices use them. */
#ifndef MSC_WIRE_SCSI_H
#define MSC_WIRE_SCSI_H

#include "wire/layout.h"

enum msc_opcode {
	MSC_OP_TEST_UNIT_READY = 0x00,
	MSC_OP_REQUEST_SENSE = 0x03,
	MSC_OP_FORMAT_UNIT = 0x04,
	MSC_OP_READ_6 = 0x08,
	MSC_OP_WRITE_6 = 0x0a,
	MSC_OP_INQUIRY = 0x12,
	MSC_OP_MODE_SELECT_6 = 0x15,
	MSC_OP_MODE_SENSE_6 = 0x1a,
	MSC_OP_START_STOP_UNIT = 0x1b,
	MSC_OP_RECEIVE_DIAGNOSTIC = 0x1c,
	MSC_OP_SEND_DIAGNOSTIC = 0x1d,
	MSC_OP_PREVENT_ALLOW = 0x1e,
	MSC_OP_READ_FORMAT_CAPACITIES = 0x23,
	MSC_OP_READ_CAPACITY_10 = 0x25,
	MSC_OP_READ_10 = 0x28,
	MSC_OP_WRITE_10 = 0x2a,
	MSC_OP_SEEK_10 = 0x2b,
	MSC_OP_WRITE_AND_VERIFY_10 = 0x2e,
	MSC_OP_VERIFY_10 = 0x2f,
	MSC_OP_PRE_FETCH_10 = 0x34,
	MSC_OP_SYNCHRONIZE_CACHE_10 = 0x35,
	MSC_OP_READ_DEFECT_10 = 0x37,
	MSC_OP_READ_BUFFER = 0x3c,
	MSC_OP_READ_TOC = 0x43,
	MSC_OP_GET_CONFIGURATION = 0x46,
	MSC_OP_GET_EVENT_STATUS = 0x4a,
	MSC_OP_LOG_SENSE = 0x4d,
	MSC_OP_MODE_SELECT_10 = 0x55,
	MSC_OP_MODE_SENSE_10 = 0x5a,
	MSC_OP_PERSISTENT_RESERVE_IN = 0x5e,
	MSC_OP_READ_16 = 0x88,
	MSC_OP_WRITE_16 = 0x8a,
	MSC_OP_WRITE_AND_VERIFY_16 = 0x8e,
	MSC_OP_VERIFY_16 = 0x8f,
	MSC_OP_SYNCHRONIZE_CACHE_16 = 0x91,
	MSC_OP_SERVICE_ACTION_IN_16 = 0x9e,
	MSC_OP_REPORT_LUNS = 0xa0,
	MSC_OP_MAINTENANCE_IN = 0xa3, /* REPORT SUPPORTED OPERATION CODES is its 0Ch */
	MSC_OP_READ_12 = 0xa8,
	MSC_OP_WRITE_12 = 0xaa,
	MSC_OP_WRITE_AND_VERIFY_12 = 0xae,
	MSC_OP_VERIFY_12 = 0xaf,
};

#define MSC_SA_READ_CAPACITY_16 0x10 /* a service action of SERVICE ACTION IN(16) */

/* Bits of command blocks. */
#define MSC_VERIFY_BYTCHK   0x02 /* byte 1: compare with what the host sends; SBC-3, 5.29 */
#define MSC_START_LOEJ	    0x02 /* byte 4: load or eject; SBC-3, 5.25 */
#define MSC_START_START	    0x01
#define MSC_MODE_PAGE_SAVED 3 /* page control; SPC-2, 7.8 */

/* Vital product data pages, SPC-4 7.8 */
#define MSC_VPD_SUPPORTED 0x00
#define MSC_VPD_SERIAL	  0x80
#define MSC_VPD_DEVICE_ID 0x83

#define MSC_INQUIRY_RMB 0x80 /* byte 1 */

/* Standard INQUIRY data, SPC-4 6.6.2: the eight numeric bytes; the strings follow at 8, 16, 32. */
#define MSC_INQUIRY_LEN		36 /* with the strings; what every host asks for */
#define MSC_INQUIRY_HEADER_LEN	8
#define MSC_INQUIRY_HEADER_FIELDS(F)                                                               \
	F(u8, peripheral, 0, "PERIPHERAL QUALIFIER, DEVICE TYPE")                                  \
	F(u8, removable, 1, "RMB")                                                                 \
	F(u8, version, 2, "VERSION")                                                               \
	F(u8, format, 3, "RESPONSE DATA FORMAT")                                                   \
	F(u8, additional, 4, "ADDITIONAL LENGTH")                                                  \
	F(u8, flags5, 5, "flags (byte 5)")                                                         \
	F(u8, flags6, 6, "flags (byte 6)")                                                         \
	F(u8, flags7, 7, "flags (byte 7)")
MSC_DECLARE_LAYOUT(inquiry_header, INQUIRY_HEADER)

/* SBC-3, 5.15.2 READ CAPACITY (10) parameter data */
#define MSC_CAPACITY_10_LEN 8
#define MSC_CAPACITY_10_FIELDS(F)                                                                  \
	F(be32, last_lba, 0, "RETURNED LOGICAL BLOCK ADDRESS")                                     \
	F(be32, block_size, 4, "LOGICAL BLOCK LENGTH IN BYTES")
MSC_DECLARE_LAYOUT(capacity_10, CAPACITY_10)

/* SAM-5 5.3.1: status codes. */
#define MSC_GOOD	    0x00
#define MSC_CHECK_CONDITION 0x02
#define MSC_CONDITION_MET   0x04
#define MSC_BUSY	    0x08

/* Fixed format sense data, SPC-4 4.5.3: 18 bytes when complete. */
#define MSC_SENSE_LEN 18
#define MSC_SENSE_FIELDS(F)                                                                        \
	F(u8, response, 0, "RESPONSE CODE")                                                        \
	F(u8, obsolete1, 1, "obsolete (byte 1)")                                                   \
	F(u8, key, 2, "SENSE KEY")                                                                 \
	F(be32, information, 3, "INFORMATION")                                                     \
	F(u8, additional, 7, "ADDITIONAL SENSE LENGTH")                                            \
	F(be32, command_specific, 8, "COMMAND-SPECIFIC INFORMATION")                               \
	F(u8, asc, 12, "ADDITIONAL SENSE CODE")                                                    \
	F(u8, ascq, 13, "ADDITIONAL SENSE CODE QUALIFIER")                                         \
	F(u8, fru, 14, "FIELD REPLACEABLE UNIT CODE")                                              \
	F(u8, sks0, 15, "SENSE KEY SPECIFIC (byte 15)")                                            \
	F(be16, sks1, 16, "SENSE KEY SPECIFIC (bytes 16, 17)")
MSC_DECLARE_LAYOUT(sense, SENSE)

/* Mode parameter header(6), SPC-4 7.5.5 */
#define MSC_MODE_HEADER_6_LEN 4
#define MSC_MODE_HEADER_6_FIELDS(F)                                                                \
	F(u8, data_length, 0, "MODE DATA LENGTH")                                                  \
	F(u8, medium, 1, "MEDIUM TYPE")                                                            \
	F(u8, device_specific, 2, "DEVICE-SPECIFIC PARAMETER")                                     \
	F(u8, block_descriptors, 3, "BLOCK DESCRIPTOR LENGTH")
MSC_DECLARE_LAYOUT(mode_header_6, MODE_HEADER_6)
#define MSC_MODE_WP 0x80 /* bit 7 of DEVICE-SPECIFIC PARAMETER of a disk; SBC-2, 6.3.1 */
#define MSC_MODE_DPOFUA	    0x10 /* of the same byte: DPO and FUA are supported */

/* Key, code and qualifier in one number. */
#define MSC_SENSE_CODE(key, asc, ascq) ((uint32_t)(key) << 16 | (asc) << 8 | (ascq))

enum msc_sense_key {
	MSC_SENSE_NONE = 0x0,
	MSC_SENSE_RECOVERED_ERROR = 0x1, /* the command was carried out: SPC-4, 4.5.6 */
	MSC_SENSE_NOT_READY = 0x2,
	MSC_SENSE_MEDIUM_ERROR = 0x3,
	MSC_SENSE_HARDWARE_ERROR = 0x4,
	MSC_SENSE_ILLEGAL_REQUEST = 0x5,
	MSC_SENSE_UNIT_ATTENTION = 0x6,
	MSC_SENSE_DATA_PROTECT = 0x7,
};

/* Additional sense codes that more than one part asks for: SPC-4, 4.5.6. */
enum msc_sense_asc {
	MSC_ASC_NOT_READY = 0x04,
	MSC_ASC_INVALID_OPCODE = 0x20,
	MSC_ASC_LBA_OUT_OF_RANGE = 0x21,
	MSC_ASC_INVALID_FIELD = 0x24,
	MSC_ASC_MEDIUM_CHANGED = 0x28, /* not ready to ready: the medium may be another one */
	MSC_ASC_NO_MEDIUM = 0x3a,
};

/* Additional sense code qualifiers of MSC_ASC_NOT_READY that call for patience: SPC-2, table C.1. */
enum msc_sense_ascq {
	MSC_ASCQ_BECOMING_READY = 0x01,
	MSC_ASCQ_IN_PROGRESS = 0x07,
	MSC_ASCQ_LONG_WRITE = 0x08,
};

#endif
