/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * consul: serviceLookup. The instances come in random order, each time anew,
 * so that clients which take the first spread (round robin). A question of
 * any type but SRV is answered with addresses, each once; SRV gives every
 * (node, address, port) once, with the addresses of the targets as additional
 * records. Instances registered with a host name count only when there is no
 * instance with an address: a name with a CNAME can have nothing beside it.
 */
#include "dns/dns_service.h"

#include <libknot/libknot.h>

#include "agent/env.h"
#include "dns/dns_cname.h"
#include "dns/dns_node.h"
#include "state/query_execute.h"
#include "state/query_template.h"
#include "state/wan.h"

#define SRV_PRIORITY 1 /* consul: always */

/* Values already given, to leave out repetitions: a table of hashes with linear probing. */
struct seen {
    uint64_t *slots;
    size_t slot_n; /* a power of two */
};

static void add_addresses(struct dns_reply *r, struct dns_instances *all, uint32_t ttl);
static void add_targets(struct dns_reply *r, struct dns_instances *all, uint32_t ttl);

static bool can_answer(struct dns_reply *r)
{
    r->is_limited = true;
    if (!r->view)
        r->rcode = KNOT_RCODE_SERVFAIL;
    return r->view != NULL;
}

static void answer_with(struct dns_reply *r, struct dns_instances *all, uint32_t ttl)
{
    if (all->n == 0) {
        dns_reply_no_name(r);
        return;
    }
    if (r->qtype == KNOT_RRTYPE_SRV)
        add_targets(r, all, ttl);
    else
        add_addresses(r, all, ttl);
    if (r->sections[DNS_ANSWER].n == 0) {
        uint16_t rcode = r->rcode; /* the name exists: no data of that type */
        dns_reply_no_name(r);
        r->rcode = rcode;
    }
}

void dns_service_answer(struct dns_reply *r, const struct dns_name *name)
{
    struct dns_instances all;

    if (!can_answer(r))
        return;
    dns_service_collect(r, name->name, name->tag, &all);
    answer_with(r, &all, dns_conf_service_ttl(r->conf, name->name));
}

/* ---- which instances ---- */

struct load {
    struct dns_reply *r;
    struct dns_instance *items;
    size_t n, cap;
};

static bool on_check(void *data, const struct health_check *c)
{
    bool *is_critical = data;
    *is_critical = str_eq_z(c->status, "critical");
    return !*is_critical;
}

/* consul: only the word "critical" takes an instance out; a status of another spelling is neither
 * passing nor warning and has the weight 1. */
static bool may_be_given(struct load *l, const struct health_instance *i, int64_t *ret_weight)
{
    bool is_critical = false;

    *ret_weight =
        i->worst == HEALTH_PASSING ? i->service->weight_passing : i->service->weight_warning;
    if (i->worst == HEALTH_PASSING || i->worst == HEALTH_WARNING)
        return true;
    health_instance_checks(l->r->view, i->node->name, i->service->id, on_check, &is_critical);
    *ret_weight = 1;
    return !is_critical;
}

static void service_addresses(const struct catalog_service *s, bool is_wan,
                              struct dns_addresses *ret)
{
    struct unpack u = unpack_make(s->tagged_addresses);
    struct str name, address, v4 = STR_NONE, v6 = STR_NONE;
    struct str wan_v4 = STR_NONE, wan_v6 = STR_NONE;
    int64_t port;

    *ret = (struct dns_addresses){.plain = dns_reply_address(s->address)};
    if (s->tagged_addresses.n == 0)
        return;
    uint32_t left = unpack_map(&u);
    while (catalog_tagged_next(&u, &left, &name, &address, &port)) {
        if (str_eq_z(name, "lan_ipv4"))
            v4 = address;
        else if (str_eq_z(name, "lan_ipv6"))
            v6 = address;
        else if (is_wan && str_eq_z(name, "wan_ipv4"))
            wan_v4 = address;
        else if (is_wan && str_eq_z(name, "wan_ipv6"))
            wan_v6 = address;
    }
    ret->v4 = dns_reply_address(wan_v4.n ? wan_v4 : v4);
    ret->v6 = dns_reply_address(wan_v6.n ? wan_v6 : v6);
}

