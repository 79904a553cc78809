/* SPDX-License-Identifier: BSD-2-Clause */
/* Legal ways to differ in descriptors and on endpoint 0, as rows: fault/table.h. */
#include "firmware/fault/table.h"
#include "firmware/variant/variant.h"

/* Places in a device descriptor (USB 2.0, table 9-8), and in a configuration of one interface with
 * two endpoints (tables 9-10, 9-12, 9-13). */
#define BCD_USB	       LE16(2)
#define BCD_DEVICE     LE16(12)
#define I_MANUFACTURER BYTE(14)
#define I_PRODUCT      BYTE(15)
#define VALUE_OF_IT    BYTE(5)
#define ATTRIBUTES     BYTE(7)
#define MAX_POWER      BYTE(8)
#define SUBCLASS       BYTE(9 + 6)
#define I_INTERFACE    BYTE(9 + 8)
#define INTERVAL_1     BYTE(18 + 6)
#define INTERVAL_2     BYTE(25 + 6)

#define IN_DEVICE(...)                                                                             \
	ROWS({AT_CONTROL_IN, {DESCRIPTOR(DEVICE)}, {__VA_ARGS__}})
#define IN_CONFIGURATION(...)                                                                      \
	ROWS({AT_CONTROL_IN, {DESCRIPTOR(CONFIGURATION)}, {__VA_ARGS__}})
#define SLOW(ns_) ROWS({AT_SETUP, .spin_ns = (ns_)})

