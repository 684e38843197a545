/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Instances of services as they were last read, so that a service which is
 * asked for again and again costs one look-up in memory. One per worker.
 *
 * Never stale: before each batch of questions the indexes of the catalog's
 * tables, and of the tokens', are compared with those that the cache was
 * filled at, and so is the token that asks: when any is another the cache is
 * emptied. So it helps while the catalog rests, and costs a few small reads a
 * batch while it does not.
 */
#ifndef DISCO_DNS_DNS_CACHE_H
#define DISCO_DNS_DNS_CACHE_H

#include "state/health.h"

#define DNS_CACHE_SIZE_MAX                                                                         \
    ((size_t)8 * 1024 * 1024) /* more is not kept, and the next sync empties */

/* An address as registered, and as octets when it is one. */
struct dns_address {
    struct str text; /* empty: there is none */
    uint8_t ip[16];
    uint8_t ip_n; /* 4 or 16; 0: a name */
};
/* The plain address, and the tagged ones lan_ipv4 and lan_ipv6. */
struct dns_addresses {
    struct dns_address plain, v4, v6;
};

/* What answers need of an instance that is not critical. */
struct dns_instance {
    struct str node;
    struct dns_addresses node_at, at; /* of the node; of the service, empty: the node's */
    struct pairs meta;                /* of the node */
    struct str tags;                  /* packed */
    uint16_t port, weight;
    bool is_passing;
};

struct dns_cache;

struct dns_cache *dns_cache_new(uint64_t seed);
void dns_cache_free(struct dns_cache *c); /* accepts NULL */
/* Before questions are answered from `v`. */
void dns_cache_sync(struct dns_cache *c, struct view *v);
/* False when it is not known. The instances live until the next sync. */
bool dns_cache_get(struct dns_cache *c, struct str service_lower, const struct dns_instance **ret,
                   size_t *ret_n);
/* Copies; an empty list is not kept (names nobody registered are without number). */
void dns_cache_put(struct dns_cache *c, struct str service_lower, const struct dns_instance *items,
                   size_t n);

#endif
