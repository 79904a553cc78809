/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules that hold the three answers about the capacity against each other: READ CAPACITY(10) and
 * (16) of SBC-3, READ FORMAT CAPACITIES of MMC-5 and UFI. */
#include "judge/facts.h"

#define LONG_LEAST	 12   /* last block and block length */
#define DESCRIPTOR	 8    /* bytes of a capacity descriptor */
#define FORMATTED	 0x02 /* descriptor type: the medium as it is */
#define NO_MEDIUM	 0x03

struct size {
	uint64_t last_lba;
	uint32_t block_size;
};

static bool is_short(const struct msc_record *r, struct size *out)
{
	struct msc_capacity_10 c;
	size_t len, asked;

	if (!msc_is_answer(r, MSC_OP_READ_CAPACITY_10, &len, &asked) || len < MSC_CAPACITY_10_LEN)
		return false;
	msc_capacity_10_unpack(&c, r->u.exchange.data);
	*out = (struct size){ c.last_lba, c.block_size };
	return true;
}

static bool is_long(const struct msc_record *r, struct size *out)
{
	const uint8_t *d = r->u.exchange.data;
	size_t len, asked;

	if (!msc_is_answer(r, MSC_OP_SERVICE_ACTION_IN_16, &len, &asked) || len < LONG_LEAST ||
	    (r->u.exchange.cbw.cb[1] & 0x1f) != MSC_SA_READ_CAPACITY_16)
		return false;
	*out = (struct size){ msc_get_be64(d), msc_get_be32(d + 8) };
	return true;
}

static bool any(const uint8_t *cdb, const uint8_t *before)
{
	(void)cdb;
	(void)before;
	return true;
}

static void agree(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *before;
	struct size ten, sixteen;

	if (is_long(r, &sixteen)) {
		before = msc_earlier_answer(r, MSC_OP_READ_CAPACITY_10, any);
		if (!before || !is_short(before, &ten))
			return;
	} else if (is_short(r, &ten)) {
		before = msc_earlier_answer(r, MSC_OP_SERVICE_ACTION_IN_16, any);
		if (!before || !is_long(before, &sixteen))
			return;
	} else {
		return;
	}
	if (ten.block_size == sixteen.block_size &&
	    (ten.last_lba == sixteen.last_lba ||
	     (ten.last_lba == UINT32_MAX && sixteen.last_lba > UINT32_MAX)))
		return;
	msc_found(j,
		  "READ CAPACITY(10) says that block %llu of %u bytes is the last, READ "
		  "CAPACITY(16) that block %llu of %u bytes is",
		  (unsigned long long)ten.last_lba, ten.block_size,
		  (unsigned long long)sixteen.last_lba, sixteen.block_size);
	msc_expected(j, "%llu of %u", (unsigned long long)ten.last_lba, ten.block_size);
	msc_actual(j, "%llu of %u", (unsigned long long)sixteen.last_lba, sixteen.block_size);
}

const struct msc_rule msc_rule_scsi_capacity_agree = {
	.id = "scsi.capacity.agree",
	.title = "READ CAPACITY(10) and READ CAPACITY(16) agree",
	.spec = "SBC-3, 5.15 READ CAPACITY (10) and 5.16 READ CAPACITY (16)",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "one host asks with the one and another with the other, and they lay out the volume "
	       "for disks of different sizes",
	.mistake = "the longer form was added later and takes its numbers from another place",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_READ_CAPACITY_10, MSC_OP_SERVICE_ACTION_IN_16),
	.judge = agree,
};

static void sixteen(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *failed;
	const struct msc_exchange *x;
	struct msc_sense_data sense;

	failed = msc_explained(r, &sense);
	if (!failed || sense.key != MSC_SENSE_ILLEGAL_REQUEST)
		return;
	x = &failed->u.exchange;
	if (x->cbw.cb[0] != MSC_OP_SERVICE_ACTION_IN_16 ||
	    (x->cbw.cb[1] & 0x1f) != MSC_SA_READ_CAPACITY_16 || !x->unit.have_capacity ||
	    x->unit.last_lba != UINT32_MAX)
		return;
	msc_about(j, failed);
	msc_found(j,
		  "READ CAPACITY(10) says FFFFFFFFh, which is to ask READ CAPACITY(16), and that "
		  "is refused");
	msc_expected(j, "a capacity below 2 TiB, or none");
	msc_actual(j, "%x/%02X/%02X", sense.key, sense.asc, sense.ascq);
}

const struct msc_rule msc_rule_scsi_capacity_sixteen = {
	.id = "scsi.capacity.sixteen",
	.title = "a device whose READ CAPACITY(10) says FFFFFFFFh knows READ CAPACITY(16)",
	.spec = "SBC-3, 5.15 READ CAPACITY (10)",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "hosts see a disk of 2 TiB that gives nothing but errors",
	.mistake = "0 blocks less one: without a medium READ CAPACITY fails with 2/3A",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_REQUEST_SENSE),
	.judge = sixteen,
};

/* An answer to READ FORMAT CAPACITIES with its header. */
static bool is_formats(const struct msc_record *r, size_t *len, size_t *asked)
{
	return msc_is_answer(r, MSC_OP_READ_FORMAT_CAPACITIES, len, asked) && *len >= 4;
}

