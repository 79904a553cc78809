/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of control requests and descriptors. */
#include "judge_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MAX_LUN	   "control a1 fe 0 0 1 "
#define EIGHT_BYTES "0803000000000000" /* as many as bMaxPacketSize0 of the unit records */
#define DEVICE	   "control 80 6 100 0 18 done "
#define CONFIG	   "control 80 6 200 0 255 done "
#define QUALIFIER  "control 80 6 600 0 10 "
#define SERIAL	   "control 80 6 303 409 255 done "
#define DEV_HEAD   "1201100100000040"
#define DEV_TAIL   "25056a4e990101020301"
#define CONF_HEAD  "09022000010100c032"
#define INTERFACE  "0904000002080650" "00"
#define BULK_IN	   "07058102400000"
#define BULK_OUT   "07050202400000"
#define SUPER	   "speed super; "
#define SS_HEAD	   "09022c00010100c032" INTERFACE
#define SS_IN	   "07058102000400"
#define SS_OUT	   "07050202000400"
#define SS_BURST   "06300f000000"
#define OTHER	   "control 80 6 700 0 255 done "
#define OTHER_HEAD "09072000010100c032"
#define HIGH_QUALIFIER "speed high; " QUALIFIER "done 0a060002000000400100; "
#define SERIAL_OK  "1a03" "300031003200330034003500360037003800390041004200"

