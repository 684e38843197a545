/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/dns_zone.h"

#include <libknot/libknot.h>

#include "dns/dns_node.h"
#include "dns/dns_service.h"

static void add_servers(struct dns_reply *r, enum dns_section section);

static void put_u32(uint8_t *dst, int64_t v)
{
    knot_wire_write_u32(dst, v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v);
}

void dns_zone_add_soa(struct dns_reply *r, enum dns_section section)
{
    const struct dns_conf *c = r->conf;
    uint8_t data[2 * DNS_CONF_NAME_MAX + 20];
    size_t at = 0, n;

    n = knot_dname_size(c->soa_ns);
    memcpy(data, c->soa_ns, n);
    at += n;
    n = knot_dname_size(c->soa_mailbox);
    memcpy(data + at, c->soa_mailbox, n);
    at += n;
    put_u32(data + at, r->now_s); /* consul: the serial is the time of the answer */
    put_u32(data + at + 4, c->config->dns_soa_refresh);
    put_u32(data + at + 8, c->config->dns_soa_retry);
    put_u32(data + at + 12, c->config->dns_soa_expire);
    put_u32(data + at + 16, c->config->dns_soa_min_ttl);
    /* RFC 2308 3: a negative answer lives as long as the smaller of TTL and minimum: the same */
    uint32_t ttl = knot_wire_read_u32(data + at + 16);
    struct dns_record *soa = dns_reply_add(r, section, KNOT_RRTYPE_SOA, ttl);
    soa->name = c->domain;
    soa->owner = DNS_OWNER_FULL;
    dns_reply_data(r, soa, data, at + 20);
}

void dns_zone_answer_soa(struct dns_reply *r)
{
    dns_zone_add_soa(r, DNS_ANSWER);
    add_servers(r, DNS_AUTHORITY);
}

void dns_zone_answer_ns(struct dns_reply *r)
{
    add_servers(r, DNS_ANSWER);
}

/* Letters, digits and '-' only: what a name server's name may consist of. */
static bool is_host_label(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-')
            return false;
    }
    return s.n > 0;
}

/* The healthy servers as NS records, and their addresses. */
static void add_servers(struct dns_reply *r, enum dns_section section)
{
    struct dns_instances all;
    const struct dns_conf *c = r->conf;

    if (!r->view) /* without state the SOA alone must do */
        return;
    dns_service_collect(r, STR_LIT("consul"), STR_NONE, &all);
    for (size_t i = 0; i < all.n && r->sections[section].n < DNS_ZONE_SERVERS_MAX; i++) {
        const struct dns_instance *s = dns_service_pick(r, &all, i);
        const struct dns_address *at = &s->node_at.plain;
        uint8_t target[DNS_CONF_NAME_MAX];
        size_t n;
        if (!is_host_label(s->node) || (n = dns_conf_name(s->node, c->node_suffix, target)) == 0)
            continue;
        struct dns_record *ns = dns_reply_add(r, section, KNOT_RRTYPE_NS, c->node_ttl);
        ns->name = c->domain;
        ns->owner = DNS_OWNER_FULL;
        dns_reply_data(r, ns, target, n);
        const uint8_t *owner = ns->rdata->data;
        if (at->ip_n == 0)
            continue;
        struct dns_record *glue =
            dns_reply_add_ip(r, DNS_ADDITIONAL, at->ip, at->ip_n, c->node_ttl);
        dns_reply_own(glue, owner, section, r->sections[section].n - 1);
    }
}
