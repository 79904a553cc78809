/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a fault was seen: sources in which several of them were read, at the version that was read.
 *
 * `seen` of a fault has the public address of a report, a fix or a source that shows the defect, and
 * in a few words what it did there. "field N" is the row of docs/faults.md, "Linux quirk X" the flag
 * of usb-storage. Where nobody is known to have met the defect it is NULL, and what is listed in its
 * place follows from the rules that the fault proves.
 */
#ifndef MSC_FIRMWARE_FAULT_SEEN_H
#define MSC_FIRMWARE_FAULT_SEEN_H

#include "firmware/firmware.h"

#define LINUX_STORAGE                                                                              \
	"https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git/tree/drivers/usb/storage/"
#define LINUX_UNUSUAL LINUX_STORAGE "unusual_devs.h?h=v6.1.192"
#define TINYUSB_MSC   "https://github.com/hathach/tinyusb/blob/fd70160/src/class/msc/msc_device.c"
#define CHERRYUSB_MSC \
	"https://github.com/cherry-embedded/CherryUSB/blob/af16015/class/msc/usbd_msc.c"
#define CHIBIOS_SCSI "https://github.com/ChibiOS/ChibiOS-Contrib/blob/b643aad/os/various/lib_scsi.c"
#define ST_MSC                                                                                     \
	"https://github.com/STMicroelectronics/stm32_mw_usb_device/blob/0b06460/Class/MSC/Src/"
#define LUFA	     "https://github.com/abcminiuser/lufa/blob/76bae0f/"
#define LUFA_SCSI    LUFA "Demos/Device/ClassDriver/MassStorage/Lib/SCSI.c"
#define LUFA_MSC     LUFA "LUFA/Drivers/USB/Class/Device/MassStorageClassDevice.c"
#define LUFA_CHANGES LUFA "LUFA/DoxygenPages/ChangeLog.txt"
#define MBED_MSC "https://github.com/ARMmbed/mbed-os/blob/141a387/drivers/usb/source/USBMSD.cpp"
#define USBX	 "https://github.com/eclipse-threadx/usbx/blob/ea1c406/common/"
#define USBX_MSC USBX "usbx_device_classes/src/"
#define RT_THREAD_MSC \
	"https://github.com/RT-Thread/rt-thread/blob/01371cb/components/drivers/usb/usbdevice/class/" \
	"mstorage.c"
#define V_USB "https://github.com/obdev/v-usb/blob/0d95c64/usbdrv/usbdrv.c"
#define DAPLINK_MSC "https://github.com/ARMmbed/DAPLink/blob/ca1bfb28/source/usb/msc/usbd_msc.c"
#define RIOT_SCSI   "https://github.com/RIOT-OS/RIOT/blob/c8bd52ff13/sys/usb/usbus/msc/scsi.c"
#define INTEGRATED_CIRCUITS \
	"https://github.com/IntergatedCircuits/USBDevice/commit/c4becd0: fields of SCSI in the order of the CPU"
#define ROCKBOX "https://github.com/Rockbox/rockbox/commit/"

#endif