static const struct judge_row rows[] = {
	/* Get Max LUN */
	{ "bot.maxlun.fields", "control a1 fe 1 0 1 stall; control a1 fe 0 7 1 stall",
	  "control a1 fe 1 0 1 done 00", "wValue 1", "STALL", "done" },
	{ "bot.maxlun.fields", "control a1 fe 0 0 2 done 00; control a1 fe 0 0 0 done",
	  "control a1 fe 0 7 1 done 00", "wIndex 7", NULL, NULL },
	{ "bot.maxlun.length", MAX_LUN "done 00", MAX_LUN "done", "0 bytes", "1", "0" },
	{ "bot.maxlun.range", MAX_LUN "done 0f", MAX_LUN "done 10", "logical unit is 16", "0 to 15",
	  "16" },
	{ "bot.maxlun.stable", MAX_LUN "done 01;" MAX_LUN "done 01",
	  MAX_LUN "done 01; control a1 fe 1 0 1 stall;" MAX_LUN "done 02", "gave 2, and 1 before",
	  NULL, NULL },
	{ "bot.maxlun.stable", MAX_LUN "stall;" MAX_LUN "stall", MAX_LUN "stall;" MAX_LUN "done 00",
	  "answered with done, and with STALL before", NULL, NULL },

	/* endpoint 0 */
	{ "usb.control.answer", "control c0 55 0 0 8 stall", "control c0 55 0 0 8 timeout",
	  "time-out", "done or STALL", "time-out" },
	{ "usb.control.zlp", "control 80 6 300 0 255 done " EIGHT_BYTES,
	  "control 80 6 300 0 255 timeout " EIGHT_BYTES, "8 of 255 bytes came",
	  "a zero-length packet behind 8 bytes", "time-out" },
	{ "usb.control.status", "control 80 0 0 0 2 done 0000", "control 80 0 0 0 2 timeout 0000",
	  "all of the 2 bytes came, and the status stage", "an ACK", "time-out" },
	{ "usb.control.status", "control 80 0 0 0 2 stall", "control 80 0 0 0 2 stall 0000",
	  "all of the 2 bytes came, and the status stage", "an ACK", "STALL" },
	{ "usb.control.excess", "control a1 fe 0 0 1 done 00", "control a1 fe 0 0 1 babble",
	  "more came than the 1 bytes", "1 bytes at most", NULL },
	{ "usb.control.time", "control 80 0 0 0 2 done 0000; took 400; reset in; took 150",
	  "control 80 0 0 0 2 done 0000; took 2000", "took 2.000 s", "at most 550.0 ms",
	  "2.000 s" },
	{ "usb.control.time", "reset in; took 199", "reset in; took 900", "took 900.0 ms",
	  "at most 50.00 ms", "900.0 ms" },
	{ "usb.control.stall", "control 0 7 0 0 64 stall; " MAX_LUN "done 00",
	  "control 0 7 0 0 64 stall; " MAX_LUN "timeout",
	  "after one with 64 bytes of data from the host, which was refused", "done or STALL",
	  "time-out" },
	{ "usb.control.stall", QUALIFIER "stall; " MAX_LUN "done 00",
	  QUALIFIER "stall;" MAX_LUN "timeout", "after a STALL", "done or STALL", "time-out" },

	/* what is not there */
	{ "usb.request.absent", "control 80 6 0 0 255 stall; control 81 0 0 7 2 done 0000",
	  "control 80 6 0 0 255 done 00", "GET_DESCRIPTOR of the type 0 was accepted", "STALL",
	  "done" },
	{ "usb.request.absent", "control 0 7 0 0 8 stall", "control 0 7 0 0 8 done",
	  "SET_DESCRIPTOR of the type 0 was accepted", "STALL", "done" },
	{ "usb.request.absent", "control 1 b 100 0 0 stall", "control 1 b 100 0 0 done",
	  "SET_INTERFACE of interface 0 with the setting 256 was accepted", "STALL", "done" },

	/* device and qualifier */
	{ "usb.device.form", DEVICE DEV_HEAD DEV_TAIL, DEVICE DEV_HEAD, "8 came", "18", "8" },
	{ "usb.device.form", "control 80 6 100 0 8 done " DEV_HEAD,
	  DEVICE "1203100100000040" DEV_TAIL, "bDescriptorType 3", "18 and 1", NULL },
	{ "usb.device.form", "control 80 6 100 0 64 done " DEV_HEAD DEV_TAIL,
	  DEVICE DEV_HEAD "25056a4e990101020300", "bNumConfigurations is 0", NULL, NULL },
	{ "bot.device.class", DEVICE "12010002ef020140" DEV_TAIL,
	  DEVICE "1201000208065040" DEV_TAIL, "are 08h, 06h and 50h",
	  "00h: the class is that of the interface", "08h" },
	{ "usb.device.packet", "speed high; " DEVICE "1201000200000040" DEV_TAIL,
	  "speed high; " DEVICE "1201000200000020" DEV_TAIL, "bMaxPacketSize0 is 32 at high speed",
	  "64", "32" },
	{ "usb.device.packet", DEVICE "1201000200000008" DEV_TAIL,
	  DEVICE "1201100100000007" DEV_TAIL, "is 7", "8, 16, 32 or 64", "7" },
	{ "usb.device.packet", "speed unknown; " DEVICE "1201000300000009" DEV_TAIL,
	  "speed unknown; " DEVICE "1201000200000009" DEV_TAIL, "is 9",
	  "8, 16, 32 or 64; of a SuperSpeed device 9", "9" },
	{ "usb.device.version", DEVICE "1201000200000040" DEV_TAIL,
	  DEVICE "1201020000000040" DEV_TAIL, "bcdUSB is 0002h", "at least 0100h", "0002h" },
	{ "usb.device.version", DEVICE "1201010200000040" DEV_TAIL,
	  "speed high; " DEVICE "1201100100000040" DEV_TAIL, "at high speed", "at least 0200h",
	  "0110h" },
	{ "usb.device.version", NULL, DEVICE "12010b0200000040" DEV_TAIL, "020Bh", NULL, NULL },
	{ "usb.qualifier.form", "speed high; " QUALIFIER "done 0a060002000000400100",
	  "speed high; " QUALIFIER "stall", "refuses", "10 bytes", "STALL" },
	{ "usb.qualifier.form", QUALIFIER "stall", QUALIFIER "done 0a060002000000400001",
	  "bNumConfigurations 0, bReserved 1", NULL, NULL },

	/* BOS, status, setting */
	{ "usb.bos.form", "control 80 6 f00 0 255 done 050f0c000107100202000000",
	  "control 80 6 f00 0 255 done 050f0c000207100202000000", "bNumDeviceCaps is 2",
	  NULL, NULL },
	{ "usb.bos.form", "control 80 6 f00 0 5 done 050f0c0001",
	  "control 80 6 f00 0 255 done 050f0c00010710", "wTotalLength of the BOS descriptor is 12",
	  "12", "7" },
	{ "usb.bos.form", "control 80 6 f00 0 255 stall",
	  "control 80 6 f00 0 255 done 050f0c000107110202000000", "do not follow one another",
	  NULL, NULL },
	{ "usb.status.device", "control 80 0 0 0 2 done 0100", "control 80 0 0 0 2 done 0004",
	  "reserved bits", "0000h", "0400h" },
	{ "usb.status.device", "speed unknown; control 80 0 0 0 2 done 0d00",
	  "control 80 0 0 0 2 done 0d00", "reserved bits", NULL, "000Dh" },
	{ "usb.interface.setting", "control 81 a 0 0 1 done 00", "control 81 a 0 0 1 done ff",
	  "the setting in force is 255", "0", "255" },
	{ "usb.interface.setting", "control 81 a 0 1 1 stall", "control 81 a 0 0 1 stall",
	  "GET_INTERFACE was refused", "0", "STALL" },
	{ "usb.configuration.value", "control 0 9 0 0 0 done; control 80 8 0 0 1 done 00",
	  "control 0 9 0 0 0 done; control 80 8 0 0 1 done 01",
	  "GET_CONFIGURATION says 1, and SET_CONFIGURATION has set 0", "0", "1" },
	{ "usb.configuration.value", "control 0 9 2 0 0 stall", "control 0 9 0 0 0 stall",
	  "with the value 0 was refused", "done", "STALL" },
	{ "usb.configuration.value",
	  "control 0 9 0 0 0 done; control 0 9 1 0 0 done; control 80 8 0 0 1 done 01",
	  "control 0 9 0 0 0 done; control 0 9 1 0 0 done; control 80 8 0 0 1 done 00",
	  "GET_CONFIGURATION says 0, and SET_CONFIGURATION has set 1", "1", "0" },
	{ "usb.request.absent", "control 0 9 1 0 0 done; control 0 9 2 0 0 stall",
	  "control 0 9 2 0 0 done", "SET_CONFIGURATION with the value 2 was accepted", "STALL",
	  "done" },
	{ "bot.reset.completes", "control 0 9 0 0 0 done; control 0 9 1 0 0 done",
	  "control 0 9 0 0 0 done; control 0 9 1 0 0 stall",
	  "SET_CONFIGURATION after one with the value 0", "done", "STALL" },

	{ "usb.feature.wakeup", "wakes; control 0 3 1 0 0 done", "wakes; control 0 3 1 0 0 stall",
	  "SET_FEATURE(DEVICE_REMOTE_WAKEUP) is refused", "done", "STALL" },
	{ "usb.string.named",
	  "control 80 6 300 0 255 done 04030904; control 80 6 304 409 255 stall",
	  "control 80 6 300 0 255 done 04030904; control 80 6 302 409 255 stall",
	  "iProduct is 2, and that string is refused", "a string", "STALL" },

	/* configuration */
	{ "usb.config.count", "control 80 6 201 0 255 stall", "control 80 6 200 0 255 stall",
	  "configuration number 0", "a configuration", "STALL" },
	{ "usb.config.power", CONFIG CONF_HEAD INTERFACE BULK_IN BULK_OUT,
	  CONFIG "09022000010100c0ff" INTERFACE BULK_IN BULK_OUT, "which means 510 mA",
	  "at most 250", "255" },
	{ "usb.config.length", CONFIG CONF_HEAD INTERFACE BULK_IN BULK_OUT,
	  CONFIG CONF_HEAD INTERFACE BULK_IN, "25 came, and wTotalLength is 32", "32", "25" },
	{ "usb.config.length", "control 80 6 200 0 9 done " CONF_HEAD, CONFIG "09020500010100c032",
	  "wTotalLength 5", "at least 9", NULL },
	{ "usb.config.length", "control 80 6 200 0 32 done " CONF_HEAD INTERFACE BULK_IN BULK_OUT,
	  "control 80 6 200 0 1 done 09; control 80 6 200 0 9 done 09042000010100c032",
	  "bDescriptorType 4", NULL, NULL },
	{ "usb.config.walk", "control 80 6 200 0 20 done " CONF_HEAD INTERFACE "0705",
	  CONFIG CONF_HEAD INTERFACE BULK_IN "00050202400000", "offset 25 of 32", NULL,
	  "bLength 0" },
	{ "usb.config.walk", NULL, CONFIG CONF_HEAD INTERFACE BULK_IN "08050202400000", "offset 25",
	  NULL, "bLength 8" },
	{ "usb.config.walk", NULL, CONFIG CONF_HEAD INTERFACE BULK_IN "02050502400000", "offset 25",
	  NULL, "bLength 2" },
	{ "usb.config.interfaces",
	  CONFIG "09022900010100c032" INTERFACE BULK_IN BULK_OUT "090400010008066200",
	  CONFIG "09022000020100c032" INTERFACE BULK_IN BULK_OUT, "bNumInterfaces is 2, and 1", "1",
	  "2" },
	{ "usb.interface.endpoints", CONFIG CONF_HEAD INTERFACE BULK_IN BULK_OUT,
	  CONFIG CONF_HEAD "090400000308065000" BULK_IN BULK_OUT, "is 3, and 2 follow", "2", "3" },
	{ "usb.interface.endpoints", NULL,
	  CONFIG "09022700010100c032"
		 "090400000308065000" BULK_IN BULK_OUT BULK_IN,
	  "81h twice", NULL, "81h" },
	{ "usb.interface.endpoints", NULL, CONFIG CONF_HEAD INTERFACE BULK_IN "07050002400000",
	  "address 00h", NULL, "00h" },
	{ "usb.endpoint.packet", CONFIG CONF_HEAD INTERFACE "07058102080000" BULK_OUT,
	  CONFIG CONF_HEAD INTERFACE "07058102000200" BULK_OUT, "81h is 512 at full speed",
	  "8, 16, 32 or 64", "512" },
	{ "usb.endpoint.packet",
	  "speed high; " CONFIG CONF_HEAD INTERFACE "07058102000200"
	  "07050202000200",
	  "speed high; " CONFIG CONF_HEAD INTERFACE "07058102000200" BULK_OUT,
	  "02h is 64 at high speed", "512", "64" },
	{ "usb.endpoint.packet", SUPER CONFIG SS_HEAD SS_IN SS_BURST SS_OUT SS_BURST,
	  SUPER CONFIG CONF_HEAD INTERFACE SS_IN SS_OUT, "no SuperSpeed companion follows",
	  "a descriptor of type 30h and 6 bytes", NULL },
	{ "usb.endpoint.packet", SUPER CONFIG SS_HEAD SS_IN "063000000000" SS_OUT SS_BURST,
	  SUPER CONFIG SS_HEAD SS_IN "063010000000" SS_OUT SS_BURST, "81h has bMaxBurst 16",
	  "at most 15, and no streams in Bulk-Only Transport", NULL },
	{ "usb.endpoint.packet", NULL, SUPER CONFIG SS_HEAD SS_IN SS_BURST SS_OUT "063000040000",
	  "bmAttributes 04h", NULL, NULL },
	{ "usb.endpoint.packet", NULL,
	  SUPER CONFIG SS_HEAD "07058102000200" SS_BURST SS_OUT SS_BURST,
	  "81h is 512 at super speed", "1024", "512" },
	{ "usb.config.attributes", CONFIG "09022000010100a032" INTERFACE BULK_IN BULK_OUT,
	  CONFIG "090220000101000032" INTERFACE BULK_IN BULK_OUT, "bmAttributes 00h", NULL,
	  "1; 00h" },
	{ "usb.config.attributes", NULL, CONFIG "090220000100008032" INTERFACE BULK_IN BULK_OUT,
	  "bConfigurationValue is 0", NULL, "0; 80h" },
	{ "usb.otherspeed.form", HIGH_QUALIFIER OTHER OTHER_HEAD INTERFACE BULK_IN BULK_OUT,
	  HIGH_QUALIFIER OTHER OTHER_HEAD INTERFACE BULK_IN "07050202000200",
	  "02h is 512 at full speed", "8, 16, 32 or 64", "512" },
	{ "usb.otherspeed.form",
	  "speed full; " OTHER OTHER_HEAD INTERFACE "07058102000200"
	  "07050202000200",
	  HIGH_QUALIFIER OTHER CONF_HEAD INTERFACE BULK_IN BULK_OUT, "bDescriptorType 2",
	  "9 and 7", NULL },
	{ "usb.otherspeed.form", "speed high; control 80 6 700 0 9 stall",
	  HIGH_QUALIFIER "control 80 6 700 0 9 stall", "refuses to give", "a configuration",
	  "STALL" },
	{ "bot.interface.form", CONFIG CONF_HEAD INTERFACE BULK_IN BULK_OUT,
	  CONFIG CONF_HEAD "0904000002"
			   "08ff5000" BULK_IN BULK_OUT,
	  "bInterfaceSubClass is FFh", "06h (01h to 08h)", "FFh" },
	{ "bot.interface.form", NULL, CONFIG CONF_HEAD INTERFACE BULK_IN "07058202400000",
	  "no bulk-out", NULL, NULL },
	{ "bot.interface.form", NULL,
	  CONFIG CONF_HEAD "0904000002"
			   "08060000" BULK_IN BULK_OUT,
	  "no interface", NULL, NULL },

	/* strings */
	{ "usb.string.form", "control 80 6 300 0 255 done 04030904",
	  "control 80 6 300 0 255 done 0203", "bLength is 2", "an even number of at least 4, and 3",
	  NULL },
	{ "usb.string.form", "control 80 6 301 409 2 done 0c03",
	  "control 80 6 301 409 255 done 0c0341004200", "6 came, and bLength is 12", "12", "6" },
	{ "usb.string.form", "control 80 6 305 409 255 stall",
	  "control 80 6 301 409 255 done 05034100", "bLength is 5",
	  "an even number of at least 2, and 3", NULL },
	{ "bot.serial.present", DEVICE DEV_HEAD DEV_TAIL, DEVICE DEV_HEAD "25056a4e990101020001",
	  "no serial number", NULL, "0" },
	{ "bot.serial.length", SERIAL SERIAL_OK, SERIAL "0e03310032003300340035003600",
	  "'123456' has 6 characters", "at least 12", "6" },
	{ "bot.serial.digits", "control 80 6 302 409 255 done 04036100",
	  SERIAL "1a03"
		 "300031003200330034003500360037003800390061004200",
	  "character 11 of the serial number '0123456789aB'", "0 to 9, A to F", NULL },
	{ "bot.serial.zero",
	  SERIAL "1c03"
		 "30003000300030003000300030003000300030003000300031"
		 "00",
	  SERIAL "1a03"
		 "300030003000300030003000300030003000300030003000",
	  "all '0'", NULL, NULL },
	{ "bot.serial.stable", SERIAL SERIAL_OK ";" SERIAL SERIAL_OK,
	  SERIAL SERIAL_OK ";" SERIAL "1a03"
			   "300031003200330034003500360037003800390041004300",
	  "not the one that was read before", "the same again", NULL },
};

