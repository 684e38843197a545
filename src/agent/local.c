/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An entry (service or check) lives from its first registration until it is deregistered here and
 * in the catalog:
 *
 *     registered ── deregister ──> deleted (asked for by nobody any more) ── catalog knows ──> gone
 *         ^───────── register ────────┘
 *
 * One entry for each id, so that of two commands about it never both are under way.
 *
 * consul: agent/agent.go (addServiceLocked, removeServiceLocked), agent/local/state.go
 */
#include "agent/local_state.h"
#include "base/log.h"

#define LOG "agent"

static void watch_end(struct local_watch *w);
static void service_free(struct local_service *s);

struct local *local_new(const struct local_config *conf)
{
    struct local *l = mem_new(struct local);
    l->conf = *conf;
    l->config = conf->config;
    map_init(&l->services, rng_u64(conf->rng));
    map_init(&l->checks, rng_u64(conf->rng));
    list_init(&l->wishes);
    list_init(&l->watches);
    local_sync_init(l);
    return l;
}

void local_close(struct local *l)
{
    struct list *link;
    if (!l || l->closing)
        return;
    local_checks_save(l);
    l->closing = true;
    MAP_FOREACH (&l->checks, e) {
        struct local_check *c = e->value;
        check_stop(&c->check);
        timers_cancel(l->conf.timers, &c->defer);
        timers_cancel(l->conf.timers, &c->reap);
    }
    local_wishes_look(l);
    while ((link = list_first(&l->watches)) != NULL)
        watch_end(LIST_ITEM(link, struct local_watch, link));
}

void local_free(struct local *l)
{
    if (!l)
        return;
    local_close(l);
    local_sync_fini(l);
    MAP_FOREACH (&l->checks, e)
        local_check_free(e->value);
    MAP_FOREACH (&l->services, e)
        service_free(e->value);
    map_fini(&l->checks);
    map_fini(&l->services);
    check_engine_free(l->engine);
    mem_free(l);
}

/* ---- wishes ---- */

void local_wish_init(struct local_wish *w, void (*done)(struct local_wish *w))
{
    *w = (struct local_wish){.done = done};
    buf_init(&w->text, 0);
    list_init(&w->link);
}

void local_wish_fini(struct local_wish *w)
{
    buf_fini(&w->text);
}

/* "BEFORE id AFTER" */
static void refuse_text(struct local_wish *w, int status, const char *before, struct str id,
                        const char *after)
{
    buf_clear(&w->text);
    buf_putf(&w->text, "%s%.*s%s", before, STR_ARG(id), after);
    local_wish_refuse(w, status);
}

/* ---- entries ---- */

struct local_service *local_service_get(struct local *l, struct str id)
{
    struct local_service *s = map_get(&l->services, id);
    return s && !s->is_deleted ? s : NULL;
}

struct local_service *local_service_new(struct local *l, struct str id)
{
    struct local_service *s = map_get(&l->services, id);
    if (!s) {
        s = mem_new(struct local_service);
        list_init(&s->item.link);
        list_init(&s->checks);
        s->item.is_service = true;
        map_set(&l->services, id, s);
    }
    arena_fini(&s->arena);
    s->arena = (struct arena){0};
    s->row = (struct catalog_service){0};
    s->token = s->definition = STR_NONE;
    s->from_config = s->is_deleted = s->is_marked = false;
    return s;
}

void local_item_gone(struct local *l, struct local_item *item)
{
    if (item->is_dirty || item->is_flying)
        return;
    if (item->is_service) {
        struct local_service *s = LIST_ITEM(item, struct local_service, item);
        if (!s->is_deleted)
            return;
        map_del(&l->services, s->row.id);
        service_free(s);
        return;
    }
    struct local_check *c = LIST_ITEM(item, struct local_check, item);
    if (!c->is_deleted)
        return;
    map_del(&l->checks, c->row.check_id);
    local_check_free(c);
}

static void service_free(struct local_service *s)
{
    while (list_pop(&s->checks))
        ;
    arena_fini(&s->arena);
    mem_free(s);
}

