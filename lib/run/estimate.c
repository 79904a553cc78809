/* SPDX-License-Identifier: BSD-2-Clause */
/* How long the run takes, as a range: what its cases cost by their steps (cost.c), at prices that follow from
 * what the device took so far. Before anything was measured a price is a range itself. Cases in which a command
 * timed out are reckoned apart, as so much time lost and so often. When the run turns out to leave the range it
 * is told anew. */
#include "run/runner.h"

#define STUCK_NS       MSC_S /* as good as hung, where no blocks are moved */
#define MEASURED_LEAST 16 /* of a price, until it is believed */
#define LEFT_FROM      10 /* cases, until it is said how long the rest takes */

struct range {
	int64_t low, high;
};

/* From the bus and a fast medium to a slow one: the end of a range that is told before anything was measured is at
 * most 3 times too near where a block takes 200 ms, an erase of flash for each. Linux takes up to 400 ms for a port
 * reset with the enumeration. */
static const struct range untried[MSC_COSTS] = {
	[MSC_COST_COMMAND] = { 100 * MSC_US, 5 * MSC_MS },
	[MSC_COST_RESET] = { 20 * MSC_MS, 400 * MSC_MS },
	[MSC_COST_READ] = { 10 * MSC_US, 5 * MSC_MS },
	[MSC_COST_WRITE] = { 10 * MSC_US, 20 * MSC_MS },
};

static int64_t mean(const struct msc_price *p)
{
	return p->n ? p->ns / p->n : 0;
}

static void take(struct msc_price *p, int64_t ns, int64_t n)
{
	p->ns += ns > 0 ? ns : 0;
	p->n += n;
}

static bool timed_out(const struct msc_exchange *x)
{
	bool yes = x->whole && x->outcome == MSC_OUT_TIMEOUT;

	for (size_t i = 0; i < x->n_steps; i++)
		yes |= x->steps[i].outcome == MSC_OUT_TIMEOUT;
	return yes;
}

void msc_run_measure(struct msc_runner *r, const struct msc_record *record)
{
	struct msc_estimate *e = &r->estimate;
	int64_t took = record->ended_ns - record->began_ns, blocks = 0;
	const struct msc_exchange *x = &record->u.exchange;
	const struct msc_cdb_def *def;

	if (record->kind == MSC_RECORD_PORT_RESET)
		take(&e->price[MSC_COST_RESET], took, 1);
	if (record->kind != MSC_RECORD_EXCHANGE)
		return;
	def = msc_cdb_by_bytes(x->cbw.cb, x->cbw.h.cb_length);
	if (def && def->amount == MSC_AMOUNT_BLOCKS && r->unit.block_size)
		blocks = (int64_t)(x->data_len / r->unit.block_size);
	if (timed_out(x) || (!blocks && took > STUCK_NS))
		e->hung = true;
	else if (blocks)
		take(&e->price[x->dir == MSC_DIR_IN ? MSC_COST_READ : MSC_COST_WRITE],
		     took - mean(&e->price[MSC_COST_COMMAND]), blocks);
	else
		take(&e->price[MSC_COST_COMMAND], took, 1);
}

/* Before any was measured, the commands of the beginning are all that is known. */
static struct range no_quicker(struct range each, int64_t quickest_ns)
{
	if (each.low < quickest_ns)
		each.low = quickest_ns;
	if (each.high < 2 * quickest_ns)
		each.high = 2 * quickest_ns;
	return each;
}

/* Of all but the waits. What was measured is scaled, in thousandths. */
static struct range cost(const struct msc_estimate *e, const struct msc_cost *c, int64_t scale)
{
	struct range sum = { 0, 0 };

	for (int i = 0; i < MSC_COSTS; i++) {
		const struct msc_price *p = &e->price[i];
		struct range each = untried[i];

		if (p->n >= MEASURED_LEAST || (p->n && i == MSC_COST_RESET))
			each = (struct range){ mean(p) * scale / 1000 * 7 / 10,
					       mean(p) * scale / 1000 * 15 / 10 };
		else if (p->n && mean(p) > each.high)
			each.high = 2 * mean(p);
		if (i == MSC_COST_COMMAND && p->n < MEASURED_LEAST)
			each = no_quicker(each, e->quickest_ns);
		if (i == MSC_COST_RESET) { /* what a unit does after power-on it does again */
			each.low += e->ready_ns * 7 / 10;
			each.high += e->ready_ns * 15 / 10;
		}
		sum.low += c->part[i] * each.low;
		sum.high += c->part[i] * each.high;
	}
	return sum;
}

static int64_t middle(struct range r)
{
	return r.low + (r.high - r.low) / 2;
}

