/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/dns_answer.h"

#include <libknot/libknot.h>

#include "dns/dns_name.h"
#include "dns/dns_node.h"
#include "dns/dns_pack.h"
#include "dns/dns_service.h"
#include "dns/dns_zone.h"

/* Sections a question may have beside the question itself. */
#define ANCOUNT_MAX 1
#define NSCOUNT_MAX 1
#define ARCOUNT_MAX 2

static int parse(const struct dns_question *q, knot_pkt_t **ret, uint8_t *ret_rcode);
static enum dns_outcome refuse(const struct dns_question *q, const knot_pkt_t *query, uint8_t *out,
                               size_t *ret_n);
static bool is_own_datacenter(const struct dns_reply *r, const struct dns_name *name);
static void answer_kind(struct dns_reply *r, const struct dns_name *name);
static void find_ecs(const knot_pkt_t *query, struct dns_pack *p);
static void find_subnet(const knot_pkt_t *query, struct dns_reply *r);

static bool is_wan(const struct dns_question *q)
{
    struct str dc = q->asker ? q->asker->translating : STR_NONE;

    return dc.n && !str_eq_nocase(dc, str_z(q->conf->config->datacenter));
}

static void reply_init(const struct dns_question *q, const knot_pkt_t *query, struct rng *rng,
                       struct dns_reply *r)
{
    rng_init(rng, q->seed);
    *r = (struct dns_reply){.mem = q->mem,
                            .conf = q->conf,
                            .view = q->view,
                            .cache = q->cache,
                            .reverse = q->reverse,
                            .rng = rng,
                            .chase = q->chase,
                            .now_s = q->now_s,
                            .qname = knot_pkt_wire_qname(query),
                            .qname_lower = knot_pkt_qname(query),
                            .qtype = knot_pkt_qtype(query),
                            .is_tcp = q->is_tcp,
                            .asker = q->asker,
                            .env = q->env,
                            .elsewhere = q->elsewhere,
                            .has_edns = knot_pkt_has_edns(query),
                            .level = DNS_REPLY_LEVEL_MAX,
                            .is_wan = is_wan(q)};
    r->answer_max = dns_pack_answers_max(query, q->is_tcp, q->conf->config);
}

static struct dns_pack pack_init(const struct dns_question *q, const knot_pkt_t *query,
                                 uint8_t *out)
{
    return (struct dns_pack){.query = query,
                             .is_tcp = q->is_tcp,
                             .is_authoritative = true,
                             .is_recursion_available = q->conf->has_recursors,
                             .size_max = dns_pack_limit(query, q->is_tcp),
                             .out = out};
}

static bool must_ship(const struct dns_question *q, const struct dns_reply *r,
                      const struct dns_name *name)
{
    return q->ship_all || (q->ship_dcs && !is_own_datacenter(r, name));
}

enum dns_outcome dns_answer(const struct dns_question *q, uint8_t *out, size_t *ret_n)
{
    const uint8_t *bytes = (const uint8_t *)q->packet.p;
    knot_pkt_t *query;
    uint8_t rcode;
    struct rng rng;
    struct dns_reply r;
    struct dns_name name;

    /* An answer to an answer could go on for ever. */
    if (q->packet.n < KNOT_WIRE_HEADER_SIZE || q->packet.n > UINT16_MAX || knot_wire_get_qr(bytes))
        return DNS_DROPPED;
    if (parse(q, &query, &rcode) != 0) {
        *ret_n = dns_pack_header(bytes, rcode, out);
        return DNS_ANSWERED;
    }
    reply_init(q, query, &rng, &r);
    dns_name_parse(r.qname_lower, q->conf->zones, q->conf->zone_n, r.qtype == KNOT_RRTYPE_SRV,
                   &name);
    if (name.kind == DNS_NAME_OUTSIDE)
        return refuse(q, query, out, ret_n);
    if (q->ship_dc && must_ship(q, &r, &name)) {
        (void)str_copy_z(is_own_datacenter(&r, &name) ? STR_NONE : name.datacenter, q->ship_dc,
                         256);
        return DNS_SHIP;
    }
    find_subnet(query, &r);
    answer_kind(&r, &name);
    if (r.is_elsewhere)
        return DNS_FAILOVER;
    if (r.is_forward) {
        if (q->conf->has_recursors)
            return DNS_FORWARD;
        *ret_n = dns_answer_servfail(q, out); /* consul: as if all recursors had failed */
        return DNS_ANSWERED;
    }
    if (!q->chase->is_final && q->chase->n > 0)
        return DNS_CHASE;
    struct dns_pack p = pack_init(q, query, out);
    find_ecs(query, &p);
    p.is_ecs_scoped = name.kind == DNS_NAME_QUERY && r.rcode == KNOT_RCODE_NOERROR;
    *ret_n = dns_pack_write(&p, &r);
    return DNS_ANSWERED;
}

