/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to the model `reference`: what its Bulk-Only half (reference.c) asks of its SCSI half
 * (reference_scsi.c, reference_pages.c), which knows nothing of USB; and its interfaces. */
#ifndef MSC_FIRMWARE_REFERENCE_REFERENCE_H
#define MSC_FIRMWARE_REFERENCE_REFERENCE_H

#include "firmware/usbd.h"
#include "wire/scsi.h"

#define EP_IN	      0x81
#define EP_OUT	      0x02
#define MAX_PACKET_FS 64
#define MAX_PACKET_HS 512

/* interfaces.c: the vendor's, which is left out unless the device is composite, and mass
 * storage. */
extern const struct usbd_interface reference_interfaces[];
extern const struct usbd_descriptors reference_descriptors; /* without the serial number */
/* A request of the vendor's interface, which is number 0; false: it is for another. */
bool sibling_setup(struct mcu *, struct usbd *, const struct msc_setup *);

enum case5 { CASE5_STALL, CASE5_SHORT, CASE5_PAD };

/* knobs.c: how this one is. The model's state begins with it, where the table of knobs writes to. */
struct reference_knobs {
	uint32_t luns;
	bool removable, wp, medium, composite, attention;
	int block_size, ep0, packet; /* indices into block_sizes and packet_sizes */
	uint64_t blocks;
	int case5, fill;
	char file[256];
	int64_t card_read, card_write, rest;
	char serial[127];
};
extern const struct msc_knob reference_knobs[];
struct scsi_config;
void reference_insert_media(struct mcu *, const struct reference_knobs *,
			    const struct scsi_config *);

#define SCSI_REPLY_MAX 256 /* the longest answer that is not read from the medium */

/* Sense key, additional sense code and qualifier in one number: SPC-4, 4.5.2. */
enum scsi_sense {
	NO_SENSE = 0,
	MEDIUM_NOT_PRESENT = MSC_SENSE_CODE(MSC_SENSE_NOT_READY, 0x3a, 0x00),
	WRITE_ERROR = MSC_SENSE_CODE(MSC_SENSE_MEDIUM_ERROR, 0x0c, 0x00),
	UNRECOVERED_READ_ERROR = MSC_SENSE_CODE(MSC_SENSE_MEDIUM_ERROR, 0x11, 0x00),
	PARAMETER_LIST_LENGTH_ERROR = MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x1a, 0x00),
	INVALID_OPCODE = MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x20, 0x00),
	LBA_OUT_OF_RANGE = MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x21, 0x00),
	INVALID_FIELD_IN_CDB = MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x24, 0x00),
	LUN_NOT_SUPPORTED = MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x25, 0x00),
	INVALID_FIELD_IN_PARAMETERS = MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x26, 0x00),
	SAVING_NOT_SUPPORTED = MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x39, 0x00),
	REMOVAL_PREVENTED = MSC_SENSE_CODE(MSC_SENSE_ILLEGAL_REQUEST, 0x53, 0x02),
	MEDIUM_CHANGED = MSC_SENSE_CODE(MSC_SENSE_UNIT_ATTENTION, 0x28, 0x00),
	POWER_ON_OR_RESET = MSC_SENSE_CODE(MSC_SENSE_UNIT_ATTENTION, 0x29, 0x00),
	WRITE_PROTECTED = MSC_SENSE_CODE(MSC_SENSE_DATA_PROTECT, 0x27, 0x00),
	MISCOMPARE = MSC_SENSE_CODE(0x0e, 0x1d, 0x00),
};

struct scsi_config {
	uint32_t luns;
	bool removable, write_protect, medium, attention;
	uint32_t block_size; /* bytes */
	char serial[127];
};

struct scsi_unit {
	enum scsi_sense sense;	   /* why the last command failed, until it is asked for */
	enum scsi_sense attention; /* what the host has yet to be told */
	bool ejected, removal_prevented;
	bool changed; /* the medium that the command under way is about has left */
};

enum scsi_dir { SCSI_NO_DATA, SCSI_IN, SCSI_OUT };
enum scsi_place { SCSI_REPLY, SCSI_MEDIUM, SCSI_COMPARE, SCSI_PARAMETERS };

/* What a command block means on its own: BOT 1.0, 6.7 calls it Dn, Di and Do. */
struct scsi_job {
	enum scsi_dir dir;
	uint64_t length; /* bytes that it means to transfer */
	bool failed;	 /* CHECK CONDITION; then there is nothing to transfer */
	/* the SCSI half's own */
	uint8_t lun;
	enum scsi_place place; /* where data comes from or goes to */
	size_t offset;	       /* in the reply */
	uint64_t lba;	       /* of the next block */
};

struct scsi {
	struct scsi_config config;
	struct scsi_unit units[MSC_LUN_MAX + 1];
	struct scsi_job job;
	uint8_t reply[SCSI_REPLY_MAX];
};

/* Power-on or bus reset: forgets everything and owes every unit the news. */
void scsi_reset(struct scsi *);

/* The card detect switch, and the eject button. */
void scsi_card(struct scsi *, uint8_t lun, bool present);
void scsi_eject(struct scsi *, uint8_t lun);

/* Begins a command: fills in job. A command without data is complete when this returns. */
void scsi_start(struct mcu *, struct scsi *, uint8_t lun, const uint8_t cb[MSC_CBW_CB_MAX],
		uint8_t cb_length);

/* The next len bytes for the host; of a medium, whole blocks. false: the job has failed. */
bool scsi_get(struct mcu *, struct scsi *, uint8_t *buf, size_t len);

/* The next len bytes from the host; returns how many were used, always whole blocks of a medium.
 * Fewer may mean that the job has failed. */
size_t scsi_put(struct mcu *, struct scsi *, const uint8_t *buf, size_t len);

/* -- within the SCSI half -------------------------------------------------------------------- */

/* Ends the command with CHECK CONDITION. */
void scsi_fail(struct scsi *, enum scsi_sense);

/* Answers with the first len bytes of the reply, or as many as the host allocated. */
void scsi_answer(struct scsi *, size_t len, uint64_t allocation);

bool scsi_medium_present(struct mcu *, const struct scsi *, uint8_t lun);
uint64_t scsi_blocks(struct mcu *, const struct scsi *, uint8_t lun);

/* reference_pages.c: commands that describe the unit. cb holds the whole CDB. */
typedef void scsi_command_fn(struct mcu *, struct scsi *, const uint8_t *cb);
scsi_command_fn scsi_inquiry, scsi_request_sense, scsi_report_luns, scsi_read_capacity_10,
	scsi_service_action_in, scsi_read_format_capacities, scsi_mode_sense_6, scsi_mode_sense_10,
	scsi_mode_select_6, scsi_mode_select_10;

/* The parameter list of a MODE SELECT has arrived. */
void scsi_mode_parameters(struct scsi *, const uint8_t *list, size_t len);

#endif