static void take(struct load *l, const struct health_instance *i, int64_t weight)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 8;
        struct dns_instance *items = dns_mem_alloc(l->r->mem, cap * sizeof(items[0]));
        if (l->n)
            memcpy(items, l->items, l->n * sizeof(items[0]));
        l->items = items;
        l->cap = cap;
    }
    struct dns_instance *ret = &l->items[l->n++];
    struct catalog_service seen = *i->service;
    if (l->r->is_wan)
        wan_service(&seen);
    *ret = (struct dns_instance){.node = i->node->name,
                                 .meta = i->node->meta,
                                 .tags = i->service->tags,
                                 .port = (uint16_t)seen.port, /* consul: modulo 65536 */
                                 .weight = (uint16_t)weight,
                                 .is_passing = i->worst == HEALTH_PASSING};
    dns_node_addresses(i->node, l->r->is_wan, &ret->node_at);
    service_addresses(&seen, l->r->is_wan, &ret->at);
}

static bool on_instance(void *data, const struct health_instance *i)
{
    int64_t weight;

    if (may_be_given(data, i, &weight))
        take(data, i, weight);
    return true;
}

static const struct dns_instance *load_all(struct dns_reply *r, struct str service, size_t *ret_n)
{
    struct load l = {.r = r};
    struct dns_cache *cache = r->is_wan ? NULL : r->cache; /* it has them as they are seen here */
    const struct dns_instance *cached;
    uint64_t index;

    if (cache && dns_cache_get(cache, service, &cached, ret_n))
        return cached;
    health_service_nodes(r->view, service, on_instance, &l, &index);
    if (cache)
        dns_cache_put(cache, service, l.items, l.n);
    *ret_n = l.n;
    return l.items;
}

static bool has_tag(const struct dns_instance *i, struct str tag)
{
    const struct catalog_service tagged = {.tags = i->tags};
    return catalog_service_has_tag(&tagged, tag);
}

void dns_service_collect(struct dns_reply *r, struct str service, struct str tag,
                         struct dns_instances *ret)
{
    bool only_passing = r->conf->config->dns_only_passing;
    size_t n;

    ret->all = load_all(r, service, &n);
    ret->order = dns_mem_alloc(r->mem, n * sizeof(ret->order[0]));
    ret->n = 0;
    ret->is_sorted = false;
    for (size_t i = 0; i < n; i++)
        if ((!only_passing || ret->all[i].is_passing) && (tag.n == 0 || has_tag(&ret->all[i], tag)))
            ret->order[ret->n++] = (uint32_t)i;
}

/* ---- prepared queries ---- */

static bool on_query_instance(void *data, const struct health_instance *i)
{
    take(data, i,
         i->worst == HEALTH_PASSING ? i->service->weight_passing : i->service->weight_warning);
    return true;
}

/* consul: the query's own TTL, else that of the service it asks for. */
static uint32_t ttl_of(const struct dns_reply *r, const struct query *q)
{
    struct duration d;

    if (q->ttl.n && duration_parse(q->ttl, (struct duration){0}, &d) == 0)
        return (uint32_t)(d.ns / 1000000000);
    return dns_conf_service_ttl(r->conf, q->service);
}

/* What was sent with the question is run as it is: its datacenter rendered it. */
static bool find_query(struct dns_reply *r, const struct dns_name *name, struct arena *arena,
                       struct query *ret)
{
    struct query kept;

    if (r->asker && r->asker->prepared.n)
        return query_read(r->asker->prepared, ret);
    return query_find(r->view, name->name, &kept) &&
           query_template_render(&kept, name->name, arena, ret) == 0;
}

/* consul: the client's subnet counts before the address the question came from. */
static struct query_asker asker_of(const struct dns_reply *r, char ip[ADDR_TEXT_MAX])
{
    struct query_asker a = {.node = str_z(r->conf->config->node_name)};
    const struct addr *at = &r->subnet;

    if (r->asker && r->asker->node.n)
        a.node = r->asker->node;
    if (at->u.sa.sa_family == AF_UNSPEC && r->asker)
        at = &r->asker->source;
    if (at->u.sa.sa_family != AF_UNSPEC) {
        addr_format_ip(at, ip);
        a.ip = str_z(ip);
    }
    return a;
}

static void arrange(struct dns_reply *r, const struct query *q, struct load *l,
                    struct dns_instances *ret)
{
    char ip[ADDR_TEXT_MAX];
    struct query_asker asker = asker_of(r, ip);
    struct query_place *places = dns_mem_alloc(r->mem, l->n * sizeof(places[0]));
    bool is_elsewhere = r->asker && r->asker->prepared.n;