size_t dns_answer_servfail(const struct dns_question *q, uint8_t *out)
{
    knot_pkt_t *query;
    uint8_t rcode;
    struct rng rng;
    struct dns_reply r;

    if (parse(q, &query, &rcode) != 0)
        return dns_pack_header((const uint8_t *)q->packet.p, rcode, out);
    reply_init(q, query, &rng, &r);
    r.rcode = KNOT_RCODE_SERVFAIL;
    struct dns_pack p = pack_init(q, query, out);
    p.is_authoritative = false;
    p.is_recursion_available = true; /* consul: says so even without recursors */
    find_ecs(query, &p);
    return dns_pack_write(&p, &r);
}

size_t dns_answer_size(struct str packet, bool is_tcp)
{
    /* Only what can be an EDNS record at all makes an answer over UDP larger: the exact size is
     * found when the packet is parsed. */
    bool may_have_edns =
        packet.n >= KNOT_WIRE_HEADER_SIZE && knot_wire_get_arcount((const uint8_t *)packet.p) > 0;
    return is_tcp || may_have_edns ? DNS_ANSWER_SIZE_MAX : DNS_PACK_UDP_SIZE;
}

/* 0, or ERR_INVALID with the rcode to answer. */
static int parse(const struct dns_question *q, knot_pkt_t **ret, uint8_t *ret_rcode)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)q->packet.p; /* KEEPWIRE: not written to */

    *ret_rcode = KNOT_RCODE_NOTIMPL;
    if (knot_wire_get_opcode(bytes) != KNOT_OPCODE_QUERY)
        return ERR_INVALID;
    *ret_rcode = KNOT_RCODE_FORMERR;
    if (knot_wire_get_qdcount(bytes) != 1 || knot_wire_get_ancount(bytes) > ANCOUNT_MAX ||
        knot_wire_get_nscount(bytes) > NSCOUNT_MAX || knot_wire_get_arcount(bytes) > ARCOUNT_MAX)
        return ERR_INVALID;
    knot_pkt_t *p = knot_pkt_new(bytes, (uint16_t)q->packet.n, &q->mem->mm);
    int status = p ? knot_pkt_parse(p, KNOT_PF_KEEPWIRE | KNOT_PF_NOCANON) : KNOT_ENOMEM;
    if ((status != KNOT_EOK && status != KNOT_ETRAIL) || p->qname_size == 0)
        return ERR_INVALID;
    *ret = p;
    return 0;
}

/* A name of nobody's zone here: the recursors know, or nobody does. */
static enum dns_outcome refuse(const struct dns_question *q, const knot_pkt_t *query, uint8_t *out,
                               size_t *ret_n)
{
    struct rng rng;
    struct dns_reply r;
    uint16_t qtype = knot_pkt_qtype(query);

    /* A zone transfer is many messages: not for a forwarder. */
    if (q->conf->has_recursors && qtype != KNOT_RRTYPE_AXFR && qtype != KNOT_RRTYPE_IXFR)
        return DNS_FORWARD;
    /* consul: header and question, without even an OPT record */
    uint8_t *copy = dns_mem_alloc(q->mem, q->packet.n);
    size_t n = KNOT_WIRE_HEADER_SIZE + (size_t)knot_pkt_question_size(query);
    memcpy(copy, q->packet.p, n);
    knot_wire_set_ancount(copy, 0);
    knot_wire_set_nscount(copy, 0);
    knot_wire_set_arcount(copy, 0);
    knot_pkt_t *bare = knot_pkt_new(copy, (uint16_t)n, &q->mem->mm);
    ASSERT(bare && knot_pkt_parse(bare, KNOT_PF_KEEPWIRE) == KNOT_EOK);
    reply_init(q, bare, &rng, &r);
    r.rcode = KNOT_RCODE_REFUSED;
    struct dns_pack p = pack_init(q, bare, out);
    p.is_authoritative = false;
    *ret_n = dns_pack_write(&p, &r);
    return DNS_ANSWERED;
}

