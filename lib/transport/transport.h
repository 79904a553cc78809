/* SPDX-License-Identifier: BSD-2-Clause */
/* How bytes reach a device. A transport opens a target, moves control and bulk transfers, and
 * keeps the target's clock; it knows nothing of CBWs.
 *
 * A new transport is lib/transport/NAME.c with one `struct msc_transport` and a line
 * TRANSPORT(name) in transport.list. tests/unit/test_transport.c holds each to this contract, and
 * wants a line too.
 *
 * A decorator stands between the callers and a transport: it sees every call, and passes it on, or
 * does something else instead. It is the same struct, with a line DECORATOR(name) in decorator.list,
 * and has only the functions that it has an interest in. See msc_target_wrap.
 *
 * What happens on the wire is never an error of a function here: a STALL, a time-out and a short
 * packet are the transfer's outcome. An error (-1) means that the harness cannot go on, and that
 * is MSC_E_GONE when the device has left.
 */
#ifndef MSC_TRANSPORT_TRANSPORT_H
#define MSC_TRANSPORT_TRANSPORT_H

#include "base/clock.h"
#include "base/err.h"
#include "base/knob.h"
#include "base/log.h"
#include "transport/transfer.h"
#include "wire/bot.h"
#include "wire/usb.h"

struct msc_xfer {
	/* set by the caller; data must stay until the transfer has ended */
	uint8_t ep; /* bEndpointAddress; 0: a control request described by setup */
	struct msc_setup setup;
	uint8_t *data;
	size_t len; /* for a control request: wLength, or less */
	uint8_t **owner; /* NULL, or what holds data, memory of malloc's: who is told of the end of the transfer
			    may keep it, and makes this NULL then */
	/* set by the transport */
	enum msc_outcome outcome;
	size_t actual;		/* bytes moved */
	int64_t submitted_ns;	/* the target's clock */
	int64_t completed_ns;	/* when software could know */
	int64_t naks;		/* NAK handshakes; -1: this transport cannot see them */
	uint64_t number;	/* by the core, for the observer: of the submission; 0: never was */
	bool told;		/* its end was */
	void *priv;		/* the transport's own, NULL when idle */
};

/* What the host knows of a device before the first command. */
struct msc_device {
	char name[160];	     /* the target as opened, in canonical form */
	enum msc_speed speed;
	struct msc_device_desc desc;
	uint8_t config[MSC_CONFIG_MAX]; /* the active configuration descriptor set, raw */
	size_t config_len;
	uint8_t interface_number, alternate;
	uint8_t interface_class, subclass, protocol;
	uint8_t ep_in, ep_out;		    /* the first bulk endpoints of the interface */
	uint16_t max_packet_in, max_packet_out;
	bool commands_only; /* how they are carried is not to be seen: none of the above but speed and
				the numbers in desc is known, and msc_command is the way */
	bool simulated;
	bool forgets; /* simulated, and the medium is gone when the target is closed */
	char medium_id[256]; /* by which a later run finds what this one left for the medium: printable,
				no spaces; a transport that leaves it empty gets
				"VID:PID:SERIAL@PATH" */
	char serial[128];    /* printable; empty: none */
	char path[64];	     /* "1-2.3" for a real device; empty otherwise */
	char host[64];	     /* host controller, such as "uhci" or "xhci_hcd"; empty: unknown */
	bool translated; /* known to be behind a hub of a higher speed, which translates (USB 2.0, 11.14) */
};

/* Boards that a watchdog restarts are back within a few seconds. */
#define MSC_REJOIN_NS (5 * MSC_S)

/* What a device was asked for: a request, or the command block of a CBW. */
struct msc_asked {
	enum { MSC_ASKED_NOTHING, MSC_ASKED_REQUEST, MSC_ASKED_COMMAND } kind;
	struct msc_setup setup;
	uint8_t cb[MSC_CBW_CB_MAX];
};

struct msc_target;
struct msc_command;
/* One packet on the bus, from the PID to the CRC, refused polls too. */
typedef void msc_packet_fn(void *user, enum msc_speed, int64_t at_ns, const uint8_t *packet,
			   size_t len);
