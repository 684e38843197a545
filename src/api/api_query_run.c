/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * consul: Execute, ExecuteRemote, Explain and queryFailover in
 * agent/consul/prepared_query_endpoint.go
 *
 * A run that finds nothing goes on elsewhere (api_query_go_on): the request is sent to other
 * datacenters with the query itself, which they run without going on any further.
 */
#include "config.h"

#include "agent/failover.h"
#include "api/api_cache.h"
#include "api/api_catalog.h"
#include "api/api_query.h"
#include "api/api_ship.h"
#include "base/rng.h"
#include "state/query_execute.h"
#include "state/query_template.h"

static void put_text(struct jwrite *w, const char *name, struct str text)
{
    jwrite_name(w, name);
    jwrite_str(w, text);
}

static void put_flag(struct jwrite *w, const char *name, bool value)
{
    jwrite_name(w, name);
    jwrite_bool(w, value);
}

static void put_number(struct jwrite *w, const char *name, int64_t value)
{
    jwrite_name(w, name);
    jwrite_i64(w, value);
}

/* Go: the reply's struct embeds QueryMeta. */
static void put_meta(struct api_call *c, struct jwrite *w)
{
    static const char *const levels[] = {
        [READ_DEFAULT] = "leader", [READ_CONSISTENT] = "consistent", [READ_STALE] = "stale"};

    put_number(w, "Index", 0);
    put_number(w, "LastContact", 0);
    put_flag(w, "KnownLeader", true);
    put_text(w, "ConsistencyLevel", str_z(levels[c->params.mode]));
    put_flag(w, "NotModified", false);
}

int api_query_not_found(struct api_call *c)
{
    api_fail(c, 404, "Query not found");
    return 0;
}

/* What was sent with the request is run as it is: its datacenter rendered it. */
static bool find(struct api_call *c, struct view *v, struct query *ret)
{
    const struct api_query_request *r = c->scratch;
    struct query q;

    if (c->request.prepared.n)
        return query_read(c->request.prepared, ret);
    return query_find(v, r->key, &q) && query_template_render(&q, r->key, &c->run_arena, ret) == 0;
}

int api_query_explain(struct api_call *c, struct view *v)
{
    struct query q;
    struct jwrite w;

    if (!find(c, v, &q) || !query_reveal(v, &q))
        return api_query_not_found(c);
    w = api_json(c);
    jwrite_object(&w);
    jwrite_name(&w, "Query");
    api_query_put(&w, &q);
    put_meta(c, &w);
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}

/* ---- execution ---- */

struct found {
    struct catalog_node node;
    struct catalog_service service;
};

struct gather {
    struct api_call *call;
    struct found *items; /* in the run's arena, as are these */
    struct query_place *places;
    size_t n, cap;
};

static bool on_instance(void *data, const struct health_instance *i)
{
    struct gather *g = data;

    if (g->n == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 16;
        struct found *items = arena_alloc(&g->call->run_arena, cap * sizeof *items);

        if (g->n)
            memcpy(items, g->items, g->n * sizeof *items);
        g->items = items;
        g->cap = cap;
    }
    g->items[g->n++] = (struct found){*i->node, *i->service};
    return true;
}

/* At random, so that clients spread. */
static void arrange(struct gather *g, struct view *v, struct str near)
{
    struct api_call *c = g->call;
    const struct api_query_request *r = c->scratch;
    struct query_asker asker = {.node = api_asked_node(c), .ip = r->source};

    g->places = arena_alloc(&c->run_arena, g->n * sizeof *g->places);
    for (size_t i = 0; i < g->n; i++)
        g->places[i] = (struct query_place){.node = g->items[i].node.name, .i = (uint32_t)i};
    for (size_t i = 0; i + 1 < g->n; i++) {
        size_t other = i + (size_t)rng_below(c->env->rng, g->n - i);
        struct query_place swap = g->places[i];

        g->places[i] = g->places[other];
        g->places[other] = swap;
    }
    query_sort(v, near, &asker, g->places, g->n);
}

static bool on_check(void *data, const struct health_check *check)
{
    api_catalog_put_check(data, check);
    return true;
}

static void put_found(const struct api_call *c, struct jwrite *w, struct view *v,
                      const struct found *f)
{
    struct catalog_node node;
    struct catalog_service service;

    jwrite_object(w);
    jwrite_name(w, "Node");
    api_catalog_put_node(w, api_catalog_seen_node(c, &f->node, &node));
    jwrite_name(w, "Service");
    api_catalog_put_service(w, api_catalog_seen_service(c, &f->service, &service));
    jwrite_name(w, "Checks");
    jwrite_array(w);
    health_instance_checks(v, f->node.name, f->service.id, on_check, w);
    jwrite_close(w);
    jwrite_close(w);
}