static struct local_check *check_of(struct list *in_service)
{
    return LIST_ITEM(in_service, struct local_check, in_service);
}

void local_service_remove(struct local *l, struct local_service *s)
{
    LIST_FOREACH (&s->checks, i)
        if (!check_of(i)->is_deleted)
            local_check_remove(l, check_of(i));
    s->is_deleted = true;
    local_persist_remove(l, LOCAL_SERVICES, s->row.id);
    local_dirty(l, &s->item);
    local_watches_look(l, s->row.id);
    local_aliases_look(l);
    log_debug(LOG, "removed service: service=%.*s", STR_ARG(s->row.id));
}

static struct local_service *service_put(struct local *l, const struct catalog_service *row,
                                         struct str token, bool from_config)
{
    struct local_service *s = local_service_new(l, row->id);
    local_definition_copy(row, &s->arena, &s->row);
    s->row.node = str_z(l->config->node_name);
    s->token = str_make(arena_dup(&s->arena, token.p ? token.p : "", token.n), token.n);
    s->from_config = from_config;
    local_dirty(l, &s->item);
    return s;
}

/* ---- register ---- */

/* consul: addServiceLocked: the id of a check that has none */
static struct str check_id_of(const struct local_definition_service *d, size_t i,
                              struct arena *arena)
{
    const struct check_type *t = &d->checks[i];
    struct buf id;
    if (t->check_id.n || t->id.n)
        return t->check_id.n ? t->check_id : t->id;
    buf_init(&id, 0);
    buf_putf(&id, "service:%.*s", STR_ARG(d->row.id));
    if (d->check_n > 1)
        buf_putf(&id, ":%zu", i + 1);
    struct str kept = str_make(arena_dup(arena, id.p, id.n), id.n);
    buf_fini(&id);
    return kept;
}

static void checks_put(struct local *l, const struct local_definition_service *d,
                       struct local_service *s, bool replace, struct arena *arena)
{
    LIST_FOREACH (&s->checks, i) /* a check of its own in a file stays */
        check_of(i)->is_stale = !(s->from_config && check_of(i)->definition.n);
    for (size_t i = 0; i < d->check_n; i++) {
        struct buf text;
        buf_init(&text, 0);
        buf_putf(&text, "Service '%.*s' check", STR_ARG(d->row.name));
        struct str given = d->checks[i].name;
        struct local_check *c =
            local_check_put(l, &d->checks[i], check_id_of(d, i, arena),
                            given.n ? given : buf_str(&text), s, s->from_config);
        buf_fini(&text);
        c->is_stale = false;
        if (!s->from_config)
            local_persist_check(l, c);
        local_check_run(c);
    }
    LIST_FOREACH (&s->checks, i) {
        struct local_check *c = check_of(i);
        if (c->is_stale && replace && !c->is_deleted)
            local_check_remove(l, c);
        c->is_stale = false;
    }
}

static bool allowed(struct local *l, const struct local_definition_service *d, bool from_config,
                    struct buf *why)
{
    const struct config *c = l->config;
    bool scripts = c->enable_script_checks || (from_config && c->enable_local_script_checks);
    for (size_t i = 0; i < d->check_n; i++)
        if (!local_definition_allows(&d->checks[i], scripts, from_config, why))
            return false;
    return true;
}

static struct local_service *register_parsed(struct local *l,
                                             const struct local_definition_service *d,
                                             struct str token, unsigned flags, bool from_config,
                                             struct arena *arena)
{
    struct local_service *s = service_put(l, &d->row, d->token.n ? d->token : token, from_config);
    if (!from_config)
        local_persist_service(l, s);
    checks_put(l, d, s, flags & LOCAL_REPLACE_CHECKS, arena);
    local_watches_look(l, s->row.id);
    local_aliases_look(l);
    return s;
}

/* The name it gets, and the name that the id has now. */
static bool may_register(struct local *l, struct local_wish *w, struct str token,
                         const struct catalog_service *row)
{
    const struct local_service *s = local_service_get(l, row->id);
    return local_wish_may(l, w, token, row->name) &&
           (!s || str_eq(s->row.name, row->name) || local_wish_may(l, w, token, s->row.name));
}