void dns_answer_dispatch(struct dns_reply *r)
{
    struct dns_name name;
    dns_name_parse(r->qname_lower, r->conf->zones, r->conf->zone_n, r->qtype == KNOT_RRTYPE_SRV,
                   &name);
    answer_kind(r, &name);
}

static bool is_own_datacenter(const struct dns_reply *r, const struct dns_name *name)
{
    return name->datacenter.n == 0 ||
           str_eq_nocase(name->datacenter, str_z(r->conf->config->datacenter));
}

static void answer_kind(struct dns_reply *r, const struct dns_name *name)
{
    if (name->kind == DNS_NAME_REVERSE) {
        if (r->qtype == KNOT_RRTYPE_SOA)
            dns_zone_add_soa(r, DNS_AUTHORITY);
        dns_node_answer_reverse(r, name);
        return;
    }
    switch (r->qtype) {
    case KNOT_RRTYPE_SOA:
        dns_zone_answer_soa(r);
        return;
    case KNOT_RRTYPE_NS:
        dns_zone_answer_ns(r);
        return;
    case KNOT_RRTYPE_AXFR:
    case KNOT_RRTYPE_IXFR:
        r->rcode = KNOT_RCODE_NOTIMPL;
        return;
    default:
        break;
    }
    switch (name->kind) {
    case DNS_NAME_SERVICE:
        if (is_own_datacenter(r, name))
            dns_service_answer(r, name);
        else
            dns_reply_no_name(r);
        return;
    case DNS_NAME_QUERY:
        if (is_own_datacenter(r, name) || (r->asker && r->asker->prepared.n))
            dns_service_answer_query(r, name);
        else
            dns_reply_no_name(r);
        return;
    case DNS_NAME_NODE:
        /* consul: a type that nodes do not have is answered before the datacenter is looked at */
        dns_node_answer(r, name, is_own_datacenter(r, name));
        return;
    case DNS_NAME_ADDR:
        dns_node_answer_addr(r, name);
        return;
    default: /* among them connect and ingress: there is nothing of the kind */
        dns_reply_no_name(r);
        return;
    }
}

static bool parse_ecs(const knot_pkt_t *query, knot_edns_client_subnet_t *ret, uint8_t **ret_data,
                      uint16_t *ret_n)
{
    uint8_t *option = knot_pkt_has_edns(query)
                          ? knot_pkt_edns_option(query, KNOT_EDNS_OPTION_CLIENT_SUBNET)
                          : NULL;

    if (!option)
        return false;
    *ret_n = knot_edns_opt_get_length(option);
    *ret_data = knot_edns_opt_get_data(option);
    return *ret_n >= 4 && knot_edns_client_subnet_parse(ret, *ret_data, *ret_n) == KNOT_EOK;
}

static void find_ecs(const knot_pkt_t *query, struct dns_pack *p)
{
    knot_edns_client_subnet_t ecs;
    uint8_t *data;
    uint16_t n;

    if (!parse_ecs(query, &ecs, &data, &n))
        return;
    p->ecs = data;
    p->ecs_n = n;
}

static void find_subnet(const knot_pkt_t *query, struct dns_reply *r)
{
    knot_edns_client_subnet_t ecs;
    struct sockaddr_storage at;
    uint8_t *data;
    uint16_t n;

    if (parse_ecs(query, &ecs, &data, &n) &&
        knot_edns_client_subnet_get_addr(&at, &ecs) == KNOT_EOK)
        memcpy(&r->subnet.u, &at, sizeof r->subnet.u);
}
