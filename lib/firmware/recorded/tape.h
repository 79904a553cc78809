/* SPDX-License-Identifier: BSD-2-Clause */
/* What a recorded device said, as plain data for the model that says it again. Captures are read by a
 * layer above this one: capture/tape.c has the functions. */
#ifndef MSC_FIRMWARE_RECORDED_TAPE_H
#define MSC_FIRMWARE_RECORDED_TAPE_H

#include "base/err.h"
#include "wire/bot.h"
#include "wire/usb.h"

#define TAPE_STATUS_MAX 64
#define TAPE_BYTES_MAX	(256u << 20) /* of all data together */

/* How a transfer of the device's ended. */
enum tape_end { TAPE_DONE, TAPE_STALL, TAPE_NEVER };

struct tape_exchange {
	struct msc_cbw cbw;
	uint8_t *data; /* either direction */
	size_t data_len;
	enum tape_end data_end, status_end;
	uint8_t status[TAPE_STATUS_MAX];
	size_t status_len;
	bool in_data; /* the CSW came behind the data, in one transfer with it */
	int64_t data_ns, status_ns; /* from the end of the CBW's transfer to the end of that one */
	uint32_t block_size; /* of the blocks that it moved; 0: it moved none, or not whole */
	uint64_t lba, blocks;
	bool written;
};

/* A wrapper that is no valid CBW, and what bulk-in did when it was asked next. */
struct tape_wrapper {
	uint8_t raw[TAPE_STATUS_MAX];
	size_t len;
	enum tape_end end;
	uint8_t answer[TAPE_STATUS_MAX]; /* TAPE_DONE */
	size_t answer_len;
	int64_t ns; /* from the end of the wrapper's transfer to the end of that one */
};

/* A block as it last went over the wire; its bytes are an exchange's. */
struct tape_block {
	uint8_t lun;
	uint32_t size;
	uint64_t lba;
	const uint8_t *data;
	size_t order; /* of its exchange */
};

struct tape_request {
	struct msc_setup setup;
	uint8_t *data;
	size_t len;
	bool stalled;
};

struct tape {
	bool described; /* its descriptors are known */
	enum msc_speed speed;
	struct msc_device_desc desc;
	uint8_t config[MSC_CONFIG_MAX];
	size_t config_len;
	uint8_t ep_in, ep_out;
	struct tape_exchange *exchanges;
	size_t n_exchanges, room_exchanges;
	struct tape_request *requests; /* of endpoint 0, from the device */
	size_t n_requests, room_requests;
	struct tape_wrapper *wrappers;
	size_t n_wrappers, room_wrappers;
	struct tape_block *blocks; /* sorted, each once */
	size_t n_blocks;
	size_t bytes;
};

/* What a command asks for, in the terms of SCSI. */
struct tape_command {
	char text[96];
	uint64_t lba, blocks, alloc; /* 0 where it has no such field */
	uint8_t alloc_at, alloc_bytes; /* where in the command block; 0 bytes: nowhere */
	bool reads, writes; /* those blocks, all of which are in its data */
};
void tape_command(struct tape_command *, const struct msc_cbw *);

/* The first mass-storage device of the capture, or the number-th. NULL: MSC_E_IO, MSC_E_FORMAT, or more
 * than TAPE_BYTES_MAX. */
struct tape *tape_read(const char *path, uint32_t number, struct msc_err *);
void tape_free(struct tape *);
/* NULL: it never went over the wire. */
const uint8_t *tape_block(const struct tape *, uint8_t lun, uint64_t lba, uint32_t size);

#endif