    *ret = (struct dns_instances){.all = l->items, .n = l->n};
    ret->order = dns_mem_alloc(r->mem, l->n * sizeof(ret->order[0]));
    for (size_t i = 0; i < l->n; i++)
        ret->order[i] = (uint32_t)i;
    for (size_t i = 0; i < l->n; i++) {
        const struct dns_instance *picked = dns_service_pick(r, ret, i);
        places[i] = (struct query_place){.node = picked->node, .i = (uint32_t)(picked - l->items)};
    }
    if (!is_elsewhere) /* consul: what is near here says nothing there */
        query_sort(r->view, q->near, &asker, places, l->n);
    for (size_t i = 0; i < l->n; i++)
        ret->order[i] = places[i].i;
    ret->is_sorted = true;
}

static void run_query(struct dns_reply *r, const struct query *q)
{
    struct load l = {.r = r};
    struct dns_instances all;

    query_execute(r->view, q, on_query_instance, &l);
    arrange(r, q, &l, &all);
    answer_with(r, &all, ttl_of(r, q));
    if (l.n == 0 && r->elsewhere && query_has_failover(q)) {
        buf_clear(r->elsewhere);
        query_put_row(r->elsewhere, q);
        r->is_elsewhere = true;
    }
}

/* The query's own token counts, not ours; the view serves other questions after this one. */
void dns_service_answer_query(struct dns_reply *r, const struct dns_name *name)
{
    struct arena arena = {0};
    struct str token;
    struct query q;

    if (!can_answer(r))
        return;
    token = r->view->token;
    if (!find_query(r, name, &arena, &q)) {
        dns_reply_no_name(r);
    } else if (q.token.n && r->env) {
        env_view_as(r->env, r->view, q.token);
        if (r->view->acl_status)
            r->rcode = KNOT_RCODE_SERVFAIL;
        else
            run_query(r, &q);
        env_view_as(r->env, r->view, token);
    } else {
        run_query(r, &q);
    }
    arena_fini(&arena);
}

const struct dns_instance *dns_service_pick(struct dns_reply *r, struct dns_instances *all,
                                            size_t i)
{
    ASSERT(i < all->n);
    if (all->is_sorted)
        return &all->all[all->order[i]];
    size_t other = i + (size_t)rng_below(r->rng, all->n - i); /* Fisher-Yates, as far as needed */
    uint32_t picked = all->order[other];
    all->order[other] = all->order[i];
    all->order[i] = picked;
    return &all->all[picked];
}

/* ---- each once ---- */

/* Room for n values; more answers than one above the most that can be sent are not looked for. */
static void seen_init(struct dns_reply *r, size_t n, struct seen *s)
{
    if (n > r->answer_max + 1)
        n = r->answer_max + 1;
    s->slot_n = 16;
    while (s->slot_n < 2 * n)
        s->slot_n *= 2;
    s->slots = dns_mem_alloc(r->mem, s->slot_n * sizeof(s->slots[0]));
    memset(s->slots, 0, s->slot_n * sizeof(s->slots[0]));
}

/* Was that hash there already? 64 bits of a seeded hash: two values do not share one. */
static bool seen_before(struct seen *s, uint64_t hash)
{
    hash |= 1; /* 0 is an empty slot */
    size_t i = (size_t)(hash >> 20) & (s->slot_n - 1);
    while (s->slots[i] != 0) {
        if (s->slots[i] == hash)
            return true;
        i = (i + 1) & (s->slot_n - 1);
    }
    s->slots[i] = hash;
    return false;
}

/* ---- addresses ---- */

/* The address, or the host name, that an instance is reached at. */
static const struct dns_address *address_of(const struct dns_reply *r, const struct dns_instance *i)
{
    const struct dns_address *node = dns_reply_pick(r->qtype, &i->node_at);
    const struct dns_address *own = dns_reply_pick(r->qtype, &i->at);
    uint8_t name[DNS_CONF_NAME_MAX];

    if (own->text.n == 0)
        return node;
    /* consul: a service whose address is the name asked for would point to itself */
    if (own->ip_n == 0 && dns_conf_name(own->text, NULL, name) > 0 &&
        knot_dname_is_case_equal(name, r->qname))
        return node;
    return own;
}

