/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The DNS door (libknot for packets, c-ares for recursors), UDP and TCP.
 */
#ifndef DISCO_DNS_DNS_H
#define DISCO_DNS_DNS_H

#include "agent/door.h"

struct dns_listeners;
int dns_listen(const struct config *config, int worker_n, struct dns_listeners **ret,
               struct error *err) MUST_USE;
void dns_listeners_free(struct dns_listeners *l);

extern const struct door dns_door; /* plan.config: struct dns_listeners * */

#endif
