/* SPDX-License-Identifier: BSD-2-Clause */
/* What disk.c needs of a board, and what a board has to tell it. port_mscope.c is one board; yours is another. */
#ifndef HW_H
#define HW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The USB controller. ep: bit 7 is IN. A buffer is the controller's until the matching interrupt. */
bool hw_high_speed(void);
void hw_open(uint8_t ep, uint16_t max_packet); /* not halted, DATA0 */
void hw_transmit(uint8_t ep, const void *buf, size_t len);
void hw_receive(uint8_t ep, void *buf, size_t len);
void hw_abort(uint8_t ep);
void hw_stall(uint8_t ep);
void hw_unstall(uint8_t ep); /* and DATA0 */
bool hw_stalled(uint8_t ep);
void hw_ep0_in(const void *packet, size_t len);
void hw_ep0_out(void);
void hw_ep0_stall(void);
void hw_set_address(uint8_t address);

/* The processor: sleeps until an interrupt has been served. */
void hw_wait(void);

/* The medium, in blocks of 512 bytes. */
uint32_t hw_blocks(void);
bool hw_write_protected(void);
bool hw_read(uint32_t lba, uint32_t blocks, void *buf);
bool hw_write(uint32_t lba, uint32_t blocks, const void *buf);

void hw_spin_us(unsigned us);

/* A defect to find: see README.md. */
bool hw_defect(const char *name);

/* Interrupts. */
void disk_bus_reset(void);
void disk_setup(const uint8_t packet[8]);
void disk_ep0_sent(void);
void disk_ep0_received(void);
void disk_sent(uint8_t ep);
void disk_received(uint8_t ep, size_t len);

/* The main loop; it never returns. */
void disk_main(void);

#endif
