/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions that another agent answers: of a client agent all that are about our zones, of a server
 * those about other datacenters. A shipped question is an array: flags (1: it came over TCP; 2: it
 * goes no further), the name of the node that was asked, the asker's address, its agent's
 * datacenter if it wants WAN addresses, a prepared query to be run (a row, or empty), the token,
 * the packet. Its answer is a packet.
 */
#ifndef DISCO_DNS_DNS_SHIP_H
#define DISCO_DNS_DNS_SHIP_H

#include "agent/serve.h"
#include "dns/dns_worker.h"

/* Sends the pending question off; dns_worker_finish is called with what comes back. */
void dns_ship_start(struct dns_pending *p, struct str datacenter);

/* Such a question; row: see dns_asker. */
void dns_ship_put(const struct dns_pending *p, struct str row, bool is_final, struct buf *out);

extern const struct serve_handler dns_ship_handler;

#endif
