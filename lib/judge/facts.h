/* SPDX-License-Identifier: BSD-2-Clause */
/* The questions that several rules ask of records, beside what each of them proves by itself
 * (record/view.h). Internal to the judge. When a record cannot prove something, the answer here is the
 * one that gives no finding. */
#ifndef MSC_JUDGE_FACTS_H
#define MSC_JUDGE_FACTS_H

#include "judge/judge.h"
#include "record/history.h"

/* ---- one exchange ------------------------------------------------------------------------- */

bool msc_has_status(const struct msc_record *, uint8_t status); /* answered, with that status */

bool msc_stalled(const struct msc_exchange *, uint8_t ep); /* at any time in the exchange */

/* bCBWCBLength is more than the command has, and not the 12 that hosts send with any; or less than
 * commands of the subclass have. Whether that is meaningful (BOT 1.0, 6.2.2) is for the device to say. */
bool msc_has_loose_length(const struct msc_record *);

/* ---- commands and their answers ----------------------------------------------------------- */

/* It is an answer to that command, and all of it is still there: view.answer. */
bool msc_is_answer(const struct msc_record *, uint8_t opcode, size_t *len, size_t *asked);
/* Both moved the same bytes, of which the earlier one may have kept no more than the beginning, and the hash. */
bool msc_is_same_data(const struct msc_exchange *before, const struct msc_exchange *);
/* Sense data that was delivered and is valid. */
bool msc_is_sense(const struct msc_record *, struct msc_sense_data *);
/* An earlier answer that this one should agree with: the same logical unit, `same` says that the
 * commands ask for the same, and nothing in between failed or changed the unit. */
const struct msc_record *msc_earlier_answer(const struct msc_record *, uint8_t opcode,
					    bool (*same)(const uint8_t *cdb,
							 const uint8_t *before));

/* ---- what came before: struct msc_past, and record/history.h ------------------------------- */

/* Whether an endpoint is halted, by the newest record that tells. *request: Bulk-Only Mass Storage
 * Reset came after that record, and it is not supposed to change it. */
enum msc_halt msc_known_halt(const struct msc_record *, uint8_t ep, bool *request);

/* What has made the device begin anew, by its name: "reset recovery", "a port reset", ... */
const char *msc_reset_text(const struct msc_past *);
/* The same of the port reset that is judged, by what was before it. */
const char *msc_port_reset_text(const struct msc_past *);

/* The exchange before, when nothing that could change the device's mind came between: no reset,
 * and the same logical unit. */
const struct msc_record *msc_undisturbed(const struct msc_record *);

/* Sense data that says why the command right before it failed: that command. NULL: it is none. */
const struct msc_record *msc_explained(const struct msc_record *, struct msc_sense_data *);

/* TEST UNIT READY that passes soon after the medium was ejected and gone, though nothing has loaded it. */
bool msc_came_back(const struct msc_record *);

/* ---- control requests --------------------------------------------------------------------- */

/* Some interface of the configuration has this number. */
bool msc_interface_exists(const struct msc_device *, uint8_t number);
/* A GET_DESCRIPTOR of that type; *index is the descriptor's. */
bool msc_is_descriptor(const struct msc_record *, uint8_t type, uint8_t *index);

/* ---- the record at hand -------------------------------------------------------------------- */

/* A READ(10), WRITE(10) or TEST UNIT READY that did all that it means, for which nothing that came
 * before matters: no rule has anything to say of it, and most exchanges of a long log are one. */
bool msc_is_clean(const struct msc_record *);
/* msc_judge, but asking every rule of the record's kind, whatever it is registered for. */
int msc_judge_by_all(const struct msc_record *, enum msc_profile, struct msc_findings *,
		     struct msc_err *) MSC_MUST_CHECK;

#endif