void local_register_value(struct local *l, const struct jvalue *v, struct str token, unsigned flags,
                          struct local_wish *w)
{
    struct arena arena = {0};
    struct local_definition_service d;
    if (!local_definition_service_parse(v, &arena, &d, &w->text)) {
        local_wish_refuse(w, ERR_INVALID);
    } else if (!may_register(l, w, token, &d.row)) {
        ; /* refused */
    } else if (!allowed(l, &d, false, &w->text)) {
        local_wish_refuse(w, ERR_UNSUPPORTED);
    } else if (l->services.n >= LOCAL_SERVICES_MAX || l->checks.n + d.check_n > LOCAL_CHECKS_MAX) {
        refuse_text(w, ERR_BUSY, "too many services on this agent: ", d.row.id, "");
    } else {
        register_parsed(l, &d, token, flags, false, &arena);
        local_wish_start(l, w);
    }
    arena_fini(&arena);
}

void local_register(struct local *l, struct str json, struct str token, unsigned flags,
                    struct local_wish *w)
{
    struct jvalue *root = NULL;
    struct error err = {0};
    if (json.n > LOCAL_DEFINITION_SIZE_MAX) {
        refuse_text(w, ERR_TOO_LARGE, "the definition is too large", STR_NONE, "");
    } else if (json.n == 0) {
        refuse_text(w, ERR_INVALID, "Request decode failed: EOF", STR_NONE, "");
    } else if (jread_parse(json, &root, &err)) {
        refuse_text(w, ERR_INVALID, "Request decode failed: ", str_z(err.text), "");
    } else {
        local_register_value(l, root, token, flags, w);
    }
    jread_free(root);
}

void local_deregister(struct local *l, struct str service_id, struct str token,
                      struct local_wish *w)
{
    struct local_service *s = local_service_get(l, service_id);
    if (!s) {
        refuse_text(w, ERR_NOT_FOUND, "Unknown service ID \"", service_id, "\"");
        return;
    }
    if (!local_wish_may(l, w, token, s->row.name))
        return;
    local_service_remove(l, s);
    local_wish_start(l, w);
}

/* ---- configuration ---- */

static bool is_same_text(struct str definition, const char *text, bool from_config)
{
    return from_config && str_eq_z(definition, text);
}

static void load_service(struct local *l, const char *text)
{
    struct arena arena = {0};
    struct jvalue *root = NULL;
    struct error err = {0};
    struct local_definition_service d;
    struct buf why;
    buf_init(&why, 0);
    if (jread_parse(str_z(text), &root, &err) == 0 &&
        local_definition_service_parse(root, &arena, &d, &why) && allowed(l, &d, true, &why)) {
        struct local_service *s = local_service_get(l, d.row.id);
        if (!s || !is_same_text(s->definition, text, s->from_config)) {
            if (s && !s->from_config)
                local_persist_remove(l, LOCAL_SERVICES, d.row.id);
            s = register_parsed(l, &d, STR_NONE, LOCAL_REPLACE_CHECKS, true, &arena);
            s->definition = str_make(arena_dup(&s->arena, text, strlen(text)), strlen(text));
        }
        s->is_marked = false;
    } else { /* the configuration was checked: only the settings of scripts may have changed */
        log_error(LOG, "cannot register a service of the configuration: error=\"%.*s\"",
                  STR_ARG(buf_str(&why)));
    }
    buf_fini(&why);
    jread_free(root);
    arena_fini(&arena);
}

