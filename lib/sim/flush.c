/* SPDX-License-Identifier: BSD-2-Clause */
/* When a cache of flash (flash.h) goes to the medium: at SYNCHRONIZE CACHE and at CSWs, which are recognised
 * where they pass the peripheral, so that no model has to know of it. */
#include "sim/internal.h"
#include "wire/bot.h"
#include "wire/scsi.h"

void flush_see_command(struct mcu *m, const uint8_t *packet, size_t len)
{
	struct msc_cbw cbw;

	if (len != MSC_CBW_LEN)
		return;
	msc_cbw_unpack(&cbw, packet);
	m->sync_asked = cbw.h.signature == MSC_CBW_SIGNATURE &&
			(cbw.cb[0] == MSC_OP_SYNCHRONIZE_CACHE_10 ||
			 cbw.cb[0] == MSC_OP_SYNCHRONIZE_CACHE_16);
}

void flush_see_status(struct mcu *m, const uint8_t *packet, size_t len)
{
	const struct sim_flash *c = &m->config->flash;
	struct msc_csw csw;
	int64_t ns = 0;

	if (len != MSC_CSW_LEN || !c->cache || !(m->sync_asked || c->flush))
		return;
	msc_csw_unpack(&csw, packet);
	if (csw.signature != MSC_CSW_SIGNATURE)
		return;
	m->sync_asked = false;
	for (uint8_t slot = 0; slot < MCU_SLOTS; slot++)
		if (card_flash(m, slot))
			ns += flash_flush(card_flash(m, slot));
	task_wait_for_medium(m, ns);
}

void flush_power_off(struct mcu *m)
{
	m->sync_asked = false;
	for (uint8_t slot = 0; slot < MCU_SLOTS; slot++)
		if (card_flash(m, slot))
			flash_forget(card_flash(m, slot));
}
