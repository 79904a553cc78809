/* SPDX-License-Identifier: BSD-2-Clause */
/* Who owns which pin. A peripheral claims all of its pins when it is initialised and keeps them until
 * another one claims one of them; then it is disabled as a whole, gives all of them up, and must
 * claim and initialise anew before it is used again. */
#include "firmware/lsd/core/internal.h"

static void release(struct lsd *l, enum lsd_id id)
{
	const struct lsd_peripheral *p = &lsd_peripherals[id];

	if (p->disable)
		p->disable(l);
	l->ready[id] = false;
	for (uint8_t i = 0; i < p->n_pins; i++) {
		l->owner[p->pins[i].pin] = 0;
		l->board->select(l->context, p->pins[i].pin, LSD_PIN_NONE);
	}
}

void lsd_claim_pins(struct lsd *l, enum lsd_id id)
{
	const struct lsd_peripheral *p = &lsd_peripherals[id];

	for (uint8_t i = 0; i < p->n_pins; i++) {
		uint8_t pin = p->pins[i].pin;

		if (l->owner[pin])
			release(l, (enum lsd_id)(l->owner[pin] - 1));
		l->owner[pin] = (uint8_t)(id + 1);
		l->board->select(l->context, pin, (enum lsd_function)p->pins[i].function);
	}
}
