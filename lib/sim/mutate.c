/* SPDX-License-Identifier: BSD-2-Clause */
/* The seam between firmware and hardware at which mutants act: see mutant.h. Without a mutant
 * every function here passes straight through. */
#include <stdlib.h>
#include <string.h>

#include "sim/mutation.h"

struct mutation *mutation_new(const struct mutant_ops *const *ops, size_t n)
{
	struct mutation *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	x->ops = ops;
	x->n = n;
	x->state = calloc(n, sizeof *x->state);
	for (size_t i = 0; x->state && i < n; i++) {
		x->state[i] = calloc(1, ops[i]->state_size ? ops[i]->state_size : 1);
		if (!x->state[i]) {
			mutation_free(x);
			return NULL;
		}
		if (ops[i]->initial)
			memcpy(x->state[i], ops[i]->initial, ops[i]->state_size);
	}
	if (!x->state) {
		free(x);
		return NULL;
	}
	return x;
}

void mutation_free(struct mutation *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->n; i++)
		free(x->state[i]);
	free(x->state);
	free(x);
}

void mutation_opened(struct mcu *m, uint8_t ep, bool *keep_toggle, bool *keep_halt)
{
	struct mutation *x = m->mutation;

	*keep_toggle = *keep_halt = false;
	if (!x || !(ep & MSC_EP_NUMBER))
		return;
	if (ep & MSC_EP_IN)
		x->view.ep_in = ep;
	else
		x->view.ep_out = ep;
	for (size_t i = 0; i < x->n; i++)
		if (x->ops[i]->open)
			x->ops[i]->open(m, ep, keep_toggle, keep_halt, x->state[i]);
}

void mutation_reset(struct mcu *m)
{
	struct mutation *x = m->mutation;

	if (!x)
		return;
	x->view.in_command = false;
	for (size_t i = 0; i < x->n; i++)
		if (x->ops[i]->reset)
			x->ops[i]->reset(m, x->state[i]);
}

void mutation_suspended(struct mcu *m, bool suspended)
{
	struct mutation *x = m->mutation;

	for (size_t i = 0; x && i < x->n; i++)
		if (x->ops[i]->suspend)
			x->ops[i]->suspend(m, &x->view, suspended, x->state[i]);
}

void mutation_power_off(struct mcu *m)
{
	struct mutation *x = m->mutation;

	for (size_t i = 0; x && i < x->n; i++)
		if (x->ops[i]->power_off)
			x->ops[i]->power_off(m, x->state[i]);
}

enum mutant_verdict mutate_setup(struct mcu *m, struct msc_setup *setup)
{
	struct mutation *x = m->mutation;
	enum mutant_verdict v = MUTANT_PASS;

	for (size_t i = 0; x && i < x->n && v == MUTANT_PASS; i++)
		if (x->ops[i]->setup)
			v = x->ops[i]->setup(m, setup, x->state[i]);
	if (x)
		x->answer.len = x->answer.at = x->answer.whole = x->answer.more = 0;
	if (x && v == MUTANT_PASS &&
	    (setup->request_type & MSC_REQTYPE_TYPE) == MSC_REQTYPE_CLASS &&
	    setup->request == MSC_REQ_BULK_ONLY_RESET)
		x->view.in_command = false;
	return v;
}

/* Bulk-out bytes are data while a command wants more of it; else they are a wrapper. */
static bool is_data(const struct mutant_view *v, const uint8_t *buf, size_t len)
{
	if (!v->in_command || v->cbw.h.flags & MSC_CBW_FLAG_IN || !v->cbw.h.length)
		return false;
	return len != MSC_CBW_LEN || msc_get_le32(buf) != MSC_CBW_SIGNATURE;
}

static enum mutant_verdict new_command(struct mcu *m, struct mutation *x, uint8_t *buf)
{
	enum mutant_verdict v = MUTANT_PASS;
	uint8_t sent[MSC_CBW_LEN];
	struct msc_cbw seen;

