/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole blocks in and out, the sense data of a command that failed, whether the device answers. */
#include <string.h>

#include "base/copy.h"
#include "session/engine.h"

void msc_request_blocks(struct msc_request *rq, bool write, uint8_t lun, uint64_t lba,
			uint32_t blocks, uint32_t block_size)
{
	bool is_10 = lba <= UINT32_MAX && blocks <= UINT16_MAX && lba + blocks - 1 <= UINT32_MAX;
	uint8_t cdb[MSC_CBW_CB_MAX] = { 0 };

	if (is_10) {
		cdb[0] = write ? MSC_OP_WRITE_10 : MSC_OP_READ_10;
		msc_put_be32(cdb + 2, (uint32_t)lba);
		msc_put_be16(cdb + 7, (uint16_t)blocks);
	} else {
		cdb[0] = write ? MSC_OP_WRITE_16 : MSC_OP_READ_16;
		msc_put_be64(cdb + 2, lba);
		msc_put_be32(cdb + 10, blocks);
	}
	msc_request_init(rq, cdb, is_10 ? 10 : 16, write ? MSC_DIR_OUT : MSC_DIR_IN,
			 blocks * block_size);
	rq->cbw.h.lun = lun;
}

/* Six bytes, of which the operation code and byte 4 say all. */
static void request_6(struct msc_request *rq, uint8_t lun, uint8_t opcode, uint8_t byte_4,
		      uint32_t length)
{
	const uint8_t cdb[MSC_CBW_CB_MAX] = { opcode, [4] = byte_4 };

	msc_request_init(rq, cdb, 6, length ? MSC_DIR_IN : MSC_DIR_NONE, length);
	rq->cbw.h.lun = lun;
}

void msc_request_sense(struct msc_request *rq, uint8_t lun)
{
	request_6(rq, lun, MSC_OP_REQUEST_SENSE, MSC_SENSE_LEN, MSC_SENSE_LEN);
}

void msc_request_start(struct msc_request *rq, uint8_t lun)
{
	request_6(rq, lun, MSC_OP_START_STOP_UNIT, 0x01, 0);
}

void msc_request_ready(struct msc_request *rq, uint8_t lun)
{
	request_6(rq, lun, MSC_OP_TEST_UNIT_READY, 0, 0);
}

void msc_request_capacity(struct msc_request *rq, uint8_t lun)
{
	static const uint8_t cdb[MSC_CBW_CB_MAX] = { MSC_OP_READ_CAPACITY_10 };

	msc_request_init(rq, cdb, 10, MSC_DIR_IN, MSC_CAPACITY_10_LEN);
	rq->cbw.h.lun = lun;
}

void msc_request_inquiry(struct msc_request *rq, uint8_t lun)
{
	request_6(rq, lun, MSC_OP_INQUIRY, MSC_INQUIRY_LEN, MSC_INQUIRY_LEN);
}

static int move(struct msc_session *s, struct msc_request *rq, int64_t timeout_ns, void *in,
		bool *passed, struct msc_err *err)
{
	const struct msc_exchange *x;
	const struct msc_record *r;
	struct msc_sense_data sense;
	bool may_be = false;
	int rc;

	*passed = false;
	rq->timeout_ns = timeout_ns;
	msc_session_mute(s, true);
	rc = msc_session_exchange(s, rq, &r, err);
	if (rc == 0) {
		x = &r->u.exchange;
		*passed = msc_exchange_passed(x) && x->data_len == rq->cbw.h.length;
		may_be = msc_may_be_recovered(x);
		if ((*passed || may_be) && in)
			msc_copy(in, x->data, x->data_len);
	}
	if (rc == 0 && may_be) {
		rc = msc_session_sense(s, rq->cbw.h.lun, &sense, err);
		*passed = rc == 0 && sense.valid && sense.key == MSC_SENSE_RECOVERED_ERROR;
	}
	msc_session_mute(s, false);
	return rc ? -1 : 0;
}

int msc_session_read(struct msc_session *s, uint8_t lun, uint64_t lba, uint32_t blocks,
		     uint32_t block_size, void *buf, int64_t timeout_ns, bool *passed,
		     struct msc_err *err)
{
	struct msc_request rq;

	msc_request_blocks(&rq, false, lun, lba, blocks, block_size);
	return move(s, &rq, timeout_ns, buf, passed, err);
}

int msc_session_write(struct msc_session *s, uint8_t lun, uint64_t lba, uint32_t blocks,
		      uint32_t block_size, const void *buf, int64_t timeout_ns, bool *passed,
		      struct msc_err *err)
{
	struct msc_request rq;

	msc_request_blocks(&rq, true, lun, lba, blocks, block_size);
	rq.out = buf;
	return move(s, &rq, timeout_ns, NULL, passed, err);
}

int msc_session_sense(struct msc_session *s, uint8_t lun, struct msc_sense_data *sense,
		      struct msc_err *err)
{
	const struct msc_record *r;
	struct msc_request rq;

	*sense = (struct msc_sense_data){ .valid = false };
	msc_request_sense(&rq, lun);
	rq.serial = true;
	if (msc_session_exchange(s, &rq, &r, err))
		return -1;
	if (msc_exchange_ended(&r->u.exchange))
		*sense = msc_sense_decode(r->u.exchange.data, r->u.exchange.data_kept);
	return 0;
}

int msc_session_answers(struct msc_session *s, uint8_t lun, enum msc_answer *answer,
			struct msc_err *err)
{
	const struct msc_exchange *x;
	const struct msc_record *r;
	struct msc_request rq;

	msc_request_ready(&rq, lun);
	rq.serial = true;
	if (msc_session_exchange(s, &rq, &r, err))
		return -1;
	x = &r->u.exchange;
	if (!msc_exchange_ended(x))
		*answer = x->status_len || (x->whole && x->outcome == MSC_OUT_ERROR)
				  ? MSC_ANSWER_ODD
				  : MSC_ANSWER_NONE;
	else
		*answer = x->csw.status == MSC_CSW_PASSED ? MSC_ANSWER_PASSED : MSC_ANSWER_FAILED;
	return 0;
}