static void each_rule_finds_its_defect_and_nothing_else(void **state)
{
	(void)state;
	judge_rows(rows, MSC_COUNT(rows));
}

static void conforming_devices_give_no_finding(void **state)
{
	static const char *const scripts[] = {
		/* the other interface of a composite device answers for itself */
		"interface 1; interface 3; control a1 fe 0 3 1 done 05; control 21 ff 0 1 0 done",
		"interface 1; control a1 fe 0 1 1 stall; control a1 fe 0 9 1 stall;"
		" control a1 fe 0 101 1 stall",
		"control 21 ff 0 0 0 done; control 21 ff 0 0 0 cancelled",
		MAX_LUN "stall; control a1 fe 1 0 1 stall; control a1 fe 0 0 1 stall",
		/* every speed */
		DEVICE "1201000200000010" DEV_TAIL,
		DEVICE "1201990900000020" DEV_TAIL,
		"speed low; " DEVICE "1201100100000008" DEV_TAIL,
		"speed super; " DEVICE "1201200300000009" DEV_TAIL,
		SUPER CONFIG SS_HEAD SS_IN SS_BURST SS_OUT SS_BURST,
		/* streams of a UAS setting beside it */
		SUPER CONFIG "09024f00010100c032" INTERFACE SS_IN SS_BURST SS_OUT SS_BURST
			     "0904000102080662" "00" SS_IN "06300f040000" SS_OUT "06300f040000",
		CONFIG CONF_HEAD INTERFACE "07058102100000" "07050202200000",
		QUALIFIER "stall; " DEVICE DEV_HEAD DEV_TAIL,
		"control 80 6 600 0 255 done 0a060002000000400100",
		/* other endpoints, class descriptors, another interface before it */
		CONFIG "09023b00020100c032"
		       "0904000001030100"
		       "00"
		       "0705830308000a"
		       "0904010003080650"
		       "00" BULK_IN "0705830308000a" BULK_OUT "040b0102",
		/* subclasses 01h to 06h */
		CONFIG CONF_HEAD "0904000002" "08015000" BULK_IN BULK_OUT,
		/* strings that are no serial numbers, and one that grew a digit of every kind */
		"control 80 6 301 409 255 done 0603e4006100;" SERIAL "2203"
		"3000390041004600300031003200330034003500360037003800390042004300",
		SERIAL SERIAL_OK "; control 80 6 303 407 255 done 1c03"
				 "3000310032003300340035003600370038003900410042004300",
		"control 80 6 303 409 2 done 1a03;" SERIAL SERIAL_OK,
	};

	(void)state;
	judge_conforming(scripts, MSC_COUNT(scripts));
}

static void every_rule_has_a_row(void **state)
{
	static const char *const prefixes[] = {
		"bot.maxlun.",    "bot.interface.",  "bot.serial.",
		"usb.control.",   "usb.device.",     "usb.config.",
		"usb.interface.", "usb.endpoint.",   "usb.qualifier.",
		"usb.string.",    "usb.otherspeed.", "usb.request.",
		"usb.bos.",       "usb.status.",     NULL
	};

	(void)state;
	judge_coverage(rows, MSC_COUNT(rows), prefixes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_finds_its_defect_and_nothing_else),
		cmocka_unit_test(conforming_devices_give_no_finding),
		cmocka_unit_test(every_rule_has_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
