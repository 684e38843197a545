/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/catalog_endpoint.go */
#include "config.h"

#include "api/api_catalog.h"

#include <stdlib.h>

#include "api/near.h"

/* ---- parameters ---- */

bool api_catalog_check(struct api_call *c, const char *missing, enum filter_kind kind)
{
    struct filter *f = NULL;
    struct error err = {0};

    if (missing && c->rest.n == 0)
        return api_fail(c, 400, "%s", missing);
    if (filter_new(param_get(&c->params, "filter"), kind, &f, &err) < 0)
        return api_fail(c, 500, "Failed to create boolean expression evaluator: %s", err.text);
    filter_free(f);
    return true;
}

struct filter *api_catalog_filter(struct api_call *c, enum filter_kind kind)
{
    struct filter *f = NULL;

    ASSERT(filter_new(param_get(&c->params, "filter"), kind, &f, NULL) == 0);
    return f;
}

bool api_catalog_has_meta(struct api_call *c, const struct catalog_node *n)
{
    struct str wanted, value;

    for (size_t i = 0; (wanted = param_get_nth(&c->params, "node-meta", i)).p; i++) {
        struct str rest = wanted, name = str_split(&rest, ':');
        if (!pairs_get(n->meta, name, &value) || !str_eq(value, rest))
            return false;
    }
    return true;
}

bool api_catalog_has_tags(struct api_call *c, const struct catalog_service *s)
{
    struct str tag;

    for (size_t i = 0; (tag = param_get_nth(&c->params, "tag", i)).p; i++)
        if (!catalog_service_has_tag(s, tag))
            return false;
    return true;
}

bool api_catalog_check_nodes(struct api_call *c)
{
    return api_catalog_check(c, NULL, FILTER_NODE);
}

bool api_catalog_check_service(struct api_call *c)
{
    return api_catalog_check(c, "Missing service name", FILTER_SERVICE_NODE);
}

bool api_catalog_check_node(struct api_call *c)
{
    return api_catalog_check(c, "Missing node name", FILTER_NODE_SERVICE);
}

/* ---- lists ---- */

/* consul: bad options are told, and the answer is put behind that. */

/* What the walks below are given. */
struct walk {
    struct api_call *call;
    struct filter *filter;
    struct jwrite w;
    bool as_list; /* services of a node: a list, not a map by id */
    struct near near;
};

static bool on_node(void *data, const struct catalog_node *n)
{
    struct walk *k = data;
    struct filter_item item = {.node = n};
    struct catalog_node copy;

    near_begin(&k->near);
    if (api_catalog_has_meta(k->call, n) && filter_takes(k->filter, &item))
        api_catalog_put_node(&k->w, api_catalog_seen_node(k->call, n, &copy));
    near_end(&k->near, n->name);
    return !k->w.out->failed;
}

int api_catalog_nodes(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct walk k = {.call = c, .filter = api_catalog_filter(c, FILTER_NODE), .w = api_json(c)};

    near_init(&k.near, c, v);
    jwrite_array(&k.w);
    catalog_nodes(v, on_node, &k, ret_index);
    jwrite_close(&k.w);
    near_sort(&k.near);
    jwrite_end(&k.w);
    filter_free(k.filter);
    return 0;
}

struct service_tags {
    struct service_tags *next;
    struct str name, tags;
};
struct service_list {
    struct api_call *call;
    struct service_tags *last;
    size_t n;
};

static bool on_service_name(void *data, struct str name, struct str tags_packed)
{
    struct service_list *l = data;
    struct arena *a = &l->call->run_arena;
    struct service_tags *t = arena_new(a, struct service_tags);

    *t = (struct service_tags){l->last, str_make(arena_dup(a, name.p, name.n), name.n),
                               str_make(arena_dup(a, tags_packed.p, tags_packed.n), tags_packed.n)};
    l->last = t;
    l->n++;
    return true;
}

static bool on_where(void *data, const struct catalog_node *n)
{
    struct service_list *l = data;

    return api_catalog_has_meta(l->call, n);
}

