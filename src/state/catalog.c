/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions about nodes and services. The commands that change them are in catalog_apply.c. */
#include "config.h"

#include "state/catalog.h"

#include <stdlib.h>

#include "base/mem.h"
#include "state/indexes.h"
#include "state/policy.h"
#include "state/row.h"
#include "store/keys.h"

static uint64_t newer(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t catalog_nodes_index(struct view *v)
{
    return indexes_shown(indexes_get(v, INDEXES_NODES));
}

uint64_t catalog_services_index(struct view *v)
{
    return indexes_shown(indexes_get(v, INDEXES_SERVICES));
}

/* ---- nodes ---- */

bool catalog_node_get(struct view *v, struct str name, struct catalog_node *ret)
{
    row_watch(v, WATCH_NODE, name);
    return row_node_get(v, name, ret) && policy_allows(v, ACL_NODE, ret->name, ACL_READ);
}

bool catalog_node_by_id(struct view *v, struct str id, struct catalog_node *ret)
{
    struct str key, row;

    watch_key(v->watch, WATCH_NODES, STR_NONE);
    if (!store_get(v->store, TABLE_NODE_ID, id, &key) ||
        !store_get(v->store, TABLE_NODE, key, &row))
        return false;
    row_load_node(row, ret);
    return policy_allows(v, ACL_NODE, ret->name, ACL_READ);
}

#define NODE_ID_PREFIX_MIN 2 /* Consul: minUUIDLookupLen */

bool catalog_node_find(struct view *v, struct str name_or_id, struct catalog_node *ret)
{
    struct store_cursor c;
    struct str row;
    int n = 0;

    if (catalog_node_get(v, name_or_id, ret))
        return true;
    if (name_or_id.n < NODE_ID_PREFIX_MIN || name_or_id.n > ROW_NAME_SIZE_MAX)
        return false;
    watch_key(v->watch, WATCH_NODES, STR_NONE);
    for (store_seek(&c, v->store, TABLE_NODE_ID, name_or_id);
         c.valid && str_has_prefix(c.key, name_or_id) && n < 2; store_next(&c)) {
        if (store_get(v->store, TABLE_NODE, c.value, &row)) {
            row_load_node(row, ret);
            n++;
        }
    }
    store_cursor_fini(&c);
    return n == 1 && policy_allows(v, ACL_NODE, ret->name, ACL_READ);
}

void catalog_nodes(struct view *v, bool (*each)(void *data, const struct catalog_node *n),
                   void *data, uint64_t *ret_index)
{
    struct store_cursor c;
    struct catalog_node n;
    bool go = true;

    watch_key(v->watch, WATCH_NODES, STR_NONE);
    for (store_seek(&c, v->store, TABLE_NODE, STR_NONE); go && c.valid; store_next(&c)) {
        row_load_node(c.value, &n);
        if (policy_allows(v, ACL_NODE, n.name, ACL_READ))
            go = each(data, &n);
    }
    store_cursor_fini(&c);
    if (ret_index)
        *ret_index = catalog_nodes_index(v);
}

/* ---- the set of services ---- */

/* Tags seen so far of the service being gathered; they point into rows of the view. */
struct gather {
    struct view *view;
    bool (*where)(void *data, const struct catalog_node *n);
    bool (*each)(void *data, struct str name, struct str tags_packed);
    void *data;
    struct str lower; /* the service's name in lower case, as in the keys */
    struct buf lower_room;
    struct str name, last_packed;
    struct str *tags;
    size_t n, cap;
};

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void gather_tags(struct gather *g, struct str packed)
{
    /* Instances of a service mostly have the same tags. */
    if (packed.n == 0 || str_eq(packed, g->last_packed))
        return;
    g->last_packed = packed;
    struct unpack u = unpack_make(packed);
    for (uint32_t left = unpack_array(&u); left > 0 && !u.bad; left--) {
        if (g->n == g->cap) {
            g->cap = g->cap ? 2 * g->cap : 16;
            g->tags = mem_realloc(g->tags, g->cap * sizeof *g->tags);
        }
        g->tags[g->n++] = unpack_str(&u);
    }
}

/* Gives out the service gathered, if any; false to stop. */
static bool gather_finish(struct gather *g)
{
    struct buf packed;
    size_t distinct = 0;

    if (!g->name.p)
        return true;
    if (g->n)
        qsort(g->tags, g->n, sizeof *g->tags, by_text);
    for (size_t i = 0; i < g->n; i++)
        if (i == 0 || !str_eq(g->tags[i], g->tags[i - 1]))
            g->tags[distinct++] = g->tags[i];
    buf_init(&packed, 0);
    pack_array(&packed, (uint32_t)distinct);
    for (size_t i = 0; i < distinct; i++)
        pack_str(&packed, g->tags[i]);
    bool go = g->each(g->data, g->name, buf_str(&packed));
    buf_fini(&packed);
    g->name = STR_NONE;
    g->last_packed = STR_NONE;
    g->n = 0;
    return go;
}

/* One row of TABLE_BY_SERVICE: its key is the service's name, then the key of the instance. */
static bool gather_row(struct gather *g, struct str key)
{
    struct cursor c = cursor_make(key);
    struct catalog_service s;
    struct catalog_node n;
    struct str row;

    ASSERT(keys_get_text(&c, NULL));
    struct str instance = str_make(c.p, cursor_left(&c));
    struct str lower = str_take(key, key.n - instance.n);
    if (!str_eq(lower, g->lower)) {
        if (!gather_finish(g))
            return false;
        buf_clear(&g->lower_room);
        buf_put_str(&g->lower_room, lower);
        g->lower = buf_str(&g->lower_room);
    }
    if (!store_get(g->view->store, TABLE_SERVICE, instance, &row))
        return true;
    row_load_service(row, &s);
    if (!policy_allows(g->view, ACL_SERVICE, s.name, ACL_READ))
        return true;
    if (g->where && (!row_node_get(g->view, s.node, &n) || !g->where(g->data, &n)))
        return true;
    if (!g->name.p)
        g->name = s.name;
    gather_tags(g, s.tags);
    return true;
}

void catalog_services_where(struct view *v, bool (*where)(void *data, const struct catalog_node *n),
                            bool (*each)(void *data, struct str name, struct str tags_packed),
                            void *data, uint64_t *ret_index)
{
    struct store_cursor c;
    struct gather g = {.view = v, .where = where, .each = each, .data = data};
    bool go = true;

    watch_key(v->watch, WATCH_SERVICES, STR_NONE);
    if (where)
        watch_key(v->watch, WATCH_NODES, STR_NONE);
    buf_init(&g.lower_room, 0);
    for (store_seek(&c, v->store, TABLE_BY_SERVICE, STR_NONE); go && c.valid; store_next(&c))
        go = gather_row(&g, c.key);
    if (go)
        gather_finish(&g);
    store_cursor_fini(&c);
    buf_fini(&g.lower_room);
    mem_free(g.tags);
    if (!ret_index)
        return;
    *ret_index = catalog_services_index(v);
    if (where)
        *ret_index = newer(*ret_index, catalog_nodes_index(v));
}

void catalog_services(struct view *v,
                      bool (*each)(void *data, struct str name, struct str tags_packed), void *data,
                      uint64_t *ret_index)
{
    catalog_services_where(v, NULL, each, data, ret_index);
}

/* ---- instances ---- */

bool catalog_tagged_next(struct unpack *u, uint32_t *left, struct str *ret_name,
                         struct str *ret_address, int64_t *ret_port)
{
    if (*left == 0 || u->bad)
        return false;
    --*left;
    *ret_name = unpack_str(u);
    if (unpack_array(u) != 2)
        u->bad = true;
    *ret_address = unpack_str(u);
    *ret_port = unpack_int(u);
    return !u->bad;
}

void catalog_service_nodes(struct view *v, struct str service,
                           bool (*each)(void *data, const struct catalog_node *n,
                                        const struct catalog_service *s),
                           void *data, uint64_t *ret_index)
{
    struct store_cursor c;
    struct catalog_service s;
    struct catalog_node n;
    struct buf prefix;
    bool go = true, exists = false;

    row_watch(v, WATCH_SERVICE, service);
    buf_init(&prefix, 0);
    keys_put_lower(&prefix, service);
    for (store_seek(&c, v->store, TABLE_BY_SERVICE, buf_str(&prefix));
         go && c.valid && str_has_prefix(c.key, buf_str(&prefix)); store_next(&c)) {
        struct str row, key = str_drop(c.key, prefix.n);
        if (!store_get(v->store, TABLE_SERVICE, key, &row))
            continue;
        row_load_service(row, &s);
        exists = true;
        if (row_node_of(v, key, &n) && policy_allows(v, ACL_NODE, n.name, ACL_READ) &&
            policy_allows(v, ACL_SERVICE, s.name, ACL_READ))
            go = each(data, &n, &s);
    }
    store_cursor_fini(&c);
    buf_fini(&prefix);
    if (ret_index)
        *ret_index = indexes_of_service(v, service, exists, false);
}

bool catalog_node_services(struct view *v, struct str node, struct catalog_node *ret_node,
                           bool (*each)(void *data, const struct catalog_service *s), void *data,
                           uint64_t *ret_index)
{
    struct store_cursor c;
    struct catalog_service s;
    struct buf prefix;
    bool go = true;

    if (ret_index)
        *ret_index = newer(catalog_nodes_index(v), catalog_services_index(v));
    if (!catalog_node_find(v, node, ret_node))
        return false;
    row_watch(v, WATCH_NODE, ret_node->name);
    buf_init(&prefix, 0);
    row_node_key(&prefix, ret_node->name);
    for (store_seek(&c, v->store, TABLE_SERVICE, buf_str(&prefix));
         go && c.valid && str_has_prefix(c.key, buf_str(&prefix)); store_next(&c)) {
        row_load_service(c.value, &s);
        if (policy_allows(v, ACL_SERVICE, s.name, ACL_READ))
            go = each(data, &s);
    }
    store_cursor_fini(&c);
    buf_fini(&prefix);
    return true;
}

bool catalog_service_get(struct view *v, struct str node, struct str id,
                         struct catalog_service *ret)
{
    row_watch(v, WATCH_NODE, node);
    return row_service_get(v, node, id, ret) && policy_allows(v, ACL_NODE, node, ACL_READ) &&
           policy_allows(v, ACL_SERVICE, ret->name, ACL_READ);
}

bool catalog_service_has_tag(const struct catalog_service *s, struct str tag)
{
    struct unpack u = unpack_make(s->tags);

    if (s->tags.n == 0)
        return false;
    for (uint32_t left = unpack_array(&u); left > 0 && !u.bad; left--)
        if (str_eq_nocase(unpack_str(&u), tag))
            return true;
    return false;
}
