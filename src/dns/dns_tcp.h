/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS over TCP (RFC 7766) for one address of a worker: two octets of length
 * before each message, one question at a time on a connection.
 */
#ifndef DISCO_DNS_DNS_TCP_H
#define DISCO_DNS_DNS_TCP_H

#include "dns/dns_worker.h"

#define DNS_TCP_CONNECTIONS_MAX                                                                    \
    128 /* of a listener; the longest idle one makes room for a new one */
#define DNS_TCP_QUESTION_MAX 4096
#define DNS_TCP_IDLE         DURATION_S(10) /* RFC 7766 6.2.3: some seconds; writing counts too */

struct dns_tcp;

/* Takes the bound descriptor over, also on failure. */
int dns_tcp_open(struct dns_worker *w, int fd, struct dns_tcp **ret) MUST_USE;
/* Accepts and reads no more; connections close when they have nothing to wait for. */
void dns_tcp_stop(struct dns_tcp *t);
/* Closes all; closed(data) comes once, in a later turn. Nothing may pend any more. */
void dns_tcp_close(struct dns_tcp *t, void (*closed)(void *data), void *data);

#endif
