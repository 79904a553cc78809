/* SPDX-License-Identifier: BSD-2-Clause */
/* Control requests and descriptors of the USB 2.0 specification, chapter 9. */
#ifndef MSC_WIRE_USB_H
#define MSC_WIRE_USB_H

#include "wire/layout.h"

enum msc_speed {
	MSC_SPEED_UNKNOWN,
	MSC_SPEED_LOW,
	MSC_SPEED_FULL,
	MSC_SPEED_HIGH,
	MSC_SPEED_SUPER
};

/* "full", "high", ... */
const char *msc_speed_name(enum msc_speed);

/* USB 2.0, 9.3 */
#define MSC_SETUP_LEN 8
#define MSC_SETUP_FIELDS(F)                                                                        \
	F(u8, request_type, 0, "bmRequestType")                                                    \
	F(u8, request, 1, "bRequest")                                                              \
	F(le16, value, 2, "wValue")                                                                \
	F(le16, index, 4, "wIndex")                                                                \
	F(le16, length, 6, "wLength")
MSC_DECLARE_LAYOUT(setup, SETUP)

#define MSC_REQTYPE_IN		  0x80
#define MSC_REQTYPE_TYPE	  0x60
#define MSC_REQTYPE_STANDARD	  0x00
#define MSC_REQTYPE_CLASS	  0x20
#define MSC_REQTYPE_VENDOR	  0x40
#define MSC_REQTYPE_RECIPIENT	  0x1f
#define MSC_RECIPIENT_DEVICE	  0x00
#define MSC_RECIPIENT_INTERFACE	  0x01
#define MSC_RECIPIENT_ENDPOINT	  0x02

enum msc_std_request { /* USB 2.0, table 9-4 */
	MSC_STD_GET_STATUS = 0,
	MSC_STD_CLEAR_FEATURE = 1,
	MSC_STD_SET_FEATURE = 3,
	MSC_STD_SET_ADDRESS = 5,
	MSC_STD_GET_DESCRIPTOR = 6,
	MSC_STD_SET_DESCRIPTOR = 7,
	MSC_STD_GET_CONFIGURATION = 8,
	MSC_STD_SET_CONFIGURATION = 9,
	MSC_STD_GET_INTERFACE = 10,
	MSC_STD_SET_INTERFACE = 11,
};
#define MSC_FEATURE_ENDPOINT_HALT 0 /* USB 2.0, table 9-6 */
#define MSC_FEATURE_REMOTE_WAKEUP 1 /* of the device */
/* CLEAR_FEATURE(ENDPOINT_HALT) of the endpoint that wIndex names: USB 2.0, 9.4.1. One is made, and
 * any request looked at. */
struct msc_setup msc_setup_clear_halt(uint8_t ep);
/* SET_INTERFACE: USB 2.0, 9.4.10. */
struct msc_setup msc_setup_set_interface(uint8_t interface, uint8_t alternate);
bool msc_setup_clears_halt(const struct msc_setup *);
/* SET_CONFIGURATION, whatever the value: USB 2.0, 9.4.7. */
bool msc_setup_sets_configuration(const struct msc_setup *);
/* SET_INTERFACE of the interface with that number. */
bool msc_setup_sets_interface(const struct msc_setup *, uint8_t number);

enum msc_descriptor_type { /* USB 2.0, table 9-5 */
	MSC_DESC_DEVICE = 1,
	MSC_DESC_CONFIGURATION = 2,
	MSC_DESC_STRING = 3,
	MSC_DESC_INTERFACE = 4,
	MSC_DESC_ENDPOINT = 5,
	MSC_DESC_DEVICE_QUALIFIER = 6,
	MSC_DESC_OTHER_SPEED = 7,
	MSC_DESC_BOS = 0x0f,	   /* USB 3.2, 9.6.2; also of USB 2.01 and later */
	MSC_DESC_CAPABILITY = 0x10, /* of the device, in a BOS descriptor */
	MSC_DESC_COMPANION = 0x30, /* SuperSpeed endpoint companion: USB 3.2, 9.6.7 */
};

#define MSC_BOS_DESC_LEN 5 /* USB 3.2, table 9-12: bLength, type, wTotalLength, bNumDeviceCaps */

/* USB 2.0, table 9-8 */
#define MSC_DEVICE_DESC_LEN 18
#define MSC_DEVICE_DESC_FIELDS(F)                                                                  \
	F(u8, length, 0, "bLength")                                                                \
	F(u8, type, 1, "bDescriptorType")                                                          \
	F(le16, usb, 2, "bcdUSB")                                                                  \
	F(u8, device_class, 4, "bDeviceClass")                                                     \
	F(u8, subclass, 5, "bDeviceSubClass")                                                      \
	F(u8, protocol, 6, "bDeviceProtocol")                                                      \
	F(u8, max_packet0, 7, "bMaxPacketSize0")                                                   \
	F(le16, vendor, 8, "idVendor")                                                             \
	F(le16, product, 10, "idProduct")                                                          \
	F(le16, release, 12, "bcdDevice")                                                          \
	F(u8, i_manufacturer, 14, "iManufacturer")                                                 \
	F(u8, i_product, 15, "iProduct")                                                           \
	F(u8, i_serial, 16, "iSerialNumber")                                                       \
	F(u8, configurations, 17, "bNumConfigurations")