static int by_name(const void *a, const void *b)
{
    const struct service_tags *const *x = a, *const *y = b;

    return str_cmp((*x)->name, (*y)->name);
}

int api_catalog_services(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct service_list l = {.call = c};
    struct jwrite w;
    size_t i = 0;

    catalog_services_where(v, param_has(&c->params, "node-meta") ? on_where : NULL, on_service_name,
                           &l, ret_index);
    /* Go prints maps sorted by the names' bytes, the state by their lower case. */
    struct service_tags **sorted = arena_alloc(&c->run_arena, (l.n + 1) * sizeof(l.last));
    for (struct service_tags *t = l.last; t; t = t->next)
        sorted[i++] = t;
    qsort(sorted, l.n, sizeof(l.last), by_name);
    w = api_json(c);
    jwrite_object(&w);
    for (i = 0; i < l.n; i++) {
        jwrite_name_str(&w, sorted[i]->name);
        api_catalog_put_texts(&w, sorted[i]->tags);
    }
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}

/* ---- one service ---- */

static bool on_instance(void *data, const struct catalog_node *n, const struct catalog_service *s)
{
    struct walk *k = data;
    struct filter_item item = {.node = n, .service = s};
    struct catalog_node node;
    struct catalog_service service;

    near_begin(&k->near);
    if (api_catalog_has_tags(k->call, s) && api_catalog_has_meta(k->call, n) &&
        filter_takes(k->filter, &item))
        api_catalog_put_instance(&k->w, api_catalog_seen_node(k->call, n, &node),
                                 api_catalog_seen_service(k->call, s, &service));
    near_end(&k->near, n->name);
    return !k->w.out->failed;
}

int api_catalog_service(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct walk k = {
        .call = c, .filter = api_catalog_filter(c, FILTER_SERVICE_NODE), .w = api_json(c)};

    near_init(&k.near, c, v);
    jwrite_array(&k.w);
    catalog_service_nodes(v, c->rest, on_instance, &k, ret_index);
    jwrite_close(&k.w);
    near_sort(&k.near);
    jwrite_end(&k.w);
    filter_free(k.filter);
    return 0;
}

/* ---- one node ---- */

static bool on_service(void *data, const struct catalog_service *s)
{
    struct walk *k = data;
    struct filter_item item = {.service = s};
    struct catalog_service copy;

    if (!filter_takes(k->filter, &item))
        return true;
    if (!k->as_list)
        jwrite_name_str(&k->w, s->id);
    api_catalog_put_service(&k->w, api_catalog_seen_service(k->call, s, &copy));
    return !k->w.out->failed;
}

static bool on_nothing(void *data, const struct catalog_service *s)
{
    (void)data;
    (void)s;
    return false;
}

static int put_node_and_services(struct api_call *c, struct view *v, bool as_list,
                                 uint64_t *ret_index)
{
    struct walk k = {.call = c, .as_list = as_list, .w = api_json(c)};
    struct catalog_node n, copy;

    /* The node is told before its services, so it is asked for alone first. */
    if (!catalog_node_services(v, c->rest, &n, on_nothing, NULL, ret_index)) {
        jwrite_raw(&k.w, as_list ? STR_LIT("{\"Node\":null,\"Services\":null}") : STR_LIT("null"));
        jwrite_end(&k.w);
        return 0;
    }
    k.filter = api_catalog_filter(c, FILTER_NODE_SERVICE);
    jwrite_object(&k.w);
    jwrite_name(&k.w, "Node");
    api_catalog_put_node(&k.w, api_catalog_seen_node(c, &n, &copy));
    jwrite_name(&k.w, "Services");
    if (as_list)
        jwrite_array(&k.w);
    else
        jwrite_object(&k.w);
    catalog_node_services(v, n.name, &n, on_service, &k, ret_index);
    jwrite_close(&k.w);
    jwrite_close(&k.w);
    jwrite_end(&k.w);
    filter_free(k.filter);
    return 0;
}

int api_catalog_node(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    return put_node_and_services(c, v, false, ret_index);
}

int api_catalog_node_services(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    return put_node_and_services(c, v, true, ret_index);
}
