/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of what descriptors promise: a configuration, a current, a feature that the device has to have then. */
#include "judge/facts.h"

#define MOST_POWER	 250 /* of 2 mA: USB 2.0, 7.2.1.4 */
#define MOST_POWER_SUPER 112 /* of 8 mA: USB 3.2, 11.4.5; 900 mA is no multiple */

static void config_power(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_control *c = &r->u.control;
	bool super = r->device->speed >= MSC_SPEED_SUPER;
	unsigned unit = super ? 8 : 2, most = super ? MOST_POWER_SUPER : MOST_POWER;
	uint8_t index;

	if (!msc_is_descriptor(r, MSC_DESC_CONFIGURATION, &index) || c->outcome != MSC_OUT_DONE ||
	    c->data_len < MSC_CONFIG_DESC_LEN || c->data[8] <= most)
		return;
	msc_found(j, "bMaxPower is %u, which means %u mA", c->data[8], c->data[8] * unit);
	msc_expected(j, "at most %u", most);
	msc_actual(j, "%u", c->data[8]);
}

const struct msc_rule msc_rule_usb_config_power = {
	.id = "usb.config.power",
	.title =
		"the device asks for no more current than a port gives: 500 mA, 900 mA at SuperSpeed",
	.spec = "USB 2.0, 7.2.1.4 and 9.6.3; USB 3.2, 9.6.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_FAIL},
	.why = "Linux and macOS choose no configuration that asks for more than the port can give, and "
	       "the device stays without a driver",
	.mistake = "bMaxPower is in units of 2 mA, and was filled with milliamperes or with FFh",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = config_power,
};

static void config_count(struct msc_judging *j, const struct msc_record *r)
{
	uint8_t index;

	if (!msc_is_descriptor(r, MSC_DESC_CONFIGURATION, &index) ||
	    r->u.control.outcome != MSC_OUT_STALL || index >= r->device->desc.configurations)
		return;
	msc_found(
		j,
		"bNumConfigurations is %u, and configuration number %u, counted from 0, is refused",
		r->device->desc.configurations, index);
	msc_expected(j, "a configuration");
	msc_actual(j, "STALL");
}

const struct msc_rule msc_rule_usb_config_count = {
	.id = "usb.config.count",
	.title = "as many configurations as bNumConfigurations says can be had",
	.spec = "USB 2.0, 9.6.1 and 9.4.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "hosts that read all of them, as Linux does, take the rest of the device for broken",
	.mistake = "bNumConfigurations counts those of both speeds, or one that was removed",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = config_count,
};

static void feature_wakeup(struct msc_judging *j, const struct msc_record *r)
{
	const struct msc_device *d = r->device;

	if (!msc_is_request(r, 0, MSC_STD_SET_FEATURE) ||
	    r->u.control.setup.value != MSC_FEATURE_REMOTE_WAKEUP || r->u.control.setup.index ||
	    r->u.control.outcome != MSC_OUT_STALL || r->past.unconfigured ||
	    d->config_len < MSC_CONFIG_DESC_LEN || !(d->config[7] & MSC_CONFIG_WAKEUP))
		return;
	msc_found(j,
		  "bmAttributes of the configuration is %02Xh: the device can wake the host, and "
		  "SET_FEATURE(DEVICE_REMOTE_WAKEUP) is refused",
		  d->config[7]);
	msc_expected(j, "done");
	msc_actual(j, "STALL");
}

const struct msc_rule msc_rule_usb_feature_wakeup = {
	.id = "usb.feature.wakeup",
	.title = "a device that says it can wake the host lets itself be told to",
	.spec = "USB 2.0, 9.4.9 and 9.6.3",
	.severity = {MSC_FAIL, MSC_FAIL, MSC_WARN},
	.why = "hosts send it before they suspend the device, macOS as soon as it is configured",
	.mistake = "bmAttributes was copied with bit 5 set: a disk has nothing to wake a host for",
	.fact = true,
	.on = MSC_RECORD_CONTROL,
	.judge = feature_wakeup,
};