/* How the power of a real device may be taken away and given back; of a simulated one it always may. */
struct msc_replug {
	bool allowed;
	/* Where no hub switches it: so long somebody is waited for who pulls the cable, and then for the
	 * device to be there again; 0: nobody is there to do it. */
	int64_t wait_ns;
	void (*ask)(void *ask_user, const char *text); /* what they are asked to do */
	void *ask_user;
};

struct msc_open_options {
	bool allow_writes;
	bool any_interface; /* also one that does not say it is mass storage by Bulk-Only */
	struct msc_replug replug;
	const struct msc_log *log;
	/* The user does not want to wait any longer; NULL: never. For waits that nothing else ends. */
	bool (*stop)(void *stop_user);
	void *stop_user;
	msc_packet_fn
		*packet; /* sees the bus from the enumeration on, where it can be seen; or NULL */
	void *packet_user;
};

/* How a suspend went. */
struct msc_suspended {
	int64_t silent_ns;  /* the target's clock: the bus was silent by then */
	int64_t resumed_ns; /* the resume began; 0: it was left suspended */
	enum msc_outcome
		outcome; /* DONE; TIMEOUT: the device did not answer afterwards, and the host has
				     reset its port and set it up again */
};

/* One thing that `mscope list targets` shows. */
typedef void msc_found_fn(void *user, const char *target, const char *description);

struct msc_transport {
	const char *name;    /* the part before the colon: "sim" in sim:reference */
	const char *begins;  /* or how the name of a target without a colon begins: "/dev/" */
	const char *syntax;  /* "sim:FIRMWARE[,knob=value]..." */
	const char *summary; /* one line, lower case */
	const char *
		times; /* whose the times of its transfers are: "libusb"; NULL: a decorator's are not its own */
	size_t state_size;   /* allocated by the core, zeroed; msc_target_state() */

	/* `rest` is what follows the colon, or the whole name where there is none. Must fill in target->device
	 * (msc_device_parse helps with the configuration) and target->clock. On failure releases what it took. */
	int (*open)(struct msc_target *, const char *rest, const struct msc_open_options *,
		    struct msc_err *);
	/* Gives everything back, the kernel's driver too. Cannot fail. Transfers under way are let go
	 * of: neither they nor their data are touched by it or after it. */
	void (*close)(struct msc_target *);

	/* Starts a transfer; outcome is MSC_OUT_PENDING until it ends. Transfers on one endpoint
	 * keep their order. */
	int (*submit)(struct msc_target *, struct msc_xfer *, struct msc_err *);
	/* Returns when the transfer has ended or the deadline has passed, whichever is first; others
	 * may have ended too. */
	int (*wait)(struct msc_target *, struct msc_xfer *, int64_t deadline_ns, struct msc_err *);
	/* Ends a pending transfer; when it returns the outcome is final (CANCELLED, or whatever
	 * happened first), also when it fails: then the transport has let go of every transfer. */
	int (*cancel)(struct msc_target *, struct msc_xfer *, struct msc_err *);

	/* CLEAR_FEATURE(ENDPOINT_HALT) and the host's own toggle, as one step. *outcome says what
	 * the device answered. */
	int (*clear_halt)(struct msc_target *, uint8_t ep, int64_t deadline_ns,
			  enum msc_outcome *outcome, struct msc_err *);
	/* Port reset, then the same configuration again. MSC_E_UNSUPPORTED: the device does not answer
	 * any more, however often the port is reset; target->resets says how often it was. */
	int (*reset)(struct msc_target *, struct msc_err *);

	/* Optional, and then the six above only fail: one whole command; see command.h. */
	int (*command)(struct msc_target *, struct msc_command *, int64_t timeout_ns,
		       struct msc_err *);

