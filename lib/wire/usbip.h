/* SPDX-License-Identifier: BSD-2-Clause */
/* USB/IP 1.1.1, as Linux's Documentation/usb/usbip_protocol describes it: what a client and a server
 * say to each other over TCP. All numbers are big-endian.
 *
 * A connection begins with one question. OP_REQ_DEVLIST is answered by a list of devices, and that
 * is all. OP_REQ_IMPORT is answered by one device; from then on the client sends USBIP_CMD_SUBMIT and
 * USBIP_CMD_UNLINK, 48 bytes each and the data behind those that carry some, and the server answers
 * each with a USBIP_RET_*. When an unlinked URB had not ended, RET_UNLINK says -ECONNRESET and is the
 * only answer to both; when it had, its RET_SUBMIT is on its way and RET_UNLINK says 0.
 */
#ifndef MSC_WIRE_USBIP_H
#define MSC_WIRE_USBIP_H

#include "wire/layout.h"
#include "wire/usb.h"

#define MSC_USBIP_PORT	  "3240"
#define MSC_USBIP_VERSION 0x0111

/* ---- the question and its answer ----------------------------------------------------------- */

enum msc_usbip_code {
	MSC_USBIP_REQ_IMPORT = 0x8003,
	MSC_USBIP_REP_IMPORT = 0x0003,
	MSC_USBIP_REQ_DEVLIST = 0x8005,
	MSC_USBIP_REP_DEVLIST = 0x0005,
};

/* Of an answer. The document knows 0 and 1; Linux's tools tell the others apart. */
enum msc_usbip_status {
	MSC_USBIP_OK = 0,
	MSC_USBIP_REFUSED = 1,
	MSC_USBIP_BUSY = 2,   /* somebody else has imported it */
	MSC_USBIP_BROKEN = 3, /* the device does not work */
	MSC_USBIP_NODEV = 4,  /* there is none of that bus id */
};

#define MSC_USBIP_OP_LEN 8
#define MSC_USBIP_OP_FIELDS(F)                                                                     \
	F(be16, version, 0, "USBIP version")                                                       \
	F(be16, code, 2, "Command code")                                                           \
	F(be32, status, 4, "Status")
MSC_DECLARE_LAYOUT(usbip_op, USBIP_OP)

#define MSC_USBIP_PATH_LEN  256
#define MSC_USBIP_BUSID_LEN 32

#define MSC_USBIP_FACTS_LEN 24
#define MSC_USBIP_FACTS_FIELDS(F)                                                                  \
	F(be32, busnum, 0, "busnum")                                                               \
	F(be32, devnum, 4, "devnum")                                                               \
	F(be32, speed, 8, "speed")                                                                 \
	F(be16, vendor, 12, "idVendor")                                                            \
	F(be16, product, 14, "idProduct")                                                          \
	F(be16, release, 16, "bcdDevice")                                                          \
	F(u8, device_class, 18, "bDeviceClass")                                                    \
	F(u8, subclass, 19, "bDeviceSubClass")                                                     \
	F(u8, protocol, 20, "bDeviceProtocol")                                                     \
	F(u8, configuration, 21, "bConfigurationValue")                                            \
	F(u8, configurations, 22, "bNumConfigurations")                                            \
	F(u8, interfaces, 23, "bNumInterfaces")
MSC_DECLARE_LAYOUT(usbip_facts, USBIP_FACTS)

/* One device of an answer. In a list so many times MSC_USBIP_INTERFACE_LEN bytes follow as it has
 * interfaces: class, subclass, protocol, and a zero. */
#define MSC_USBIP_DEVICE_LEN	(MSC_USBIP_PATH_LEN + MSC_USBIP_BUSID_LEN + MSC_USBIP_FACTS_LEN)
#define MSC_USBIP_INTERFACE_LEN 4
struct msc_usbip_device {
	char path[MSC_USBIP_PATH_LEN + 1];
	char busid[MSC_USBIP_BUSID_LEN + 1];
	struct msc_usbip_facts facts;
};
void msc_usbip_device_pack(uint8_t out[MSC_USBIP_DEVICE_LEN], const struct msc_usbip_device *);
void msc_usbip_device_unpack(struct msc_usbip_device *, const uint8_t in[MSC_USBIP_DEVICE_LEN]);

/* By which every request names the device. */
static inline uint32_t msc_usbip_devid(const struct msc_usbip_facts *f)
{
	return f->busnum << 16 | f->devnum;
}

