/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The checks of this agent: how they begin, what a result changes, what follows from it.
 *
 * A change of the output alone is no news to the cluster: the catalog is told after
 * check_update_interval (consul: State.updateCheck). A check that ever had a result keeps it over a
 * restart; one that never reported begins as critical again, as in Consul.
 */
#include "agent/local_state.h"
#include "base/log.h"

#define LOG "agent"

/* consul: CheckDeregisterIntervalMin */
#define REAP_MIN DURATION_S(60)
/* Aliases of aliases settle in so many rounds, or not at all. */
#define ALIAS_ROUNDS_MAX 8

#define NODE_MAINTENANCE    "_node_maintenance"
#define SERVICE_MAINTENANCE "_service_maintenance:"

static void on_engine_update(void *data, struct check *check, enum check_status s,
                             struct str output);
static void on_defer(struct timer *t, struct instant now);
static void on_reap(struct timer *t, struct instant now);

static struct check_engine *engine(struct local *l)
{
    if (!l->engine) {
        struct check_engine_config conf = {
            .timers = l->conf.timers,
            .rng = l->conf.rng,
            .clock = l->conf.clock,
            .runner = l->conf.runner,
            .output_max = (size_t)l->config->check_output_max_size,
            .data = l,
            .update = on_engine_update,
        };
        l->engine = check_engine_new(&conf);
    }
    return l->engine;
}

struct local_check *local_check_get(struct local *l, struct str id)
{
    struct local_check *c = map_get(&l->checks, id);
    return c && !c->is_deleted ? c : NULL;
}

static struct str keep(struct local_check *c, struct str s)
{
    return str_make(arena_dup(&c->arena, s.p ? s.p : "", s.n), s.n);
}

static void row_follow(struct local_check *c)
{
    c->row.status = str_z(check_status_name(c->status));
    c->row.output = c->output.n ? buf_str(&c->output) : STR_LIT("");
}

static struct local_check *check_new(struct local *l, struct str id)
{
    struct local_check *c = mem_new(struct local_check);
    c->local = l;
    list_init(&c->item.link);
    list_init(&c->in_service);
    buf_init(&c->output, 0);
    c->status = CHECK_CRITICAL;
    c->defer.fire = on_defer;
    c->reap.fire = on_reap;
    map_set(&l->checks, id, c);
    return c;
}

/* Its runs end and its timers; the entry stays. */
static void quiet(struct local_check *c)
{
    struct local *l = c->local;
    check_stop(&c->check);
    timers_cancel(l->conf.timers, &c->defer);
    timers_cancel(l->conf.timers, &c->reap);
    if (check_type_kind(&c->type) == CHECK_KIND_ALIAS && !c->is_deleted && l->alias_n > 0)
        l->alias_n--;
}

void local_check_free(struct local_check *c)
{
    if (!c->is_deleted)
        quiet(c);
    list_remove(&c->in_service);
    buf_fini(&c->output);
    arena_fini(&c->arena);
    mem_free(c);
}

struct local_check *local_check_put(struct local *l, const struct check_type *t, struct str id,
                                    struct str name, struct local_service *service,
                                    bool from_config)
{
    struct local_check *c = map_get(&l->checks, id);
    enum check_status status = CHECK_CRITICAL;
    bool is_old = c && !c->is_deleted;
    if (!c)
        c = check_new(l, id);
    if (is_old)
        quiet(c);
    struct arena before = c->arena; /* t may be within */
    c->arena = (struct arena){0};
    check_type_copy(t, &c->arena, &c->type);
    if (t->status.n && check_status_parse(t->status, &status) == 0 && !is_old)
        c->status = status;
    else if (!is_old)
        c->status = CHECK_CRITICAL;
    if (!is_old) {
        buf_clear(&c->output);
        c->has_result = c->is_unsaved = false;
    }
    c->row = (struct health_check){
        .node = str_z(l->config->node_name),
        .check_id = keep(c, id),
        .name = keep(c, name),
        .notes = c->type.notes.n ? c->type.notes : STR_LIT(""),
        .service_id = service ? keep(c, service->row.id) : STR_LIT(""),
        .service_name = service ? keep(c, service->row.name) : STR_LIT(""),
        .service_tags = service ? keep(c, service->row.tags) : STR_LIT("\x90"),
        .type = str_z(check_type_name(check_type_kind(&c->type))),
        .definition_json = STR_LIT("{}"),
    };
    if (c->type.name.n == 0)
        c->type.name = c->row.name;
    c->token = c->type.token.n || !service ? c->type.token : keep(c, service->token);
    c->definition = STR_NONE;
    list_remove(&c->in_service);
    if (service)
        list_push(&service->checks, &c->in_service);
    c->from_config = from_config;
    c->is_deleted = false;
    arena_fini(&before);
    row_follow(c);
    if (check_type_kind(&c->type) == CHECK_KIND_ALIAS)
        l->alias_n++;
    local_dirty(l, &c->item);
    return c;
}

