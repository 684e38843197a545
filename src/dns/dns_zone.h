/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The zone itself: its SOA, and the servers as its name servers.
 */
#ifndef DISCO_DNS_DNS_ZONE_H
#define DISCO_DNS_DNS_ZONE_H

#include "dns/dns_reply.h"

#define DNS_ZONE_SERVERS_MAX 3 /* consul: no more name servers than these are given */

void dns_zone_add_soa(struct dns_reply *r, enum dns_section section);
/* Consul answers SOA and NS for any name of the zone as if asked for the zone. */
void dns_zone_answer_soa(struct dns_reply *r);
void dns_zone_answer_ns(struct dns_reply *r);

#endif
