/* SPDX-License-Identifier: BSD-2-Clause */
/* Records made up for tests, from a short script, so that a table can hold what a device did in one
 * line. Statements end with ';', words are separated by spaces, numbers are decimal unless they
 * are said to be hex.
 *
 *	unit disk BLOCKS SIZE       what is known of the unit from here on: writable, or
 *	unit protected | fixed | dpofua | unknown    write-protected, not removable, it knows FUA,
 *	                            or nothing at all
 *	speed full|high|super|low|unknown
 *	interface N                 the configuration has this one too
 *	wakes                       its bmAttributes says that the device can wake the host
 *	send HEXCDB in|out|none LENGTH
 *	                            an exchange: the CBW was taken; what follows changes or adds
 *	  lun N; max_lun N; cblength N; flags HEX; wrapper LENGTH; signature HEX
 *	  means in|out|none LENGTH  what a scenario states of the command block
 *	  refused OUTCOME           the CBW was not taken
 *	  data N                    N bytes moved, all alike
 *	  bytes HEX                 these bytes moved
 *	  ends OUTCOME              the data phase ended so, without moving anything more
 *	  clear in|out [OUTCOME]    the host cleared a halt
 *	  status N RESIDUE          a CSW
 *	  tag HEX                   ... with this tag
 *	  answer HEX                these bytes came where the CSW belongs
 *	  merged                    the CSW came in the data transfer
 *	  none OUTCOME              ... instead of the CSW: stall, timeout, ...
 *	control HEXTYPE HEXREQUEST HEXVALUE HEXINDEX LENGTH OUTCOME [HEX]
 *	poll in|out OUTCOME [HEX]
 *	took MS                     the last record, or the last step of the exchange, took so long
 *	reset recovery|port|config|in|out [OUTCOME]    recovery: its three requests, the first of them
 *	                            with that outcome; config: SET_CONFIGURATION; in, out: clear-halt
 *
 * OUTCOME is done, stall, timeout, babble, error or cancelled.
 */
#ifndef MSC_TEST_MAKE_RECORD_H
#define MSC_TEST_MAKE_RECORD_H

#include "record/history.h"

struct make {
	msc_record_fn *done; /* sees every record when the next begins, and at the end */
	void *user;
	struct msc_device device;
	struct msc_unit unit;
	struct msc_history history;
	struct msc_record *last; /* which the script may still change */
	uint32_t tag;
};

/* Makes what the script says; a script that makes no sense ends the test. */
void make_records(struct make *, const char *script);
/* The last record, as if it were whole. */
const struct msc_record *make_last(struct make *);
/* Completes the last record, and drops everything. */
void make_end(struct make *);

#endif