/* The check is critical since now, as far as anybody knows. */
static void reap_look(struct local_check *c, bool was_critical)
{
    struct local *l = c->local;
    struct duration after = c->type.deregister_after;
    if (c->status != CHECK_CRITICAL || after.ns <= 0 || c->row.service_id.n == 0) {
        timers_cancel(l->conf.timers, &c->reap);
        return;
    }
    if (was_critical && timers_is_set(&c->reap))
        return;
    if (after.ns < REAP_MIN.ns)
        after = REAP_MIN;
    timers_set(l->conf.timers, &c->reap, instant_add(l->conf.clock(), after));
}

void local_check_run(struct local_check *c)
{
    struct local *l = c->local;
    if (l->closing || c->is_deleted)
        return;
    check_start(engine(l), &c->check, &c->type, buf_str(&c->output));
    reap_look(c, false);
    if (check_type_kind(&c->type) == CHECK_KIND_ALIAS)
        local_aliases_look(l);
}

void local_check_remove(struct local *l, struct local_check *c)
{
    quiet(c);
    c->is_deleted = true;
    local_persist_remove(l, LOCAL_CHECKS, c->row.check_id);
    local_persist_remove(l, LOCAL_STATES, c->row.check_id);
    local_dirty(l, &c->item);
    local_aliases_look(l);
    log_debug(LOG, "removed check: check=%.*s", STR_ARG(c->row.check_id));
}

/* ---- results ---- */

static void on_engine_update(void *data, struct check *check, enum check_status s,
                             struct str output)
{
    struct local *l = data;
    local_check_update(LIST_ITEM(check, struct local_check, check), s, output);
    local_pump(l);
}

static void on_defer(struct timer *t, struct instant now)
{
    (void)now;
    struct local_check *c = LIST_ITEM(t, struct local_check, defer);
    if (c->is_unsaved)
        local_persist_state(c->local, c);
    local_dirty(c->local, &c->item);
    local_pump(c->local);
}

static void output_set(struct local_check *c, struct str output)
{
    struct buf fresh; /* the text may be within the old one */
    buf_init(&fresh, 0);
    buf_put_str(&fresh, output);
    buf_fini(&c->output);
    c->output = fresh;
}

void local_check_update(struct local_check *c, enum check_status s, struct str output)
{
    struct local *l = c->local;
    struct duration every = l->config->check_update_interval;
    bool was_critical = c->status == CHECK_CRITICAL, first = !c->has_result;
    if (l->config->discard_check_output)
        output = STR_LIT("");
    c->has_result = true;
    if (c->status == s && str_eq(buf_str(&c->output), output)) {
        if (first)
            local_persist_state(l, c);
        reap_look(c, was_critical);
        return;
    }
    bool is_news = c->status != s || every.ns <= 0;
    if (c->status != s)
        log_debug(LOG, "Check status updated: check=%.*s status=%s", STR_ARG(c->row.check_id),
                  check_status_name(s));
    output_set(c, output);
    c->status = s;
    row_follow(c);
    reap_look(c, was_critical);
    if (is_news || first)
        local_persist_state(l, c);
    else
        c->is_unsaved = true;
    if (is_news) {
        timers_cancel(l->conf.timers, &c->defer);
        local_dirty(l, &c->item);
    } else if (!timers_is_set(&c->defer)) {
        int64_t ns = every.ns / 2 + (int64_t)rng_below(l->conf.rng, (uint64_t)every.ns);
        timers_set(l->conf.timers, &c->defer, instant_add(l->conf.clock(), (struct duration){ns}));
    }
    local_aliases_look(l);
}

