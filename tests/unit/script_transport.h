/* SPDX-License-Identifier: BSD-2-Clause */
/* A transport that is a list of what should happen next: each transfer, clearing of a halt or reset
 * that the code under test starts is compared with the next row, which also says how it ends. What
 * does not fit, and rows left over, fail the test. Time is virtual and exact. */
#ifndef MSC_TESTS_SCRIPT_TRANSPORT_H
#define MSC_TESTS_SCRIPT_TRANSPORT_H

#include "transport/transport.h"

#define SCRIPT_IN     0x81
#define SCRIPT_OUT    0x02
#define SCRIPT_PACKET 64
#define SCRIPT_ANY    SIZE_MAX

enum script_kind { SCRIPT_END, SCRIPT_XFER, SCRIPT_CLEAR, SCRIPT_RESET };

struct script_row {
	enum script_kind kind;
	uint8_t ep;		  /* XFER: 0 is a control request */
	size_t asked;		  /* XFER: bytes; SCRIPT_ANY; of a control request: bRequest */
	enum msc_outcome outcome; /* PENDING: never ends by itself */
	size_t actual;
	const void *data; /* of bulk-in, actual bytes; NULL: a pattern, or with csw a CSW */
	bool csw; /* the last 13 of the actual bytes are a CSW with the tag of the last CBW */
	uint8_t status;
	uint32_t residue;
	uint32_t signature_xor, tag_xor;
	int64_t takes_ns; /* after everything before it has ended */
	bool go_away;	  /* the device leaves: submit or wait fail with MSC_E_GONE */
};

/* Rows, in the order in which transfers are to be started. */
#define R_CBW(o) \
	{ \
		SCRIPT_XFER, SCRIPT_OUT, 31, MSC_OUT_##o, .actual = 31, .takes_ns = MSC_MS \
	}
#define R_CBW_PENDING \
	{ \
		SCRIPT_XFER, SCRIPT_OUT, 31, MSC_OUT_PENDING, .actual = 0 \
	}
#define R_OUT(asked, o, got) \
	{ \
		SCRIPT_XFER, SCRIPT_OUT, asked, MSC_OUT_##o, .actual = got, .takes_ns = MSC_MS \
	}
#define R_IN(asked, o, got) \
	{ \
		SCRIPT_XFER, SCRIPT_IN, asked, MSC_OUT_##o, .actual = got, .takes_ns = MSC_MS \
	}
#define R_CSW(st, res)                                                                             \
	{SCRIPT_XFER, SCRIPT_IN, SCRIPT_PACKET, MSC_OUT_DONE, .actual = 13, .csw = true,           \
	 .status = st, .residue = res, .takes_ns = MSC_MS}
#define R_CLEAR(endpoint, o) {SCRIPT_CLEAR, endpoint, 0, MSC_OUT_##o, .takes_ns = MSC_MS}
#define R_CONTROL(request, o, got)                                                                 \
	{SCRIPT_XFER, 0, request, MSC_OUT_##o, .actual = got, .takes_ns = MSC_MS}
#define R_RESET {SCRIPT_RESET, .outcome = MSC_OUT_DONE, .takes_ns = 10 * MSC_MS}

#define SCRIPT_FLIGHTS 8

struct script {
	struct msc_target target;
	struct msc_clock clock;
	int64_t now;
	int64_t busy_until; /* the end of everything started so far */
	const struct script_row *row;
	const struct script_row
		*always; /* after the last row: how everything ends; NULL: nothing may */
	size_t index;
	uint32_t tag; /* of the last CBW that went out */
	uint8_t sent[512];
	size_t sent_len; /* of the last bulk-out transfer */
	struct {
		struct msc_xfer *xfer;
		const struct script_row *row;
		int64_t ends_ns;
	} flights[SCRIPT_FLIGHTS];
	unsigned waits;
	char problem[256]; /* the first thing that did not fit */
};

/* rows end with one of kind SCRIPT_END. */
struct msc_target *script_open(struct script *, const struct script_row *rows);

/* Fails the test, naming `what`, unless all rows were used, all fitted, and nothing is pending. */
void script_check(const struct script *, const char *what);

#endif