static void load_check(struct local *l, const char *text)
{
    struct arena arena = {0};
    struct jvalue *root = NULL;
    struct error err = {0};
    struct check_type t;
    struct buf why;
    const struct config *conf = l->config;
    buf_init(&why, 0);
    bool ok = jread_parse(str_z(text), &root, &err) == 0 &&
              local_definition_check_parse(root, &arena, &t, &why) &&
              local_definition_allows(
                  &t, conf->enable_script_checks || conf->enable_local_script_checks, true, &why);
    struct local_service *s = ok && t.service_id.n ? local_service_get(l, t.service_id) : NULL;
    if (ok && t.service_id.n && !s) {
        buf_putf(&why, "ServiceID \"%.*s\" does not exist", STR_ARG(t.service_id));
        ok = false;
    }
    if (ok) {
        struct local_check *c = local_check_get(l, t.check_id);
        if (!c || !is_same_text(c->definition, text, c->from_config)) {
            c = local_check_put(l, &t, t.check_id, t.name, s, true);
            c->definition = str_make(arena_dup(&c->arena, text, strlen(text)), strlen(text));
            c->row.type = STR_LIT(""); /* consul: a check of a file by itself does not say */
            local_check_run(c);
        }
        c->is_marked = false;
    } else {
        log_error(LOG, "cannot register a check of the configuration: error=\"%.*s\"",
                  STR_ARG(buf_str(&why)));
    }
    buf_fini(&why);
    jread_free(root);
    arena_fini(&arena);
}

void local_reload(struct local *l, const struct config *config)
{
    l->config = config;
    MAP_FOREACH (&l->services, e) {
        struct local_service *s = e->value;
        s->is_marked = s->from_config && !s->is_deleted;
    }
    MAP_FOREACH (&l->checks, e) {
        struct local_check *c = e->value;
        c->is_marked = c->from_config && !c->is_deleted && c->definition.n;
    }
    for (size_t i = 0; i < config->service.n; i++)
        load_service(l, config->service.items[i]);
    for (size_t i = 0; i < config->services.n; i++)
        load_service(l, config->services.items[i]);
    for (size_t i = 0; i < config->check.n; i++)
        load_check(l, config->check.items[i]);
    for (size_t i = 0; i < config->checks.n; i++)
        load_check(l, config->checks.items[i]);
    MAP_FOREACH (&l->checks, e) {
        struct local_check *c = e->value;
        if (c->is_marked && c->from_config && !c->is_deleted)
            local_check_remove(l, c);
        c->is_marked = false;
    }
    MAP_FOREACH (&l->services, e) {
        struct local_service *s = e->value;
        if (s->is_marked && !s->is_deleted)
            local_service_remove(l, s);
        s->is_marked = false;
    }
    local_pump(l);
}

/* ---- watches ---- */

static void watch_end(struct local_watch *w)
{
    list_remove(&w->link);
    timers_cancel(w->local->conf.timers, &w->timer);
    w->done(w);
}

static void on_watch_timer(struct timer *t, struct instant now)
{
    (void)now;
    watch_end(LIST_ITEM(t, struct local_watch, timer));
}

static bool is_content(struct local *l, struct str id, struct str hash)
{
    struct local_service_info info;
    return local_service_find(l, id, &info) && str_eq_z(hash, info.hash);
}

bool local_watch_start(struct local *l, struct local_watch *w)
{
    if (l->closing || !is_content(l, w->service_id, w->hash))
        return false;
    w->local = l;
    w->timer = (struct timer){.fire = on_watch_timer};
    list_push(&l->watches, &w->link);
    timers_set(l->conf.timers, &w->timer, w->at);
    return true;
}

void local_watches_look(struct local *l, struct str service_id)
{
    LIST_FOREACH (&l->watches, link) {
        struct local_watch *w = LIST_ITEM(link, struct local_watch, link);
        if (str_eq(w->service_id, service_id) && !is_content(l, service_id, w->hash))
            watch_end(w);
    }
}

/* ---- questions: local_render.c has the rest ---- */

void local_get_counts(const struct local *l, struct local_counts *ret)
{
    *ret = (struct local_counts){0};
    MAP_FOREACH (&l->services, e)
        ret->services += !((const struct local_service *)e->value)->is_deleted;
    MAP_FOREACH (&l->checks, e) {
        const struct local_check *c = e->value;
        ret->checks += !c->is_deleted;
        ret->critical += !c->is_deleted && c->status == CHECK_CRITICAL;
    }
    LIST_FOREACH (&l->dirty, link)
        ret->dirty++;
    ret->running = l->engine ? check_engine_running(l->engine) : 0;
}
