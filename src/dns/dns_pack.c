/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is sent when not everything fits is Consul's choice, as recorded:
 *
 *   - of a service without EDNS, or with EDNS of 512 octets or less, at most
 *     three answers (udp_answer_limit), which must fit without compression;
 *   - above that the size alone decides;
 *   - an answer that goes takes its additional records along;
 *   - texts about nodes are sent only when all fits.
 *
 * Ours: TC says when answers were left out (dns_config.enable_truncate, on by
 * default), so that a resolver can ask again over TCP, where all fit. Consul
 * leaves them out silently.
 *
 * libknot writes the packet. The size is computed before, exactly for owners
 * that are a pointer and as an upper bound for others, so that the number of
 * answers is known before the first is written.
 */
#include "dns/dns_pack.h"

#include <libknot/libknot.h>

#define POINTER_MAX 0x4000 /* RFC 1035 4.1.4: fourteen bits of offset */
#define FIXED_SIZE  10     /* type, class, ttl, length */
#define SPARE       7      /* consul: of 512 octets so many stay free */

/* What of a reply is sent. */
struct choice {
    size_t answer_n;
    bool with_optional;
};

static struct choice choose(const struct dns_pack *p, const struct dns_reply *r);
static size_t size_of(const struct dns_pack *p, const struct dns_reply *r, struct choice c,
                      bool is_plain);
static void make_room(knot_pkt_t *out, const struct dns_reply *r);
static void put_sections(knot_pkt_t *out, const struct dns_reply *r, struct choice c);
static void put_edns(const struct dns_pack *p, struct dns_reply *r, knot_pkt_t *out);

size_t dns_pack_limit(const knot_pkt_t *query, bool is_tcp)
{
    if (is_tcp)
        return KNOT_WIRE_MAX_PKTSIZE;
    if (!knot_pkt_has_edns(query))
        return DNS_PACK_UDP_SIZE;
    /* RFC 6891 6.2.3: smaller values are treated as 512 */
    uint16_t size = knot_edns_get_payload(query->opt_rr);
    return size > DNS_PACK_UDP_SIZE ? size : DNS_PACK_UDP_SIZE;
}

static size_t udp_answers_max(const struct config *config)
{
    int64_t max = config->dns_udp_answer_limit;
    return max < 0 || max > DNS_PACK_UDP_ANSWERS_MAX ? DNS_PACK_UDP_ANSWERS_MAX : (size_t)max;
}

size_t dns_pack_answers_max(const knot_pkt_t *query, bool is_tcp, const struct config *config)
{
    size_t limit = dns_pack_limit(query, is_tcp);
    if (limit == DNS_PACK_UDP_SIZE)
        return udp_answers_max(config);
    size_t n = limit / (2 + FIXED_SIZE + 4); /* of A records */
    return n < DNS_REPLY_ANSWERS_MAX ? n : DNS_REPLY_ANSWERS_MAX;
}

static size_t edns_size(const struct dns_pack *p)
{
    if (!knot_pkt_has_edns(p->query))
        return 0;
    return 1 + FIXED_SIZE + (p->ecs ? 4 + (size_t)p->ecs_n : 0);
}

size_t dns_pack_write(const struct dns_pack *p, struct dns_reply *r)
{
    struct choice c = choose(p, r);
    knot_pkt_t *out = knot_pkt_new(p->out, KNOT_WIRE_MAX_PKTSIZE, &r->mem->mm);

    ASSERT(out && p->size_max >= DNS_PACK_UDP_SIZE && p->size_max <= KNOT_WIRE_MAX_PKTSIZE);
    out->size = 0;
    out->max_size = p->size_max;
    /* A question is at most 12 + 255 + 4 octets: it fits. */
    ASSERT(knot_pkt_init_response(out, p->query) == KNOT_EOK);
    const uint8_t *asked = p->query->wire;
    out->wire[2] = (uint8_t)(0x80 | (p->is_authoritative ? 0x04 : 0) | (asked[2] & 0x01)); /* RD */
    out->wire[3] = (uint8_t)((p->is_recursion_available ? 0x80 : 0) | (asked[3] & 0x10) |  /* CD */
                             (r->rcode & 0x0f));
    size_t opt_size = edns_size(p);
    if (opt_size > 0 && knot_pkt_reserve(out, (uint16_t)opt_size) != KNOT_EOK)
        opt_size = 0;
    make_room(out, r);
    put_sections(out, r, c);
    if (opt_size > 0) {
        (void)knot_pkt_reclaim(out, (uint16_t)opt_size);
        put_edns(p, r, out);
    }
    bool is_cut = knot_wire_get_ancount(out->wire) < r->sections[DNS_ANSWER].n;
    knot_wire_clear_tc(out->wire);
    if (is_cut && r->conf->config->dns_enable_truncate)
        knot_wire_set_tc(out->wire);
    return out->size;
}