/* Linux's enum usb_device_speed. */
uint32_t msc_usbip_speed(enum msc_speed);
enum msc_speed msc_usbip_speed_of(uint32_t);

/* ---- URBs ---------------------------------------------------------------------------------- */

enum msc_usbip_command_code {
	MSC_USBIP_CMD_SUBMIT = 1,
	MSC_USBIP_CMD_UNLINK = 2,
	MSC_USBIP_RET_SUBMIT = 3,
	MSC_USBIP_RET_UNLINK = 4,
};

#define MSC_USBIP_URB_LEN 48 /* each of the four, without its data */

#define MSC_USBIP_BASE_LEN 20
#define MSC_USBIP_BASE_FIELDS(F)                                                                   \
	F(be32, command, 0, "command")                                                             \
	F(be32, seqnum, 4, "seqnum")                                                               \
	F(be32, devid, 8, "devid")                                                                 \
	F(be32, direction, 12, "direction")                                                        \
	F(be32, ep, 16, "ep")
MSC_DECLARE_LAYOUT(usbip_base, USBIP_BASE)
#define MSC_USBIP_IN 1 /* direction; 0 is out */

#define MSC_USBIP_SUBMIT_LEN 20
#define MSC_USBIP_SUBMIT_FIELDS(F)                                                                 \
	F(be32, flags, 0, "transfer_flags")                                                        \
	F(be32, length, 4, "transfer_buffer_length")                                               \
	F(be32, start_frame, 8, "start_frame")                                                     \
	F(be32, packets, 12, "number_of_packets")                                                  \
	F(be32, interval, 16, "interval")
MSC_DECLARE_LAYOUT(usbip_submit, USBIP_SUBMIT)
#define MSC_USBIP_SHORT_NOT_OK UINT32_C(0x0001) /* of transfer_flags: a short packet is an error */
#define MSC_USBIP_NOT_ISO      UINT32_C(0xffffffff) /* number_of_packets */

#define MSC_USBIP_RESULT_LEN 20
#define MSC_USBIP_RESULT_FIELDS(F)                                                                 \
	F(be32, status, 0, "status")                                                               \
	F(be32, actual, 4, "actual_length")                                                        \
	F(be32, start_frame, 8, "start_frame")                                                     \
	F(be32, packets, 12, "number_of_packets")                                                  \
	F(be32, errors, 16, "error_count")
MSC_DECLARE_LAYOUT(usbip_result, USBIP_RESULT)

/* A status is 0 or the negative of one of Linux's error numbers, whatever the system's own are. */
enum msc_usbip_error {
	MSC_USBIP_ENOENT = 2,
	MSC_USBIP_ENODEV = 19,
	MSC_USBIP_EPIPE = 32, /* STALL */
	MSC_USBIP_EPROTO = 71,
	MSC_USBIP_EOVERFLOW = 75,   /* babble */
	MSC_USBIP_ECONNRESET = 104, /* unlinked */
	MSC_USBIP_ESHUTDOWN = 108,
	MSC_USBIP_ETIMEDOUT = 110,
	MSC_USBIP_EREMOTEIO = 121, /* a short packet, where it was asked to be an error */
};
static inline uint32_t msc_usbip_failed(enum msc_usbip_error e)
{
	return 0 - (uint32_t)e;
}

/* What a client sends. unlink_seqnum is of a CMD_UNLINK, submit and setup are of a CMD_SUBMIT. */
struct msc_usbip_command {
	struct msc_usbip_base base;
	struct msc_usbip_submit submit;
	struct msc_setup setup;
	uint32_t unlink_seqnum;
};
void msc_usbip_command_pack(uint8_t out[MSC_USBIP_URB_LEN], const struct msc_usbip_command *);
void msc_usbip_command_unpack(struct msc_usbip_command *, const uint8_t in[MSC_USBIP_URB_LEN]);

/* What a server answers. Of a RET_UNLINK only the status counts. */
struct msc_usbip_return {
	struct msc_usbip_base base;
	struct msc_usbip_result result;
};
void msc_usbip_return_pack(uint8_t out[MSC_USBIP_URB_LEN], const struct msc_usbip_return *);
void msc_usbip_return_unpack(struct msc_usbip_return *, const uint8_t in[MSC_USBIP_URB_LEN]);

#endif