MSC_DECLARE_LAYOUT(device_desc, DEVICE_DESC)

/* USB 2.0, table 9-10 */
#define MSC_CONFIG_DESC_LEN 9
#define MSC_CONFIG_MAX	    4096 /* bytes that are looked at: a camera with a disk has 3000 */
#define MSC_CONFIG_DESC_FIELDS(F)                                                                  \
	F(u8, length, 0, "bLength")                                                                \
	F(u8, type, 1, "bDescriptorType")                                                          \
	F(le16, total_length, 2, "wTotalLength")                                                   \
	F(u8, interfaces, 4, "bNumInterfaces")                                                     \
	F(u8, value, 5, "bConfigurationValue")                                                     \
	F(u8, i_configuration, 6, "iConfiguration")                                                \
	F(u8, attributes, 7, "bmAttributes")                                                       \
	F(u8, max_power, 8, "bMaxPower")
MSC_DECLARE_LAYOUT(config_desc, CONFIG_DESC)

#define MSC_CONFIG_ONE	0x80 /* bit 7 of bmAttributes: reserved, and set */
#define MSC_CONFIG_WAKEUP 0x20 /* the device can wake the host */
#define MSC_CONFIG_ZERO 0x1f /* bits 4..0: reserved, and clear */

/* USB 2.0, table 9-12 */
#define MSC_INTERFACE_DESC_LEN 9
#define MSC_INTERFACE_DESC_FIELDS(F)                                                               \
	F(u8, length, 0, "bLength")                                                                \
	F(u8, type, 1, "bDescriptorType")                                                          \
	F(u8, number, 2, "bInterfaceNumber")                                                       \
	F(u8, alternate, 3, "bAlternateSetting")                                                   \
	F(u8, endpoints, 4, "bNumEndpoints")                                                       \
	F(u8, interface_class, 5, "bInterfaceClass")                                               \
	F(u8, subclass, 6, "bInterfaceSubClass")                                                   \
	F(u8, protocol, 7, "bInterfaceProtocol")                                                   \
	F(u8, i_interface, 8, "iInterface")
MSC_DECLARE_LAYOUT(interface_desc, INTERFACE_DESC)

/* USB 2.0, table 9-13 */
#define MSC_ENDPOINT_DESC_LEN 7
#define MSC_ENDPOINT_DESC_FIELDS(F)                                                                \
	F(u8, length, 0, "bLength")                                                                \
	F(u8, type, 1, "bDescriptorType")                                                          \
	F(u8, address, 2, "bEndpointAddress")                                                      \
	F(u8, attributes, 3, "bmAttributes")                                                       \
	F(le16, max_packet, 4, "wMaxPacketSize")                                                   \
	F(u8, interval, 6, "bInterval")
MSC_DECLARE_LAYOUT(endpoint_desc, ENDPOINT_DESC)

#define MSC_COMPANION_DESC_LEN 6    /* USB 3.2, 9.6.7 */
#define MSC_COMPANION_STREAMS  0x1f /* of bmAttributes of a bulk endpoint's */

#define MSC_EP_IN	   0x80 /* bit 7 of bEndpointAddress */
#define MSC_EP_NUMBER	   0x0f
#define MSC_EP_TYPE	   0x03 /* of bmAttributes */
#define MSC_EP_TYPE_BULK   0x02
#define MSC_MAX_PACKET	   0x07ff /* bits 10..0 of wMaxPacketSize */

/* USB 2.0, table 9-9 */
#define MSC_QUALIFIER_DESC_LEN 10
#define MSC_QUALIFIER_DESC_FIELDS(F)                                                               \
	F(u8, length, 0, "bLength")                                                                \
	F(u8, type, 1, "bDescriptorType")                                                          \
	F(le16, usb, 2, "bcdUSB")                                                                  \
	F(u8, device_class, 4, "bDeviceClass")                                                     \
	F(u8, subclass, 5, "bDeviceSubClass")                                                      \
	F(u8, protocol, 6, "bDeviceProtocol")                                                      \
	F(u8, max_packet0, 7, "bMaxPacketSize0")                                                   \
	F(u8, configurations, 8, "bNumConfigurations")                                             \
	F(u8, reserved, 9, "bReserved")
MSC_DECLARE_LAYOUT(qualifier_desc, QUALIFIER_DESC)

#endif