	msc_cbw_unpack(&x->view.cbw, buf);
	x->view.in_command = true;
	x->view.commands++;
	x->view.data_sent = 0;
	seen = x->view.cbw;
	for (size_t i = 0; i < x->n && v == MUTANT_PASS; i++)
		if (x->ops[i]->command)
			v = x->ops[i]->command(m, &x->view, &seen, x->state[i]);
	memcpy(sent, buf, sizeof sent);
	msc_cbw_pack(buf, &seen);
	x->garbled = memcmp(sent, buf, sizeof sent) != 0;
	return v;
}

enum mutant_verdict mutate_received(struct mcu *m, uint8_t ep, uint8_t *buf, size_t *len)
{
	struct mutation *x = m->mutation;
	enum mutant_verdict v = MUTANT_PASS;

	if (!x || ep != x->view.ep_out)
		return MUTANT_PASS;
	if (*len == MSC_CBW_LEN && msc_get_le32(buf) == MSC_CBW_SIGNATURE &&
	    !is_data(&x->view, buf, *len))
		return new_command(m, x, buf);
	for (size_t i = 0; i < x->n && v == MUTANT_PASS; i++)
		if (x->ops[i]->received)
			v = x->ops[i]->received(m, &x->view, buf, len, x->state[i]);
	return v;
}

/* ---- towards the wire --------------------------------------------------------------------- */

static enum mutant_verdict run_csw(struct mcu *m, struct mutation *x, uint8_t *raw, size_t *len)
{
	enum mutant_verdict v = MUTANT_PASS;

	msc_csw_unpack(&x->view.last_csw, raw);
	x->view.csw_failed = x->view.last_csw.status != MSC_CSW_PASSED;
	for (size_t i = 0; i < x->n && v == MUTANT_PASS; i++)
		if (x->ops[i]->csw)
			v = x->ops[i]->csw(m, &x->view, raw, len, x->state[i]);
	x->view.in_command = false;
	return v;
}

static enum mutant_verdict run_data(struct mcu *m, struct mutation *x, uint8_t *buf, size_t *len,
				    size_t max)
{
	enum mutant_verdict v = MUTANT_PASS;
	size_t handed = *len;

	for (size_t i = 0; i < x->n && v == MUTANT_PASS; i++)
		if (x->ops[i]->data_in)
			v = x->ops[i]->data_in(m, &x->view, buf, len, max, x->state[i]);
	x->view.data_sent += (uint32_t)handed;
	return v;
}

void mutate_transmit(struct mcu *m, uint8_t ep, const void *buf, size_t len)
{
	struct mutation *x = m->mutation;
	enum mutant_verdict v;
	int64_t later_ns;
	uint8_t *copy;
	size_t n = len;

	if (!x || ep != x->view.ep_in) {
		udc_queue_in(m->udc, ep, buf, len, false, true);
		return;
	}
	copy = calloc(1, len + SPARE);
	if (!copy) {
		sim_fault(m->sim, "out of memory");
		return;
	}
	if (len)
		memcpy(copy, buf, len);
	x->n_after = 0;
	if (len == MSC_CSW_LEN && msc_get_le32(copy) == MSC_CSW_SIGNATURE)
		v = run_csw(m, x, copy, &n);
	else
		v = run_data(m, x, copy, &n, len + SPARE);
	later_ns = mutate_later(m);
	if (v == MUTANT_PASS) {
		udc_queue_in_later(m->udc, ep, copy, n, later_ns);
	} else {
		if (v == MUTANT_STALL)
			udc_raw_stall(m->udc, ep);
		udc_tell_sent(m->udc, ep);
	}
	for (unsigned i = 0; i < x->n_after; i++)
		udc_queue_in(m->udc, ep, x->after[i].data, x->after[i].len, true, false);
	free(copy);
}

void mutant_transmit(struct mcu *m, const void *data, size_t len)
{
	udc_queue_in(m->udc, m->mutation->view.ep_in, data, len, true, false);
}

void mutant_transmit_after(struct mcu *m, const void *data, size_t len)
{
	struct mutation *x = m->mutation;

	if (x->n_after == AFTER_MAX || len > SPARE)
		return;
	memcpy(x->after[x->n_after].data, data, len);
	x->after[x->n_after++].len = len;
}

