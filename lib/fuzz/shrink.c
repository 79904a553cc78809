/* SPDX-License-Identifier: BSD-2-Clause */
/* From a conversation that fails to the shortest one that does: steps are left out, many at first and
 * then one by one; then twists; then each value becomes a simpler one. Whatever no longer fails in the
 * same way is dropped, so that what remains has been seen to.
 *
 * Leaving out steps can make a conversation that no device could pass: one that expects a unit to be
 * ready, less the step that waits for that. So each is tried on a device that conforms as well, and one
 * that fails there is dropped, unless the whole conversation fails there. */
#include <stdlib.h>

#include "fuzz/fuzz.h"

#define CONTROL "sim:reference"

struct control {
	struct msc_fuzz_options o;
	struct msc_fuzz fuzz;
	struct fuzz_trial t;
	bool fails; /* there, too: it cannot tell */
};

struct shrink {
	struct fuzz_trial *t;
	struct control control;
	const struct msc_fuzz_what *what;
	struct fuzz_talk *talk;
	unsigned tries;
	bool changed; /* in this round */
};

static struct msc_target *open_control(void *user, bool *once, struct msc_err *err)
{
	const struct shrink *s = user;
	const struct msc_open_options options = { .allow_writes = s->control.o.run.allow_writes };

	*once = false;
	return msc_target_open(CONTROL, &options, err);
}

static int try_control(struct shrink *s, const char *text, bool *fails, struct msc_err *err)
{
	struct fuzz_trial *t = &s->control.t;
	long at;

	if (fuzz_try(t, text, err) < 0)
		return -1;
	*fails = fuzz_shows(t, s->what, &at);
	return 0;
}

static void begin_control(struct shrink *s)
{
	struct control *c = &s->control;

	c->o = *s->t->o;
	c->o.run.log = NULL;
	c->o.run.lun = 0;
	c->o.open = open_control;
	c->o.user = s;
	c->t = (struct fuzz_trial){ .o = &c->o, .fuzz = &c->fuzz };
}

/* Whether it fails so. What cannot be loaded, since it refers to a step that is gone, does not. */
static int shows(struct shrink *s, const struct fuzz_talk *talk, bool *yes, struct msc_err *err)
{
	static const struct fuzz_head head = { .name = "fuzz.try", .title = "t", .spec = "s" };
	char *text = talk->n ? fuzz_text(talk, &head) : NULL;
	bool fails = false;
	long at;
	int rc;

	*yes = false;
	if (!talk->n)
		return 0;
	if (!text)
		return msc_nomem(err);
	s->tries++;
	s->t->fuzz->tries++;
	rc = fuzz_try(s->t, text, err);
	*yes = rc == 0 && fuzz_shows(s->t, s->what, &at);
	if (*yes && !s->control.fails)
		rc = try_control(s, text, &fails, err);
	free(text);
	if (rc < 0 && err->code == MSC_E_FORMAT) {
		*err = (struct msc_err)MSC_ERR_INIT;
		return 0;
	}
	*yes &= rc == 0 && !fails;
	s->control.fails |= fails && s->tries == 1;
	*yes |= fails && s->tries == 1;
	return rc;
}

/* The candidate takes the place of the conversation if it fails so. */
static int consider(struct shrink *s, const struct fuzz_talk *candidate, bool *taken,
		    struct msc_err *err)
{
	*taken = false;
	if (s->tries >= MSC_FUZZ_TRIES_MAX)
		return 0;
	if (shows(s, candidate, taken, err) < 0)
		return -1;
	if (*taken) {
		*s->talk = *candidate;
		s->changed = true;
	}
	return 0;
}

static void leave_out(struct fuzz_talk *talk, unsigned from, unsigned n)
{
	for (unsigned i = from; i + n < talk->n; i++)
		talk->step[i] = talk->step[i + n];
	talk->n -= n;
}

static int fewer_steps(struct shrink *s, struct msc_err *err)
{
	for (unsigned size = s->talk->n > 1 ? s->talk->n / 2 : 1; size; size /= 2) {
		unsigned at = 0;

		while (at + size <= s->talk->n) {
			struct fuzz_talk candidate = *s->talk;
			bool taken;

			leave_out(&candidate, at, size);
			if (consider(s, &candidate, &taken, err) < 0)
				return -1;
			at += taken ? 0 : size;
		}
	}
	return 0;
}

static int fewer_twists(struct shrink *s, struct msc_err *err)
{
	bool taken;

	if (s->talk->no_autosense) {
		struct fuzz_talk candidate = *s->talk;

		candidate.no_autosense = false;
		if (consider(s, &candidate, &taken, err) < 0)
			return -1;
	}
	for (unsigned i = 0; i < s->talk->n; i++) {
		for (unsigned k = s->talk->step[i].n_twists; k-- > 0;) {
			struct fuzz_talk candidate = *s->talk;
			struct fuzz_step *it = &candidate.step[i];

			for (unsigned m = k; m + 1 < it->n_twists; m++)
				it->twist[m] = it->twist[m + 1];
			it->n_twists--;
			if (consider(s, &candidate, &taken, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* The parts of one row share its values. */
static void set_value(struct fuzz_talk *talk, unsigned step, unsigned twist, unsigned place,
		      struct fuzz_choice value)
{
	if (twist) {
		talk->step[step].twist[twist - 1].value[place] = value;
		return;
	}
	for (unsigned i = 0; i < talk->n; i++)
		if (talk->step[i].id == talk->step[step].id)
			talk->step[i].stem.value[place] = value;
}

static const struct fuzz_piece *piece_of(const struct fuzz_talk *talk, unsigned step,
					 unsigned twist)
{
	return twist ? &talk->step[step].twist[twist - 1] : &talk->step[step].stem;
}

/* Each simpler choice; of a number, one with fewer bits. */
static int simpler_value(struct shrink *s, unsigned step, unsigned twist, unsigned place,
			 struct msc_err *err)
{
	struct fuzz_choice now = piece_of(s->talk, step, twist)->value[place];
	bool taken = false;

	for (unsigned at = 0; at < now.at && !taken; at++) {
		struct fuzz_talk candidate = *s->talk;

		set_value(&candidate, step, twist, place,
			  (struct fuzz_choice){ .at = (uint8_t)at });
		if (consider(s, &candidate, &taken, err) < 0)
			return -1;
	}
	return 0;
}

static int simpler_values(struct shrink *s, struct msc_err *err)
{
	for (unsigned i = 0; i < s->talk->n; i++)
		for (unsigned twist = 0; twist <= s->talk->step[i].n_twists; twist++)
			for (unsigned place = 0;
			     fuzz_place(piece_of(s->talk, i, twist)->row, place); place++)
				if (simpler_value(s, i, twist, place, err) < 0)
					return -1;
	return 0;
}

int fuzz_shrink(struct fuzz_trial *t, const struct msc_fuzz_what *what, struct fuzz_talk *talk,
		bool *yes, struct msc_err *err)
{
	struct fuzz_seen *seen = t->seen;
	struct shrink s = { .t = t, .what = what, .talk = talk, .changed = true };
	int rc;

	begin_control(&s);
	t->seen = NULL; /* coverage is of what was drawn */
	rc = shows(&s, talk, yes, err);
	while (rc == 0 && *yes && s.changed && s.tries < MSC_FUZZ_TRIES_MAX) {
		s.changed = false;
		rc = fewer_steps(&s, err);
		if (rc == 0)
			rc = fewer_twists(&s, err);
		if (rc == 0)
			rc = simpler_values(&s, err);
	}
	t->seen = seen;
	fuzz_trial_end(&s.control.t);
	return rc;
}
