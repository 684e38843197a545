/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/health_endpoint.go */
#include "config.h"

#include "api/api_health.h"

#include "api/api_catalog.h"
#include "api/near.h"

/* ---- checks ---- */

bool api_health_check_node(struct api_call *c)
{
    return api_catalog_check(c, "Missing node name", FILTER_CHECK);
}

bool api_health_check_checks(struct api_call *c)
{
    return api_catalog_check(c, "Missing service name", FILTER_CHECK);
}

bool api_health_check_state(struct api_call *c)
{
    return api_catalog_check(c, "Missing check state", FILTER_CHECK);
}

struct walk {
    struct api_call *call;
    struct filter *filter;
    struct jwrite w;
    struct view quiet; /* the view, noting no watches: for the nodes of what is walked */
    bool by_meta;
    struct near near;
};

static struct walk walk_begin(struct api_call *c, struct view *v, bool by_meta)
{
    struct walk k = {.call = c,
                     .filter = api_catalog_filter(c, FILTER_CHECK),
                     .w = api_json(c),
                     .quiet = *v,
                     .by_meta = by_meta};

    k.quiet.watch = NULL;
    if (by_meta)
        watch_key(v->watch, WATCH_NODES, STR_NONE);
    near_init(&k.near, c, v);
    jwrite_array(&k.w);
    return k;
}

static int walk_end(struct walk *k)
{
    jwrite_close(&k->w);
    near_sort(&k->near);
    jwrite_end(&k->w);
    filter_free(k->filter);
    return 0;
}

static bool on_check(void *data, const struct health_check *check)
{
    struct walk *k = data;
    struct filter_item item = {.check = check};
    struct catalog_node n;

    if (k->by_meta &&
        (!catalog_node_get(&k->quiet, check->node, &n) || !api_catalog_has_meta(k->call, &n)))
        return true;
    near_begin(&k->near);
    if (filter_takes(k->filter, &item))
        api_catalog_put_check(&k->w, check);
    near_end(&k->near, check->node);
    return !k->w.out->failed;
}

int api_health_node(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct walk k = walk_begin(c, v, false);

    health_node_checks(v, c->rest, on_check, &k, ret_index);
    return walk_end(&k);
}

int api_health_checks(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct walk k = walk_begin(c, v, param_has(&c->params, "node-meta"));

    health_service_checks(v, c->rest, on_check, &k, ret_index);
    if (k.by_meta) /* consul: this one question is answered with the service's own index */
        *ret_index = health_service_index(v, c->rest);
    return walk_end(&k);
}

int api_health_state(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct walk k = walk_begin(c, v, param_has(&c->params, "node-meta"));

    health_state_checks(v, c->rest, on_check, &k, ret_index);
    return walk_end(&k);
}

/* ---- services ---- */

bool api_health_check_service(struct api_call *c)
{
    return api_catalog_check(c, "Missing service name", FILTER_HEALTH);
}

/* strconv.ParseBool, of an empty text true; false when it is neither. */
static bool take_passing(struct api_call *c, bool *ret)
{
    static const char *const words[] = {"",  "1", "t", "T",     "true",  "TRUE", "True",
                                        "0", "f", "F", "false", "FALSE", "False"};
    struct str passing = param_get(&c->params, "passing");

    for (size_t i = 0; passing.p && i < sizeof words / sizeof words[0]; i++) {
        if (!str_eq_z(passing, words[i]))
            continue;
        *ret = i < 7;
        return true;
    }
    return !passing.p;
}

struct join {
    struct api_call *call;
    struct view *view;
    struct filter *filter;
    bool passing_only;
    struct near near;
    struct jwrite w;
    struct health_check *checks; /* of the instance at hand */
    size_t n, cap;
};

static bool on_instance_check(void *data, const struct health_check *check)
{
    struct join *j = data;

    if (j->n == j->cap) {
        j->cap = j->cap ? 2 * j->cap : 16;
        j->checks = mem_realloc(j->checks, j->cap * sizeof *j->checks);
    }
    j->checks[j->n++] = *check;
    return true;
}

static bool on_instance(void *data, const struct health_instance *i)
{
    struct join *j = data;

    if ((j->passing_only && i->worst != HEALTH_PASSING) ||
        (j->call &&
         (!api_catalog_has_tags(j->call, i->service) || !api_catalog_has_meta(j->call, i->node))))
        return true;
    j->n = 0;
    health_instance_checks(j->view, i->node->name, i->service->id, on_instance_check, j);
    struct filter_item item = {
        .node = i->node, .service = i->service, .checks = j->checks, .check_n = j->n};
    struct catalog_node node;
    struct catalog_service service;
    if (!filter_takes(j->filter, &item))
        return true;
    near_begin(&j->near);
    jwrite_object(&j->w);
    jwrite_name(&j->w, "Node");
    api_catalog_put_node(&j->w, api_catalog_seen_node(j->call, i->node, &node));
    jwrite_name(&j->w, "Service");
    api_catalog_put_service(&j->w, api_catalog_seen_service(j->call, i->service, &service));
    jwrite_name(&j->w, "Checks");
    jwrite_array(&j->w);
    for (size_t n = 0; n < j->n; n++)
        api_catalog_put_check(&j->w, &j->checks[n]);
    jwrite_close(&j->w);
    jwrite_close(&j->w);
    near_end(&j->near, i->node->name);
    return !j->w.out->failed;
}

int api_health_service(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct join j = {
        .call = c, .view = v, .filter = api_catalog_filter(c, FILTER_HEALTH), .w = api_json(c)};
    bool is_valid = take_passing(c, &j.passing_only);

    near_init(&j.near, c, v);
    jwrite_array(&j.w);
    health_service_nodes(v, c->rest, on_instance, &j, ret_index);
    jwrite_close(&j.w);
    near_sort(&j.near);
    jwrite_end(&j.w);
    mem_free(j.checks);
    filter_free(j.filter);
    if (!is_valid) { /* consul notices after the read, so this error has the headers of a reply */
        buf_clear(&c->reply.body);
        buf_put_z(&c->reply.body, "Invalid value for ?passing");
        c->reply.status = 400;
        c->reply.is_json = false;
        api_header(c, "Content-Type", STR_LIT("text/plain; charset=utf-8"));
    }
    return 0;
}

int api_health_document(struct view *v, struct str service, struct buf *out)
{
    struct join j = {.view = v};
    uint64_t index;

    jwrite_init(&j.w, out, false);
    jwrite_array(&j.w);
    health_service_nodes(v, service, on_instance, &j, &index);
    jwrite_close(&j.w);
    jwrite_end(&j.w);
    mem_free(j.checks);
    return out->failed ? ERR_TOO_LARGE : 0;
}