static void add_addresses(struct dns_reply *r, struct dns_instances *all, uint32_t ttl)
{
    const struct dns_list *answer = &r->sections[DNS_ANSWER];
    int64_t limit = r->conf->config->dns_a_record_limit;
    struct str host = STR_NONE; /* of the first instance that has a name for address */
    struct seen seen;
    uint64_t seed = rng_u64(r->rng);

    seen_init(r, all->n, &seen);
    for (size_t i = 0; i < all->n && answer->n <= r->answer_max; i++) {
        const struct dns_address *at = address_of(r, dns_service_pick(r, all, i));
        if (at->ip_n == 0) {
            if (host.n == 0)
                host = at->text;
            continue;
        }
        if (!dns_reply_wants_ip(r->qtype, at->ip_n) ||
            seen_before(&seen, str_hash(str_make(at->ip, at->ip_n), seed)))
            continue;
        dns_reply_add_ip(r, DNS_ANSWER, at->ip, at->ip_n, ttl);
        if (limit > 0 && (int64_t)answer->n == limit)
            return;
    }
    if (answer->n == 0 && host.n > 0)
        dns_cname_answer(r, host, ttl, true);
}

/* ---- SRV ---- */

/* "0a000001.addr.dc1.consul." for an address. */
static size_t addr_name(const struct dns_conf *c, const uint8_t *ip, size_t ip_n, uint8_t *dst)
{
    static const char digits[] = "0123456789abcdef";
    char hex[32];
    for (size_t i = 0; i < ip_n; i++) {
        hex[2 * i] = digits[ip[i] >> 4];
        hex[2 * i + 1] = digits[ip[i] & 15];
    }
    return dns_conf_name(str_make(hex, 2 * ip_n), c->addr_suffix, dst);
}

static void add_target(struct dns_reply *r, const struct dns_instance *instance, uint32_t ttl)
{
    const struct dns_address *at = address_of(r, instance);
    bool is_own = at != dns_reply_pick(r->qtype, &instance->node_at);
    uint8_t data[6 + DNS_CONF_NAME_MAX];
    size_t n = 0;

    if (at->ip_n == 0) {
        n = dns_conf_name(at->text, NULL, data + 6);
    } else {
        if (!is_own)
            n = dns_conf_name(instance->node, r->conf->node_suffix, data + 6);
        /* Ours: also for a node whose name DNS cannot carry */
        if (n == 0)
            n = addr_name(r->conf, at->ip, at->ip_n, data + 6);
    }
    if (n == 0)
        return;
    knot_wire_write_u16(data, SRV_PRIORITY);
    knot_wire_write_u16(data + 2, instance->weight);
    knot_wire_write_u16(data + 4, instance->port);
    struct dns_record *srv = dns_reply_add(r, DNS_ANSWER, KNOT_RRTYPE_SRV, ttl);
    dns_reply_data(r, srv, data, 6 + n);
    const uint8_t *target = srv->rdata->data + 6;
    size_t answer_i = r->sections[DNS_ANSWER].n - 1;
    if (at->ip_n > 0) {
        struct dns_record *a = dns_reply_add_ip(r, DNS_ADDITIONAL, at->ip, at->ip_n, ttl);
        dns_reply_own(a, target, DNS_ANSWER, answer_i);
    } else {
        dns_cname_additional(r, answer_i, ttl);
    }
    if (r->conf->config->dns_node_meta_txt && pairs_count(instance->meta) > 0 &&
        dns_conf_name(instance->node, r->conf->node_suffix, data) > 0)
        dns_node_add_meta(r, DNS_ADDITIONAL, instance->meta, ttl, dns_reply_name(r, data),
                          answer_i);
}

static void add_targets(struct dns_reply *r, struct dns_instances *all, uint32_t ttl)
{
    struct seen seen;
    uint64_t seed = rng_u64(r->rng);

    seen_init(r, all->n, &seen);
    for (size_t i = 0; i < all->n && r->sections[DNS_ANSWER].n <= r->answer_max; i++) {
        const struct dns_instance *picked = dns_service_pick(r, all, i);
        uint64_t hash = str_hash(picked->node, seed ^ picked->port);
        if (!seen_before(&seen, str_hash(picked->at.plain.text, hash)))
            add_target(r, picked, ttl);
    }
}