size_t dns_pack_header(const uint8_t *query, uint8_t rcode, uint8_t *out)
{
    memset(out, 0, KNOT_WIRE_HEADER_SIZE);
    memcpy(out, query, 2);
    out[2] = (uint8_t)(0x80 | (query[2] & 0x79)); /* QR, the query's opcode and RD */
    out[3] = (uint8_t)(rcode & 0x0f);
    return KNOT_WIRE_HEADER_SIZE;
}

/* ---- how many ---- */

static struct choice choose(const struct dns_pack *p, const struct dns_reply *r)
{
    size_t n = r->sections[DNS_ANSWER].n, limit = p->size_max;
    struct choice c = {.answer_n = n, .with_optional = true};
    bool is_plain = r->conf->config->dns_disable_compression;

    if (!p->is_tcp && !knot_pkt_has_edns(p->query))
        limit -= SPARE;
    if (r->is_limited && !p->is_tcp && p->size_max == DNS_PACK_UDP_SIZE) {
        size_t max = udp_answers_max(r->conf->config);
        if (n > max) {
            c.answer_n = max;
            c.with_optional = false;
            is_plain = true; /* consul: computed as if nothing downstream could compress */
        }
    }
    if (size_of(p, r, c, is_plain) <= limit)
        return c;
    c.with_optional = false;
    if (size_of(p, r, c, is_plain) <= limit)
        return c;
    /* The most that fit; one is tried in any case. */
    size_t low = 1, high = c.answer_n;
    while (low < high) {
        c.answer_n = low + (high - low + 1) / 2;
        if (size_of(p, r, c, is_plain) <= limit)
            low = c.answer_n;
        else
            high = c.answer_n - 1;
    }
    c.answer_n = low;
    return c;
}

static bool is_chosen(const struct dns_record *record, struct choice c, enum dns_section section,
                      size_t i)
{
    if (section == DNS_ANSWER)
        return i < c.answer_n;
    if (section != DNS_ADDITIONAL)
        return true;
    if (record->is_optional && !c.with_optional)
        return false;
    bool is_of_answer = record->target_section == DNS_ANSWER;
    return !is_of_answer || record->answer_i < c.answer_n || c.answer_n == 0;
}

static size_t size_of(const struct dns_pack *p, const struct dns_reply *r, struct choice c,
                      bool is_plain)
{
    size_t size = KNOT_WIRE_HEADER_SIZE + knot_pkt_question_size(p->query) + edns_size(p);

    for (int s = 0; s < DNS_SECTIONS; s++) {
        const struct dns_list *l = &r->sections[s];
        for (size_t i = 0; i < l->n; i++) {
            const struct dns_record *record = &l->items[i];
            if (!is_chosen(record, c, (enum dns_section)s, i))
                continue;
            bool is_pointer =
                !is_plain && (record->owner == DNS_OWNER_QUESTION ||
                              (record->owner == DNS_OWNER_TARGET && size < POINTER_MAX));
            size +=
                FIXED_SIZE + record->rdata->len + (is_pointer ? 2 : knot_dname_size(record->name));
        }
    }
    return size;
}

/* ---- writing ---- */

