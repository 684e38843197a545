/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Instances of a service as records.
 */
#ifndef DISCO_DNS_DNS_SERVICE_H
#define DISCO_DNS_DNS_SERVICE_H

#include "dns/dns_name.h"
#include "dns/dns_reply.h"

/* Instances that may be given out, in an order of our own. */
struct dns_instances {
    const struct dns_instance *all;
    uint32_t *order; /* n indexes into all */
    size_t n;
    bool is_sorted; /* by distance: not to be shuffled */
};

void dns_service_answer(struct dns_reply *r, const struct dns_name *name);
/* NAME.query: what a prepared query finds. */
void dns_service_answer_query(struct dns_reply *r, const struct dns_name *name);
/* Instances that may be given out: not critical, only passing ones if so configured, with the tag.
 */
void dns_service_collect(struct dns_reply *r, struct str service, struct str tag,
                         struct dns_instances *ret);
/* The i-th of a random order, or of the sorted one; to be called with i = 0, 1, 2 ... */
const struct dns_instance *dns_service_pick(struct dns_reply *r, struct dns_instances *all,
                                            size_t i);

#endif
