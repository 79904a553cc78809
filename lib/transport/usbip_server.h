/* SPDX-License-Identifier: BSD-2-Clause */
/* A USB/IP server of simulated devices. One thread, and no wait that the caller has not asked for:
 *
 *	server = msc_usbip_server_new("127.0.0.1:3240", &log, err);
 *	msc_usbip_server_add(server, "sim:reference", &options, err);
 *	while (!stop && msc_usbip_server_step(server, 100 * MSC_MS, err) == 0)
 *		... whatever else there is to do
 *
 * Every client is a stranger. What breaks the protocol closes its connection; nothing that a client
 * can do takes more memory than MSC_USBIP_MAX_BYTES for each of at most MSC_USBIP_MAX_CLIENTS, ends
 * the server, or keeps the devices of others waiting. A device has one client at a time; who has
 * imported one keeps it as long as the connection lives.
 */
#ifndef MSC_TRANSPORT_USBIP_SERVER_H
#define MSC_TRANSPORT_USBIP_SERVER_H

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "transport/usbip_link.h"
#include "wire/usbip.h"

enum { MSC_USBIP_MAX_CLIENTS = 64, MSC_USBIP_MAX_URBS = 1024 };
#define MSC_USBIP_MAX_BYTES (64u << 20) /* under way for one client, URBs and answers each */

struct msc_open_options;
struct msc_usbip_server;

/* Listens at HOST[:PORT]; port 0 is any that is free. Errors, who comes and who leaves go to the log:
 * warnings, and information. NULL: *err says why. */
struct msc_usbip_server *msc_usbip_server_new(const char *listen, const struct msc_log *,
					      struct msc_err *);
void msc_usbip_server_free(struct msc_usbip_server *);

/* Exports one more device, with the bus id 1-1, 1-2, and so on. Of the options: without allow_writes what is
 * written stays in memory, also where the medium is a file; packet sees its bus. */
int msc_usbip_server_add(struct msc_usbip_server *, const char *target,
			 const struct msc_open_options *, struct msc_err *) MSC_MUST_CHECK;

/* Where it listens, with the port that it got. */
const struct msc_usbip_address *msc_usbip_server_address(const struct msc_usbip_server *);
/* The i-th device; NULL: there are no more. */
const struct msc_usbip_device *msc_usbip_server_device(const struct msc_usbip_server *, size_t i);
/* How many clients are connected. */
size_t msc_usbip_server_clients(const struct msc_usbip_server *);

/* Waits until there is something to do, at most wait_ns or for a signal, and does it. -1: the server
 * cannot go on, because a model misused its hardware or the system fails. */
int msc_usbip_server_step(struct msc_usbip_server *, int64_t wait_ns,
			  struct msc_err *) MSC_MUST_CHECK;

#endif
