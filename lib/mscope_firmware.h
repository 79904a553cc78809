/* SPDX-License-Identifier: BSD-2-Clause */
/* Your own firmware in mscope's simulator: the class driver, the SCSI layer and the storage callbacks that go
 * onto the board, built for this machine as a shared object, behind a simulated USB controller in virtual time.
 * This header is all that such a build needs; it names nothing that a USB stack names.
 *
 *	static void setup(mscope_board *b, const uint8_t packet[8]) { ... b->ep0_in(b, answer, len); }
 *	...
 *	const struct mscope_firmware mscope_firmware = {
 *		MSCOPE_FIRMWARE_BEGIN, .name = "disk", .setup = setup, ...
 *	};
 *
 *	cc -shared -fPIC -o disk.so disk.c && mscope check sim:./disk.so
 *
 * Time. What the firmware computes takes no time; what its port says with spin(), what the medium takes (the
 * knobs `read-time` and `write-time`) and what the bus takes does. A loop that never waits and never spins
 * hangs, and is told as that.
 *
 * Interrupts. The handlers of struct mscope_firmware but `main` run in interrupt context, one at a time and in
 * the order in which they were raised. `main` is what the processor does otherwise; a handler comes between
 * two of its instructions only where it makes a call on the board.
 *
 * Globals. Each device, and each power-on of it, has a copy of the shared object of its own. A bus reset is no
 * power-on: globals keep their values.
 *
 * Defects. Misuse of the controller (arming an endpoint that is busy or closed), a crash (SIGSEGV, SIGFPE,
 * SIGABRT, ...), and a loop without an end are findings (firmware.misuse, firmware.dead) of the case in which they
 * happen. Firmware that has crashed or hangs is dead until the next bus reset, which starts it
 * anew, as a watchdog would. It runs in mscope's own process: what it writes outside of its own memory, and files
 * that it opens by itself, nobody guards.
 */
#ifndef MSCOPE_FIRMWARE_H
#define MSCOPE_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MSCOPE_FIRMWARE_ABI 1

/* What the board gives. Later versions add calls at the end: `size` says how far this one reaches. The calls
 * may be made from every handler and from `main`, unless said otherwise; each has the board as first argument. */
typedef struct mscope_board mscope_board;
struct mscope_board {
	uint32_t abi;  /* MSCOPE_FIRMWARE_ABI */
	uint32_t size; /* of this struct, bytes */

	/* ---- the processor ---- */
	int64_t (*now)(mscope_board *); /* ns since power-on of the bench, virtual time */
	/* Computes for so long; interrupts are served meanwhile, in `main`. */
	void (*spin)(mscope_board *, int64_t ns);
	/* Interrupts wait until they are enabled as often as they were disabled; from `main` only. */
	void (*irq_disable)(mscope_board *);
	void (*irq_enable)(mscope_board *);
	/* From `main` only: returns when a handler has run since the last call, as WFI in a loop does; interrupts
	 * are enabled while it waits. */
	void (*wait_for_interrupt)(mscope_board *);
	/* Calls fn(board, arg) in interrupt context, once, in ns from now. */
	void (*timer)(mscope_board *, int64_t ns, void (*fn)(mscope_board *, void *arg), void *arg);
	/* Of the run's seed. */
	uint32_t (*random)(mscope_board *);
	/* A line on the debug port: --log shows it. */
	void (*print)(mscope_board *, const char *text);
	/* The value of a knob of struct mscope_firmware: what the user gave, or its initial value. */
	const char *(*knob)(mscope_board *, const char *name);

	/* ---- the USB controller; ep is a bEndpointAddress: bit 7 is IN ---- */
	bool (*is_high_speed)(mscope_board *);
	/* Not halted, DATA0. */
	void (*ep_open)(mscope_board *, uint8_t ep, uint16_t max_packet);
	void (*ep_close)(mscope_board *, uint8_t ep);
	/* Sends len bytes in packets of max_packet, with no zero-length packet behind them; len 0 sends one. Then
	 * `sent`. The buffer is the controller's until then. */
	void (*ep_transmit)(mscope_board *, uint8_t ep, const void *buf, size_t len);
	/* Receives up to len bytes; a short packet ends it. Then `received`. Of a packet that is longer than what
	 * is left of the buffer the rest is lost, and that is a finding. */
	void (*ep_receive)(mscope_board *, uint8_t ep, void *buf, size_t len);
	/* Takes the buffer back; no handler follows. */
	void (*ep_abort)(mscope_board *, uint8_t ep);
	bool (*ep_busy)(mscope_board *, uint8_t ep);
	/* Halts it; an armed buffer stays. */
	void (*ep_stall)(mscope_board *, uint8_t ep);
	/* Ends the halt, and DATA0 is next: USB 2.0, 9.4.5; or ep_unstall_keep, below. */
	void (*ep_unstall)(mscope_board *, uint8_t ep);
	bool (*ep_stalled)(mscope_board *, uint8_t ep);

