/* SPDX-License-Identifier: BSD-2-Clause */
/* What a device was last asked for, for when it dies of it. */
#include <stdio.h>
#include <string.h>

#include "scsi/scsi.h"
#include "transport/transport.h"

bool msc_asked_note(struct msc_asked *asked, const struct msc_xfer *x)
{
	struct msc_cbw cbw;

	if (!x->ep) {
		*asked = (struct msc_asked){ .kind = MSC_ASKED_REQUEST, .setup = x->setup };
		return true;
	}
	if (x->ep & MSC_EP_IN || x->len != MSC_CBW_LEN)
		return false;
	msc_cbw_unpack(&cbw, x->data);
	*asked = (struct msc_asked){ .kind = MSC_ASKED_COMMAND };
	memcpy(asked->cb, cbw.cb, sizeof asked->cb);
	return true;
}

char *msc_asked_text(char *buf, size_t size, const struct msc_asked *asked)
{
	const struct msc_setup *q = &asked->setup;

	switch (asked->kind) {
	case MSC_ASKED_COMMAND: return msc_cdb_text(buf, size, asked->cb, sizeof asked->cb);
	case MSC_ASKED_REQUEST:
		snprintf(buf, size, "the control request %02x %02x %04x %04x %04x", q->request_type,
			 q->request, q->value, q->index, q->length);
		return buf;
	case MSC_ASKED_NOTHING: break;
	}
	snprintf(buf, size, "nothing");
	return buf;
}