static void format_length(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_record *before;
	const uint8_t *d = r->u.exchange.data;
	size_t len, asked, claimed;

	if (!is_formats(r, &len, &asked))
		return;
	claimed = 4u + d[3];
	before = msc_earlier_answer(r, MSC_OP_READ_FORMAT_CAPACITIES, any);
	if (!d[3] || d[3] % DESCRIPTOR || claimed < len || (len < asked && claimed != len)) {
		msc_found(j, "%zu byte%s came of the %zu asked for, and CAPACITY LIST LENGTH is %u",
			  len, MSC_PLURAL(len), asked, d[3]);
		msc_expected(j, "a multiple of eight, and what follows the header");
		msc_actual(j, "%u", d[3]);
	} else if (before && before->u.exchange.view.answer_len >= 4 &&
		   before->u.exchange.data[3] != d[3]) {
		msc_found(j,
			  "CAPACITY LIST LENGTH is %u when %zu bytes are asked for, and was %u "
			  "before",
			  d[3], asked, before->u.exchange.data[3]);
		msc_expected(j, "%u", before->u.exchange.data[3]);
		msc_actual(j, "%u", d[3]);
	}
}

const struct msc_rule msc_rule_scsi_format_length = {
	.id = "scsi.format.length",
	.title = "CAPACITY LIST LENGTH is eight for each descriptor, however much is asked for",
	.spec = "MMC-5, 6.24 READ FORMAT CAPACITIES",
	.severity = {MSC_FAIL, MSC_WARN, MSC_WARN},
	.why = "Windows asks before anything else about the medium, and is thrown off by it",
	.mistake = "the whole length is put there, or the length that the host allocated",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_READ_FORMAT_CAPACITIES),
	.judge = format_length,
};

static void format_count(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_unit *u = &r->u.exchange.unit;
	const uint8_t *d = r->u.exchange.data;
	size_t len, asked;
	uint32_t blocks, size;

	if (!is_formats(r, &len, &asked) || len < 4 + DESCRIPTOR || !u->have_capacity ||
	    u->last_lba >= UINT32_MAX - 1)
		return;
	if (!(d[8] & 0x03)) {
		msc_found(j,
			  "DESCRIPTOR CODE is 0, which is reserved, of a medium with a capacity");
		msc_expected(j, "%d", FORMATTED);
		msc_actual(j, "0");
	}
	if ((d[8] & 0x03) != FORMATTED)
		return;
	blocks = msc_get_be32(d + 4);
	size = msc_get_be24(d + 9);
	if (blocks == u->last_lba + 1 && size == u->block_size)
		return;
	msc_found(j,
		  blocks == u->last_lba
			  ? "the descriptor holds the last block instead of the number of blocks"
		  : blocks == (uint32_t)((u->last_lba + 1) * u->block_size)
			  ? "the descriptor holds the size in bytes instead of the number of blocks"
		  : blocks == __builtin_bswap32((uint32_t)u->last_lba + 1)
			  ? "the descriptor holds the number of blocks with its lowest byte first"
		  : blocks == u->last_lba + 1
			  ? "the descriptor of the formatted medium has another block length than "
			    "READ CAPACITY(10)"
			  : "the descriptor of the formatted medium is not what READ CAPACITY(10) "
			    "says");
	msc_expected(j, "%llu block%s of %u bytes", (unsigned long long)u->last_lba + 1,
		     MSC_PLURAL(u->last_lba + 1), u->block_size);
	msc_actual(j, "%u block%s of %u bytes", blocks, MSC_PLURAL(blocks), size);
}

const struct msc_rule msc_rule_scsi_format_count = {
	.id = "scsi.format.count",
	.title = "READ FORMAT CAPACITIES gives the number of blocks that READ CAPACITY(10) implies",
	.spec = "MMC-5, 6.24 READ FORMAT CAPACITIES",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "Windows formats the medium to this size",
	.mistake = "the last block is sent, as in READ CAPACITY(10)",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_READ_FORMAT_CAPACITIES),
	.judge = format_count,
};

/* The medium was ejected, or the command right before has failed for want of one. */
static bool is_absent(const struct msc_record *r)
{
	const struct msc_record *told = msc_undisturbed(r);
	struct msc_sense_data sense;

	return r->past.gone ||
	       (told && msc_explained(told, &sense) && sense.asc == MSC_ASC_NO_MEDIUM);
}

static void format_absent(struct msc_judging *j, const struct msc_record *r)
{
	const uint8_t *d = r->u.exchange.data;
	size_t len, asked;

	if (!is_formats(r, &len, &asked) || len < 4 + DESCRIPTOR || !is_absent(r) ||
	    (d[8] & 0x03) == NO_MEDIUM)
		return;
	msc_found(j, "there is no medium, and DESCRIPTOR CODE speaks of %s with %u blocks",
		  (d[8] & 0x03) == FORMATTED ? "a formatted one" : "one", msc_get_be32(d + 4));
	msc_expected(j, "3, or 01h and then sense 2/3A");
	msc_actual(j, "%d", d[8] & 0x03);
}

const struct msc_rule msc_rule_scsi_format_absent = {
	.id = "scsi.format.absent",
	.title = "READ FORMAT CAPACITIES tells of no medium when there is none",
	.spec = "MMC-5, 6.24 READ FORMAT CAPACITIES",
	.severity = {MSC_FAIL, MSC_WARN, MSC_WARN},
	.why = "Windows takes the medium for one that is there, cannot read it, and resets the "
	       "device again and again",
	.mistake = "the size of the medium is a constant, or is kept from before it went",
	.on = MSC_RECORD_EXCHANGE,
	MSC_ON_COMMANDS(MSC_OP_READ_FORMAT_CAPACITIES),
	.judge = format_absent,
};
