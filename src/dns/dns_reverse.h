/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose address is that? Consul walks the whole catalog for every reverse
 * question; this walks it once, and again only after nodes or services
 * changed. One per worker.
 */
#ifndef DISCO_DNS_DNS_REVERSE_H
#define DISCO_DNS_DNS_REVERSE_H

#include "state/catalog.h"

struct dns_reverse;

struct dns_reverse *dns_reverse_new(uint64_t seed);
void dns_reverse_free(struct dns_reverse *x); /* accepts NULL */
/* The first node with the address, by name, else the first service. The name lives until the next
 * call. */
bool dns_reverse_find(struct dns_reverse *x, struct view *v, const uint8_t *ip, size_t ip_n,
                      struct str *ret_name, bool *ret_is_service);

#endif