	/* Endpoint 0, a packet at a time (USB 2.0, 8.5.3). It is opened as others are, 00h and 80h. A SETUP packet
	 * is always taken; it ends what was before and calls `setup`. From there the firmware moves the request on
	 * through the data stage, and the status stage, which is an empty packet the other way (IN when there is
	 * no data stage). */

	/* The packet is copied; then `ep0_sent`. */
	void (*ep0_in)(mscope_board *, const void *packet, size_t len);
	/* Then `ep0_received`; room 0, buf NULL: the status stage. */
	void (*ep0_out)(mscope_board *, void *buf, size_t room);
	/* Until the next SETUP; a second one changes nothing. */
	void (*ep0_stall)(mscope_board *);
	/* At once: the status stage of SET_ADDRESS has to be over (`ep0_sent`), for it is answered at the old one:
	 * USB 2.0, 9.4.6. */
	void (*set_address)(mscope_board *, uint8_t address);

	/* ---- the medium, in slot 0 (knobs file, blocks, block-size, ...) ---- */
	bool (*medium_present)(mscope_board *);
	bool (*medium_read_only)(mscope_board *);
	uint64_t (*medium_blocks)(mscope_board *);
	uint32_t (*medium_block_size)(mscope_board *); /* bytes */
	/* They block the caller for as long as the medium takes. false: no medium, beyond its end, read-only. */
	bool (*medium_read)(mscope_board *, uint64_t lba, uint32_t blocks, void *buf);
	bool (*medium_write)(mscope_board *, uint64_t lba, uint32_t blocks, const void *buf);

	/* ---- added since; `size` reaches as far as this where it is there ---- */
	/* Ends a halt as ep_unstall does, and leaves the data toggle as it is: for a port to a controller whose
	 * driver has to restart the toggle by a step of its own, where that step is not made. */
	void (*ep_unstall_keep)(mscope_board *, uint8_t ep);
};

/* A setting of the firmware: sim:./disk.so,NAME=VALUE. Values are text of up to 63 bytes, for the firmware to
 * read. */
struct mscope_firmware_knob {
	const char *name;    /* lower case, '-' between words */
	const char *initial; /* NULL: empty */
	const char *help;    /* one line, lower case */
};

/* What the shared object exports, by the name `mscope_firmware`. All but abi and size may be left out. */
struct mscope_firmware {
	uint32_t abi, size; /* MSCOPE_FIRMWARE_BEGIN */
	const char *name;    /* for lists: "disk 1.2"; else the file's name */
	const char *summary; /* one line, lower case */
	const struct mscope_firmware_knob *knobs; /* ends with one without a name */
	bool full_speed_only;

	void (*start)(mscope_board *);	   /* power-on, before the cable is plugged in */
	/* After it; it may return, and then interrupts do everything. */
	void (*main)(mscope_board *);
	void (*bus_reset)(mscope_board *); /* the endpoints are closed, the address is 0 */
	void (*setup)(mscope_board *, const uint8_t packet[8]);
	void (*ep0_sent)(mscope_board *);
	void (*ep0_received)(mscope_board *, size_t len);
	void (*sent)(mscope_board *, uint8_t ep);
	void (*received)(mscope_board *, uint8_t ep, size_t len);
	void (*suspend)(mscope_board *); /* the bus has been silent for 3 ms */
	void (*resume)(mscope_board *);
	void (*medium)(mscope_board *, bool present); /* it came, or went */
	void (*eject)(mscope_board *);		      /* somebody presses the button of the slot */
};

#define MSCOPE_FIRMWARE_BEGIN .abi = MSCOPE_FIRMWARE_ABI, .size = sizeof(struct mscope_firmware)

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
extern const struct mscope_firmware mscope_firmware;

#ifdef __cplusplus
}
#endif

#endif