	/* Optional: SET_CONFIGURATION with the value in force, so that both sides' endpoints begin
	 * anew (USB 2.0, 9.1.1.5). MSC_E_UNSUPPORTED: the host does not let it through. */
	int (*configure)(struct msc_target *, enum msc_outcome *outcome, struct msc_err *);
	/* Optional: MSC_E_UNSUPPORTED and the reason where the host would not let `configure` through at
	 * present. NULL: it does, where there is a `configure`. */
	int (*may_configure)(struct msc_target *, struct msc_err *);
	/* Optional: SET_INTERFACE with the setting in force, so that both sides' endpoints of the interface
	 * begin anew (USB 2.0, 9.1.1.5 and 9.4.10). A device with that setting alone may refuse it. */
	int (*set_interface)(struct msc_target *, enum msc_outcome *outcome, struct msc_err *);
	/* Optional: the bus to the device is silent for so long, which tells it to suspend itself, and is
	 * resumed; returns when it may be used again (USB 2.0, 7.1.7.6 and 7.1.7.7). Unless `resume`: then
	 * it stays silent, and a port reset has to follow, which ends it. Nothing is under way.
	 * MSC_E_UNSUPPORTED, and why: the host cannot do that, and the device was not suspended, or not for
	 * so long. */
	int (*suspend)(struct msc_target *, int64_t ns, bool resume, struct msc_suspended *,
		       struct msc_err *);
	/* Optional: takes the device's power away for so long, or for longer, and gives it back; a port
	 * reset has to follow. MSC_E_UNSUPPORTED, and why: it did not come to that. */
	int (*power_cycle)(struct msc_target *, int64_t off_ns, struct msc_err *);
	/* Optional: the device has left by itself. Waits until it is there again, MSC_REJOIN_NS at most, and
	 * sets it up as open did. MSC_E_GONE: it stays away. */
	int (*rejoin)(struct msc_target *, struct msc_err *);
	/* Optional, both or none, for memory.h: memory of at least len bytes (above 0) that the host
	 * controller reads and writes by itself; NULL: there is none of that length, now. It stays the
	 * transport's, and is given back before the target is closed or its port is reset. */
	uint8_t *(*lend)(struct msc_target *, size_t len);
	void (*unlend)(struct msc_target *, uint8_t *);
	/* Optional: everything that could be opened now. */
	int (*list)(msc_found_fn *, void *user, struct msc_err *);
	/* Optional: fails with MSC_E_BUSY and says where when a filesystem on the device is mounted
	 * by this host. */
	int (*mounted)(struct msc_target *, struct msc_err *);
	/* Optional: the share of time in which the device's processor was busy since the last call,
	 * 0 to 1. */
	double (*cpu_load)(struct msc_target *);
	/* Optional, of simulated devices: the ticks of the firmware's scheduler come later from now on, by this
	 * share, 0 to 1, of the host controller's frame, or microframe. Clocks of a real device and of its
	 * host drift apart (USB 2.0, 7.1.11: by up to 0.3 % at full speed); simulated ones do only where a knob
	 * says so. */
	void (*shift_tick)(struct msc_target *, double share);
	/* Optional, of simulated devices: how the firmware has misused its own hardware since the
	 * last call, or of what it died. false: it has not. */
	bool (*remark)(struct msc_target *, char *buf, size_t size, bool *died);

	/* Optional, of decorators: a transfer has ended. Called once for each, the innermost first,
	 * before it is told to anybody; may change what came of it. */
	void (*ended)(struct msc_target *, struct msc_xfer *);
};

/* Asked before anything is submitted: -1 and *err, and it is not. */
typedef int msc_filter_fn(void *user, const struct msc_xfer *, struct msc_err *);
/* Whether permits cover these blocks of a unit, now: for a transport that sees what is written. */
typedef bool msc_covers_fn(void *user, uint8_t lun, uint64_t lba, uint64_t blocks);
typedef int msc_command_filter_fn(void *user, const struct msc_command *, struct msc_err *);

struct msc_target {
	const struct msc_transport *transport;
	void *state;
	struct msc_target *next; /* the one that a decorator wraps; NULL: this is a transport's */
	struct msc_transport whole; /* of a decorator: what it leaves out is passed on */
	struct msc_clock *clock;
	struct msc_device device;
	const struct msc_log *log;
	bool allow_writes, any_interface;
	struct msc_replug replug;
	bool (*stop)(void *stop_user); /* or NULL */
	void *stop_user;
	msc_filter_fn *filter; /* a session's gate (session/gate.h); NULL: there is no session */
	msc_command_filter_fn *filter_command; /* the same for whole commands */
	void *filter_user;
	msc_covers_fn *covers; /* what its permits cover; of those that a decorator wraps, too */
	void *covers_user;
	bool gone; /* the device has left: every further call fails with MSC_E_GONE */
	bool stayed_away; /* it did by itself: after a port reset it did not come back */
	unsigned resets; /* what it took to set the device up the last time; 0: not known */
	struct msc_asked asked; /* the last that was sent */
	uint16_t empty; /* a bit for each unit that was empty when it had been waited for: the next
			 * session (session/ready.h) does not wait for it again */
	/* Sees every transfer, at its submission and at its end, every port reset and suspend, and every
	 * whole command; may be NULL.
	 * CLEAR_FEATURE, SET_CONFIGURATION and SET_INTERFACE are told as the control transfers
	 * that they are. */
	msc_observe_fn *observe;
	void *observe_user;
	msc_observe_fn *record; /* the same, for who writes it down */
	void *record_user;
	uint64_t submissions; /* so far */
};

