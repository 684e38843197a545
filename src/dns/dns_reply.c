/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/dns_reply.h"

#include <libknot/libknot.h>

#include "base/addr.h"
#include "dns/dns_zone.h"

struct dns_record *dns_reply_add(struct dns_reply *r, enum dns_section section, uint16_t type,
                                 uint32_t ttl)
{
    struct dns_list *l = &r->sections[section];
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        struct dns_record *items = dns_mem_alloc(r->mem, cap * sizeof(items[0]));
        if (l->n)
            memcpy(items, l->items, l->n * sizeof(items[0]));
        l->items = items;
        l->cap = cap;
    }
    struct dns_record *record = &l->items[l->n++];
    *record = (struct dns_record){
        .name = r->qname, .type = type, .ttl = ttl, .owner = DNS_OWNER_QUESTION};
    return record;
}

void dns_reply_data(struct dns_reply *r, struct dns_record *record, const void *data, size_t n)
{
    knot_rdata_t *rdata = dns_mem_alloc(r->mem, knot_rdata_size((uint16_t)n));
    ASSERT(n <= UINT16_MAX);
    knot_rdata_init(rdata, (uint16_t)n, data);
    record->rdata = rdata;
}

const uint8_t *dns_reply_name(struct dns_reply *r, const uint8_t *name)
{
    size_t n = knot_dname_size(name);
    uint8_t *copy = dns_mem_alloc(r->mem, n);
    memcpy(copy, name, n);
    return copy;
}

void dns_reply_own(struct dns_record *record, const uint8_t *name, enum dns_section target_section,
                   size_t target_i)
{
    record->name = name;
    record->owner = DNS_OWNER_TARGET;
    record->target_section = (uint8_t)target_section;
    record->target_i = record->answer_i = (uint16_t)target_i;
}

void dns_reply_no_name(struct dns_reply *r)
{
    dns_zone_add_soa(r, DNS_AUTHORITY);
    r->rcode = KNOT_RCODE_NXDOMAIN;
}

struct dns_address dns_reply_address(struct str text)
{
    struct dns_address ret = {.text = text};
    struct addr a;

    if (text.n == 0 || addr_parse(text, 0, &a) != 0)
        return ret;
    const uint8_t *six = a.u.v6.sin6_addr.s6_addr;
    if (addr_is_v4(&a)) {
        ret.ip_n = 4;
        memcpy(ret.ip, &a.u.v4.sin_addr, 4);
    } else if (IN6_IS_ADDR_V4MAPPED(&a.u.v6.sin6_addr)) {
        ret.ip_n = 4;
        memcpy(ret.ip, six + 12, 4);
    } else {
        ret.ip_n = 16;
        memcpy(ret.ip, six, 16);
    }
    return ret;
}

const struct dns_address *dns_reply_pick(uint16_t qtype, const struct dns_addresses *at)
{
    if (qtype == KNOT_RRTYPE_A && at->v4.text.n > 0)
        return &at->v4;
    if (qtype == KNOT_RRTYPE_AAAA && at->v6.text.n > 0)
        return &at->v6;
    return &at->plain;
}

struct dns_record *dns_reply_add_ip(struct dns_reply *r, enum dns_section section,
                                    const uint8_t *ip, size_t ip_n, uint32_t ttl)
{
    uint16_t type = ip_n == 4 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA;
    struct dns_record *record = dns_reply_add(r, section, type, ttl);
    dns_reply_data(r, record, ip, ip_n);
    return record;
}

bool dns_reply_wants_ip(uint16_t qtype, size_t ip_n)
{
    switch (qtype) {
    case KNOT_RRTYPE_A:
        return ip_n == 4;
    case KNOT_RRTYPE_AAAA:
        return ip_n == 16;
    case KNOT_RRTYPE_ANY:
    case KNOT_RRTYPE_SRV:
    case KNOT_RRTYPE_NS:
    case KNOT_RRTYPE_TXT: /* consul: makeARecord; a service has no texts of its own */
        return true;
    default:
        return false;
    }
}