void local_check_restore(struct local_check *c, enum check_status s, struct str output)
{
    output_set(c, output);
    c->status = s;
    c->has_result = true;
    row_follow(c);
}

void local_checks_save(struct local *l)
{
    MAP_FOREACH (&l->checks, e) {
        struct local_check *c = e->value;
        if (c->is_unsaved && !c->is_deleted)
            local_persist_state(l, c);
    }
}

static void on_reap(struct timer *t, struct instant now)
{
    (void)now;
    struct local_check *c = LIST_ITEM(t, struct local_check, reap);
    struct local *l = c->local;
    struct local_service *s = local_service_get(l, c->row.service_id);
    if (!s || c->status != CHECK_CRITICAL)
        return;
    log_info(LOG,
             "Check for service has been critical for too long; deregistering service: "
             "service=%.*s check=%.*s",
             STR_ARG(s->row.id), STR_ARG(c->row.check_id));
    local_service_remove(l, s);
    local_pump(l);
}

/* ---- aliases (consul: checks/alias.go) ---- */

struct alias {
    struct str node, service_id;
    bool found, done;
    enum check_status status;
    struct buf text;
};

/* False: a critical one, no need to look further. */
static bool alias_add(void *data, const struct health_check *row)
{
    struct alias *a = data;
    enum check_status s = CHECK_CRITICAL;
    bool match = a->service_id.n && str_eq(row->service_id, a->service_id);
    a->found |= match;
    if ((row->service_id.n && !match) || a->done)
        return true;
    (void)!check_status_parse(row->status, &s);
    if (s == CHECK_PASSING && a->status == CHECK_PASSING) {
        buf_clear(&a->text);
        buf_put_z(&a->text, "All checks passing.");
    }
    if (s == CHECK_PASSING)
        return true;
    a->status = s;
    a->done = s == CHECK_CRITICAL;
    buf_clear(&a->text);
    buf_putf(&a->text, "Aliased check \"%.*s\" failing: %.*s", STR_ARG(row->name),
             STR_ARG(row->output));
    return true;
}

static void alias_look(struct local *l, struct local_check *c)
{
    const struct check_type *t = &c->type;
    struct alias a = {.node = t->alias_node, .service_id = t->alias_service};
    buf_init(&a.text, CHECK_OUTPUT_MAX);
    buf_put_z(&a.text, "No checks found.");
    bool is_here = a.node.n == 0 || str_eq_nocase(a.node, str_z(l->config->node_name));
    if (is_here) {
        MAP_FOREACH (&l->checks, e) {
            struct local_check *other = e->value;
            if (!other->is_deleted && other != c)
                alias_add(&a, &other->row);
        }
        a.found |= a.service_id.n == 0 || local_service_get(l, a.service_id);
    } else if (!l->conf.remote.node_checks ||
               !l->conf.remote.node_checks(l->conf.remote.data, a.node, alias_add, &a)) {
        a.status = CHECK_CRITICAL;
        buf_clear(&a.text);
        buf_put_z(&a.text, "an alias of another node's checks works on servers only");
    } else {
        a.found = true;
    }
    if (is_here && !a.found) {
        a.status = CHECK_CRITICAL;
        buf_clear(&a.text);
        buf_putf(&a.text, "Service %.*s could not be found on node %s", STR_ARG(a.service_id),
                 l->config->node_name);
    }
    local_check_update(c, a.status, buf_str(&a.text));
    buf_fini(&a.text);
}

void local_aliases_look(struct local *l)
{
    if (l->alias_n == 0 || l->closing)
        return;
    l->alias_again = true;
    if (l->is_aliasing)
        return;
    l->is_aliasing = true;
    for (int round = 0; l->alias_again && round < ALIAS_ROUNDS_MAX; round++) {
        l->alias_again = false;
        MAP_FOREACH (&l->checks, e) {
            struct local_check *c = e->value;
            if (!c->is_deleted && check_type_kind(&c->type) == CHECK_KIND_ALIAS)
                alias_look(l, c);
        }
    }
    l->is_aliasing = false;
}

void local_changes(struct local *l, const struct change_batch *changes)
{
    size_t pos = 0;
    enum watch_kind kind;
    struct str key;
    bool look = changes->everything;
    if (l->alias_n == 0)
        return;
    while (!look && change_next(changes, &pos, &kind, &key))
        look = kind == WATCH_NODE;
    if (look) {
        local_aliases_look(l);
        local_pump(l);
    }
}

