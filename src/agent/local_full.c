/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole comparison: what the catalog has of this node against what is here. Every minute or
 * two, more rarely in a large cluster.
 *
 * consul: State.updateSyncState, ae.StateSyncer
 */
#include "agent/local_state.h"
#include "agent/own_node.h"
#include "state/inventory.h"

#define FULL_EVERY DURATION_S(60) /* consul: syncInterval */
#define SCALE_FROM 128            /* consul: scaleThreshold */

static void on_full_timer(struct timer *t, struct instant now);
static void on_fetched(struct local_fetch *f);

void local_full_init(struct local *l)
{
    l->full_timer.fire = on_full_timer;
    l->fetch.done = on_fetched;
    buf_init(&l->fetch.bytes, 0);
}

void local_full_fini(struct local *l)
{
    ASSERT(!l->is_fetching);
    timers_cancel(l->conf.timers, &l->full_timer);
    buf_fini(&l->fetch.bytes);
}

static void on_full_timer(struct timer *t, struct instant now)
{
    (void)now;
    local_full_start(LIST_ITEM(t, struct local, full_timer));
}

/* consul: ae.scaleFactor */
static int64_t scale(size_t members)
{
    int64_t factor = 1;
    for (size_t n = SCALE_FROM; n < members; n *= 2)
        factor++;
    return factor;
}

static void full_later(struct local *l)
{
    size_t members = l->conf.remote.members ? l->conf.remote.members(l->conf.remote.data) : 1;
    int64_t ns = FULL_EVERY.ns * scale(members);
    ns += (int64_t)rng_below(l->conf.rng, (uint64_t)ns);
    if (!l->closing && !l->is_leaving)
        timers_set(l->conf.timers, &l->full_timer,
                   instant_add(l->conf.clock(), (struct duration){ns}));
}

void local_full_start(struct local *l)
{
    if (l->is_fetching || l->closing || l->is_leaving)
        return;
    l->is_fetching = true;
    l->fetch_again = false;
    buf_clear(&l->fetch.bytes);
    l->conf.remote.fetch(l->conf.remote.data, &l->fetch);
}

static bool is_same_service(const struct catalog_service *a, const struct catalog_service *b)
{
    return str_eq(a->name, b->name) && str_eq(a->address, b->address) && a->port == b->port &&
           str_eq(a->kind, b->kind) && str_eq(a->tags, b->tags) &&
           str_eq(a->meta.packed, b->meta.packed) &&
           str_eq(a->tagged_addresses, b->tagged_addresses) &&
           a->weight_passing == b->weight_passing && a->weight_warning == b->weight_warning &&
           a->enable_tag_override == b->enable_tag_override &&
           str_eq(a->proxy_json, b->proxy_json) && str_eq(a->connect_json, b->connect_json);
}

static void seen_service(void *data, const struct catalog_service *remote)
{
    struct local *l = data;
    struct local_service *s = map_get(&l->services, remote->id);
    if (str_eq_z(remote->id, "consul") && !s)
        return;
    if (!s) { /* nobody here knows of it */
        s = local_service_new(l, remote->id);
        local_definition_copy(remote, &s->arena, &s->row);
        s->is_deleted = true;
    }
    s->is_marked = false;
    if (s->is_deleted) {
        if (!s->item.is_flying)
            local_dirty(l, &s->item);
        return;
    }
    if (s->item.is_dirty || s->item.is_flying)
        return;
    if (s->row.enable_tag_override && !str_eq(s->row.tags, remote->tags)) {
        s->row.tags =
            str_make(arena_dup(&s->arena, remote->tags.p, remote->tags.n), remote->tags.n);
        local_persist_service(l, s);
        local_watches_look(l, s->row.id);
    }
    if (!is_same_service(&s->row, remote))
        local_dirty(l, &s->item);
}

static void seen_check(void *data, const struct health_check *remote)
{
    struct local *l = data;
    struct local_check *c = map_get(&l->checks, remote->check_id);
    if (str_eq_z(remote->check_id, "serfHealth") && !c)
        return;
    if (!c) {
        c = local_check_put(l, &(struct check_type){.name = remote->name}, remote->check_id,
                            remote->name, NULL, false);
        local_check_remove(l, c);
    }
    c->is_marked = false;
    if (c->is_deleted) {
        if (!c->item.is_flying)
            local_dirty(l, &c->item);
        return;
    }
    if (c->item.is_dirty || c->item.is_flying)
        return;
    bool is_output = timers_is_set(&c->defer) || str_eq(c->row.output, remote->output);
    if (!is_output || !str_eq(c->row.status, remote->status) ||
        !str_eq(c->row.name, remote->name) || !str_eq(c->row.notes, remote->notes) ||
        !str_eq(c->row.service_id, remote->service_id))
        local_dirty(l, &c->item);
}

/* What was not seen there, and should be; deleted entries that are gone there as well. */
static void look_unseen(struct local *l)
{
    MAP_FOREACH (&l->services, e) {
        struct local_service *s = e->value;
        if (s->is_marked && !s->is_deleted && !s->item.is_flying)
            local_dirty(l, &s->item);
        s->is_marked = false;
    }
    MAP_FOREACH (&l->checks, e) {
        struct local_check *c = e->value;
        if (c->is_marked && !c->is_deleted && !c->item.is_flying)
            local_dirty(l, &c->item);
        c->is_marked = false;
    }
}

static void on_fetched(struct local_fetch *f)
{
    struct local *l = LIST_ITEM(f, struct local, fetch);
    struct arena arena = {0};
    struct catalog_node own, node = {0};
    l->is_fetching = false;
    if (l->closing)
        return;
    if (f->status) {
        l->fetch_again = true;
        local_sync_failed(l, error_text(f->status == ERR_NOT_LEADER ? ERR_NO_LEADER : f->status));
        local_wishes_look(l);
        return;
    }
    full_later(l);
    MAP_FOREACH (&l->services, e)
        ((struct local_service *)e->value)->is_marked = true;
    MAP_FOREACH (&l->checks, e)
        ((struct local_check *)e->value)->is_marked = true;
    own_node_describe(l->config, l->conf.node_id, &arena, &own);
    bool known = inventory_read(buf_str(&f->bytes), &node, seen_service, seen_check, l);
    l->node_in_sync = known && str_eq(node.id, own.id) && str_eq(node.address, own.address) &&
                      str_eq(node.tagged_addresses.packed, own.tagged_addresses.packed) &&
                      str_eq(node.meta.packed, own.meta.packed);
    arena_fini(&arena);
    look_unseen(l);
    buf_fini(&f->bytes);
    local_pump(l);
    local_wishes_look(l);
}
