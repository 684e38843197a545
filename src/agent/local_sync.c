/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Anti-entropy: what is here goes to the catalog, at once when it changes; and now and then all
 * that the catalog has of this node is compared, since others may have written there.
 *
 *     clean ── change ──> dirty ── submit ──> flying ── answer ──> clean
 *                           ^                    │ refused, no leader: later, all of them
 *                           └────────────────────┘
 *
 * A service goes with those of its checks that are dirty, in one command: nobody sees it without
 * them. Entries of this node that are not known here are removed, but for the service `consul` and
 * the check `serfHealth`, which are the leader's.
 *
 * consul: agent/ae/ae.go, agent/local/state.go
 */
#include "agent/local_state.h"
#include "agent/own_node.h"
#include "base/log.h"

#define LOG        "agent"
#define FLYING_MAX 64
#define ITEMS_MAX  1024
#define RETRY_MIN  DURATION_MS(250)
#define RETRY_MAX  DURATION_S(3) /* consul: serverUpInterval */

struct local_push {
    struct consensus_submit submit;
    struct local *local;
    struct list link;
    struct buf command;
    uint64_t seq;
    bool is_node; /* carries the node itself */
    size_t item_n, room;
    struct local_item *items[];
};

static void on_retry_timer(struct timer *t, struct instant now);
static void retry(struct local *l);

void local_sync_init(struct local *l)
{
    list_init(&l->dirty);
    list_init(&l->flying);
    l->retry_timer.fire = on_retry_timer;
    l->retry_delay = RETRY_MIN;
    local_full_init(l);
    /* nothing goes out before there is a leader, or for a moment */
    l->is_waiting = l->fetch_again = true;
    timers_set(l->conf.timers, &l->retry_timer, instant_add(l->conf.clock(), RETRY_MIN));
}

void local_sync_fini(struct local *l)
{
    ASSERT(list_is_empty(&l->flying));
    local_full_fini(l);
    timers_cancel(l->conf.timers, &l->retry_timer);
}

/* ---- wishes ---- */

void local_wish_refuse(struct local_wish *w, int status)
{
    w->status = status;
    w->done(w);
}

bool local_wish_may(struct local *l, struct local_wish *w, struct str token, struct str service)
{
    const struct local_remote *r = &l->conf.remote;
    struct str name = service.n ? service : str_z(l->config->node_name);
    int status = r->may ? r->may(r->data, token, service.n > 0, name) : 0;
    if (status == 0)
        return true;
    buf_clear(&w->text);
    buf_put_z(&w->text, error_text(status));
    if (status == ERR_DENIED)
        buf_putf(&w->text, ": Missing %s:write on %.*s", service.n ? "service" : "node",
                 STR_ARG(name));
    local_wish_refuse(w, status);
    return false;
}

void local_wish_start(struct local *l, struct local_wish *w)
{
    w->seq = l->seq;
    w->ticket = l->last_ticket;
    list_push(&l->wishes, &w->link);
    if (l->is_waiting) /* somebody asks: try at once (consul: SyncChanges) */
        retry(l);
    else
        local_pump(l);
    local_wishes_look(l);
}

static uint64_t oldest(const struct local *l)
{
    uint64_t seq = UINT64_MAX;
    struct list *first = list_first(&l->dirty);
    if (first)
        seq = LIST_ITEM(first, struct local_item, link)->seq;
    LIST_FOREACH (&l->flying, link) {
        const struct local_push *p = LIST_ITEM(link, struct local_push, link);
        if (p->seq < seq)
            seq = p->seq;
    }
    return seq;
}

/* Granted: the catalog has it, or cannot be reached just now; and the disk has it. */
void local_wishes_look(struct local *l)
{
    struct list granted;
    struct list *link;
    uint64_t seq = l->is_waiting || l->closing ? UINT64_MAX : oldest(l);
    list_init(&granted);
    LIST_FOREACH (&l->wishes, i) {
        struct local_wish *w = LIST_ITEM(i, struct local_wish, link);
        if ((w->seq < seq && w->ticket <= l->written) || l->closing) {
            list_remove(i);
            list_push(&granted, i);
        }
    }
    while ((link = list_pop(&granted)) != NULL) {
        struct local_wish *w = LIST_ITEM(link, struct local_wish, link);
        w->status = 0;
        w->done(w);
    }
}

void local_written(struct local *l, uint64_t ticket)
{
    l->written = ticket;
    local_wishes_look(l);
}

/* ---- changes ---- */

void local_dirty(struct local *l, struct local_item *item)
{
    if (item->is_dirty)
        return;
    item->is_dirty = true;
    item->seq = ++l->seq;
    list_push(&l->dirty, &item->link);
}