/* consul: an error that came through the cache is no 404 any more. */
static int not_found_to_run(struct api_call *c)
{
    if (!api_cache_is_asked(c))
        return api_query_not_found(c);
    api_fail(c, 500, "Query not found");
    return 0;
}

/* What is the same whatever was found. */
static struct jwrite begin_reply(struct api_call *c, const struct query *q)
{
    struct jwrite w = api_json(c);

    jwrite_object(&w);
    put_text(&w, "Service", q->service);
    jwrite_name(&w, "Nodes");
    jwrite_array(&w);
    return w;
}

static void end_reply(struct api_call *c, struct jwrite *w, const struct query *q,
                      const char *datacenter, size_t failovers)
{
    jwrite_close(w);
    api_query_put_dns(w, q);
    put_text(w, "Datacenter", str_z(datacenter));
    put_number(w, "Failovers", (int64_t)failovers);
    put_meta(c, w);
    jwrite_close(w);
    jwrite_end(w);
}

/* For api_query_go_on, after the view is gone. */
static void keep_for_failover(struct api_call *c, struct api_query_request *r,
                              const struct query *q)
{
    struct buf row;

    r->kept = STR_NONE;
    if (c->request.prepared.n || !query_has_failover(q) ||
        published_get(c->env->published, PUBLISHED_DATACENTERS) == 0)
        return;
    buf_init(&row, 0);
    query_put_row(&row, q);
    r->kept = str_make(arena_dup(&c->run_arena, row.p, row.n), row.n);
    buf_fini(&row);
}

int api_query_execute(struct api_call *c, struct view *v)
{
    struct api_query_request *r = c->scratch;
    struct gather g = {.call = c};
    struct str near = param_get(&c->params, "near");
    struct query q;
    struct jwrite w;

    if (!find(c, v, &q))
        return not_found_to_run(c);
    if (q.token.n) /* the query's own counts, not the caller's */
        env_view_as(c->env, v, q.token);
    if (v->acl_status)
        return v->acl_status;
    q.connect = q.connect || r->connect;
    query_execute(v, &q, on_instance, &g);
    /* consul: by definition in another datacenter, so only shuffled */
    arrange(&g, v, c->request.prepared.n ? STR_NONE : near.n ? near : q.near);
    w = begin_reply(c, &q);
    for (size_t i = 0; i < g.n && i < r->limit && !w.out->failed; i++)
        put_found(c, &w, v, &g.items[g.places[i].i]);
    end_reply(c, &w, &q, c->env->config->datacenter, r->failovers);
    c->is_found = g.n > 0;
    if (!c->is_found)
        keep_for_failover(c, r, &q);
    return 0;
}

/* ---- failover ---- */

struct elsewhere { /* in the call's arena */
    struct failover failover;
    struct api_call *call;
    struct query query;
};

/* The row, as it was rendered here, goes along: the other datacenter does not have it. */
static void put_request(struct failover *f, struct buf *body)
{
    struct elsewhere *e = LIST_ITEM(f, struct elsewhere, failover);
    struct api_call *c = e->call;
    const struct api_query_request *r = c->scratch;
    struct buf query;

    buf_init(&query, 0);
    buf_putf(&query, "limit=%zu&failovers=%zu%s%s%s", r->limit, f->asked_n,
             r->connect ? "&connect=true" : "", c->pretty ? "&pretty" : "",
             c->params.mode == READ_STALE        ? "&stale"
             : c->params.mode == READ_CONSISTENT ? "&consistent"
                                                 : "");
    api_ship_put_prepared(c, buf_str(&query), r->kept, body);
    buf_fini(&query);
}

static bool take_reply(struct failover *f, struct str answer)
{
    return api_ship_take_found(LIST_ITEM(f, struct elsewhere, failover)->call, answer);
}

static void on_asked(struct failover *f)
{
    struct elsewhere *e = LIST_ITEM(f, struct elsewhere, failover);
    struct api_call *c = e->call;
    struct jwrite w;

    if (!f->is_found) {
        w = begin_reply(c, &e->query);
        end_reply(c, &w, &e->query, f->datacenter[0] ? f->datacenter : c->env->config->datacenter,
                  f->asked_n);
    }
    api_finish_later(c);
}

bool api_query_go_on(struct api_call *c)
{
    const struct api_query_request *r = c->scratch;
    struct elsewhere *e;

    if (r->what != API_QUERY_EXECUTE || c->is_found || !r->kept.n)
        return false;
    e = arena_new(&c->arena, struct elsewhere);
    e->call = c;
    if (!query_read(r->kept, &e->query))
        return false;
    e->failover = (struct failover){.kind = SHIP_API,
                                    .nearest = e->query.failover_nearest,
                                    .listed = e->query.failover_datacenters,
                                    .put = put_request,
                                    .take = take_reply,
                                    .done = on_asked};
    failover_start(c->env, &e->failover);
    return true;
}