void mutant_drop(struct mcu *m, uint8_t ep)
{
	udc_raw_drop(m->udc, ep);
}

void mutant_later(struct mcu *m, int64_t ns)
{
	m->mutation->later_ns += ns;
}

int64_t mutate_later(struct mcu *m)
{
	int64_t ns = m->mutation ? m->mutation->later_ns : 0;

	if (m->mutation)
		m->mutation->later_ns = 0;
	return ns;
}

void mutant_stall(struct mcu *m, uint8_t ep)
{
	udc_raw_stall(m->udc, ep);
}

void mutant_unstall(struct mcu *m, uint8_t ep)
{
	udc_raw_unstall(m->udc, ep, true);
}

void mutate_abort(struct mcu *m, uint8_t ep)
{
	struct mutation *x = m->mutation;
	bool pass = true;

	for (size_t i = 0; x && ep == x->view.ep_in && i < x->n && pass; i++)
		if (x->ops[i]->take_back)
			pass = x->ops[i]->take_back(m, &x->view, x->state[i]);
	if (pass)
		udc_raw_drop(m->udc, ep);
	else
		udc_raw_orphan(m->udc, ep);
}

void mutate_stall(struct mcu *m, uint8_t ep)
{
	struct mutation *x = m->mutation;
	bool pass = true;

	for (size_t i = 0; x && i < x->n && pass; i++)
		if (x->ops[i]->stall)
			pass = x->ops[i]->stall(m, &x->view, ep, x->state[i]);
	if (pass)
		udc_raw_stall(m->udc, ep);
}

void mutate_unstall(struct mcu *m, uint8_t ep, bool reset_toggle)
{
	struct mutation *x = m->mutation;
	bool pass = true;

	for (size_t i = 0; x && i < x->n && pass; i++)
		if (x->ops[i]->unstall)
			pass = x->ops[i]->unstall(m, &x->view, ep, &reset_toggle, x->state[i]);
	if (pass)
		udc_raw_unstall(m->udc, ep, reset_toggle);
}

bool mutate_card_read(struct mcu *m, uint64_t lba, uint32_t blocks, uint8_t *data)
{
	struct mutation *x = m->mutation;
	bool ok = true;

	for (size_t i = 0; x && i < x->n && ok; i++)
		if (x->ops[i]->card_read)
			ok = x->ops[i]->card_read(m, &x->view, lba, blocks, data, x->state[i]);
	return ok;
}

bool mutate_has_garbled(const struct mcu *m)
{
	return m->mutation && m->mutation->garbled;
}

bool mutate_has_address(const struct mcu *m)
{
	const struct mutation *x = m->mutation;

	for (size_t i = 0; x && i < x->n; i++)
		if (x->ops[i]->address)
			return true;
	return false;
}

uint64_t mutate_address(struct mcu *m, uint64_t lba, bool writing)
{
	struct mutation *x = m->mutation;

	for (size_t i = 0; x && i < x->n; i++)
		if (x->ops[i]->address)
			lba = x->ops[i]->address(m, &x->view, lba, writing, x->state[i]);
	return lba;
}

bool mutate_card_write(struct mcu *m, uint64_t *lba, uint32_t *blocks)
{
	struct mutation *x = m->mutation;
	bool ok = true;

	for (size_t i = 0; x && i < x->n && ok; i++)
		if (x->ops[i]->card_write)
			ok = x->ops[i]->card_write(m, &x->view, lba, blocks, x->state[i]);
	return ok;
}

bool mutate_has_card_data(const struct mcu *m)
{
	const struct mutation *x = m->mutation;

	for (size_t i = 0; x && i < x->n; i++)
		if (x->ops[i]->card_data)
			return true;
	return false;
}

void mutate_card_data(struct mcu *m, uint8_t slot, uint64_t lba, uint8_t *block, uint32_t size)
{
	struct mutation *x = m->mutation;

	for (size_t i = 0; x && i < x->n; i++)
		if (x->ops[i]->card_data)
			x->ops[i]->card_data(m, &x->view, slot, lba, block, size, x->state[i]);
}
