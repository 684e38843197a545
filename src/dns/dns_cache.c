/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/dns_cache.h"

#include "base/map.h"
#include "base/mem.h"
#include "state/acl.h"
#include "state/indexes.h"

#define VERSIONS 5 /* indexes of nodes, services, checks, tokens; of the snapshot under them */

struct entry {
    size_t n;
    struct dns_instance items[];
};

struct dns_cache {
    struct map by_service; /* to entries */
    struct arena arena;    /* of entries and their texts */
    uint64_t versions[VERSIONS];
    struct buf token; /* whose rights it was filled with */
};

static void empty(struct dns_cache *c);

struct dns_cache *dns_cache_new(uint64_t seed)
{
    struct dns_cache *c = mem_new(struct dns_cache);
    map_init(&c->by_service, seed);
    buf_init(&c->token, 0);
    return c;
}

void dns_cache_free(struct dns_cache *c)
{
    if (!c)
        return;
    map_fini(&c->by_service);
    arena_fini(&c->arena);
    buf_fini(&c->token);
    mem_free(c);
}

static void empty(struct dns_cache *c)
{
    uint64_t seed = c->by_service.seed;
    if (c->by_service.n == 0)
        return;
    map_fini(&c->by_service);
    map_init(&c->by_service, seed);
    arena_fini(&c->arena);
    c->arena = (struct arena){0};
}

void dns_cache_sync(struct dns_cache *c, struct view *v)
{
    struct view unwatched = {.store = v->store};
    uint64_t now[VERSIONS] = {catalog_nodes_index(v), catalog_services_index(v),
                              health_checks_index(v), v->acl ? acl_index(&unwatched) : 0,
                              indexes_restored(&unwatched)};

    if (memcmp(now, c->versions, sizeof(now)) == 0 && str_eq(buf_str(&c->token), v->token) &&
        c->arena.size_total <= DNS_CACHE_SIZE_MAX)
        return;
    empty(c);
    memcpy(c->versions, now, sizeof(now));
    buf_clear(&c->token);
    buf_put_str(&c->token, v->token);
}

bool dns_cache_get(struct dns_cache *c, struct str service_lower, const struct dns_instance **ret,
                   size_t *ret_n)
{
    const struct entry *e = map_get(&c->by_service, service_lower);
    if (!e)
        return false;
    *ret = e->items;
    *ret_n = e->n;
    return true;
}

static void keep_str(struct arena *a, struct str *s)
{
    s->p = s->n ? arena_dup(a, s->p, s->n) : NULL;
}

static void keep_addresses(struct arena *a, struct dns_addresses *at)
{
    keep_str(a, &at->plain.text);
    keep_str(a, &at->v4.text);
    keep_str(a, &at->v6.text);
}

void dns_cache_put(struct dns_cache *c, struct str service_lower, const struct dns_instance *items,
                   size_t n)
{
    /* When it is full nothing is thrown out here: the answer in the making may hold on to it. */
    if (n == 0 || c->arena.size_total > DNS_CACHE_SIZE_MAX)
        return;
    struct entry *e = arena_alloc(&c->arena, sizeof(*e) + n * sizeof(items[0]));
    e->n = n;
    memcpy(e->items, items, n * sizeof(items[0]));
    for (size_t i = 0; i < n; i++) {
        keep_str(&c->arena, &e->items[i].node);
        keep_str(&c->arena, &e->items[i].meta.packed);
        keep_str(&c->arena, &e->items[i].tags);
        keep_addresses(&c->arena, &e->items[i].node_at);
        keep_addresses(&c->arena, &e->items[i].at);
    }
    map_set(&c->by_service, service_lower, e);
}
