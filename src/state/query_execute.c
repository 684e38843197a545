/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: execute and its filters in agent/consul/prepared_query_endpoint.go */
#include "config.h"

#include "state/query_execute.h"

#include <math.h>
#include <stdlib.h>

#include "state/coordinate.h"

struct run {
    struct view *view;
    const struct query *query;
    bool (*each)(void *data, const struct health_instance *i);
    void *data;
    enum health_status worst; /* of the instance at hand */
};

static bool is_listed(struct str packed, struct str text)
{
    struct unpack u = unpack_make(packed);
    uint32_t n = packed.n ? unpack_array(&u) : 0;

    while (n-- > 0)
        if (str_eq(unpack_str(&u), text))
            return true;
    return false;
}

static bool on_check(void *data, const struct health_check *c)
{
    struct run *r = data;
    enum health_status s = health_status_of(c->status);

    if (s > r->worst && !is_listed(r->query->ignored_checks, c->check_id))
        r->worst = s;
    return true;
}

/* All tags without '!', none of those with it. */
static bool has_tags(const struct query *q, const struct catalog_service *s)
{
    struct unpack u = unpack_make(q->tags);
    uint32_t n = q->tags.n ? unpack_array(&u) : 0;

    while (n-- > 0) {
        struct str tag = unpack_str(&u);
        bool is_not = str_has_prefix(tag, STR_LIT("!"));

        if (tag.n && catalog_service_has_tag(s, is_not ? str_drop(tag, 1) : tag) == is_not)
            return false;
    }
    return true;
}

static bool has_pairs(struct pairs wanted, struct pairs have)
{
    struct pairs_iter i = pairs_begin(wanted);
    struct str name, value, got;

    while (pairs_next(&i, &name, &value))
        if (!pairs_get(have, name, &got) || !str_eq(got, value))
            return false;
    return true;
}

static bool on_instance(void *data, const struct health_instance *i)
{
    struct run *r = data;
    const struct query *q = r->query;
    struct health_instance mine = *i;

    if (!has_tags(q, i->service) || !has_pairs(q->node_meta, i->node->meta) ||
        !has_pairs(q->service_meta, i->service->meta))
        return true;
    r->worst = HEALTH_PASSING;
    health_instance_checks(r->view, i->node->name, i->service->id, on_check, r);
    if (r->worst >= HEALTH_CRITICAL || (q->only_passing && r->worst != HEALTH_PASSING))
        return true;
    mine.worst = r->worst;
    return r->each(r->data, &mine);
}

void query_execute(struct view *v, const struct query *q,
                   bool (*each)(void *data, const struct health_instance *i), void *data)
{
    struct run r = {.view = v, .query = q, .each = each, .data = data};
    uint64_t index;

    if (q->connect) /* there is no service mesh, so nothing can be reached through it */
        return;
    health_service_nodes(v, q->service, on_instance, &r, &index);
}

bool query_has_failover(const struct query *q)
{
    struct unpack u = unpack_make(q->failover_datacenters);

    return q->failover_nearest > 0 || (q->failover_datacenters.n > 0 && unpack_array(&u) > 0);
}

/* ---- in which order ---- */

struct by_address {
    struct str ip, node;
};

static bool on_node(void *data, const struct catalog_node *n)
{
    struct by_address *b = data;

    if (str_eq(n->address, b->ip))
        b->node = n->name;
    return b->node.n == 0;
}

static struct str near_node(struct view *v, struct str near, const struct query_asker *asker)
{
    struct by_address b = {.ip = asker->ip};
    uint64_t index;

    if (str_eq_z(near, "_agent"))
        return asker->node;
    if (!str_eq_z(near, "_ip"))
        return near;
    if (b.ip.n)
        catalog_nodes(v, on_node, &b, &index);
    return b.node;
}

static int by_far(const void *a, const void *b)
{
    const struct query_place *x = a, *y = b;

    if (x->far != y->far)
        return x->far < y->far ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

void query_sort(struct view *v, struct str near, const struct query_asker *asker,
                struct query_place *places, size_t n)
{
    struct str node = near.n ? near_node(v, near, asker) : STR_NONE;
    struct coordinate from, there;

    if (node.n == 0)
        return;
    bool is_known = coordinate_get(v, node, &from, NULL);
    for (size_t i = 0; i < n; i++) {
        struct query_place *p = &places[i];

        p->order = (uint32_t)i;
        p->far = str_eq_nocase(p->node, node) ? -1
                 : is_known && coordinate_get(v, p->node, &there, NULL)
                     ? coordinate_distance(&from, &there)
                     : INFINITY;
    }
    qsort(places, n, sizeof places[0], by_far);
}