/* What the cases took of what their steps say, in thousandths: saving, recovering and asking for sense is not in
 * the steps, and a case may end early. Short cases at the beginning say little about all that is left. */
static int64_t scale(const struct msc_estimate *e)
{
	int64_t said = middle(cost(e, &e->past, 1000)), took = e->past_ns - e->past.wait_ns;
	int64_t prior = middle(cost(e, &e->left, 1000)) / 8;

	if (took < 0 || said + prior < 1000)
		return 1000;
	return (took + prior) / ((said + prior) / 1000);
}

static void add(struct msc_cost *to, const struct msc_cost *c, int sign)
{
	to->wait_ns += sign * c->wait_ns;
	for (int i = 0; i < MSC_COSTS; i++)
		to->part[i] += sign * c->part[i];
}

/* Near the end too, what is told is no more exact than this, so that it need not be told again and again. */
static struct range at_least_a_tenth(struct range rest, int64_t elapsed)
{
	int64_t total = elapsed + middle(rest), about = total / 10;

	if (rest.low > middle(rest) - about)
		rest.low = middle(rest) - about;
	if (rest.high < middle(rest) + about)
		rest.high = middle(rest) + about;
	if (rest.low < 0)
		rest.low = 0;
	return rest;
}

/* What is left. */
static struct range left(const struct msc_runner *r)
{
	const struct msc_estimate *e = &r->estimate;
	struct range device = cost(e, &e->left, scale(e)), all;
	int64_t cases = (int64_t)(e->cases - e->done), timeout = msc_session_timeout(r->session);
	int64_t lost = 0;

	if (e->n_hung)
		lost = (e->hang_ns < 2 * timeout ? e->hang_ns : 2 * timeout) * cases /
		       (int64_t)e->done;
	all.low = e->left.wait_ns + device.low + lost * (int64_t)e->n_hung / 4;
	all.high = e->left.wait_ns + device.high + lost * (int64_t)(2 * e->n_hung + 3);
	if (r->hasty) {
		int64_t rest = r->end_ns - msc_now(r->target->clock);

		all.low = all.low < rest ? all.low : rest;
		all.high = all.high < rest ? all.high : rest;
	}
	return all;
}

static void tell(struct msc_runner *r, int64_t elapsed, struct range rest)
{
	struct msc_estimate *e = &r->estimate;
	const struct range told = at_least_a_tenth(rest, elapsed);
	const struct msc_event ev = { .kind = MSC_EV_ESTIMATE,
				      .at_ns = msc_now(r->target->clock),
				      .device = &r->target->device,
				      .cases_done = e->done,
				      .cases_total = e->cases,
				      .device_ns = elapsed,
				      .low_ns = elapsed + told.low,
				      .high_ns = elapsed + told.high };

	e->low_ns = ev.low_ns;
	e->high_ns = ev.high_ns;
	r->o->event(r->o->user, &ev);
}

void msc_run_estimate(struct msc_runner *r, const struct msc_scenarios *all)
{
	struct msc_estimate *e = &r->estimate;
	char why[256];

	e->quickest_ns = msc_session_quickest(r->session);
	if (msc_session_readiness(r->session, r->o->lun) == MSC_READINESS_READY &&
	    !msc_session_has_hung(r->session))
		e->ready_ns = msc_now(r->target->clock) - r->began_ns;
	for (size_t i = 0; i < all->count; i++) {
		struct msc_cost c;

		r->s = all->list[i];
		if (msc_run_obstacle(r, why, sizeof why))
			continue;
		c = msc_run_cost(r->s, &r->env, e->quickest_ns);
		add(&e->left, &c, 1);
		e->cases++;
	}
	r->s = NULL;
	tell(r, msc_now(r->target->clock) - r->began_ns, left(r));
}

int64_t msc_run_left(const struct msc_runner *r)
{
	return r->estimate.done < LEFT_FROM ? 0 : middle(left(r));
}

void msc_run_estimate_case(struct msc_runner *r, int64_t took)
{
	struct msc_estimate *e = &r->estimate;
	const struct msc_cost c = msc_run_cost(r->s, &r->env, e->quickest_ns);
	int64_t elapsed = msc_now(r->target->clock) - r->began_ns, total, lost;
	struct range rest;

	add(&e->left, &c, -1);
	e->done++;
	lost = took - c.wait_ns - middle(cost(e, &c, 1000));
	if (e->hung && lost > 0) {
		e->hang_ns = e->n_hung ? (e->hang_ns + lost) / 2 : lost;
		e->n_hung++;
	} else {
		add(&e->past, &c, 1);
		e->past_ns += took;
	}
	e->hung = false;
	rest = left(r);
	total = elapsed + middle(rest);
	if (e->done < e->cases && (total < e->low_ns || total > e->high_ns))
		tell(r, elapsed, rest);
}