/* libknot grows its arrays by a few records at a time, and our memory frees nothing in between. */
static void make_room(knot_pkt_t *out, const struct dns_reply *r)
{
    size_t n = 1; /* OPT */
    for (int s = 0; s < DNS_SECTIONS; s++)
        n += r->sections[s].n;
    if (n <= out->rrset_allocd)
        return;
    out->rr_info = dns_mem_alloc(r->mem, n * sizeof(out->rr_info[0]));
    out->rr = dns_mem_alloc(r->mem, n * sizeof(out->rr[0]));
    out->rrset_allocd = n;
}

static uint16_t hint_of(const knot_pkt_t *out, const struct dns_record *record)
{
    if (record->owner == DNS_OWNER_QUESTION)
        return KNOT_COMPR_HINT_QNAME;
    if (record->owner != DNS_OWNER_TARGET)
        return KNOT_COMPR_HINT_NONE;
    /* The records of a section stand in the packet one after the other. */
    const knot_pktsection_t *section =
        knot_pkt_section(out, (knot_section_t)record->target_section);
    ASSERT(record->target_i < section->count);
    return knot_compr_hint(&out->rr_info[section->pos + record->target_i], KNOT_COMPR_HINT_RDATA);
}

/* libknot's packets always compress; this writes every name in full. */
static int put_plain(knot_pkt_t *out, const knot_rrset_t *rr)
{
    size_t room = out->max_size - out->size - out->reserved;
    int n = knot_rrset_to_wire(rr, out->wire + out->size, (uint16_t)room, NULL);

    if (n < 0)
        return n;
    out->size += (size_t)n;
    if (out->current == KNOT_ANSWER)
        knot_wire_add_ancount(out->wire, 1);
    else if (out->current == KNOT_AUTHORITY)
        knot_wire_add_nscount(out->wire, 1);
    else
        knot_wire_add_arcount(out->wire, 1);
    return KNOT_EOK;
}

static void put_sections(knot_pkt_t *out, const struct dns_reply *r, struct choice c)
{
    bool is_plain = r->conf->config->dns_disable_compression;

    for (int s = 0; s < DNS_SECTIONS; s++) {
        const struct dns_list *l = &r->sections[s];
        (void)knot_pkt_begin(out, (knot_section_t)s);
        for (size_t i = 0; i < l->n; i++) {
            const struct dns_record *record = &l->items[i];
            if (!is_chosen(record, c, (enum dns_section)s, i))
                continue;
            /* libknot only reads what it is given to write */
            knot_rrset_t rr;
            knot_rrset_init(&rr, (knot_dname_t *)(uintptr_t)record->name, record->type,
                            KNOT_CLASS_IN, record->ttl);
            rr.rrs.count = 1;
            rr.rrs.size = (uint32_t)knot_rdata_size(record->rdata->len);
            rr.rrs.rdata = (knot_rdata_t *)(uintptr_t)record->rdata;
            int status = is_plain ? put_plain(out, &rr)
                                  : knot_pkt_put(out, hint_of(out, record), &rr, KNOT_PF_NOTRUNC);
            if (status != KNOT_EOK && s != DNS_ADDITIONAL)
                break; /* answers keep their order: none after one that did not fit */
        }
    }
}

static void put_edns(const struct dns_pack *p, struct dns_reply *r, knot_pkt_t *out)
{
    knot_rrset_t opt;
    uint8_t *ecs = NULL;
    /* consul: the asker's own size is said back; DO, version and other options are not */
    uint16_t size = knot_edns_get_payload(p->query->opt_rr);

    if (knot_edns_init(&opt, size, 0, 0, &r->mem->mm) != KNOT_EOK)
        return;
    if (p->ecs && knot_edns_reserve_option(&opt, KNOT_EDNS_OPTION_CLIENT_SUBNET, p->ecs_n, &ecs,
                                           &r->mem->mm) == KNOT_EOK) {
        memcpy(ecs, p->ecs, p->ecs_n);
        /* RFC 7871 7.2.1: scope 0, the answer holds for everybody */
        ecs[3] = p->is_ecs_scoped ? ecs[2] : 0;
    }
    (void)knot_pkt_put(out, KNOT_COMPR_HINT_NONE, &opt, KNOT_PF_NOTRUNC);
}