static void take(struct local_push *p, struct local_item *item)
{
    list_remove(&item->link);
    item->is_dirty = false;
    item->is_flying = true;
    if (item->seq < p->seq)
        p->seq = item->seq;
    p->items[p->item_n++] = item;
}

/* The checks that go with a service: dirty, of the same token. */
static bool goes_along(const struct local_service *s, const struct local_check *c)
{
    return !c->is_deleted && c->item.is_dirty && !c->item.is_flying && str_eq(c->token, s->token);
}

static struct local_check *check_of(struct list *in_service)
{
    return LIST_ITEM(in_service, struct local_check, in_service);
}

static void encode_service(struct local *l, struct local_service *s, struct local_push *p,
                           struct catalog_register *r)
{
    if (s->is_deleted) {
        p->is_node = false;
        catalog_encode_deregister(str_z(l->config->node_name), s->row.id, STR_NONE, &p->command);
        return;
    }
    struct health_check *rows = mem_alloc(p->room * sizeof *rows);
    LIST_FOREACH (&s->checks, i) {
        struct local_check *c = check_of(i);
        if (!goes_along(s, c) || p->item_n == p->room)
            continue;
        take(p, &c->item);
        timers_cancel(l->conf.timers, &c->defer);
        rows[r->check_n++] = c->row;
    }
    r->service = &s->row;
    r->checks = rows;
    catalog_encode_register(r, &p->command);
    mem_free(rows);
}

static void encode_check(struct local *l, struct local_check *c, struct local_push *p,
                         struct catalog_register *r)
{
    timers_cancel(l->conf.timers, &c->defer);
    if (c->is_deleted) {
        p->is_node = false;
        catalog_encode_deregister(str_z(l->config->node_name), STR_NONE, c->row.check_id,
                                  &p->command);
        return;
    }
    r->checks = &c->row;
    r->check_n = 1;
    catalog_encode_register(r, &p->command);
}

static void on_pushed(struct consensus_submit *submit);

static struct local_push *push_new(struct local *l, struct local_item *item)
{
    size_t room = 1;
    if (item->is_service) {
        struct local_service *s = LIST_ITEM(item, struct local_service, item);
        LIST_FOREACH (&s->checks, i)
            room += goes_along(s, check_of(i)) && room < ITEMS_MAX;
    }
    struct local_push *p = mem_alloc(sizeof *p + room * sizeof(struct local_item *));
    p->room = room;
    p->local = l;
    p->seq = UINT64_MAX;
    buf_init(&p->command, COMMAND_SIZE_MAX);
    return p;
}

static void push_submit(struct local *l, struct local_push *p, struct str token)
{
    list_push(&l->flying, &p->link);
    l->flying_n++;
    p->submit.command = buf_str(&p->command);
    p->submit.done = on_pushed;
    l->conf.remote.submit(l->conf.remote.data, token, &p->submit);
}

static void push_item(struct local *l, struct local_item *item)
{
    struct local_push *p = push_new(l, item);
    struct arena arena = {0};
    struct catalog_register r = {.skip_node_update = l->node_in_sync};
    own_node_describe(l->config, l->conf.node_id, &arena, &r.node);
    p->is_node = true;
    struct str token = item->is_service ? LIST_ITEM(item, struct local_service, item)->token
                                        : LIST_ITEM(item, struct local_check, item)->token;
    take(p, item);
    if (item->is_service)
        encode_service(l, LIST_ITEM(item, struct local_service, item), p, &r);
    else
        encode_check(l, LIST_ITEM(item, struct local_check, item), p, &r);
    arena_fini(&arena);
    push_submit(l, p, token);
}

/* An agent without a service has an address and meta to tell, too (consul: syncNodeInfo). */
static void push_node(struct local *l)
{
    struct local_push *p = mem_new(struct local_push);
    struct arena arena = {0};
    struct catalog_register r = {0};
    p->local = l;
    p->seq = UINT64_MAX;
    p->is_node = true;
    buf_init(&p->command, COMMAND_SIZE_MAX);
    own_node_describe(l->config, l->conf.node_id, &arena, &r.node);
    catalog_encode_register(&r, &p->command);
    arena_fini(&arena);
    const struct local_remote *remote = &l->conf.remote;
    push_submit(l, p, remote->node_token ? remote->node_token(remote->data) : STR_NONE);
}

/* A deleted check of a deleted service goes with it. */
static bool is_carried(struct local *l, struct local_item *item)
{
    if (item->is_service)
        return false;
    struct local_check *c = LIST_ITEM(item, struct local_check, item);
    struct local_service *s = c->row.service_id.n ? map_get(&l->services, c->row.service_id) : NULL;
    return c->is_deleted && s && s->is_deleted && (s->item.is_dirty || s->item.is_flying);
}

