/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: execute and its filters in agent/consul/prepared_query_endpoint.go */
#include "config.h"

#include "state/query_execute.h"

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
