/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names where an address was expected: a node or service registered with a
 * host name. Names of our own zone are resolved here, others by the recursors
 * (dns_reply.h, struct dns_chase).
 */
#ifndef DISCO_DNS_DNS_CNAME_H
#define DISCO_DNS_DNS_CNAME_H

#include "dns/dns_reply.h"

#define DNS_CNAME_RECORDS_MAX 5 /* consul: maxRecurseRecords, for questions without EDNS */

/* A CNAME from the question's name to `target`, and the target's addresses behind it; nothing when
 * target is no name. is_service: the records take `ttl`, and their number is limited. */
void dns_cname_answer(struct dns_reply *r, struct str target, uint32_t ttl, bool is_service);
/* The addresses of the target of SRV record answer_i into the additional section. */
void dns_cname_additional(struct dns_reply *r, size_t answer_i, uint32_t ttl);

#endif
