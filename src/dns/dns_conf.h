/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent's configuration as answers need it: names in wire form, times in
 * seconds, made once. One per worker, immutable.
 */
#ifndef DISCO_DNS_DNS_CONF_H
#define DISCO_DNS_DNS_CONF_H

#include "agent/config.h"

#define DNS_CONF_NAME_MAX 255 /* RFC 1035 2.3.4, with the root's octet */

struct dns_conf_ttl {
    char *name; /* lower case */
    size_t name_n;
    bool is_prefix;
    uint32_t ttl;
};

struct dns_conf {
    const struct config *config; /* the caller's */
    const uint8_t *zones[2];     /* the domain, then the alternative one */
    size_t zone_n;
    uint8_t domain[DNS_CONF_NAME_MAX], alt_domain[DNS_CONF_NAME_MAX];
    /* Suffixes of the names that answers give: "node.dc1.consul." and so on. */
    uint8_t node_suffix[DNS_CONF_NAME_MAX], service_suffix[DNS_CONF_NAME_MAX];
    uint8_t addr_suffix[DNS_CONF_NAME_MAX];
    uint8_t soa_ns[DNS_CONF_NAME_MAX], soa_mailbox[DNS_CONF_NAME_MAX];
    uint32_t node_ttl;
    bool has_recursors;
    /* private */
    struct dns_conf_ttl *ttls;
    size_t ttl_n;
};

/* ERR_INVALID when a domain is no name or a service_ttl no duration. */
int dns_conf_new(const struct config *config, struct dns_conf **ret, struct error *err) MUST_USE;
void dns_conf_free(struct dns_conf *c);

/* consul: dns_config.service_ttl; the exact name, else the longest "prefix*", else 0. */
uint32_t dns_conf_service_ttl(const struct dns_conf *c, struct str service);

/* Wire form of text labels (dots between them, a last one allowed) followed by `suffix` (wire form,
 * NULL for the root). Bytes are taken as they are, no escapes. Returns the size, 0 when it is no
 * name (empty or long label, too long). dst has room for DNS_CONF_NAME_MAX. */
size_t dns_conf_name(struct str text, const uint8_t *suffix, uint8_t *dst);

#endif