void local_pump(struct local *l)
{
    bool again = true;
    while (again && !l->is_waiting && !l->closing && l->flying_n < FLYING_MAX) {
        again = false;
        LIST_FOREACH (&l->dirty, link) {
            struct local_item *item = LIST_ITEM(link, struct local_item, link);
            if (item->is_flying)
                continue;
            again = true;
            if (is_carried(l, item)) {
                list_remove(&item->link);
                item->is_dirty = false;
                local_item_gone(l, item);
            } else {
                push_item(l, item);
            }
            break; /* the list may be another now */
        }
    }
    bool is_compared = !l->is_fetching && !l->fetch_again;
    if (is_compared && !l->node_in_sync && !l->is_waiting && !l->closing && l->flying_n == 0)
        push_node(l);
}

/* ---- answers ---- */

void local_sync_failed(struct local *l, const char *why)
{
    if (!l->was_refused && !l->closing)
        log_error("agent.anti_entropy", "failed to sync remote state: error=\"%s\"", why);
    l->was_refused = true;
    if (l->is_waiting || l->closing)
        return;
    l->is_waiting = true;
    int64_t ns = l->retry_delay.ns + (int64_t)rng_below(l->conf.rng, (uint64_t)l->retry_delay.ns);
    timers_set(l->conf.timers, &l->retry_timer,
               instant_add(l->conf.clock(), (struct duration){ns}));
    l->retry_delay.ns *= 2;
    if (l->retry_delay.ns > RETRY_MAX.ns)
        l->retry_delay = RETRY_MAX;
}

static void succeeded(struct local *l)
{
    l->was_refused = false;
    l->retry_delay = RETRY_MIN;
}

static void retry(struct local *l)
{
    timers_cancel(l->conf.timers, &l->retry_timer);
    if (l->is_leaving)
        return;
    l->is_waiting = false;
    if (l->fetch_again)
        local_full_start(l);
    local_pump(l);
}

static void on_retry_timer(struct timer *t, struct instant now)
{
    (void)now;
    retry(LIST_ITEM(t, struct local, retry_timer));
}

void local_poke(struct local *l)
{
    l->retry_delay = RETRY_MIN;
    if (l->is_waiting)
        retry(l);
}

void local_leave(struct local *l)
{
    l->is_leaving = l->is_waiting = true;
    timers_cancel(l->conf.timers, &l->retry_timer);
    timers_cancel(l->conf.timers, &l->full_timer);
    local_wishes_look(l);
}

static void item_log(struct local_item *item)
{
    if (item->is_service) {
        const struct local_service *s = LIST_ITEM(item, struct local_service, item);
        log_info(LOG, "%s service: service=%.*s", s->is_deleted ? "Deregistered" : "Synced",
                 STR_ARG(s->row.id));
        return;
    }
    const struct local_check *c = LIST_ITEM(item, struct local_check, item);
    if (c->is_deleted)
        log_info(LOG, "Deregistered check: check=%.*s", STR_ARG(c->row.check_id));
    else
        log_debug(LOG, "Synced check: check=%.*s", STR_ARG(c->row.check_id));
}

static void on_pushed(struct consensus_submit *submit)
{
    struct local_push *p = LIST_ITEM(submit, struct local_push, submit);
    struct local *l = p->local;
    int status = submit->status;
    const char *why = status ? error_text(status) : submit->result->text;
    if (!status)
        status = submit->result->status;
    list_remove(&p->link);
    l->flying_n--;
    bool is_denied = status == ERR_DENIED || status == ERR_NO_TOKEN;
    for (size_t i = 0; i < p->item_n; i++) {
        struct local_item *item = p->items[i];
        item->is_flying = false;
        if (status && !is_denied && !item->is_dirty)
            local_dirty(l, item);
        if (status)
            continue;
        item_log(item);
        local_item_gone(l, item);
    }
    if (is_denied) { /* consul: the next full comparison tries it again */
        log_warn(LOG, "%s blocked by ACLs: error=\"%s\"",
                 p->item_n ? "registration" : "Node info update", error_text(status));
        l->node_in_sync |= p->item_n == 0;
    } else if (status) {
        local_sync_failed(l, status == ERR_NOT_LEADER ? error_text(ERR_NO_LEADER) : why);
    } else {
        if (!l->node_in_sync && p->is_node)
            log_info(LOG, "Synced node info");
        l->node_in_sync |= p->is_node;
        succeeded(l);
    }
    buf_fini(&p->command);
    mem_free(p);
    local_pump(l);
    local_wishes_look(l);
}