/* Opens "sim:...", "usb:...", "/dev/..."; NULL and *err otherwise. */
struct msc_target *msc_target_open(const char *name, const struct msc_open_options *,
				   struct msc_err *err);
void msc_target_close(struct msc_target *);

/* The target with a decorator around it, which belongs to the result from now on and is closed with it; NULL
 * and *err leave it as it was. What the callers of the result start, the decorator's functions get first; with
 * t->next->transport->submit(t->next, x, err), and so on, they pass it on. What comes of it is what the
 * observer, and with it the wire log, is told. `rest` is what the decorator wants to be told, such as knobs, or
 * NULL; its open, which may be left out, finds device and clock filled in. */
struct msc_target *msc_target_wrap(struct msc_target *next, const struct msc_transport *decorator,
				   const char *rest, struct msc_err *);
/* The transport that the name belongs to, and what is left for it; NULL: none. */
const struct msc_transport *msc_transport_of(const char *name, const char **rest);

/* The user does not want to wait any longer. */
static inline bool msc_is_stopped(const struct msc_target *t)
{
	return t->stop && t->stop(t->stop_user);
}

static inline void *msc_target_state(struct msc_target *t)
{
	return t->state;
}

/* The calls below go to the transport, after checks common to all and a line of trace log. */
int msc_submit(struct msc_target *, struct msc_xfer *, struct msc_err *) MSC_MUST_CHECK;
/* Waits; cancels what is still pending at the deadline, whose outcome is then MSC_OUT_TIMEOUT. When it
 * fails the transfer is no longer pending either. */
int msc_finish(struct msc_target *, struct msc_xfer *, int64_t deadline_ns,
	       struct msc_err *) MSC_MUST_CHECK;
/* Waits without cancelling: the outcome may still be MSC_OUT_PENDING. Of a transfer that was never
 * submitted, or has ended, neither this nor msc_cancel makes anything. */
int msc_wait(struct msc_target *, struct msc_xfer *, int64_t deadline_ns,
	     struct msc_err *) MSC_MUST_CHECK;
int msc_cancel(struct msc_target *, struct msc_xfer *, struct msc_err *) MSC_MUST_CHECK;
/* Submit and finish. */
int msc_transfer(struct msc_target *, struct msc_xfer *, int64_t timeout_ns,
		 struct msc_err *) MSC_MUST_CHECK;
int msc_clear_halt(struct msc_target *, uint8_t ep, int64_t timeout_ns, enum msc_outcome *,
		   struct msc_err *) MSC_MUST_CHECK;
int msc_port_reset(struct msc_target *, struct msc_err *) MSC_MUST_CHECK;
int msc_configure(struct msc_target *, enum msc_outcome *, struct msc_err *) MSC_MUST_CHECK;
/* MSC_E_UNSUPPORTED, and why: msc_configure would fail. To be asked before a device is sent a
 * SET_CONFIGURATION that is not of the value in force, because msc_configure has to follow. */
int msc_may_configure(struct msc_target *, struct msc_err *) MSC_MUST_CHECK;
int msc_set_interface(struct msc_target *, enum msc_outcome *, struct msc_err *) MSC_MUST_CHECK;
int msc_suspend(struct msc_target *, int64_t ns, bool resume, struct msc_err *) MSC_MUST_CHECK;
/* MSC_E_UNSUPPORTED, and why: nobody may switch its power. */
int msc_power_may(const struct msc_target *, struct msc_err *) MSC_MUST_CHECK;
/* MSC_E_UNSUPPORTED, and nothing has happened: nobody has switched its power. Else the device has
 * been set up again. */
int msc_power_cycle(struct msc_target *, int64_t off_ns, struct msc_err *) MSC_MUST_CHECK;
/* The device has left by itself (gone): waits until it is there again, and sets it up; a port reset in
 * the wire log. MSC_E_GONE: it stays away; MSC_E_DEVICE: what came back is another. Gone it is then. */
