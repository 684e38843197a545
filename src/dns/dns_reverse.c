/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/dns_reverse.h"

#include "base/map.h"
#include "base/mem.h"
#include "dns/dns_reply.h"

struct owner {
    struct str name;
    bool is_service;
};

struct dns_reverse {
    struct map by_ip; /* octets to owners */
    struct arena arena;
    uint64_t nodes_index, services_index;
    bool is_filled;
};

/* What the walk of services is told. */
struct walk {
    struct dns_reverse *x;
    struct view *view;
};

struct dns_reverse *dns_reverse_new(uint64_t seed)
{
    struct dns_reverse *x = mem_new(struct dns_reverse);
    map_init(&x->by_ip, seed);
    return x;
}

void dns_reverse_free(struct dns_reverse *x)
{
    if (!x)
        return;
    map_fini(&x->by_ip);
    arena_fini(&x->arena);
    mem_free(x);
}

static void add(struct dns_reverse *x, struct str address, struct str name, bool is_service)
{
    struct dns_address a = dns_reply_address(address);
    struct str key = str_make(a.ip, a.ip_n);

    if (a.ip_n == 0 || map_get(&x->by_ip, key))
        return;
    struct owner *o = arena_new(&x->arena, struct owner);
    o->name = str_make(arena_dup(&x->arena, name.p, name.n), name.n);
    o->is_service = is_service;
    map_set(&x->by_ip, key, o);
}

static bool on_node(void *data, const struct catalog_node *n)
{
    add(((struct walk *)data)->x, n->address, n->name, false);
    return true;
}

static bool on_service_node(void *data, const struct catalog_node *n,
                            const struct catalog_service *s)
{
    (void)n;
    add(((struct walk *)data)->x, s->address, s->name, true);
    return true;
}

static bool on_service(void *data, struct str name, struct str tags_packed)
{
    struct walk *w = data;
    uint64_t index;

    (void)tags_packed;
    catalog_service_nodes(w->view, name, on_service_node, w, &index);
    return true;
}

static void fill(struct dns_reverse *x, struct view *v)
{
    struct walk w = {.x = x, .view = v};
    uint64_t nodes_index = catalog_nodes_index(v), services_index = catalog_services_index(v);
    uint64_t seed = x->by_ip.seed, index;

    if (x->is_filled && x->nodes_index == nodes_index && x->services_index == services_index)
        return;
    map_fini(&x->by_ip);
    map_init(&x->by_ip, seed);
    arena_fini(&x->arena);
    x->arena = (struct arena){0};
    catalog_nodes(v, on_node, &w, &index); /* first: a node goes before a service */
    catalog_services(v, on_service, &w, &index);
    x->nodes_index = nodes_index;
    x->services_index = services_index;
    x->is_filled = true;
}

bool dns_reverse_find(struct dns_reverse *x, struct view *v, const uint8_t *ip, size_t ip_n,
                      struct str *ret_name, bool *ret_is_service)
{
    fill(x, v);
    const struct owner *o = map_get(&x->by_ip, str_make(ip, ip_n));
    if (!o)
        return false;
    *ret_name = o->name;
    *ret_is_service = o->is_service;
    return true;
}
