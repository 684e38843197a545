/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One UDP socket of a worker: datagrams in batches, answered in batches.
 */
#ifndef DISCO_DNS_DNS_UDP_H
#define DISCO_DNS_DNS_UDP_H

#include "dns/dns_worker.h"

struct dns_udp;

/* Takes the bound descriptor over, also on failure. */
int dns_udp_open(struct dns_worker *w, int fd, struct dns_udp **ret) MUST_USE;
/* Reads no more; answers of recursors are still sent. */
void dns_udp_stop(struct dns_udp *u);
/* closed(data) comes once, in a later turn. Nothing of this socket may pend any more. */
void dns_udp_close(struct dns_udp *u, void (*closed)(void *data), void *data);

#endif
