/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of descriptors that name what is not there, and of standard requests that say something else than the
 * descriptors, as rows: see table.h. */
#include "firmware/fault/table.h"

#define GET_STATUS_OF_ANYTHING \
	{REQUEST_TYPE, HAS, MSC_REQTYPE_IN}, {REQUEST_TYPE, LACKS, MSC_REQTYPE_TYPE},          \
	{REQUEST, IS, MSC_STD_GET_STATUS}
#define CONFIGURATION_LEN 32 /* of one interface with two endpoints */

static const struct msc_fault rows[] = {
	{ "qualifier-packet",
	  "bMaxPacketSize0 of the device_qualifier is none that the other speed has", NULL,
	  "usb.qualifier.form", .target = "speed=high",
	  .mistake = "device_qualifier has eight bytes of the device descriptor behind its type: "
		     "bMaxPacketSize0 is byte 7 of both",
	  DEFECT({ AT_CONTROL_IN, { DESCRIPTOR(DEVICE_QUALIFIER) }, { { BYTE(7), PUT, 0 } } }) },
	{ "qualifier-version", "bcdUSB of the device_qualifier is below 2.00", NULL,
	  "usb.qualifier.form", .target = "speed=high",
	  .mistake = "a device that can do high speed is one of USB 2.0 at full speed as well",
	  DEFECT({ AT_CONTROL_IN,
		   { DESCRIPTOR(DEVICE_QUALIFIER) },
		   { { LE16(2), PUT, 0x0110 } } }) },
	{ "qualifier-count", "bNumConfigurations of the device_qualifier is 0",
	  "https://github.com/cherry-embedded/CherryUSB/commit/7ec7891f: 0, so that hosts "
	  "do not ask for the other speed",
	  "usb.qualifier.form", .target = "speed=high",
	  .mistake = "bNumConfigurations is how many there are at the other speed",
	  DEFECT({ AT_CONTROL_IN, { DESCRIPTOR(DEVICE_QUALIFIER) }, { { BYTE(8), PUT, 0 } } }) },
	{ "qualifier-length", "bLength of the device_qualifier is that of a device descriptor",
	  "https://github.com/hathach/tinyusb/commit/183c5ef02", "usb.qualifier.form",
	  .target = "speed=high",
	  .mistake = "a device_qualifier has 10 bytes, a device descriptor 18",
	  DEFECT({ AT_CONTROL_IN, { DESCRIPTOR(DEVICE_QUALIFIER) }, { { BYTE(0), PUT, 18 } } }) },
	{ "config-power", "bMaxPower is more than 500 mA",
	  "https://github.com/adafruit/Adafruit_TinyUSB_Arduino/pull/529, which takes 510 mA for the "
	  "limit",
	  "usb.config.power",
	  .mistake = "bMaxPower is in units of 2 mA, and 500 mA is the most: 250",
	  DEFECT({ AT_CONTROL_IN, { DESCRIPTOR(CONFIGURATION) }, { { BYTE(8), PUT, 255 } } }) },
	{ "config-count", "bNumConfigurations counts a configuration that is not there",
	  "https://github.com/dorssel/usbipd-win/issues/54: 2, of which one can be had at each speed",
	  "usb.config.count",
	  .mistake = "bNumConfigurations counts those of the present speed alone",
	  DEFECT({ AT_CONTROL_IN, { DESCRIPTOR(DEVICE) }, { { BYTE(17), PUT, 2 } } }) },
	{ "config-overlong", "the whole configuration is sent, however little the host asks for",
	  "https://github.com/davidthings/tinyfpga_bx_usbserial/pull/13: the length is ignored, and "
	  "the entire descriptor sent", "usb.control.excess",
	  .mistake = "the answer is as long as the descriptor: send wLength bytes at most",
	  DEFECT({ AT_EP0_IN,
		   { { STATUS_STAGE, IS, 0 },
		     DESCRIPTOR(CONFIGURATION),
		     { REQUEST_LENGTH, BELOW, CONFIGURATION_LEN },
		     { LEN, ABOVE, 0 } },
		   { { LEN, PUT, CONFIGURATION_LEN } } }) },
	{ "config-padded",
	  "the configuration is followed by the rest of the buffer that it was made in",
	  NULL, "usb.config.length",
	  .mistake = "sizeof the buffer is sent instead of wTotalLength",
	  DEFECT({ AT_CONTROL_IN,
		   { DESCRIPTOR(CONFIGURATION), { LEN, IS, CONFIGURATION_LEN } },
		   { { LEN, PUT, 62 } } }) },
	{ "string-absent", "iProduct names a string that is refused",
	  "https://github.com/PaulStoffregen/cores/issues/293: the enumeration of a host on a "
	  "microcontroller stops there",
	  "usb.string.named",
	  .mistake =
		  "a descriptor names a string that the table does not have: the index is 0 where "
		  "there is none",
	  DEFECT({ AT_SETUP,
		   { DESCRIPTOR(STRING), { VALUE, IS, MSC_DESC_STRING << 8 | 2 } },
		   .then = REFUSE }) },
	{ "wakeup-refused",
	  "bmAttributes says that the device can wake the host, and SET_FEATURE for it is refused",
	  "https://github.com/RIOT-OS/RIOT/pull/19800: hubs disable the port of such a device",
	  "usb.feature.wakeup",
	  .mistake = "bit 5 of bmAttributes was copied, and DEVICE_REMOTE_WAKEUP is not handled: "
		     "clear the bit",
	  DEFECT({ AT_CONTROL_IN,
		   { DESCRIPTOR(CONFIGURATION), { LEN, ABOVE, 7 } },
		   { { BYTE(7), SET, MSC_CONFIG_WAKEUP } } }) },
	{ "configuration-unsaid", "GET_CONFIGURATION always gives 0",
	  "https://github.com/greatscottgadgets/hackrf/issues/111", "usb.configuration.value",
	  .mistake = "the value that SET_CONFIGURATION gave is not kept",
	  DEFECT({ AT_CONTROL_IN,
		   { STANDARD(MSC_REQTYPE_IN, GET_CONFIGURATION) },
		   { { BYTE(0), PUT, 0 } } }) },
	{ "configuration-constant", "GET_CONFIGURATION always gives 1",
	  "https://github.com/libopencm3/libopencm3/pull/596: the value of a device that is not "
	  "configured",
	  "usb.configuration.value",
	  .mistake =
		  "GET_CONFIGURATION gives bConfigurationValue of the only configuration: it is 0 "
		  "until one was set, and after SET_CONFIGURATION with 0",
	  DEFECT({ AT_CONTROL_IN,
		   { STANDARD(MSC_REQTYPE_IN, GET_CONFIGURATION) },
		   { { BYTE(0), PUT, 1 } } }) },
	{ "hang-set-interface", "SET_INTERFACE is neither acknowledged nor refused",
	  "https://github.com/google/gousb/issues/36: a library that sends it always locks the device up",
	  "usb.control.answer",
	  .mistake = "SET_INTERFACE is handed to a class that does not know it: refuse it, or "
		     "acknowledge the setting in force",
	  DEFECT({ AT_SETUP,
		   { STANDARD(MSC_RECIPIENT_INTERFACE, SET_INTERFACE) },
		   .then = SWALLOW }) },
	{ "hang-get-status", "GET_STATUS is neither answered nor refused",
	  "https://github.com/apache/nuttx/commit/cfeca506f8c: macOS asks a halted pipe "
	  "for its status",
	  "usb.control.answer",
	  .mistake = "the request is taken, and no data stage armed: give two bytes",
	  DEFECT({ AT_SETUP, { GET_STATUS_OF_ANYTHING }, .then = SWALLOW }) },
	{ "hang-get-status-device", "GET_STATUS of the device is neither answered nor refused",
	  "https://github.com/apache/nuttx/pull/19452: the two bytes are never queued, for no "
	  "recipient", "usb.control.answer",
	  .mistake = "the case of the device has no data stage: give two bytes, self-powered and "
		     "remote wake-up",
	  DEFECT({ AT_SETUP, { STANDARD(MSC_REQTYPE_IN, GET_STATUS) }, .then = SWALLOW }) },
};

const struct msc_fault_table msc_table_descriptor = { rows, MSC_COUNT(rows) };