static const struct msc_variant rows[] = {
	{ "power-500ma", "the configuration asks for 500 mA",
	  "USB 2.0, 9.6.3: bMaxPower in units of 2 mA", IN_CONFIGURATION({ MAX_POWER, PUT, 250 }) },
	{ "self-powered", "the device is powered by itself", "USB 2.0, 9.4.5 and table 9-10",
	  ROWS({ AT_CONTROL_IN,
		 { DESCRIPTOR(CONFIGURATION) },
		 { { ATTRIBUTES, SET, 0x40 }, { MAX_POWER, PUT, 0 } } },
	       { AT_CONTROL_IN,
		 { DESCRIPTOR(OTHER_SPEED) },
		 { { ATTRIBUTES, SET, 0x40 }, { MAX_POWER, PUT, 0 } } },
	       { AT_CONTROL_IN,
		 { STANDARD(MSC_REQTYPE_IN, GET_STATUS) },
		 { { BYTE(0), SET, 1 } } }) },
	{ "remote-wake-up", "the device can wake the host, once SET_FEATURE has enabled that",
	  "USB 2.0, 9.4.5, 9.4.9 and table 9-10",
	  ROWS({ AT_CONTROL_IN,
		 { DESCRIPTOR(CONFIGURATION) },
		 { { ATTRIBUTES, SET, MSC_CONFIG_WAKEUP } } },
	       { AT_CONTROL_IN,
		 { DESCRIPTOR(OTHER_SPEED) },
		 { { ATTRIBUTES, SET, MSC_CONFIG_WAKEUP } } },
	       { AT_RESET, .edit = { { MARK, PUT, 0 } } },
	       { AT_SETUP,
		 { STANDARD(0, SET_FEATURE), { VALUE, IS, MSC_FEATURE_REMOTE_WAKEUP } },
		 { { MARK, PUT, 1 } },
		 ACK },
	       { AT_SETUP,
		 { STANDARD(0, CLEAR_FEATURE), { VALUE, IS, MSC_FEATURE_REMOTE_WAKEUP } },
		 { { MARK, PUT, 0 } },
		 ACK },
	       { AT_CONTROL_IN,
		 { STANDARD(MSC_REQTYPE_IN, GET_STATUS), { MARK, IS, 1 } },
		 { { BYTE(0), SET, 2 } } }) },
	{ "no-strings", "there are no strings of manufacturer and product",
	  "USB 2.0, 9.6.1: index 0 means none; BOT 1.0, 4.1.1 asks for the serial number only",
	  IN_DEVICE({ I_MANUFACTURER, PUT, 0 }, { I_PRODUCT, PUT, 0 }) },
	{ "no-manufacturer", "there is no string of the manufacturer", "USB 2.0, 9.6.1",
	  IN_DEVICE({ I_MANUFACTURER, PUT, 0 }) },
	{ "interface-string", "the interface has a string", "USB 2.0, 9.6.5",
	  IN_CONFIGURATION({ I_INTERFACE, PUT, 2 }) },
	{ "usb-1-1", "a full-speed device of USB 1.1",
	  "USB 1.1, 9.6.1; BOT 1.0, 4.1: bcdUSB is the device's own", .knobs = "speed=full",
	  IN_DEVICE({ BCD_USB, PUT, 0x0110 }) },
	{ "full-speed-only", "a device that knows no other speed than full",
	  "USB 2.0, 9.6.2: it answers a request for device_qualifier with STALL",
	  .knobs = "speed=full",
	  ROWS({ AT_SETUP, { DESCRIPTOR(DEVICE_QUALIFIER) }, .then = REFUSE },
	       { AT_SETUP, { DESCRIPTOR(OTHER_SPEED) }, .then = REFUSE }) },
	{ "release-odd", "bcdDevice is 9999h", "USB 2.0, 9.6.1: the manufacturer's",
	  IN_DEVICE({ BCD_DEVICE, PUT, 0x9999 }) },
	{ "bulk-interval", "bInterval of the bulk endpoints is 255",
	  "USB 2.0, table 9-13: the NAK rate of bulk-out at high speed",
	  IN_CONFIGURATION({ INTERVAL_1, PUT, 255 }, { INTERVAL_2, PUT, 255 }) },
	{ "bulk-interval-full", "bInterval of the bulk endpoints is 255 at full speed",
	  "USB 2.0, table 9-13: not used there", .knobs = "speed=full",
	  IN_CONFIGURATION({ INTERVAL_1, PUT, 255 }, { INTERVAL_2, PUT, 255 }) },
	{ "configuration-5", "the configuration has the value 5",
	  "USB 2.0, 9.6.3: bConfigurationValue is the device's choice",
	  ROWS({ AT_CONTROL_IN, { DESCRIPTOR(CONFIGURATION) }, { { VALUE_OF_IT, PUT, 5 } } },
	       { AT_CONTROL_IN, { DESCRIPTOR(OTHER_SPEED) }, { { VALUE_OF_IT, PUT, 5 } } },
	       { AT_SETUP, { STANDARD(0, SET_CONFIGURATION), { VALUE, IS, 1 } }, .then = REFUSE },
	       { AT_SETUP,
		 { STANDARD(0, SET_CONFIGURATION), { VALUE, IS, 5 } },
		 { { VALUE, PUT, 1 } } },
	       { AT_CONTROL_IN,
		 { STANDARD(MSC_REQTYPE_IN, GET_CONFIGURATION), { BYTE(0), IS, 1 } },
		 { { BYTE(0), PUT, 5 } } }) },
	{ "language-german", "the strings are in German", "USB 2.0, 9.6.7: any LANGID",
	  ROWS({ AT_SETUP,
		 { DESCRIPTOR(STRING), { INDEX, IS, 0x0409 } },
		 { { INDEX, PUT, 0xffff } } },
	       { AT_SETUP,
		 { DESCRIPTOR(STRING), { INDEX, IS, 0x0407 } },
		 { { INDEX, PUT, 0x0409 } } },
	       { AT_CONTROL_IN,
		 { DESCRIPTOR(STRING), { VALUE, IS, 0x0300 } },
		 { { LE16(2), PUT, 0x0407 } } }) },
	{ "subclass-rbc", "the interface has subclass 01h (RBC)", "BOT 1.0, 4.3",
	  IN_CONFIGURATION({ SUBCLASS, PUT, 0x01 }) },
	{ "subclass-mmc", "the interface has subclass 02h (SFF-8020i, MMC-2)", "BOT 1.0, 4.3",
	  IN_CONFIGURATION({ SUBCLASS, PUT, 0x02 }) },
	{ "subclass-ufi", "the interface has subclass 04h (UFI)", "BOT 1.0, 4.3",
	  IN_CONFIGURATION({ SUBCLASS, PUT, 0x04 }) },
	{ "subclass-sff8070i", "the interface has subclass 05h (SFF-8070i)", "BOT 1.0, 4.3",
	  IN_CONFIGURATION({ SUBCLASS, PUT, 0x05 }) },
	{ "subclass-lsdfs", "the interface has subclass 07h (LSDFS)",
	  "Mass Storage Class Overview 1.4, table 1", IN_CONFIGURATION({ SUBCLASS, PUT, 0x07 }) },
	{ "subclass-ieee1667", "the interface has subclass 08h (IEEE 1667)",
	  "Mass Storage Class Overview 1.4, table 1", IN_CONFIGURATION({ SUBCLASS, PUT, 0x08 }) },
	{ "ep0-slow", "every control request takes 40 ms",
	  "USB 2.0, 9.2.6.4: 50 ms to the status stage, 500 ms to data", SLOW(40 * MSC_MS) },
	{ "self-powered-off",
	  "a device that can be powered by itself is powered by the bus at present",
	  "USB 2.0, 9.4.5 and table 9-10: GET_STATUS is about now",
	  ROWS({ AT_CONTROL_IN, { DESCRIPTOR(CONFIGURATION) }, { { ATTRIBUTES, SET, 0x40 } } },
	       { AT_CONTROL_IN, { DESCRIPTOR(OTHER_SPEED) }, { { ATTRIBUTES, SET, 0x40 } } }) },
	{ "power-0", "the configuration asks for no power", "USB 2.0, 9.6.3: bMaxPower 0",
	  IN_CONFIGURATION({ MAX_POWER, PUT, 0 }) },
	{ "class-miscellaneous", "bDeviceClass, subclass and protocol are EFh, 02h and 01h",
	  "USB ECN of interface association descriptors: of composite devices",
	  .knobs = "composite=1",
	  IN_DEVICE({ BYTE(4), PUT, 0xef }, { BYTE(5), PUT, 0x02 }, { BYTE(6), PUT, 0x01 }) },
	{ "set-interface-refused", "SET_INTERFACE of the only setting is refused",
	  "USB 2.0, 9.4.10: a STALL may be returned then",
	  ROWS({ AT_SETUP, { STANDARD(MSC_RECIPIENT_INTERFACE, SET_INTERFACE) }, .then = REFUSE }) },
};
const struct msc_variant_table msc_variants_usb = { rows, MSC_COUNT(rows) };