int msc_rejoin(struct msc_target *, struct msc_err *) MSC_MUST_CHECK;
/* Takes note of what the transfer asks for; false: it goes on with what was asked for before. */
bool msc_asked_note(struct msc_asked *, const struct msc_xfer *);
/* "READ(10) lba 0 blocks 1", "the control request 80 06 0100 0000 0012"; returns buf. */
char *msc_asked_text(char *buf, size_t size, const struct msc_asked *);
int msc_not_mounted(struct msc_target *, struct msc_err *) MSC_MUST_CHECK;
/* The most that wMaxPacketSize of a bulk endpoint may be; 0: the speed is not known, or has no bulk. */
uint16_t msc_largest_packet(enum msc_speed);
/* What it has to be; 0: there is a choice, or the speed is not known. */
uint16_t msc_bulk_packet(enum msc_speed);
/* The least that a byte takes in bulk, ns: 19 packets of 64 in a frame, 13 of 512 in a microframe (USB 2.0, tables
 * 5-9 and 5-10). 0: there is no bulk at this speed, or it is not known. */
double msc_byte_least_ns(enum msc_speed);
/* So many bytes a second a bus of this speed carries at most. What SuperSpeed takes for its packets is only
 * reckoned here, and no bound: there, and where the speed is not known, it is what the fastest USB carries. */
double msc_bus_most(enum msc_speed);
/* "a full-speed bus (1216 kB/s at most)"; returns buf. */
char *msc_bus_text(char *buf, size_t size, enum msc_speed);
/* What passed at such a rate did not cross a bus of this speed. */
bool msc_beats_bus(enum msc_speed, double bytes_per_second);
/* Says that it is not, for who times the device: empty when it is. */
void msc_device_packet_warning(const struct msc_device *, char *buf, size_t size);
/* Says that no bus lies between, for who times the device: it is reached over a network, or its controller is
 * a driver alone. Empty where nothing says so. */
void msc_device_path_note(const struct msc_device *, char *buf, size_t size);
/* The transport's cpu_load; below 0 when it cannot know. */
double msc_device_cpu(struct msc_target *);
/* The transport's shift_tick, where there is one. */
void msc_device_shift_tick(struct msc_target *, double share);
/* The transport's remark; false when it makes none. Ask after each transfer. */
bool msc_device_remark(struct msc_target *, char *buf, size_t size, bool *died);

/* Finds the mass-storage interface in dev->config and fills in the interface and endpoint members;
 * MSC_E_UNSUPPORTED and what was found instead when there is none that speaks Bulk-Only. */
int msc_device_parse(struct msc_device *, struct msc_err *) MSC_MUST_CHECK;
/* What was moved before a STALL, where a host controller may have counted wrong: whole packets,
 * because a short one would have been the end, and not the last, because that was refused. */
size_t msc_stalled_length(const struct msc_device *, const struct msc_xfer *, size_t actual);
/* MSC_E_UNSUPPORTED, and what it is instead, when the interface is no mass storage by Bulk-Only and
 * nobody insists: bytes that look like a CBW to us may be anything to it. */
int msc_device_known(const struct msc_target *, struct msc_err *) MSC_MUST_CHECK;
/* bConfigurationValue of the configuration in force; 0: its descriptor is not known. */
uint8_t msc_device_configuration(const struct msc_device *);
/* Bytes of the shortest command block. Those of SFF-8020i (MMC-2), UFI and SFF-8070i have 12, and hosts
 * fill shorter ones up: some devices of these subclasses take nothing else. */
uint8_t msc_device_block(const struct msc_device *);
/* The number of another interface of a composite device, the first; its own when there is none. */
uint8_t msc_device_sibling(const struct msc_device *);

#define TRANSPORT(name) extern const struct msc_transport msc_transport_##name;
#include "transport/transport.list"
#undef TRANSPORT
#define DECORATOR(name) extern const struct msc_transport msc_decorator_##name;
#include "transport/decorator.list"
#undef DECORATOR

extern const struct msc_transport *const msc_transports[];
extern const size_t msc_transport_count;
extern const struct msc_transport *const msc_decorators[];
extern const size_t msc_decorator_count;

#endif