/* ---- what is asked for ---- */

static void refuse(struct local_wish *w, int status, const char *before, struct str id,
                   const char *after)
{
    buf_clear(&w->text);
    buf_putf(&w->text, "%s%.*s%s", before, STR_ARG(id), after);
    local_wish_refuse(w, status);
}

void local_check_register(struct local *l, const struct jvalue *v, struct str token,
                          struct local_wish *w)
{
    struct arena arena = {0};
    struct check_type t;
    struct local_service *s = NULL;
    if (!local_definition_check_parse(v, &arena, &t, &w->text)) {
        local_wish_refuse(w, ERR_INVALID);
        goto out;
    }
    s = t.service_id.n ? local_service_get(l, t.service_id) : NULL;
    if (!local_wish_may(l, w, token, s ? s->row.name : STR_NONE))
        goto out;
    if (!local_definition_allows(&t, l->config->enable_script_checks, false, &w->text)) {
        local_wish_refuse(w, ERR_UNSUPPORTED);
    } else if (t.service_id.n && !s) {
        refuse(w, ERR_NOT_FOUND, "ServiceID \"", t.service_id, "\" does not exist");
    } else if (l->checks.n >= LOCAL_CHECKS_MAX) {
        refuse(w, ERR_BUSY, "too many checks on this agent: ", t.check_id, "");
    } else {
        if (t.token.n == 0)
            t.token = token;
        struct local_check *c = local_check_put(l, &t, t.check_id, t.name, s, false);
        local_persist_check(l, c);
        local_check_run(c);
        local_aliases_look(l);
        local_wish_start(l, w);
    }
out:
    arena_fini(&arena);
}

void local_check_deregister(struct local *l, struct str check_id, struct str token,
                            struct local_wish *w)
{
    struct local_check *c = local_check_get(l, check_id);
    if (!c) {
        refuse(w, ERR_NOT_FOUND, "Unknown check ID \"", check_id, "\"");
        return;
    }
    if (!local_wish_may(l, w, token, c->row.service_name))
        return;
    local_check_remove(l, c);
    local_wish_start(l, w);
}

void local_check_report(struct local *l, struct str check_id, enum check_status s,
                        struct str output, struct str token, struct local_wish *w)
{
    struct local_check *c = local_check_get(l, check_id);
    if (c && !local_wish_may(l, w, token, c->row.service_name))
        return;
    if (!c || !check_report(&c->check, s, output)) {
        refuse(w, ERR_NOT_FOUND, "CheckID \"", check_id, "\" does not have associated TTL");
        return;
    }
    local_wish_start(l, w);
}

void local_maintenance(struct local *l, struct str service_id, bool enable, struct str reason,
                       struct str token, struct local_wish *w)
{
    struct local_service *s = service_id.n ? local_service_get(l, service_id) : NULL;
    struct buf id;
    if (service_id.n && !s) {
        refuse(w, ERR_NOT_FOUND, "No service registered with ID \"", service_id, "\"");
        return;
    }
    if (!local_wish_may(l, w, token, s ? s->row.name : STR_NONE))
        return;
    buf_init(&id, 0);
    buf_put_z(&id, s ? SERVICE_MAINTENANCE : NODE_MAINTENANCE);
    buf_put_str(&id, service_id);
    struct local_check *c = local_check_get(l, buf_str(&id));
    if (!enable && c) {
        local_check_remove(l, c);
    } else if (enable && !c) { /* consul: a second one keeps the first reason */
        struct check_type t = {.status = STR_LIT("critical"), .notes = reason};
        if (reason.n == 0)
            t.notes = s ? STR_LIT("Maintenance mode is enabled for this service, but no reason was "
                                  "provided. This is a default message.")
                        : STR_LIT("Maintenance mode is enabled for this node, but no reason was "
                                  "provided. This is a default message.");
        c = local_check_put(
            l, &t, buf_str(&id),
            s ? STR_LIT("Service Maintenance Mode") : STR_LIT("Node Maintenance Mode"), s, false);
        c->row.type = STR_LIT("maintenance");
        local_persist_check(l, c);
        local_aliases_look(l);
    }
    buf_fini(&id);
    local_wish_start(l, w);
}
