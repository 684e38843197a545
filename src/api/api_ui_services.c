/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * consul: agent/ui_endpoint.go, UIServices. One question for the whole list of services with their
 * health, where the public endpoints need one for each service. Waits for any change of services,
 * checks or nodes: a node that fails takes its services along.
 */
#include "config.h"

#include "api/api_catalog.h"
#include "api/api_ui.h"
#include "state/health.h"

struct summary {
    struct summary *next;
    struct str name, tags;
    struct str *nodes;
    size_t node_n, node_room;
    uint64_t instances[HEALTH_MAINTENANCE + 1], checks[HEALTH_MAINTENANCE + 1];
};
struct summaries {
    struct arena *arena;
    struct view *view; /* notes no watches */
    struct summary *first, **end;
    struct summary *now;
};

static bool on_name(void *data, struct str name, struct str tags_packed)
{
    struct summaries *l = data;
    struct summary *s = arena_new(l->arena, struct summary);

    *s = (struct summary){
        .name = str_make(arena_dup(l->arena, name.p, name.n), name.n),
        .tags = str_make(arena_dup(l->arena, tags_packed.p, tags_packed.n), tags_packed.n)};
    *l->end = s;
    l->end = &s->next;
    return true;
}

static bool on_check(void *data, const struct health_check *c)
{
    struct summary *s = data;

    s->checks[health_status_of(c->status)]++;
    return true;
}

static void add_node(struct summaries *l, struct str name)
{
    struct summary *s = l->now;

    if (s->node_n && str_eq(s->nodes[s->node_n - 1], name))
        return;
    if (s->node_n == s->node_room) {
        struct str *more;

        s->node_room = s->node_room ? 2 * s->node_room : 4;
        more = arena_alloc(l->arena, s->node_room * sizeof(*more));
        if (s->node_n)
            memcpy(more, s->nodes, s->node_n * sizeof(*more));
        s->nodes = more;
    }
    s->nodes[s->node_n++] = str_make(arena_dup(l->arena, name.p, name.n), name.n);
}

static bool on_instance(void *data, const struct health_instance *i)
{
    struct summaries *l = data;

    l->now->instances[i->worst]++;
    add_node(l, i->node->name);
    health_instance_checks(l->view, i->node->name, i->service->id, on_check, l->now);
    return true;
}

static void put_counts(struct jwrite *w, const char *const names[3], const uint64_t counts[])
{
    jwrite_name(w, names[0]);
    jwrite_u64(w, counts[HEALTH_PASSING]);
    jwrite_name(w, names[1]);
    jwrite_u64(w, counts[HEALTH_WARNING]);
    jwrite_name(w, names[2]);
    jwrite_u64(w, counts[HEALTH_CRITICAL] + counts[HEALTH_MAINTENANCE]);
}

static void put_summary(struct jwrite *w, const struct summary *s, struct str datacenter)
{
    static const char *const check_names[] = {"ChecksPassing", "ChecksWarning", "ChecksCritical"};
    static const char *const instance_names[] = {"InstancesPassing", "InstancesWarning",
                                                 "InstancesCritical"};
    uint64_t n = 0;

    for (size_t i = 0; i <= HEALTH_MAINTENANCE; i++)
        n += s->instances[i];
    jwrite_object(w);
    jwrite_name(w, "Name");
    jwrite_str(w, s->name);
    jwrite_name(w, "Datacenter");
    jwrite_str(w, datacenter);
    jwrite_name(w, "Tags");
    api_catalog_put_texts(w, s->tags);
    jwrite_name(w, "Nodes");
    jwrite_array(w);
    for (size_t i = 0; i < s->node_n; i++)
        jwrite_str(w, s->nodes[i]);
    jwrite_close(w);
    jwrite_name(w, "InstanceCount");
    jwrite_u64(w, n);
    put_counts(w, check_names, s->checks);
    put_counts(w, instance_names, s->instances); /* ours: the worst of each instance's checks */
    jwrite_close(w);
}

int api_ui_services(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct view quiet = *v;
    struct summaries l = {.arena = &c->run_arena, .view = &quiet, .end = &l.first};
    struct jwrite w;
    uint64_t others[] = {health_checks_index(v), catalog_nodes_index(v)};

    quiet.watch = NULL;
    watch_key(v->watch, WATCH_CHECKS, STR_NONE);
    watch_key(v->watch, WATCH_NODES, STR_NONE);
    catalog_services(v, on_name, &l, ret_index);
    for (size_t i = 0; i < 2; i++)
        *ret_index = others[i] > *ret_index ? others[i] : *ret_index;
    w = api_json(c);
    jwrite_array(&w);
    for (l.now = l.first; l.now; l.now = l.now->next) {
        health_service_nodes(&quiet, l.now->name, on_instance, &l, NULL);
        put_summary(&w, l.now, str_z(c->env->config->datacenter));
    }
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}
