/* SPDX-License-Identifier: BSD-2-Clause */
/* A libusb made of counters: any of its calls can be made to fail, and what was taken and not given
 * back shows. A test puts it in the place of the real one with -Wl,--wrap. */
#ifndef MSC_TESTS_FAKE_LIBUSB_H
#define MSC_TESTS_FAKE_LIBUSB_H

#include <libusb.h>

#include "transport/disk_holders.h"
#include "transport/usb_guardian.h"
#include "transport/usb_host.h"

enum fake_call {
	FAKE_NONE,
	FAKE_INIT,
	FAKE_LIST,
	FAKE_OPEN,
	FAKE_DEVICE_DESC,
	FAKE_CONFIG_DESC,
	FAKE_CONFIGURATION,
	FAKE_DETACH,
	FAKE_CLAIM,
	FAKE_SET_ALT,
	FAKE_SUBMIT,
	FAKE_CANCEL,
	FAKE_EVENTS,
	FAKE_CLEAR,
	FAKE_RESET,
	FAKE_FIND,
	FAKE_MOUNTED,
	FAKE_CONFIGURE,
};

struct fake_flight {
	struct libusb_transfer *transfer; /* NULL: it is free */
	struct msc_xfer xfer;
};

struct fake_memory {
	uint8_t *p; /* NULL: it is free */
	size_t len;
};

struct fake {
	enum fake_call fails; /* this one does, with `error` */
	int error;
	int error_number; /* what it leaves in errno */
	bool kernel_driver, alternates, unconfigured;
	bool sibling_driver;	/* another interface has one */
	bool lost_driver;	/* the interface has none although there is one */
	bool late_driver;	/* one comes while the interface is claimed, once */
	uint8_t class, protocol; /* of the interface, when not 0 */
	int attach_error;
	bool stays_away; /* once its port is reset */
	bool deaf; /* a cancelled transfer does not come back */
	int contexts, lists, handles, claims, detached, alts_set, finds;
	int guardians, freed; /* transfers */
	size_t memory_most; /* bytes of one piece of device memory; 0: there is none */
	struct fake_memory memory[4];
	int memories, mapped; /* those that there are; that there ever were */
	int from_memory; /* bulk transfers whose data lay in one */
	struct libusb_transfer *pending;
	enum libusb_transfer_status status; /* how it ends */
	int actual;
	int transfer_most; /* bytes of one bulk transfer that the kernel has memory for; 0: of any */
	int pieces;	   /* bulk transfers that were started */
	bool never;  /* only when it is cancelled */
	bool leaves; /* after a bus error */
	struct fake_flight flights[8];
	/* Or this device answers, as the simulator has it; closed with the context. */
	struct msc_target *behind;
};
extern struct fake fake;

struct msc_target *fake_open(const char *name, struct msc_err *err);
struct msc_target *fake_must_open(void);
void fake_kept_nothing(const char *what); /* or the test has failed, with these words */

int __wrap_libusb_init(libusb_context **context);
void __wrap_libusb_exit(libusb_context *context);
ssize_t __wrap_libusb_get_device_list(libusb_context *context, libusb_device ***list);
void __wrap_libusb_free_device_list(libusb_device **list, int unref);
uint8_t __wrap_libusb_get_bus_number(libusb_device *device);
uint8_t __wrap_libusb_get_device_address(libusb_device *device);
int __wrap_libusb_open(libusb_device *device, libusb_device_handle **handle);
void __wrap_libusb_close(libusb_device_handle *handle);
int __wrap_libusb_control_transfer(libusb_device_handle *handle, uint8_t type, uint8_t request,
				   uint16_t value, uint16_t index, unsigned char *data,
				   uint16_t length, unsigned timeout);
int __wrap_libusb_get_configuration(libusb_device_handle *handle, int *value);
int __wrap_libusb_kernel_driver_active(libusb_device_handle *handle, int interface);
int __wrap_libusb_detach_kernel_driver(libusb_device_handle *handle, int interface);
int __wrap_libusb_attach_kernel_driver(libusb_device_handle *handle, int interface);
int __wrap_libusb_claim_interface(libusb_device_handle *handle, int interface);
int __wrap_libusb_release_interface(libusb_device_handle *handle, int interface);
int __wrap_libusb_set_interface_alt_setting(libusb_device_handle *handle, int interface, int alt);
int __wrap_libusb_submit_transfer(struct libusb_transfer *transfer);
int __wrap_libusb_cancel_transfer(struct libusb_transfer *transfer);
int __wrap_libusb_handle_events_timeout_completed(libusb_context *context, struct timeval *tv,
						  int *completed);
unsigned char *__wrap_libusb_dev_mem_alloc(libusb_device_handle *handle, size_t length);
int __wrap_libusb_dev_mem_free(libusb_device_handle *handle, unsigned char *buffer, size_t length);
int __wrap_libusb_clear_halt(libusb_device_handle *handle, unsigned char ep);
int __wrap_libusb_set_configuration(libusb_device_handle *handle, int value);
int __wrap_libusb_reset_device(libusb_device_handle *handle);
int __wrap_msc_usb_find(const struct msc_usb_match *m, const char *root, struct msc_usb_found *f,
			struct msc_err *err);
int __wrap_msc_usb_not_held(const char *root, const char *path, struct msc_err *err);
bool __wrap_msc_usb_lost_driver(const char *root, const char *path, uint8_t interface);
bool __wrap_msc_guardian_start(struct msc_guardian *, const char *path, uint8_t interface);
void __wrap_msc_guardian_dismiss(struct msc_guardian *);
void __wrap_msc_usb_explain_error(const char *root, const struct msc_usb_found *found,
				  struct msc_clock *clock, struct msc_xfer *x);

#endif
