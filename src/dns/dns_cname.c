/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/dns_cname.h"

#include <libknot/libknot.h>

#include "dns/dns_answer.h"

/* Where found records go. */
struct found {
    struct dns_reply *r;
    enum dns_section section;
    const uint8_t *target; /* in the data of answer target_i */
    size_t target_i;
    uint32_t ttl;
    bool is_service;
    size_t n;
};

static void resolve(struct found *f);
static void resolve_inside(struct found *f, const uint8_t *lower);
static void resolve_outside(struct found *f);
static bool add_found(struct found *f, const uint8_t *owner, uint16_t type, uint32_t ttl,
                      const uint8_t *data, size_t n);

static bool is_in_zone(const struct dns_conf *c, const uint8_t *lower)
{
    for (size_t i = 0; i < c->zone_n; i++)
        if (knot_dname_in_bailiwick(lower, c->zones[i]) > 0)
            return true;
    return false;
}

static void lower_name(const uint8_t *name, uint8_t dst[DNS_CONF_NAME_MAX])
{
    memcpy(dst, name, knot_dname_size(name));
    knot_dname_to_lower(dst);
}

void dns_cname_answer(struct dns_reply *r, struct str target, uint32_t ttl, bool is_service)
{
    uint8_t name[DNS_CONF_NAME_MAX], lower[DNS_CONF_NAME_MAX];
    size_t n = dns_conf_name(target, NULL, name);

    if (n == 0)
        return;
    lower_name(name, lower);
    /* Where the chain has become too long to follow it ends before the name that cannot be had
     * (a loop, most likely). */
    if (r->level < 1 && is_in_zone(r->conf, lower))
        return;
    struct dns_record *cname = dns_reply_add(r, DNS_ANSWER, KNOT_RRTYPE_CNAME, ttl);
    dns_reply_data(r, cname, name, n);
    struct found f = {.r = r,
                      .section = DNS_ANSWER,
                      .target = cname->rdata->data,
                      .target_i = r->sections[DNS_ANSWER].n - 1,
                      .ttl = ttl,
                      .is_service = is_service};
    resolve(&f);
}

void dns_cname_additional(struct dns_reply *r, size_t answer_i, uint32_t ttl)
{
    const struct dns_record *srv = &r->sections[DNS_ANSWER].items[answer_i];
    struct found f = {.r = r,
                      .section = DNS_ADDITIONAL,
                      .target = srv->rdata->data + 6,
                      .target_i = answer_i,
                      .ttl = ttl,
                      .is_service = true};
    resolve(&f);
}

static void resolve(struct found *f)
{
    uint8_t lower[DNS_CONF_NAME_MAX];

    lower_name(f->target, lower);
    if (is_in_zone(f->r->conf, lower))
        resolve_inside(f, lower);
    else if (f->r->conf->has_recursors)
        resolve_outside(f);
}

/* A question of our own for any record of the name, answered from the same view. */
static void resolve_inside(struct found *f, const uint8_t *lower)
{
    struct dns_reply sub = *f->r;

    if (sub.level < 1)
        return;
    sub.level--;
    sub.qname = f->target;
    sub.qname_lower = dns_reply_name(f->r, lower);
    sub.qtype = KNOT_RRTYPE_ANY;
    memset(sub.sections, 0, sizeof(sub.sections));
    dns_answer_dispatch(&sub);
    for (size_t i = 0; i < sub.sections[DNS_ANSWER].n; i++) {
        const struct dns_record *found = &sub.sections[DNS_ANSWER].items[i];
        if (!add_found(f, found->name, found->type, found->ttl, found->rdata->data,
                       found->rdata->len))
            return;
    }
}

static int chase_find(struct dns_chase *chase, const uint8_t *name)
{
    for (size_t i = 0; i < chase->n; i++)
        if (knot_dname_is_case_equal(chase->items[i].name, name))
            return (int)i;
    return -1;
}

/* What the recursors said about the name, if they were asked; else they should be. */
static void resolve_outside(struct found *f)
{
    struct dns_chase *chase = f->r->chase;
    int i = chase_find(chase, f->target);

    if (i < 0) {
        if (!chase->is_final && chase->n < DNS_CHASE_MAX)
            memcpy(chase->items[chase->n++].name, f->target, knot_dname_size(f->target));
        return;
    }
    struct str packet = chase->items[i].packet;
    if (!chase->is_final || packet.n == 0 || packet.n > UINT16_MAX)
        return;
    uint8_t *wire = dns_mem_alloc(f->r->mem, packet.n);
    memcpy(wire, packet.p, packet.n);
    knot_pkt_t *p = knot_pkt_new(wire, (uint16_t)packet.n, &f->r->mem->mm);
    int status = p ? knot_pkt_parse(p, KNOT_PF_KEEPWIRE | KNOT_PF_NOCANON) : KNOT_ENOMEM;
    if (status != KNOT_EOK && status != KNOT_ETRAIL)
        return;
    const knot_pktsection_t *answer = knot_pkt_section(p, KNOT_ANSWER);
    for (uint16_t rr_i = 0; rr_i < answer->count; rr_i++) {
        const knot_rrset_t *rr = knot_pkt_rr(answer, rr_i);
        for (uint16_t at = 0; at < rr->rrs.count; at++) {
            const knot_rdata_t *rdata = knot_rdataset_at(&rr->rrs, at);
            if (!add_found(f, rr->owner, rr->type, rr->ttl, rdata->data, rdata->len))
                return;
        }
    }
}

/* False: enough. */
static bool add_found(struct found *f, const uint8_t *owner, uint16_t type, uint32_t ttl,
                      const uint8_t *data, size_t n)
{
    struct dns_reply *r = f->r;

    if (type != KNOT_RRTYPE_CNAME && type != KNOT_RRTYPE_A && type != KNOT_RRTYPE_AAAA)
        return true;
    if (r->sections[f->section].n >= DNS_REPLY_ANSWERS_MAX)
        return false;
    struct dns_record *record = dns_reply_add(r, f->section, type, f->is_service ? f->ttl : ttl);
    if (knot_dname_is_case_equal(owner, f->target)) {
        dns_reply_own(record, f->target, DNS_ANSWER, f->target_i);
    } else {
        record->name = dns_reply_name(r, owner);
        record->owner = DNS_OWNER_FULL;
        record->answer_i = (uint16_t)f->target_i;
    }
    dns_reply_data(r, record, data, n);
    f->n++;
    return !f->is_service || r->has_edns || f->n < DNS_CNAME_RECORDS_MAX;
}
